package credits

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// eventNamesMax bounds the event names whose features a catalogue remembers. Callers choose these names freely.
const eventNamesMax = 4096

// Records is everything that the store keeps of one environment's catalogue, as read in one transaction. Revision counts
// the committed changes. Rows of the audit trail up to LastNo were written before.
type Records struct {
	Revision    int64
	LastNo      int64
	CreditTypes []*CreditType
	Features    []*Feature
	Products    []*Product
	Packages    []*Package
	Versions    []*PackageVersion
}

// records are Records by id. What they point at is never changed.
type records struct {
	revision    int64
	creditTypes map[string]*CreditType
	features    map[string]*Feature
	products    map[string]*Product
	packages    map[PackageRef]*Package
	versions    map[VersionRef]*PackageVersion
}

// Catalog is an immutable snapshot of one environment's catalogue. It is safe for concurrent use.
type Catalog struct {
	*records
	metered    []*Feature // with a meter and not suspended, by id
	migrations map[PackageRef][]migrated
	published  map[PackageRef][]migrated // every published version

	eventsMu sync.RWMutex
	events   map[string][]*Feature
}

// migrated is a version and when it was published.
type migrated struct {
	at      ledger.Time
	version int32
}

// newRecords indexes what was read, and compiles meters and formulas. Stored ones were valid when they were written.
func newRecords(in *Records) (*records, error) {
	r := &records{revision: in.Revision, creditTypes: map[string]*CreditType{}, features: map[string]*Feature{},
		products: map[string]*Product{}, packages: map[PackageRef]*Package{}, versions: map[VersionRef]*PackageVersion{}}
	for _, c := range in.CreditTypes {
		r.creditTypes[c.ID] = c
	}
	for _, f := range in.Features {
		if err := f.compile(); err != nil {
			return nil, fmt.Errorf("stored feature %s: %w", f.ID, err)
		}
		r.features[f.ID] = f
	}
	for _, p := range in.Products {
		r.products[p.ID] = p
	}
	for _, p := range in.Packages {
		r.packages[p.Ref()] = p
	}
	for _, v := range in.Versions {
		if err := v.compile(); err != nil {
			return nil, fmt.Errorf("stored catalogue: %w", err)
		}
		r.versions[v.Ref()] = v
	}
	return r, nil
}

// clone copies the indexes, so that an edit can change them.
func (r *records) clone() *records {
	return &records{revision: r.revision, creditTypes: maps.Clone(r.creditTypes), features: maps.Clone(r.features),
		products: maps.Clone(r.products), packages: maps.Clone(r.packages), versions: maps.Clone(r.versions)}
}

// newCatalog makes the snapshot of records, which must not change any more.
func newCatalog(r *records) *Catalog {
	c := &Catalog{records: r, migrations: map[PackageRef][]migrated{}, published: map[PackageRef][]migrated{}, events: map[string][]*Feature{}}
	for _, f := range r.features {
		if f.Meter != nil && f.Status != FeatureSuspended {
			c.metered = append(c.metered, f)
		}
	}
	slices.SortFunc(c.metered, func(a, b *Feature) int { return strings.Compare(a.ID, b.ID) })
	for ref, v := range r.versions {
		if v.Status != PackagePublished {
			continue
		}
		c.published[ref.PackageRef] = append(c.published[ref.PackageRef], migrated{v.PublishedAt, v.Version})
		if v.AllCustomers {
			c.migrations[ref.PackageRef] = append(c.migrations[ref.PackageRef], migrated{v.PublishedAt, v.Version})
		}
	}
	return c
}

// Revision grows with each committed change of the catalogue.
func (c *Catalog) Revision() int64 { return c.revision }

// CreditType returns a credit type, archived or not.
func (c *Catalog) CreditType(id string) (*CreditType, bool) {
	v, ok := c.creditTypes[id]
	return v, ok
}

// Feature returns a feature, suspended or not.
func (c *Catalog) Feature(id string) (*Feature, bool) {
	v, ok := c.features[id]
	return v, ok
}

// Product returns a product, archived or not.
func (c *Catalog) Product(id string) (*Product, bool) {
	v, ok := c.products[id]
	return v, ok
}

// Package returns a plan or add-on, archived or not.
func (c *Catalog) Package(ref PackageRef) (*Package, bool) {
	v, ok := c.packages[ref]
	return v, ok
}

// PlanVersion returns one version of a plan, drafts included.
func (c *Catalog) PlanVersion(planID string, version int32) (*PlanVersion, bool) {
	v, ok := c.versions[VersionRef{PlanRef(planID), version}]
	return v, ok
}

// AddonVersion returns one version of an add-on, drafts included.
func (c *Catalog) AddonVersion(addonID string, version int32) (*AddonVersion, bool) {
	v, ok := c.versions[VersionRef{AddonRef(addonID), version}]
	return v, ok
}

// FeaturesForEvent lists the features whose meter may match an event of that name, by id. The caller must not change the
// list.
func (c *Catalog) FeaturesForEvent(eventName string) []*Feature {
	c.eventsMu.RLock()
	found, known := c.events[eventName]
	c.eventsMu.RUnlock()
	if known {
		return found
	}
	for _, f := range c.metered {
		if f.Meter.MatchesName(eventName) {
			found = append(found, f)
		}
	}
	c.eventsMu.Lock()
	defer c.eventsMu.Unlock()
	if len(c.events) >= eventNamesMax {
		clear(c.events)
	}
	c.events[strings.Clone(eventName)] = found
	return found
}

// Entitlements lists what a plan version gives, with what it inherits from its parents' published versions. The plan's own
// entitlement replaces an inherited one to the same thing.
func (c *Catalog) Entitlements(v *PackageVersion) []PackageEntitlement {
	return c.entitlementsAt(v, ledger.Never)
}

// entitlementsAt is Entitlements as it was at an instant, which a later version of a parent does not change.
func (c *Catalog) entitlementsAt(v *PackageVersion, at ledger.Time) []PackageEntitlement {
	list := slices.Clone(v.Entitlements)
	for range parentsMax {
		parent, ok := c.packages[PlanRef(v.ParentPlanID)]
		if !ok {
			break
		}
		v = c.versions[c.currentAt(parent, at)]
		for _, inherited := range v.Entitlements {
			own := func(p PackageEntitlement) bool { return p.EntitlementRef == inherited.EntitlementRef }
			if !slices.ContainsFunc(list, own) {
				list = append(list, inherited)
			}
		}
	}
	return list
}

// currentAt is the version of a package that was published last by an instant, or what is current if none was.
func (c *Catalog) currentAt(pkg *Package, at ledger.Time) VersionRef {
	var last migrated
	for _, p := range c.published[pkg.Ref()] {
		if p.at <= at && p.version > last.version {
			last = p
		}
	}
	if last.version == 0 {
		return pkg.current()
	}
	return VersionRef{pkg.Ref(), last.version}
}

// associated lists the active plans and add-ons whose published version or draft refers to a credit type.
func (r *records) associated(creditTypeID string) []AssociatedEntity {
	return r.users(func(v *PackageVersion) bool { return slices.Contains(v.creditTypes(), creditTypeID) })
}

// mapping lists the active plans and add-ons whose published version or draft maps a feature to credits.
func (r *records) mapping(featureID string) []AssociatedEntity {
	return r.users(func(v *PackageVersion) bool { return v.mappings[featureID] != nil })
}

// users lists the packages, by kind and id, that are not archived and have a version in use that matches.
func (r *records) users(match func(*PackageVersion) bool) []AssociatedEntity {
	found := []AssociatedEntity{}
	for _, pkg := range r.packages {
		if pkg.ArchivedAt != 0 {
			continue
		}
		current, draft := r.versions[pkg.current()], r.versions[pkg.editable()]
		if match(current) || match(draft) {
			kind := map[PackageKind]string{KindPlan: "Plan", KindAddon: "Addon"}[pkg.Kind]
			found = append(found, AssociatedEntity{ID: pkg.ID, DisplayName: current.DisplayName, Type: kind})
		}
	}
	slices.SortFunc(found, func(a, b AssociatedEntity) int {
		return cmp.Or(strings.Compare(b.Type, a.Type), strings.Compare(a.ID, b.ID))
	})
	return found
}

// knownFeature checks an optional reference to a feature.
func (r *records) knownFeature(field, id string) error {
	if _, ok := r.features[id]; id != "" && !ok {
		return invalidf(field, "feature %q does not exist", clip(id))
	}
	return nil
}

// openCreditType checks an optional reference to a credit type, which must not be archived.
func (r *records) openCreditType(field, id string) error {
	c, ok := r.creditTypes[id]
	switch {
	case id == "":
		return nil
	case !ok:
		return invalidf(field, "custom currency %q does not exist", clip(id))
	case c.Archived():
		return Unprocessable("CreditTypeArchived", field, fmt.Sprintf("custom currency %q is archived", id))
	}
	return nil
}

func requiredFeature(r *records, field, id string) error {
	if id == "" {
		return Invalid(field, "is required")
	}
	return r.knownFeature(field, id)
}

func requiredCreditType(r *records, field, id string) error {
	if id == "" {
		return Invalid(field, "is required")
	}
	return r.openCreditType(field, id)
}
