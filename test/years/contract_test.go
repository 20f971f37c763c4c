package years

import (
	"math/big"
	"slices"
	"time"
)

// rules are what a plan or an add-on of the model includes.
type rules struct {
	amounts  []amountFrom // the newest last; versions are published for all
	trial    int64        // 0 means the full amount
	cadence  string
	policy   string // PRORATE, FULL, NEXT_PERIOD or empty
	seats    bool
	carries  bool
	cap      int64 // of what is carried over; 0 means percent of it
	percent  int64
	periods  int
	forgives bool
	value    int64 // cents that one credit stands for
}

type amountFrom struct {
	at     time.Time
	amount int64
}

func (r *rules) amount(at time.Time) int64 {
	n := r.amounts[0].amount
	for _, a := range r.amounts {
		if !a.at.After(at) {
			n = a.amount
		}
	}
	return n
}

// shop is what the model knows of the catalogue.
type shop struct {
	packages map[string]*rules // p and q are plans, x adds, o overrides
	billing  string            // MONTH or YEAR
	block    string            // "", "MONTHLY" or "BEGINNING_OF_BILLING_PERIOD"
	life     int               // days of bought credits; 0 means for ever
}

// span is what holds from an instant on.
type span struct {
	from, anchor time.Time
	plan         string
	addons       map[string]int64
	seats        int64
	quantity     int64 // of credits, bought
}

type pause struct{ from, to time.Time }

// block is what a slot gave for a period.
type block struct {
	from, to time.Time
	cadence  string
	peak     *big.Rat
	lots     []*lot
}

// contract is a subscription of the model.
type contract struct {
	shop       *shop
	days       *calendar
	start, end time.Time // end is zero while it is open
	revokes    bool
	trialEnd   time.Time
	trialStops bool
	pauses     []pause
	spans      []*span
	blocks     map[string][]*block // by slot: plan, x, bought
	carried    []*lot              // over from earlier blocks
}

func (c *contract) terms(at time.Time) *span {
	found := c.spans[0]
	for _, s := range c.spans {
		if !s.from.After(at) {
			found = s
		}
	}
	return found
}

func (c *contract) inTrial(at time.Time) bool { return at.Before(c.trialEnd) }

func (c *contract) ended(at time.Time) bool { return !c.end.IsZero() && !at.Before(c.end) }

func (c *contract) paused(at time.Time) bool {
	return slices.ContainsFunc(c.pauses, func(p pause) bool {
		return !at.Before(p.from) && (p.to.IsZero() || at.Before(p.to))
	})
}

func (c *contract) anchor(at time.Time) time.Time {
	found := c.start
	if !c.trialEnd.IsZero() && !c.inTrial(at) {
		found = c.trialEnd
	}
	for _, s := range c.spans {
		if !s.from.After(at) && s.anchor.After(found) {
			found = s.anchor
		}
	}
	return found
}

// billingEnd is when the billing period around an instant ends.
func (c *contract) billingEnd(at time.Time) time.Time {
	if c.inTrial(at) {
		return c.trialEnd
	}
	_, to := c.days.around(c.shop.billing, c.anchor(at), at)
	return to
}

// change makes a change that holds from an instant on, also in what was planned for later.
func (c *contract) change(from time.Time, patch func(*span), anchor bool) {
	i := slices.IndexFunc(c.spans, func(s *span) bool { return !s.from.Before(from) })
	if i < 0 {
		i = len(c.spans)
	}
	if i == len(c.spans) || !c.spans[i].from.Equal(from) {
		next := *c.terms(from)
		next.from, next.anchor = from, time.Time{}
		c.spans = slices.Insert(c.spans, i, &next)
	}
	if anchor {
		c.spans[i].anchor = from
	}
	for _, s := range c.spans[i:] {
		patch(s)
	}
}

// gift is what a slot gives at an instant.
type gift struct {
	slot, source string
	rules        *rules
	amount       *big.Rat
	cadence      string // empty in a trial
	from, to     time.Time
}

// gifts lists what the contract gives at an instant.
func (c *contract) gifts(at time.Time) []gift {
	if at.Before(c.start) || c.ended(at) || c.paused(at) {
		return nil
	}
	s := c.terms(at)
	plan := c.gift(at, s, "plan", s.plan, "PLAN_ENTITLEMENT", 1)
	if n := s.addons["o"]; n > 0 {
		plan = c.gift(at, s, "plan", "o", "ADDON_ENTITLEMENT", n)
	}
	list := []gift{plan}
	if n := s.addons["x"]; n > 0 {
		list = append(list, c.gift(at, s, "x", "x", "ADDON_ENTITLEMENT", n))
	}
	return list
}

func (c *contract) gift(at time.Time, s *span, slot, id, source string, times int64) gift {
	r := c.shop.packages[id]
	if r.seats {
		times *= s.seats
	}
	g := gift{slot: slot, source: source, rules: r, amount: credit(r.amount(at) * times), cadence: r.cadence}
	if c.inTrial(at) {
		g.cadence, g.from, g.to = "", c.start, c.trialEnd
		if r.trial > 0 {
			g.amount = credit(r.trial * times)
		}
		return g
	}
	g.from, g.to = c.days.around(r.cadence, c.anchor(at), at)
	return g
}

// purchase is a block that the contract buys at an instant.
type purchase struct {
	cadence  string
	from, to time.Time
	quantity *big.Rat
}

// buys is what the contract buys for the period around an instant.
func (c *contract) buys(at time.Time) (purchase, bool) {
	quantity := c.terms(at).quantity
	if at.Before(c.start) || c.ended(at) || c.paused(at) || c.inTrial(at) || quantity == 0 {
		return purchase{}, false
	}
	p := purchase{cadence: "once", from: c.start, to: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), quantity: credit(quantity)}
	switch c.shop.block {
	case "BEGINNING_OF_BILLING_PERIOD":
		p.cadence = c.shop.billing
		p.from, p.to = c.days.around(p.cadence, c.anchor(at), at)
	case "MONTHLY":
		p.cadence = "MONTH"
		p.from, p.to = c.days.around("MONTH", c.anchor(at), at)
		p.quantity = credit(c.share(quantity, at))
	}
	return p, true
}

// share is the part of a billing period's quantity that the month around an instant gets: equal parts, and the remainder
// one by one to the earliest.
func (c *contract) share(quantity int64, at time.Time) int64 {
	anchor := c.anchor(at)
	from, to := c.days.around(c.shop.billing, anchor, at)
	months, index := int64(0), int64(0)
	for day := from; day.Before(to); day = day.AddDate(0, 0, 1) {
		if !begins("MONTH", anchor, day) {
			continue
		}
		if !day.After(at) {
			index = months
		}
		months++
	}
	if index < quantity%months {
		return quantity/months + 1
	}
	return quantity / months
}
