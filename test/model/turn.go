package model

import (
	"math/big"
	"slices"
	"time"
)

// turn moves the clock to a boundary and posts it before anything else that happens at that instant in its pool
// (semantics 10.2). A boundary of now, or of the past, comes after everything that has happened by now.
func (w *world) turn(c Turn) Outcome {
	at := c.At
	if at.IsZero() {
		at = w.now
	}
	if at.After(w.now) {
		w.now = at
		for _, p := range w.pools {
			if p.key == c.Pool {
				p.catchUp(at.Add(-time.Microsecond))
			} else {
				p.catchUp(at)
			}
		}
	} else if at.Before(w.now) {
		w.saw("late boundary")
	}
	p := w.pool(c.Pool)
	out := p.turn(c, at)
	p.catchUp(w.now)
	return out
}

// turn posts a boundary of that instant.
func (p *pool) turn(c Turn, at time.Time) Outcome {
	if p.refusesTurn(c, at) {
		p.world.saw("boundary refused")
		return Outcome{Refused: Refused}
	}
	p.begin(at)
	p.endDueHolds(p.posted)
	out := p.rollOut(c)
	for _, ref := range append(rolled(c), c.Ends...) {
		if g := p.open(ref); g != nil && (g.expireAt.IsZero() || g.expireAt.After(p.posted)) {
			p.world.saw("block ends early")
			g.expireAt = p.posted
		}
	}
	p.expireDue(p.posted)
	for _, ref := range c.Voids {
		if g := p.open(ref); g != nil {
			p.takeAway(g)
		}
	}
	for _, r := range out {
		p.rollIn(r, at)
	}
	if od := p.openOverdraft(); c.Forgive && od != nil {
		p.forgive(od)
	}
	if c.Block.Ref != "" {
		p.issue(c.Block, at)
	}
	p.activateDue(p.posted)
	p.settleDeficit()
	return Outcome{}
}

// open is the grant of that name if it has not ended.
func (p *pool) open(ref string) *grant {
	g := p.find(ref)
	if g == nil || g.isVoided || g.endHandled {
		return nil
	}
	return g
}

func rolled(c Turn) []string {
	var list []string
	for _, r := range c.Rolls {
		list = append(list, r.Ref)
	}
	return list
}

// refusesTurn tells whether a turn names a grant twice, or an overdraft, or has a block that cannot be.
func (p *pool) refusesTurn(c Turn, at time.Time) bool {
	var named []*grant
	for _, ref := range slices.Concat(rolled(c), c.Ends, c.Voids) {
		g := p.find(ref)
		if g == nil {
			continue
		}
		if slices.Contains(named, g) || g.kind == Overdraft && !g.isVoided {
			return true
		}
		named = append(named, g)
	}
	if c.Block.Ref == "" {
		return false
	}
	return number(c.Block.Amount).Sign() <= 0 || !c.Block.ExpireAt.IsZero() && !c.Block.ExpireAt.After(at)
}

// carried is what goes on of a block.
type carried struct {
	of     *grant
	roll   Roll
	amount *big.Rat
	cost   *big.Rat
}

// rollOut takes out of the blocks what no hold pins, up to their limits (semantics 10.3).
func (p *pool) rollOut(c Turn) []carried {
	var list []carried
	for _, r := range c.Rolls {
		g := p.open(r.Ref)
		if g == nil || !g.activated || !r.Until.After(p.posted) {
			continue
		}
		x := least(p.free(g), number(r.Max))
		if x.Sign() == 0 {
			p.world.saw("rollover of nothing")
			continue
		}
		if x.Cmp(p.free(g)) < 0 {
			p.world.saw("rollover up to its limit")
		}
		p.world.saw("rollover")
		row := p.post("ROLLED_OUT", g, neg(x))
		list = append(list, carried{g, r, x, row.money})
	}
	return list
}

// rollIn makes the child: it costs what the block gave up, and burns before what is new.
func (p *pool) rollIn(c carried, at time.Time) {
	child := p.newGrant(c.roll.As, c.of.kind, c.amount)
	child.priority, child.createdAt, child.effectiveAt, child.expireAt = c.of.priority, p.posted.Add(-time.Microsecond), at, c.roll.Until
	if c.cost.Sign() > 0 {
		child.cost, child.currency = c.cost, c.of.currency
		p.world.saw("rollover with money")
	}
	p.post("ROLLED_IN", child, c.amount)
}

// forgive is semantics 6.2: nobody bears what is written off.
func (p *pool) forgive(od *grant) {
	p.world.saw("deficit forgiven")
	debt := od.consumed
	p.post("UPDATED", od, debt)
	for _, s := range od.debts {
		if s.owner != nil {
			s.owner.slices = slices.DeleteFunc(s.owner.slices, func(other *slice) bool { return other == s })
		}
	}
	od.isVoided = true
}

// issue makes the new block. One whose life is over already never begins.
func (p *pool) issue(c AddGrant, at time.Time) {
	g := p.newGrant(c.Ref, c.Kind, number(c.Amount))
	g.priority, g.effectiveAt, g.expireAt = c.Priority, at, c.ExpireAt
	if c.Cost.Amount != "" {
		g.cost, g.currency = number(c.Cost.Amount), c.Cost.Currency
	}
	if p.status(g) == "EXPIRED" {
		p.world.saw("block whose life is over")
		g.endHandled, g.expired = true, g.amount
		return
	}
	p.post("GRANTED", g, g.amount)
}
