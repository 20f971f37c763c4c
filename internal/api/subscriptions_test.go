package api

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const subscriptionsPath = "/api/v1/subscriptions"

func TestSubscriptions(t *testing.T) {
	// A subscription is started with overrides, read, changed, listed and canceled at once.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", "/api/v1/addons", `{"id":"extra","displayName":"Extra","productId":"p","status":"PUBLISHED"}`)
	a.ok("POST", customersPath, `{"id":"other"}`)
	a.ok("POST", subscriptionsPath, `{"customerId":"other","planId":"basic","resourceId":"ws-1","addons":[{"id":"extra","quantity":2}],"metadata":{"k":"v"},
		"budget":{"limit":5,"hasSoftLimit":false},"minimumSpend":{"amount":9.5,"currency":"eur"},"billingPeriod":"ANNUALLY","salesforceId":null,"awaitPaymentConfirmation":false,
		"priceOverrides":[{"featureId":"calls","addonId":null,"creditRate":{"currencyId":"credits","amount":0.5,"costFormula":null}}],
		"entitlements":[{"type":"FEATURE","id":"calls","usageLimit":3},{"type":"CREDIT","id":"credits","amount":10,"cadence":"MONTH"}]}`).
		want("data.status", `"SUCCESS"`, "data.entitlements", "null", "data.subscription.status", `"ACTIVE"`, "data.subscription.resourceId", `"ws-1"`,
			"data.subscription.addons", `[{"id":"extra","quantity":2}]`, "data.subscription.prices.0.creditRate", `{"amount":0.5,"currencyId":"credits"}`,
			"data.subscription.budget", `{"hasSoftLimit":false,"limit":5}`, "data.subscription.minimumSpend", `{"amount":9.5,"currency":"eur"}`,
			"data.subscription.subscriptionEntitlements", `[{"id":"calls","type":"FEATURE"},{"id":"credits","type":"CREDIT"}]`,
			"data.subscription.pricingType", `"PAID"`, "data.subscription.planVersion", "1", "data.subscription.paymentCollectionMethod", `"NONE"`,
			"data.subscription.currentBillingPeriodEnd", `"2027-03-01T12:00:00.000Z"`)
	a.ok("GET", subscriptionsPath+"/sub", "").want("data.customerId", `"acme"`, "data.startDate", `"2026-03-01T12:00:00.000Z"`, "data.endDate", "",
		"data.billingId", "null", "data.paymentCollection", `"NOT_REQUIRED"`)
	a.clock.advance(time.Hour)
	a.ok("PATCH", subscriptionsPath+"/sub", `{"metadata":{"a":"b"},"budget":{"limit":1,"hasSoftLimit":true},"addons":[{"id":"extra","quantity":1}],
		"priceOverrides":[{"featureId":"calls","creditRate":{"currencyId":"credits","amount":2}}]}`).
		want("data.metadata", `{"a":"b"}`, "data.budget.limit", "1", "data.addons.0.quantity", "1", "data.prices.0.creditRate.amount", "2")
	a.ok("PATCH", subscriptionsPath+"/sub", `{"budget":null,"minimumSpend":null,"addons":[],"cancellationDate":null}`).
		want("data.budget", "", "data.addons", "", "data.metadata", `{"a":"b"}`, "data.prices.0.creditRate.amount", "2")
	a.ok("POST", subscriptionsPath, `{"id":"later","customerId":"other","planId":"basic","startDate":"2026-04-01T00:00:00Z"}`).
		want("data.isScheduled", "true", "data.subscription.status", `"NOT_STARTED"`)
	list := func(query string, want ...string) {
		t.Helper()
		if got := a.ok("GET", subscriptionsPath+query, "").ids(); !slices.Equal(got, want) {
			t.Errorf("%q lists %v, want %v", query, got, want)
		}
	}
	list("?customerId=acme", "sub")
	list("?status=NOT_STARTED", "later")
	list("?planId=basic&customerId=other&status=NOT_STARTED,ACTIVE&limit=1", "later")
	list("?pricingType=FREE")
	if got := a.walk(subscriptionsPath); len(got) != 3 || got[0] != "later" || got[2] != "sub" {
		t.Errorf("walked %v", got)
	}
	a.ok("GET", customersPath+"/other/resources", "").want("data.0.id", `"ws-1"`, "data.1", "")
	a.ok("POST", subscriptionsPath+"/sub/cancel", "").want("data.status", `"CANCELED"`, "data.cancelReason", `"Immediate"`, "data.endDate", `"2026-03-01T13:00:00.000Z"`)
	a.ok("POST", subscriptionsPath+"/later/cancel", `{"cancellationTime":"IMMEDIATE","prorate":false}`)
	list("?status=CANCELED", "later", "sub")
}

func TestSubscriptionRefusals(t *testing.T) {
	// What a subscription cannot be is refused; what would change its price and is not offered is not swallowed.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", customersPath, `{"id":"b"}`)
	for body, field := range map[string]string{
		`{"planId":"basic"}`: "customerId",
		`{"customerId":"b"}`: "planId",
		`{"customerId":"b","planId":"basic","addons":[{"id":"x"}]}`:                                                                         "addons[0].quantity",
		`{"customerId":"b","planId":"basic","charges":[{"id":"credits","quantity":-1,"type":"CREDIT"}]}`:                                    "charges[0].quantity",
		`{"customerId":"b","planId":"basic","charges":[{"id":"credits","quantity":"1.0000000001","type":"CREDIT"}]}`:                        "charges[0].quantity",
		`{"customerId":"b","planId":"basic","startDate":"tomorrow"}`:                                                                        "startDate",
		`{"customerId":"b","planId":"basic","cancellationDate":"2020-01-01T00:00:00Z"}`:                                                     "cancellationDate",
		`{"customerId":"b","planId":"basic","billingPeriod":"WEEKLY"}`:                                                                      "billingPeriod",
		`{"customerId":"b","planId":"basic","entitlements":[{"type":"FEATURE","id":"calls","amount":1}]}`:                                   "entitlements[0].amount",
		`{"customerId":"b","planId":"basic","entitlements":[{"type":"CREDIT","id":"credits","amount":1,"cadence":"MONTH","usageLimit":1}]}`: "entitlements[0].usageLimit",
		`{"customerId":"b","planId":"basic","entitlements":[{"type":"CREDIT","id":"credits","cadence":"MONTH"}]}`:                           "entitlements[0].amount",
		`{"customerId":"b","planId":"basic","priceOverrides":[{"featureId":"calls"}]}`:                                                      "priceOverrides[0].amount",
		`{"customerId":"b","planId":"basic","status":"ACTIVE"}`:                                                                             "status",
		`{"customerId":"b","planId":"basic","metadata":null}`:                                                                               "metadata",
	} {
		a.refused(400, "InvalidArgumentError", field, "POST", subscriptionsPath, body)
	}
	a.refused(501, "NotSupported", "appliedCoupon", "POST", subscriptionsPath, `{"customerId":"b","planId":"basic","appliedCoupon":{"couponId":"c"}}`)
	a.refused(400, "InvalidArgumentError", "trialOverrideConfiguration.trialEndDate", "POST", subscriptionsPath, `{"customerId":"b","planId":"basic","trialOverrideConfiguration":{"isTrial":true}}`)
	a.refused(404, "CustomerNotFound", "", "POST", subscriptionsPath, `{"customerId":"none","planId":"basic"}`)
	a.refused(404, "PlanNotFound", "planId", "POST", subscriptionsPath, `{"customerId":"b","planId":"none"}`)
	a.refused(409, "ActiveSubscriptionExists", "", "POST", subscriptionsPath, `{"customerId":"acme","planId":"basic"}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", subscriptionsPath, `{"id":"sub","customerId":"b","planId":"basic"}`)
	for body, field := range map[string]string{
		`{"billingPeriod":"WEEKLY"}`:                                            "billingPeriod",
		`{"cancellationDate":"2020-01-01T00:00:00Z"}`:                           "cancellationDate",
		`{"trialEndDate":"2030-01-01T00:00:00Z"}`:                               "trialEndDate",
		`{"scheduledAt":"2020-01-01T00:00:00Z","addons":[]}`:                    "scheduledAt",
		`{"scheduledAt":"2030-01-01T00:00:00Z","scheduleStrategy":"IMMEDIATE"}`: "scheduledAt",
		`{"addons":[],"scheduleStrategy":"SOON"}`:                               "scheduleStrategy",
	} {
		a.refused(400, "InvalidArgumentError", field, "PATCH", subscriptionsPath+"/sub", body)
	}
	a.refused(404, "PlanNotFound", "planId", "PATCH", subscriptionsPath+"/sub", `{"planId":"none"}`)
	a.refused(409, "SubscriptionNotPaused", "", "POST", subscriptionsPath+"/sub/resume", "")
	a.refused(400, "InvalidArgumentError", "until", "POST", subscriptionsPath+"/sub/pause", `{"until":"2020-01-01T00:00:00Z"}`)
	a.refused(400, "InvalidArgumentError", "subscriptionMigrationTime", "POST", subscriptionsPath+"/sub/migrate", `{"subscriptionMigrationTime":"LATER"}`)
	a.refused(400, "InvalidArgumentError", "subscriptions[0].planId", "POST", subscriptionsPath+"/import", `{"subscriptions":[{"id":"i","customerId":"b"}]}`)
	a.refused(404, "PlanNotFound", "subscriptions[0].planId", "POST", subscriptionsPath+"/import", `{"subscriptions":[{"id":"i","customerId":"b","planId":"none"}]}`)
	a.refused(404, "PlanNotFound", "planId", "POST", subscriptionsPath+"/preview", `{"customerId":"b","planId":"none"}`)
	a.refused(404, "CustomerNotFound", "", "POST", subscriptionsPath+"/preview", `{"customerId":"none","planId":"basic"}`)
	a.refused(400, "InvalidArgumentError", "customerId", "PATCH", subscriptionsPath+"/sub", `{"customerId":"b"}`)
	a.refused(404, "SubscriptionNotFound", "", "GET", subscriptionsPath+"/none", "")
	a.refused(404, "SubscriptionNotFound", "", "PATCH", subscriptionsPath+"/none", `{}`)
	a.refused(404, "SubscriptionNotFound", "", "POST", subscriptionsPath+"/none/cancel", "")
	a.refused(400, "InvalidArgumentError", "endDate", "POST", subscriptionsPath+"/sub/cancel", `{"cancellationTime":"SPECIFIC_DATE"}`)
	a.ok("POST", subscriptionsPath+"/sub/cancel", `{}`)
	a.refused(409, "SubscriptionNotActive", "", "POST", subscriptionsPath+"/sub/cancel", "")
	a.ok("POST", customersPath+"/b/archive", "")
	a.refused(409, "CustomerIsArchived", "", "POST", subscriptionsPath, `{"customerId":"b","planId":"basic"}`)
	if got := a.ok("GET", subscriptionsPath+"?customerId=b", "").ids(); len(got) != 0 {
		t.Errorf("refused requests left %v", got)
	}
}

func TestSubscriptionPurchases(t *testing.T) {
	// Credits that a subscription buys at its start are granted at the plan's price, within its bounds.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", plansPath, `{"id":"topup","displayName":"Top-up","productId":"p"}`)
	a.ok("PATCH", plansPath+"/topup", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"USAGE_BASED","topUpCustomCurrencyId":"credits",
		"minUnitQuantity":10,"maxUnitQuantity":100,"pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":0.015,"currency":"eur"}}]}]}}`)
	a.ok("POST", plansPath+"/topup/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", customersPath, `{"id":"buyer"}`)
	long := strings.Repeat("s", 255) // whatever the id, the purchase is granted
	body := func(quantity string) string {
		return `{"id":"` + long + `","customerId":"buyer","planId":"topup","charges":[{"type":"CREDIT","id":"credits","quantity":` + quantity + `}]}`
	}
	a.refused(422, "AmountOutOfRange", "charges[0].quantity", "POST", subscriptionsPath, body("9"))
	a.refused(422, "AmountOutOfRange", "charges[0].quantity", "POST", subscriptionsPath, body("100.5"))
	a.ok("POST", subscriptionsPath, body("33"))
	a.ok("GET", "/api/v1/credits/grants?customerId=buyer", "").want("data.0.amount", "33", "data.0.grantType", `"PAID"`,
		"data.0.cost", `{"amount":0.5,"currency":"eur"}`, "data.0.status", `"ACTIVE"`, "data.1", "")
}
