package credits

import (
	"maps"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// PackageKind tells plans from add-ons. They have their own ids: a plan and an add-on may be called the same.
type PackageKind string

// The kinds of package.
const (
	KindPlan  PackageKind = "PLAN"
	KindAddon PackageKind = "ADDON"
)

func (k PackageKind) noun() string {
	if k == KindAddon {
		return "add-on"
	}
	return "plan"
}

// PackageRef names a plan or an add-on.
type PackageRef struct {
	Kind PackageKind
	ID   string
}

// PlanRef names a plan.
func PlanRef(id string) PackageRef { return PackageRef{Kind: KindPlan, ID: id} }

// AddonRef names an add-on.
func AddonRef(id string) PackageRef { return PackageRef{Kind: KindAddon, ID: id} }

func (r PackageRef) notFound() error {
	if r.Kind == KindAddon {
		return missing("AddonNotFound", "add-on", r.ID)
	}
	return missing("PlanNotFound", "plan", r.ID)
}

// VersionRef names one version of a plan or add-on.
type VersionRef struct {
	PackageRef
	Version int32
}

// PackageStatus is the wire's status of a plan or add-on.
type PackageStatus string

// The package statuses.
const (
	PackageDraft     PackageStatus = "DRAFT"
	PackagePublished PackageStatus = "PUBLISHED"
	PackageArchived  PackageStatus = "ARCHIVED"
)

// PricingType says whether a package costs money. Empty means not decided.
type PricingType string

// The pricing types.
const (
	PricingFree   PricingType = "FREE"
	PricingPaid   PricingType = "PAID"
	PricingCustom PricingType = "CUSTOM"
)

// Package is a plan or add-on through all its versions.
type Package struct {
	No                  int64
	Kind                PackageKind
	ID                  string
	ProductID           string
	Published           int32 // latest published version, 0 before the first
	Draft               int32 // version open for changes, 0 when there is none
	CreatedAt           ledger.Time
	UpdatedAt           ledger.Time
	ArchivedAt          ledger.Time
	ArchivedWithProduct bool // comes back when its product does
}

// Ref is the name of the package.
func (p *Package) Ref() PackageRef { return PackageRef{Kind: p.Kind, ID: p.ID} }

// RowNumber orders packages by creation.
func (p *Package) RowNumber() int64 { return p.No }

// current is the version that a reader means who names none: the latest published, else the draft.
func (p *Package) current() VersionRef {
	if p.Published > 0 {
		return VersionRef{p.Ref(), p.Published}
	}
	return VersionRef{p.Ref(), p.Draft}
}

// editable is the version that an update writes: the draft, else the latest published.
func (p *Package) editable() VersionRef {
	if p.Draft > 0 {
		return VersionRef{p.Ref(), p.Draft}
	}
	return p.current()
}

// PackageVersion is one version of a plan or add-on. What it charges and grants never changes after it was published.
type PackageVersion struct {
	Kind        PackageKind
	PackageID   string
	Version     int32
	Status      PackageStatus // DRAFT or PUBLISHED
	CreatedAt   ledger.Time
	UpdatedAt   ledger.Time
	PublishedAt ledger.Time // 0 for a draft
	// AllCustomers is set when publishing moved existing subscriptions to this version at PublishedAt.
	AllCustomers bool

	DisplayName string
	Description string
	BillingID   string
	Metadata    map[string]string
	Pricing     Pricing

	ParentPlanID       string       // plans: inherits entitlements from
	CompatibleAddonIDs []string     // plans: nil means every add-on of the product
	DefaultTrial       *TrialConfig // plans
	MaxQuantity        *int32       // add-ons: nil means no bound
	Dependencies       []string     // add-ons that must accompany this one

	Entitlements []PackageEntitlement

	mappings map[string]*Mapping // by feature; compiled once, never changed
}

// PlanVersion and AddonVersion are versions of the two kinds of package.
type (
	PlanVersion  = PackageVersion
	AddonVersion = PackageVersion
)

// TrialConfig is kept as given; trials are started by the subscription lifecycle.
type TrialConfig struct {
	Duration    amount.Amount
	Units       string // DAY or MONTH
	Budget      *Budget
	EndBehavior string // CONVERT_TO_PAID, CANCEL_SUBSCRIPTION or empty
}

// Budget is a spending limit, kept as given.
type Budget struct {
	Limit        amount.Amount
	HasSoftLimit bool
}

// Ref is the name of the version.
func (v *PackageVersion) Ref() VersionRef {
	return VersionRef{PackageRef{v.Kind, v.PackageID}, v.Version}
}

// Mapping returns how the version burns credits for a feature.
func (v *PackageVersion) Mapping(featureID string) (*Mapping, bool) {
	m, ok := v.mappings[featureID]
	return m, ok
}

// renamePackages rewrites the references to other packages, for a copy of a whole product.
func (v *PackageVersion) renamePackages(rename func(PackageRef) string) {
	if v.ParentPlanID != "" {
		v.ParentPlanID = rename(PlanRef(v.ParentPlanID))
	}
	renameAddons := func(ids []string) []string {
		if ids == nil {
			return nil
		}
		renamed := make([]string, len(ids))
		for i, id := range ids {
			renamed[i] = rename(AddonRef(id))
		}
		return renamed
	}
	v.CompatibleAddonIDs = renameAddons(v.CompatibleAddonIDs)
	v.Dependencies = renameAddons(v.Dependencies)
}

// creditTypes lists every credit type the version refers to, each once.
func (v *PackageVersion) creditTypes() []string {
	used := map[string]bool{}
	for i := range v.Pricing.Models {
		m := &v.Pricing.Models[i]
		used[m.TopUpCreditTypeID] = true
		for j := range m.Periods {
			if rate := m.Periods[j].CreditRate; rate != nil {
				used[rate.CreditTypeID] = true
			}
		}
	}
	for i := range v.Pricing.Overage {
		o := &v.Pricing.Overage[i]
		used[o.CreditTypeID] = true
		if o.CreditEntitlement != nil {
			used[o.CreditEntitlement.CreditTypeID] = true
		}
	}
	for i := range v.Entitlements {
		if v.Entitlements[i].Type == EntitlementCredit {
			used[v.Entitlements[i].ID] = true
		}
	}
	delete(used, "")
	return slices.Sorted(maps.Keys(used))
}

// PackageView is a plan or add-on as a reader sees it: the package and one of its versions.
type PackageView struct {
	*Package
	Version *PackageVersion
}

// Status is ARCHIVED for an archived package, else the status of the version.
func (v PackageView) Status() PackageStatus {
	if v.ArchivedAt != 0 {
		return PackageArchived
	}
	return v.Version.Status
}

// IsLatest tells whether the version is the latest published one.
func (v PackageView) IsLatest() bool { return v.Version.Version == v.Published }
