package ledger

import (
	"cmp"
	"slices"
)

// category is the third key of the burn order (semantics 4.1).
type category uint8

const (
	promotional category = iota
	included
	paid
)

func (g *Grant) category() category {
	switch {
	case g.Type == Promotional:
		return promotional
	case g.Type == Recurring && g.Cost.Amount.IsZero():
		return included
	default:
		return paid
	}
}

// burnOrder is semantics 5. It is total, because ids differ.
func burnOrder(a, b *Grant) int {
	if c := cmp.Compare(a.Priority, b.Priority); c != 0 {
		return c
	}
	if c := cmp.Compare(a.ExpireAt, b.ExpireAt); c != 0 { // Never sorts last
		return c
	}
	if c := cmp.Compare(a.category(), b.category()); c != 0 {
		return c
	}
	if c := cmp.Compare(a.EffectiveAt, b.EffectiveAt); c != 0 {
		return c
	}
	if c := cmp.Compare(a.CreatedAt, b.CreatedAt); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// dueKind orders what happens at one instant: expiry before activation (semantics 4.4). Hold timeouts come before both,
// so that a capture still finds its pinned slices, and what it frees expires at once; they have their own index.
type dueKind uint8

const (
	dueExpiry dueKind = iota
	dueActivation
)

// nextDue returns when the clock alone will change the grant next, Never if it will not.
func (g *Grant) nextDue() (Time, dueKind) {
	if g.ended() || g.Type == Overdraft {
		return Never, dueExpiry
	}
	if g.ActivatedAt == 0 && !g.AwaitsPayment && g.EffectiveAt < g.ExpireAt {
		return g.EffectiveAt, dueActivation
	}
	return g.ExpireAt, dueExpiry
}

func dueOrder(a, b *Grant) int {
	aAt, aKind := a.nextDue()
	bAt, bKind := b.nextDue()
	return cmp.Or(cmp.Compare(aAt, bAt), cmp.Compare(aKind, bKind), cmp.Compare(a.ID, b.ID))
}

func pastOrder(a, b *Grant) int {
	return cmp.Or(cmp.Compare(a.ExpireAt, b.ExpireAt), cmp.Compare(a.ID, b.ID))
}

func idOrder(a, b *Grant) int { return cmp.Compare(a.ID, b.ID) }

func grantHasID(g *Grant, id GrantID) int { return cmp.Compare(g.ID, id) }

func holdOrder(a, b *Hold) int { return cmp.Compare(a.ID, b.ID) }

func timeoutOrder(a, b *Hold) int {
	return cmp.Or(cmp.Compare(a.ExpiresAt, b.ExpiresAt), cmp.Compare(a.ID, b.ID))
}

func holdHasID(h *Hold, id string) int { return cmp.Compare(h.ID, id) }

// put inserts v into the sorted slice s.
func put[T any](s []*T, v *T, order func(a, b *T) int) []*T {
	i, _ := slices.BinarySearchFunc(s, v, order)
	return slices.Insert(s, i, v)
}

// take removes v from the sorted slice s; v's key must be what it was when it was put. The front leaves in constant
// time, since that is where grants run dry and instants come due.
func take[T any](s []*T, v *T, order func(a, b *T) int) []*T {
	if len(s) > 0 && s[0] == v {
		s[0] = nil
		return s[1:]
	}
	i, ok := slices.BinarySearchFunc(s, v, order)
	if !ok || s[i] != v {
		broken("index", "an entry is missing")
	}
	return slices.Delete(s, i, i+1)
}

// index puts a grant into every index its state calls for; unindex is its inverse, with the state unchanged between.
func (p *Pool) index(g *Grant) {
	if g.spendable() {
		p.spend = put(p.spend, g, burnOrder)
	}
	if at, _ := g.nextDue(); at != Never {
		p.due = put(p.due, g, dueOrder)
	}
	if g.past() {
		p.rarer().past = put(p.rarer().past, g, pastOrder)
	}
}

func (p *Pool) unindex(g *Grant) {
	if g.spendable() {
		p.spend = take(p.spend, g, burnOrder)
	}
	if at, _ := g.nextDue(); at != Never {
		p.due = take(p.due, g, dueOrder)
	}
	if g.past() {
		p.rare.past = take(p.rare.past, g, pastOrder)
	}
}

// respend moves a grant in or out of the burn order after its counters moved; its key there is unchanged.
func (p *Pool) respend(g *Grant, was bool) {
	switch is := g.spendable(); {
	case is && !was:
		p.spend = put(p.spend, g, burnOrder)
	case was && !is:
		p.spend = take(p.spend, g, burnOrder)
	}
}

// enter and enterHold add to a pool under construction; sortIndexes must follow.
func (p *Pool) enter(g *Grant) {
	p.totals.add(g)
	p.grants = append(p.grants, g)
	if g.spendable() {
		p.spend = append(p.spend, g)
	}
	if at, _ := g.nextDue(); at != Never {
		p.due = append(p.due, g)
	}
	if g.past() {
		p.rarer().past = append(p.rarer().past, g)
	}
}

func (p *Pool) enterHold(h *Hold) {
	r := p.rarer()
	r.holds = append(r.holds, h)
	r.timeouts = append(r.timeouts, h)
	r.unfunded = r.unfunded.Add(h.Unfunded)
}

func (p *Pool) sortIndexes() {
	slices.SortFunc(p.grants, idOrder)
	slices.SortFunc(p.spend, burnOrder)
	slices.SortFunc(p.due, dueOrder)
	if r := p.rare; r != nil {
		slices.SortFunc(r.past, pastOrder)
		slices.SortFunc(r.holds, holdOrder)
		slices.SortFunc(r.timeouts, timeoutOrder)
	}
}
