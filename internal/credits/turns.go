package credits

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// turnAt computes what a boundary does, from what is issued in the running periods (semantics 10.2 to 10.5).
func (c *Catalog) turnAt(sub *Subscription, at ledger.Time) turn {
	t := turn{at: at, again: c.again(sub, at), versions: c.versionsOf(sub, at)}
	if sub.ended(at) {
		t.end(sub)
		return t
	}
	left := slices.Clone(sub.Issued)
	for _, a := range c.allowances(sub, at) {
		left = t.give(sub, a, left)
	}
	left = c.buy(sub, &t, left)
	for _, b := range left { // what a slot that is gone has issued lives to its own end
		if !b.endsBy(at) {
			t.issued = append(t.issued, b)
		}
	}
	return t
}

// end takes away what is left of the blocks of entitlements, if the end is to do that (W29). What was bought stays. The
// credits of a trial never outlive it.
func (t *turn) end(sub *Subscription) {
	for i := range sub.Issued {
		b := &sub.Issued[i]
		if b.Price || b.endsBy(t.at) || len(b.Grants) == 0 {
			continue
		}
		switch {
		case sub.RevokesAtEnd:
			p := t.pool(b.CreditType)
			p.voids = append(p.voids, b.Grants...)
		case b.Cadence == "":
			p := t.pool(b.CreditType)
			p.ends = append(p.ends, b.Grants...)
		}
	}
}

// give brings one slot to what it is to give from now on, and returns what is left of the blocks that were issued before.
func (t *turn) give(sub *Subscription, a allowance, left []IssuedBlock) []IssuedBlock {
	var before []IssuedBlock
	left = slices.DeleteFunc(slices.Clone(left), func(b IssuedBlock) bool {
		own := b.slot == a.slot && !b.Rolled
		if own {
			before = append(before, b)
		}
		return own
	})
	block := IssuedBlock{slot: a.slot, Period: a.period, Cadence: a.cadence}
	running := false
	for i := range before {
		switch b := &before[i]; {
		case b.Period == a.period && b.Cadence == a.cadence:
			block, running = *b, true
			block.Grants = slices.Clone(b.Grants)
		case b.From == a.period.From && b.Cadence == "" && a.cadence == "":
			block, running = *b, true
			block.Period = a.period
			t.extend(&block)
		case b.To == t.at && a.period.From == t.at:
			t.renew(sub, &a, b)
		case b.To > t.at && a.period.From == t.at: // a new period begins before the old one was over
			p := t.pool(a.CreditType)
			p.ends = append(p.ends, b.Grants...)
		case b.To > t.at:
			left = append(left, *b)
		}
	}
	t.issue(&a, &block, a.period.From == t.at || !running && t.at == sub.begins())
	return left
}

// extend moves the end of a trial.
func (t *turn) extend(b *IssuedBlock) {
	p := t.pool(b.CreditType)
	p.extends, p.extendTo = append(p.extends, b.Grants...), b.To
}

// renew is what happens to the old block when the period of a slot ends and the next begins: something of it may be carried
// over, and a deficit may be forgiven. The credits of a trial are not carried over.
func (t *turn) renew(sub *Subscription, a *allowance, old *IssuedBlock) {
	if a.rules.DeficitAtReset == DeficitForgive {
		t.pool(a.CreditType).forgive = true
	}
	rules := a.rules.Rollover
	if rules == nil || old.Cadence == "" || a.cadence == "" || len(old.Grants) == 0 {
		return
	}
	until := a.period
	for range rules.MaxPeriods - 1 {
		until = CadencePeriod(a.cadence, sub.AnchorAt(t.at), until.To)
	}
	t.issued = append(t.issued, IssuedBlock{slot: a.slot, Cadence: a.cadence, Period: Period{t.at, until.To}, Rolled: true})
	p := t.pool(a.CreditType)
	p.rolls = append(p.rolls, roll{rules: rules, grants: old.Grants, expireAt: until.To, block: len(t.issued) - 1})
}

// issue adds a new grant to the block of a slot: all of it, or what a change within the period brings.
func (t *turn) issue(a *allowance, block *IssuedBlock, whole bool) {
	more := a.amount.Sub(block.Peak)
	if !whole {
		more = a.partOf(more, t.at)
	}
	given := whole || a.midCycle() != MidCycleNextPeriod
	if given {
		block.Peak = amount.Max(block.Peak, a.amount)
	}
	t.issued = append(t.issued, *block)
	if !given || more.Sign() <= 0 {
		return
	}
	p := t.pool(a.CreditType)
	p.issues = append(p.issues, newBlock{amount: more, cost: a.cost(more), expireAt: a.period.To, source: a.source,
		creditType: a.CreditType, trial: a.cadence == "", block: len(t.issued) - 1})
}

// partOf is the part of so many credits per period that is for the rest of it: whole credits, half up (W19).
func (a *allowance) partOf(credits amount.Amount, at ledger.Time) amount.Amount {
	if a.midCycle() == MidCycleFull || credits.Sign() <= 0 {
		return credits
	}
	rest := amount.FromInt(int64(a.period.To - at))
	part, ok := amount.MulDiv(credits, rest, amount.FromInt(int64(a.period.length())), 0)
	if !ok {
		return amount.Zero
	}
	return part
}

// again counts how often something was posted at an instant before: what is posted once more there must not be taken for
// the same.
func (c *Catalog) again(sub *Subscription, at ledger.Time) int {
	if sub.PostedUntil == at && (sub.Changed || c.moved(sub)) {
		return sub.PostedAgain + 1
	}
	return 0
}

// moved tells whether other versions are in force at the last boundary than those by which it was posted: some were published
// for all customers at that very instant, or by a node whose clock is behind.
func (c *Catalog) moved(sub *Subscription) bool {
	return sub.PostedUntil != 0 && !slices.Equal(sub.PostedVersions, c.versionsOf(sub, sub.PostedUntil))
}

// versionsOf are the versions in force of a subscription's plan and add-ons, in their order.
func (c *Catalog) versionsOf(sub *Subscription, at ledger.Time) []int32 {
	terms := c.TermsAt(sub, at)
	versions := []int32{terms.Version}
	for _, addon := range terms.Addons {
		versions = append(versions, addon.Version)
	}
	return versions
}

// post notes what a turn has made: the grants of each new block and of each roll, in their order. Blocks for which a pool had
// no room have none.
func (s *Subscription) post(t *turn, made []ledger.GrantID, rolled [][]ledger.GrantID) {
	r := 0
	for i := range t.pools {
		for _, issue := range t.pools[i].issues {
			if len(made) > 0 {
				b := &t.issued[issue.block]
				b.Grants = append(b.Grants, made[0])
				made = made[1:]
			}
		}
		for _, roll := range t.pools[i].rolls {
			t.issued[roll.block].Grants = rolled[r]
			r++
		}
	}
	s.PostedUntil, s.PostedAgain, s.PostedVersions, s.Changed = t.at, t.again, t.versions, false
	s.Issued = slices.DeleteFunc(t.issued, func(b IssuedBlock) bool { return b.Rolled && len(b.Grants) == 0 })
	s.Purchases = append(s.Purchases, t.purchases...)
}
