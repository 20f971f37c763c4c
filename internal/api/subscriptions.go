package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listSubscriptions(c *call) (any, error) {
	q := c.query()
	filter := credits.SubscriptionFilter{
		CustomerID: q.text("customerId"), PlanID: q.text("planId"), ResourceID: q.text("resourceId"),
		Statuses:     enums[wire.SubscriptionStatus, credits.SubscriptionStatus](q, "status"),
		PricingTypes: enums[wire.PricingType, credits.PricingType](q, "pricingType"),
		Created:      q.during("createdAt"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Subscriptions(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, func(sub *credits.Subscription) wire.Subscription {
		out := s.subscriptionOut(c.env, sub)
		out.SubscriptionEntitlements = nil // lists leave them out
		return out
	})
	return wire.SubscriptionPage{Data: data, Pagination: pagination}, nil
}

// createSubscription subscribes a customer and grants the credits that the subscription buys at its start.
func (s *server) createSubscription(c *call) (any, error) {
	var in wire.SubscriptionCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	wanted, err := newSubscriptionIn(&in)
	if err != nil {
		return nil, err
	}
	if wanted.ID == "" && c.freshID != "" {
		wanted.ID = "sub_" + c.freshID
	}
	made, err := s.credits.ProvisionSubscription(c.ctx, c.env, c.actor(), wanted)
	if err != nil {
		return nil, err
	}
	if err := s.credits.GrantPurchases(c.ctx, c.env, made); err != nil {
		return nil, err
	}
	sub := s.subscriptionOut(c.env, made)
	return wire.ProvisionResultData{Data: wire.ProvisionResult{
		ID: made.ID, Status: wire.ProvisionResultStatusSUCCESS, Subscription: &sub, IsScheduled: orNull(scheduled(&sub)),
	}}, nil
}

// scheduled tells whether a subscription starts later.
func scheduled(sub *wire.Subscription) bool { return sub.Status == wire.SubscriptionStatusNOTSTARTED }

func (s *server) getSubscription(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	sub, err := s.credits.Subscription(c.ctx, c.env, c.path("id"))
	return s.subscriptionData(c, sub, err)
}

func (s *server) updateSubscription(c *call) (any, error) {
	var in wire.SubscriptionUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update, err := subscriptionUpdateIn(&in)
	if err != nil {
		return nil, err
	}
	sub, err := s.credits.UpdateSubscription(c.ctx, c.env, c.actor(), c.path("id"), update)
	return s.subscriptionData(c, sub, err)
}

func (s *server) cancelSubscription(c *call) (any, error) {
	var in wire.SubscriptionCancel
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	sub, err := s.credits.CancelSubscription(c.ctx, c.env, c.actor(), c.path("id"), credits.Cancellation{
		Time: string(value(in.CancellationTime)), EndAt: timeIn(in.EndDate), Action: string(value(in.CancellationAction)),
	})
	return s.subscriptionData(c, sub, err)
}

// subscriptionData answers with a subscription.
func (s *server) subscriptionData(c *call, sub *credits.Subscription, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.SubscriptionData{Data: s.subscriptionOut(c.env, sub)}, nil
}

func (s *server) subscriptionOut(env string, sub *credits.Subscription) wire.Subscription {
	now := s.credits.Now(env)
	terms := s.credits.Catalog(env).TermsAt(sub, max(now, sub.StartAt))
	from, to := sub.BillingPeriodAt(max(now, sub.StartAt))
	version := int(terms.Version)
	out := wire.Subscription{
		ID: sub.ID, CustomerID: sub.CustomerID, PlanID: terms.PlanID, PlanVersion: &version, ResourceID: orNull(sub.ResourceID),
		BillingID: orNull(sub.BillingID), PayingCustomerID: orNull(sub.PayingCustomerID), Metadata: sub.Metadata,
		PaymentCollection:       wire.PaymentCollectionNOTREQUIRED, // as long as no payment provider is connected
		PaymentCollectionMethod: enumOrNull[wire.PaymentCollectionMethod](sub.PaymentCollectionMethod),
		PricingType:             wire.PricingType(sub.PricingType), Status: wire.SubscriptionStatus(sub.Status(now)),
		Addons: listOut(terms.Addons, func(a credits.SubscribedAddon) wire.SubscriptionAddon {
			return wire.SubscriptionAddon{ID: a.ID, Quantity: int(a.Quantity)}
		}),
		Budget: budgetOut(sub.Budget), Prices: listOut(terms.Overrides, priceOut),
		SubscriptionEntitlements: listOut(terms.Entitlements, func(e credits.EntitlementOverride) wire.EntitlementRef {
			return wire.EntitlementRef{ID: e.ID, Type: wire.EntitlementType(e.Type)}
		}),
		CreatedAt: timeOut(sub.CreatedAt), StartDate: timeOut(sub.StartAt), EndDate: timeOrNull(sub.EndAt),
		EffectiveEndDate: timeOrNull(sub.EndAt), CancelReason: enumOrNull[wire.CancelReason](sub.CancelReason),
		BillingCycleAnchor: timeOrNull(sub.AnchorAt(max(now, sub.StartAt))), FutureUpdates: futureUpdatesOut(sub, now),
	}
	if sub.CanceledAt != 0 {
		out.CancellationDate = timeOrNull(sub.EndAt)
	}
	if sub.Trial != nil {
		out.TrialEndDate = timeOrNull(sub.Trial.EndAt)
		out.Trial = &wire.SubscriptionTrial{TrialEndBehavior: wire.TrialEndBehavior(sub.Trial.EndBehavior)}
	}
	if pause, paused := sub.PauseAt(now); paused {
		out.PausedFrom, out.PausedUntil = timeOrNull(pause.From), timeOrNull(pause.To)
	}
	if sub.MinimumSpend != nil {
		out.MinimumSpend = &wire.SubscriptionMinimumSpend{Amount: &sub.MinimumSpend.Amount, Currency: enumOrNull[wire.Currency](sub.MinimumSpend.Currency)}
	}
	if sub.Live(now) {
		out.CurrentBillingPeriodStart, out.CurrentBillingPeriodEnd = timeOrNull(from), timeOrNull(to)
	}
	return out
}

func priceOut(o credits.PriceOverride) wire.SubscriptionPrice {
	return wire.SubscriptionPrice{
		AddonID: orNull(o.AddonID), FeatureID: orNull(o.FeatureID), CurrencyID: orNull(o.CreditTypeID), Amount: o.Amount,
		Currency: enumOrNull[wire.Currency](o.Currency), BaseCharge: orNull(o.BaseCharge), BillingCountryCode: orNull(o.CountryCode),
		BlockSize: o.BlockSize, CreditRate: rateOut(o.CreditRate), Tiers: listOut(o.Tiers, tierOut),
	}
}
