package credits

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// SubscriptionUpdate changes the members that were sent. Addons replaces all add-ons; PriceOverrides is merged into the
// present ones, where an entry without a price takes the present one away. Both take effect for events from now on.
type SubscriptionUpdate struct {
	Addons         Patch[[]SubscribedAddon]
	PriceOverrides Patch[[]PriceOverride]
	Entitlements   Patch[[]EntitlementOverride]
	Charges        Patch[[]PurchasedQuantity]
	Budget         Patch[*Budget]
	MinimumSpend   Patch[*ledger.Money]
	SalesforceID   Patch[string]
	Metadata       Patch[map[string]string]
}

// Cancellation says how to end a subscription. Only IMMEDIATE is offered; an empty Time means IMMEDIATE.
type Cancellation struct {
	Time string // END_OF_BILLING_PERIOD, IMMEDIATE or SPECIFIC_DATE
}

// UpdateSubscription changes a live subscription.
func (s *Service) UpdateSubscription(ctx context.Context, env string, actor ledger.Actor, id string, in SubscriptionUpdate) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.updated", Object: id}, func(cat *Catalog, sub *Subscription, now ledger.Time) error {
		if !sub.Live(now) {
			return subscriptionEnded(sub)
		}
		in.Budget.apply(&sub.Budget)
		in.MinimumSpend.apply(&sub.MinimumSpend)
		in.SalesforceID.apply(&sub.SalesforceID)
		in.Metadata.apply(&sub.Metadata)
		if err := sub.check(); err != nil {
			return err
		}
		return s.updateTerms(cat, sub, &in, now)
	})
}

// updateTerms opens a new span of terms if add-ons or prices change, and checks everything against the catalogue.
func (s *Service) updateTerms(cat *Catalog, sub *Subscription, in *SubscriptionUpdate, now ledger.Time) error {
	sub.UpdatedAt = now
	terms := cat.TermsAt(sub, max(now, sub.Current().From))
	terms.From = max(now, sub.Current().From)
	before := terms.Addons
	in.Addons.apply(&terms.Addons)
	in.Entitlements.apply(&terms.Entitlements)
	in.Charges.apply(&terms.Charges)
	if in.PriceOverrides.Sent {
		terms.Overrides = mergeOverrides(terms.Overrides, in.PriceOverrides.To)
	}
	if err := cat.settle(sub, &terms, before, s.newID); err != nil {
		return err
	}
	if !in.Addons.Sent && !in.PriceOverrides.Sent && !in.Entitlements.Sent && !in.Charges.Sent {
		return nil
	}
	if len(sub.Versions) >= spansMax {
		return Limited(fmt.Sprintf("the terms of a subscription can change at most %d times", spansMax))
	}
	sub.setTerms(terms.From, terms)
	return nil
}

// CancelSubscription ends a subscription at once: events from now on no longer belong to it, earlier ones that arrive late
// do. It fails with NotSupported for other instants of cancellation.
func (s *Service) CancelSubscription(ctx context.Context, env string, actor ledger.Actor, id string, in Cancellation) (*Subscription, error) {
	if err := oneOf("cancellationTime", in.Time, "", "END_OF_BILLING_PERIOD", "IMMEDIATE", "SPECIFIC_DATE"); err != nil {
		return nil, err
	}
	if in.Time != "" && in.Time != "IMMEDIATE" {
		return nil, NotSupported("cancellationTime", "only IMMEDIATE is supported yet")
	}
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.canceled", Object: id}, func(_ *Catalog, sub *Subscription, now ledger.Time) error {
		if !sub.cancel(now, "Immediate") {
			return subscriptionEnded(sub)
		}
		return nil
	})
}

// MigrateSubscription moves a live subscription to the published version of its plan and add-ons, for events from now on.
func (s *Service) MigrateSubscription(ctx context.Context, env string, actor ledger.Actor, id string) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.migrated", Object: id}, func(cat *Catalog, sub *Subscription, now ledger.Time) error {
		if !sub.Live(now) {
			return subscriptionEnded(sub)
		}
		terms := cat.TermsAt(sub, max(now, sub.Current().From))
		terms.Version = cat.packages[PlanRef(terms.PlanID)].Published
		for i := range terms.Addons {
			terms.Addons[i].Version = cat.packages[AddonRef(terms.Addons[i].ID)].Published
		}
		sub.setTerms(now, terms)
		return nil
	})
}

func subscriptionEnded(sub *Subscription) error {
	return Conflict("SubscriptionNotActive", fmt.Sprintf("subscription %q has ended", sub.ID))
}

// changeSubscription runs a change on a subscription under the lock of its customer, by a catalogue that stays.
func (s *Service) changeSubscription(ctx context.Context, env string, audit Audit, change func(*Catalog, *Subscription, ledger.Time) error) (*Subscription, error) {
	found, err := s.Subscription(ctx, env, audit.Object)
	if err != nil {
		return nil, err
	}
	audit.Customer = found.CustomerID
	var sub *Subscription
	defer s.customers.drop(customerKey{env, found.CustomerID})
	err = s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, found.CustomerID); err != nil {
			return err
		}
		if sub, err = tx.Subscription(ctx, env, audit.Object); err != nil {
			return err
		}
		cat, err := s.lockedCatalog(ctx, tx, env)
		if err != nil {
			return err
		}
		now := s.clock(env)
		if err := firstOf(sub.compile, func() error { return change(cat, sub, now) }); err != nil {
			return err
		}
		sub.UpdatedAt = now
		if err := tx.UpdateSubscription(ctx, env, sub); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, audit)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", audit.Action, err)
	}
	return sub, sub.compile()
}
