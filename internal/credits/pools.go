package credits

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// knownCustomer returns a customer, or nil when there is none.
func (s *Service) knownCustomer(ctx context.Context, env, id string) (*CustomerState, error) {
	cs, err := s.CustomerState(ctx, env, id)
	var e *Error
	if errors.As(err, &e) && e.Kind == KindNotFound {
		return nil, nil
	}
	return cs, err
}

// openCustomer returns a customer that may receive and burn credits, or CustomerNotFound or CustomerIsArchived.
func (s *Service) openCustomer(ctx context.Context, env, id string) (*CustomerState, error) {
	cs, err := s.CustomerState(ctx, env, id)
	if err != nil {
		return nil, err
	}
	if cs.Customer.ArchivedAt != 0 {
		return nil, customerArchived()
	}
	return cs, nil
}

func customerArchived() *Error {
	return Conflict(ReasonCustomerArchived, "the customer is archived; unarchive it first")
}

// PoolFilter selects pools of one customer; empty members select all.
type PoolFilter struct {
	Customer    string
	CreditType  string
	Resource    string
	AnyResource bool
}

// Balances lists the pools of a customer as they stand, by credit type and resource. Pools come into being with their
// first grant or burn.
func (s *Service) Balances(ctx context.Context, env string, filter PoolFilter) ([]*engine.View, error) {
	keys, err := s.poolKeys(ctx, env, filter)
	if err != nil {
		return nil, err
	}
	views := make([]*engine.View, len(keys))
	for i, key := range keys {
		if views[i], err = s.view(ctx, key); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// PastBalance is the settled balance of a pool at a past instant.
type PastBalance struct {
	Key     ledger.Key
	Balance amount.Amount
}

// BalancesAt lists the pools of a customer with the balance each had at a past instant (semantics 3).
func (s *Service) BalancesAt(ctx context.Context, env string, filter PoolFilter, at ledger.Time) ([]PastBalance, error) {
	keys, err := s.poolKeys(ctx, env, filter)
	if err != nil {
		return nil, err
	}
	balances := make([]PastBalance, len(keys))
	for i, key := range keys {
		balances[i].Key = key
		err = s.inTime(ctx, env, key.Customer, func(before ledger.Time) (err error) {
			balances[i].Balance, err = s.engine.BalanceAt(ctx, key, at, before)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return balances, nil
}

func (s *Service) poolKeys(ctx context.Context, env string, filter PoolFilter) ([]ledger.Key, error) {
	if _, err := s.CustomerState(ctx, env, filter.Customer); err != nil {
		return nil, err
	}
	if _, ok := s.Catalog(env).CreditType(filter.CreditType); filter.CreditType != "" && !ok {
		return nil, missing("CurrencyNotFound", "custom currency", filter.CreditType)
	}
	all, err := s.engine.PoolKeys(ctx, env, filter.Customer)
	if err != nil {
		return nil, err
	}
	var keys []ledger.Key
	for _, key := range all {
		if (filter.CreditType == "" || filter.CreditType == key.Currency) && (filter.AnyResource || filter.Resource == key.Resource) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Pool returns one pool as it stands; a pool that nothing has happened to is empty. It fails with CustomerNotFound or
// CurrencyNotFound.
func (s *Service) Pool(ctx context.Context, key ledger.Key) (*engine.View, error) {
	if _, err := s.CustomerState(ctx, key.Environment, key.Customer); err != nil {
		return nil, err
	}
	if _, ok := s.Catalog(key.Environment).CreditType(key.Currency); !ok {
		return nil, missing("CurrencyNotFound", "custom currency", key.Currency)
	}
	return s.view(ctx, key)
}

// Ledger lists rows of a pool, newest first (semantics 13.2). The second result tells whether there are more in the
// direction asked for.
func (s *Service) Ledger(ctx context.Context, q engine.LedgerQuery) ([]engine.LedgerRow, bool, error) {
	if _, err := s.Pool(ctx, q.Pool); err != nil {
		return nil, false, err
	}
	return s.ledgerRows(ctx, q)
}

// ledgerRows lists rows of a pool, with the boundaries of its customer posted.
func (s *Service) ledgerRows(ctx context.Context, q engine.LedgerQuery) (rows []engine.LedgerRow, more bool, err error) {
	err = s.inTime(ctx, q.Pool.Environment, q.Pool.Customer, func(before ledger.Time) error {
		q.Due = before
		rows, more, err = s.engine.Ledger(ctx, q)
		return err
	})
	return rows, more, err
}

// Sweep posts what is due in an environment now. A running server calls it again and again; being late changes no row.
func (s *Service) Sweep(ctx context.Context, env string) (int, error) {
	return s.engine.Sweep(ctx, env, func(ctx context.Context, customer string) (ledger.Time, error) {
		cs, err := s.knownCustomer(ctx, env, customer)
		if err != nil || cs == nil {
			return ledger.Never, err
		}
		return cs.Due, nil
	})
}
