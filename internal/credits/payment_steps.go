package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// stepOp makes one step of an order in the writer of its grant's shard. Its key lets it act once, so that nobody who
// comes late can undo a later step.
type stepOp struct {
	pool  ledger.Key
	grant ledger.GrantID
	key   string
	by    Caller
	step  PaymentStep
	life  Span
	dueBound
}

// Scope implements engine.Op.
func (op *stepOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.pool.Environment, Customer: op.pool.Customer, Key: engine.PaymentKey(op.pool.Environment, op.key),
		Before: op.before,
	}
}

// Decide implements engine.Op. A grant that has ended and is forgotten keeps the payment state it had; the order knows
// better.
func (op *stepOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Key = engine.PaymentEntry, op.by.Actor, op.by.Request, op.key
	if err := tx.Open(refOf(op.pool)); err != nil {
		return err
	}
	pool, ltx := tx.Pool(0), tx.Ledger(0)
	err := op.apply(pool, ltx, tx.Now())
	if errors.Is(err, ledger.ErrGrantNotFound) || errors.Is(err, ledger.ErrGrantExpired) {
		return nil
	}
	return refusal(err)
}

func (op *stepOp) apply(pool *ledger.Pool, ltx *ledger.Tx, now ledger.Time) error {
	g, known := pool.Grant(op.grant)
	if op.step.Usable && known && g.AwaitsPayment && op.life != (Span{}) && g.Status(now) == ledger.PaymentPending {
		if err := pool.SetExpiry(ltx, op.grant, op.life.From(max(now, pool.LastPostedAt(), g.EffectiveAt))); err != nil {
			return err
		}
	}
	if !op.step.Void || op.step.Payment == ledger.PaymentFailed {
		if err := pool.SetPayment(ltx, op.grant, op.step.Payment, op.step.Usable); err != nil {
			return err
		}
	}
	if op.step.Void {
		_, err := pool.Void(ltx, op.grant)
		return err
	}
	return nil
}

// Repeat implements engine.Op.
func (op *stepOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// ApplyPayment brings an order's grant to where its money stands: it makes the grant if there is none and then the steps
// that it has not made. Repeating it changes nothing. It fails as CreateGrant does when the grant is refused; then no money
// may be asked for.
func (s *Service) ApplyPayment(ctx context.Context, env, orderID string) (*Order, error) {
	p, err := s.order(ctx, env, orderID)
	if err != nil {
		return nil, err
	}
	customer := p.Grant.Customer
	err = s.inTime(ctx, env, customer, func(ledger.Time) error {
		cs, err := s.CustomerState(ctx, env, customer)
		if err == nil {
			p, err = s.applyPayment(ctx, env, orderID, cs)
		}
		return err
	})
	if err == nil && p.Automatic {
		s.recharge(ctx, env, customer)
	}
	return p, err
}

// applyPayment is ApplyPayment before the next boundary that a customer's state knows; it fails with engine.ErrDue when that
// has come.
func (s *Service) applyPayment(ctx context.Context, env, orderID string, cs *CustomerState) (*Order, error) {
	p, err := s.makeOrderGrant(ctx, env, orderID, cs)
	if p != nil && p.Automatic && p.State == OrderRefused {
		s.customers.drop(customerKey{env, cs.Customer.ID})
	}
	for err == nil && p.Applied < len(p.Steps) {
		if err = s.makeSteps(ctx, env, p, cs.Due); err == nil {
			p, err = s.noteSteps(ctx, env, p, cs.Due)
		}
	}
	return p, err
}

// makeSteps makes the steps that are not known to be made.
func (s *Service) makeSteps(ctx context.Context, env string, p *Order, before ledger.Time) error {
	if p.GrantID == 0 {
		return nil // refused
	}
	pool := ledger.Key{Environment: env, Customer: p.Grant.Customer, Currency: p.Grant.CreditType, Resource: p.Grant.Resource}
	for i := p.Applied; i < len(p.Steps); i++ {
		op := &stepOp{pool: pool, grant: p.GrantID, key: fmt.Sprintf("%s %d", p.ID, i+1), by: p.By, step: p.Steps[i], life: p.Grant.Life}
		op.keepBefore(before)
		if err := s.engine.Do(ctx, op)[0]; err != nil {
			return fmt.Errorf("payment step %d of order %s: %w", i+1, p.ID, err)
		}
	}
	return nil
}

// noteSteps records that the steps of p were made, and whether the money came too late for its grant.
func (s *Service) noteSteps(ctx context.Context, env string, p *Order, before ledger.Time) (*Order, error) {
	late, err := s.paidTooLate(ctx, env, p, before)
	if err != nil {
		return nil, err
	}
	var stored *Order
	err = s.store.Update(ctx, func(tx Tx) (err error) {
		if stored, err = tx.LockOrder(ctx, env, p.ID); err != nil {
			return err
		}
		applied := stored.Applied
		if stored.Applied = max(applied, len(p.Steps)); stored.Automatic {
			if err := s.tellRecharge(ctx, tx, env, stored, stored.Steps[applied:stored.Applied]); err != nil {
				return err
			}
		}
		if late {
			stored.flag(FlagPaidAfterExpiry)
		}
		return tx.UpdateOrder(ctx, env, stored)
	})
	if p.Automatic {
		s.customers.drop(customerKey{env, p.Grant.Customer})
		s.Told()
	}
	return stored, err
}

// paidTooLate tells whether the grant had ended before the money came (semantics 4.3).
func (s *Service) paidTooLate(ctx context.Context, env string, p *Order, before ledger.Time) (bool, error) {
	if p.State != OrderPaid || p.GrantID == 0 {
		return false, nil
	}
	g, known, err := s.engine.GrantByID(ctx, env, p.GrantID, before)
	if err != nil || !known {
		return false, err
	}
	status := g.Grant.Status(s.clock(env))
	return g.ActivatedAt == 0 && (status == ledger.Expired || status == ledger.Voided), nil
}
