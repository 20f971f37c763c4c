package years

import (
	"math/big"
	"slices"
	"time"
)

// boundary collects what a contract does at an instant, before it is done in the order of semantics 10.2.
type boundary struct {
	c      *contract
	a      *account
	at     time.Time
	seen   *counters
	rolls  []carry
	ends   []*lot
	voids  []*lot
	write  bool // the deficit off
	issues []func()
	buys   []func()
}

type carry struct {
	lot  *lot
	most *big.Rat
	ends time.Time
}

// visit does what the contract does at an instant; visiting it again without a change does nothing.
func (c *contract) visit(a *account, at time.Time, seen *counters) {
	b := &boundary{c: c, a: a, at: at, seen: seen}
	if !at.Before(c.start) {
		b.plan()
	}
	b.post()
}

func (b *boundary) plan() {
	if b.c.ended(b.at) {
		if b.c.end.Equal(b.at) {
			b.close()
		}
		return
	}
	present := map[string]bool{"bought": true}
	for _, g := range b.c.gifts(b.at) {
		present[g.slot] = true
		b.give(g)
	}
	b.buy()
	for slot, list := range b.c.blocks {
		if !present[slot] {
			b.c.blocks[slot] = slices.DeleteFunc(list, func(old *block) bool { return !old.to.After(b.at) })
		}
	}
}

// close ends what is to end with the contract.
func (b *boundary) close() {
	for slot, list := range b.c.blocks {
		for _, old := range list {
			switch {
			case slot == "bought" || !old.to.After(b.at):
			case b.c.revokes:
				b.voids = append(b.voids, old.lots...)
				b.seen.add("revoked", len(old.lots))
			case old.cadence == "":
				b.ends = append(b.ends, old.lots...)
			}
		}
	}
	if b.c.revokes {
		b.voids = append(b.voids, b.c.carried...)
	}
	b.c.blocks, b.c.carried = map[string][]*block{}, nil
}

func (b *boundary) give(g gift) {
	now := &block{from: g.from, to: g.to, cadence: g.cadence, peak: new(big.Rat)}
	running := false
	var keep []*block
	for _, old := range b.c.blocks[g.slot] {
		switch {
		case old.from.Equal(g.from) && old.to.Equal(g.to) && old.cadence == g.cadence:
			now, running = old, true
		case old.to.Equal(b.at) && g.from.Equal(b.at):
			b.renew(g, old)
		case old.to.After(b.at) && g.from.Equal(b.at):
			b.ends = append(b.ends, old.lots...)
			b.seen.add("cut short", len(old.lots))
		case old.to.After(b.at):
			keep = append(keep, old)
		}
	}
	b.c.blocks[g.slot] = append(keep, now)
	b.issue(g, now, g.from.Equal(b.at) || !running && b.at.Equal(b.c.start))
}

// renew carries over and forgives where a period follows another.
func (b *boundary) renew(g gift, old *block) {
	b.write = b.write || g.rules.forgives
	if !g.rules.carries || old.cadence == "" || g.cadence == "" {
		return
	}
	ends := g.to
	for range g.rules.periods - 1 {
		_, ends = b.c.days.around(g.cadence, b.c.anchor(b.at), ends)
	}
	left := new(big.Rat)
	for _, l := range old.lots {
		left.Add(left, l.given)
	}
	switch {
	case g.rules.cap > 0:
		left = credit(g.rules.cap)
	case g.rules.percent > 0:
		left.Mul(left, big.NewRat(g.rules.percent, 100))
	}
	for _, l := range old.lots {
		part := new(big.Rat)
		if !l.gone {
			part = least(left, l.left)
		}
		b.rolls = append(b.rolls, carry{l, part, ends})
		left = minus(left, part)
	}
}

// issue gives what is above what was given in the period.
func (b *boundary) issue(g gift, now *block, full bool) {
	more := minus(g.amount, now.peak)
	policy := g.rules.policy
	if policy == "" && !g.rules.seats {
		policy = "PRORATE"
	}
	switch {
	case full:
	case policy == "NEXT_PERIOD":
		return
	case policy == "PRORATE" && more.Sign() > 0:
		rest, all := int64(g.to.Sub(b.at)), int64(g.to.Sub(g.from))
		more = whole(more.Mul(more, big.NewRat(rest, all)))
		b.seen.add("prorated", 1)
	}
	if g.amount.Cmp(now.peak) > 0 {
		now.peak = g.amount
	}
	if more.Sign() <= 0 {
		return
	}
	category := included
	if g.rules.value > 0 && g.cadence != "" {
		category = paid
	}
	b.issues = append(b.issues, func() {
		now.lots = append(now.lots, b.a.add(b.at, "GRANTED", &lot{source: g.source, given: more, ends: g.to, category: category}))
	})
	b.tell(g)
}

// tell counts what is rare.
func (b *boundary) tell(g gift) {
	b.seen.add("cadence "+g.cadence, 1)
	anchor := b.c.anchor(b.at)
	if g.cadence == "MONTH" && anchor.Day() == 31 && b.at.Day() < 31 && g.from.Equal(b.at) {
		b.seen.add("31st clamped", 1)
	}
	if anchor.Day() == 29 && anchor.Month() == time.February && b.at.Day() == 28 && g.cadence == "YEAR" {
		b.seen.add("leap day clamped", 1)
	}
	if g.rules.seats {
		b.seen.add("seats", 1)
	}
}

// buy adds the bought block.
func (b *boundary) buy() {
	p, buys := b.c.buys(b.at)
	if !buys {
		b.c.blocks["bought"] = slices.DeleteFunc(b.c.blocks["bought"], func(old *block) bool { return !old.to.After(b.at) })
		return
	}
	now := &block{from: p.from, to: p.to, cadence: p.cadence, peak: new(big.Rat)}
	for _, old := range b.c.blocks["bought"] {
		if old.from.Equal(p.from) && old.to.Equal(p.to) && old.cadence == p.cadence {
			now = old
		}
	}
	b.c.blocks["bought"] = []*block{now}
	if more := minus(p.quantity, now.peak); more.Sign() > 0 {
		now.peak = p.quantity
		b.seen.add("bought "+p.cadence, 1)
		b.buys = append(b.buys, func() {
			l := &lot{source: "PRICE", given: more, category: paid}
			if b.c.shop.life > 0 {
				l.ends = b.at.AddDate(0, 0, b.c.shop.life)
			}
			b.a.add(b.at, "GRANTED", l)
			b.a.settle()
		})
	}
}

// post does it.
func (b *boundary) post() {
	var children []*lot
	for _, r := range b.rolls {
		if r.most.Sign() > 0 {
			r.lot.left = minus(r.lot.left, r.most)
			b.a.row(b.at, "ROLLED_OUT", new(big.Rat).Neg(r.most), r.lot.source)
			children = append(children, &lot{source: "ROLLOVER", given: r.most, ends: r.ends, category: r.lot.category, born: b.at.UnixMicro() - 1})
			b.seen.add("carried over", 1)
		}
		b.ends = append(b.ends, r.lot)
	}
	for _, l := range b.ends {
		if !l.gone && (l.ends.IsZero() || l.ends.After(b.at)) {
			l.ends = b.at
		}
	}
	b.a.expire(b.at)
	for _, l := range b.voids {
		b.a.void(b.at, l)
	}
	for _, l := range children {
		b.c.carried = append(b.c.carried, b.a.add(b.at, "ROLLED_IN", l))
	}
	if b.write && b.a.deficit.Sign() > 0 {
		b.a.row(b.at, "UPDATED", b.a.deficit, "OVERDRAFT")
		b.a.deficit = new(big.Rat)
		b.seen.add("forgiven", 1)
	}
	if !b.write && b.a.deficit.Sign() > 0 && len(b.issues) > 0 {
		b.seen.add("deficit carried", 1)
	}
	for _, issue := range b.issues {
		issue()
	}
	b.a.activate(b.at)
	b.a.settle()
	for _, buy := range b.buys {
		buy()
	}
}
