package api

import "testing"

// newForeign gives the other environment objects of its own, and returns the server as that environment sees it.
func newForeign(a *testAPI) *testAPI {
	a.t.Helper()
	b := *a
	b.key, b.foreign = a.foreign, a.key
	b.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"coins","displayName":"Coins"}`)
	b.ok("POST", "/api/v1/features", `{"id":"pixels","displayName":"Pixels","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	b.ok("POST", "/api/v1/features", `{"id":"shapes","displayName":"Shapes","featureType":"BOOLEAN"}`)
	b.ok("PATCH", "/api/v1/features/pixels", `{"meter":{"aggregation":{"function":"COUNT"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"draw"}]}]}}`)
	b.ok("POST", "/api/v1/products", `{"id":"q","displayName":"Q"}`)
	b.ok("POST", "/api/v1/plans", `{"id":"gold","displayName":"Gold","productId":"q"}`)
	b.ok("PATCH", "/api/v1/plans/gold", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
		"featureId":"pixels","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"coins","amount":1}}]}]}}`)
	b.ok("POST", "/api/v1/plans/gold/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	b.ok("POST", "/api/v1/customers", `{"id":"theirs"}`)
	b.ok("POST", "/api/v1/subscriptions", `{"id":"theirsub","customerId":"theirs","planId":"gold"}`)
	b.ok("POST", "/api/v1/credits/grants", `{"customerId":"theirs","currencyId":"coins","displayName":"Promo","amount":50}`)
	return &b
}

func TestAccess(t *testing.T) { t.Skip() }
