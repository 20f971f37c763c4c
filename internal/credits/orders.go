package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// startOrder writes down what is bought with its first attempt, and returns it; its grant is made by ApplyPayment. A repeat under the same key finds
// the first one, whatever has become of it. It fails as CreateGrant does, with PaymentMethodNotFound, or, for an automatic
// top-up, with TopUpInFlight. Nothing is charged by it: that is the cashier's, who finds the attempt by its row.
func (s *Service) startOrder(ctx context.Context, env string, by Caller, cs *CustomerState, o orderTerms) (*Order, error) {
	p, a, err := s.plan(env, by, cs, o)
	if err != nil {
		return nil, err
	}
	first, err := s.orderByKey(ctx, env, p.RequestKey)
	if err != nil {
		return nil, err
	}
	if first == nil {
		if refused := s.Catalog(env).refuseGrant(cs, o.grant.CreditType); refused != nil {
			return nil, refused
		}
		first, err = s.insertOrder(ctx, env, cs, p, a, o.also)
		if err != nil {
			return nil, err
		}
	}
	if first.Fingerprint != p.Fingerprint {
		return nil, mismatch("idempotencyKey")
	}
	return first, nil
}

// plan makes the rows of an order.
func (s *Service) plan(env string, by Caller, cs *CustomerState, o orderTerms) (*Order, *PaymentAttempt, error) {
	if err := o.grant.check(); err != nil {
		return nil, nil, err
	}
	policy := o.policy
	if policy == "" {
		policy = s.paymentPolicy(env).Invoice
	}
	if o.grant.Collection == CollectCharge {
		policy = ""
	}
	p := &Order{
		ID: "ord_" + s.newID(), RequestKey: o.grant.requestKey(), By: by, Automatic: o.automatic, Policy: policy,
		DaysUntilDue: o.daysUntilDue, State: OrderOpen, Attempts: 1,
	}
	var err error
	if p.Fingerprint, err = o.fingerprint(); err != nil {
		return nil, nil, err
	}
	if o.settled {
		p.State = OrderPaid
	}
	p.Grant = o.grant
	p.Grant.AwaitInvoice, p.Grant.Settled = policy == InvoicePaid, o.settled
	if p.Grant.Key == "" && p.Grant.OwnKey == "" {
		p.Grant.OwnKey = "order " + p.ID
	}
	grant, err := p.Grant.grant()
	if err != nil {
		return nil, nil, err
	}
	p.Grant.Cost = &ledger.Money{Amount: grant.Cost.Amount.Round(amount.MinorDigits(grant.Cost.Currency)), Currency: grant.Cost.Currency}
	p.Grant.CostBasis = nil
	a, err := s.firstAttempt(env, cs, p, o)
	return p, a, err
}

// firstAttempt makes the row of the first try.
func (s *Service) firstAttempt(env string, cs *CustomerState, p *Order, o orderTerms) (*PaymentAttempt, error) {
	a := s.newAttempt(env, p)
	if p.Grant.Collection == CollectCharge {
		if a.PaymentMethod = o.paymentMethod; a.PaymentMethod == "" && cs.Customer.PaymentMethod != nil {
			a.PaymentMethod = cs.Customer.PaymentMethod.BillingID
		}
	}
	if o.settled {
		a.State, a.Provider, a.Closed = AttemptPaid, ProviderManual, true
	}
	return a, nil
}

func (s *Service) newAttempt(env string, p *Order) *PaymentAttempt {
	return &PaymentAttempt{
		ID: "pay_" + s.newID(), OrderID: p.ID, Number: p.Attempts, Customer: p.Grant.Customer, CreditType: p.Grant.CreditType,
		Resource: p.Grant.Resource, GrantID: p.GrantID, Credits: p.Grant.Amount, Cost: p.Cost(), Method: p.Grant.Collection,
		Automatic: p.Automatic, Provider: s.provider(env), DaysUntilDue: p.DaysUntilDue, State: AttemptPending,
	}
}

// requestKey names the request behind an order, in the space of the caller's keys or of ours.
func (in *NewGrant) requestKey() string {
	switch {
	case in.Key != "":
		return "key " + in.Key
	case in.OwnKey != "":
		return "own " + in.OwnKey
	}
	return ""
}

// fingerprint tells a repeat of the order from another one under the same key.
func (o orderTerms) fingerprint() (uint64, error) {
	grant, err := o.grant.fingerprint()
	if err != nil {
		return 0, err
	}
	return fingerprintOf([]any{grant, o.paymentMethod, o.policy, o.daysUntilDue, o.settled})
}

// orderByKey returns what a request has bought before, or nil.
func (s *Service) orderByKey(ctx context.Context, env, key string) (p *Order, err error) {
	if key == "" {
		return nil, nil
	}
	err = s.store.View(ctx, func(tx Tx) error {
		p, err = tx.OrderByKey(ctx, env, key)
		return err
	})
	if errors.Is(err, ErrMissing) {
		return nil, nil
	}
	return p, err
}

// insertOrder commits an order with its first attempt. If an equal request was faster, that one's is returned.
func (s *Service) insertOrder(ctx context.Context, env string, cs *CustomerState, p *Order, a *PaymentAttempt, also func(Tx, *Order) error) (*Order, error) {
	err := s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, cs.Customer.ID); err != nil {
			return err
		}
		if err := ownMethod(ctx, tx, env, a); err != nil {
			return err
		}
		if also != nil {
			if err := also(tx, p); err != nil {
				return err
			}
		}
		p.CreatedAt = s.clock(env)
		a.CreatedAt = p.CreatedAt
		p.UpdatedAt, a.UpdatedAt, a.NextAt = p.CreatedAt, a.CreatedAt, s.now()
		var err error
		if p.No, err = tx.NextNo(ctx, env); err != nil {
			return err
		}
		if err := tx.InsertOrder(ctx, env, p); err != nil {
			return err
		}
		if a.No, err = tx.NextNo(ctx, env); err != nil {
			return err
		}
		if err := tx.InsertAttempt(ctx, env, a); err != nil {
			return err
		}
		if p.Grant.Collection == CollectInvoice {
			if err := s.issueInvoice(ctx, tx, env, p); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, env, Audit{Actor: p.By.Actor, Action: "order.started", Object: p.ID})
	})
	if errors.Is(err, ErrTaken) {
		if first, again := s.orderByKey(ctx, env, p.RequestKey); first != nil || again != nil {
			return first, again
		}
		return nil, Conflict("TopUpInFlight", "an automatic top-up of this pool is under way; wait until it has ended")
	}
	if err != nil {
		return nil, fmt.Errorf("start order: %w", err)
	}
	return p, nil
}

// ownMethod checks that the method to be charged is the customer's.
func ownMethod(ctx context.Context, tx Tx, env string, a *PaymentAttempt) error {
	if a.PaymentMethod == "" || a.Provider == ProviderManual {
		return nil
	}
	methods, err := tx.PaymentMethods(ctx, env, a.Customer)
	if err != nil {
		return err
	}
	for _, m := range methods {
		if m.ID == a.PaymentMethod {
			return nil
		}
	}
	return Unprocessable("PaymentMethodNotFound", "paymentMethodId", fmt.Sprintf("the customer has no payment method %q; attach it first", clip(a.PaymentMethod)))
}

// makeOrderGrant makes the grant of an order if there is none, and returns the order. When the grant is refused,
// the order is closed before any money was asked for.
func (s *Service) makeOrderGrant(ctx context.Context, env, id string, cs *CustomerState) (*Order, error) {
	p, err := s.order(ctx, env, id)
	if err != nil || p.GrantID != 0 || p.State == OrderRefused {
		return p, err
	}
	grant, refused := s.placeGrant(ctx, env, cs, p)
	if refused != nil && !refuses(refused) {
		return nil, refused
	}
	err = s.store.Update(ctx, func(tx Tx) (err error) {
		if p, err = tx.LockOrder(ctx, env, id); err != nil {
			return err
		}
		if p.GrantID != 0 || p.State == OrderRefused {
			return nil
		}
		if refused != nil {
			return s.refuseOrder(ctx, tx, env, p)
		}
		p.GrantID = grant
		return errors.Join(tx.UpdateOrder(ctx, env, p), tx.SetAttemptsGrant(ctx, env, id, grant))
	})
	if err != nil {
		return nil, fmt.Errorf("note grant of order %s: %w", id, err)
	}
	return p, refused
}

// placeGrant makes the grant of an order before the customer's next boundary, or fails with engine.ErrDue.
func (s *Service) placeGrant(ctx context.Context, env string, cs *CustomerState, p *Order) (ledger.GrantID, error) {
	op, err := s.grantOp(env, p.By, cs, p.Grant)
	if err != nil {
		return 0, err
	}
	if err := s.bindRequest(ctx, op); err != nil {
		return 0, err
	}
	op.keepBefore(cs.Due)
	err = s.engine.Do(ctx, op)[0]
	return op.id, err
}

// refuseOrder closes an order whose grant cannot be made. Its key is free again, as a refused request takes none.
func (s *Service) refuseOrder(ctx context.Context, tx Tx, env string, p *Order) error {
	attempts, err := tx.AttemptsOf(ctx, env, p.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		locked, err := tx.LockAttempt(ctx, env, a.ID, 0)
		if err != nil {
			return err
		}
		locked.State, locked.UpdatedAt, locked.NextAt, locked.Closed = AttemptCanceled, s.clock(env), ledger.Never, true
		if err := tx.UpdateAttempt(ctx, env, locked); err != nil {
			return err
		}
	}
	if err := s.concludeRecharge(ctx, tx, env, p, attempts[len(attempts)-1], false); err != nil {
		return err
	}
	p.State, p.RequestKey, p.UpdatedAt = OrderRefused, "", s.clock(env)
	if err := s.cancelInvoice(ctx, tx, env, p); err != nil {
		return err
	}
	return tx.UpdateOrder(ctx, env, p)
}
