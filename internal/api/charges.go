package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listPlanCharges(c *call) (any, error) {
	return s.listCharges(c, credits.PlanRef(c.path("id")), (*credits.PackageVersion).Charges)
}

func (s *server) listPlanOverageCharges(c *call) (any, error) {
	return s.listCharges(c, credits.PlanRef(c.path("id")), (*credits.PackageVersion).OverageCharges)
}

func (s *server) listAddonCharges(c *call) (any, error) {
	return s.listCharges(c, credits.AddonRef(c.path("id")), (*credits.PackageVersion).Charges)
}

// listCharges lists prices of the open draft, which is what updates write, or of the published version.
func (s *server) listCharges(c *call, ref credits.PackageRef, rows func(*credits.PackageVersion) []credits.Charge) (any, error) {
	q := c.query()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	v, err := s.credits.PackageDraft(c.env, ref)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, credits.PageCharges(rows(v.Version), page), func(row credits.Charge) wire.Charge {
		return chargeOut(row, v.Version)
	})
	return wire.ChargePage{Data: data, Pagination: pagination}, nil
}

func chargeOut(row credits.Charge, v *credits.PackageVersion) wire.Charge {
	out := wire.Charge{
		ID: row.ID, BillingModel: wire.BillingModel(row.Model.BillingModel), BillingCadence: wire.BillingCadence(row.Model.BillingCadence),
		BillingPeriod: wire.BillingPeriod(row.BillingPeriod), BillingCountryCode: orNull(row.CountryCode), BillingID: orNull(v.Pricing.BillingID),
		BlockSize: row.BlockSize, CreditGrantCadence: enumOrNull[wire.CreditGrantCadence](row.GrantCadence),
		CreditRate: rateOut(row.CreditRate), FeatureID: orNull(row.Model.FeatureID), Price: moneyOrNull(row.Price),
		TiersMode: enumOrNull[wire.TiersMode](row.Model.TiersMode), TopUpCustomCurrencyID: orNull(row.Model.TopUpCreditTypeID),
		Tiers: listOut(row.Tiers, tierOut), CreatedAt: timeOut(v.CreatedAt), CreditsExpireAfter: orNull(row.Model.ExpireAfter),
	}
	if row.Model.MinUnits != nil {
		least := int(*row.Model.MinUnits)
		out.MinUnitQuantity = &least
	}
	if row.Model.MaxUnits != nil {
		most := int(*row.Model.MaxUnits)
		out.MaxUnitQuantity = &most
	}
	return out
}

func rateOut(r *credits.CreditRate) *wire.CreditRate {
	if r == nil {
		return nil
	}
	return &wire.CreditRate{CurrencyID: r.CreditTypeID, Amount: r.Amount, CostFormula: orNull(r.Formula)}
}

func rateIn(r *wire.CreditRateInput) *credits.CreditRate {
	if r == nil {
		return nil
	}
	return &credits.CreditRate{CreditTypeID: r.CurrencyID, Amount: r.Amount, Formula: value(r.CostFormula)}
}

func tierOut(t credits.PriceTier) wire.PriceTier {
	return wire.PriceTier{FlatPrice: moneyOrNull(t.FlatPrice), UnitPrice: moneyOrNull(t.UnitPrice), UpTo: t.UpTo}
}

func tierIn(t *wire.PriceTierInput) credits.PriceTier {
	return credits.PriceTier{FlatPrice: moneyIn(t.FlatPrice), UnitPrice: moneyIn(t.UnitPrice), UpTo: t.UpTo}
}

// chargesIn puts the prices of an update, if they were sent, where UpdatePackage wants them.
func chargesIn(in *wire.PackageCharges, update *credits.PackageUpdate) error {
	if in == nil {
		return nil
	}
	pricing := credits.Pricing{
		Type: credits.PricingType(in.PricingType), BillingID: value(in.BillingID),
		OverageBillingPeriod: string(value(in.OverageBillingPeriod)),
		MinimumSpend: listIn(in.MinimumSpend, func(m *wire.MinimumSpendInput) credits.MinimumSpend {
			return credits.MinimumSpend{BillingPeriod: string(m.BillingPeriod), Minimum: *moneyIn(&m.Minimum)}
		}),
	}
	for i := range in.PricingModels {
		model, err := modelIn(fmt.Sprintf("charges.pricingModels[%d].", i), &in.PricingModels[i])
		if err != nil {
			return err
		}
		pricing.Models = append(pricing.Models, model)
	}
	for i := range in.OveragePricingModels {
		overage, err := overageIn(fmt.Sprintf("charges.overagePricingModels[%d].", i), &in.OveragePricingModels[i])
		if err != nil {
			return err
		}
		pricing.Overage = append(pricing.Overage, overage)
	}
	update.Pricing = credits.Set(pricing)
	return nil
}

func modelIn(path string, m *wire.PricingModel) (credits.PricingModel, error) {
	reset, err := resetIn(path, m.ResetPeriod, m.MonthlyResetPeriodConfiguration, m.WeeklyResetPeriodConfiguration, m.YearlyResetPeriodConfiguration)
	return credits.PricingModel{
		BillingModel: string(m.BillingModel), BillingCadence: string(value(m.BillingCadence)), FeatureID: value(m.FeatureID),
		TopUpCreditTypeID: value(m.TopUpCustomCurrencyID), MinUnits: wide(m.MinUnitQuantity), MaxUnits: wide(m.MaxUnitQuantity),
		TiersMode: string(value(m.TiersMode)), ExpireAfter: value(m.CreditsExpireAfter), Reset: reset, Periods: listIn(m.PricePeriods, periodIn),
	}, err
}

func overageIn(path string, m *wire.OveragePricingModel) (credits.OverageModel, error) {
	out := credits.OverageModel{
		BillingModel: string(m.BillingModel), BillingCadence: string(value(m.BillingCadence)), CreditTypeID: value(m.CurrencyID),
		FeatureID: value(m.FeatureID), Periods: listIn(m.PricePeriods, periodIn),
	}
	if e := m.CreditEntitlement; e != nil {
		out.CreditEntitlement = &credits.OverageCredit{CreditTypeID: e.CustomCurrencyID, Amount: e.Amount, Cadence: string(e.Cadence)}
	}
	e := m.Entitlement
	if e == nil {
		return out, nil
	}
	reset, err := resetIn(path+"entitlement.", e.ResetPeriod, e.MonthlyResetPeriodConfiguration, e.WeeklyResetPeriodConfiguration, e.YearlyResetPeriodConfiguration)
	out.Entitlement = &credits.OverageLimit{FeatureID: e.FeatureID, UsageLimit: e.UsageLimit, Unlimited: e.HasUnlimitedUsage,
		HasSoftLimit: e.HasSoftLimit, Reset: reset}
	return out, err
}

func periodIn(p *wire.PricePeriod) credits.PricePeriod {
	return credits.PricePeriod{
		BillingPeriod: string(p.BillingPeriod), CountryCode: value(p.BillingCountryCode), BlockSize: p.BlockSize,
		GrantCadence: string(value(p.CreditGrantCadence)), CreditRate: rateIn(p.CreditRate), Price: moneyIn(p.Price),
		Tiers: listIn(p.Tiers, tierIn),
	}
}

// resetIn reads a reset period with the one configuration that fits it. Path ends with a dot, or is empty.
func resetIn(path string, period *wire.ResetPeriod, monthly *wire.MonthlyReset, weekly *wire.WeeklyReset, yearly *wire.YearlyReset) (credits.Reset, error) {
	reset := credits.Reset{Period: string(value(period))}
	configured := map[string]string{}
	if monthly != nil {
		configured["monthlyResetPeriodConfiguration"], reset.Anchor = string(wire.ResetPeriodMONTH), string(monthly.AccordingTo)
	}
	if weekly != nil {
		configured["weeklyResetPeriodConfiguration"], reset.Anchor = string(wire.ResetPeriodWEEK), string(weekly.AccordingTo)
	}
	if yearly != nil {
		configured["yearlyResetPeriodConfiguration"], reset.Anchor = string(wire.ResetPeriodYEAR), string(yearly.AccordingTo)
	}
	for name, fits := range configured {
		if fits != reset.Period {
			return reset, credits.Invalid(path+name, "needs resetPeriod "+fits)
		}
	}
	return reset, nil
}

// wide is an optional bound as the domain has it.
func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}
