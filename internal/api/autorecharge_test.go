package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/fake"
	"github.com/scrip-dev/scrip/internal/credits"
)

const (
	refillPath = "/api/v1/credits/auto-recharge"
	refillOf   = "?customerId=ann&currencyId=credits"
)

// refilled makes a plan that sells credits at a price to customer "ann", who has a balance of 50.
func (a *testAPI) refilled(price string) {
	a.t.Helper()
	a.catalog()
	a.ok("POST", "/api/v1/plans", `{"id":"prepaid","displayName":"Prepaid","productId":"p"}`)
	a.ok("PATCH", "/api/v1/plans/prepaid", `{"charges":{"pricingType":"PAID","pricingModels":[
		{"billingModel":"PER_UNIT","topUpCustomCurrencyId":"credits","pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":`+price+`,"currency":"usd"}}]}]}}`)
	a.ok("POST", "/api/v1/plans/prepaid/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/customers", `{"id":"ann"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"ann-sub","customerId":"ann","planId":"prepaid"}`)
	a.ok("POST", "/api/v1/credits/grants", `{"customerId":"ann","currencyId":"credits","displayName":"G1","amount":50,"grantType":"PAID"}`)
}

// refill saves threshold 20 and target 50.
func (a *testAPI) refill(more string) answer {
	a.t.Helper()
	return a.ok("PUT", refillPath, `{"customerId":"ann","currencyId":"credits","isEnabled":true,"thresholdValue":20,"targetBalance":50`+more+`}`)
}

func (a *testAPI) burn(amount int) {
	a.t.Helper()
	a.clock.advance(time.Second)
	a.ok("POST", "/api/v1/credits/consumption", fmt.Sprintf(`{"customerId":"ann","currencyId":"credits","amount":%d,"idempotencyKey":"%d"}`,
		amount, a.clock.Now().UnixMicro()))
}

// refills reads the configuration, and checks its state and what was spent.
func (a *testAPI) refills(state, spent string) answer {
	a.t.Helper()
	return a.ok("GET", refillPath+refillOf, "").want("data.state", `"`+state+`"`, "data.spent", spent)
}

// operation checks the newest operation.
func (a *testAPI) operation(status, amount, cost string) answer {
	a.t.Helper()
	return a.ok("GET", refillPath+"/operations"+refillOf, "").want("data.0.status", `"`+status+`"`, "data.0.amount", amount, "data.0.cost.amount", cost)
}

// pays says what became of the newest operation.
func (a *testAPI) pays(outcome string) {
	a.t.Helper()
	a.clock.advance(time.Second)
	id := a.ok("GET", refillPath+"/operations"+refillOf, "").text("data.0.id")
	a.ok("POST", "/api/v1/credits/payment-attempts/"+id+"/outcome", `{"outcome":"`+outcome+`"}`)
}

// collects connects a fake provider whose every charge ends as act says, and returns the scheduler's work on payments.
func (a *testAPI) collects(act fake.Act) func() {
	a.t.Helper()
	p := fake.New(a.clock.Now, func(string, int) fake.Act { return act })
	c := billing.New(billing.Options{Books: a.credits, Now: a.clock.Now, Providers: func(string) []billing.Provider { return []billing.Provider{p} }})
	a.credits.UseCashier(c)
	return func() {
		a.t.Helper()
		if _, err := c.Run(a.t.Context(), credits.EnvironmentDevelopment); err != nil {
			a.t.Fatal(err)
		}
	}
}

func TestAutoRecharge(t *testing.T) {
	// W24a over REST: strictly below the threshold, up to the target as of then, one attempt at a time, the deficit first.
	t.Parallel()
	a := newTestAPI(t)
	a.refilled("0.1")
	a.refill("").want("data.isEnabled", "true", "data.state", `"ACTIVE"`, "data.thresholdType", `"CREDIT_AMOUNT"`, "data.currency", `"usd"`,
		"data.grantExpirationPeriod", `"1_YEAR"`, "data.maxSpendLimit", "null")
	a.burn(30)
	a.refills("ACTIVE", "0")
	a.burn(1)
	a.operation("IN_PROGRESS", "31", "3.1")
	a.burn(24)
	a.refills("IN_PROGRESS", "0")
	a.operation("IN_PROGRESS", "31", "3.1").want("data.1", "")
	a.pays("paid")
	a.refills("ACTIVE", "3.1")
	done := a.operation("SUCCESS", "31", "3.1").want("data.0.failureReason", "null", "data.1", "")
	a.ok("GET", "/api/v1/credits/balances"+refillOf, "").want("data.0.balance", "26", "data.0.deficit", "0")
	a.ok("GET", "/api/v1/credits/grants/"+done.text("data.0.grantId"), "").want("data.sourceType", `"AUTO_RECHARGE"`, "data.grantType", `"PAID"`,
		"data.status", `"ACTIVE"`, "data.expireAt", `"2027-03-01T12:00:04.000Z"`)
	rows := a.ok("GET", "/api/v1/credits/ledger"+refillOf, "") // newest first
	for i, want := range []string{"TRANSFER_TARGET -5 26", "TRANSFER_SOURCE 5 31", "GRANTED 31 26", "CONSUMED -5 -5", "CONSUMED -19 0", "CONSUMED -1 19"} {
		row := fmt.Sprintf("data.%d.", i)
		if got := strings.Join([]string{rows.text(row + "eventType"), rows.at(row + "amount"), rows.at(row + "endBalance")}, " "); !strings.HasSuffix(got, want) {
			t.Errorf("row %d is %s, want %s", i, got, want)
		}
	}
}

func TestAutoRecharge_limit(t *testing.T) {
	// W24b over REST with the test clock: what would pass the limit is not bought, and the 1st begins anew.
	t.Parallel()
	a := newTestAPI(t)
	a.refilled("1")
	a.burn(35)
	a.refill(`,"maxSpendLimit":100,"grantExpirationPeriod":"NONE"`)
	a.operation("IN_PROGRESS", "35", "35")
	a.pays("paid")
	a.burn(45)
	a.operation("IN_PROGRESS", "45", "45")
	a.pays("paid")
	a.refills("ACTIVE", "80")
	a.burn(32)
	a.refills("PAUSED_SPEND_LIMIT", "80")
	a.burn(15)
	a.refills("PAUSED_SPEND_LIMIT", "80")
	a.ok("POST", clockPath+"/advance", `{"to":"2026-04-01T00:00:00Z","hold":true}`).want("data.reached", "true")
	a.refills("IN_PROGRESS", "0")
	a.operation("IN_PROGRESS", "47", "47").want("data.0.createdAt", `"2026-04-01T00:00:00.000Z"`, "data.2.cost.amount", "35", "data.3", "")
	a.pays("paid")
	a.refills("ACTIVE", "47")
	page := a.ok("GET", refillPath+"/operations"+refillOf+"&limit=1", "")
	a.ok("GET", refillPath+"/operations"+refillOf+"&limit=1&after="+page.text("pagination.next"), "").want("data.0.amount", "45")
}

func TestAutoRecharge_by_card(t *testing.T) {
	// With a provider a payment method must be there, a paid charge is usable at once, and a failed one switches off.
	t.Parallel()
	a := newTestAPI(t)
	a.refilled("1")
	collect := a.collects(fake.Act{State: "FAILED"})
	const body = `{"customerId":"ann","currencyId":"credits","isEnabled":true,"thresholdValue":20,"targetBalance":50`
	a.refused(422, "PaymentMethodNotFound", "paymentMethodId", "PUT", refillPath, body+`}`)
	a.ok("POST", "/api/v1/customers/ann/payment-method", `{"integrationId":"i","paymentMethodId":"pm_1","vendorIdentifier":"STRIPE"}`)
	a.refused(422, "PaymentMethodNotFound", "paymentMethodId", "PUT", refillPath, body+`,"paymentMethodId":"pm_2"}`)
	a.refill(`,"paymentMethodId":"pm_1"`).want("data.paymentMethodId", `"pm_1"`)
	a.burn(31)
	collect()
	a.operation("FAILED", "31", "31").want("data.0.failureReason", `"card_declined"`)
	a.refills("DISABLED", "0").want("data.isEnabled", "false")
	collect = a.collects(fake.Act{State: "PAID"})
	a.refill("")
	collect()
	a.operation("SUCCESS", "31", "31").want("data.1.status", `"FAILED"`)
	a.refills("ACTIVE", "31")
	a.ok("GET", "/api/v1/credits/balances"+refillOf, "").want("data.0.balance", "50")
}
