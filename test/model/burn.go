package model

import (
	"fmt"
	"math/big"
	"time"
)

// burn books a cost on the pool: eligible grants in burn order, then the overdraft (semantics 5, 6.1). With an owner
// that happened earlier, grants that expired meanwhile may pay within the grace (7.3).
func (p *pool) burn(cost *big.Rat, owner *usage) {
	need := cost
	for _, g := range p.payers(owner) {
		if need.Sign() == 0 {
			return
		}
		if p.status(g) == "EXPIRED" {
			x := least(need, g.expired)
			p.world.saw("grace reclaim")
			p.post("EXPIRY_REVERSED", g, x)
			p.consume(g, x, owner)
			need = sub(need, x)
			continue
		}
		x := least(need, p.free(g))
		p.consume(g, x, owner)
		need = sub(need, x)
	}
	if need.Sign() > 0 {
		p.consume(p.overdraft(), need, owner)
	}
}

// payers lists who may pay, in burn order: the eligible grants, and those that may be reclaimed.
func (p *pool) payers(owner *usage) []*grant {
	list := p.eligible()
	if owner == nil {
		return list
	}
	for _, g := range p.grants {
		if p.reclaimable(g, owner.at) {
			list = append(list, g)
		}
	}
	inBurnOrder(list)
	return list
}

// reclaimable says whether an event of that time may still use the expired remainder of a grant: it happened inside
// the grant's life and is posted no later than the grace after the expiry.
func (p *pool) reclaimable(g *grant, eventAt time.Time) bool {
	return p.world.grace > 0 && g.kind != Overdraft && p.status(g) == "EXPIRED" && g.activated && g.expired.Sign() > 0 &&
		!eventAt.Before(g.effectiveAt) && eventAt.Before(g.expireAt) &&
		!p.posted.After(g.expireAt.Add(p.world.grace))
}

// consume posts a CONSUMED row and remembers who bears it.
func (p *pool) consume(g *grant, x *big.Rat, owner *usage) {
	p.post("CONSUMED", g, neg(x))
	s := &slice{grant: g, amount: x, owner: owner, feature: p.feature, version: p.version}
	if owner != nil {
		owner.slices = append(owner.slices, s)
	}
	if g.kind == Overdraft {
		g.debts = append(g.debts, s)
	}
}

// overdraft is the open overdraft, opened if there is none.
func (p *pool) overdraft() *grant {
	if od := p.openOverdraft(); od != nil {
		return od
	}
	count := 1
	for _, g := range p.grants {
		if g.kind == Overdraft {
			count++
		}
	}
	p.world.saw("overdraft opened")
	if count > 1 {
		p.world.saw("overdraft opened again")
	}
	od := p.newGrant(fmt.Sprintf("OD%d", count), Overdraft, zero)
	return od
}

func (p *pool) newGrant(ref string, kind Kind, amount *big.Rat) *grant {
	p.world.created++
	g := &grant{
		ref: ref, order: p.world.created, kind: kind, createdAt: p.posted, effectiveAt: p.posted, amount: amount,
		consumed: zero, expired: zero, voided: zero, cost: zero, booked: zero,
	}
	p.grants = append(p.grants, g)
	return g
}

// settleDeficit moves the deficit onto eligible grants, in burn order, as pairs of transfer rows (semantics 6.1).
func (p *pool) settleDeficit() {
	od := p.openOverdraft()
	if od == nil {
		return
	}
	for _, g := range p.eligible() {
		x := least(od.consumed, p.free(g))
		if x.Sign() == 0 {
			break
		}
		p.post("TRANSFER_SOURCE", od, x)
		p.post("TRANSFER_TARGET", g, neg(x))
		od.passDebts(x, g)
		if od.consumed.Sign() > 0 {
			p.world.saw("overdraft settled in part")
		}
	}
	p.closeSettled(od)
}

// closeSettled ends an overdraft that owes nothing any more.
func (p *pool) closeSettled(od *grant) {
	if od.consumed.Sign() == 0 {
		p.world.saw("overdraft settled in full")
		od.isVoided = true
	}
}

// passDebts hands the oldest debts of an overdraft, x credits in all, to the grant that settled them.
func (g *grant) passDebts(x *big.Rat, to *grant) {
	for x.Sign() > 0 {
		s := g.debts[0]
		if s.amount.Cmp(x) > 0 {
			s.split(x, to)
			return
		}
		x = sub(x, s.amount)
		s.grant, s.settled = to, true
		g.debts = g.debts[1:]
	}
}

// split leaves s with its later part on the overdraft and lets another grant bear the first x credits of it.
func (s *slice) split(x *big.Rat, to *grant) {
	settled := *s
	settled.amount, settled.grant, settled.settled = x, to, true
	s.amount = sub(s.amount, x)
	if s.owner == nil {
		return
	}
	for i, other := range s.owner.slices {
		if other == s {
			rest := append([]*slice{&settled}, s.owner.slices[i:]...)
			s.owner.slices = append(s.owner.slices[:i:i], rest...)
			return
		}
	}
}
