package model

import "time"

// addGrant is semantics 4.3: a grant that can be used now is granted now.
func (p *pool) addGrant(c AddGrant) Outcome {
	effective := c.EffectiveAt
	if effective.IsZero() {
		effective = p.world.now
	}
	if !c.ExpireAt.IsZero() && (!c.ExpireAt.After(effective) || !c.ExpireAt.After(p.world.now)) {
		return Outcome{Refused: Refused}
	}
	p.begin(p.world.now)
	g := p.newGrant(c.Ref, c.Kind, number(c.Amount))
	g.priority, g.effectiveAt, g.expireAt, g.awaitsPayment = c.Priority, effective, c.ExpireAt, c.AwaitsPayment
	if c.Cost.Amount != "" {
		g.cost, g.currency = number(c.Cost.Amount), c.Cost.Currency
	}
	p.activateDue(p.posted)
	p.settleDeficit()
	return Outcome{}
}

// void is semantics 4.5. Held credits stay until their hold ends.
func (p *pool) void(g *grant) Outcome {
	if g.kind == Overdraft {
		return Outcome{Refused: OverdraftImmutable}
	}
	p.begin(p.world.now)
	switch p.status(g) {
	case "VOIDED":
		return Outcome{}
	case "EXPIRED":
		return Outcome{Refused: GrantExpired}
	}
	p.takeAway(g)
	return Outcome{}
}

// takeAway voids a grant that has not ended.
func (p *pool) takeAway(g *grant) {
	if g.activated {
		if p.pinned(g).Sign() > 0 {
			p.world.saw("hold across void")
		}
		p.post("VOIDED", g, neg(p.free(g)))
	} else {
		g.voided = g.amount
	}
	g.isVoided = true
}

// update is semantics 4.6.
func (p *pool) update(g *grant, c UpdateGrant) Outcome {
	p.begin(p.world.now)
	if refused := p.refusesUpdate(g, c); refused != "" {
		p.world.saw("update refused")
		return Outcome{Refused: refused}
	}
	delta := zero
	if c.Amount != nil {
		delta = sub(number(*c.Amount), g.amount)
	}
	if g.activated {
		p.post("UPDATED", g, delta)
	} else {
		p.post("UPDATED", g, zero)
		g.amount = add(g.amount, delta)
	}
	g.change(c)
	if p.status(g) == "EXPIRED" {
		p.world.saw("update expires now")
		p.expire(g)
	}
	p.activateDue(p.posted)
	p.settleDeficit()
	return Outcome{}
}

// change sets what an update names, except the amount.
func (g *grant) change(c UpdateGrant) {
	if c.Priority != nil {
		g.priority = *c.Priority
	}
	if c.EffectiveAt != nil {
		g.effectiveAt = *c.EffectiveAt
	}
	if c.ExpireAt != nil {
		g.expireAt = *c.ExpireAt
	}
	if c.Cost != nil {
		g.cost, g.currency = number(c.Cost.Amount), c.Cost.Currency
	}
}

// refusesUpdate says why an update is not allowed, or nothing.
func (p *pool) refusesUpdate(g *grant, c UpdateGrant) string {
	status := p.status(g)
	switch {
	case g.kind == Overdraft:
		return OverdraftImmutable
	case status == "EXPIRED":
		return GrantExpired
	case status == "VOIDED":
		return Refused
	case c.EffectiveAt != nil && status != "SCHEDULED":
		return Refused
	case c.Cost != nil && (g.kind == Promotional || g.released().Sign() != 0):
		return Refused
	}
	if c.Amount != nil {
		floor := add(g.consumed, p.pinned(g))
		if number(*c.Amount).Cmp(g.consumed) >= 0 && number(*c.Amount).Cmp(floor) < 0 {
			p.world.saw("amount below what is held refused")
		}
		if g.kind == Paid || g.cost.Sign() != 0 || number(*c.Amount).Cmp(floor) < 0 || number(*c.Amount).Sign() <= 0 {
			return Refused
		}
	}
	return g.refusesDates(c, p.posted)
}

// refusesDates refuses dates that leave the grant no life, except "expire now".
func (g *grant) refusesDates(c UpdateGrant, now time.Time) string {
	effective, expire := g.effectiveAt, g.expireAt
	if c.EffectiveAt != nil {
		effective = *c.EffectiveAt
	}
	if c.ExpireAt != nil {
		expire = *c.ExpireAt
	}
	if !expire.IsZero() && expire.After(now) && !expire.After(effective) {
		return Refused
	}
	return ""
}

// quote is semantics 11.2: the bounds are allowed, the price is rounded once, to the minor unit.
func (c QuoteTopUp) quote() Outcome {
	amount := number(c.Amount)
	if amount.Cmp(number(c.Min)) < 0 || amount.Cmp(number(c.Max)) > 0 {
		return Outcome{Refused: AmountOutOfRange}
	}
	price := rounded(mul(amount, number(c.Unit.Amount)), minorDigits(c.Unit.Currency))
	return Outcome{Cost: Money{decimal(price), c.Unit.Currency}}
}

// confirm makes the credits of a grant usable once; after its expiry the money came for nothing.
func (p *pool) confirm(g *grant) Outcome {
	p.begin(p.world.now)
	if !g.awaitsPayment || g.isVoided {
		return Outcome{}
	}
	if p.status(g) == "EXPIRED" {
		p.world.saw("paid after expiry")
		g.awaitsPayment = false
		return Outcome{}
	}
	p.world.saw("payment confirmed")
	g.awaitsPayment = false
	p.activateDue(p.posted)
	p.settleDeficit()
	return Outcome{}
}
