package engine

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// touch opens one pool, which loads it and posts what is due, and looks at it.
type touch struct {
	key    ledger.Key
	before ledger.Time // as in Scope
	at     ledger.Time // likewise
	view   *View
}

func (t *touch) Scope() Scope {
	return Scope{Environment: t.key.Environment, Customer: t.key.Customer, Before: t.before, At: t.at}
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
// happened to yet is empty. It takes no lock and no turn in the queue unless the pool must be loaded or swept. From the
// instant `before` on it fails with ErrDue, like an operation (see Scope); 0 is no bound.
func (e *Engine) View(ctx context.Context, key ledger.Key, before ledger.Time) (*View, error) {
	s := e.shardOf(key.Environment, key.Customer)
	if err := s.confirm(ctx); err != nil {
		return nil, err
	}
	now := s.clock(key.Environment)
	if before != 0 && now >= before {
		return nil, ErrDue
	}
	if v := s.viewOf(key); v != nil && now < v.NextDue {
		return v, nil
	}
	t := &touch{key: key, before: before}
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
