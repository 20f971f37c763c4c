package ledger

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unique"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Pool is one wallet: its grants, its overdraft, its holds and the head of its ledger. It is not safe for concurrent
// use; the engine's shard writer owns it. Apart from the key it is the fold of its facts (see Apply).
//
// Small pools dominate, so everything that a plain pool does not need sits behind rare, and every index is a sorted
// slice of pointers: a few words when there are two grants, and logarithmic search when there are ten thousand.
type Pool struct {
	key          Key
	seq          uint64
	lastPostedAt Time
	head         [32]byte
	balance      amount.Amount // end of the last row
	totals       totals
	grants       []*Grant // all that are not forgotten, without the overdraft, by id
	spend        []*Grant // those that a burn may take from now, in burn order
	due          []*Grant // those that will activate or expire, by that instant
	rare         *rare
	watched      watched
}

// rare is what only some pools need.
type rare struct {
	overdraft *Grant        // the open one, or nil
	past      []*Grant      // expired, kept for late events, by expiry
	holds     []*Hold       // open, by id
	timeouts  []*Hold       // open, by expiry
	unfunded  amount.Amount // sum over open holds
}

// nothing stands in for the rare part of the pools that have none. It is only read.
var nothing rare

// NewPool returns an empty pool.
func NewPool(key Key) *Pool { return &Pool{key: key.shared()} }

// shared returns the key with texts that many pools have in common kept once, which saves memory for each of them and the
// burn a look at memory that is not at hand.
func (k Key) shared() Key {
	k.Environment, k.Currency = unique.Make(k.Environment).Value(), unique.Make(k.Currency).Value()
	return k
}

// Key returns the pool's name.
func (p *Pool) Key() Key { return p.key }

// Seq returns the number of the last row, 0 if there is none.
func (p *Pool) Seq() uint64 { return p.seq }

// Head returns the hash of the last row, zeros if there is none.
func (p *Pool) Head() [32]byte { return p.head }

// LastPostedAt returns the posting time of the last row, 0 if there is none.
func (p *Pool) LastPostedAt() Time { return p.lastPostedAt }

// Balance returns the settled balance: the end of the last row (semantics 3). It is negative while a deficit is open.
func (p *Pool) Balance() amount.Amount { return p.balance }

// Held returns the sum of the open holds, what they hold beyond the balance included.
func (p *Pool) Held() amount.Amount { return p.totals.pinned.Add(p.rarely().unfunded) }

// Available returns balance minus held.
func (p *Pool) Available() amount.Amount { return p.balance.Sub(p.Held()) }

// Deficit returns what usage exceeded funds by and nobody has settled yet; never negative.
func (p *Pool) Deficit() amount.Amount {
	if od := p.rarely().overdraft; od != nil {
		return od.Consumed
	}
	return amount.Zero
}

// HasDeficit tells whether an overdraft with something on it is open.
func (p *Pool) HasDeficit() bool { return p.Deficit().Sign() > 0 }

// TotalGranted returns the sum of the original amounts of the active grants as of the last operation (semantics 3).
// It does not see what became due since; call Sweep first.
func (p *Pool) TotalGranted() amount.Amount { return p.totals.granted }

// TotalConsumed returns what was consumed from the active grants, plus the deficit (semantics 3).
func (p *Pool) TotalConsumed() amount.Amount { return p.totals.consumed.Add(p.Deficit()) }

// NextDue returns the earliest pending activation, expiry or hold timeout; Never if there is none.
func (p *Pool) NextDue() Time {
	next := Never
	if len(p.due) > 0 {
		next, _ = p.due[0].nextDue()
	}
	if t := p.rarely().timeouts; len(t) > 0 {
		next = min(next, t[0].ExpiresAt)
	}
	return next
}

// Grant returns an open grant or the open overdraft. The pointer is into the pool: read it before the next operation,
// never write it. Final grants are forgotten (see doc.go) and not found.
func (p *Pool) Grant(id GrantID) (*Grant, bool) {
	g := p.find(id)
	return g, g != nil
}

// Grants yields the open grants in burn order, also those that cannot be burned now; the overdraft is not among them.
// The pool must not change meanwhile.
func (p *Pool) Grants() iter.Seq[*Grant] {
	return slices.Values(slices.SortedFunc(slices.Values(p.grants), burnOrder))
}

// OpenOverdraft returns the overdraft that carries the deficit.
func (p *Pool) OpenOverdraft() (*Grant, bool) {
	od := p.rarely().overdraft
	return od, od != nil
}

// Hold returns an open hold. The pointer is into the pool, as with Grant.
func (p *Pool) Hold(id string) (*Hold, bool) {
	holds := p.rarely().holds
	if i, ok := slices.BinarySearchFunc(holds, id, holdHasID); ok {
		return holds[i], true
	}
	return nil, false
}

// Holds yields the open holds by id. The pool must not change meanwhile.
func (p *Pool) Holds() iter.Seq[*Hold] { return slices.Values(p.rarely().holds) }

// Clone returns a copy that shares nothing mutable with p.
func (p *Pool) Clone() *Pool {
	c := &Pool{key: p.key, seq: p.seq, lastPostedAt: p.lastPostedAt, head: p.head, balance: p.balance, watched: p.watched.clone()}
	for _, g := range p.grants {
		c.enter(g.clone())
	}
	if p.rare != nil {
		if od := p.rare.overdraft; od != nil {
			c.rarer().overdraft = od.clone()
		}
		for _, h := range p.rare.holds {
			c.enterHold(h.clone())
		}
	}
	c.sortIndexes()
	return c
}

func (p *Pool) rarely() *rare {
	if p.rare == nil {
		return &nothing
	}
	return p.rare
}

// rarer returns the rare part for writing.
func (p *Pool) rarer() *rare {
	if p.rare == nil {
		p.rare = &rare{}
	}
	return p.rare
}

// find returns an open grant or overdraft, or nil. The grant at the front of the burn order is nearly always the one
// asked for.
func (p *Pool) find(id GrantID) *Grant {
	if len(p.spend) > 0 && p.spend[0].ID == id {
		return p.spend[0]
	}
	if od := p.rarely().overdraft; od != nil && od.ID == id {
		return od
	}
	if i, ok := slices.BinarySearchFunc(p.grants, id, grantHasID); ok {
		return p.grants[i]
	}
	return nil
}

// Compare orders pools of one customer by credit type, then resource. It spares copying the key.
func (p *Pool) Compare(currency, resource string) int {
	return cmp.Or(strings.Compare(p.key.Currency, currency), strings.Compare(p.key.Resource, resource))
}
