package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Bounds of one subscription and of one customer.
const (
	subscriptionsPerCustomerMax = 10000
	addonsMax                   = 100
	overridesMax                = 200
	spansMax                    = 1000
)

// NewSubscription is the body of ProvisionSubscription. Empty members take the defaults of wire reference 11.2, except
// that no collection method means NONE as long as no payment provider is connected.
type NewSubscription struct {
	ID                      string
	CustomerID              string
	PlanID                  string
	ResourceID              string
	Addons                  []SubscribedAddon // versions are chosen by the server
	PriceOverrides          []PriceOverride
	Charges                 []PurchasedQuantity
	Entitlements            []EntitlementOverride
	BillingPeriod           string
	BillingCountryCode      string
	BillingID               string
	SalesforceID            string
	PayingCustomerID        string
	PaymentCollectionMethod string
	Budget                  *Budget
	MinimumSpend            *ledger.Money
	UnitQuantity            int64
	StartAt                 *ledger.Time
	CancellationAt          *ledger.Time
	Trial                   *TrialWish
	Metadata                map[string]string

	imported bool // from elsewhere, where its credits were bought
}

// ProvisionSubscription subscribes a customer for the published version of a plan, from StartAt on. It fails with
// ActiveSubscriptionExists when the customer has a live subscription for the same product and resource already, unless
// the product allows several. What it gives and buys at its start is for the caller to issue, with GrantPurchases.
func (s *Service) ProvisionSubscription(ctx context.Context, env string, actor ledger.Actor, in NewSubscription) (*Subscription, error) {
	var sub *Subscription
	defer s.customers.drop(customerKey{env, in.CustomerID})
	err := s.store.Update(ctx, func(tx Tx) (err error) {
		existing, err := s.admit(ctx, tx, env, &in)
		if err != nil {
			return err
		}
		sub, err = s.insertSubscription(ctx, tx, env, Audit{Actor: actor, Action: "subscription.provisioned"}, &in, existing)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("provision subscription: %w", err)
	}
	return sub, nil
}

// insertSubscription adds a subscription beside those that its locked customer has.
func (s *Service) insertSubscription(ctx context.Context, tx Tx, env string, audit Audit, in *NewSubscription, existing []*Subscription) (*Subscription, error) {
	cat, err := s.lockedCatalog(ctx, tx, env)
	if err != nil {
		return nil, err
	}
	now := s.clock(env)
	sub, err := s.provision(cat, in, Caller{Actor: audit.Actor, Request: RequestID(ctx)}, existing, now)
	if err != nil {
		return nil, err
	}
	if err := cat.onlyOne(sub, existing, now); err != nil {
		return nil, err
	}
	if sub.No, err = tx.NextNo(ctx, env); err != nil {
		return nil, err
	}
	if err := tx.InsertSubscription(ctx, env, sub); errors.Is(err, ErrTaken) {
		return nil, duplicate("subscription", sub.ID)
	} else if err != nil {
		return nil, err
	}
	audit.Object, audit.Customer = sub.ID, sub.CustomerID
	return sub, s.audit(ctx, tx, env, audit)
}

// provision builds what a request asks for by a catalogue.
func (s *Service) provision(cat *Catalog, in *NewSubscription, buyer Caller, existing []*Subscription, now ledger.Time) (*Subscription, error) {
	sub, err := s.newSubscription(cat, in, existing, now)
	if err != nil {
		return nil, err
	}
	if err := cat.order(sub, buyer); err != nil {
		return nil, err
	}
	if in.imported {
		sub.Purchases = nil // they were bought where it comes from
	}
	cat.beginQuietly(sub, now)
	sub.NextDue = cat.Due(sub)
	return sub, nil
}

// beginQuietly notes that the start of a new subscription is posted, when it does nothing to any pool: then nobody needs to
// post it.
func (c *Catalog) beginQuietly(sub *Subscription, now ledger.Time) {
	if sub.begins() > now {
		return
	}
	if t := c.turnAt(sub, sub.begins()); len(t.pools) == 0 && len(t.purchases) == 0 {
		sub.post(&t, nil, nil)
	}
}

// newSubscription builds a subscription from its request and checks it against the catalogue.
func (s *Service) newSubscription(cat *Catalog, in *NewSubscription, existing []*Subscription, now ledger.Time) (*Subscription, error) {
	plan, err := cat.offered("planId", PlanRef(in.PlanID))
	if err != nil {
		return nil, err
	}
	pkg, _ := cat.Package(PlanRef(in.PlanID))
	sub := &Subscription{ID: in.ID, CustomerID: in.CustomerID, ResourceID: in.ResourceID, ProductID: pkg.ProductID, PlanID: in.PlanID,
		PricingType: plan.Pricing.Type, StartAt: wholeSecond(now), CreatedAt: now, UpdatedAt: now,
		BillingCountryCode: in.BillingCountryCode, BillingID: in.BillingID, SalesforceID: in.SalesforceID,
		PayingCustomerID: in.PayingCustomerID, PaymentCollectionMethod: in.PaymentCollectionMethod, Budget: in.Budget,
		MinimumSpend: in.MinimumSpend, UnitQuantity: in.UnitQuantity, Metadata: in.Metadata}
	sub.defaults(s.newID)
	if in.StartAt != nil {
		sub.StartAt = *in.StartAt
	}
	if in.CancellationAt != nil {
		if sub.EndAt = *in.CancellationAt; sub.EndAt <= max(sub.StartAt, now) {
			return nil, Invalid("cancellationDate", "must lie in the future and after the start")
		}
		sub.CanceledAt, sub.CancelReason = now, "ScheduledCancellation"
	}
	sub.Versions = []PlanSpan{{From: sub.StartAt, PlanID: in.PlanID, Version: plan.Version, BillingPeriod: in.BillingPeriod,
		Addons: in.Addons, Overrides: in.PriceOverrides, Charges: in.Charges, Entitlements: in.Entitlements}}
	if in.BillingPeriod == "" {
		sub.Versions[0].BillingPeriod = PeriodMonthly
	}
	if err := firstError(sub.check(), sub.beginTrial(in.Trial, plan, hadTrial(existing, sub.ProductID), now)); err != nil {
		return nil, err
	}
	return sub, cat.settle(sub, sub.Current(), nil, s.newID)
}

// wholeSecond is when a subscription starts that is to start now. Common clients send times in whole seconds: an event
// reported right after the subscription was made must not lie before it.
func wholeSecond(now ledger.Time) ledger.Time { return now - now%1e6 }

func (s *Subscription) defaults(newID func() string) {
	if s.ID == "" {
		s.ID = "sub_" + newID()
	}
	if s.PaymentCollectionMethod == "" {
		s.PaymentCollectionMethod = "NONE"
	}
	if s.PricingType == "" {
		s.PricingType = PricingFree
	}
}

// check checks what does not need the catalogue.
func (s *Subscription) check() error {
	var resource error
	if s.ResourceID != "" {
		resource = validID("resourceId", s.ResourceID)
	}
	if s.UnitQuantity < 0 {
		return Invalid("unitQuantity", "must be 0 or more")
	}
	return firstError(
		validID("id", s.ID),
		validCustomerID("customerId", s.CustomerID),
		resource,
		validPeriod("billingPeriod", s.Current().BillingPeriod),
		validCountry("billingCountryCode", s.BillingCountryCode),
		oneOf("paymentCollectionMethod", s.PaymentCollectionMethod, "CHARGE", "INVOICE", "NONE"),
		validMoney("minimumSpend", s.MinimumSpend),
		validText("billingId", s.BillingID, nameLengthMax),
		validText("salesforceId", s.SalesforceID, nameLengthMax),
		validMetadata("metadata", s.Metadata),
	)
}

// admit locks the customer, checks that it may have one more subscription, and returns those that it has.
func (s *Service) admit(ctx context.Context, tx Tx, env string, in *NewSubscription) ([]*Subscription, error) {
	customer, err := tx.LockCustomer(ctx, env, in.CustomerID)
	if err != nil {
		return nil, customerMissing(err, in.CustomerID)
	}
	if customer.Archived() {
		return nil, Conflict("CustomerIsArchived", fmt.Sprintf("customer %q is archived; unarchive it first", customer.ID))
	}
	if in.PayingCustomerID != "" && in.PayingCustomerID != in.CustomerID {
		if _, err := tx.Customer(ctx, env, in.PayingCustomerID); err != nil {
			return nil, at("payingCustomerId", customerMissing(err, in.PayingCustomerID))
		}
	}
	existing, err := tx.SubscriptionsOf(ctx, env, in.CustomerID)
	if err == nil && len(existing) >= subscriptionsPerCustomerMax {
		err = Limited(fmt.Sprintf("a customer can have at most %d subscriptions", subscriptionsPerCustomerMax))
	}
	return existing, err
}

// onlyOne refuses a second live subscription for a product and resource. One with the same id is left to the store's
// uniqueness, which names the better reason.
func (c *Catalog) onlyOne(sub *Subscription, existing []*Subscription, now ledger.Time) error {
	if product, ok := c.Product(sub.ProductID); ok && product.MultipleSubscriptions {
		return nil
	}
	for _, other := range existing {
		if other.ID == sub.ID || other.ProductID != sub.ProductID || other.ResourceID != sub.ResourceID || !other.Live(now) {
			continue
		}
		return Conflict("ActiveSubscriptionExists", fmt.Sprintf(
			"subscription %q for the same product and resource is live; cancel it first, or allow multipleSubscriptions on product %q", other.ID, sub.ProductID))
	}
	return nil
}
