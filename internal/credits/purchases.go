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
}

// purchases are the credits that a new subscription buys, within the bounds and at the price of its plan.
func (c *Catalog) purchases(sub *Subscription, buyer ledger.Actor, now ledger.Time) ([]Purchase, error) {
	var bought []Purchase
	for i, charge := range sub.Charges {
		if charge.Type != EntitlementCredit || charge.Quantity.IsZero() {
			continue
		}
		offer, err := c.TopUp(sub, charge.ID, max(now, sub.StartAt))
		if err != nil {
			return nil, at(item("charges", i), err)
		}
		cost, err := offer.TopUpPrice(charge.Quantity)
		if err != nil {
			return nil, at(item("charges", i), err)
		}
		bought = append(bought, Purchase{charge.ID, charge.Quantity, cost, offer.GrantCadence, buyer})
	}
	return bought, nil
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
			DisplayName: "Purchased credits", Amount: bought.Quantity, Type: ledger.Paid, Cost: &bought.Cost,
			EffectiveAt: sub.StartAt, Collection: sub.PaymentCollectionMethod,
			OwnKey: fmt.Sprintf("subscription %s buys %s", sub.ID, bought.CreditTypeID),
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
