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
	lines  []pricingLine // features that are not priced yet; they come after those in event.Charges
	detail string        // explains a reason that a person can act on, for example where a formula failed

	// Room for the usual event, which matches one or two features of one subscription, so that it needs no memory of its
	// own.
	charges    [2]engine.Charge
	candidates [2]Candidate
	refs       [2]engine.PoolRef
	index      [2]int
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
func (c *Catalog) price(p *pricing, cs *CustomerState, now ledger.Time) {
	switch ev := &p.event; {
	case ev.At > now+eventAheadMax:
		p.quarantine(ReasonTimestampInFuture)
	case ev.At < now-eventAgeMax:
		p.quarantine(ReasonTooOld)
	default:
		c.priceKnown(p, cs)
	}
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
	ev.Charges = p.charges[:0]
	matched := false
	for _, f := range c.FeaturesForEvent(ev.Name) {
		if !f.Meter.Matches(ev.Name, ev.Dims) {
			continue
		}
		matched = true
		candidates := c.appendCandidates(p.candidates[:0], cs, ev.Resource, f.ID, ev.At)
		if !p.add(f, candidates) {
			return
		}
	}
	switch {
	case len(ev.Charges)+len(p.lines) > 0:
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

// add puts a matched feature on the event. One that needs no other event and has one mapping is priced at once. It
// reports false when a formula failed and the event was quarantined.
func (p *pricing) add(f *Feature, candidates []Candidate) bool {
	if len(candidates) == 0 {
		return true
	}
	measure, warnings := f.Meter.Measure(p.event.Dims)
	p.warn(warnings)
	if len(candidates) == 1 && len(p.lines) == 0 && f.Meter.Stateless() {
		o := newOffer(f, candidates[0])
		o.charge.Units = measure.Units
		if !p.priceOffer(&o) {
			return false
		}
		p.event.Charges = append(p.event.Charges, o.charge)
		return true
	}
	line := pricingLine{feature: f, measure: measure}
	for _, cand := range candidates {
		o := newOffer(f, cand)
		if !f.Meter.Stateless() {
			period := cand.Subscription.usagePeriod(p.event.At)
			o.charge.Meter = &engine.MeterUse{Period: period, Meter: f.Meter, Measure: measure}
		}
		line.offers = append(line.offers, o)
	}
	p.lines = append(p.lines, line)
	return true
}

func newOffer(f *Feature, cand Candidate) offer {
	return offer{candidate: cand, charge: engine.Charge{
		Charge:       ledger.Charge{Feature: f.ID, Mapping: cand.Mapping.ID, Version: cand.Mapping.Version},
		Currency:     cand.Mapping.CurrencyID,
		Subscription: cand.Subscription.ID,
	}}
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
	if len(p.lines) == 0 {
		return
	}
	p.finish(func(*engine.Charge) amount.Amount { panic("a stateless meter has no cumulative units") })
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
	p.lines = nil
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

// pools lists the pools that the charges burn from, each once, and the index of the pool for each charge.
func (p *pricing) pools() (refs []engine.PoolRef, index []int) {
	ev := &p.event
	refs, index = p.refs[:0], p.index[:0]
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
