package engine

import (
	"context"
	"sync/atomic"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// owner is whoever postings belong to: a pool; a customer (no currency), who also owns meters; or an environment's
// attention list (no customer), which names the events that wait for a person. Only the shard's writer touches an
// owner, except for view.
type owner struct {
	key      ledger.Key
	customer *owner             // of a pool
	pools    map[PoolRef]*owner // of a customer: those in memory
	no       uint64             // counted in the order of first appearance in the journal
	asOf     Position           // the last entry that is part of the state

	pool   *ledger.Pool // pools only
	meters meterSet     // customers only

	page    *page                          // of the open window, nil until the first posting
	closing []closedPage                   // of windows that are being written
	dirty   bool                           // changed in the open window
	fresh   map[ledger.GrantID]*freshGrant // grants whose row must be written: new, with new texts, or final
	window  uint32                         // last window in which it was used, for eviction
	batch   uint64                         // last batch that changed it

	view atomic.Pointer[View]
}

// closedPage is the page of a window that is full but not written yet.
type closedPage struct {
	window uint32
	page   *page
}

// View is what readers see of a pool: a copy made after each durable commit.
type View struct {
	Key           ledger.Key
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

func viewOf(p *ledger.Pool) *View {
	return &View{
		Key: p.Key(), Balance: p.Balance(), Held: p.Held(), Available: p.Available(), Deficit: p.Deficit(),
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
	row := OwnerRow{Key: o.key, No: o.no, AsOf: o.asOf, NextDue: ledger.Never}
	switch {
	case o.pool != nil:
		row.State, row.NextDue = o.pool.AppendBinary(nil), o.pool.NextDue()
	case o.key.Customer != "":
		row.State = o.meters.appendBinary(nil)
	}
	return row
}

func (s *shard) newOwner(key ledger.Key) *owner {
	o := &owner{key: key}
	if key.Currency != "" {
		o.pool = ledger.NewPool(key)
	}
	return o
}

// customerID names a customer, or with an empty ID an environment's attention list.
type customerID struct{ environment, id string }

// customer returns a customer from memory or its checkpoint, or new. A new owner gets its number when its first entry is
// indexed, not before: an operation that is refused leaves no trace.
func (s *shard) customer(ctx context.Context, environment, id string) (*owner, error) {
	if o := s.customers[customerID{environment, id}]; o != nil {
		return o, nil
	}
	o, err := s.loadOwner(ctx, ledger.Key{Environment: environment, Customer: id})
	if err != nil {
		return nil, err
	}
	o.pools = map[PoolRef]*owner{}
	o.window = s.window
	s.ownersMu.Lock()
	s.customers[customerID{environment, id}] = o
	s.ownersMu.Unlock()
	return o, nil
}

// pool returns a pool of a customer from memory or its checkpoint, or new.
func (s *shard) pool(ctx context.Context, customer *owner, ref PoolRef) (*owner, error) {
	if o := customer.pools[ref]; o != nil {
		return o, nil
	}
	key := customer.key
	key.Currency, key.Resource = ref.Currency, ref.Resource
	o, err := s.loadOwner(ctx, key)
	if err != nil {
		return nil, err
	}
	o.customer, o.window = customer, s.window
	s.show(o)
	s.ownersMu.Lock()
	customer.pools[ref] = o
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

func (s *shard) loadOwner(ctx context.Context, key ledger.Key) (*owner, error) {
	o := &owner{key: key}
	if key.Currency != "" {
		o.pool = ledger.NewPool(key)
	}
	row, ok, err := s.journal.Owner(ctx, s.id, key)
	if err != nil || !ok {
		return o, err
	}
	o.no, o.asOf = row.No, row.AsOf
	switch {
	case key.Currency != "":
		o.pool, err = ledger.DecodePool(row.State)
	case key.Customer != "":
		o.meters, err = decodeMeters(row.State)
	}
	return o, err
}

// viewOf returns what is published of a pool in memory. It may be called from any goroutine.
func (s *shard) viewOf(key ledger.Key) *View {
	s.ownersMu.RLock()
	defer s.ownersMu.RUnlock()
	customer := s.customers[customerID{key.Environment, key.Customer}]
	if customer == nil {
		return nil
	}
	o := customer.pools[PoolRef{Currency: key.Currency, Resource: key.Resource}]
	if o == nil {
		return nil
	}
	return o.view.Load()
}

// evict forgets pools and customers that have nothing to write and were not used in the last window, when there are too
// many.
func (s *shard) evict() {
	if s.pools+len(s.customers) <= s.ownersMax {
		return
	}
	s.ownersMu.Lock()
	defer s.ownersMu.Unlock()
	for id, customer := range s.customers {
		for ref, o := range customer.pools {
			if s.idle(o) {
				delete(customer.pools, ref)
				s.pools--
			}
		}
		if len(customer.pools) == 0 && s.idle(customer) {
			delete(s.customers, id)
		}
	}
}

func (s *shard) idle(o *owner) bool {
	return !o.dirty && o.page == nil && len(o.closing) == 0 && len(o.fresh) == 0 && o.window+1 < s.window
}
