package engine

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Sweep posts what is due now in the pools of an environment, also in those that nobody has asked for since a start. It
// returns how many pools it opened. Lateness of the caller changes no row, only when it is written (E4).
func (e *Engine) Sweep(ctx context.Context, environment string) (int, error) {
	opened := 0
	for _, s := range e.shards {
		if err := s.confirm(ctx); err != nil {
			return opened, err
		}
		for {
			due, err := s.due(ctx, environment)
			if err != nil {
				return opened, err
			}
			if len(due) == 0 {
				break
			}
			ops := make([]Op, len(due))
			for i, key := range due {
				ops[i] = &touch{key: key}
			}
			for _, err := range e.Do(ctx, ops...) {
				if err != nil {
					return opened, err
				}
			}
			opened += len(due)
		}
	}
	return opened, nil
}

// sweepPools is how many pools one pass of a sweep opens: a few milliseconds of the writer's time.
const sweepPools = 200

// due lists pools that have something due, none only when there are none: those in memory by what memory says, the others
// by their checkpoint. The checkpoint of a pool in memory may be old, and whole pages of them may come first.
func (s *shard) due(ctx context.Context, environment string) ([]ledger.Key, error) {
	after, left := s.dues.sweptUntil(environment)
	now := s.clock(environment)
	due := s.dues.list(environment, now, sweepPools)
	for limit := sweepPools; len(due) == 0; limit *= 4 {
		stored, err := s.journal.DueOwners(ctx, s.id, environment, after, now, limit)
		if err != nil {
			return nil, err
		}
		for _, d := range stored {
			if s.viewOf(d.Key) == nil {
				due = append(due, d.Key)
			}
		}
		if len(stored) < limit {
			break
		}
	}
	if len(due) == 0 {
		s.dues.sweep(environment, now, left)
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
