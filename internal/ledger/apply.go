package ledger

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// MaxLateGrace is the longest late grace (semantics 7.3), and how long every expired grant is kept for late events.
const MaxLateGrace Time = 72 * 3600 * 1_000_000

// Apply folds one fact into the pool. Every operation uses it, and so does replay: the same facts in the same order give
// the same bytes. It panics, naming the invariant, on a fact that does not continue this pool; the pool is then unusable.
// It returns the grant the fact is about in its state right after, also if the pool has just forgotten it, and nil for
// holds and alerts. The pointer is into the pool.
func (p *Pool) Apply(f *Fact) *Grant {
	switch f.Kind {
	case FactRow:
		return p.applyRow(&f.Row)
	case FactGrant:
		return p.applyGrant(f.Grant)
	case FactHold:
		p.applyHold(f.Hold)
		return nil
	case FactAlert:
		p.applyAlert(f.Alert)
		return nil
	default:
		broken("I1", "unknown fact kind %d", f.Kind)
		return nil
	}
}

func (p *Pool) applyRow(r *Row) *Grant {
	p.assertContinues(r)
	g := p.find(r.Grant)
	if g == nil {
		broken("I4", "row %d is about grant %d, which is not open", r.Seq, r.Grant)
	}
	switch {
	case g.Type == Overdraft:
		g.ApplyRow(r)
		if g.VoidedAt != 0 {
			p.rare.overdraft = nil
		}
	case r.Type.startsOrEnds():
		p.unindex(g)
		p.change(g, r)
		p.index(g)
	default:
		was := g.spendable()
		p.change(g, r)
		p.respend(g, was)
	}
	p.seq, p.head, p.lastPostedAt, p.balance = r.Seq, r.Hash, r.PostedAt, r.End
	p.assertGrant(g)
	p.assertBalance()
	p.forgetFinal(g)
	p.forgetPast(g, r.PostedAt)
	return g
}

func (p *Pool) change(g *Grant, r *Row) {
	p.totals.remove(g)
	g.ApplyRow(r)
	p.totals.add(g)
}

// startsOrEnds tells whether the row changes what will be due for its grant.
func (t RowType) startsOrEnds() bool {
	return t == Granted || t == RolledIn || t == ExpiredRow || t == VoidedRow
}

// ApplyRow makes the change that a row of this grant implies. Pool.Apply uses it; so can whoever keeps a table of grants
// from the journal.
func (g *Grant) ApplyRow(r *Row) {
	switch r.Type {
	case Granted, RolledIn:
		g.ActivatedAt = r.PostedAt
	case Consumed, TransferSource, TransferTarget, ConsumptionReversed:
		g.Consumed = g.Consumed.Sub(r.Amount)
	case ExpiredRow:
		g.Expired = g.Expired.Sub(r.Amount)
		g.ExpiredAt = g.ExpireAt
	case ExpiryReversed:
		g.Expired = g.Expired.Sub(r.Amount)
	case VoidedRow:
		g.Voided = g.Voided.Sub(r.Amount)
		if g.VoidedAt == 0 {
			g.VoidedAt = r.PostedAt
		}
	case RolledOut:
		g.Voided = g.Voided.Sub(r.Amount)
	case Updated:
		g.UpdatedAt = r.PostedAt
		if g.Type == Overdraft { // forgiven, semantics 6.2
			g.Consumed = g.Consumed.Sub(r.Amount)
		} else if g.ActivatedAt != 0 {
			g.Amount = g.Amount.Add(r.Amount)
		}
	default:
		broken("I4", "unknown row type %d", r.Type)
	}
	g.markDepleted(r)
}

// markDepleted keeps DepletedAt, and closes an overdraft that has come back to 0.
func (g *Grant) markDepleted(r *Row) {
	if g.Type == Overdraft {
		if r.Type != Consumed && g.Consumed.IsZero() {
			g.VoidedAt = r.PostedAt
		}
		return
	}
	switch left := g.Remaining().Sign(); {
	case left > 0:
		g.DepletedAt = 0
	case left == 0 && g.live() && (r.Type == Consumed || r.Type == TransferTarget):
		g.DepletedAt = r.PostedAt
	}
}

func (p *Pool) applyGrant(next *Grant) *Grant {
	if next.Type == Overdraft {
		return p.applyOverdraft(next)
	}
	g := p.find(next.ID)
	known := g != nil
	if known {
		if g.Held != next.Held {
			broken("I4", "grant %d: a grant fact may not change what holds pin", g.ID)
		}
		p.unindex(g)
		p.totals.remove(g)
		*g = *next
	} else {
		if !next.Held.IsZero() {
			broken("I4", "grant %d is new and held", next.ID)
		}
		g = next.clone()
		p.grants = put(p.grants, g, idOrder)
	}
	p.totals.add(g)
	p.index(g)
	p.assertGrant(g)
	p.assertBalance()
	if known { // a final grant the pool did not know is recalled for a row that follows (see Reverse)
		p.forgetFinal(g)
	}
	return g
}

func (p *Pool) applyOverdraft(next *Grant) *Grant {
	if od := p.rarely().overdraft; od != nil {
		broken("I9", "overdraft %d opens while %d is open", next.ID, od.ID)
	}
	if !next.Consumed.IsZero() || next.ended() {
		broken("I9", "overdraft %d does not begin at 0", next.ID)
	}
	od := next.clone()
	p.rarer().overdraft = od
	return od
}

func (p *Pool) applyHold(next *Hold) {
	r := p.rarer()
	if old, ok := p.Hold(next.ID); ok {
		r.holds = take(r.holds, old, holdOrder)
		r.timeouts = take(r.timeouts, old, timeoutOrder)
		r.unfunded = r.unfunded.Sub(old.Unfunded)
		p.pin(old.Slices, -1)
	}
	if next.End != HoldOpen {
		return // what it freed of an ended grant leaves with the rows that follow
	}
	h := next.clone()
	r.holds = put(r.holds, h, holdOrder)
	r.timeouts = put(r.timeouts, h, timeoutOrder)
	r.unfunded = r.unfunded.Add(h.Unfunded)
	p.pin(h.Slices, +1)
}

// pin adds slices to what is held of their grants, or with sign −1 takes them away.
func (p *Pool) pin(pins []Slice, sign int) {
	for _, s := range pins {
		g := p.find(s.Grant)
		if g == nil || s.Amount.Sign() <= 0 {
			broken("I4", "a hold pins %s of grant %d", s.Amount, s.Grant)
		}
		x := s.Amount
		if sign < 0 {
			x = x.Neg()
		}
		was := g.spendable()
		g.Held = g.Held.Add(x)
		p.totals.pinned = p.totals.pinned.Add(x)
		p.respend(g, was)
		p.assertGrant(g)
	}
}

// assertContinues is I1 and I2.
func (p *Pool) assertContinues(r *Row) {
	if r.Seq != p.seq+1 || r.PostedAt < p.lastPostedAt {
		broken("I1", "row %d posted at %d follows row %d posted at %d", r.Seq, r.PostedAt, p.seq, p.lastPostedAt)
	}
	if r.Start != p.balance || r.End != r.Start.Add(r.Amount) {
		broken("I2", "row %d goes from %s by %s to %s after %s", r.Seq, r.Start, r.Amount, r.End, p.balance)
	}
}

// assertGrant is I4; for an overdraft the first half of I9.
func (p *Pool) assertGrant(g *Grant) {
	if g.Type == Overdraft {
		if g.Consumed.Sign() < 0 || !g.Held.IsZero() {
			broken("I9", "overdraft %d carries %s", g.ID, g.Consumed)
		}
		return
	}
	if g.Held.Sign() < 0 || g.Remaining().Less(g.Held) || g.Consumed.Sign() < 0 || g.Expired.Sign() < 0 || g.Voided.Sign() < 0 {
		broken("I4", "grant %d: amount %s, consumed %s, expired %s, voided %s, held %s",
			g.ID, g.Amount, g.Consumed, g.Expired, g.Voided, g.Held)
	}
}

// assertBalance is I3: the running balance against sums kept on their own.
func (p *Pool) assertBalance() {
	if want := p.totals.funds.Sub(p.Deficit()); p.balance != want {
		broken("I3", "balance %s, but the grants hold %s", p.balance, want)
	}
	if !p.balance.InRange() {
		broken("I17", "balance %s is out of range", p.balance)
	}
}

// forgetFinal drops a grant that was voided once no hold pins any of it.
func (p *Pool) forgetFinal(g *Grant) {
	if g.Type != Overdraft && g.VoidedAt != 0 && g.empty() {
		p.forget(g)
	}
}

// forgetPast drops expired grants that no late event can reach any more: g, which the row was about, and those whose
// time came meanwhile. The rule looks at posting times only, never at a setting, so that replay drops the same grants at
// the same rows.
func (p *Pool) forgetPast(g *Grant, postedAt Time) {
	gone := func(g *Grant) bool { return g.ExpireAt+MaxLateGrace < postedAt && g.empty() }
	if g.past() && gone(g) {
		p.forget(g)
	}
	for past := p.rarely().past; len(past) > 0 && gone(past[0]); past = p.rare.past {
		p.forget(past[0])
	}
}

func (p *Pool) forget(g *Grant) {
	p.unindex(g)
	p.totals.remove(g)
	p.grants = take(p.grants, g, idOrder)
	p.unmark(g.ID)
}

func (h *Hold) clone() *Hold {
	c := *h
	c.Slices = slices.Clone(h.Slices)
	return &c
}

// held returns what the hold still holds.
func (h *Hold) held() amount.Amount {
	sum := h.Unfunded
	for _, s := range h.Slices {
		sum = sum.Add(s.Amount)
	}
	return sum
}
