package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// When a change takes effect, as on the wire. An empty strategy means IMMEDIATE.
const (
	ScheduleNow       = "IMMEDIATE"
	SchedulePeriodEnd = "END_OF_BILLING_PERIOD"
	ScheduleMonthEnd  = "END_OF_BILLING_MONTH"
)

// SubscriptionUpdate changes the members that were sent. Addons replaces all add-ons; PriceOverrides is merged into the
// present ones, where an entry without a price takes the present one away. The members up to ResetAnchor take effect when
// Strategy or ScheduledAt says, also in updates that are scheduled for later; the others at once.
type SubscriptionUpdate struct {
	PlanID         Patch[string]
	BillingPeriod  Patch[string]
	Addons         Patch[[]SubscribedAddon]
	PriceOverrides Patch[[]PriceOverride]
	Entitlements   Patch[[]EntitlementOverride]
	Charges        Patch[[]PurchasedQuantity]
	ResetAnchor    bool // periods are counted anew from the change on
	Strategy       string
	ScheduledAt    *ledger.Time // instead of Strategy

	Budget         Patch[*Budget]
	MinimumSpend   Patch[*ledger.Money]
	SalesforceID   Patch[string]
	Metadata       Patch[map[string]string]
	TrialEndAt     *ledger.Time
	CancellationAt Patch[*ledger.Time] // nil takes a scheduled cancellation back
}

// changesTerms tells whether anything is sent that holds from an instant on.
func (in *SubscriptionUpdate) changesTerms() bool {
	return in.PlanID.Sent || in.BillingPeriod.Sent || in.Addons.Sent || in.PriceOverrides.Sent || in.Entitlements.Sent ||
		in.Charges.Sent || in.ResetAnchor
}

// kind is the wire's ScheduleType of what is changed.
func (in *SubscriptionUpdate) kind() string {
	switch {
	case in.PlanID.Sent:
		return "PLAN"
	case in.BillingPeriod.Sent:
		return "BILLING_PERIOD"
	case in.Charges.Sent:
		return "UNIT_AMOUNT"
	case in.Addons.Sent:
		return "ADDON"
	case in.PriceOverrides.Sent:
		return "PRICE_OVERRIDE"
	}
	return "RECURRING_CREDITS"
}

// UpdateSubscription changes a live subscription. What it brings in credits is issued before the call returns (semantics
// 10.4). It fails with SubscriptionNotActive, or with the member that cannot be.
func (s *Service) UpdateSubscription(ctx context.Context, env string, actor ledger.Actor, id string, in SubscriptionUpdate) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.updated", Object: id}, func(cat *Catalog, sub *Subscription, now ledger.Time) error {
		return cat.update(sub, &in, now, s.newID)
	})
}

// update makes a change in the row of a subscription.
func (c *Catalog) update(sub *Subscription, in *SubscriptionUpdate, now ledger.Time, newID func() string) error {
	sub.UpdatedAt = now
	in.Budget.apply(&sub.Budget)
	in.MinimumSpend.apply(&sub.MinimumSpend)
	in.SalesforceID.apply(&sub.SalesforceID)
	in.Metadata.apply(&sub.Metadata)
	if err := firstOf(sub.check, func() error { return sub.moveTrial(in.TrialEndAt, now) },
		func() error { return sub.reschedule(in.CancellationAt, now) }); err != nil {
		return err
	}
	from, err := sub.takesEffect(in, now)
	if err != nil || !in.changesTerms() {
		return err
	}
	if sub.ended(from) {
		return invalidf("scheduledAt", "lies behind the end of the subscription")
	}
	return c.changeTerms(sub, in, from, now, newID)
}

// takesEffect is when the terms change.
func (s *Subscription) takesEffect(in *SubscriptionUpdate, now ledger.Time) (ledger.Time, error) {
	if err := oneOf("scheduleStrategy", in.Strategy, "", ScheduleNow, SchedulePeriodEnd, ScheduleMonthEnd); err != nil {
		return 0, err
	}
	present := max(now, s.StartAt)
	if in.ScheduledAt != nil {
		if *in.ScheduledAt <= present {
			return 0, Invalid("scheduledAt", "must lie in the future")
		}
		return *in.ScheduledAt, nil
	}
	_, end := s.BillingPeriodAt(present)
	switch in.Strategy {
	case SchedulePeriodEnd:
		return end, nil
	case ScheduleMonthEnd:
		return min(end, CadencePeriod(CadenceMonth, s.AnchorAt(present), present).To), nil
	}
	return present, nil
}

// changeTerms changes the span that begins at an instant, which is made when there is none, and those scheduled for later.
func (c *Catalog) changeTerms(sub *Subscription, in *SubscriptionUpdate, from, now ledger.Time, newID func() string) error {
	if len(sub.Versions) >= spansMax {
		return Limited(fmt.Sprintf("the terms of a subscription can change at most %d times", spansMax))
	}
	if in.ResetAnchor && sub.inTrial(from) {
		return Invalid("billingCycleAnchor", "cannot be NOW in a trial; the end of the trial sets it")
	}
	terms := c.TermsAt(sub, from)
	terms.From, terms.Anchor, terms.Change = from, 0, ""
	if in.ResetAnchor {
		terms.Anchor = from
	}
	if from > max(now, sub.StartAt) {
		terms.Change = in.kind()
	}
	i := sub.insertTerms(terms)
	for ; i < len(sub.Versions); i++ {
		if err := c.patchTerms(sub, &sub.Versions[i], in, newID); err != nil {
			return err
		}
	}
	sub.touch(from)
	return c.checkPurchases(sub, from)
}

// patchTerms applies a change to one span, and checks the whole of it.
func (c *Catalog) patchTerms(sub *Subscription, terms *PlanSpan, in *SubscriptionUpdate, newID func() string) error {
	before := terms.Addons
	if in.PlanID.Sent && in.PlanID.To != terms.PlanID {
		if err := c.changePlan(sub, terms, in.PlanID.To); err != nil {
			return err
		}
	}
	in.BillingPeriod.apply(&terms.BillingPeriod)
	in.Addons.apply(&terms.Addons)
	in.Entitlements.apply(&terms.Entitlements)
	in.Charges.apply(&terms.Charges)
	if in.PriceOverrides.Sent {
		terms.Overrides = mergeOverrides(terms.Overrides, in.PriceOverrides.To)
	}
	if err := validPeriod("billingPeriod", terms.BillingPeriod); err != nil {
		return err
	}
	return c.settle(sub, terms, before, newID)
}

// changePlan moves a span to the version of another plan that is offered now. It must be of the same product.
func (c *Catalog) changePlan(sub *Subscription, terms *PlanSpan, planID string) error {
	v, err := c.offered("planId", PlanRef(planID))
	if err != nil {
		return err
	}
	if pkg := c.packages[PlanRef(planID)]; pkg.ProductID != sub.ProductID {
		return Unprocessable("IncompatiblePlan", "planId", fmt.Sprintf("plan %q belongs to another product", planID))
	}
	if terms.Change != "" && c.isDowngrade(terms, v) {
		terms.Change = "DOWNGRADE"
	}
	terms.PlanID, terms.Version = planID, v.Version
	return nil
}

// insertTerms puts a span in its place, instead of one that begins at the same instant, and returns where that is.
func (s *Subscription) insertTerms(terms PlanSpan) int {
	i, found := slices.BinarySearchFunc(s.Versions, terms.From, func(span PlanSpan, from ledger.Time) int {
		return int(min(max(span.From-from, -1), 1))
	})
	if found {
		terms.Anchor = max(terms.Anchor, s.Versions[i].Anchor)
		s.Versions[i] = terms
		return i
	}
	s.Versions = slices.Insert(s.Versions, i, terms)
	return i
}

// touch says that something changed at an instant. If the boundary of that very instant was posted, it is posted once more.
func (s *Subscription) touch(at ledger.Time) {
	if s.PostedUntil != 0 && at <= s.PostedUntil {
		s.Changed = true
	}
}

// DropScheduled takes back every update of a subscription that is scheduled for later. A scheduled cancellation stays.
func (s *Service) DropScheduled(ctx context.Context, env string, actor ledger.Actor, id string) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.scheduleDropped", Object: id}, func(_ *Catalog, sub *Subscription, now ledger.Time) error {
		sub.Versions = slices.DeleteFunc(sub.Versions, func(span PlanSpan) bool { return span.From > max(now, sub.StartAt) })
		return nil
	})
}

// MigrateSubscription moves a live subscription to the published version of its plan and add-ons, now or at the end of the
// billing period (semantics 10.4). It fails with SubscriptionNotActive.
func (s *Service) MigrateSubscription(ctx context.Context, env string, actor ledger.Actor, id, strategy string) (*Subscription, error) {
	if err := oneOf("subscriptionMigrationTime", strategy, "", ScheduleNow, SchedulePeriodEnd); err != nil {
		return nil, err
	}
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.migrated", Object: id}, func(cat *Catalog, sub *Subscription, now ledger.Time) error {
		from, err := sub.takesEffect(&SubscriptionUpdate{Strategy: strategy}, now)
		if err != nil {
			return err
		}
		terms := cat.TermsAt(sub, from)
		terms.From, terms.Anchor, terms.Change = from, 0, ""
		if from > max(now, sub.StartAt) {
			terms.Change = "MIGRATE_TO_LATEST"
		}
		for i := sub.insertTerms(terms); i < len(sub.Versions); i++ {
			cat.latest(&sub.Versions[i])
		}
		sub.touch(from)
		return nil
	})
}

// latest moves a span to what is published now.
func (c *Catalog) latest(terms *PlanSpan) {
	terms.Version = c.packages[PlanRef(terms.PlanID)].Published
	for i := range terms.Addons {
		terms.Addons[i].Version = c.packages[AddonRef(terms.Addons[i].ID)].Published
	}
}

func subscriptionEnded(sub *Subscription) error {
	return Conflict("SubscriptionNotActive", fmt.Sprintf("subscription %q has ended", sub.ID))
}

// errBoundaryDue says that a boundary must be posted before a row is changed.
var errBoundaryDue = errors.New("a boundary of the subscription is due")

// changeSubscription runs a change on a live subscription under the lock of its customer, by a catalogue that stays, when
// every boundary up to now is posted. What the change brings in credits is issued before it returns; after a crash before
// that, whoever asks for the customer next issues it.
func (s *Service) changeSubscription(ctx context.Context, env string, audit Audit, change func(*Catalog, *Subscription, ledger.Time) error) (*Subscription, error) {
	found, err := s.Subscription(ctx, env, audit.Object)
	if err != nil {
		return nil, err
	}
	audit.Customer = found.CustomerID
	for range dueTriesMax {
		if _, err := s.CustomerState(ctx, env, found.CustomerID); err != nil {
			return nil, err
		}
		err = s.changeRow(ctx, env, audit, change)
		if !errors.Is(err, errBoundaryDue) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", audit.Action, err)
	}
	if _, err := s.CustomerState(ctx, env, found.CustomerID); err != nil {
		return nil, err
	}
	return s.Subscription(ctx, env, audit.Object)
}

func (s *Service) changeRow(ctx context.Context, env string, audit Audit, change func(*Catalog, *Subscription, ledger.Time) error) error {
	defer s.customers.drop(customerKey{env, audit.Customer})
	return s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockCustomer(ctx, env, audit.Customer); err != nil {
			return err
		}
		sub, err := tx.Subscription(ctx, env, audit.Object)
		if err != nil {
			return err
		}
		cat, err := s.lockedCatalog(ctx, tx, env)
		if err != nil {
			return err
		}
		now := s.clock(env)
		if err := sub.compile(); err != nil {
			return err
		}
		if cat.Due(sub) <= now {
			return errBoundaryDue
		}
		now = max(now, sub.PostedUntil) // the clock of another node may be ahead
		if !sub.Live(now) {
			return subscriptionEnded(sub)
		}
		if err := change(cat, sub, now); err != nil {
			return err
		}
		sub.UpdatedAt, sub.NextDue = now, cat.Due(sub)
		if err := tx.UpdateSubscription(ctx, env, sub); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, audit)
	})
}
