package credits

import (
	"context"
	"errors"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// rechargeTries is how often a decision that others have overtaken is made again before it is left to the scheduler.
const rechargeTries = 5

// errOvertaken is returned when an automatic top-up was changed after it was read.
var errOvertaken = errors.New("the automatic top-up was changed meanwhile")

// lowered are customers whose balances a call may have lowered and who have automatic top-ups. The zero lowered is empty.
type lowered []string

// add names a customer, if it has automatic top-ups. Those without pay one look at a slice.
func (l *lowered) add(cs *CustomerState) {
	if cs != nil && len(cs.recharges) > 0 {
		l.name(cs.Customer.ID)
	}
}

// name names a customer.
func (l *lowered) name(customer string) {
	if n := len(*l); n == 0 || (*l)[n-1] != customer {
		*l = append(*l, customer)
	}
}

// rechargeAll is recharge for each customer once.
func (s *Service) rechargeAll(ctx context.Context, env string, low lowered) {
	slices.Sort(low)
	for _, customer := range slices.Compact(low) {
		s.recharge(ctx, env, customer)
	}
}

// recharge starts what the automatic top-ups of a customer ask for now (semantics 12.2). What led to it has happened and stays:
// a failure, like a crash before it, is left to the scheduler, which looks at every active one again and again.
func (s *Service) recharge(ctx context.Context, env, customer string) {
	cs, err := s.knownCustomer(ctx, env, customer)
	if err != nil || cs == nil {
		return
	}
	for _, a := range cs.recharges {
		if a.NextAt() <= s.clock(env) {
			_ = s.evaluateRecharge(ctx, env, a)
		}
	}
}

// evaluateRecharge decides what an automatic top-up asks for, given as it was stored at some time, and starts that. The
// balance is read after the row, and what is decided is stored only if the row is still the same: so a purchase that came
// between is never made twice.
func (s *Service) evaluateRecharge(ctx context.Context, env string, known *AutoRecharge) error {
	for range rechargeTries {
		err := s.tryRecharge(ctx, env, known)
		if !errors.Is(err, errOvertaken) {
			return err
		}
		s.customers.drop(customerKey{env, known.Customer})
		pool := known.Pool(env)
		if known, err = s.autoRecharge(ctx, pool); err != nil || known == nil {
			return err
		}
	}
	return nil
}

func (s *Service) tryRecharge(ctx context.Context, env string, known *AutoRecharge) error {
	cs, err := s.CustomerState(ctx, env, known.Customer)
	if err != nil {
		return err
	}
	next, now := known.clone(), s.clock(env)
	var buy *RechargePurchase
	var notices []RechargeNotice
	offer, err := s.Catalog(env).topUpFor(cs, known.CreditType, known.Resource, now)
	switch {
	case err == nil:
		v, err := s.view(ctx, known.Pool(env))
		if err != nil {
			return err
		}
		next.Currency = offer.UnitPrice.Currency
		buy, notices = next.evaluate(v.Balance, offer, now)
	case refuses(err):
		next.turnMonth(now) // nothing can be bought, and nothing waits for a pause that is over
	default:
		return err
	}
	change := rechargeChange{before: known, after: next, notices: notices}
	switch {
	case buy != nil:
		return s.startRecharge(ctx, env, cs, change, buy)
	case next.State != known.State || next.NextAt() != known.NextAt(): // a pause may go on into the next month
		return s.storeRecharge(ctx, env, change)
	}
	return nil
}

// startRecharge commits the purchase with the state that says so. Its grant and its charge follow, as those of any order.
func (s *Service) startRecharge(ctx context.Context, env string, cs *CustomerState, change rechargeChange, buy *RechargePurchase) error {
	a := change.after
	terms := orderTerms{
		grant: NewGrant{
			Customer: a.Customer, CreditType: a.CreditType, Resource: a.Resource, DisplayName: "Automatic top-up", Amount: buy.Credits,
			Type: ledger.Paid, Cost: &buy.Cost, Collection: CollectCharge, Life: a.Rule.Life,
			SourceType: SourceAutoRecharge, SourceID: a.ID,
		},
		paymentMethod: a.Rule.PaymentMethod, automatic: true,
		also: func(tx Tx, p *Order) error {
			a.OrderID = p.ID
			return s.writeRecharge(ctx, tx, env, change)
		},
	}
	p, err := s.startOrder(ctx, env, Caller{}, cs, terms)
	s.customers.drop(customerKey{env, a.Customer})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Code == "PaymentMethodNotFound":
		return s.stopRecharge(ctx, env, change.before)
	case refuses(err):
		return s.turnRecharge(ctx, env, change.before) // an earlier attempt is tried again by hand; it ends
	case err == nil:
		_, err = s.ApplyPayment(ctx, env, p.ID)
	}
	return err
}

// turnRecharge ends a pause that is over, although nothing can be bought now.
func (s *Service) turnRecharge(ctx context.Context, env string, known *AutoRecharge) error {
	change := rechargeChange{before: known, after: known.clone()}
	if change.after.turnMonth(s.clock(env)); change.after.State == known.State {
		return nil
	}
	return s.storeRecharge(ctx, env, change)
}

// stopRecharge switches off an automatic top-up whose payment method is gone: no charge could succeed.
func (s *Service) stopRecharge(ctx context.Context, env string, known *AutoRecharge) error {
	change := rechargeChange{before: known, after: known.clone()}
	change.notices = change.after.failed()
	return s.storeRecharge(ctx, env, change)
}

func (s *Service) storeRecharge(ctx context.Context, env string, change rechargeChange) error {
	err := s.store.Update(ctx, func(tx Tx) error { return s.writeRecharge(ctx, tx, env, change) })
	s.customers.drop(customerKey{env, change.after.Customer})
	if err == nil {
		s.Told()
	}
	return err
}

// tellRecharge lets an automatic top-up know of steps that its order's grant has made, each once.
func (s *Service) tellRecharge(ctx context.Context, tx Tx, env string, p *Order, steps []PaymentStep) error {
	for _, step := range steps {
		paid := step.Payment == ledger.PaymentPaid && step.Usable
		if !paid && step.Payment != ledger.PaymentFailed {
			continue
		}
		attempts, err := tx.AttemptsOf(ctx, env, p.ID)
		if err != nil {
			return err
		}
		tried := attempts[len(attempts)-1]
		for _, a := range attempts {
			if paid && a.State == AttemptPaid {
				tried = a
			}
		}
		if err := s.concludeRecharge(ctx, tx, env, p, tried, paid); err != nil {
			return err
		}
	}
	return nil
}

// concludeRecharge notes how an attempt of an automatic top-up has ended. Money that came for one that had been given up
// counts towards the limit and changes nothing else.
func (s *Service) concludeRecharge(ctx context.Context, tx Tx, env string, p *Order, tried *PaymentAttempt, paid bool) error {
	if !p.Automatic {
		return nil
	}
	pool := ledger.Key{Environment: env, Customer: p.Grant.Customer, Currency: p.Grant.CreditType, Resource: p.Grant.Resource}
	before, err := tx.LockRecharge(ctx, env, pool)
	if err != nil {
		return err
	}
	change := rechargeChange{before: before, after: before.clone(), attempt: tried, paid: paid}
	a, own := change.after, before.OrderID == p.ID
	switch {
	case paid:
		state := a.State
		change.notices = a.succeeded(tried.Cost.Amount, s.clock(env))
		if !own {
			a.State = state
		}
	case own:
		change.notices = a.failed()
	default:
		return nil
	}
	if own {
		a.OrderID = ""
	}
	return s.writeRecharge(ctx, tx, env, change)
}

// rechargePage is how many automatic top-ups are read at once, and rechargePages how many pages one round reads.
const (
	rechargePage  = 500
	rechargePages = 200
)

// rechargeDue is the Due of automatic top-ups: it finds what sweeps, boundaries and crashes have left undone, and ends pauses.
type rechargeDue struct{ service *Service }

// Kind implements Due.
func (d *rechargeDue) Kind() string { return "automatic top-ups" }

// Next implements Due. Balances that fall do so by other work or by requests, at whose instants this one runs too; by itself
// only the end of a pause is due.
func (d *rechargeDue) Next(ctx context.Context, env string) (next ledger.Time, err error) {
	err = d.service.store.View(ctx, func(tx Tx) error {
		next, err = tx.NextRecharge(ctx, env)
		return err
	})
	return next, err
}

// Run implements Due. One that fails does not keep the others waiting.
func (d *rechargeDue) Run(ctx context.Context, env string) (int, error) {
	changed, after := 0, ""
	var failed error
	for range rechargePages {
		page, err := d.page(ctx, env, after)
		if err != nil || len(page) == 0 {
			return changed, errors.Join(failed, err)
		}
		for _, a := range page {
			after = a.ID
			now, err := d.look(ctx, env, a)
			if err != nil {
				failed = err
			}
			if now {
				changed++
			}
		}
	}
	return changed, failed
}

func (d *rechargeDue) page(ctx context.Context, env, after string) (page []*AutoRecharge, err error) {
	err = d.service.store.View(ctx, func(tx Tx) error {
		page, err = tx.DueRecharges(ctx, env, d.service.clock(env), after, rechargePage)
		return err
	})
	return page, err
}

// look evaluates one, and tells whether that has changed its row.
func (d *rechargeDue) look(ctx context.Context, env string, a *AutoRecharge) (changed bool, err error) {
	if err := d.service.evaluateRecharge(ctx, env, a); err != nil {
		return false, err
	}
	cs, err := d.service.CustomerState(ctx, env, a.Customer)
	if err != nil {
		return false, err
	}
	for _, now := range cs.recharges {
		changed = changed || now.ID == a.ID && now.Version != a.Version
	}
	return changed, nil
}
