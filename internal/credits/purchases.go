package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Purchase is a block of credits that a subscription buys at its start. A subscription is one commit and the grant of what
// it bought is another, so purchases are stored with the subscription until they are granted: by whoever made it, or, if a
// crash came between, by whoever asks for the customer next. Nobody can look at the customer's credits without that.
type Purchase struct {
	CreditTypeID string
	Quantity     amount.Amount
	Cost         ledger.Money
	GrantCadence string
	Buyer        ledger.Actor
	EffectiveAt  ledger.Time
	PriceID      string           // of the price it was bought at
	Type         ledger.GrantType // PAID, or RECURRING for what is bought anew each period
	ExpireAfter  Span             // from EffectiveAt; zero means never
	Key          string           // may be granted only once
	Request      string           // in which it was bought
}

// order makes a new subscription owe what it buys for its first period. What begins with a trial buys nothing yet.
func (c *Catalog) order(sub *Subscription, buyer Caller) error {
	begin := turn{at: sub.begins()}
	if err := c.checkPurchases(sub, begin.at); err != nil {
		return err
	}
	c.buy(sub, &begin, nil)
	for i := range begin.purchases {
		begin.purchases[i].Buyer, begin.purchases[i].Request = buyer.Actor, buyer.Request
	}
	sub.Issued, sub.Purchases = begin.issued, begin.purchases
	return nil
}

// checkPurchases checks that the plan of an instant sells what the subscription buys, within its bounds.
func (c *Catalog) checkPurchases(sub *Subscription, when ledger.Time) error {
	for i, charge := range sub.terms(when).Charges {
		if charge.Type != EntitlementCredit || charge.Quantity.IsZero() {
			continue
		}
		offer, err := c.TopUp(sub, charge.ID, when)
		if err == nil {
			_, err = offer.TopUpPrice(charge.Quantity)
		}
		if err != nil {
			return at(item("charges", i), err)
		}
	}
	return nil
}

// GrantPurchases issues what a subscription gives and has bought by now, and brings sub up to date. Repeating it grants
// nothing twice.
func (s *Service) GrantPurchases(ctx context.Context, env string, sub *Subscription) error {
	cs, err := s.CustomerState(ctx, env, sub.CustomerID)
	if err != nil {
		return err
	}
	for _, known := range cs.Subscriptions {
		if known.ID == sub.ID {
			*sub = *known
		}
	}
	return nil
}

// grantOwed grants what is owed to a customer, and tells whether anything was. What is refused now, because the customer or
// the credit type is archived, and what comes after a boundary that is due, stays owed.
func (s *Service) grantOwed(ctx context.Context, env string, cs *CustomerState) (granted bool, err error) {
	for _, sub := range cs.Subscriptions {
		var done []string
		for i := range sub.Purchases {
			err := s.grantPurchase(ctx, env, cs, sub, &sub.Purchases[i])
			if err != nil && !refuses(err) && !errors.Is(err, engine.ErrDue) {
				return granted, err
			}
			if err == nil {
				done = append(done, sub.Purchases[i].Key)
			}
		}
		if len(done) == 0 {
			continue
		}
		granted = true
		if err := s.forgetPurchases(ctx, env, sub, done); err != nil {
			return granted, err
		}
	}
	return granted, nil
}

func (s *Service) grantPurchase(ctx context.Context, env string, cs *CustomerState, sub *Subscription, bought *Purchase) error {
	in := NewGrant{
		Customer: sub.CustomerID, Resource: sub.ResourceID, CreditType: bought.CreditTypeID,
		DisplayName: "Purchased credits", Amount: bought.Quantity, Type: bought.Type, Cost: &bought.Cost,
		EffectiveAt: bought.EffectiveAt, Collection: sub.PaymentCollectionMethod, OwnKey: bought.Key,
		SourceType: SourcePrice, SourceID: bought.PriceID, Life: bought.ExpireAfter, At: bought.EffectiveAt,
	}
	op, err := s.grantOp(env, Caller{Actor: bought.Buyer, Request: bought.Request}, cs, in)
	if err != nil {
		return err
	}
	if op.mustBePaid() {
		p, err := s.startOrder(ctx, env, op.by, cs, op.terms)
		if err == nil {
			_, err = s.applyPayment(ctx, env, p.ID, cs)
		}
		return err
	}
	op.keepBefore(cs.Due)
	return s.engine.Do(ctx, op)[0]
}

func (s *Service) forgetPurchases(ctx context.Context, env string, sub *Subscription, done []string) error {
	defer s.customers.drop(customerKey{env, sub.CustomerID})
	err := s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, sub.CustomerID); err != nil {
			return err
		}
		stored, err := tx.Subscription(ctx, env, sub.ID)
		if err != nil {
			return err
		}
		catalog, err := s.lockedCatalog(ctx, tx, env)
		if err != nil {
			return err
		}
		stored.Purchases = slices.DeleteFunc(stored.Purchases, func(p Purchase) bool { return slices.Contains(done, p.Key) })
		stored.NextDue = catalog.Due(stored)
		return tx.UpdateSubscription(ctx, env, stored)
	})
	if err != nil {
		return fmt.Errorf("forget purchases of subscription %s: %w", sub.ID, err)
	}
	return nil
}
