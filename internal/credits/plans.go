package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// NewPackage is the body of CreatePackage. ParentPlanID and DefaultTrial are for plans, MaxQuantity is for add-ons.
type NewPackage struct {
	Ref          PackageRef
	ProductID    string
	DisplayName  string
	Description  string
	BillingID    string
	Metadata     map[string]string
	PricingType  PricingType
	ParentPlanID string
	DefaultTrial *TrialConfig
	MaxQuantity  *int32
	Publish      bool // the wire's status PUBLISHED
}

// PackageUpdate changes the members that were sent. Pricing, ParentPlanID, Dependencies and MaxQuantity need a draft; the
// others go to the draft, or to the published version when no draft is open.
type PackageUpdate struct {
	DisplayName        Patch[string]
	Description        Patch[string]
	BillingID          Patch[string]
	Metadata           Patch[map[string]string]
	CompatibleAddonIDs Patch[[]string]
	DefaultTrial       Patch[*TrialConfig]
	Pricing            Patch[Pricing]
	ParentPlanID       Patch[string]
	Dependencies       Patch[[]string]
	MaxQuantity        Patch[*int32]
}

func (in *PackageUpdate) needsDraft() bool {
	return in.Pricing.Sent || in.ParentPlanID.Sent || in.Dependencies.Sent || in.MaxQuantity.Sent
}

// PackageFilter selects plans or add-ons; empty members select all.
type PackageFilter struct {
	Kind      PackageKind
	ProductID string
	Statuses  []PackageStatus
	Created   TimeRange
}

// Migration says whom a new version applies to.
type Migration string

// The migrations. With MigrateAll every subscription moves at the instant of publishing (W15).
const (
	MigrateNew Migration = "NEW_CUSTOMERS"
	MigrateAll Migration = "ALL_CUSTOMERS"
)

// CreatePackage adds a plan or add-on with version 1 as a draft, or published when asked to.
func (s *Service) CreatePackage(ctx context.Context, env string, actor ledger.Actor, in NewPackage) (PackageView, error) {
	pkg := &Package{Kind: in.Ref.Kind, ID: in.Ref.ID, ProductID: in.ProductID, Draft: 1}
	v := &PackageVersion{Kind: in.Ref.Kind, PackageID: in.Ref.ID, Version: 1, Status: PackageDraft,
		DisplayName: in.DisplayName, Description: in.Description, BillingID: in.BillingID, Metadata: in.Metadata,
		Pricing: Pricing{Type: in.PricingType}, ParentPlanID: in.ParentPlanID, DefaultTrial: in.DefaultTrial, MaxQuantity: in.MaxQuantity}
	if err := validID("id", in.Ref.ID); err != nil {
		return PackageView{}, err
	}
	err := s.editCatalog(ctx, env, packageAudit(actor, in.Ref, "created"), func(e *catalogEdit) error {
		if _, taken := e.packages[in.Ref]; taken {
			return duplicate(in.Ref.Kind.noun(), in.Ref.ID)
		}
		if err := e.openProduct("productId", in.ProductID); err != nil {
			return err
		}
		if err := v.check(e.records); err != nil {
			return err
		}
		pkg.CreatedAt, v.CreatedAt = e.now, e.now
		if in.Publish {
			v.publish(pkg, e.now, MigrateNew)
		}
		return e.putBoth(pkg, v)
	})
	return viewOr(pkg, v, err)
}

// Package returns a plan or add-on with its latest published version, or with its draft if none was published.
func (s *Service) Package(env string, ref PackageRef) (PackageView, error) {
	cat := s.Catalog(env)
	pkg, ok := cat.packages[ref]
	if !ok {
		return PackageView{}, ref.notFound()
	}
	return PackageView{pkg, cat.versions[pkg.current()]}, nil
}

// PackageDraft returns a plan or add-on with its open draft, or with its published version if no draft is open.
func (s *Service) PackageDraft(env string, ref PackageRef) (PackageView, error) {
	cat := s.Catalog(env)
	pkg, ok := cat.packages[ref]
	if !ok {
		return PackageView{}, ref.notFound()
	}
	return PackageView{pkg, cat.versions[pkg.editable()]}, nil
}

// Packages lists plans or add-ons, the newest first, each as Package returns it.
func (s *Service) Packages(env string, filter PackageFilter, page Page) List[PackageView] {
	cat := s.Catalog(env)
	var found []PackageView
	for _, pkg := range cat.packages {
		view := PackageView{pkg, cat.versions[pkg.current()]}
		if pkg.Kind == filter.Kind && (filter.ProductID == "" || filter.ProductID == pkg.ProductID) &&
			selects(filter.Statuses, view.Status()) && filter.Created.Contains(pkg.CreatedAt) {
			found = append(found, view)
		}
	}
	return pageOf(newestFirst(found), page)
}

// UpdatePackage changes a plan or add-on. It fails with DraftRequired for a change that a published version cannot take.
func (s *Service) UpdatePackage(ctx context.Context, env string, actor ledger.Actor, ref PackageRef, in PackageUpdate) (PackageView, error) {
	return s.changePackage(ctx, env, packageAudit(actor, ref, "updated"), ref, func(e *catalogEdit, pkg *Package, v *PackageVersion) error {
		if in.needsDraft() && pkg.Draft == 0 {
			return draftRequired(ref)
		}
		in.apply(v, s.newID)
		if err := v.checkTexts(e.records); err != nil {
			return err
		}
		if pkg.Draft > 0 {
			if err := v.checkPricing(e.records); err != nil {
				return err
			}
		}
		return e.putBoth(pkg, v)
	})
}

func (in *PackageUpdate) apply(v *PackageVersion, newID func() string) {
	in.DisplayName.apply(&v.DisplayName)
	in.Description.apply(&v.Description)
	in.BillingID.apply(&v.BillingID)
	in.Metadata.apply(&v.Metadata)
	in.CompatibleAddonIDs.apply(&v.CompatibleAddonIDs)
	in.DefaultTrial.apply(&v.DefaultTrial)
	in.ParentPlanID.apply(&v.ParentPlanID)
	in.Dependencies.apply(&v.Dependencies)
	in.MaxQuantity.apply(&v.MaxQuantity)
	if in.Pricing.Sent {
		v.Pricing = in.Pricing.To.named(&v.Pricing, newID)
	}
}

// DraftPackage opens a draft that starts as a copy of the published version. An open draft is returned as it is.
func (s *Service) DraftPackage(ctx context.Context, env string, actor ledger.Actor, ref PackageRef) (PackageView, error) {
	return s.changePackage(ctx, env, packageAudit(actor, ref, "drafted"), ref, func(e *catalogEdit, pkg *Package, v *PackageVersion) error {
		if err := pkg.checkOpen(); err != nil || pkg.Draft > 0 {
			return err
		}
		v.Version++
		v.Status, v.CreatedAt, v.PublishedAt, v.AllCustomers = PackageDraft, e.now, 0, false
		pkg.Draft = v.Version
		return e.putBoth(pkg, v)
	})
}

// DiscardDraft throws the open draft away. A plan or add-on that was never published disappears with it.
func (s *Service) DiscardDraft(ctx context.Context, env string, actor ledger.Actor, ref PackageRef) error {
	_, err := s.changePackage(ctx, env, packageAudit(actor, ref, "draftDiscarded"), ref, func(e *catalogEdit, pkg *Package, v *PackageVersion) error {
		if pkg.Draft == 0 {
			return NotFound("DraftNotFound", fmt.Sprintf("%s %q has no draft", ref.Kind.noun(), ref.ID))
		}
		if pkg.Published == 0 {
			return e.deletePackage(pkg, v)
		}
		if err := e.deleteVersion(v); err != nil {
			return err
		}
		pkg.Draft = 0
		return e.putPackage(pkg)
	})
	return err
}

// PublishPackage makes the draft the version that new subscriptions get, and with MigrateAll that existing ones use for
// events from this instant on. Everything the draft refers to is checked again.
func (s *Service) PublishPackage(ctx context.Context, env string, actor ledger.Actor, ref PackageRef, migration Migration) (PackageView, error) {
	if err := oneOf("migrationType", string(migration), string(MigrateNew), string(MigrateAll)); err != nil {
		return PackageView{}, err
	}
	return s.changePackage(ctx, env, packageAudit(actor, ref, "published"), ref, func(e *catalogEdit, pkg *Package, v *PackageVersion) error {
		if err := pkg.checkOpen(); err != nil {
			return err
		}
		if pkg.Draft == 0 {
			return draftRequired(ref)
		}
		if err := v.check(e.records); err != nil {
			return err
		}
		v.publish(pkg, e.now, migration)
		if migration == MigrateAll { // a boundary of each: for a plan of those that have it, for an add-on perhaps of any
			plan := ref.ID
			if ref.Kind == KindAddon {
				plan = ""
			}
			if err := e.tx.BringForward(e.ctx, e.env, plan, e.now); err != nil {
				return err
			}
		}
		return e.putBoth(pkg, v)
	})
}

func (v *PackageVersion) publish(pkg *Package, now ledger.Time, migration Migration) {
	v.Status, v.PublishedAt, v.AllCustomers = PackagePublished, now, migration == MigrateAll
	pkg.Published, pkg.Draft = v.Version, 0
}

// ArchivePackage takes a plan or add-on out of the offer. Live subscriptions keep it.
func (s *Service) ArchivePackage(ctx context.Context, env string, actor ledger.Actor, ref PackageRef) (PackageView, error) {
	return s.changePackage(ctx, env, packageAudit(actor, ref, "archived"), ref, func(e *catalogEdit, pkg *Package, _ *PackageVersion) error {
		if pkg.ArchivedAt == 0 {
			pkg.ArchivedAt = e.now
		}
		return e.putPackage(pkg)
	})
}

func (p *Package) checkOpen() error {
	if p.ArchivedAt != 0 {
		return Conflict("PackageArchived", fmt.Sprintf("%s %q is archived", p.Kind.noun(), p.ID))
	}
	return nil
}

func draftRequired(ref PackageRef) error {
	return Conflict("DraftRequired", fmt.Sprintf("%s %q has no draft; open one with POST …/draft, change it and publish it", ref.Kind.noun(), ref.ID))
}

// changePackage runs a change on copies of a package and of its editable version.
func (s *Service) changePackage(ctx context.Context, env string, audit Audit, ref PackageRef, change func(*catalogEdit, *Package, *PackageVersion) error) (PackageView, error) {
	var pkg Package
	var v PackageVersion
	err := s.editCatalog(ctx, env, audit, func(e *catalogEdit) error {
		found, ok := e.packages[ref]
		if !ok {
			return ref.notFound()
		}
		pkg, v = *found, *e.versions[found.editable()]
		v.Entitlements = slices.Clone(v.Entitlements)
		return change(e, &pkg, &v)
	})
	return viewOr(&pkg, &v, err)
}

func viewOr(pkg *Package, v *PackageVersion, err error) (PackageView, error) {
	if err != nil {
		return PackageView{}, err
	}
	return PackageView{pkg, v}, nil
}

func packageAudit(actor ledger.Actor, ref PackageRef, action string) Audit {
	prefix := map[PackageKind]string{KindPlan: "plan.", KindAddon: "addon."}[ref.Kind]
	return Audit{Actor: actor, Action: prefix + action, Object: ref.ID}
}
