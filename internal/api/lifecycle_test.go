package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubscriptionLifecycle(t *testing.T) {
	// A plan with included credits, over REST and by the test clock: preview, trial, conversion, upgrade, scheduled downgrade, pause,
	// cancellation; each row dated at its own instant.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", customersPath, `{"id":"ann"}`)
	for plan, amount := range map[string]string{"small": "1000", "large": "5000"} {
		a.ok("POST", plansPath, `{"id":"`+plan+`","displayName":"`+plan+`","productId":"p","pricingType":"PAID"}`)
		a.ok("POST", plansPath+"/"+plan+"/entitlements", `{"entitlements":[{"type":"CREDIT","id":"credits","amount":`+amount+`,"cadence":"MONTH","trialAmount":200}]}`)
		a.ok("POST", plansPath+"/"+plan+"/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	}
	wish := `"customerId":"ann","planId":"small","trialOverrideConfiguration":{"isTrial":true,"trialEndDate":"2026-03-15T00:00:00Z"}`
	a.ok("POST", subscriptionsPath+"/preview", `{`+wish+`}`).want(
		"data.immediateInvoice.total", "0", "data.billingPeriodRange.end", `"2026-03-15T00:00:00.000Z"`, "data.isPlanDowngrade", "false",
		"data.credits.0.amount", "200", "data.credits.0.expireAt", `"2026-03-15T00:00:00.000Z"`, "data.upcomingCredits.0.amount", "1000",
		"data.upcomingCredits.0.effectiveAt", `"2026-03-15T00:00:00.000Z"`, "data.upcomingCredits.1.expireAt", `"2026-05-15T00:00:00.000Z"`)
	a.ok("POST", subscriptionsPath, `{"id":"ls",`+wish+`}`).want("data.subscription.status", `"IN_TRIAL"`,
		"data.subscription.trialEndDate", `"2026-03-15T00:00:00.000Z"`, "data.subscription.trial", `{"trialEndBehavior":"CONVERT_TO_PAID"}`)
	a.to("2026-04-01T00:00:00Z")
	a.ok("GET", subscriptionsPath+"/ls", "").want("data.status", `"ACTIVE"`, "data.billingCycleAnchor", `"2026-03-15T00:00:00.000Z"`,
		"data.currentBillingPeriodEnd", `"2026-04-15T00:00:00.000Z"`)
	a.ok("GET", "/api/v1/customers/ann/entitlements/check?currencyId=credits", "").want("data.usageLimit", "1000",
		"data.usagePeriodEnd", `"2026-04-15T00:00:00.000Z"`, "data.validUntil", `"2026-04-15T00:00:00.000Z"`)
	a.ok("POST", subscriptionsPath+"/preview", `{"customerId":"ann","planId":"large"}`).want("data.credits.0.amount", "1806", "data.isPlanDowngrade", "false")
	a.ok("PATCH", subscriptionsPath+"/ls", `{"planId":"large"}`).want("data.planId", `"large"`)
	a.ok("PATCH", subscriptionsPath+"/ls", `{"planId":"small","scheduleStrategy":"END_OF_BILLING_PERIOD"}`).want("data.planId", `"large"`,
		"data.futureUpdates", `[{"scheduleStatus":"SCHEDULED","scheduledExecutionTime":"2026-04-15T00:00:00.000Z","subscriptionScheduleType":"DOWNGRADE","targetPackage":{"id":"small"}}]`)
	a.ok("DELETE", subscriptionsPath+"/ls/future-update/schedule", "").want("data.id", `"ls"`)
	a.ok("PATCH", subscriptionsPath+"/ls", `{"planId":"small","scheduledAt":"2026-04-15T00:00:00Z"}`)
	a.ok("POST", subscriptionsPath+"/ls/pause", `{"until":"2026-04-20T00:00:00Z"}`).want("data.pausedUntil", `"2026-04-20T00:00:00.000Z"`)
	a.to("2026-04-21T00:00:00Z")
	a.ok("POST", subscriptionsPath+"/ls/migrate", `{"subscriptionMigrationTime":"IMMEDIATE"}`).want("data.planVersion", "1", "data.planId", `"small"`)
	a.ok("POST", subscriptionsPath+"/ls/cancel", `{"cancellationTime":"SPECIFIC_DATE","endDate":"2026-05-01T00:00:00Z"}`).want("data.status", `"ACTIVE"`)
	a.ok("PATCH", subscriptionsPath+"/ls", `{"cancellationDate":null}`).want("data.cancellationDate", "")
	a.ok("POST", subscriptionsPath+"/ls/cancel", `{}`).want("data.status", `"CANCELED"`)
	want := []string{"CREDITS_GRANTED 200 2026-03-01T12:00:00.000Z", "CREDITS_EXPIRED -200 2026-03-15T00:00:00.000Z", "CREDITS_GRANTED 1000 2026-03-15T00:00:00.000Z",
		"CREDITS_GRANTED 1806 2026-04-01T00:00:00.000Z", "CREDITS_EXPIRED -1000 2026-04-15T00:00:00.000Z", "CREDITS_EXPIRED -1806 2026-04-15T00:00:00.000Z",
		"CREDITS_GRANTED 833 2026-04-20T00:00:00.000Z", "CREDITS_VOIDED -833 2026-04-21T00:00:00.000Z"}
	if diff := cmp.Diff(want, a.ledgerOf("ann")); diff != "" {
		t.Errorf("ledger (+):\n%s", diff)
	}
}

func TestSubscriptionImport(t *testing.T) {
	// Subscriptions that began elsewhere keep their dates; credits come from the running period on, and all or none are added.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", customersPath, `{"id":"ann"}`)
	a.ok("POST", plansPath, `{"id":"small","displayName":"Small","productId":"p"}`)
	a.ok("POST", plansPath+"/small/entitlements", `{"entitlements":[{"type":"CREDIT","id":"credits","amount":100,"cadence":"MONTH"}]}`)
	a.ok("POST", plansPath+"/small/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	one := `{"id":"old","customerId":"ann","planId":"small","startDate":"2025-01-31T00:00:00Z"}`
	a.refused(409, "ActiveSubscriptionExists", "subscriptions[1]", "POST", subscriptionsPath+"/import",
		`{"subscriptions":[`+one+`,{"id":"twice","customerId":"ann","planId":"small"}]}`)
	a.refused(404, "SubscriptionNotFound", "", "GET", subscriptionsPath+"/old", "")
	a.ok("POST", subscriptionsPath+"/import", `{"subscriptions":[`+one+`]}`)
	a.ok("GET", subscriptionsPath+"/old", "").want("data.startDate", `"2025-01-31T00:00:00.000Z"`, "data.currentBillingPeriodStart", `"2026-02-28T00:00:00.000Z"`)
	if diff := cmp.Diff([]string{"CREDITS_GRANTED 100 2026-03-01T12:00:00.000Z"}, a.ledgerOf("ann")); diff != "" {
		t.Errorf("ledger (+):\n%s", diff)
	}
}

// to moves the clock of the environment.
func (a *testAPI) to(instant string) {
	a.ok("POST", clockPath+"/advance", `{"to":"`+instant+`","hold":true}`)
}

func TestSubscriptionPreview_of_adjusted_prices(t *testing.T) {
	// A preview charges the prices of this subscription, as the subscription itself does afterwards; it refuses what that refuses.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	a.ok("POST", customersPath, `{"id":"bob"}`)
	wish := func(currency, price string) string {
		return `{"customerId":"bob","planId":"prepaid","charges":[{"type":"CREDIT","id":"credits","quantity":300}],
			"priceOverrides":[{"currencyId":"` + currency + `","amount":` + price + `,"currency":"usd"}]}`
	}
	a.ok("POST", subscriptionsPath+"/preview", wish("credits", "0.8")).want("data.immediateInvoice.total", "240", "data.credits.0.cost.amount", "240")
	for _, path := range []string{subscriptionsPath + "/preview", subscriptionsPath} {
		a.refused(400, "InvalidArgumentError", "priceOverrides[0].currencyId", "POST", path, wish("coins", "0.8"))
	}
	a.ok("POST", subscriptionsPath, wish("credits", "0.8"))
	a.ok("GET", "/api/v1/credits/grants?customerId=bob", "").want("data.0.cost.amount", "240")
}
