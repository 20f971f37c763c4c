package model

import (
	"math/big"
	"slices"
	"time"
)

// defaultPriority is that of grants that name none (semantics 4.2).
const defaultPriority = 10

// reverse is semantics 7.4: credits go back, newest slice first, to the grants that bear the cost now. What returns to a
// grant that ended ends again, unless a replacement takes its place.
func (p *pool) reverse(u *usage, replace string) {
	p.begin(p.world.now)
	p.event, p.eventAt = u.key, u.at
	returned := zero
	for _, s := range newestFirst(u.slices) {
		p.feature, p.version = s.feature, s.version
		if s.grant.kind == Overdraft {
			p.world.saw("reversal of an open overdraft")
		} else if s.settled {
			p.world.saw("reversal to a settling grant")
		}
		p.post("CONSUMPTION_REVERSED", s.grant, s.amount)
		s.forgive()
	}
	for _, g := range touched(u.slices) {
		x := returnedTo(u.slices, g)
		if status := p.status(g); g.kind != Overdraft && (status == "EXPIRED" || status == "VOIDED") {
			p.world.saw("reversal to a grant that is " + status)
			p.endReturned(g, x)
			if status == "EXPIRED" {
				returned = add(returned, x)
			}
		}
	}
	if od := p.openOverdraft(); od != nil {
		p.closeSettled(od)
	}
	if replace != "" && returned.Sign() > 0 {
		p.world.saw("replacement grant")
		p.newGrant(replace, Promotional, returned).priority = defaultPriority
		p.activateDue(p.posted)
	}
	p.settleDeficit()
	u.slices = nil
}

// newestFirst lists slices from the last credit of the cost to the first, whoever bears it now.
func newestFirst(list []*slice) []*slice {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// touched lists the grants of the slices, newest first, each once.
func touched(list []*slice) []*grant {
	var grants []*grant
	for _, s := range newestFirst(list) {
		if !slices.Contains(grants, s.grant) {
			grants = append(grants, s.grant)
		}
	}
	return grants
}

func returnedTo(list []*slice, g *grant) *big.Rat {
	sum := zero
	for _, s := range list {
		if s.grant == g {
			sum = add(sum, s.amount)
		}
	}
	return sum
}

// forgive takes a slice off the debts of its overdraft, if it is there.
func (s *slice) forgive() {
	s.grant.debts = slices.DeleteFunc(s.grant.debts, func(d *slice) bool { return d == s })
}

// reverse finds the event and takes it back in every pool it burned.
func (w *world) reverse(c Reverse) Outcome {
	e := w.events[eventKey{c.Resource, c.Name, c.Key}]
	if e == nil {
		return Outcome{Refused: EventNotFound}
	}
	if e.reversed {
		w.saw("second reversal")
		return Outcome{Duplicate: true}
	}
	e.reversed = true
	for _, p := range w.pools {
		if u := e.used[p.key]; u != nil {
			p.reverse(u, c.Replace)
		}
	}
	return Outcome{}
}

// window says how old and how far ahead an event may be (semantics 7.3).
const (
	aheadMax = 5 * time.Minute
	ageMax   = 31 * 24 * time.Hour
)
