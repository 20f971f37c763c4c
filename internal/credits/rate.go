package credits

import (
	"errors"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Reasons why an event is stored without burning anything (semantics 7.3). They are part of the API.
const (
	ReasonCustomerNotFound  = "CustomerNotFound"
	ReasonCustomerArchived  = "CustomerIsArchived"
	ReasonTimestampInFuture = "TimestampInFuture"
	ReasonTooOld            = "TimestampTooOld"
	ReasonNoMeter           = "NoMatchingMeter"
	ReasonNoMapping         = "NoMapping"
	ReasonFormula           = "FormulaError"
	ReasonOutOfRange        = CodeOutOfRange
)

// How far an event's time may lie from the clock (semantics 7.3).
const (
	eventAheadMax ledger.Time = 5 * 60 * 1e6
	eventAgeMax   ledger.Time = 31 * 24 * 3600 * 1e6
)

// pricing is an event on its way through the meters: what was reported, and for each matching feature the mappings that
// may apply. Everything in it was taken from one catalogue snapshot.
type pricing struct {
	event  engine.Event
	lines  []pricingLine
	detail string // explains a reason that a person can act on, for example where a formula failed
}

// pricingLine is one matched feature.
type pricingLine struct {
	feature *Feature
	measure rating.Measurement
	offers  []offer
}

// offer is one mapping that may price a feature's usage.
type offer struct {
	candidate Candidate
	charge    engine.Charge
}

// price prepares an event: it decides everything that does not depend on earlier events. Reasons that need no look at
// the catalogue come first.
func (c *Catalog) price(cs *CustomerState, ev engine.Event, now ledger.Time) *pricing {
	p := &pricing{event: ev}
	switch {
	case ev.At > now+eventAheadMax:
		p.quarantine(ReasonTimestampInFuture)
	case ev.At < now-eventAgeMax:
		p.quarantine(ReasonTooOld)
	default:
		c.priceKnown(p, cs)
	}
	return p
}

// priceKnown is price for an event whose time has been accepted.
func (c *Catalog) priceKnown(p *pricing, cs *CustomerState) {
	switch {
	case cs == nil:
		p.quarantine(ReasonCustomerNotFound)
		return
	case cs.Customer.ArchivedAt != 0:
		p.quarantine(ReasonCustomerArchived)
		return
	}
	ev := &p.event
	matched := false
	for _, f := range c.FeaturesForEvent(ev.Name) {
		if !f.Meter.Matches(ev.Name, ev.Dims) {
			continue
		}
		matched = true
		if candidates := c.Candidates(cs, ev.Resource, f.ID, ev.At); len(candidates) > 0 {
			p.addLine(f, candidates)
		}
	}
	switch {
	case len(p.lines) > 0:
		ev.Status = engine.EventRated
		p.finishStateless()
	case matched:
		ev.Status, ev.Reason = engine.EventUnmapped, ReasonNoMapping
	default:
		ev.Status, ev.Reason = engine.EventUnmapped, ReasonNoMeter
	}
}

func (p *pricing) quarantine(reason string) {
	p.event.Status, p.event.Reason = engine.EventQuarantined, reason
	p.event.Charges, p.lines = nil, nil
}

func (p *pricing) addLine(f *Feature, candidates []Candidate) {
	measure, warnings := f.Meter.Measure(p.event.Dims)
	line := pricingLine{feature: f, measure: measure}
	for _, cand := range candidates {
		charge := engine.Charge{
			Charge:       ledger.Charge{Feature: f.ID, Mapping: cand.Mapping.ID, Version: cand.Mapping.Version},
			Currency:     cand.Mapping.CurrencyID,
			Subscription: cand.Subscription.ID,
		}
		if !f.Meter.Stateless() {
			period := cand.Subscription.usagePeriod(p.event.At)
			charge.Meter = &engine.MeterUse{Period: period, Meter: f.Meter, Measure: measure}
		}
		line.offers = append(line.offers, offer{candidate: cand, charge: charge})
	}
	p.lines = append(p.lines, line)
	p.warn(warnings)
}

func (p *pricing) warn(warnings []rating.Warning) {
	for _, w := range warnings {
		if !slices.Contains(p.event.Warnings, w) {
			p.event.Warnings = append(p.event.Warnings, w)
		}
	}
}

// finishStateless completes the charges now when no meter depends on earlier events, which is the usual case: then the
// shard's writer has nothing left to price.
func (p *pricing) finishStateless() {
	for i := range p.lines {
		if !p.lines[i].feature.Meter.Stateless() {
			return
		}
	}
	p.finish(func(*engine.Charge) amount.Amount { panic("a stateless meter has no cumulative units") })
	p.lines = nil
}

// finish prices every line, with the cumulative units that the caller knows, and keeps the cheapest offer of each:
// several subscriptions compete in the customer's favour, and the order of candidates breaks ties (semantics 9.3). A
// formula that fails quarantines the event.
func (p *pricing) finish(units func(*engine.Charge) amount.Amount) {
	for i := range p.lines {
		line := &p.lines[i]
		best := -1
		for k := range line.offers {
			o := &line.offers[k]
			o.charge.Units = line.measure.Units
			if o.charge.Meter != nil {
				o.charge.Units = units(&o.charge)
			}
			if !p.priceOffer(o) {
				return
			}
			if best < 0 || o.charge.Cost.Less(line.offers[best].charge.Cost) {
				best = k
			}
		}
		p.event.Charges = append(p.event.Charges, line.offers[best].charge)
	}
}

// priceOffer sets the cost of an offer. It reports false when a formula failed and the event was quarantined.
func (p *pricing) priceOffer(o *offer) bool {
	priced, err := o.candidate.Mapping.Rate.Price(o.charge.Units, p.event.Dims)
	var failed *rating.FormulaError
	if errors.As(err, &failed) {
		p.quarantine(ReasonFormula)
		p.detail = failed.Message
		return false
	}
	o.charge.Cost = priced.Cost
	p.warn(priced.Warnings)
	return true
}

// poolsOf lists the pools that the charges burn from, each once, and the index of the pool for each charge.
func poolsOf(ev *engine.Event) (refs []engine.PoolRef, index []int) {
	for i := range ev.Charges {
		ref := engine.PoolRef{Currency: ev.Charges[i].Currency, Resource: ev.Resource}
		at := slices.Index(refs, ref)
		if at < 0 {
			at = len(refs)
			refs = append(refs, ref)
		}
		index = append(index, at)
	}
	return refs, index
}
