package engine

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Bound tells from which instant on nothing may happen to a customer's credits before somebody has posted a boundary; 0
// or ledger.Never when there is none.
type Bound func(ctx context.Context, customer string) (ledger.Time, error)

// Sweep posts what is due now in the pools of an environment, also in those that nobody has asked for since a start. It
// returns how many pools it opened. Lateness of the caller changes no row, only when it is written (E4). The pools of a
// customer whose bound has come are swept up to it and no further; without a bound all are swept up to now.
func (e *Engine) Sweep(ctx context.Context, environment string, bound Bound) (int, error) {
	opened := 0
	for _, s := range e.shards {
		if err := s.confirm(ctx); err != nil {
			return opened, err
		}
		w := &sweeper{shard: s, environment: environment, bound: bound, bounds: map[string]ledger.Time{}, held: map[ledger.Key]bool{}}
		for more := true; more; {
			n, found, err := w.pass(ctx, e)
			opened += n
			if err != nil {
				return opened, err
			}
			more = found
		}
	}
	return opened, nil
}

// sweeper is one sweep of a shard.
type sweeper struct {
	shard       *shard
	environment string
	bound       Bound
	bounds      map[string]ledger.Time // of the customers that it met
	held        map[ledger.Key]bool    // pools that are swept as far as they may be
}

// sweepPools is how many pools one pass of a sweep opens: a few milliseconds of the writer's time.
const sweepPools = 200

// pass sweeps some pools and reports how many it opened, and whether it found any that were due.
func (w *sweeper) pass(ctx context.Context, e *Engine) (opened int, found bool, err error) {
	now := w.shard.clock(w.environment)
	due, err := w.due(ctx, now)
	if err != nil {
		return 0, false, err
	}
	var ops []Op
	for _, key := range due {
		t, err := w.touch(ctx, key, now)
		if err != nil {
			return 0, true, err
		}
		if t != nil {
			ops = append(ops, t)
		}
	}
	for i, err := range e.Do(ctx, ops...) {
		switch {
		case errors.Is(err, ErrDue): // the bound came while we were at it
			w.held[ops[i].(*touch).key] = true
		case err != nil:
			return opened, true, err
		default:
			opened++
		}
	}
	return opened, len(due) > 0, nil
}

// touch is how a pool is swept as far as it may be, nil when that is already so.
func (w *sweeper) touch(ctx context.Context, key ledger.Key, now ledger.Time) (*touch, error) {
	before, err := w.boundOf(ctx, key.Customer)
	if err != nil || before > now {
		return &touch{key: key, before: before}, err
	}
	w.held[key] = true
	if v := w.shard.viewOf(key); v != nil && v.NextDue >= before {
		return nil, nil
	}
	return &touch{key: key, at: before - 1}, nil
}

func (w *sweeper) boundOf(ctx context.Context, customer string) (ledger.Time, error) {
	if w.bound == nil {
		return ledger.Never, nil
	}
	if before, known := w.bounds[customer]; known {
		return before, nil
	}
	before, err := w.bound(ctx, customer)
	if err != nil {
		return 0, err
	}
	if before == 0 {
		before = ledger.Never
	}
	w.bounds[customer] = before
	return before, nil
}

// due lists pools that have something due, none only when there are none but those held: those in memory by what memory
// says, the others by their checkpoint. The checkpoint of a pool in memory may be old, and whole pages of them may come first.
func (w *sweeper) due(ctx context.Context, now ledger.Time) ([]ledger.Key, error) {
	s := w.shard
	after, left := s.dues.sweptUntil(w.environment)
	due := s.dues.list(w.environment, now, sweepPools, w.held)
	absent := false // a pool is held that is not in memory
	for limit := sweepPools; len(due) == 0; limit *= 4 {
		stored, err := s.journal.DueOwners(ctx, s.id, w.environment, after, now, limit)
		if err != nil {
			return nil, err
		}
		for _, d := range stored {
			switch {
			case s.viewOf(d.Key) != nil: // memory has told
			case w.held[d.Key]:
				absent = true
			default:
				due = append(due, d.Key)
			}
		}
		if len(stored) < limit {
			break
		}
	}
	if len(due) == 0 && !absent {
		s.dues.sweep(w.environment, now, left)
	}
	return due[:min(len(due), sweepPools)], nil
}

// NextDue is the earliest instant at which something is or will be due in a pool of an environment, in memory or not:
// ledger.Never when nothing is. It may be in the past: that is what Sweep posts. Pools that change meanwhile may be missed.
func (e *Engine) NextDue(ctx context.Context, environment string) (ledger.Time, error) {
	next := ledger.Never
	for _, s := range e.shards {
		if err := s.confirm(ctx); err != nil {
			return 0, err
		}
		at, err := s.nextDue(ctx, environment)
		if err != nil {
			return 0, err
		}
		next = min(next, at)
	}
	return next, nil
}

// nextDue is NextDue for one shard. What is in memory is looked at first: a pool that comes into memory later still has its
// checkpoint, and one that is there already has a checkpoint that may be old, so memory tells for it.
func (s *shard) nextDue(ctx context.Context, environment string) (ledger.Time, error) {
	if !s.loaded.Load() { // the writer loads before it reads
		if err := s.read(ctx, func() error { return nil }); err != nil {
			return 0, err
		}
	}
	after, _ := s.dues.sweptUntil(environment)
	next := s.dues.first(environment)
	for limit := sweepPools; ; limit *= 4 {
		stored, err := s.journal.DueOwners(ctx, s.id, environment, after, next-1, limit)
		if err != nil {
			return 0, err
		}
		for _, d := range stored {
			view := s.viewOf(d.Key)
			if view == nil {
				return min(next, d.At), nil
			}
			next = min(next, view.NextDue)
		}
		if len(stored) < limit {
			return next, nil
		}
	}
}
