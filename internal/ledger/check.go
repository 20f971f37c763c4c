package ledger

import (
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Check recomputes what one pool at rest can show of the invariants and returns the first that does not hold. At rest
// means after an operation, not between the facts of one.
func (p *Pool) Check() error {
	checks := []func() error{p.checkHead, p.checkGrants, p.checkHolds, p.checkTotals, p.checkDeficit, p.checkIndexes, p.checkWatch}
	for _, check := range checks {
		if err := check(); err != nil {
			return fmt.Errorf("ledger: pool %s/%s/%s/%s: %w", p.key.Environment, p.key.Customer, p.key.Currency, p.key.Resource, err)
		}
	}
	return nil
}

func (p *Pool) checkHead() error {
	if p.seq == 0 && (p.head != [32]byte{} || p.lastPostedAt != 0 || !p.balance.IsZero()) {
		return fmt.Errorf("I1: no row, but a head, a time or a balance")
	}
	return nil
}

func (p *Pool) checkGrants() error {
	for i, g := range p.grants {
		if i > 0 && p.grants[i-1].ID >= g.ID {
			return fmt.Errorf("I4: grant %d is out of order", g.ID)
		}
		if g.Type < Promotional || g.Type > Recurring {
			return fmt.Errorf("I4: grant %d has type %s", g.ID, g.Type)
		}
		for _, a := range [...]amount.Amount{g.Amount, g.Consumed, g.Expired, g.Voided, g.Held, g.Cost.Amount} {
			if a.Sign() < 0 || !a.InRange() {
				return fmt.Errorf("I17: grant %d has an amount of %s", g.ID, a)
			}
		}
		if g.Remaining().Less(g.Held) {
			return fmt.Errorf("I4: grant %d holds %s of %s", g.ID, g.Held, g.Remaining())
		}
		if g.ended() && g.Remaining() != g.Held {
			return fmt.Errorf("I4: grant %d has ended with %s left and %s held", g.ID, g.Remaining(), g.Held)
		}
	}
	return nil
}

// checkHolds is the part of I4 and I10 about holds.
func (p *Pool) checkHolds() error {
	var unfunded amount.Amount
	var held map[GrantID]amount.Amount
	if len(p.rarely().holds) > 0 {
		held = make(map[GrantID]amount.Amount)
	}
	for h := range p.Holds() {
		if h.End != HoldOpen || h.Unfunded.Sign() < 0 || !h.Unfunded.InRange() {
			return fmt.Errorf("I13: hold %q is %s with %s unfunded", h.ID, h.End, h.Unfunded)
		}
		unfunded = unfunded.Add(h.Unfunded)
		for _, s := range h.Slices {
			if s.Amount.Sign() <= 0 || !s.Amount.InRange() {
				return fmt.Errorf("I4: hold %q pins %s of grant %d", h.ID, s.Amount, s.Grant)
			}
			held[s.Grant] = held[s.Grant].Add(s.Amount)
		}
	}
	if unfunded != p.rarely().unfunded {
		return fmt.Errorf("I10: holds are unfunded by %s, not %s", unfunded, p.rarely().unfunded)
	}
	for _, g := range p.grants {
		if held[g.ID] != g.Held {
			return fmt.Errorf("I4: holds pin %s of grant %d, not %s", held[g.ID], g.ID, g.Held)
		}
		delete(held, g.ID)
	}
	if len(held) > 0 {
		return fmt.Errorf("I4: a hold pins a grant that is not open")
	}
	return nil
}

// checkTotals is I3.
func (p *Pool) checkTotals() error {
	var t totals
	for _, g := range p.grants {
		t.add(g)
	}
	if t != p.totals {
		return fmt.Errorf("I3: running totals differ from their sums")
	}
	if sum := t.funds.Sub(p.Deficit()); p.balance != sum {
		return fmt.Errorf("I3: balance %s, but the grants hold %s", p.balance, sum)
	}
	if !p.balance.InRange() || !p.totals.issued.InRange() || !p.roomToConsume(amount.Zero) {
		return fmt.Errorf("I17: balance %s or a total is out of range", p.balance)
	}
	return nil
}

// checkDeficit is I9.
func (p *Pool) checkDeficit() error {
	od, ok := p.OpenOverdraft()
	if !ok {
		return nil
	}
	if od.Type != Overdraft || od.Consumed.Sign() <= 0 || !od.Held.IsZero() || od.ended() || od.ExpireAt != Never {
		return fmt.Errorf("I9: open overdraft %d carries %s", od.ID, od.Consumed)
	}
	if !od.Amount.IsZero() || !od.Expired.IsZero() || !od.Voided.IsZero() || !od.Cost.Amount.IsZero() {
		return fmt.Errorf("I9: overdraft %d has more than a deficit", od.ID)
	}
	if len(p.spend) > 0 {
		return fmt.Errorf("I9: deficit %s while grant %d could settle it", od.Consumed, p.spend[0].ID)
	}
	return nil
}

// checkIndexes compares every index with the grants and holds it stands for.
func (p *Pool) checkIndexes() error {
	var spend, due, past int
	for _, g := range p.grants {
		at, _ := g.nextDue()
		spend += one(g.spendable())
		due += one(at != Never)
		past += one(g.past())
	}
	r := p.rarely()
	switch {
	case spend != len(p.spend) || !slices.IsSortedFunc(p.spend, burnOrder):
		return fmt.Errorf("I11: the burn order is wrong")
	case due != len(p.due) || !slices.IsSortedFunc(p.due, dueOrder):
		return fmt.Errorf("index: the due order is wrong")
	case past != len(r.past) || !slices.IsSortedFunc(r.past, pastOrder):
		return fmt.Errorf("index: the order of expired grants is wrong")
	case len(r.holds) != len(r.timeouts) || !slices.IsSortedFunc(r.holds, holdOrder) || !slices.IsSortedFunc(r.timeouts, timeoutOrder):
		return fmt.Errorf("index: the order of holds is wrong")
	}
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
