package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listProducts(c *call) (any, error) {
	q := c.query()
	filter := credits.ProductFilter{
		ID:       q.text("id"),
		Statuses: enums[wire.ProductStatus, credits.ProductStatus](q, "status"),
		Created:  q.during("createdAt"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	data, pagination := paged(q, s.credits.Products(c.env, filter, page), productOut)
	return wire.ProductPage{Data: data, Pagination: pagination}, nil
}

func (s *server) createProduct(c *call) (any, error) {
	var in wire.ProductCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return productData(s.credits.CreateProduct(c.ctx, c.env, c.actor(), credits.NewProduct{
		ID: in.ID, DisplayName: in.DisplayName, Description: value(in.Description), Metadata: in.Metadata,
		MultipleSubscriptions: value(in.MultipleSubscriptions),
	}))
}

func (s *server) updateProduct(c *call) (any, error) {
	var in wire.ProductUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.ProductUpdate{
		DisplayName: patch(in.DisplayName), Description: patchOf(in.Description), Metadata: patchOf(in.Metadata),
		MultipleSubscriptions: patch(in.MultipleSubscriptions),
	}
	if in.ProductSettings != nil {
		update.Settings = credits.Set(settingsIn(in.ProductSettings))
	}
	if in.UsageResetCutoffRule != nil {
		update.UsageResetCutoff = credits.Set(string(in.UsageResetCutoffRule.Behavior))
	}
	return productData(s.credits.UpdateProduct(c.ctx, c.env, c.actor(), c.path("id"), update))
}

func (s *server) duplicateProduct(c *call) (any, error) {
	var in wire.ProductDuplicate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return productData(s.credits.DuplicateProduct(c.ctx, c.env, c.actor(), c.path("id"), credits.ProductCopy{
		TargetID: in.TargetID, DisplayName: value(in.DisplayName), Description: value(in.Description),
	}))
}

func (s *server) archiveProduct(c *call) (any, error) {
	return productData(s.credits.ArchiveProduct(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) unarchiveProduct(c *call) (any, error) {
	return productData(s.credits.UnarchiveProduct(c.ctx, c.env, c.actor(), c.path("id")))
}

// productData answers with a product.
func productData(p *credits.Product, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.ProductData{Data: productOut(p)}, nil
}

func productOut(p *credits.Product) wire.Product {
	out := wire.Product{
		ID: p.ID, DisplayName: p.DisplayName, Description: orNull(p.Description), Metadata: p.Metadata,
		MultipleSubscriptions: p.MultipleSubscriptions, Status: wire.ProductStatus(p.Status()),
		CreatedAt: timeOut(p.CreatedAt), UpdatedAt: timeOut(p.UpdatedAt),
	}
	if c := p.Settings; c != nil {
		out.ProductSettings = &wire.ProductSettings{
			SubscriptionCancellationTime: wire.CancellationTime(c.CancellationTime),
			SubscriptionEndSetup:         wire.ProductSettingsSubscriptionEndSetup(c.EndSetup),
			SubscriptionStartSetup:       wire.ProductSettingsSubscriptionStartSetup(c.StartSetup),
			DowngradePlanID:              orNull(c.DowngradePlanID), SubscriptionStartPlanID: orNull(c.StartPlanID),
			ProrateAtEndOfBillingPeriod: c.ProrateAtEndOfBillingPeriod,
		}
	}
	return out
}

func settingsIn(p *wire.ProductSettings) *credits.ProductSettings {
	return &credits.ProductSettings{
		CancellationTime: string(p.SubscriptionCancellationTime), EndSetup: string(p.SubscriptionEndSetup),
		StartSetup: string(p.SubscriptionStartSetup), DowngradePlanID: value(p.DowngradePlanID),
		StartPlanID: value(p.SubscriptionStartPlanID), ProrateAtEndOfBillingPeriod: p.ProrateAtEndOfBillingPeriod,
	}
}
