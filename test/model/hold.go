package model

import (
	"math/big"
	"time"
)

// defaultTTL is the life of a reservation that names none, longestTTL the longest (semantics 6.4).
const (
	defaultTTL = time.Hour
	longestTTL = 24 * time.Hour
)

type hold struct {
	ref       string
	amount    *big.Rat
	slices    []*slice // pinned, in burn order; owner is nil
	unfunded  *big.Rat
	settled   *big.Rat
	createdAt time.Time
	expiresAt time.Time
	capture   bool
	end       string // OPEN, SETTLED, RELEASED, EXPIRED, CAPTURED
}

func (h *hold) pinned() *big.Rat {
	sum := zero
	for _, s := range h.slices {
		sum = add(sum, s.amount)
	}
	return sum
}

func (h *hold) held() *big.Rat { return add(h.pinned(), h.unfunded) }

func (h *hold) view() *Hold {
	return &Hold{Amount: decimal(h.amount), Held: decimal(h.held()), Settled: decimal(h.settled), End: h.end}
}

func (p *pool) findHold(ref string) *hold {
	for _, h := range p.holds {
		if h.ref == ref {
			return h
		}
	}
	return nil
}

// reserve pins concrete slices in burn order, all or nothing.
func (p *pool) reserve(c Reserve) Outcome {
	p.begin(p.world.now)
	amount := number(c.Amount)
	if h := p.findHold(c.Ref); h != nil {
		if h.amount.Cmp(amount) != 0 {
			return Outcome{Refused: IdempotencyMismatch}
		}
		p.world.saw("reservation repeated")
		return Outcome{Duplicate: true, Hold: h.view()}
	}
	if p.available().Cmp(amount) < 0 && !c.AllowOverdraft {
		p.world.saw("reservation refused")
		return Outcome{Refused: Insufficient}
	}
	ttl := c.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	h := &hold{
		ref: c.Ref, amount: amount, settled: zero, createdAt: p.world.now, expiresAt: p.world.now.Add(ttl),
		capture: c.Capture, end: "OPEN",
	}
	h.unfunded = p.pin(h, amount)
	if h.unfunded.Sign() > 0 {
		p.world.saw("reservation beyond the balance")
	}
	p.holds = append(p.holds, h)
	return Outcome{Hold: h.view()}
}

// pin takes slices of the eligible grants and returns what they could not cover.
func (p *pool) pin(h *hold, need *big.Rat) *big.Rat {
	for _, g := range p.eligible() {
		if need.Sign() == 0 {
			break
		}
		x := least(need, p.free(g))
		h.slices = append(h.slices, &slice{grant: g, amount: x})
		need = sub(need, x)
	}
	return need
}

// settle burns under a hold. A settle after the TTL passed burns like an event: the final one once, partial ones before it
// each. One of nothing, which is a release, and one after another end change nothing.
func (p *pool) settle(c Settle) Outcome {
	h := p.findHold(c.Ref)
	if h == nil {
		return Outcome{Refused: ReservationNotFound}
	}
	p.begin(p.world.now)
	amount := number(c.Amount)
	switch {
	case h.end == "EXPIRED" && amount.Sign() > 0 && c.Partial:
		p.world.saw("partial settle after the TTL")
		p.burn(amount, nil)
		return Outcome{Hold: h.view()}
	case h.end == "EXPIRED" && amount.Sign() > 0:
		p.world.saw("settle after the TTL")
		h.end, h.settled = "SETTLED", add(h.settled, amount)
		p.burn(amount, nil)
		return Outcome{Hold: h.view()}
	case h.end != "OPEN":
		return Outcome{Hold: h.view()}
	}
	extended := p.world.now.Add(c.Extend)
	if c.Partial && extended.After(h.createdAt.Add(longestTTL)) {
		p.world.saw("extension refused")
		return Outcome{Refused: Refused, Hold: h.view()}
	}
	p.charge(h, amount)
	if c.Partial {
		p.world.saw("partial settle")
	}
	if !c.Partial {
		h.end = "SETTLED"
		if amount.Sign() == 0 && h.settled.Sign() == 0 {
			h.end = "RELEASED"
		}
		p.drop(h)
		p.world.saw("final settle")
	} else if c.Extend != 0 {
		h.expiresAt = extended
	}
	p.settleDeficit()
	return Outcome{Hold: h.view()}
}

// charge consumes from the pinned slices in order, and what is more than they hold like an event. A grant touched both
// ways has one row.
func (p *pool) charge(h *hold, amount *big.Rat) {
	var order []*grant
	taken := map[*grant]*big.Rat{}
	take := func(g *grant, x *big.Rat) {
		if taken[g] == nil {
			order, taken[g] = append(order, g), zero
		}
		taken[g] = add(taken[g], x)
	}
	need := amount
	for _, s := range h.slices {
		x := least(need, s.amount)
		if x.Sign() > 0 {
			take(s.grant, x)
		}
		s.amount, need = sub(s.amount, x), sub(need, x)
	}
	if need.Sign() > 0 {
		p.world.saw("settle above the hold")
	}
	h.unfunded = sub(h.unfunded, least(need, h.unfunded))
	for _, g := range p.eligible() {
		free := p.free(g)
		if taken[g] != nil {
			free = sub(free, taken[g])
		}
		if x := least(need, free); x.Sign() > 0 {
			take(g, x)
			need = sub(need, x)
		}
	}
	for _, g := range order {
		p.consume(g, taken[g], nil)
	}
	if need.Sign() > 0 {
		p.consume(p.overdraft(), need, nil)
	}
	h.settled = add(h.settled, amount)
}

// drop frees what a hold still keeps. What returns to a grant that ended meanwhile ends with it.
func (p *pool) drop(h *hold) {
	for _, s := range h.slices {
		x := s.amount
		s.amount = zero
		p.endReturned(s.grant, x)
	}
	h.unfunded = zero
}

// endReturned ends credits that came back to a grant, if the grant has ended.
func (p *pool) endReturned(g *grant, x *big.Rat) {
	if x.Sign() == 0 {
		return
	}
	switch {
	case g.isVoided:
		p.world.saw("freed or returned to a voided grant")
		p.post("VOIDED", g, neg(x))
	case g.endHandled:
		p.world.saw("freed or returned to an expired grant")
		p.post("EXPIRED", g, neg(x))
	}
}

func (p *pool) release(c Release) Outcome {
	h := p.findHold(c.Ref)
	if h == nil {
		return Outcome{Refused: ReservationNotFound}
	}
	p.begin(p.world.now)
	if h.end == "OPEN" {
		h.end = "RELEASED"
		p.drop(h)
		p.settleDeficit()
	}
	return Outcome{Hold: h.view()}
}

// timeOut ends a hold whose TTL passed: everything is freed, or charged if the hold says so.
func (p *pool) timeOut(h *hold) {
	if h.capture {
		p.world.saw("capture")
		h.end = "CAPTURED"
		p.charge(h, h.held())
		return
	}
	p.world.saw("hold timed out")
	h.end = "EXPIRED"
	p.drop(h)
}
