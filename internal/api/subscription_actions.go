package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func (s *server) migrateSubscription(c *call) (any, error) {
	var in wire.SubscriptionMigrate
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	sub, err := s.credits.MigrateSubscription(c.ctx, c.env, c.actor(), c.path("id"), string(value(in.SubscriptionMigrationTime)))
	return s.subscriptionData(c, sub, err)
}

func (s *server) pauseSubscription(c *call) (any, error) {
	var in wire.SubscriptionPause
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	sub, err := s.credits.PauseSubscription(c.ctx, c.env, c.actor(), c.path("id"), timeIn(in.Until))
	return s.subscriptionData(c, sub, err)
}

func (s *server) resumeSubscription(c *call) (any, error) {
	sub, err := s.credits.ResumeSubscription(c.ctx, c.env, c.actor(), c.path("id"))
	return s.subscriptionData(c, sub, err)
}

func (s *server) dropScheduledUpdates(c *call) (any, error) {
	sub, err := s.credits.DropScheduled(c.ctx, c.env, c.actor(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return wire.SubscriptionIDData{Data: wire.SubscriptionID{ID: sub.ID}}, nil
}

// importSubscriptions does all of it before it answers; the id of the task is that of the request.
func (s *server) importSubscriptions(c *call) (any, error) {
	var in wire.SubscriptionsImport
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	wanted := listIn(in.Subscriptions, func(one *wire.SubscriptionImport) credits.NewSubscription {
		return credits.NewSubscription{
			ID: one.ID, CustomerID: one.CustomerID, PlanID: one.PlanID, ResourceID: value(one.ResourceID),
			Addons: listIn(one.Addons, subscribedAddonIn), Charges: listIn(one.Charges, quantityIn), BillingID: value(one.BillingID),
			BillingPeriod: string(value(one.BillingPeriod)), CancellationAt: timeIn(one.EndDate), StartAt: timeIn(one.StartDate), Metadata: one.Metadata,
		}
	})
	if err := s.credits.ImportSubscriptions(c.ctx, c.env, c.actor(), wanted); err != nil {
		return nil, err
	}
	return wire.TaskData{Data: wire.Task{TaskID: c.traceID}}, nil
}

func (s *server) previewSubscription(c *call) (any, error) {
	var in wire.SubscriptionPreview
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := unsupported(sent{"appliedCoupon", in.AppliedCoupon != nil}); err != nil {
		return nil, err
	}
	wanted, change := previewIn(&in)
	p, err := s.credits.PreviewSubscription(c.ctx, c.env, wanted, change)
	if err != nil {
		return nil, err
	}
	return wire.SubscriptionPreviewData{Data: previewOut(p)}, nil
}

// previewIn reads what is asked for, as a new subscription and as a change of a present one.
func previewIn(in *wire.SubscriptionPreview) (credits.NewSubscription, credits.SubscriptionUpdate) {
	charges := listIn(in.Charges, quantityIn)
	for _, f := range in.BillableFeatures {
		charges = append(charges, credits.PurchasedQuantity{Type: credits.EntitlementFeature, ID: f.FeatureID, Quantity: f.Quantity})
	}
	change := credits.SubscriptionUpdate{
		PlanID: credits.Set(in.PlanID), BillingPeriod: patchEnum(in.BillingPeriod), Addons: patchList(in.Addons, subscribedAddonIn),
		Strategy: string(value(in.ScheduleStrategy)), ResetAnchor: value(in.BillingCycleAnchor) == wire.BillingCycleAnchorNOW,
		PriceOverrides: patchList(in.PriceOverrides, overrideIn),
	}
	if in.Charges != nil || in.BillableFeatures != nil {
		change.Charges = credits.Set(charges)
	}
	return credits.NewSubscription{
		CustomerID: in.CustomerID, PlanID: in.PlanID, ResourceID: value(in.ResourceID), Addons: listIn(in.Addons, subscribedAddonIn),
		Charges: charges, BillingPeriod: string(value(in.BillingPeriod)), BillingCountryCode: value(in.BillingCountryCode),
		PayingCustomerID: value(in.PayingCustomerID), StartAt: timeIn(in.StartDate), Trial: trialWishIn(in.TrialOverrideConfiguration),
		UnitQuantity: int64(value(in.UnitQuantity)), PriceOverrides: listIn(in.PriceOverrides, overrideIn),
	}, change
}

func previewOut(p *credits.Preview) wire.SubscriptionPreviewResult {
	from, to := p.Subscription.BillingPeriodAt(p.From)
	period := wire.DateRange{Start: timeOut(from), End: timeOut(to)}
	out := wire.SubscriptionPreviewResult{
		ImmediateInvoice: invoicePreviewOut(p.Now), BillingPeriodRange: &period, HasScheduledUpdates: &p.Scheduled,
		IsPlanDowngrade: &p.IsDowngrade, Credits: listOut(p.Now, plannedOut), UpcomingCredits: listOut(p.Upcoming, plannedOut),
	}
	out.ImmediateInvoice.BillingPeriodRange = &period
	if next := nextBought(p.Upcoming); len(next) > 0 {
		recurring := invoicePreviewOut(next)
		from, to := p.Subscription.BillingPeriodAt(next[0].EffectiveAt)
		recurring.BillingPeriodRange = &wire.DateRange{Start: timeOut(from), End: timeOut(to)}
		out.RecurringInvoice = &recurring
	}
	return out
}

// nextBought is what is bought at the first boundary at which something is.
func nextBought(list []credits.PlannedGrant) (next []credits.PlannedGrant) {
	for _, g := range list {
		if g.Source == credits.SourcePrice && (len(next) == 0 || g.EffectiveAt == next[0].EffectiveAt) {
			next = append(next, g)
		}
	}
	return next
}

// invoicePreviewOut lists what is bought. A subscription has prices of one currency.
func invoicePreviewOut(list []credits.PlannedGrant) wire.InvoicePreview {
	var invoice wire.InvoicePreview
	for _, g := range list {
		if g.Source != credits.SourcePrice {
			continue
		}
		currency := enumOrNull[wire.Currency](g.Cost.Currency)
		unit, _ := g.Cost.Amount.QuoExact(g.Amount)
		invoice.Lines = append(invoice.Lines, wire.InvoicePreviewLine{
			Description: g.CreditTypeID, Quantity: &g.Amount, SubTotal: g.Cost.Amount, UnitPrice: unit, Currency: currency,
		})
		invoice.SubTotal, invoice.Currency = invoice.SubTotal.Add(g.Cost.Amount), currency
	}
	invoice.Total = invoice.SubTotal
	return invoice
}

func plannedOut(g credits.PlannedGrant) wire.PlannedGrant {
	out := wire.PlannedGrant{CurrencyID: g.CreditTypeID, Amount: g.Amount, EffectiveAt: timeOut(g.EffectiveAt),
		SourceType: g.Source, SourceID: g.SourceID}
	if g.ExpireAt != ledger.Never {
		out.ExpireAt = timeOrNull(g.ExpireAt)
	}
	if !g.Cost.Amount.IsZero() {
		out.Cost = moneyOrNull(&g.Cost)
	}
	return out
}

func futureUpdatesOut(sub *credits.Subscription, now ledger.Time) []wire.FutureUpdate {
	updates := []wire.FutureUpdate{}
	for i := range sub.Versions {
		span := &sub.Versions[i]
		if span.Change == "" || span.From <= now {
			continue
		}
		u := wire.FutureUpdate{ScheduledExecutionTime: timeOut(span.From), ScheduleStatus: wire.ScheduleStatusSCHEDULED,
			SubscriptionScheduleType: wire.ScheduleType(span.Change)}
		if span.PlanID != sub.PlanID {
			u.TargetPackage = &wire.TargetPackage{ID: span.PlanID}
		}
		updates = append(updates, u)
	}
	return updates
}
