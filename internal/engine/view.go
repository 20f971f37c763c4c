package engine

import (
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// touch opens one pool, which loads it and posts what is due, and looks at it.
type touch struct {
	key  ledger.Key
	view *View
}

func (t *touch) Scope() Scope {
	return Scope{Environment: t.key.Environment, Customer: t.key.Customer}
}

func (t *touch) Decide(tx *Tx) error {
	if err := tx.Open(PoolRef{Currency: t.key.Currency, Resource: t.key.Resource}); err != nil {
		return err
	}
	t.view = &View{Key: t.key, Snapshot: *snapshotOf(tx.Pool(0))}
	return nil
}

func (t *touch) Repeat(*Tx, *Entry) error { return nil }

// View returns a pool as it stands now: everything committed, and everything due posted. A pool that nothing has
// happened to yet is empty. It takes no lock and no turn in the queue unless the pool must be loaded or swept.
func (e *Engine) View(ctx context.Context, key ledger.Key) (*View, error) {
	s := e.shardOf(key.Environment, key.Customer)
	if err := s.confirm(ctx); err != nil {
		return nil, err
	}
	if v := s.viewOf(key); v != nil && s.clock(key.Environment) < v.NextDue {
		return v, nil
	}
	t := &touch{key: key}
	if err := e.Do(ctx, t)[0]; err != nil {
		return nil, err
	}
	return t.view, nil // what it saw is durable by now: nobody is answered before that
}

// PoolKeys lists the pools of a customer, ordered by currency and resource.
func (e *Engine) PoolKeys(ctx context.Context, environment, customer string) (keys []ledger.Key, err error) {
	s := e.shardOf(environment, customer)
	err = s.read(ctx, func() (err error) {
		keys, err = s.poolKeys(ctx, environment, customer)
		return err
	})
	return keys, err
}

// poolKeys is PoolKeys for the writer itself.
func (s *shard) poolKeys(ctx context.Context, environment, customer string) ([]ledger.Key, error) {
	stored, err := s.journal.PoolKeys(ctx, s.id, environment, customer)
	return mergeKeys(stored, s.unsaved[ledger.Key{Environment: environment, Customer: customer}]), err
}

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
		due = slices.DeleteFunc(stored, func(key ledger.Key) bool { return s.viewOf(key) != nil })
		if len(stored) < limit {
			break
		}
	}
	if len(due) == 0 {
		s.dues.sweep(environment, now, left)
	}
	return due[:min(len(due), sweepPools)], nil
}
