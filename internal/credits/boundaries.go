package credits

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Limits of posting boundaries for one caller. A server that was down for years catches up in the background.
const (
	// boundariesMax is how many boundaries of one customer one call posts before it gives up and is to be repeated.
	boundariesMax = 20_000
	dueTriesMax   = 100 // how often an operation meets a boundary that comes while it waits
	duePage       = 500 // rows of a scheduler's pass
)

// CustomerState returns a customer with its subscriptions, as committed last, with every boundary posted that is due, and
// everything granted that is owed. The error is CustomerNotFound when there is no such customer. It is meant for the path of
// every event: a customer seen lately costs no query.
func (s *Service) CustomerState(ctx context.Context, env, customerID string) (*CustomerState, error) {
	key := customerKey{env, customerID}
	for range boundariesMax {
		catalog := s.Catalog(env)
		cs, epoch := s.customers.get(key)
		if cs != nil && cs.revision != catalog.revision {
			known := *cs // others read the one in the cache
			known.plan(catalog)
			cs = &known
			s.customers.put(customerKey{strings.Clone(env), cs.Customer.ID}, cs, epoch)
		}
		if cs == nil {
			var err error
			if cs, err = s.readCustomerState(ctx, env, customerID); err != nil {
				return nil, err
			}
			cs.plan(catalog)
			granted, err := s.grantOwed(ctx, env, cs)
			if err != nil {
				return nil, err
			}
			if granted {
				continue
			}
			s.customers.put(customerKey{strings.Clone(env), cs.Customer.ID}, cs, epoch)
		}
		if cs.Due > s.clock(env) {
			return cs, nil
		}
		if err := s.postBoundary(ctx, env, cs, catalog); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: the boundaries of customer %s are still being posted", engine.ErrUnavailable, customerID)
}

// plan finds the next boundary of the customer's subscriptions.
func (cs *CustomerState) plan(catalog *Catalog) {
	cs.Due, cs.revision, cs.next = ledger.Never, catalog.revision, nil
	for _, sub := range cs.Subscriptions {
		if due := catalog.Due(sub); due < cs.Due {
			cs.Due, cs.next = due, sub
		}
	}
}

// postBoundary posts the customer's next boundary: first what it does to the credits, in one operation that has one effect
// whoever posts it, then how far the subscription has come. A crash between the two is mended by whoever asks next.
func (s *Service) postBoundary(ctx context.Context, env string, cs *CustomerState, catalog *Catalog) error {
	sub, at := cs.next, cs.Due
	t := catalog.turnAt(sub, at)
	op := &turnOp{env: env, catalog: catalog, sub: sub, turn: &t, spared: cs.spared(sub, at, catalog)}
	if len(t.pools) > 0 {
		if err := s.engine.Do(ctx, op)[0]; err != nil {
			return fmt.Errorf("post a boundary of subscription %s: %w", sub.ID, err)
		}
	}
	defer s.customers.drop(customerKey{env, cs.Customer.ID})
	err := s.store.Update(ctx, func(tx Tx) error { return s.recordBoundary(ctx, tx, env, sub, op) })
	if err != nil {
		return fmt.Errorf("record a boundary of subscription %s: %w", sub.ID, err)
	}
	return nil
}

// spared are the blocks of other subscriptions that end at the same instant: their own boundary, which comes after this one,
// may carry something of them over.
func (cs *CustomerState) spared(posting *Subscription, at ledger.Time, catalog *Catalog) map[string][]ledger.GrantID {
	spared := map[string][]ledger.GrantID{}
	for _, sub := range cs.Subscriptions {
		if sub == posting || sub.ResourceID != posting.ResourceID || catalog.Due(sub) != at {
			continue
		}
		for _, b := range sub.Issued {
			if b.To == at {
				spared[b.CreditType] = append(spared[b.CreditType], b.Grants...)
			}
		}
	}
	return spared
}

// recordBoundary notes under the customer's lock what a boundary has made, unless somebody else has. The row is computed from
// again: it may have been changed since, and then the boundary is still what was posted under its name.
func (s *Service) recordBoundary(ctx context.Context, tx Tx, env string, posted *Subscription, op *turnOp) error {
	at := op.turn.at
	if _, err := tx.LockCustomer(ctx, env, posted.CustomerID); err != nil {
		return err
	}
	sub, err := tx.Subscription(ctx, env, posted.ID)
	if err != nil {
		return err
	}
	catalog, err := s.lockedCatalog(ctx, tx, env)
	if err != nil {
		return err
	}
	t := catalog.turnAt(sub, at)
	if catalog.Due(sub) != at || t.again != op.turn.again {
		return nil
	}
	issued, rolled := op.made(&t)
	sub.post(&t, issued, rolled)
	sub.arrive(catalog, at)
	sub.NextDue = catalog.Due(sub)
	if err := tx.UpdateSubscription(ctx, env, sub); err != nil {
		return err
	}
	return s.audit(ctx, tx, env, Audit{Action: "subscription.boundaryPosted", Object: sub.ID, Customer: sub.CustomerID})
}

// arrive makes the terms that came into force at a boundary those by which the row is found.
func (s *Subscription) arrive(catalog *Catalog, at ledger.Time) {
	terms := s.terms(at)
	if terms.PlanID == s.PlanID {
		return
	}
	s.PlanID = terms.PlanID
	if v, ok := catalog.versionAt(PlanRef(terms.PlanID), terms.Version, at); ok && v.Pricing.Type != "" {
		s.PricingType = v.Pricing.Type
	}
	if pkg, ok := catalog.Package(PlanRef(terms.PlanID)); ok {
		s.ProductID = pkg.ProductID
	}
}

// inTime runs something that must happen before the customer's next boundary, whose instant it gets; 0 when there is no such
// customer. If the boundary comes meanwhile, it is posted and the whole is run again.
func (s *Service) inTime(ctx context.Context, env, customer string, run func(before ledger.Time) error) error {
	for range dueTriesMax {
		cs, err := s.knownCustomer(ctx, env, customer)
		if err != nil {
			return err
		}
		if err = run(cs.due()); !errors.Is(err, engine.ErrDue) {
			return err
		}
	}
	return fmt.Errorf("%w: boundaries of customer %s keep coming", engine.ErrUnavailable, customer)
}

// dueBound is the part of an operation that keeps it before its customer's next boundary.
type dueBound struct{ before ledger.Time }

func (b *dueBound) keepBefore(at ledger.Time) { b.before = at }

// operation is an engine.Op that can be kept before a boundary, in what its Scope returns.
type operation interface {
	engine.Op
	keepBefore(ledger.Time)
}

// do runs one operation in time, and buys what that makes the customer's automatic top-ups ask for.
func (s *Service) do(ctx context.Context, op operation) error {
	scope := op.Scope()
	err := s.inTime(ctx, scope.Environment, scope.Customer, func(before ledger.Time) error {
		op.keepBefore(before)
		return s.engine.Do(ctx, op)[0]
	})
	if err == nil {
		s.recharge(ctx, scope.Environment, scope.Customer)
	}
	return err
}

// doAll runs operations, which are bound to the next boundaries of their customers, in their order, and returns one result
// for each. Those that meet a boundary are run again after it. They are the last ones of their customer, for time does not
// go back: the order stays.
func (s *Service) doAll(ctx context.Context, ops []engine.Op) []error {
	results := s.engine.Do(ctx, ops...)
	for range dueTriesMax {
		var met []int // where in ops
		for i, err := range results {
			if errors.Is(err, engine.ErrDue) {
				met = append(met, i)
			}
		}
		if len(met) == 0 {
			break
		}
		again := make([]engine.Op, len(met))
		for i, at := range met {
			if err := s.bindToDue(ctx, ops[at].(operation)); err != nil {
				results[at] = err
				return results
			}
			again[i] = ops[at]
		}
		for i, err := range s.engine.Do(ctx, again...) {
			results[met[i]] = err
		}
	}
	return results
}

// bindToDue keeps an operation before its customer's next boundary, and posts those that are due.
func (s *Service) bindToDue(ctx context.Context, op operation) error {
	scope := op.Scope()
	cs, err := s.knownCustomer(ctx, scope.Environment, scope.Customer)
	op.keepBefore(cs.due())
	return err
}

// due is the next boundary of a customer, 0 for no bound when there is no such customer.
func (cs *CustomerState) due() ledger.Time {
	if cs == nil {
		return 0
	}
	return cs.Due
}

// view is a pool as it stands now, with the boundaries of its customer posted.
func (s *Service) view(ctx context.Context, key ledger.Key) (v *engine.View, err error) {
	err = s.inTime(ctx, key.Environment, key.Customer, func(before ledger.Time) error {
		v, err = s.engine.View(ctx, key, before)
		return err
	})
	return v, err
}

// boundaryDue is the Due of boundaries.
type boundaryDue struct{ service *Service }

// Kind implements Due.
func (d boundaryDue) Kind() string { return "boundaries" }

// Next implements Due.
func (d boundaryDue) Next(ctx context.Context, env string) (ledger.Time, error) {
	first, err := d.service.dueSubscriptions(ctx, env, ledger.Never-1, DueSubscription{}, 1)
	if err != nil || len(first) == 0 {
		return ledger.Never, err
	}
	return first[0].At, nil
}

// Run implements Due. A customer whose boundaries cannot be posted does not keep the others waiting.
func (d boundaryDue) Run(ctx context.Context, env string) (int, error) {
	s := d.service
	posted, now := 0, s.clock(env)
	var last DueSubscription
	var failed error
	for {
		page, err := s.dueSubscriptions(ctx, env, now, last, duePage)
		if err != nil || len(page) == 0 {
			return posted, errors.Join(failed, err)
		}
		for _, row := range page {
			last = row
			if err := s.settleRow(ctx, env, row); err != nil {
				failed = err
				continue
			}
			posted++
		}
	}
}

func (s *Service) dueSubscriptions(ctx context.Context, env string, until ledger.Time, after DueSubscription, limit int) (found []DueSubscription, err error) {
	err = s.store.View(ctx, func(tx Tx) (err error) {
		found, err = tx.DueSubscriptions(ctx, env, until, after, limit)
		return err
	})
	return found, err
}

// settleRow posts what is due of a subscription's customer, and corrects a due instant that was only a guess.
func (s *Service) settleRow(ctx context.Context, env string, row DueSubscription) error {
	cs, err := s.CustomerState(ctx, env, row.CustomerID)
	if err != nil {
		return err
	}
	for _, sub := range cs.Subscriptions {
		if sub.No == row.No && s.Catalog(env).Due(sub) > row.At && sub.PostedUntil < row.At {
			return s.replan(ctx, env, sub)
		}
	}
	return nil
}

// replan stores when something happens to a subscription next. Nothing that others keep in memory changes.
func (s *Service) replan(ctx context.Context, env string, known *Subscription) error {
	return s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, known.CustomerID); err != nil {
			return err
		}
		sub, err := tx.Subscription(ctx, env, known.ID)
		if err != nil {
			return err
		}
		catalog, err := s.lockedCatalog(ctx, tx, env)
		if err != nil {
			return err
		}
		sub.NextDue = catalog.Due(sub)
		return tx.UpdateSubscription(ctx, env, sub)
	})
}
