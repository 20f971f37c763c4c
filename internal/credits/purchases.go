package credits

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
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
	Key          string           // may be granted only once
}

// order makes a new subscription owe what it buys for its first period. What begins with a trial buys nothing yet.
func (c *Catalog) order(sub *Subscription, buyer ledger.Actor) error {
	begin := turn{at: sub.begins()}
	if err := c.checkPurchases(sub, begin.at); err != nil {
		return err
	}
	c.buy(sub, &begin, nil)
	for i := range begin.purchases {
		begin.purchases[i].Buyer = buyer
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

// GrantPurchases grants what a subscription has bought and forgets that it is owed. Repeating it grants nothing twice. It
// fails as CreateGrant does.
func (s *Service) GrantPurchases(ctx context.Context, env string, by Caller, sub *Subscription) error {
	if len(sub.Purchases) == 0 {
		return nil
	}
	cs, err := s.readCustomerState(ctx, env, sub.CustomerID)
	if err != nil {
		return err
	}
	return s.grantPurchases(ctx, env, by, cs, sub)
}

func (s *Service) grantPurchases(ctx context.Context, env string, by Caller, cs *CustomerState, sub *Subscription) error {
	for _, bought := range sub.Purchases {
		by.Actor = bought.Buyer
		_, err := s.createGrant(ctx, env, by, cs, NewGrant{
			Customer: sub.CustomerID, Resource: sub.ResourceID, CreditType: bought.CreditTypeID,
			DisplayName: "Purchased credits", Amount: bought.Quantity, Type: bought.Type, Cost: &bought.Cost,
			EffectiveAt: bought.EffectiveAt, Collection: sub.PaymentCollectionMethod, OwnKey: bought.Key,
		})
		if err != nil {
			return err
		}
	}
	return s.forgetPurchases(ctx, env, sub)
}

func (s *Service) forgetPurchases(ctx context.Context, env string, sub *Subscription) error {
	defer s.customers.drop(customerKey{env, sub.CustomerID})
	err := s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, sub.CustomerID); err != nil {
			return err
		}
		stored, err := tx.Subscription(ctx, env, sub.ID)
		if err != nil {
			return err
		}
		stored.Purchases = nil
		return tx.UpdateSubscription(ctx, env, stored)
	})
	if err != nil {
		return fmt.Errorf("forget purchases of subscription %s: %w", sub.ID, err)
	}
	sub.Purchases = nil
	return nil
}

// grantOwed grants what a crash, or a failure that went by, left owed to a customer. What is refused now, because the
// customer or the credit type is archived, stays owed.
func (s *Service) grantOwed(ctx context.Context, env string, cs *CustomerState) error {
	for _, sub := range cs.Subscriptions {
		if len(sub.Purchases) == 0 {
			continue
		}
		if err := s.grantPurchases(ctx, env, Caller{}, cs, sub); err != nil && !refuses(err) {
			return err
		}
	}
	return nil
}
