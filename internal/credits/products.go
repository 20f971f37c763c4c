package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// ProductStatus is whether a product is offered.
type ProductStatus string

// The product statuses.
const (
	ProductPublished ProductStatus = "PUBLISHED"
	ProductArchived  ProductStatus = "ARCHIVED"
)

// Product groups plans and add-ons. A customer holds one live subscription per product and resource, unless
// MultipleSubscriptions is set.
type Product struct {
	No                    int64
	ID                    string
	DisplayName           string
	Description           string
	Metadata              map[string]string
	MultipleSubscriptions bool
	Settings              *ProductSettings
	UsageResetCutoff      string // NEVER_RESET, ALWAYS_RESET, BILLING_PERIOD_CHANGE or empty
	CreatedAt             ledger.Time
	UpdatedAt             ledger.Time
	ArchivedAt            ledger.Time
}

// ProductSettings are kept as given.
type ProductSettings struct {
	CancellationTime            string // END_OF_BILLING_PERIOD, IMMEDIATE or SPECIFIC_DATE
	EndSetup                    string // DOWNGRADE_TO_FREE or CANCEL_SUBSCRIPTION
	StartSetup                  string // PLAN_SELECTION, TRIAL_PERIOD or FREE_PLAN
	DowngradePlanID             string
	StartPlanID                 string
	ProrateAtEndOfBillingPeriod *bool
}

// RowNumber orders products by creation.
func (p *Product) RowNumber() int64 { return p.No }

// Status tells whether the product is archived.
func (p *Product) Status() ProductStatus {
	if p.ArchivedAt != 0 {
		return ProductArchived
	}
	return ProductPublished
}

// NewProduct is the body of CreateProduct.
type NewProduct struct {
	ID                    string
	DisplayName           string
	Description           string
	Metadata              map[string]string
	MultipleSubscriptions bool
}

// ProductUpdate changes the members that were sent.
type ProductUpdate struct {
	DisplayName           Patch[string]
	Description           Patch[string]
	Metadata              Patch[map[string]string]
	MultipleSubscriptions Patch[bool]
	Settings              Patch[*ProductSettings]
	UsageResetCutoff      Patch[string]
}

// ProductFilter selects products; empty members select all.
type ProductFilter struct {
	ID       string
	Statuses []ProductStatus
	Created  TimeRange
}

func (p *Product) check() error {
	var settings error
	if c := p.Settings; c != nil {
		settings = firstError(
			oneOf("productSettings.subscriptionCancellationTime", c.CancellationTime, "", "END_OF_BILLING_PERIOD", "IMMEDIATE", "SPECIFIC_DATE"),
			oneOf("productSettings.subscriptionEndSetup", c.EndSetup, "", "DOWNGRADE_TO_FREE", "CANCEL_SUBSCRIPTION"),
			oneOf("productSettings.subscriptionStartSetup", c.StartSetup, "", "PLAN_SELECTION", "TRIAL_PERIOD", "FREE_PLAN"),
		)
	}
	return firstError(
		validID("id", p.ID),
		validName("displayName", p.DisplayName, nameLengthMax),
		validText("description", p.Description, descriptionLengthMax),
		validMetadata("metadata", p.Metadata),
		oneOf("usageResetCutoffRule.behavior", p.UsageResetCutoff, "", "NEVER_RESET", "ALWAYS_RESET", "BILLING_PERIOD_CHANGE"),
		settings,
	)
}

// CreateProduct adds a product.
func (s *Service) CreateProduct(ctx context.Context, env string, actor ledger.Actor, in NewProduct) (*Product, error) {
	p := &Product{ID: in.ID, DisplayName: in.DisplayName, Description: in.Description, Metadata: in.Metadata,
		MultipleSubscriptions: in.MultipleSubscriptions}
	if err := p.check(); err != nil {
		return nil, err
	}
	err := s.editCatalog(ctx, env, Audit{Actor: actor, Action: "product.created", Object: in.ID}, func(e *catalogEdit) error {
		if _, taken := e.products[p.ID]; taken {
			return duplicate("product", p.ID)
		}
		p.CreatedAt = e.now
		return e.putProduct(p)
	})
	return orNil(p, err)
}

// Product returns one product.
func (s *Service) Product(env, id string) (*Product, error) {
	if p, ok := s.Catalog(env).Product(id); ok {
		return p, nil
	}
	return nil, missing("ProductNotFound", "product", id)
}

// Products lists products, the newest first.
func (s *Service) Products(env string, filter ProductFilter, page Page) List[*Product] {
	var found []*Product
	for _, p := range s.Catalog(env).products {
		if (filter.ID == "" || filter.ID == p.ID) && selects(filter.Statuses, p.Status()) && filter.Created.Contains(p.CreatedAt) {
			found = append(found, p)
		}
	}
	return pageOf(newestFirst(found), page)
}

// UpdateProduct changes a product.
func (s *Service) UpdateProduct(ctx context.Context, env string, actor ledger.Actor, id string, in ProductUpdate) (*Product, error) {
	return s.changeProduct(ctx, env, Audit{Actor: actor, Action: "product.updated", Object: id}, func(_ *catalogEdit, p *Product) error {
		in.DisplayName.apply(&p.DisplayName)
		in.Description.apply(&p.Description)
		in.Metadata.apply(&p.Metadata)
		in.MultipleSubscriptions.apply(&p.MultipleSubscriptions)
		in.Settings.apply(&p.Settings)
		in.UsageResetCutoff.apply(&p.UsageResetCutoff)
		return p.check()
	})
}

// ArchiveProduct takes a product with all its plans and add-ons out of the offer. Live subscriptions go on.
func (s *Service) ArchiveProduct(ctx context.Context, env string, actor ledger.Actor, id string) (*Product, error) {
	return s.changeProduct(ctx, env, Audit{Actor: actor, Action: "product.archived", Object: id}, func(e *catalogEdit, p *Product) error {
		if p.ArchivedAt != 0 {
			return nil
		}
		p.ArchivedAt = e.now
		return e.eachPackage(id, func(pkg *Package) error {
			if pkg.ArchivedAt != 0 {
				return nil
			}
			pkg.ArchivedAt, pkg.ArchivedWithProduct = e.now, true
			return e.putPackage(pkg)
		})
	})
}

// UnarchiveProduct brings a product back, with the plans and add-ons that were archived together with it.
func (s *Service) UnarchiveProduct(ctx context.Context, env string, actor ledger.Actor, id string) (*Product, error) {
	return s.changeProduct(ctx, env, Audit{Actor: actor, Action: "product.unarchived", Object: id}, func(e *catalogEdit, p *Product) error {
		p.ArchivedAt = 0
		return e.eachPackage(id, func(pkg *Package) error {
			if !pkg.ArchivedWithProduct {
				return nil
			}
			pkg.ArchivedAt, pkg.ArchivedWithProduct = 0, false
			return e.putPackage(pkg)
		})
	})
}

// ProductCopy is the body of DuplicateProduct. Empty texts are taken from the original.
type ProductCopy struct {
	TargetID    string
	DisplayName string
	Description string
}

// DuplicateProduct copies a product with the latest version of each plan and add-on that is not archived. A copied plan
// is called like the original with the new product's id and a hyphen in front, and starts at version 1.
func (s *Service) DuplicateProduct(ctx context.Context, env string, actor ledger.Actor, id string, in ProductCopy) (*Product, error) {
	var copied Product
	err := s.editCatalog(ctx, env, Audit{Actor: actor, Action: "product.duplicated", Object: in.TargetID}, func(e *catalogEdit) error {
		original, ok := e.products[id]
		if !ok {
			return missing("ProductNotFound", "product", id)
		}
		if _, taken := e.products[in.TargetID]; taken {
			return duplicateAt("targetId", "product", in.TargetID)
		}
		copied = *original
		copied.No, copied.ID, copied.CreatedAt, copied.ArchivedAt = 0, in.TargetID, e.now, 0
		if in.DisplayName != "" {
			copied.DisplayName = in.DisplayName
		}
		if in.Description != "" {
			copied.Description = in.Description
		}
		if err := copied.check(); err != nil {
			return err
		}
		if err := e.putProduct(&copied); err != nil {
			return err
		}
		return e.copyPackages(id, in.TargetID)
	})
	return orNil(&copied, err)
}

// copyPackages copies the packages of one product to another. References between them follow.
func (e *catalogEdit) copyPackages(from, to string) error {
	rename := func(id string) string { return to + "-" + id }
	return e.eachPackage(from, func(pkg *Package) error {
		if pkg.ArchivedAt != 0 {
			return nil
		}
		source := e.versions[pkg.current()]
		copied := Package{Kind: pkg.Kind, ID: rename(pkg.ID), ProductID: to, CreatedAt: e.now}
		if _, taken := e.packages[copied.Ref()]; taken {
			return duplicateAt("targetId", pkg.Kind.noun(), copied.ID)
		}
		if err := validID("targetId", copied.ID); err != nil {
			return err
		}
		version := *source
		version.PackageID, version.Version, version.CreatedAt = copied.ID, 1, e.now
		version.renamePackages(func(ref PackageRef) string {
			if p, ok := e.packages[ref]; ok && p.ProductID == from {
				return rename(ref.ID)
			}
			return ref.ID
		})
		if copied.Draft = 1; version.Status == PackagePublished {
			copied.Draft, copied.Published = 0, 1
			version.PublishedAt, version.AllCustomers = e.now, false
		}
		if err := e.putPackage(&copied); err != nil {
			return err
		}
		return e.putVersion(&version)
	})
}

func (s *Service) changeProduct(ctx context.Context, env string, audit Audit, change func(*catalogEdit, *Product) error) (*Product, error) {
	var changed Product
	err := s.editCatalog(ctx, env, audit, func(e *catalogEdit) error {
		p, ok := e.products[audit.Object]
		if !ok {
			return missing("ProductNotFound", "product", audit.Object)
		}
		changed = *p
		if err := change(e, &changed); err != nil {
			return err
		}
		return e.putProduct(&changed)
	})
	return orNil(&changed, err)
}
