package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// shard is one unit of order: a queue, a writer, and everything derived from its journal. All members are the
// writer's, except where a mutex stands beside them.
type shard struct {
	id        uint16
	journal   Journal
	clock     func(environment string) ledger.Time
	lateGrace func(environment string) ledger.Time
	log       *slog.Logger
	ownersMax int
	windows   windows

	thresholds func(pool ledger.Key) *ledger.Thresholds
	wakes      chan<- struct{} // see Landed

	shared        bool          // others may append to the journal
	lock          *Lock         // held from before a decision to the landing of its commit
	keeper        bool          // as the last lock said
	visible       atomic.Uint64 // the Position up to which memory shows the journal
	confirmations Joint

	queue   queue
	loaded  atomic.Bool // false while memory is not to be trusted; readers then go through the queue
	failing bool        // the last commit failed: derived state waits until operations can be written again

	ownersMu  sync.RWMutex // taken by the writer to change owners, by readers to look
	customers map[customerID]*owner
	pools     int // in memory, of all customers

	evictions  uint32 // how often idle owners were forgotten
	evictAbove int    // how many owners in memory lead to the next eviction

	dues        dueQueue // guards itself
	keys        *keyIndex
	merger      merger
	blocks      blockWriter
	window      uint32                        // the open window
	dirty       []*owner                      // changed in the open window
	flushes     []*flush                      // full windows on their way to the tables, oldest first
	unsaved     map[ledger.Key][]ledger.Key   // pools without a checkpoint yet, by customer
	freshGrants map[ledger.GrantID]ledger.Key // grants whose row is still to be written
	nextOwner   uint64
	nextGrant   uint64

	decided    []*work // waiting for the commit under way to land
	decidedOps int
	flying     *flight // the commit under way, or nil

	flights   uint64                 // counts them
	now       map[string]ledger.Time // one instant per environment and batch
	changed   []*owner               // since the last flight took off
	tx        Tx                     // reused from one operation to the next
	poolFacts []PoolFacts            // likewise
}

// work is one request in the queue: operations to decide, or a read to run between two commits.
type work struct {
	ctx     context.Context
	ops     []Op
	errs    []error
	read    func() error
	claimed atomic.Bool // by the writer, which runs the read, or by its caller, who gave up
	err     error
	done    chan struct{}
}

// claim is true for the first who calls it.
func (w *work) claim() bool { return w.claimed.CompareAndSwap(false, true) }

// serve is the writer's loop. It ends when the queue is closed and empty.
func (s *shard) serve() {
	for {
		s.advance()
		if s.decidedOps >= batchOpsMax {
			s.land() // as much as one commit may hold is waiting for this one
			continue
		}
		wait := s.flying != nil || !s.pending()
		batch, open := s.queue.take(wait, batchOpsMax-s.decidedOps)
		if !open {
			s.drain()
			s.release()
			s.awaitMerge()
			return
		}
		s.process(batch)
	}
}

// process decides a batch, and runs the reads in it once everything decided before them is durable.
func (s *shard) process(batch []*work) {
	s.attempt(slices.DeleteFunc(slices.Clone(batch), isRead))
	if !slices.ContainsFunc(batch, isRead) {
		return
	}
	s.drain()
	if err := s.catchUp(context.Background()); err != nil {
		s.log.Error("the shard cannot be read", "shard", s.id, "error", err)
		s.refuse(slices.DeleteFunc(slices.Clone(batch), func(w *work) bool { return !isRead(w) }), unreadable(err))
		return
	}
	for _, w := range batch {
		if w.read != nil {
			s.runRead(w)
			close(w.done)
		}
	}
}

// reload loads the shard again if its memory is not to be trusted.
func (s *shard) reload(ctx context.Context) error {
	if s.loaded.Load() {
		return nil
	}
	s.drain()
	return s.load(ctx)
}

func isRead(w *work) bool { return w.read != nil }

// runRead runs a read, unless its caller has given up.
func (s *shard) runRead(w *work) {
	switch {
	case !w.claim():
	case !s.loaded.Load(): // a read before it failed half way
		w.err = ErrUnavailable
	default:
		w.err = s.guard(w.read)
	}
}

// guard turns a broken invariant into an error, after which memory is not to be trusted.
func (s *shard) guard(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.loaded.Store(false)
			s.log.Error("invariant broken", "shard", s.id, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("invariant broken: %v", r)
		}
	}()
	return fn()
}

// attempt loads the shard if need be and decides operations. When that fails, nothing that was decided and is not under
// way may be relied on.
func (s *shard) attempt(works []*work) {
	if len(works) == 0 {
		return
	}
	if s.shared {
		s.drain() // the lock comes after the landing
	}
	if err := s.ready(context.Background()); err != nil {
		s.log.Error("operations refused", "shard", s.id, "error", err)
		s.refuse(works, unreadable(err))
		return
	}
	s.decided = append(s.decided, works...)
	err := s.guard(func() error {
		s.decideAll(works)
		return nil
	})
	if err == nil {
		return
	}
	if s.flying != nil {
		s.land() // its own outcome is not touched by this; if it fails, everything is abandoned there
	}
	s.release()
	s.abandon(s.decided, err)
}

// refuse answers requests that nothing was done for.
func (s *shard) refuse(works []*work, cause error) {
	for _, w := range works {
		if w.read != nil && !w.claim() {
			close(w.done)
			continue
		}
		w.err = cause
		for i := range w.errs {
			w.errs[i] = cause
		}
		close(w.done)
	}
}

// decideAll decides operations one after another, at one instant for each environment.
func (s *shard) decideAll(works []*work) {
	clear(s.now)
	for _, w := range works {
		s.decidedOps += w.cost()
		for i, op := range w.ops {
			w.errs[i] = s.decide(w.ctx, op)
		}
		runtime.Gosched() // requests wait to be read meanwhile, and there may be as few as two processors
	}
}

// abandon answers requests of which nothing may have been stored. The shard is loaded again before the next ones (E3).
func (s *shard) abandon(works []*work, cause error) {
	s.decided, s.decidedOps = nil, 0
	if len(works) == 0 && !s.loaded.Load() {
		return
	}
	s.loaded.Store(false)
	s.failing = true
	s.log.Error("operations abandoned, the shard will be reloaded", "shard", s.id, "error", cause)
	s.refuse(works, ErrUnavailable)
}

// errBroken marks an operation that changed something and then failed or recorded nothing. It abandons the batch.
var errBroken = errors.New("an operation changed something and recorded nothing")

func (s *shard) decide(ctx context.Context, op Op) error {
	scope := op.Scope()
	tx, err := s.begin(ctx, scope)
	if err != nil {
		return err
	}
	if scope.Key != (KeyHash{}) {
		first, taken, err := tx.Find(scope.Key)
		if err != nil {
			return err
		}
		if taken {
			return op.Repeat(tx, first)
		}
	}
	if err := op.Decide(tx); err != nil || tx.entry.Kind == 0 {
		if tx.changed() {
			panic(errBroken)
		}
		return err
	}
	if !tx.begun {
		tx.begin()
	}
	tx.finish()
	s.record(ctx, &tx.entry, tx.customer, tx.pools, scope.Key)
	return nil
}

// begin readies the one Tx of the shard for the next operation.
func (s *shard) begin(ctx context.Context, scope Scope) (*Tx, error) {
	tx := &s.tx
	now, err := s.instant(ctx, &scope)
	if err != nil {
		return nil, err
	}
	*tx = Tx{ctx: ctx, shard: s, scope: scope, now: now, pools: tx.pools[:0]}
	tx.customer, err = s.customer(ctx, scope.Environment, scope.Customer)
	return tx, unreadable(err)
}

// nowIn is the instant of a batch in an environment: its clock, but never a time that was closed, wherever the clock of this
// node stands.
func (s *shard) nowIn(ctx context.Context, environment string) (ledger.Time, error) {
	now, ok := s.now[environment]
	if !ok {
		closed, err := s.closedUntil(ctx, environment)
		if err != nil {
			return 0, err
		}
		now = max(s.clock(environment), closed)
		s.now[environment] = now
	}
	return now, nil
}

func (s *shard) ledgerTx(o *owner, now ledger.Time, cause *ledger.Cause) ledger.Tx {
	key := o.pool.Key()
	return ledger.Tx{
		Now: now, Cause: cause, SystemCause: cause, NewGrant: s.newGrant, LateGrace: s.lateGrace(key.Environment),
		Thresholds: s.thresholds(key),
	}
}

func (s *shard) newGrant() ledger.GrantID {
	s.nextGrant++
	return ledger.GrantID(NewPosition(s.id, s.nextGrant))
}

// sweep posts what is due in a pool, each instant in an entry of its own (E4).
func (s *shard) sweep(ctx context.Context, o *owner, now ledger.Time) {
	for o.pool.NextDue() <= now {
		due, key := o.pool.NextDue(), o.key()
		e := Entry{
			Position: s.blocks.next, Kind: SweepEntry,
			Environment: key.Environment, Customer: key.Customer, At: now,
		}
		cause := e.cause()
		tx := s.ledgerTx(o, due, &cause)
		o.pool.Sweep(&tx)
		if o.pool.NextDue() == due {
			panic("engine: a sweep left something due")
		}
		if len(tx.Facts) == 0 {
			continue
		}
		e.Pools = []PoolFacts{{Currency: key.Currency, Resource: key.Resource, Facts: tx.Facts}}
		s.record(ctx, &e, o.customer, []openPool{{owner: o, tx: tx}}, KeyHash{})
	}
}

// record appends an entry to the blocks of this commit and to everything derived.
func (s *shard) record(ctx context.Context, e *Entry, customer *owner, pools []openPool, key KeyHash) {
	s.blocks.add(e)
	s.index(ctx, e, customer, pools, key)
}

// index adds an entry to everything derived. key spares hashing an event's key again; it may be zero.
func (s *shard) index(ctx context.Context, e *Entry, customer *owner, pools []openPool, key KeyHash) {
	s.turn(e.Position)
	if key != (KeyHash{}) && e.Kind == EventEntry {
		s.keys.add(key, e.Position)
	} else {
		for _, k := range entryKeys(e) {
			s.keys.add(k, e.Position)
		}
	}
	if e.Kind == CloseEntry {
		s.postClose(e, customer)
	}
	next := 0
	for i := range pools {
		if len(pools[i].tx.Facts) > 0 {
			s.post(&pools[i], e, &e.Pools[next])
			next++
		}
	}
	if err := s.postCustomer(ctx, e, customer); err != nil {
		panic(err)
	}
}

// entry reads an earlier entry, which may be on its way to the disk, or still wait for that.
func (s *shard) entry(ctx context.Context, at Position) (*Entry, error) {
	if s.blocks.holds(at) {
		return s.blocks.find(at)
	}
	if f := s.flying; f != nil && len(f.commit.Blocks) > 0 && at >= f.commit.Blocks[0].First {
		return findEntry(f.commit.Blocks, at)
	}
	block, err := s.journal.Block(ctx, at)
	if err != nil {
		return nil, err
	}
	return block.entry(at)
}
