package guide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// clock moves the test clock to an instant such as "03-02 14:30".
func (r *reader) clock(to string) {
	r.t.Helper()
	day, hour, _ := strings.Cut(to, " ")
	r.do("POST", "/api/v1/clock/advance", `{"to":"$`+day+`T`+hour+`:00Z","hold":true}`).says("reached true")
}

// createCreditType is "Create your credit type", and the edit that its note speaks of.
func (r *reader) createCreditType() {
	r.t.Helper()
	const path = "/api/v1/credits/custom-currencies"
	r.do("POST", path, `{"id":"tokens","displayName":"AI Tokens","description":"Tokens","units":{"singular":"Token","plural":"Token"}}`)
	r.do("PATCH", path+"/tokens", `{"description":"AI Tokens for processing requests","units":{"singular":"Token","plural":"Tokens"}}`)
	want := []string{`tokens | AI Tokens | AI Tokens for processing requests | Token | Tokens`}
	r.same("credit types", want, r.do("GET", path, "").table("data", "id", "displayName", "description", "units.singular", "units.plural"))
}

// createMeters makes the features of the guide's example, with event-based meters.
func (r *reader) createMeters() {
	r.t.Helper()
	for _, id := range []string{"email", "image"} {
		r.do("POST", "/api/v1/features", `{"id":"`+id+`","displayName":"`+id+`","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
		r.do("PATCH", "/api/v1/features/"+id, `{"meter":{"aggregation":{"function":"SUM","field":"quantity"},
			"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"`+id+`"}]}]}}`)
	}
}

// The charges of the plan: what the guide calls its top-up configuration and its credit consumption.
const (
	topUps = `{"billingModel":"CREDIT_BASED","topUpCustomCurrencyId":"tokens","minUnitQuantity":250,"maxUnitQuantity":8000,
		"pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":1.00,"currency":"usd"}}]}`
	emails = `{"billingModel":"CREDIT_BASED","featureId":"email","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"tokens","amount":1}}]}`
	images = `{"billingModel":"CREDIT_BASED","featureId":"image","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"tokens","amount":5}}]}`
)

// createPlan is "Add credit type to plan": a prepaid plan, published. A trial of it brings 100 credits; paid, it includes
// none. An add-on gives a customer a soft limit.
func (r *reader) createPlan() {
	r.t.Helper()
	included := `"type":"CREDIT","id":"tokens","amount":null,"isCustom":true,"cadence":"MONTH"`
	r.do("POST", "/api/v1/products", `{"id":"studio","displayName":"Studio"}`)
	r.do("POST", "/api/v1/plans", `{"id":"prepaid","displayName":"Prepaid","productId":"studio","pricingType":"PAID"}`)
	r.do("PATCH", "/api/v1/plans/prepaid", `{"charges":{"pricingType":"PAID","pricingModels":[`+topUps+`,`+emails+`,`+images+`]}}`)
	r.do("POST", "/api/v1/plans/prepaid/entitlements", `{"entitlements":[{`+included+`,"trialAmount":100}]}`)
	r.do("POST", "/api/v1/plans/prepaid/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	r.same("charges", []string{"tokens |  |  | 1 | usd | 250 | 8000", " | email | 1 |  |  |  | ", " | image | 5 |  |  |  | "},
		r.do("GET", "/api/v1/plans/prepaid/charges", "").table("data", "topUpCustomCurrencyId", "featureId", "creditRate.amount",
			"price.amount", "price.currency", "minUnitQuantity", "maxUnitQuantity"))
	r.do("POST", "/api/v1/addons", `{"id":"soft","displayName":"Soft limit","productId":"studio"}`)
	r.do("POST", "/api/v1/addons/soft/entitlements", `{"entitlements":[{`+included+`,"hasSoftLimit":true}]}`)
	r.do("POST", "/api/v1/addons/soft/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
}

func (r *reader) createCustomer() {
	r.t.Helper()
	r.do("POST", "/api/v1/customers", `{"id":"acme","name":"Acme","email":"billing@acme.example"}`)
}

// event reports usage as "Implement real-time usage tracking" says, and again, as a client does that has lost the answer.
func (r *reader) event(name, key string, quantity int, burned, balance string) {
	r.t.Helper()
	body := fmt.Sprintf(`{"events":[{"customerId":"acme","eventName":"%s","idempotencyKey":"%s","dimensions":{"quantity":%d}}]}`, name, key, quantity)
	for _, duplicate := range []string{"false", "true"} {
		r.do("POST", "/api/v1/events/report", body).says("0.status RATED 0.duplicate " + duplicate + " 0.burns.0.cost " + burned + " 0.burns.0.balance " + balance)
	}
}

// grant adds credits as "Add credits in the Stigg app" does, and returns the id of the grant.
func (r *reader) grant(members, says string) string {
	r.t.Helper()
	return r.do("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"tokens",`+members+`}`).says(says).text("data.id")
}

// topUp buys credits and returns the id of the attempt to collect the money.
func (r *reader) topUp(amount, says string) string {
	r.t.Helper()
	return r.do("POST", "/api/v1/credits/top-ups", `{"customerId":"acme","currencyId":"tokens","amount":`+amount+`}`).says(says).text("data.paymentAttempt.id")
}

// outcome says what became of an attempt, twice: a confirmation may come again.
func (r *reader) outcome(attempt, outcome, state string) {
	r.t.Helper()
	for range 2 {
		r.do("POST", "/api/v1/credits/payment-attempts/"+attempt+"/outcome", `{"outcome":"`+outcome+`"}`).says("state " + state)
	}
}

// attempt is the attempt to collect the money of a grant.
func (r *reader) attempt(grant string) string {
	r.t.Helper()
	return r.do("GET", "/api/v1/credits/payment-attempts?grantId="+grant, "").text("data.0.id")
}

// check asks whether the customer may go on.
func (r *reader) check(says string) {
	r.t.Helper()
	r.do("GET", "/api/v1/customers/acme/entitlements/check?currencyId=tokens", "").says(says)
}

// ledger compares the audit table, newest first: Timestamp, Type, Source, delta, End balance, Actor.
func (r *reader) ledger(want ...string) {
	r.t.Helper()
	got := r.do("GET", "/api/v1/credits/ledger?customerId=acme&currencyId=tokens&limit=100", "")
	r.same("ledger", want, got.table("data", "timestamp", "eventType", "sourceName", "amount", "endBalance", "actor.type"))
	for i, id := range got.table("data", "sourceId") {
		if id == "" {
			r.t.Errorf("row %d of the ledger names no source", i)
		}
	}
}

// grants compares the credit blocks, newest first: Status, balance of original, Effective date, Expiry date, Actor, Reason.
func (r *reader) grants(want ...string) {
	r.t.Helper()
	got := r.do("GET", "/api/v1/credits/grants?customerId=acme&currencyId=tokens", "")
	r.same("grants", want, got.table("data", "displayName", "grantType", "status", "remaining", "amount", "effectiveAt", "expireAt", "actor.type", "reason"))
}

// usage compares the chart of the last week: each feature with its total and its days.
func (r *reader) usage(want ...string) {
	r.t.Helper()
	got := r.do("GET", "/api/v1/credits/usage?customerId=acme&currencyId=tokens&timeRange=LAST_WEEK", "")
	lines := got.table("data.series", "featureId", "totalCredits", "eventCount")
	for i := range lines {
		for _, point := range got.table(fmt.Sprintf("data.series.%d.points", i), "value") {
			lines[i] += " " + point
		}
	}
	r.same("usage", want, lines)
}

// month compares a revenue report: opening, granted, recognised, breakage, voided, closing.
func (r *reader) month(month, status string, want ...string) {
	r.t.Helper()
	got := r.do("GET", "/api/v1/revenue/months/$"+month, "").says("status " + status)
	r.same("revenue of "+month, want, got.table("data.lines", "currency", "openingDeferred", "granted", "recognised", "breakage", "voided", "closingDeferred"))
}

// closeMonths closes every month up to one of the test's year, in their order.
func (r *reader) closeMonths(last string) {
	r.t.Helper()
	months := r.do("GET", "/api/v1/revenue/months?limit=100", "").table("data", "month")
	for _, month := range slices.Sorted(slices.Values(months)) {
		if month <= r.dated("$"+last) {
			r.do("POST", "/api/v1/revenue/months/"+month+"/close", "").says("status CLOSED month " + month)
		}
	}
}

// same compares tables.
func (r *reader) same(what string, want, got []string) {
	r.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
