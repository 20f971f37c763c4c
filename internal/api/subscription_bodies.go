package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// unsupported is a member that would change what a customer pays or gets and that is not offered: ignoring it would be a
// lie. Members that only matter to a payment provider are accepted and not used while none is connected.
func unsupported(members ...sent) error {
	for _, m := range members {
		if m.is {
			return credits.NotSupported(m.name, "is not supported; leave it away")
		}
	}
	return nil
}

func newSubscriptionIn(in *wire.SubscriptionCreate) (credits.NewSubscription, error) {
	out := credits.NewSubscription{
		ID: value(in.ID), CustomerID: in.CustomerID, PlanID: in.PlanID, ResourceID: value(in.ResourceID),
		Addons: listIn(in.Addons, subscribedAddonIn), PriceOverrides: listIn(in.PriceOverrides, overrideIn),
		Charges: listIn(in.Charges, quantityIn), BillingPeriod: string(value(in.BillingPeriod)),
		BillingCountryCode: value(in.BillingCountryCode), BillingID: value(in.BillingID), SalesforceID: value(in.SalesforceID),
		PayingCustomerID: value(in.PayingCustomerID), PaymentCollectionMethod: string(value(in.PaymentCollectionMethod)),
		Budget: budgetIn(in.Budget), MinimumSpend: minimumIn(in.MinimumSpend), UnitQuantity: int64(value(in.UnitQuantity)),
		StartAt: timeIn(in.StartDate), CancellationAt: timeIn(in.CancellationDate), Metadata: in.Metadata,
	}
	out.Trial = trialWishIn(in.TrialOverrideConfiguration)
	if err := unsupported(sent{"appliedCoupon", in.AppliedCoupon != nil}); err != nil {
		return out, err
	}
	var err error
	out.Entitlements, err = entitlementOverridesIn(in.Entitlements)
	return out, err
}

func trialWishIn(t *wire.TrialOverride) *credits.TrialWish {
	if t == nil {
		return nil
	}
	return &credits.TrialWish{IsTrial: t.IsTrial, EndBehavior: string(value(t.TrialEndBehavior)), EndAt: timeIn(t.TrialEndDate)}
}

func subscriptionUpdateIn(in *wire.SubscriptionUpdate) (credits.SubscriptionUpdate, error) {
	out := credits.SubscriptionUpdate{
		PlanID: patch(in.PlanID), BillingPeriod: patchEnum(in.BillingPeriod), Strategy: string(value(in.ScheduleStrategy)),
		ScheduledAt: timeIn(in.ScheduledAt), ResetAnchor: value(in.BillingCycleAnchor) == wire.BillingCycleAnchorNOW,
		TrialEndAt: timeIn(in.TrialEndDate), CancellationAt: patchVia(in.CancellationDate, timeIn),
		Addons: patchList(in.Addons, subscribedAddonIn), PriceOverrides: patchList(in.PriceOverrides, overrideUpdateIn),
		Charges: patchList(in.Charges, quantityIn), Budget: patchVia(in.Budget, budgetIn),
		MinimumSpend: patchVia(in.MinimumSpend, minimumIn), SalesforceID: patchOf(in.SalesforceID), Metadata: patchMetadata(in.Metadata),
	}
	if err := unsupported(sent{"appliedCoupon", in.AppliedCoupon != nil}, sent{"promotionCode", in.PromotionCode != nil}); err != nil {
		return out, err
	}
	if in.ScheduledAt != nil && in.ScheduleStrategy != nil {
		return out, credits.Invalid("scheduledAt", "cannot be combined with scheduleStrategy")
	}
	overrides, err := entitlementOverridesIn(in.Entitlements)
	if in.Entitlements != nil {
		out.Entitlements = credits.Set(overrides)
	}
	return out, err
}

func subscribedAddonIn(a *wire.SubscriptionAddon) credits.SubscribedAddon {
	return credits.SubscribedAddon{ID: a.ID, Quantity: int64(a.Quantity)}
}

func quantityIn(q *wire.SubscriptionCharge) credits.PurchasedQuantity {
	return credits.PurchasedQuantity{Type: credits.EntitlementType(q.Type), ID: q.ID, Quantity: q.Quantity}
}

func minimumIn(m *wire.SubscriptionMinimumSpendInput) *ledger.Money {
	if m == nil {
		return nil
	}
	return &ledger.Money{Amount: value(m.Amount), Currency: string(value(m.Currency))}
}

func overrideIn(o *wire.SubscriptionPriceOverride) credits.PriceOverride {
	return credits.PriceOverride{
		AddonID: value(o.AddonID), FeatureID: value(o.FeatureID), CreditTypeID: value(o.CurrencyID), Amount: o.Amount,
		Currency: string(value(o.Currency)), BaseCharge: value(o.BaseCharge), CountryCode: value(o.BillingCountryCode),
		BlockSize: o.BlockSize, GrantCadence: string(value(o.CreditGrantCadence)), CreditRate: rateIn(o.CreditRate),
		Tiers: listIn(o.Tiers, tierIn),
	}
}

func overrideUpdateIn(o *wire.SubscriptionPriceOverrideUpdate) credits.PriceOverride {
	return credits.PriceOverride{
		AddonID: value(o.AddonID), FeatureID: value(o.FeatureID), CreditTypeID: value(o.CurrencyID), Amount: o.Amount,
		Currency: string(value(o.Currency)), BaseCharge: value(o.BaseCharge), CreditRate: rateIn(o.CreditRate),
	}
}

// entitlementOverridesIn reads a union of two types.
func entitlementOverridesIn(list []wire.SubscriptionEntitlementInput) ([]credits.EntitlementOverride, error) {
	out := make([]credits.EntitlementOverride, len(list))
	for i := range list {
		in, path := &list[i], fmt.Sprintf("entitlements[%d].", i)
		out[i] = credits.EntitlementOverride{
			EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementType(in.Type), ID: in.ID}, UsageLimit: in.UsageLimit,
			HasSoftLimit: in.HasSoftLimit, Unlimited: in.HasUnlimitedUsage, Amount: in.Amount, Cadence: string(value(in.Cadence)),
		}
		err := checkOverride(path, in)
		if err == nil && in.Type == wire.EntitlementTypeFEATURE {
			out[i].Reset, err = resetIn(path, in.ResetPeriod, in.MonthlyResetPeriodConfiguration, in.WeeklyResetPeriodConfiguration, in.YearlyResetPeriodConfiguration)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkOverride refuses members of the other variant.
func checkOverride(path string, in *wire.SubscriptionEntitlementInput) error {
	if in.Type == wire.EntitlementTypeCREDIT {
		return refuse(path, "CREDIT",
			sent{"hasSoftLimit", in.HasSoftLimit != nil}, sent{"hasUnlimitedUsage", in.HasUnlimitedUsage != nil},
			sent{"usageLimit", in.UsageLimit != nil}, sent{"resetPeriod", in.ResetPeriod != nil},
			sent{"monthlyResetPeriodConfiguration", in.MonthlyResetPeriodConfiguration != nil},
			sent{"weeklyResetPeriodConfiguration", in.WeeklyResetPeriodConfiguration != nil},
			sent{"yearlyResetPeriodConfiguration", in.YearlyResetPeriodConfiguration != nil})
	}
	return refuse(path, "FEATURE", sent{"amount", in.Amount != nil}, sent{"cadence", in.Cadence != nil})
}
