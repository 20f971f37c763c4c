package engine

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Options are what an engine is made of. Journal and Clock are required.
type Options struct {
	Journal Journal
	Shards  uint16 // fixed when the database is created; 0 means 1
	// Clock is the time in an environment; LateGrace is semantics 7.3, 0 microseconds when nil.
	Clock     func(environment string) ledger.Time
	LateGrace func(environment string) ledger.Time
	// Thresholds are what a pool is watched for from its next transaction on; none when nil. It is called for each pool of
	// each operation, so it must be quick.
	Thresholds func(pool ledger.Key) *ledger.Thresholds
	Log        *slog.Logger
	// OwnersMax is how many pools and customers of a shard stay in memory although they are idle; 0 means 500,000.
	OwnersMax int
	// WindowEntries is how many entries make a window of derived state; 0 means 131,072. It is part of the database
	// format: a database must always be opened with the same one. Tests take few, so that many windows turn.
	WindowEntries int
}

const ownersMaxDefault = 500_000

// Engine runs the writers of all shards.
type Engine struct {
	shards []*shard
	wait   sync.WaitGroup
	landed chan struct{} // holds a token when something has become durable
}

// Open loads every shard from its checkpoint and journal, and starts its writer.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.LateGrace == nil {
		o.LateGrace = func(string) ledger.Time { return 0 }
	}
	if o.Thresholds == nil {
		o.Thresholds = func(ledger.Key) *ledger.Thresholds { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OwnersMax == 0 {
		o.OwnersMax = ownersMaxDefault
	}
	cut := windows(WindowEntriesDefault)
	if o.WindowEntries > 0 {
		cut = windows(o.WindowEntries)
	}
	e := &Engine{landed: make(chan struct{}, 1)}
	for id := range max(o.Shards, 1) {
		s := &shard{
			id: id, journal: o.Journal, clock: o.Clock, lateGrace: o.LateGrace, thresholds: o.Thresholds, wakes: e.landed,
			shared: o.Journal.Shared(), log: o.Log, ownersMax: o.OwnersMax, evictAbove: o.OwnersMax, windows: cut,
		}
		s.queue.wake = sync.NewCond(&s.queue.mu)
		if err := s.open(ctx); err != nil {
			return nil, err
		}
		e.shards = append(e.shards, s)
	}
	for _, s := range e.shards {
		e.wait.Go(s.serve)
	}
	return e, nil
}

// Shards is how many shards there are.
func (e *Engine) Shards() int { return len(e.shards) }

// Close decides and commits what waits, and stops the writers. Operations after it fail with ErrUnavailable.
func (e *Engine) Close() {
	for _, s := range e.shards {
		s.queue.close()
	}
	e.wait.Wait()
}

// shardOf is where a customer lives. The hash is part of the database format.
func (e *Engine) shardOf(environment, customer string) *shard {
	if len(e.shards) == 1 {
		return e.shards[0]
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(environment + "\x00" + customer))
	return e.shards[h.Sum64()%uint64(len(e.shards))]
}

// Do decides operations in the order given and returns one error for each, after the commit that holds them is
// durable. Operations of customers in different shards are independent of each other. When ctx ends early Do returns
// ErrUnavailable, but the operations may still be done: they must not be read or used again.
func (e *Engine) Do(ctx context.Context, ops ...Op) []error {
	errs := make([]error, len(ops))
	if len(e.shards) == 1 {
		e.run(ctx, e.shards[0], ops, errs)
		return errs
	}
	parts := map[*shard][]int{}
	for i, op := range ops {
		scope := op.Scope()
		s := e.shardOf(scope.Environment, scope.Customer)
		parts[s] = append(parts[s], i)
	}
	var wait sync.WaitGroup
	for s, indexes := range parts {
		wait.Go(func() {
			mine, mineErrs := make([]Op, len(indexes)), make([]error, len(indexes))
			for k, i := range indexes {
				mine[k] = ops[i]
			}
			e.run(ctx, s, mine, mineErrs)
			for k, i := range indexes {
				errs[i] = mineErrs[k]
			}
		})
	}
	wait.Wait()
	return errs
}

func (e *Engine) run(ctx context.Context, s *shard, ops []Op, errs []error) {
	w := &work{ctx: context.WithoutCancel(ctx), ops: ops, errs: make([]error, len(ops)), done: make(chan struct{})}
	if err := s.submit(ctx, w); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return
	}
	copy(errs, w.errs)
}

// submit queues work and waits for it. When ctx ends first, operations are decided nevertheless, and their members must not
// be read; a read is waited for if it has begun, and else never runs.
func (s *shard) submit(ctx context.Context, w *work) error {
	if ctx.Err() != nil {
		return ErrUnavailable
	}
	if err := s.queue.put(w); err != nil {
		return err
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		if w.read == nil || w.claim() {
			return ErrUnavailable
		}
		<-w.done
		return nil
	}
}

// read runs a function in the writer, between two commits, where it sees exactly what is durable.
func (s *shard) read(ctx context.Context, fn func() error) error {
	w := &work{ctx: ctx, read: fn, done: make(chan struct{})}
	if err := s.submit(ctx, w); err != nil {
		return err
	}
	return w.err
}

// Checkpoint writes all derived state that can be written. Tests and tools use it; a running server does not need it.
func (e *Engine) Checkpoint(ctx context.Context) error {
	for _, s := range e.shards {
		err := s.read(ctx, func() error {
			err := s.settle()
			if err != nil {
				s.loaded.Store(false)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
