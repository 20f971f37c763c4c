package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
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
	fatal     func(error)

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
	blocks      blockWriter
	window      uint32                        // the open window
	dirty       []*owner                      // changed in the open window
	flushes     []*flush                      // full windows on their way to the tables, oldest first
	unsaved     map[ledger.Key][]ledger.Key   // pools without a checkpoint yet, by customer
	freshGrants map[ledger.GrantID]ledger.Key // grants whose row is still to be written
	nextOwner   uint64
	nextGrant   uint64

	batch     uint64
	now       map[string]ledger.Time // one instant per environment and batch
	changed   []*owner               // by this batch
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
		batch, open := s.queue.take(!s.pending())
		if !open {
			return
		}
		s.process(batch)
	}
}

// process decides a batch, commits it, publishes what readers may now see, answers (E1), and runs the reads that waited.
func (s *shard) process(batch []*work) {
	if err := s.attempt(batch); err != nil {
		s.fail(batch, err)
		return
	}
	s.publish()
	for _, w := range batch {
		if w.read == nil {
			close(w.done)
		}
	}
	for _, w := range batch {
		if w.read != nil {
			s.runRead(w)
			close(w.done)
		}
	}
	s.evict()
}

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

// attempt loads the shard if need be, decides a batch and commits it. After an error nothing of it may be relied on.
func (s *shard) attempt(batch []*work) error {
	if !s.loaded.Load() {
		if err := s.load(context.Background()); err != nil {
			return err
		}
	}
	return s.guard(func() error {
		s.decideAll(batch)
		return s.commit()
	})
}

// decideAll decides the operations of a batch one after another, at one instant for each environment.
func (s *shard) decideAll(batch []*work) {
	s.batch++
	clear(s.now)
	for _, w := range batch {
		for i, op := range w.ops {
			w.errs[i] = s.decide(w.ctx, op)
		}
	}
}

// fail answers a batch of which nothing may have been stored. The shard is loaded again before the next one (E3).
func (s *shard) fail(batch []*work, cause error) {
	s.loaded.Store(false)
	s.failing = true
	s.log.Error("batch abandoned, the shard will be reloaded", "shard", s.id, "error", cause)
	for _, w := range batch {
		w.err = ErrUnavailable
		for i := range w.errs {
			w.errs[i] = ErrUnavailable
		}
		close(w.done)
	}
	if s.fatal != nil {
		s.fatal(cause)
	}
}

// errBroken marks an operation that changed something and then failed or recorded nothing. It abandons the batch.
var errBroken = errors.New("an operation changed something and recorded nothing")

func (s *shard) decide(ctx context.Context, op Op) error {
	scope := op.Scope()
	tx, err := s.begin(ctx, scope)
	if err != nil {
		return unreadable(err)
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
	*tx = Tx{ctx: ctx, shard: s, scope: scope, now: s.nowIn(scope.Environment), pools: tx.pools[:0]}
	var err error
	tx.customer, err = s.customer(ctx, scope.Environment, scope.Customer)
	return tx, err
}

func (s *shard) nowIn(environment string) ledger.Time {
	now, ok := s.now[environment]
	if !ok {
		now = s.clock(environment)
		s.now[environment] = now
	}
	return now
}

func (s *shard) ledgerTx(environment string, now ledger.Time, cause *ledger.Cause) ledger.Tx {
	return ledger.Tx{
		Now: now, Cause: cause, SystemCause: cause, NewGrant: s.newGrant, LateGrace: s.lateGrace(environment),
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
		tx := s.ledgerTx(key.Environment, due, e.cause())
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

// commit makes the batch durable, and with it a piece of a window that is being written.
func (s *shard) commit() error {
	c := Commit{Shard: s.id, Blocks: s.blocks.blocks}
	entries := 0
	for i := range c.Blocks {
		entries += c.Blocks[i].Entries
	}
	if !s.failing {
		s.addPiece(&c, s.pieceRows(entries))
	}
	if len(c.Blocks)+len(c.Owners)+len(c.Chunks) == 0 && c.Run == nil {
		return nil
	}
	if err := s.journal.Commit(context.Background(), &c); err != nil {
		return err
	}
	s.failing = false
	s.blocks.reset()
	s.written(&c)
	return nil
}

// entry reads an earlier entry, which may still be waiting for its commit.
func (s *shard) entry(ctx context.Context, at Position) (*Entry, error) {
	if len(s.blocks.blocks) > 0 && at >= s.blocks.blocks[0].First {
		return s.blocks.find(at)
	}
	block, err := s.journal.Block(ctx, at)
	if err != nil {
		return nil, err
	}
	return block.entry(at)
}
