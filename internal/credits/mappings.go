package credits

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Mapping says how many credits of which type a feature burns (semantics 9.1).
type Mapping struct {
	ID           string // of the charge or override it comes from
	FeatureID    string
	CreditTypeID string
	Version      int32 // of the plan or add-on it belongs to; of the plan for an override
	Rate         rating.Rate
}

// Candidate is a mapping that may price an event, and the subscription it comes through.
type Candidate struct {
	Subscription *Subscription
	Mapping      *Mapping
}

// compile makes the rate ready to price. The error names the position in the formula.
func (c *CreditRate) compile() (rating.Rate, error) {
	if c.Formula == "" {
		return rating.Rate{Flat: c.Amount}, nil
	}
	formula, err := rating.ParseFormula(c.Formula)
	var syntax *rating.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return rating.Rate{}, &Error{Kind: KindInvalid, Code: "InvalidFormula", Field: "costFormula",
			Message: fmt.Sprintf("%s (at offset %d)", syntax.Message, syntax.Offset)}
	case err != nil:
		return rating.Rate{}, fmt.Errorf("parse formula: %w", err)
	}
	return rating.Rate{Formula: formula}, nil
}

// check checks the rate against the catalogue.
func (c *CreditRate) check(r *records) error {
	_, err := c.compile()
	return firstError(requiredCreditType(r, "currencyId", c.CreditTypeID), validQuantity("amount", c.Amount), err)
}

// fits tells whether a feature's usage can be priced by the rate. MIN and AVG could need negative burns; with a state that
// grows over a period a formula must look at the units an event adds (semantics 8.2, 9.2).
func (c *CreditRate) fits(f *Feature) error {
	if !f.Metered() {
		return Unprocessable("FeatureNotMetered", "featureId", fmt.Sprintf("feature %q is not metered; create it with a meterType to map it to credits", f.ID))
	}
	if f.MeterRule == nil {
		return nil
	}
	function := f.MeterRule.Function
	aggregation, _ := rating.ParseAggregation(function)
	if !aggregation.CreditsAllowed() {
		return Unprocessable("UnsupportedAggregation", "featureId",
			fmt.Sprintf("feature %q aggregates by %s, which cannot burn credits; use COUNT, SUM, UNIQUE or MAX", f.ID, function))
	}
	if c.Formula == "" || f.Meter.Stateless() {
		return nil
	}
	rate, err := c.compile()
	if err != nil {
		return err
	}
	if !rate.Formula.UsesUnits() {
		return &Error{Kind: KindInvalid, Code: "InvalidFormula", Field: "costFormula",
			Message: fmt.Sprintf("must use units, because feature %q adds up over a period (%s or a unit transformation)", f.ID, function)}
	}
	return nil
}

// checkMapping checks a pricing model that maps a feature to credits.
func (m *PricingModel) checkMapping(r *records) error {
	if err := requiredFeature(r, "featureId", m.FeatureID); err != nil {
		return err
	}
	for i := range m.Periods {
		path, rate := item("pricePeriods", i)+".creditRate", m.Periods[i].CreditRate
		if rate == nil {
			return Invalid(path, "is required for a CREDIT_BASED price")
		}
		if !reflect.DeepEqual(rate, m.Periods[0].CreditRate) {
			return Invalid(path, "must be the same for all billing periods and countries of a feature")
		}
	}
	err := m.Periods[0].CreditRate.fits(r.features[m.FeatureID])
	var e *Error
	if errors.As(err, &e) && e.Field == "costFormula" {
		return at("pricePeriods[0].creditRate", err)
	}
	return err
}

// compile prepares the version's mappings.
func (v *PackageVersion) compile() error {
	v.mappings = map[string]*Mapping{}
	for i := range v.Pricing.Models {
		m := &v.Pricing.Models[i]
		if m.BillingModel != BillingCreditBased || m.FeatureID == "" || len(m.Periods) == 0 || m.Periods[0].CreditRate == nil {
			continue
		}
		period := &m.Periods[0]
		rate, err := period.CreditRate.compile()
		if err != nil {
			return fmt.Errorf("%s %s version %d, feature %s: %w", v.Kind.noun(), v.PackageID, v.Version, m.FeatureID, err)
		}
		v.mappings[m.FeatureID] = &Mapping{ID: period.ID, FeatureID: m.FeatureID, CreditTypeID: period.CreditRate.CreditTypeID,
			Version: v.Version, Rate: rate}
	}
	return nil
}

// Candidates lists the mappings that may price an event of a feature at an instant: one for each subscription with that
// resource that was in force then, where a price override beats an add-on's mapping and that beats the plan's (semantics
// 9.3). The order is oldest start, then id. Which of several applies is the caller's choice by lowest cost.
func (c *Catalog) Candidates(cs *CustomerState, resource, featureID string, at ledger.Time) []Candidate {
	return c.appendCandidates(nil, cs, resource, featureID, at)
}

// appendCandidates is Candidates for the path of every event: it uses the caller's memory.
func (c *Catalog) appendCandidates(found []Candidate, cs *CustomerState, resource, featureID string, at ledger.Time) []Candidate {
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID != resource || !sub.InForce(at) {
			continue
		}
		if m := c.mapping(sub, featureID, at); m != nil {
			found = append(found, Candidate{sub, m})
		}
	}
	return found
}

// cheapest prices units under every mapping that may apply, at least one, and keeps the one of lowest cost; the first of
// equals (semantics 9.3). The error is a *rating.FormulaError.
func cheapest(candidates []Candidate, units amount.Amount, dims rating.Dims) (best Candidate, cost rating.Priced, err error) {
	for i, candidate := range candidates {
		priced, err := candidate.Mapping.Rate.Price(units, dims)
		if err != nil {
			return best, cost, err
		}
		if i == 0 || priced.Cost.Less(cost.Cost) {
			best, cost = candidate, priced
		}
	}
	return best, cost, nil
}

// mapping is the mapping of one subscription that is in force at an instant, or nil.
func (c *Catalog) mapping(sub *Subscription, featureID string, at ledger.Time) *Mapping {
	terms := sub.terms(at)
	if m := terms.override(featureID); m != nil {
		return m
	}
	for _, addon := range terms.Addons {
		if v, ok := c.versionAt(AddonRef(addon.ID), addon.Version, at); ok && v.mappings[featureID] != nil {
			return v.mappings[featureID]
		}
	}
	if v, ok := c.versionAt(PlanRef(terms.PlanID), terms.Version, at); ok {
		return v.mappings[featureID]
	}
	return nil
}

// versionAt is the version in force at an instant for a subscription that is pinned to one: the pinned version, or a later
// one that was published for all customers by then.
func (c *Catalog) versionAt(ref PackageRef, pinned int32, at ledger.Time) (*PackageVersion, bool) {
	version := pinned
	if len(c.migrations) > 0 {
		for _, m := range c.migrations[ref] {
			if m.at <= at && m.version > version {
				version = m.version
			}
		}
	}
	v, ok := c.versions[VersionRef{ref, version}]
	return v, ok
}

// TermsAt is what was in force for a subscription at an instant, with versions published for all customers applied.
func (c *Catalog) TermsAt(sub *Subscription, at ledger.Time) PlanSpan {
	terms := *sub.terms(at)
	if v, ok := c.versionAt(PlanRef(terms.PlanID), terms.Version, at); ok {
		terms.Version = v.Version
	}
	terms.Addons = slices.Clone(terms.Addons)
	for i := range terms.Addons {
		if v, ok := c.versionAt(AddonRef(terms.Addons[i].ID), terms.Addons[i].Version, at); ok {
			terms.Addons[i].Version = v.Version
		}
	}
	return terms
}

// PlanSpans is the history of a subscription's terms, the oldest first: its own changes and the versions of its plan that
// were published for all customers.
func (c *Catalog) PlanSpans(sub *Subscription) []PlanSpan {
	instants := []ledger.Time{}
	for _, own := range sub.Versions {
		instants = append(instants, own.From)
	}
	for i := range sub.Versions {
		span := &sub.Versions[i]
		for _, m := range c.migrations[PlanRef(span.PlanID)] {
			if m.at > span.From && m.version > span.Version && (sub.EndAt == 0 || m.at < sub.EndAt) && sub.terms(m.at) == span {
				instants = append(instants, m.at)
			}
		}
	}
	slices.Sort(instants)
	var spans []PlanSpan
	for _, from := range slices.Compact(instants) {
		span := c.TermsAt(sub, from)
		span.From = from
		spans = append(spans, span)
	}
	return spans
}
