package model

import "time"

// turn is a boundary: mostly at an instant that others name too, sometimes now, sometimes late.
func (g *Generator) turn() Command {
	c := Turn{Pool: g.pool(), Forgive: g.chance(30)}
	if g.chance(70) {
		c.At = g.ahead()
		if near := pick(g, g.boundaries...); near.After(g.now) {
			c.At = near
		}
		g.now = c.At
	} else if g.chance(40) {
		c.At = g.now.Add(-pick(g, time.Microsecond, time.Hour, 5*time.Hour))
	}
	if g.chance(90) {
		c.Block = g.block(c)
	}
	for range g.rnd.IntN(3) {
		r := Roll{g.someGrant(), g.name("ro"), pick(g, "0", "5", "20", "33.333333333", "500"), g.ahead()}
		c.Rolls = append(c.Rolls, r)
	}
	if g.chance(30) {
		c.Ends = append(c.Ends, g.someGrant())
	}
	if g.chance(20) {
		c.Voids = append(c.Voids, g.someGrant())
	}
	for _, r := range c.Rolls {
		g.grants = append(g.grants, r.As)
	}
	if c.Block.Ref != "" {
		g.grants = append(g.grants, c.Block.Ref)
	}
	return c
}

// block is the new block of a boundary; after a late one its life may be over.
func (g *Generator) block(c Turn) AddGrant {
	b := g.newGrant()
	b.Pool, b.EffectiveAt, b.AwaitsPayment = c.Pool, time.Time{}, false
	if g.chance(60) {
		b.Kind, b.Cost = Recurring, Money{}
	}
	if !c.At.IsZero() && c.At.Before(g.now) && g.chance(50) {
		b.ExpireAt = c.At.Add(pick(g, time.Microsecond, time.Hour))
	}
	return b
}
