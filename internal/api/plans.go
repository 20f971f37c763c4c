package api

import (
	"strconv"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listPlans(c *call) (any, error) {
	list, q, err := s.listPackages(c, credits.KindPlan)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, planOut)
	return wire.PlanPage{Data: data, Pagination: pagination}, nil
}

// listPackages reads a page of plans or add-ons.
func (s *server) listPackages(c *call, kind credits.PackageKind) (credits.List[credits.PackageView], *query, error) {
	q := c.query()
	filter := credits.PackageFilter{
		Kind:      kind,
		ProductID: q.text("productId"),
		Statuses:  enums[wire.PackageStatus, credits.PackageStatus](q, "status"),
		Created:   q.during("createdAt"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return credits.List[credits.PackageView]{}, nil, err
	}
	return s.credits.Packages(c.env, filter, page), q, nil
}

func (s *server) createPlan(c *call) (any, error) {
	var in wire.PlanCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	publish, err := publishIn(in.Status)
	if err != nil {
		return nil, err
	}
	return planData(s.credits.CreatePackage(c.ctx, c.env, c.actor(), credits.NewPackage{
		Ref: credits.PlanRef(in.ID), ProductID: in.ProductID, DisplayName: in.DisplayName, Description: value(in.Description),
		BillingID: value(in.BillingID), Metadata: in.Metadata, PricingType: enumIn[credits.PricingType](in.PricingType),
		ParentPlanID: value(in.ParentPlanID), DefaultTrial: trialIn(in.DefaultTrialConfig), Publish: publish,
	}))
}

// publishIn reads the status that a new package should have.
func publishIn(status *wire.PackageStatus) (publish bool, err error) {
	switch value(status) {
	case "", wire.PackageStatusDRAFT:
		return false, nil
	case wire.PackageStatusPUBLISHED:
		return true, nil
	}
	return false, credits.Invalid("status", "a new plan or add-on can be DRAFT or PUBLISHED")
}

func (s *server) getPlan(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return planData(s.credits.Package(c.env, credits.PlanRef(c.path("id"))))
}

func (s *server) updatePlan(c *call) (any, error) {
	var in wire.PlanUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.PackageUpdate{
		DisplayName: patch(in.DisplayName), Description: patchOf(in.Description), BillingID: patchOf(in.BillingID),
		Metadata: patchMetadata(in.Metadata), CompatibleAddonIDs: patchOf(in.CompatibleAddonIds),
		DefaultTrial: patchVia(in.DefaultTrialConfig, trialIn), ParentPlanID: patchOf(in.ParentPlanID),
	}
	if err := chargesIn(in.Charges, &update); err != nil {
		return nil, err
	}
	return planData(s.credits.UpdatePackage(c.ctx, c.env, c.actor(), credits.PlanRef(c.path("id")), update))
}

func (s *server) archivePlan(c *call) (any, error) {
	return planData(s.credits.ArchivePackage(c.ctx, c.env, c.actor(), credits.PlanRef(c.path("id"))))
}

func (s *server) createPlanDraft(c *call) (any, error) {
	return planData(s.credits.DraftPackage(c.ctx, c.env, c.actor(), credits.PlanRef(c.path("id"))))
}

func (s *server) deletePlanDraft(c *call) (any, error) {
	return s.discardDraft(c, credits.PlanRef(c.path("id")))
}

func (s *server) discardDraft(c *call, ref credits.PackageRef) (any, error) {
	if err := s.credits.DiscardDraft(c.ctx, c.env, c.actor(), ref); err != nil {
		return nil, err
	}
	return wire.DeletedDraftData{Data: wire.DeletedDraft{ID: ref.ID}}, nil
}

func (s *server) publishPlan(c *call) (any, error) {
	return s.publish(c, credits.PlanRef(c.path("id")))
}

// publish answers without a task: the new version is in force when the answer leaves.
func (s *server) publish(c *call, ref credits.PackageRef) (any, error) {
	var in wire.PackagePublish
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if _, err := s.credits.PublishPackage(c.ctx, c.env, c.actor(), ref, credits.Migration(in.MigrationType)); err != nil {
		return nil, err
	}
	return wire.PublishResultData{}, nil
}

// planData answers with a plan.
func planData(v credits.PackageView, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.PlanData{Data: planOut(v)}, nil
}

func planOut(v credits.PackageView) wire.Plan {
	latest := v.IsLatest()
	return wire.Plan{
		ID: v.ID, ProductID: v.ProductID, DisplayName: v.Version.DisplayName, Description: orNull(v.Version.Description),
		BillingID: orNull(v.Version.BillingID), Metadata: v.Version.Metadata, CompatibleAddonIds: v.Version.CompatibleAddonIDs,
		ParentPlanID: orNull(v.Version.ParentPlanID), DefaultTrialConfig: trialOut(v.Version.DefaultTrial),
		PricingType: enumOrNull[wire.PricingType](v.Version.Pricing.Type), Status: wire.PackageStatus(v.Status()),
		Entitlements: listOut(v.Version.Entitlements, entitlementRefOut), IsLatest: &latest, VersionNumber: int(v.Version.Version),
		CreatedAt: timeOut(v.CreatedAt), UpdatedAt: timeOut(max(v.UpdatedAt, v.Version.UpdatedAt)),
	}
}

func entitlementRefOut(e credits.PackageEntitlement) wire.EntitlementRef {
	return wire.EntitlementRef{ID: e.ID, Type: wire.EntitlementType(e.Type)}
}

func trialIn(t *wire.TrialConfigInput) *credits.TrialConfig {
	if t == nil {
		return nil
	}
	return &credits.TrialConfig{
		Duration: amount.FromInt(int64(t.Duration)), Units: string(t.Units), Budget: budgetIn(t.Budget),
		EndBehavior: string(value(t.TrialEndBehavior)),
	}
}

func trialOut(t *credits.TrialConfig) *wire.TrialConfig {
	if t == nil {
		return nil
	}
	duration, _ := strconv.Atoi(t.Duration.String()) // it came in as a whole number
	return &wire.TrialConfig{
		Duration: duration, Units: wire.TrialUnits(t.Units), Budget: budgetOut(t.Budget),
		TrialEndBehavior: enumOrNull[wire.TrialEndBehavior](t.EndBehavior),
	}
}

func budgetIn(b *wire.BudgetInput) *credits.Budget {
	if b == nil {
		return nil
	}
	return &credits.Budget{Limit: b.Limit, HasSoftLimit: b.HasSoftLimit}
}

func budgetOut(b *credits.Budget) *wire.Budget {
	if b == nil {
		return nil
	}
	return &wire.Budget{Limit: b.Limit, HasSoftLimit: b.HasSoftLimit}
}
