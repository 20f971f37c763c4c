package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Errors of Do that are not an operation's own.
var (
	// ErrUnavailable means that the outcome is not known or that nothing can be written now. Repeating the request
	// with its key is safe.
	ErrUnavailable = errors.New("the ledger cannot be written at the moment")
	// ErrOverloaded means that the queue was full and nothing was done.
	ErrOverloaded = errors.New("too many operations are waiting")
	// ErrDue means that a boundary of the customer's subscriptions has come (Scope.Before) and nothing was done: post it,
	// then ask again.
	ErrDue = errors.New("a boundary of the customer is due")
)

// unreadable makes a failure to read the journal an ErrUnavailable; the operation has done nothing then.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Scope says whose operation it is, what may happen only once, and when.
type Scope struct {
	Environment string
	Customer    string
	Key         KeyHash // zero for an operation without a key
	// Before bounds the operation in time: decided at that instant or later it fails with ErrDue, also when its key was
	// taken. 0 is no bound.
	Before ledger.Time
	// At is the instant as of which the operation is decided, not after the clock; 0 means the clock. What is due by then
	// is posted first, and nothing that is due later. Rows that a pool has of after it stay where they are: those of the
	// operation follow them, at the same instant as the last.
	At ledger.Time
}

// instant is as of when an operation is decided, or ErrDue: now, or an instant in the past that is not closed.
func (s *shard) instant(ctx context.Context, scope *Scope) (ledger.Time, error) {
	now, err := s.nowIn(ctx, scope.Environment)
	if err == nil && scope.At != 0 {
		now, err = s.closedUntil(ctx, scope.Environment)
		now = max(now, scope.At)
	}
	if err == nil && scope.Before != 0 && now >= scope.Before {
		err = ErrDue
	}
	return now, err
}

// Op is one operation. Its methods run in the writer of the customer's shard, one operation after another; what they
// store in the op may be read once Do has returned.
type Op interface {
	Scope() Scope
	// Decide does the work: it opens pools, calls the ledger, and describes itself in tx.Entry(). Leaving Entry().Kind at
	// zero records nothing. It must not change a pool or a meter and then fail or record nothing: that abandons the batch.
	Decide(tx *Tx) error
	// Repeat is called instead of Decide when the key was taken before, with the entry that took it.
	Repeat(tx *Tx, first *Entry) error
}

// PoolRef names a pool of the operation's customer.
type PoolRef struct {
	Currency string
	Resource string
}

// Tx is one operation under way in a shard's writer.
type Tx struct {
	ctx      context.Context
	shard    *shard
	scope    Scope
	now      ledger.Time
	entry    Entry
	cause    ledger.Cause // of the rows; facts point at it until they are in the journal's bytes
	begun    bool         // the header is fixed
	advanced bool         // a meter has moved
	customer *owner
	pools    []openPool
	recalled map[meterKey]*rating.State // meters of periods that are over
}

// openPool is a pool with the facts that the operation has made of it.
type openPool struct {
	owner *owner
	tx    ledger.Tx
	ahead bool // in a replay: the owner's checkpoint is of after this entry
}

// Now is the instant as of which the operation is decided: Scope.At, or else the environment's clock, one value for the
// whole batch.
func (tx *Tx) Now() ledger.Time { return tx.now }

// Entry is the record under way. The members that rows carry (Reason, Ref, RefEventAt, Actor, Event and its time) must
// be set before Ledger is called for the first time, the rest before Decide returns.
func (tx *Tx) Entry() *Entry { return &tx.entry }

// Open loads the pools that the operation will use and posts what is due in them. It must be called once, before Pool
// and Ledger, with every pool, if there is any. From then on the entry has its position.
func (tx *Tx) Open(refs ...PoolRef) error { return tx.open(tx.now, refs) }

// OpenTurn is Open for a boundary: what is due at its very instant is left to ledger.Pool.Turn, which knows the order.
func (tx *Tx) OpenTurn(refs ...PoolRef) error { return tx.open(tx.now-1, refs) }

func (tx *Tx) open(until ledger.Time, refs []PoolRef) error {
	if tx.begun || len(tx.pools) > 0 {
		panic("engine: Open called twice")
	}
	for _, ref := range refs {
		o, err := tx.shard.pool(tx.ctx, tx.customer, ref)
		if err != nil {
			return unreadable(err)
		}
		tx.shard.sweep(tx.ctx, o, until)
		tx.use(o)
	}
	tx.entry.Position = tx.shard.blocks.next // after what the sweeps wrote; no pool may be touched later
	return nil
}

// use adds a pool to the operation. The memory of an earlier operation's facts serves again: they are in the journal's
// bytes by now.
func (tx *Tx) use(o *owner) {
	n := len(tx.pools)
	if n == cap(tx.pools) {
		tx.pools = append(tx.pools, openPool{owner: o})
		return
	}
	tx.pools = tx.pools[:n+1]
	p := &tx.pools[n]
	*p = openPool{owner: o, tx: ledger.Tx{Facts: p.tx.Facts[:0], Ended: p.tx.Ended[:0]}}
}

// begin fixes the operation's place in the journal and the cause of its rows.
func (tx *Tx) begin() {
	tx.begun = true
	tx.entry.Position = tx.shard.blocks.next
	tx.entry.Environment, tx.entry.Customer, tx.entry.At = tx.scope.Environment, tx.scope.Customer, tx.now
	tx.cause = tx.entry.cause()
	for i := range tx.pools {
		p := &tx.pools[i]
		facts, ended := p.tx.Facts, p.tx.Ended
		p.tx = tx.shard.ledgerTx(p.owner, tx.now, &tx.cause)
		p.tx.Facts, p.tx.Ended = facts, ended
	}
}

// Pool returns the i-th opened pool, to look at.
func (tx *Tx) Pool(i int) *ledger.Pool { return tx.pools[i].owner.pool }

// Ledger returns the ledger transaction to change the i-th opened pool with.
func (tx *Tx) Ledger(i int) *ledger.Tx {
	if !tx.begun {
		tx.begin()
	}
	return &tx.pools[i].tx
}

// Advance moves the cumulative meter of a charge and returns the units that it adds. For a period that is over they are
// right only after Recall.
func (tx *Tx) Advance(c *Charge) amount.Amount {
	tx.advanced = true
	units := tx.customer.self.meters.advance(c, tx.now)
	if past := tx.recalled[keyOfMeter(c)]; past != nil {
		return past.Advance(c.Meter.Meter, c.Meter.Measure)
	}
	return units
}

// Preview returns the units that Advance would, and changes nothing.
func (tx *Tx) Preview(c *Charge) amount.Amount {
	if past := tx.recalled[keyOfMeter(c)]; past != nil {
		return past.Preview(c.Meter.Meter, c.Meter.Measure)
	}
	return tx.customer.self.meters.preview(c)
}

// Find returns the entry that took a key.
func (tx *Tx) Find(key KeyHash) (*Entry, bool, error) {
	at, ok, err := tx.shard.keys.find(tx.ctx, tx.shard.journal, tx.shard.id, key)
	if err != nil || !ok {
		return nil, false, unreadable(err)
	}
	e, err := tx.shard.entry(tx.ctx, at)
	return e, err == nil, unreadable(err)
}

// Load reads an earlier entry of this shard.
func (tx *Tx) Load(at Position) (*Entry, error) {
	e, err := tx.shard.entry(tx.ctx, at)
	return e, unreadable(err)
}

// changed reports whether a pool or a meter has been changed.
func (tx *Tx) changed() bool {
	if tx.advanced {
		return true
	}
	for i := range tx.pools {
		if len(tx.pools[i].tx.Facts) > 0 {
			return true
		}
	}
	return false
}

// finish compares each pool with its thresholds and collects what the operation did into its entry.
func (tx *Tx) finish() {
	tx.entry.Pools = tx.shard.poolFacts[:0]
	for i := range tx.pools {
		p := &tx.pools[i]
		p.owner.pool.Conclude(&p.tx)
		if len(p.tx.Facts) == 0 {
			continue
		}
		key := p.owner.key()
		tx.entry.Pools = append(tx.entry.Pools, PoolFacts{Currency: key.Currency, Resource: key.Resource, Facts: p.tx.Facts})
	}
	tx.shard.poolFacts = tx.entry.Pools
}
