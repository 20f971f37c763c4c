package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listPlanEntitlements(c *call) (any, error) {
	return s.listEntitlements(c, credits.PlanRef(c.path("planId")))
}

func (s *server) createPlanEntitlements(c *call) (any, error) {
	return s.createEntitlements(c, credits.PlanRef(c.path("planId")))
}

func (s *server) updatePlanEntitlement(c *call) (any, error) {
	return s.updateEntitlement(c, credits.PlanRef(c.path("planId")))
}

func (s *server) deletePlanEntitlement(c *call) (any, error) {
	return s.deleteEntitlement(c, credits.PlanRef(c.path("planId")))
}

func (s *server) listAddonEntitlements(c *call) (any, error) {
	return s.listEntitlements(c, credits.AddonRef(c.path("addonId")))
}

func (s *server) createAddonEntitlements(c *call) (any, error) {
	return s.createEntitlements(c, credits.AddonRef(c.path("addonId")))
}

func (s *server) updateAddonEntitlement(c *call) (any, error) {
	return s.updateEntitlement(c, credits.AddonRef(c.path("addonId")))
}

func (s *server) deleteAddonEntitlement(c *call) (any, error) {
	return s.deleteEntitlement(c, credits.AddonRef(c.path("addonId")))
}

// listEntitlements lists those of the open draft, which is what changes write, or of the published version. They are few,
// so there is one page.
func (s *server) listEntitlements(c *call, ref credits.PackageRef) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	v, err := s.credits.PackageDraft(c.env, ref)
	if err != nil {
		return nil, err
	}
	return wire.PackageEntitlementPage{Data: listOut(v.Version.Entitlements, entitlementOut)}, nil
}

func (s *server) createEntitlements(c *call, ref credits.PackageRef) (any, error) {
	var in wire.PackageEntitlementsCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	entitlements := make([]credits.NewEntitlement, len(in.Entitlements))
	for i := range in.Entitlements {
		var err error
		if entitlements[i], err = newEntitlementIn(fmt.Sprintf("entitlements[%d].", i), &in.Entitlements[i]); err != nil {
			return nil, err
		}
	}
	added, err := s.credits.AddEntitlements(c.ctx, c.env, c.actor(), ref, entitlements)
	if err != nil {
		return nil, err
	}
	return wire.PackageEntitlementList{Data: listOut(added, entitlementOut)}, nil
}

// updateEntitlement finds the entitlement by the id of its feature or credit type; the type in the body tells them apart.
func (s *server) updateEntitlement(c *call, ref credits.PackageRef) (any, error) {
	var in wire.PackageEntitlementUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update, err := entitlementUpdateIn(&in)
	if err != nil {
		return nil, err
	}
	which := credits.EntitlementRef{Type: credits.EntitlementType(in.Type), ID: c.path("id")}
	return entitlementData(s.credits.UpdateEntitlement(c.ctx, c.env, c.actor(), ref, which, update))
}

func (s *server) deleteEntitlement(c *call, ref credits.PackageRef) (any, error) {
	which := credits.EntitlementRef{ID: c.path("id")}
	return entitlementData(s.credits.RemoveEntitlement(c.ctx, c.env, c.actor(), ref, which))
}

// entitlementData answers with an entitlement.
func entitlementData(e credits.PackageEntitlement, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.PackageEntitlementData{Data: entitlementOut(e)}, nil
}

func newEntitlementIn(path string, in *wire.PackageEntitlementCreate) (credits.NewEntitlement, error) {
	out := credits.NewEntitlement{IsGranted: in.IsGranted, PackageEntitlement: credits.PackageEntitlement{
		EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementType(in.Type), ID: in.ID},
		Behavior:       string(value(in.Behavior)), Description: value(in.Description),
		DisplayNameOverride: value(in.DisplayNameOverride), HiddenFromWidgets: listIn(in.HiddenFromWidgets, text[string]),
		HasSoftLimit: in.HasSoftLimit, IsCustom: in.IsCustom, Order: in.Order,
		EnumValues: in.EnumValues, Unlimited: in.HasUnlimitedUsage, UsageLimit: in.UsageLimit,
		Cadence: string(value(in.Cadence)), DependencyFeatureID: value(in.DependencyFeatureID),
	}}
	if in.Type == wire.EntitlementTypeCREDIT {
		if !in.Amount.IsSpecified() {
			return out, credits.Invalid(path+"amount", "is required")
		}
		out.Amount = patchVia(in.Amount, func(a *amount.Amount) *amount.Amount { return a }).To
		out.TrialAmount, out.Rollover, out.CreditValue = in.TrialAmount, rolloverIn(in.Rollover), moneyIn(in.CreditValue)
		out.DeficitAtReset, out.MidCycle = string(value(in.DeficitAtReset)), string(value(in.MidCycle))
		return out, refuse(path, "CREDIT",
			sent{"enumValues", in.EnumValues != nil}, sent{"hasUnlimitedUsage", in.HasUnlimitedUsage != nil},
			sent{"usageLimit", in.UsageLimit != nil}, sent{"resetPeriod", in.ResetPeriod != nil},
			sent{"monthlyResetPeriodConfiguration", in.MonthlyResetPeriodConfiguration != nil},
			sent{"weeklyResetPeriodConfiguration", in.WeeklyResetPeriodConfiguration != nil},
			sent{"yearlyResetPeriodConfiguration", in.YearlyResetPeriodConfiguration != nil})
	}
	if err := refuse(path, "FEATURE", sent{"amount", in.Amount.IsSpecified()}, sent{"cadence", in.Cadence != nil},
		sent{"dependencyFeatureId", in.DependencyFeatureID != nil}, sent{"trialAmount", in.TrialAmount != nil},
		sent{"rollover", in.Rollover != nil}, sent{"deficitAtReset", in.DeficitAtReset != nil},
		sent{"midCycle", in.MidCycle != nil}, sent{"creditValue", in.CreditValue != nil}); err != nil {
		return out, err
	}
	var err error
	out.Reset, err = resetIn(path, in.ResetPeriod, in.MonthlyResetPeriodConfiguration, in.WeeklyResetPeriodConfiguration, in.YearlyResetPeriodConfiguration)
	return out, err
}

func entitlementUpdateIn(in *wire.PackageEntitlementUpdate) (credits.EntitlementUpdate, error) {
	out := credits.EntitlementUpdate{
		Behavior: patchEnum(in.Behavior), Description: patch(in.Description), DisplayNameOverride: patch(in.DisplayNameOverride),
		HiddenFromWidgets: patchList(in.HiddenFromWidgets, text[string]), HasSoftLimit: patchPointer(in.HasSoftLimit),
		IsCustom: patchPointer(in.IsCustom), IsGranted: patch(in.IsGranted), Order: patchPointer(in.Order),
	}
	resets := []sent{
		{"resetPeriod", in.ResetPeriod != nil},
		{"monthlyResetPeriodConfiguration", in.MonthlyResetPeriodConfiguration.IsSpecified()},
		{"weeklyResetPeriodConfiguration", in.WeeklyResetPeriodConfiguration.IsSpecified()},
		{"yearlyResetPeriodConfiguration", in.YearlyResetPeriodConfiguration.IsSpecified()},
	}
	if in.Type == wire.EntitlementTypeCREDIT {
		out.Amount, out.Cadence = patchPointer(in.Amount), patchEnum(in.Cadence)
		out.DependencyFeatureID = patchOf(in.DependencyFeatureID)
		out.TrialAmount = patchVia(in.TrialAmount, func(a *amount.Amount) *amount.Amount { return a })
		out.Rollover, out.CreditValue = patchVia(in.Rollover, rolloverIn), patchVia(in.CreditValue, moneyIn)
		out.DeficitAtReset, out.MidCycle = patchEnum(in.DeficitAtReset), patchEnum(in.MidCycle)
		return out, refuse("", "CREDIT", append(resets, sent{"enumValues", in.EnumValues != nil},
			sent{"hasUnlimitedUsage", in.HasUnlimitedUsage != nil}, sent{"usageLimit", in.UsageLimit.IsSpecified()})...)
	}
	out.EnumValues, out.Unlimited = patchList(in.EnumValues, text[string]), patchPointer(in.HasUnlimitedUsage)
	out.UsageLimit = patchVia(in.UsageLimit, func(n *int64) *int64 { return n })
	if refuse("", "", resets...) != nil { // any of them: they change together
		reset, err := resetIn("", in.ResetPeriod,
			patchVia(in.MonthlyResetPeriodConfiguration, func(r *wire.MonthlyReset) *wire.MonthlyReset { return r }).To,
			patchVia(in.WeeklyResetPeriodConfiguration, func(r *wire.WeeklyReset) *wire.WeeklyReset { return r }).To,
			patchVia(in.YearlyResetPeriodConfiguration, func(r *wire.YearlyReset) *wire.YearlyReset { return r }).To)
		if err != nil {
			return out, err
		}
		out.Reset = credits.Set(reset)
	}
	return out, refuse("", "FEATURE", sent{"amount", in.Amount != nil}, sent{"cadence", in.Cadence != nil},
		sent{"dependencyFeatureId", in.DependencyFeatureID.IsSpecified()}, sent{"trialAmount", in.TrialAmount.IsSpecified()},
		sent{"rollover", in.Rollover.IsSpecified()}, sent{"deficitAtReset", in.DeficitAtReset != nil},
		sent{"midCycle", in.MidCycle != nil}, sent{"creditValue", in.CreditValue.IsSpecified()})
}

func rolloverIn(r *wire.RolloverInput) *credits.Rollover {
	if r == nil {
		return nil
	}
	return &credits.Rollover{MaxAmount: r.MaxAmount, MaxPercent: r.MaxPercent, MaxPeriods: r.MaxPeriods}
}

func rolloverOut(r *credits.Rollover) *wire.Rollover {
	if r == nil {
		return nil
	}
	return &wire.Rollover{MaxAmount: r.MaxAmount, MaxPercent: r.MaxPercent, MaxPeriods: r.MaxPeriods}
}

func entitlementOut(e credits.PackageEntitlement) wire.PackageEntitlement {
	if e.Type == credits.EntitlementCredit {
		return wire.PackageCreditEntitlement{
			ID: e.ID, Type: wire.EntitlementTypeCREDIT, Behavior: wire.EntitlementBehavior(e.Behavior),
			Description: orNull(e.Description), DisplayNameOverride: orNull(e.DisplayNameOverride),
			HiddenFromWidgets: listOut(e.HiddenFromWidgets, widgetOut), HasSoftLimit: e.HasSoftLimit, IsCustom: e.IsCustom,
			IsGranted: e.IsGranted, Order: e.Order, Amount: e.Amount, Cadence: enumOrNull[wire.CreditCadence](e.Cadence),
			TrialAmount: e.TrialAmount, Rollover: rolloverOut(e.Rollover), CreditValue: moneyOrNull(e.CreditValue),
			DeficitAtReset: enumOrNull[wire.DeficitAtReset](e.DeficitAtReset), MidCycle: enumOrNull[wire.MidCycle](e.MidCycle),
			DependencyFeatureID: orNull(e.DependencyFeatureID), CreatedAt: timeOut(e.CreatedAt), UpdatedAt: timeOut(e.UpdatedAt),
		}
	}
	out := wire.PackageFeatureEntitlement{
		ID: e.ID, Type: wire.EntitlementTypeFEATURE, Behavior: wire.EntitlementBehavior(e.Behavior),
		Description: orNull(e.Description), DisplayNameOverride: orNull(e.DisplayNameOverride),
		HiddenFromWidgets: listOut(e.HiddenFromWidgets, widgetOut), HasSoftLimit: e.HasSoftLimit, IsCustom: e.IsCustom,
		IsGranted: e.IsGranted, Order: e.Order, EnumValues: e.EnumValues, HasUnlimitedUsage: e.Unlimited,
		UsageLimit: countOrNull(e.UsageLimit), ResetPeriod: enumOrNull[wire.ResetPeriod](e.Reset.Period),
		CreatedAt: timeOut(e.CreatedAt), UpdatedAt: timeOut(e.UpdatedAt),
	}
	if e.Reset.Anchor != "" {
		out.ResetPeriodConfiguration = &wire.ResetConfig{AccordingTo: wire.ResetAnchor(e.Reset.Anchor)}
	}
	return out
}

func widgetOut(w string) wire.Widget { return wire.Widget(w) }
