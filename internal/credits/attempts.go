package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// PaymentAttempt returns one attempt, or PaymentAttemptNotFound.
func (s *Service) PaymentAttempt(ctx context.Context, env, id string) (a *PaymentAttempt, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		a, err = tx.Attempt(ctx, env, id)
		return err
	})
	if errors.Is(err, ErrMissing) {
		return nil, missing("PaymentAttemptNotFound", "payment attempt", clip(id))
	}
	return a, err
}

// PaymentAttempts lists attempts, the newest first.
func (s *Service) PaymentAttempts(ctx context.Context, env string, filter AttemptFilter, page Page) (List[*PaymentAttempt], error) {
	if filter.Customer != "" {
		if _, err := s.CustomerState(ctx, env, filter.Customer); err != nil {
			return List[*PaymentAttempt]{}, err
		}
	}
	var rows []*PaymentAttempt
	err := s.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.Attempts(ctx, env, filter, page)
		return err
	})
	if err != nil {
		return List[*PaymentAttempt]{}, fmt.Errorf("list payment attempts: %w", err)
	}
	return MakeList(page, rows), nil
}

func (s *Service) attemptsOf(ctx context.Context, env, orderID string) (list []*PaymentAttempt, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		list, err = tx.AttemptsOf(ctx, env, orderID)
		return err
	})
	return list, err
}

func (s *Service) order(ctx context.Context, env, id string) (p *Order, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		p, err = tx.Order(ctx, env, id)
		return err
	})
	return p, err
}

// OrdersOf returns the orders behind grants, by the grant's id. Grants that nothing was paid for have none.
func (s *Service) OrdersOf(ctx context.Context, env string, grants []*Grant) (map[ledger.GrantID]*Order, error) {
	var ids []ledger.GrantID
	for _, g := range grants {
		if g.Texts.CollectionMethod == CollectCharge || g.Texts.CollectionMethod == CollectInvoice {
			ids = append(ids, g.ID)
		}
	}
	found := map[ledger.GrantID]*Order{}
	if len(ids) == 0 {
		return found, nil
	}
	err := s.store.View(ctx, func(tx Tx) error {
		list, err := tx.OrdersOfGrants(ctx, env, ids)
		for _, p := range list {
			found[p.GrantID] = p
		}
		return err
	})
	return found, err
}

// SayOutcome is how a person says what became of an attempt of the manual provider, or of one that is parked. It fails with
// PaymentAttemptNotFound, or PaymentAttemptNotManual. Money is what was paid; without it, what was asked.
func (s *Service) SayOutcome(ctx context.Context, env string, by Caller, id string, o Outcome) (*PaymentAttempt, error) {
	a, err := s.PaymentAttempt(ctx, env, id)
	if err != nil {
		return nil, err
	}
	if a.Provider != ProviderManual && a.State != AttemptParked {
		return nil, Conflict("PaymentAttemptNotManual", fmt.Sprintf("the provider %s says what becomes of this attempt", a.Provider))
	}
	err = firstError(
		validText("failureCode", o.FailureCode, nameLengthMax), validText("failureMessage", o.FailureMessage, metadataValueMax),
		validText("actionUrl", o.ActionURL, metadataValueMax), validText("reference", o.Reference, nameLengthMax),
	)
	if err != nil {
		return nil, err
	}
	if o.State == AttemptPaid && o.Money == (ledger.Money{}) {
		o.Money = a.Cost
	}
	if err := s.auditAttempt(ctx, env, by, "payment_attempt.decided", id); err != nil {
		return nil, err
	}
	return s.confirm(ctx, env, id, func(t *settlement) {
		if t.attempt.State == AttemptParked {
			t.attempt.State, t.attempt.ParkedReason = AttemptProcessing, ""
		}
		t.decide(o)
	})
}

func (s *Service) auditAttempt(ctx context.Context, env string, by Caller, action, id string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		return s.audit(ctx, tx, env, Audit{Actor: by.Actor, Action: action, Object: id})
	})
}

// RetryAttempt tries again to collect money after a failure: a new attempt for the same grant. It fails with
// PaymentAttemptNotFound, or PaymentNotRetryable when the order is settled or an attempt is in flight.
func (s *Service) RetryAttempt(ctx context.Context, env string, by Caller, id string) (*Bought, error) {
	a, err := s.PaymentAttempt(ctx, env, id)
	if err != nil {
		return nil, err
	}
	var p *Order
	err = s.store.Update(ctx, func(tx Tx) (err error) {
		if p, err = tx.LockOrder(ctx, env, a.OrderID); err != nil {
			return err
		}
		return s.insertRetry(ctx, tx, env, by, p, id)
	})
	if err != nil {
		return nil, fmt.Errorf("retry payment: %w", err)
	}
	if p, err = s.ApplyPayment(ctx, env, p.ID); err != nil {
		return nil, err
	}
	if err := s.awaitOutcome(ctx, env, p); err != nil {
		return nil, err
	}
	return s.bought(ctx, env, p)
}

func (s *Service) insertRetry(ctx context.Context, tx Tx, env string, by Caller, p *Order, id string) error {
	attempts, err := tx.AttemptsOf(ctx, env, p.ID)
	if err != nil {
		return err
	}
	last := attempts[len(attempts)-1]
	switch {
	case last.State.Unsettled():
		return Conflict("PaymentNotRetryable", fmt.Sprintf("attempt %s is under way", last.ID))
	case p.State != OrderOpen || last.State != AttemptFailed:
		return Conflict("PaymentNotRetryable", "nothing is owed for this grant any more")
	case last.ID != id:
		return Conflict("PaymentNotRetryable", fmt.Sprintf("attempt %s came later; retry that one", last.ID))
	case p.Attempts >= attemptsMax:
		return Conflict("PaymentNotRetryable", fmt.Sprintf("%d attempts are the most for one grant", attemptsMax))
	}
	p.Attempts++
	a := s.newAttempt(env, p)
	a.PaymentMethod = last.PaymentMethod
	customer, err := tx.Customer(ctx, env, p.Grant.Customer)
	if err != nil {
		return err
	}
	if m := customer.PaymentMethod; a.Method == CollectCharge && m != nil {
		a.PaymentMethod = m.BillingID // what failed may have been replaced meanwhile
	}
	a.CreatedAt = s.clock(env)
	a.UpdatedAt, a.NextAt = a.CreatedAt, s.now()
	if a.No, err = tx.NextNo(ctx, env); err != nil {
		return err
	}
	if err := tx.InsertAttempt(ctx, env, a); errors.Is(err, ErrTaken) {
		return Conflict("PaymentNotRetryable", "another automatic top-up of this pool is under way")
	} else if err != nil {
		return err
	}
	p.UnpaidAt, p.UpdatedAt = 0, a.CreatedAt
	p.step(PaymentStep{Payment: ledger.PaymentProcessing})
	if err := tx.UpdateOrder(ctx, env, p); err != nil {
		return err
	}
	return s.audit(ctx, tx, env, Audit{Actor: by.Actor, Action: "payment_attempt.retried", Object: a.ID})
}
