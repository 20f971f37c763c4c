package credits

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Bounds of a package. unitsMax is the wire's largest purchase bound.
const (
	pricingModelsMax = 200
	pricePeriodsMax  = 100
	tiersMax         = 100
	entitlementsMax  = 200
	relatedMax       = 200
	parentsMax       = 10
	unitsMax         = 999999
)

// check decides whether a version may be kept. Fields of errors are those of the create and update bodies.
func (v *PackageVersion) check(r *records) error {
	return firstError(v.checkTexts(r), v.checkPricing(r))
}

// checkTexts checks what may also change after publishing.
func (v *PackageVersion) checkTexts(r *records) error {
	return firstError(
		validName("displayName", v.DisplayName, nameLengthMax),
		validText("description", v.Description, descriptionLengthMax),
		validText("billingId", v.BillingID, nameLengthMax),
		validMetadata("metadata", v.Metadata),
		v.checkRelated(r, "compatibleAddonIds", v.CompatibleAddonIDs),
		v.checkTrial(),
	)
}

// checkPricing checks what a version charges and grants.
func (v *PackageVersion) checkPricing(r *records) error {
	if v.MaxQuantity != nil && *v.MaxQuantity < 1 {
		return Invalid("maxQuantity", "must be at least 1")
	}
	return firstError(
		oneOf("pricingType", string(v.Pricing.Type), "", string(PricingFree), string(PricingPaid), string(PricingCustom)),
		v.checkParent(r),
		v.checkRelated(r, "dependencies", v.Dependencies),
		at("charges", v.Pricing.check(r)),
		v.checkEntitlements(r),
		v.compile(),
	)
}

// checkRelated checks a list of add-ons of the same product.
func (v *PackageVersion) checkRelated(r *records, field string, ids []string) error {
	if len(ids) > relatedMax {
		return invalidf(field, "at most %d are allowed", relatedMax)
	}
	own := r.packages[PackageRef{v.Kind, v.PackageID}]
	for i, id := range ids {
		addon, ok := r.packages[AddonRef(id)]
		switch {
		case !ok:
			return invalidf(item(field, i), "add-on %q does not exist", clip(id))
		case own != nil && addon.ProductID != own.ProductID:
			return invalidf(item(field, i), "add-on %q belongs to another product", clip(id))
		case v.Kind == KindAddon && id == v.PackageID:
			return invalidf(item(field, i), "an add-on cannot depend on itself")
		}
	}
	return nil
}

func (v *PackageVersion) checkTrial() error {
	t := v.DefaultTrial
	if t == nil {
		return nil
	}
	if t.Duration.Sign() <= 0 || !t.Duration.InRange() {
		return Invalid("defaultTrialConfig.duration", "must be greater than 0")
	}
	return firstError(
		oneOf("defaultTrialConfig.units", t.Units, "DAY", "MONTH"),
		oneOf("defaultTrialConfig.trialEndBehavior", t.EndBehavior, "", "CONVERT_TO_PAID", "CANCEL_SUBSCRIPTION"),
	)
}

// checkParent follows the chain of parents, which must exist and end.
func (v *PackageVersion) checkParent(r *records) error {
	id := v.ParentPlanID
	for range parentsMax {
		if id == "" {
			return nil
		}
		parent, ok := r.packages[PlanRef(id)]
		if !ok {
			return invalidf("parentPlanId", "plan %q does not exist", clip(id))
		}
		if id == v.PackageID {
			return Invalid("parentPlanId", "a plan cannot inherit from itself")
		}
		id = r.versions[parent.current()].ParentPlanID
	}
	return invalidf("parentPlanId", "plans can inherit through at most %d levels", parentsMax)
}

func (p *Pricing) check(r *records) error {
	if len(p.Models) > pricingModelsMax || len(p.Overage) > pricingModelsMax {
		return invalidf("pricingModels", "at most %d are allowed", pricingModelsMax)
	}
	if err := oneOf("overageBillingPeriod", p.OverageBillingPeriod, "", "ON_SUBSCRIPTION_RENEWAL", PeriodMonthly); err != nil {
		return err
	}
	for i, m := range p.MinimumSpend {
		path := item("minimumSpend", i)
		if err := firstError(validPeriod(path+".billingPeriod", m.BillingPeriod), validMoney(path+".minimum", &m.Minimum)); err != nil {
			return err
		}
	}
	for i := range p.Models {
		if err := p.Models[i].check(r); err != nil {
			return at(item("pricingModels", i), err)
		}
	}
	for i := range p.Overage {
		if err := p.Overage[i].check(r); err != nil {
			return at(item("overagePricingModels", i), err)
		}
	}
	return p.checkOnce()
}

// checkOnce refuses two prices for the same thing.
func (p *Pricing) checkOnce() error {
	mapped, prices := map[string]bool{}, map[chargeKey]bool{}
	for i := range p.Models {
		m := &p.Models[i]
		if m.BillingModel != BillingCreditBased || m.FeatureID == "" {
			continue
		}
		if mapped[m.FeatureID] {
			return invalidf(item("pricingModels", i)+".featureId", "feature %q is mapped to credits twice; one mapping per version is allowed", m.FeatureID)
		}
		mapped[m.FeatureID] = true
	}
	var twice error
	p.eachPeriod(func(key chargeKey, _ *PricePeriod) {
		if prices[key] && twice == nil {
			twice = invalidf("pricingModels", "there are two prices for the same model, billing period %s and country %q", key.period, key.country)
		}
		prices[key] = true
	})
	return twice
}

func (m *PricingModel) check(r *records) error {
	if err := firstError(
		validBillingModel(m.BillingModel),
		oneOf("billingCadence", m.BillingCadence, "", CadenceRecurring, CadenceOneOff),
		oneOf("tiersMode", m.TiersMode, "", "VOLUME", "GRADUATED"),
		m.Reset.check(),
		m.checkBounds(),
		m.checkExpiry(),
		r.knownFeature("featureId", m.FeatureID),
		r.openCreditType("topUpCustomCurrencyId", m.TopUpCreditTypeID),
		checkPeriods(r, m.Periods),
	); err != nil {
		return err
	}
	if m.BillingModel == BillingCreditBased && m.TopUpCreditTypeID == "" {
		return m.checkMapping(r)
	}
	return nil
}

// checkExpiry checks how long bought credits live.
func (m *PricingModel) checkExpiry() error {
	if m.ExpireAfter == "" {
		return nil
	}
	if m.TopUpCreditTypeID == "" {
		return Invalid("creditsExpireAfter", "is only for credits that are bought; set topUpCustomCurrencyId")
	}
	span, err := ParseSpan("creditsExpireAfter", m.ExpireAfter)
	if err == nil && span == (Span{}) {
		err = Invalid("creditsExpireAfter", "must be longer than nothing")
	}
	return err
}

// checkBounds checks the bounds of one purchase, both inclusive.
func (m *PricingModel) checkBounds() error {
	outside := func(bound *int64) bool { return bound != nil && (*bound < 0 || *bound > unitsMax) }
	if outside(m.MinUnits) {
		return invalidf("minUnitQuantity", "must lie between 0 and %d", unitsMax)
	}
	if outside(m.MaxUnits) {
		return invalidf("maxUnitQuantity", "must lie between 0 and %d", unitsMax)
	}
	if m.MinUnits != nil && m.MaxUnits != nil && *m.MinUnits > *m.MaxUnits {
		return invalidf("minUnitQuantity", "is greater than maxUnitQuantity (%d)", *m.MaxUnits)
	}
	return nil
}

func (o *OverageModel) check(r *records) error {
	var credit, limit error
	if c := o.CreditEntitlement; c != nil {
		credit = at("creditEntitlement", firstError(
			requiredCreditType(r, "customCurrencyId", c.CreditTypeID),
			validQuantity("amount", c.Amount),
			validCadence("cadence", c.Cadence),
		))
	}
	if l := o.Entitlement; l != nil {
		limit = at("entitlement", firstError(requiredFeature(r, "featureId", l.FeatureID), l.Reset.check()))
	}
	return firstError(
		validBillingModel(o.BillingModel),
		oneOf("billingCadence", o.BillingCadence, "", CadenceRecurring, CadenceOneOff),
		r.openCreditType("currencyId", o.CreditTypeID),
		r.knownFeature("featureId", o.FeatureID),
		credit, limit,
		checkPeriods(r, o.Periods),
	)
}

func checkPeriods(r *records, periods []PricePeriod) error {
	if len(periods) == 0 || len(periods) > pricePeriodsMax {
		return invalidf("pricePeriods", "needs 1 to %d entries", pricePeriodsMax)
	}
	for i := range periods {
		if err := periods[i].check(r); err != nil {
			return at(item("pricePeriods", i), err)
		}
	}
	return nil
}

func (p *PricePeriod) check(r *records) error {
	if p.BlockSize != nil && p.BlockSize.Sign() <= 0 {
		return Invalid("blockSize", "must be greater than 0")
	}
	if len(p.Tiers) > tiersMax {
		return invalidf("tiers", "at most %d are allowed", tiersMax)
	}
	for i, tier := range p.Tiers {
		if err := firstError(validMoney("flatPrice", tier.FlatPrice), validMoney("unitPrice", tier.UnitPrice)); err != nil {
			return at(item("tiers", i), err)
		}
	}
	var rate error
	if p.CreditRate != nil {
		rate = at("creditRate", p.CreditRate.check(r))
	}
	return firstError(
		validPeriod("billingPeriod", p.BillingPeriod),
		validCountry("billingCountryCode", p.CountryCode),
		oneOf("creditGrantCadence", p.GrantCadence, "", GrantAtPeriodStart, GrantMonthly),
		validMoney("price", p.Price),
		rate,
	)
}

func validBillingModel(model string) error {
	return oneOf("billingModel", model, BillingFlatFee, BillingMinimum, BillingPerUnit, BillingUsageBased, BillingCreditBased)
}

func validPeriod(field, period string) error {
	return oneOf(field, period, PeriodMonthly, PeriodAnnually)
}

func validCountry(field, code string) error {
	if code == "" || len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z' {
		return nil
	}
	return invalidf(field, "%q is not an upper-case ISO 3166-1 alpha-2 code", clip(code))
}

// validMoney checks an optional price.
func validMoney(field string, m *ledger.Money) error {
	if m == nil {
		return nil
	}
	if m.Currency != "" {
		if err := ValidFiat(field+".currency", m.Currency); err != nil {
			return err
		}
	}
	return validQuantity(field+".amount", m.Amount)
}

// validQuantity checks an amount that must not be negative.
func validQuantity(field string, a amount.Amount) error {
	if a.Sign() < 0 || !a.InRange() {
		return Invalid(field, fmt.Sprintf("must be 0 or more, with at most %d integer and %d fraction digits", amount.MaxIntegerDigits, amount.FractionDigits))
	}
	return nil
}

// anchors are the starting points that each reset period can have.
var anchors = map[string][]string{
	"":      {""},
	"YEAR":  {"", "SubscriptionStart"},
	"MONTH": {"", "SubscriptionStart", "StartOfTheMonth"},
	"WEEK": {"", "SubscriptionStart", "EverySunday", "EveryMonday", "EveryTuesday", "EveryWednesday", "EveryThursday",
		"EveryFriday", "EverySaturday"},
	"DAY":  {""},
	"HOUR": {""},
}

func (r Reset) check() error {
	allowed, ok := anchors[r.Period]
	if !ok {
		return invalidf("resetPeriod", "%q is not one of YEAR, MONTH, WEEK, DAY, HOUR", clip(r.Period))
	}
	if err := oneOf("accordingTo", r.Anchor, allowed...); err != nil {
		return invalidf("resetPeriodConfiguration.accordingTo", "%q does not fit a reset every %s", clip(r.Anchor), r.Period)
	}
	return nil
}
