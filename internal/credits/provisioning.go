package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	Metadata                map[string]string
}

// ProvisionSubscription subscribes a customer for the published version of a plan, from StartAt on. It fails with
// ActiveSubscriptionExists when the customer has a live subscription for the same product and resource already, unless
// the product allows several. What it buys at its start is for the caller to grant, with GrantPurchases.
func (s *Service) ProvisionSubscription(ctx context.Context, env string, actor ledger.Actor, in NewSubscription) (*Subscription, error) {
	now := s.clock(env)
	known := s.Catalog(env)
	by := Caller{Actor: actor, Request: RequestID(ctx)}
	sub, err := s.provision(known, &in, by, now)
	if err != nil {
		return nil, err
	}
	defer s.customers.drop(customerKey{env, in.CustomerID})
	err = s.store.Update(ctx, func(tx Tx) error {
		existing, err := s.admit(ctx, tx, env, sub)
		if err != nil {
			return err
		}
		cat, err := s.lockedCatalog(ctx, tx, env)
		if err != nil {
			return err
		}
		if cat != known {
			if sub, err = s.provision(cat, &in, by, now); err != nil {
				return err
			}
			known = cat
		}
		if err := cat.onlyOne(sub, existing, now); err != nil {
			return err
		}
		if sub.No, err = tx.NextNo(ctx, env); err != nil {
			return err
		}
		if err := tx.InsertSubscription(ctx, env, sub); errors.Is(err, ErrTaken) {
			return duplicate("subscription", sub.ID)
		} else if err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "subscription.provisioned", Object: sub.ID, Customer: sub.CustomerID})
	})
	if err != nil {
		return nil, fmt.Errorf("provision subscription: %w", err)
	}
	return sub, nil
}

// provision builds what a request asks for by a catalogue.
func (s *Service) provision(cat *Catalog, in *NewSubscription, buyer Caller, now ledger.Time) (*Subscription, error) {
	sub, err := s.newSubscription(cat, in, now)
	if err != nil {
		return nil, err
	}
	if err := cat.order(sub, buyer); err != nil {
		return nil, err
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
func (s *Service) newSubscription(cat *Catalog, in *NewSubscription, now ledger.Time) (*Subscription, error) {
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
	if err := sub.check(); err != nil {
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
func (s *Service) admit(ctx context.Context, tx Tx, env string, sub *Subscription) ([]*Subscription, error) {
	customer, err := tx.LockCustomer(ctx, env, sub.CustomerID)
	if err != nil {
		return nil, customerMissing(err, sub.CustomerID)
	}
	if customer.Archived() {
		return nil, Conflict("CustomerIsArchived", fmt.Sprintf("customer %q is archived; unarchive it first", customer.ID))
	}
	if sub.PayingCustomerID != "" && sub.PayingCustomerID != sub.CustomerID {
		if _, err := tx.Customer(ctx, env, sub.PayingCustomerID); err != nil {
			return nil, at("payingCustomerId", customerMissing(err, sub.PayingCustomerID))
		}
	}
	existing, err := tx.SubscriptionsOf(ctx, env, sub.CustomerID)
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

// offered returns the published version of a plan or add-on that new subscriptions get.
func (c *Catalog) offered(field string, ref PackageRef) (*PackageVersion, error) {
	pkg, ok := c.packages[ref]
	switch {
	case ref.ID == "":
		return nil, Invalid(field, "is required")
	case !ok:
		return nil, at(field, ref.notFound())
	case pkg.ArchivedAt != 0:
		return nil, Unprocessable("PackageArchived", field, fmt.Sprintf("%s %q is archived", ref.Kind.noun(), ref.ID))
	case pkg.Published == 0:
		return nil, Unprocessable("PackageNotPublished", field, fmt.Sprintf("%s %q is a draft; publish it first", ref.Kind.noun(), ref.ID))
	}
	return c.versions[pkg.current()], nil
}

// settle checks terms against the catalogue, pins add-ons to versions and names the overrides. Add-ons that the
// subscription had before keep their version.
func (c *Catalog) settle(sub *Subscription, terms *PlanSpan, before []SubscribedAddon, newID func() string) error {
	plan, ok := c.versionAt(PlanRef(terms.PlanID), terms.Version, max(terms.From, sub.UpdatedAt))
	if !ok {
		return fmt.Errorf("subscription %s: plan %s has no version %d", sub.ID, terms.PlanID, terms.Version)
	}
	addons, err := c.settleAddons(plan, sub.ProductID, terms.Addons, before)
	if err != nil {
		return err
	}
	overrides, err := c.settleOverrides(terms, newID)
	if err != nil {
		return err
	}
	terms.Addons, terms.Overrides = addons, overrides
	return firstError(c.checkQuantities(terms.Charges), c.checkEntitlementOverrides(terms.Entitlements))
}

func (c *Catalog) settleAddons(plan *PackageVersion, productID string, addons, before []SubscribedAddon) ([]SubscribedAddon, error) {
	if len(addons) > addonsMax {
		return nil, invalidf("addons", "at most %d are allowed", addonsMax)
	}
	settled := slices.Clone(addons)
	has := func(list []SubscribedAddon, id string) int {
		return slices.IndexFunc(list, func(a SubscribedAddon) bool { return a.ID == id })
	}
	for i := range settled {
		a, path := &settled[i], item("addons", i)
		if i != has(settled, a.ID) {
			return nil, invalidf(path+".id", "add-on %q appears twice", clip(a.ID))
		}
		if was := has(before, a.ID); was >= 0 {
			a.Version = before[was].Version
		} else if err := c.pin(a, productID, path); err != nil {
			return nil, err
		}
		v := c.versions[VersionRef{AddonRef(a.ID), a.Version}]
		if a.Quantity < 1 || v.MaxQuantity != nil && a.Quantity > int64(*v.MaxQuantity) {
			return nil, invalidf(path+".quantity", "must be at least 1 and at most the add-on's maxQuantity")
		}
		if plan.CompatibleAddonIDs != nil && !slices.Contains(plan.CompatibleAddonIDs, a.ID) {
			return nil, Unprocessable("IncompatibleAddon", path+".id", fmt.Sprintf("add-on %q is not compatible with plan %q", a.ID, plan.PackageID))
		}
		for _, needed := range v.Dependencies {
			if has(settled, needed) < 0 {
				return nil, Unprocessable("AddonDependencyMissing", path+".id", fmt.Sprintf("add-on %q needs add-on %q", a.ID, needed))
			}
		}
	}
	slices.SortFunc(settled, func(a, b SubscribedAddon) int { return strings.Compare(a.ID, b.ID) })
	return settled, nil
}

// pin gives a new add-on the version that is offered now.
func (c *Catalog) pin(a *SubscribedAddon, productID, path string) error {
	v, err := c.offered(path+".id", AddonRef(a.ID))
	if err != nil {
		return err
	}
	if pkg := c.packages[AddonRef(a.ID)]; pkg.ProductID != productID {
		return Unprocessable("IncompatibleAddon", path+".id", fmt.Sprintf("add-on %q belongs to another product", a.ID))
	}
	a.Version = v.Version
	return nil
}
