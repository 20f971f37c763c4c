package model

import (
	"cmp"
	"fmt"
	"math/big"
	"sort"
	"time"
)

// pool is one wallet during a replay. Whatever can be derived is derived on demand by looking at everything.
type pool struct {
	world  *world
	key    Pool
	grants []*grant // in creation order, overdrafts included, none ever removed
	holds  []*hold  // the same
	rows   []*row

	// of the transaction under way:
	txn     int
	posted  time.Time
	event   string
	eventAt time.Time
	feature string
	version int
}

type grant struct {
	ref                           string
	order                         int // of creation
	kind                          Kind
	priority                      int
	createdAt, effectiveAt        time.Time
	expireAt                      time.Time // zero: never
	amount                        *big.Rat
	consumed, expired, voided     *big.Rat
	cost                          *big.Rat
	booked                        *big.Rat // money granted less money that left (I12)
	currency                      string
	awaitsPayment                 bool
	activated, isVoided, depleted bool
	endHandled                    bool     // its expiry was posted
	debts                         []*slice // of an overdraft: what it still bears, oldest first
}

// slice is a part of the cost of an event and the grant that bears it now.
type slice struct {
	grant   *grant
	amount  *big.Rat
	owner   *usage // nil for consumption without an event
	feature string
	version int
	settled bool // borne through the settlement of an overdraft
}

// usage is what one event consumed.
type usage struct {
	key    string
	at     time.Time
	slices []*slice
}

type row struct {
	seq      int
	txn      int
	posted   time.Time
	typ      string
	grant    *grant
	amount   *big.Rat
	end      *big.Rat
	event    string
	eventAt  time.Time
	feature  string
	version  int
	money    *big.Rat
	currency string
}

// begin starts a transaction at an instant, on behalf of nobody in particular.
func (p *pool) begin(at time.Time) {
	p.world.txns++
	p.txn = p.world.txns
	p.posted = at
	if n := len(p.rows); n > 0 && p.rows[n-1].posted.After(at) {
		p.posted = p.rows[n-1].posted
	}
	p.event, p.eventAt, p.feature, p.version = "", time.Time{}, "", 0
}

// post appends a row and moves the grant's counters with it.
func (p *pool) post(typ string, g *grant, amount *big.Rat) *row {
	before := g.released()
	g.count(typ, amount)
	r := &row{
		seq: len(p.rows) + 1, txn: p.txn, posted: p.posted, typ: typ, grant: g, amount: amount,
		end: add(p.balance(), amount), event: p.event, eventAt: p.eventAt,
		money: sub(g.moneyOf(g.released()), g.moneyOf(before)), currency: g.currency,
	}
	if typ == "GRANTED" || typ == "UPDATED" || typ == "ROLLED_IN" {
		r.money = zero
	}
	switch typ {
	case "GRANTED":
		p.book(g, typ, g.moneyOf(g.amount))
	case "ROLLED_IN":
		p.book(g, "ROLLED", neg(g.moneyOf(g.amount)))
	}
	p.book(g, columnOf[typ], r.money)
	p.checkMoney(g)
	if typ == "CONSUMED" || typ == "CONSUMPTION_REVERSED" {
		r.feature, r.version = p.feature, p.version
	}
	g.noteDepletion(typ)
	p.rows = append(p.rows, r)
	return r
}

// noteDepletion marks a grant that consumption or settlement emptied while it was alive, until something returns.
func (g *grant) noteDepletion(typ string) {
	if g.remaining().Sign() > 0 {
		g.depleted = false
	} else if (typ == "CONSUMED" || typ == "TRANSFER_TARGET") && !g.isVoided && !g.endHandled && g.kind != Overdraft {
		g.depleted = true
	}
}

// count moves the counters of a grant as a row of that type and signed amount says.
func (g *grant) count(typ string, amount *big.Rat) {
	switch typ {
	case "GRANTED", "ROLLED_IN":
		g.activated = true
	case "UPDATED":
		if g.kind == Overdraft {
			g.consumed = sub(g.consumed, amount)
			return
		}
		g.amount = add(g.amount, amount)
	case "CONSUMED", "TRANSFER_SOURCE", "TRANSFER_TARGET", "CONSUMPTION_REVERSED":
		g.consumed = sub(g.consumed, amount)
	case "EXPIRED", "EXPIRY_REVERSED":
		g.expired = sub(g.expired, amount)
	case "VOIDED", "ROLLED_OUT":
		g.voided = sub(g.voided, amount)
	default:
		panic("model: row type " + typ)
	}
}

// released is the part of the grant that is no longer deferred (semantics 19.2).
func (g *grant) released() *big.Rat { return add(g.consumed, add(g.expired, g.voided)) }

// moneyOf is the money of the first that many released credits, at the minor unit.
func (g *grant) moneyOf(released *big.Rat) *big.Rat {
	if g.cost.Sign() == 0 {
		return zero
	}
	return rounded(quo(mul(g.cost, released), g.amount), minorDigits(g.currency))
}

func (g *grant) remaining() *big.Rat { return sub(g.amount, g.released()) }

func (p *pool) balance() *big.Rat {
	if len(p.rows) == 0 {
		return zero
	}
	return p.rows[len(p.rows)-1].end
}

// statusAt is semantics 4.3: the first match wins.
func (g *grant) statusAt(now time.Time) string {
	switch {
	case g.isVoided:
		return "VOIDED"
	case !g.expireAt.IsZero() && !g.expireAt.After(now):
		return "EXPIRED"
	case g.awaitsPayment:
		return "PAYMENT_PENDING"
	case g.effectiveAt.After(now):
		return "SCHEDULED"
	}
	return "ACTIVE"
}

func (p *pool) status(g *grant) string { return g.statusAt(p.posted) }

// pinned is how much of a grant open holds keep.
func (p *pool) pinned(g *grant) *big.Rat {
	sum := zero
	for _, h := range p.holds {
		for _, s := range h.slices {
			if s.grant == g && h.end == "OPEN" {
				sum = add(sum, s.amount)
			}
		}
	}
	return sum
}

func (p *pool) held() *big.Rat {
	sum := zero
	for _, h := range p.holds {
		if h.end == "OPEN" {
			sum = add(sum, h.held())
		}
	}
	return sum
}

func (p *pool) available() *big.Rat { return sub(p.balance(), p.held()) }

// free is what burns may take from a grant.
func (p *pool) free(g *grant) *big.Rat { return sub(g.remaining(), p.pinned(g)) }

// openOverdraft is the overdraft that is not settled yet, or nil.
func (p *pool) openOverdraft() *grant {
	for _, g := range p.grants {
		if g.kind == Overdraft && !g.isVoided {
			return g
		}
	}
	return nil
}

func (p *pool) deficit() *big.Rat {
	if od := p.openOverdraft(); od != nil {
		return od.consumed
	}
	return zero
}

// eligible lists the grants that burns may take from, in burn order (semantics 5).
func (p *pool) eligible() []*grant {
	var list []*grant
	for _, g := range p.grants {
		if g.kind != Overdraft && g.activated && p.status(g) == "ACTIVE" && p.free(g).Sign() > 0 {
			list = append(list, g)
		}
	}
	inBurnOrder(list)
	return list
}

func inBurnOrder(list []*grant) {
	sort.Slice(list, func(i, j int) bool { return burnsBefore(list[i], list[j]) })
}

// burnsBefore is the order of semantics 5: six keys, the last of which never ties.
func burnsBefore(a, b *grant) bool {
	return cmp.Or(
		cmp.Compare(a.priority, b.priority),
		compareExpiry(a.expireAt, b.expireAt),
		cmp.Compare(a.category(), b.category()),
		a.effectiveAt.Compare(b.effectiveAt),
		a.createdAt.Compare(b.createdAt),
		cmp.Compare(a.order, b.order),
	) < 0
}

// compareExpiry puts grants that never expire last.
func compareExpiry(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

// category is promotional, then included, then paid.
func (g *grant) category() int {
	switch {
	case g.kind == Promotional:
		return 0
	case g.kind == Recurring && g.cost.Sign() == 0:
		return 1
	}
	return 2
}

func (p *pool) find(ref string) *grant {
	for _, g := range p.grants {
		if g.ref == ref {
			return g
		}
	}
	return nil
}

// checkSelf panics when the model itself breaks invariants 3, 5 or 6: then the model is wrong, not the subject.
func (p *pool) checkSelf() {
	sum := neg(p.deficit())
	for _, g := range p.grants {
		if g.kind == Overdraft {
			continue
		}
		if g.statusAt(p.world.now) == "ACTIVE" {
			sum = add(sum, g.remaining())
		} else {
			sum = add(sum, p.pinned(g))
		}
		if g.activated && (g.remaining().Sign() < 0 || p.free(g).Sign() < 0) {
			panic(fmt.Sprintf("model: grant %s has remaining %s, free %s", g.ref, decimal(g.remaining()), decimal(p.free(g))))
		}
	}
	if sum.Cmp(p.balance()) != 0 {
		panic(fmt.Sprintf("model: balance %s but grants say %s", decimal(p.balance()), decimal(sum)))
	}
	if p.deficit().Sign() > 0 && len(p.eligible()) > 0 {
		panic("model: a deficit beside free credits")
	}
}
