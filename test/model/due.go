package model

import (
	"sort"
	"time"
)

// catchUp posts everything due up to and including now, one instant after another, each in its own transaction. At one
// instant: ended holds, then expiries, then activations, then the settlement of a deficit. (Semantics 4.4 orders only the
// middle two. Holds end first, so that what they free expires in one row with the rest.)
func (p *pool) catchUp(now time.Time) {
	for {
		at := p.nextDue()
		if at.IsZero() || at.After(now) {
			return
		}
		p.begin(at)
		p.endDueHolds(at)
		p.expireDue(at)
		p.activateDue(at)
		p.settleDeficit()
	}
}

// nextDue is the earliest instant at which something happens by itself, zero for none.
func (p *pool) nextDue() time.Time {
	var due time.Time
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, g := range p.grants {
		if g.isVoided || g.endHandled || g.kind == Overdraft {
			continue
		}
		if !g.expireAt.IsZero() {
			sooner(g.expireAt)
		}
		if !g.activated && !g.awaitsPayment {
			sooner(g.effectiveAt)
		}
	}
	for _, h := range p.holds {
		if h.end == "OPEN" {
			sooner(h.expiresAt)
		}
	}
	return due
}

// expireDue expires the grants whose time has come; what holds pin survives until they end.
func (p *pool) expireDue(at time.Time) {
	for _, g := range p.grants {
		if g.kind == Overdraft || g.isVoided || g.endHandled || g.expireAt.IsZero() || g.expireAt.After(at) {
			continue
		}
		p.expire(g)
	}
}

func (p *pool) expire(g *grant) {
	g.endHandled = true
	if p.pinned(g).Sign() > 0 {
		p.world.saw("hold across expiry")
	}
	if !g.activated {
		g.expired = g.amount
		return
	}
	if x := p.free(g); x.Sign() > 0 {
		p.world.saw("expiry of a remainder")
		p.post("EXPIRED", g, neg(x))
	}
}

func (p *pool) activateDue(at time.Time) {
	for _, g := range p.grants {
		if !g.activated && g.kind != Overdraft && g.statusAt(at) == "ACTIVE" {
			if !g.createdAt.Equal(at) {
				p.world.saw("activation later than creation")
			}
			p.post("GRANTED", g, g.amount)
		}
	}
}

// endDueHolds ends holds by name; the order shows only when several are captured at one instant.
func (p *pool) endDueHolds(at time.Time) {
	var due []*hold
	for _, h := range p.holds {
		if h.end == "OPEN" && !h.expiresAt.After(at) {
			due = append(due, h)
		}
	}
	sort.Slice(due, func(i, j int) bool { return due[i].ref < due[j].ref })
	for _, h := range due {
		p.timeOut(h)
	}
}
