package api

import (
	"testing"
	"time"
)

func TestCheckByCredits(t *testing.T) {
	// A check compares what is asked for with what remains, and a denial is an answer (W26).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	check := "/api/v1/customers/acme/entitlements/check?currencyId=credits"
	a.ok("GET", check, "").want("data.type", `"CREDIT"`, "data.isGranted", "false", "data.accessDeniedReason", `"InsufficientCredits"`, "data.usageLimit", "0")
	a.grant("1000", "")
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":990,"idempotencyKey":"k"}`)
	a.ok("GET", check, "").want("data.isGranted", "true", "data.usageLimit", "1000", "data.currentUsage", "990", "data.remaining", "10", "data.currency.displayName", `"Credits"`)
	head := a.headHash()
	a.ok("GET", check+"&requestedUsage=10", "").want("data.isGranted", "true")
	a.ok("GET", check+"&requestedUsage=10.5", "").want("data.isGranted", "false", "data.accessDeniedReason", `"InsufficientCredits"`)
	a.ok("GET", "/api/v1/customers/nobody/entitlements/check?currencyId=credits", "").want("data.isGranted", "false", "data.accessDeniedReason", `"CustomerNotFound"`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=none", "").want("data.accessDeniedReason", `"CurrencyNotFound"`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?featureId=none", "").want("data.accessDeniedReason", `"FeatureNotFound"`, "data.type", `"FEATURE"`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?featureId=calls&requestedUsage=10", "").want("data.isGranted", "true", "data.feature.id", `"calls"`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?featureId=calls&requestedUsage=11", "").want("data.isGranted", "false", "data.accessDeniedReason", `"InsufficientCredits"`)
	a.ok("GET", "/api/v1-beta/customers/acme/entitlements/check?currencyId=credits&dimensions[user]=u1", "").want("data.isGranted", "true", "data.chains", "")
	if a.headHash() != head {
		t.Error("a check wrote a row")
	}
	a.ok("POST", "/api/v1/customers/acme/archive", "")
	a.ok("GET", check, "").want("data.isGranted", "false", "data.accessDeniedReason", `"CustomerIsArchived"`)
}

// features adds to the catalogue a plan "team" with a soft credit entitlement and feature entitlements, and subscribes acme to it.
func (a *testAPI) features() {
	a.t.Helper()
	a.catalog()
	a.ok("POST", "/api/v1/features", `{"id":"sso","displayName":"SSO","featureType":"BOOLEAN"}`)
	a.ok("POST", "/api/v1/features", `{"id":"seats","displayName":"Seats","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	a.ok("POST", "/api/v1/features", `{"id":"region","displayName":"Region","featureType":"ENUM","enumConfiguration":[{"displayName":"EU","value":"eu"},{"displayName":"US","value":"us"}]}`)
	a.ok("POST", "/api/v1/products", `{"id":"t","displayName":"T"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"team","displayName":"Team","productId":"t"}`)
	a.ok("POST", "/api/v1/plans/team/entitlements", `{"entitlements":[
		{"type":"FEATURE","id":"sso"},
		{"type":"FEATURE","id":"seats","usageLimit":5,"resetPeriod":"MONTH","monthlyResetPeriodConfiguration":{"accordingTo":"StartOfTheMonth"}},
		{"type":"FEATURE","id":"region","enumValues":["eu"]},
		{"type":"CREDIT","id":"credits","amount":null,"isCustom":true,"cadence":"MONTH","hasSoftLimit":true}]}`)
	a.ok("PATCH", "/api/v1/plans/team", `{"charges":{"pricingType":"FREE"}}`)
	a.ok("POST", "/api/v1/plans/team/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub-team","customerId":"acme","planId":"team"}`)
}

func TestFeatureEntitlements(t *testing.T) {
	// Features are granted by their entitlement: on or off, up to a limit per period, or for listed values.
	t.Parallel()
	a := newTestAPI(t)
	a.features()
	check := func(query string) answer {
		t.Helper()
		return a.ok("GET", "/api/v1/customers/acme/entitlements/check?"+query, "")
	}
	check("featureId=sso").want("data.isGranted", "true", "data.accessDeniedReason", "null", "data.feature.featureType", `"BOOLEAN"`)
	check("featureId=region&requestedValues=eu").want("data.isGranted", "true")
	check("featureId=region&requestedValues=eu,us").want("data.accessDeniedReason", `"RequestedValuesMismatch"`)
	check("featureId=sso&requestedValues=x").want("data.accessDeniedReason", `"FeatureTypeMismatch"`)
	check("featureId=seats&requestedUsage=5").want("data.isGranted", "true", "data.usageLimit", "5", "data.currentUsage", "0",
		"data.resetPeriod", `"MONTH"`, "data.usagePeriodStart", `"2026-03-01T00:00:00.000Z"`, "data.usagePeriodEnd", `"2026-04-01T00:00:00.000Z"`)
	a.ok("POST", "/api/v1/usage", `{"usages":[{"customerId":"acme","featureId":"seats","value":4}]}`).
		want("data.0.currentUsage", "4", "data.0.nextResetDate", `"2026-04-01T00:00:00.000Z"`, "data.0.credit", "")
	check("featureId=seats&requestedUsage=2").want("data.accessDeniedReason", `"RequestedUsageExceedingLimit"`, "data.currentUsage", "4")
	check("currencyId=credits").want("data.isGranted", "true", "data.hasSoftLimit", "true", "data.remaining", "0")
	all := a.ok("GET", "/api/v1/customers/acme/entitlements", "")
	all.want("data.accessDeniedReason", "null", "data.entitlements.0.type", `"CREDIT"`, "data.entitlements.4", "")
	a.clock.advance(31 * 24 * time.Hour)
	check("featureId=seats").want("data.isGranted", "true", "data.currentUsage", "0")
	a.ok("GET", "/api/v1/customers/nobody/entitlements", "").want("data.accessDeniedReason", `"CustomerNotFound"`, "data.entitlements", "[]")
	a.ok("GET", "/api/v1/customers/acme/entitlements?resourceId=other", "").want("data.accessDeniedReason", `"NoActiveSubscription"`)
}

func TestMeasurements(t *testing.T) {
	// Measurements add to a counter or set it, once per key, and burn nothing; the history shows each day's counter.
	t.Parallel()
	a := newTestAPI(t)
	a.features()
	usage := func(body string) answer {
		t.Helper()
		return a.ok("POST", "/api/v1/usage", `{"usages":[`+body+`]}`)
	}
	first := usage(`{"customerId":"acme","featureId":"seats","value":3,"idempotencyKey":"m1","dimensions":{"team":"a"}}`)
	first.want("data.0.currentUsage", "3", "data.0.value", "3")
	if again := usage(`{"customerId":"acme","featureId":"seats","value":3,"idempotencyKey":"m1"}`); again.at("data.0.id") != first.at("data.0.id") {
		t.Error("the repeat was recorded again")
	}
	a.clock.advance(24 * time.Hour)
	usage(`{"customerId":"acme","featureId":"seats","value":10,"updateBehavior":"SET"},{"customerId":"acme","featureId":"seats","value":-4}`).
		want("data.0.currentUsage", "10", "data.1.currentUsage", "6")
	a.ok("GET", "/api/v1/usage/acme/history/seats?startDate=2026-02-28T12:00:00Z", "").
		want("data.series.0.points.0.value", "0", "data.series.0.points.1.value", "3", "data.series.0.points.1.isResetPoint", "true",
			"data.series.0.points.2.value", "6", "data.series.0.points.3", "", "data.markers.0.timestamp", `"2026-03-01T00:00:00.000Z"`, "data.markers.1", "")
	a.ok("GET", "/api/v1/usage/acme/history/seats?startDate=2026-03-01T00:00:00Z&groupBy=team&resourceId=", "").
		want("data.series.0.tags.0.value", `"(none)"`, "data.series.0.points.1.value", "3", "data.series.1.tags.0.value", `"a"`, "data.series.1.points.1.value", "3")
	a.ok("GET", "/api/v1/events?customerId=acme", "").want("data.0.kind", `"USAGE"`, "data.0.eventName", "null", "data.0.idempotencyKey", "null",
		"data.0.burns", "[]", "data.2.idempotencyKey", `"m1"`, "data.3", "")
	id := a.ok("GET", "/api/v1/events?customerId=acme", "").text("data.0.id")
	a.ok("GET", "/api/v1/events/"+id, "").want("data.ratings", "[]", "data.rows", "[]")
	a.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0", "")
	a.ok("POST", "/api/v1/usage/estimate", `{"customerId":"acme","featureId":"seats","value":1}`).want("data.estimates", "[]", "data.warnings", `["FEATURE_NOT_CREDIT_BASED"]`)
	a.ok("POST", "/api/v1/usage/estimate", `{"customerId":"acme","featureId":"calls","value":12}`).
		want("data.estimates.0.estimatedCost", "12", "data.estimates.0.wouldOverdraft", "true")
	a.ok("POST", "/api/v1/events/estimate", `{"customerId":"acme","eventName":"x"}`).want("data.warnings", `["FEATURE_NOT_FOUND"]`)
}

func TestUnitsAreBilledInBlocks(t *testing.T) {
	// A check and an estimate of units see the begun block of the usage period, as the event itself does (semantics 8.3).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.blocks()
	a.grant("3", "")
	report := func(key, bytes string) answer {
		t.Helper()
		return a.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"acme","eventName":"sent","idempotencyKey":"`+key+`",
			"dimensions":{"bytes":`+bytes+`}}]}`)
	}
	check := func(units, granted string) {
		t.Helper()
		a.ok("GET", customersPath+"/acme/entitlements/check?featureId=bytes&requestedUsage="+units, "").want("data.isGranted", granted)
	}
	estimate := func(units, cost string) {
		t.Helper()
		a.ok("POST", "/api/v1/usage/estimate", `{"customerId":"acme","featureId":"bytes","value":`+units+`}`).
			want("data.estimates.0.estimatedCost", cost, "data.estimates.0.breakdown.0.featureId", `"bytes"`)
	}
	check("3000", "true")
	check("3001", "false")
	estimate("1", "1")
	estimate("3001", "4")
	report("a", "400").want("data.0.burns.0.cost", "1")
	check("600", "true") // in the block that is paid
	check("2600", "true")
	check("2601", "false")
	estimate("600", "0")
	estimate("601", "1")
	report("b", "601").want("data.0.burns.0.cost", "1")
	a.ok("POST", "/api/v1/usage/estimate", `{"customerId":"acme","featureId":"calls","value":2}`).want("data.estimates.0.estimatedCost", "2")
}

func TestOldMeasurements(t *testing.T) {
	// What is added to a usage period that was over long ago is kept for its history; there is no counter to tell or to set.
	t.Parallel()
	a := newTestAPI(t)
	a.features()
	body := func(more string) string {
		return `{"usages":[{"customerId":"acme","featureId":"seats","createdAt":"2026-03-02T00:00:00Z"` + more + `}]}`
	}
	a.clock.advance(24 * time.Hour)
	a.ok("POST", "/api/v1/usage", body(`,"value":2,"idempotencyKey":"a"`)).want("data.0.currentUsage", "2")
	a.clock.advance(59 * 24 * time.Hour) // to the end of April: March can still be added to
	a.ok("POST", "/api/v1/usage", body(`,"value":3,"idempotencyKey":"b"`)).want("data.0.currentUsage", "5")
	a.clock.advance(10 * 24 * time.Hour)
	a.ok("POST", "/api/v1/usage", body(`,"value":4,"idempotencyKey":"c"`)).want("data.0.currentUsage", "")
	for _, key := range []string{"a", "c"} {
		a.ok("POST", "/api/v1/usage", body(`,"value":9,"idempotencyKey":"`+key+`"`)).want("data.0.currentUsage", "")
	}
	a.refused(400, "TimestampTooOld", "usages[0].createdAt", "POST", "/api/v1/usage", body(`,"value":4,"updateBehavior":"SET"`))
	a.ok("GET", "/api/v1/usage/acme/history/seats?startDate=2026-03-02T00:00:00Z&endDate=2026-03-03T00:00:00Z", "").
		want("data.series.0.points.0.value", "9")
}

func TestCheapestSubscriptionEverywhere(t *testing.T) {
	// Of two subscriptions that price a feature, the check, the estimate and the event itself all take the cheaper one
	// (semantics 9.3), although it began later.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("1", "")
	a.ok("POST", "/api/v1/products", `{"id":"p2","displayName":"P2"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"cheap","displayName":"Cheap","productId":"p2"}`)
	a.ok("PATCH", "/api/v1/plans/cheap", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
		"featureId":"calls","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":0.1}}]}]}}`)
	a.ok("POST", "/api/v1/plans/cheap/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.clock.advance(time.Minute)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub2","customerId":"acme","planId":"cheap"}`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?featureId=calls&requestedUsage=10", "").want("data.isGranted", "true")
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?featureId=calls&requestedUsage=11", "").want("data.isGranted", "false")
	a.ok("POST", "/api/v1/usage/estimate", `{"customerId":"acme","featureId":"calls","value":10}`).want("data.estimates.0.estimatedCost", "1")
	a.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"k"}]}`).
		want("data.0.burns.0.cost", "0.1")
}
