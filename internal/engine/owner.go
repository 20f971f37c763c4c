package engine

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"unique"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// owner is whoever postings belong to: a pool; a customer (no currency), who also owns meters; or an environment's
// attention list (no customer), which names the events that wait for a person. Only the shard's writer touches an
// owner, except for view.
type owner struct {
	customer *owner        // of a pool
	pool     *ledger.Pool  // of a pool
	self     *customerPart // of a customer or attention list

	no      uint64   // counted in the order of first appearance in the journal
	asOf    Position // the last entry that is part of the state
	page    *page    // of the open window, nil until the first posting
	closing []closedPage
	fresh   map[ledger.GrantID]*freshGrant // grants whose row must be written: new, with new texts, or final
	flight  uint64                         // the last one with a change of it
	used    uint32                         // the eviction before which it was used last
	flushes int32                          // full windows that are still to write it
	due     int                            // its place among what is due, from 1; dueQueue's own
	stored  bool                           // it has a row
	dirty   bool                           // changed in the open window

	view atomic.Pointer[Snapshot]
}

// customerPart is what only customers have. A million pools are to fit in memory, so pools do not carry it.
type customerPart struct {
	id     customerID
	meters meterSet
	pools  []*owner    // in memory, by credit type and resource
	closed ledger.Time // of an attention list: nothing is posted in its environment before this instant (close.go)
}

// customerID names a customer, or with an empty ID an environment's attention list.
type customerID struct{ environment, id string }

// key names the owner.
func (o *owner) key() ledger.Key {
	if o.pool != nil {
		return o.pool.Key()
	}
	return ledger.Key{Environment: o.self.id.environment, Customer: o.self.id.id}
}

// find returns where a customer's pool is in memory, or belongs.
func (c *customerPart) find(ref PoolRef) (int, bool) {
	if len(c.pools) == 1 && c.pools[0].pool.Compare(ref.Currency, ref.Resource) == 0 {
		return 0, true // nearly every customer
	}
	return slices.BinarySearchFunc(c.pools, ref, func(o *owner, ref PoolRef) int { return o.pool.Compare(ref.Currency, ref.Resource) })
}

// closedPage is the page of a window that is full but not written yet.
type closedPage struct {
	window uint32
	page   *page
}

// View is what readers see of a pool: a copy made after each durable commit.
type View struct {
	Key ledger.Key
	Snapshot
}

// Snapshot is the numbers of a View.
type Snapshot struct {
	Balance       amount.Amount // settled balance (semantics 3)
	Held          amount.Amount
	Available     amount.Amount
	Deficit       amount.Amount
	TotalGranted  amount.Amount
	TotalConsumed amount.Amount
	Seq           uint64
	Head          [32]byte
	PostedAt      ledger.Time // of the last row, 0 before the first
	NextDue       ledger.Time // the view is out of date from this instant on
}

func snapshotOf(p *ledger.Pool) *Snapshot {
	return &Snapshot{
		Balance: p.Balance(), Held: p.Held(), Available: p.Available(), Deficit: p.Deficit(),
		TotalGranted: p.TotalGranted(), TotalConsumed: p.TotalConsumed(),
		Seq: p.Seq(), Head: p.Head(), PostedAt: p.LastPostedAt(), NextDue: p.NextDue(),
	}
}

// customerOf is the key of the customer that a pool belongs to.
func customerOf(pool ledger.Key) ledger.Key {
	return ledger.Key{Environment: pool.Environment, Customer: pool.Customer}
}

// row is the checkpointed form of the owner's state.
func (o *owner) row() OwnerRow {
	row := OwnerRow{Key: o.key(), No: o.no, NextDue: ledger.Never}
	switch {
	case o.pool != nil:
		row.AsOf, row.State, row.NextDue = o.asOf, o.pool.AppendBinary(nil), o.pool.NextDue()
	case !o.stateless():
		row.AsOf, row.State = o.asOf, o.self.appendBinary(nil)
	}
	return row
}

// stateless tells whether the owner has nothing but its number: a customer without cumulative meters, or the attention
// list of an environment that nothing was closed in. Its row is written once, and is true for ever.
func (o *owner) stateless() bool {
	return o.pool == nil && len(o.self.meters) == 0 && o.self.closed == 0
}

// appendBinary is the state of a customer, or of an attention list, which has no meters.
func (c *customerPart) appendBinary(b []byte) []byte {
	if c.id.id == "" {
		return appendInt(b, int64(c.closed))
	}
	return c.meters.appendBinary(b)
}

// decode reads what appendBinary wrote; nothing means that there was no state.
func (c *customerPart) decode(state []byte) (err error) {
	if c.id.id != "" || len(state) == 0 {
		c.meters, err = decodeMeters(state)
		return err
	}
	r := &reader{rest: state}
	if c.closed = ledger.Time(r.int()); r.err == nil && len(r.rest) > 0 {
		r.fail()
	}
	return r.err
}

// customer returns a customer from memory or its checkpoint, or new. A new owner gets its number when its first entry is
// indexed, not before: an operation that is refused leaves no trace.
func (s *shard) customer(ctx context.Context, environment, id string) (*owner, error) {
	if o := s.customers[customerID{environment, id}]; o != nil {
		o.used = s.evictions
		return o, nil
	}
	// The texts may be parts of a request's body, which must not stay in memory for them.
	name := customerID{unique.Make(environment).Value(), strings.Clone(id)}
	o := &owner{self: &customerPart{id: name}, used: s.evictions}
	row, found, err := s.journal.Owner(ctx, s.id, o.key())
	if err != nil {
		return nil, err
	}
	if found {
		o.no, o.asOf, o.stored = row.No, row.AsOf, true
		if err = o.self.decode(row.State); err != nil {
			return nil, err
		}
	}
	s.ownersMu.Lock()
	s.customers[name] = o
	s.ownersMu.Unlock()
	return o, nil
}

// pool returns a pool of a customer from memory or its checkpoint, or new.
func (s *shard) pool(ctx context.Context, customer *owner, ref PoolRef) (*owner, error) {
	at, known := customer.self.find(ref)
	if known {
		o := customer.self.pools[at]
		o.used = s.evictions
		return o, nil
	}
	key := customer.key()
	key.Currency, key.Resource = ref.Currency, strings.Clone(ref.Resource)
	o := &owner{customer: customer, pool: ledger.NewPool(key), used: s.evictions}
	row, found, err := s.journal.Owner(ctx, s.id, key)
	if err != nil {
		return nil, err
	}
	if found {
		o.no, o.asOf, o.stored = row.No, row.AsOf, true
		if o.pool, err = ledger.DecodePool(row.State); err != nil {
			return nil, err
		}
	}
	s.show(o, snapshotOf(o.pool))
	s.ownersMu.Lock()
	customer.self.pools = slices.Insert(customer.self.pools, at, o)
	s.ownersMu.Unlock()
	s.pools++
	return o, nil
}

// owner is pool, or customer when the key has no currency.
func (s *shard) owner(ctx context.Context, key ledger.Key) (*owner, error) {
	customer, err := s.customer(ctx, key.Environment, key.Customer)
	if err != nil || key.Currency == "" {
		return customer, err
	}
	return s.pool(ctx, customer, PoolRef{Currency: key.Currency, Resource: key.Resource})
}

// viewOf returns what is published of a pool in memory, nil when it is not there or memory is not to be trusted: while it is
// loaded it shows old states (E6). It may be called from any goroutine.
func (s *shard) viewOf(key ledger.Key) *View {
	s.ownersMu.RLock()
	defer s.ownersMu.RUnlock()
	if !s.loaded.Load() { // a load that begins now waits for us before it forgets anything
		return nil
	}
	customer := s.customers[customerID{key.Environment, key.Customer}]
	if customer == nil {
		return nil
	}
	at, known := customer.self.find(PoolRef{Currency: key.Currency, Resource: key.Resource})
	if !known {
		return nil
	}
	return &View{Key: key, Snapshot: *customer.self.pools[at].view.Load()}
}

// evict forgets pools and customers that have nothing to write and were not used since the eviction before, when there
// are too many. It may run only between two batches: an operation under way holds on to its owners.
func (s *shard) evict() {
	if s.pools+len(s.customers) <= s.evictAbove {
		return
	}
	s.ownersMu.Lock()
	defer s.ownersMu.Unlock()
	for id, customer := range s.customers {
		before := len(customer.self.pools)
		customer.self.pools = slices.DeleteFunc(customer.self.pools, s.evictPool)
		s.pools -= before - len(customer.self.pools)
		if len(customer.self.pools) == 0 && s.idle(customer) {
			delete(s.customers, id)
		}
	}
	s.evictions++
	s.evictAbove = max(s.ownersMax, s.pools+len(s.customers)+s.ownersMax/evictShare)
}

// evictShare is the part of ownersMax that comes into memory between two evictions, which look at every owner.
const evictShare = 8

func (s *shard) evictPool(o *owner) bool {
	idle := s.idle(o)
	if idle {
		s.dues.forget(o)
	}
	return idle
}

func (s *shard) idle(o *owner) bool {
	return !o.dirty && o.flushes == 0 && len(o.fresh) == 0 && o.used != s.evictions
}
