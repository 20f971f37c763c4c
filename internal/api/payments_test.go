package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/fake"
)

// prepaid makes what catalog makes, and plan "prepaid" that sells credits at 1.00, 250 to 8,000 at once, for customer "ann".
func (a *testAPI) prepaid() {
	a.t.Helper()
	a.catalog()
	a.ok("POST", "/api/v1/plans", `{"id":"prepaid","displayName":"Prepaid","productId":"p"}`)
	a.ok("PATCH", "/api/v1/plans/prepaid", `{"charges":{"pricingType":"PAID","pricingModels":[
		{"billingModel":"PER_UNIT","topUpCustomCurrencyId":"credits","minUnitQuantity":250,"maxUnitQuantity":8000,
		 "pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":1,"currency":"usd"}}]}]}}`)
	a.ok("POST", "/api/v1/plans/prepaid/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/customers", `{"id":"ann"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"ann-sub","customerId":"ann","planId":"prepaid"}`)
}

// cashier connects a fake provider whose every charge ends as act says.
func (a *testAPI) cashier(act fake.Act) *fake.Provider {
	a.t.Helper()
	p := fake.New(a.clock.Now, func(string, int) fake.Act { return act })
	a.credits.UseCashier(billing.New(billing.Options{Books: a.credits, Now: a.clock.Now,
		Providers: func(string) []billing.Provider { return []billing.Provider{p} }}))
	return p
}

func TestTopUps(t *testing.T) {
	// W30 over REST: a top-up lies within both bounds, costs what the plan says, and is paid before it is usable.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	const path = "/api/v1/credits/top-ups"
	body := func(amount string) string {
		return `{"customerId":"ann","currencyId":"credits","amount":` + amount + `}`
	}
	a.ok("POST", path, body("250")).want("data.grant.cost", `{"amount":250,"currency":"usd"}`, "data.grant.status", `"PAYMENT_PENDING"`,
		"data.grant.paymentCollection", `"PROCESSING"`, "data.grant.sourceType", `"PRICE"`, "data.paymentUrl", "null")
	a.ok("POST", path, body("8000")).want("data.grant.cost.amount", "8000")
	for _, amount := range []string{"249", "8001"} {
		got := a.refused(422, "AmountOutOfRange", "amount", "POST", path, body(amount)).text("message")
		if !strings.Contains(got, "250") || !strings.Contains(got, "8000") {
			t.Errorf("%q does not name both bounds", got)
		}
	}
	a.refused(422, "AmountOutOfRange", "amount", "POST", path, body("0"))
	a.refused(400, "InvalidArgumentError", "price", "POST", path, `{"customerId":"ann","currencyId":"credits","amount":250,"price":1}`)
	a.refused(404, "CustomerNotFound", "", "POST", path, `{"customerId":"nobody","currencyId":"credits","amount":250}`)
	a.refused(404, "CurrencyNotFound", "", "POST", path, `{"customerId":"ann","currencyId":"coins","amount":250}`)
	a.refused(422, "TopUpNotOffered", "currencyId", "POST", path, `{"customerId":"acme","currencyId":"credits","amount":250}`)
}

func TestTopUp_by_card(t *testing.T) {
	// A card pays at once, or fails and is tried again, or the customer must act; a confirmed top-up is usable.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	const path, body = "/api/v1/credits/top-ups", `{"customerId":"ann","currencyId":"credits","amount":300,"idempotencyKey":"k"}`
	a.cashier(fake.Act{State: "PAID"})
	a.refused(422, "PaymentMethodNotFound", "paymentMethodId", "POST", path, `{"customerId":"ann","currencyId":"credits","amount":300,"paymentMethodId":"pm_1"}`)
	a.ok("POST", "/api/v1/customers/ann/payment-method", `{"integrationId":"i","paymentMethodId":"pm_1","vendorIdentifier":"STRIPE","billingCurrency":"usd"}`).
		want("data.defaultPaymentMethod.billingId", `"pm_1"`, "data.defaultPaymentMethod.cardLast4Digits", `"4242"`, "data.billingCurrency", `"usd"`)
	first := a.ok("POST", path, body)
	first.want("data.grant.status", `"ACTIVE"`, "data.grant.paymentCollection", `"PAID"`, "data.paymentAttempt.state", `"PAID"`, "data.paymentAttempt.paymentMethodId", `"pm_1"`)
	again := a.ok("POST", path, body)
	again.want("data.grant.id", first.at("data.grant.id"), "data.paymentAttempt.id", first.at("data.paymentAttempt.id"))
	a.refused(409, "PaymentAttemptNotManual", "", "POST", "/api/v1/credits/payment-attempts/"+first.text("data.paymentAttempt.id")+"/outcome", `{"outcome":"failed"}`)

	a.cashier(fake.Act{State: "FAILED"})
	failed := a.ok("POST", path, `{"customerId":"ann","currencyId":"credits","amount":300}`)
	failed.want("data.grant.status", `"PAYMENT_PENDING"`, "data.grant.paymentCollection", `"FAILED"`, "data.paymentAttempt.failureCode", `"card_declined"`)
	a.cashier(fake.Act{State: "ACTION_REQUIRED"})
	retry := "/api/v1/credits/payment-attempts/" + failed.text("data.paymentAttempt.id") + "/retry"
	acts := a.ok("POST", retry, "")
	acts.want("data.grant.id", failed.at("data.grant.id"), "data.grant.paymentCollection", `"ACTION_REQUIRED"`, "data.paymentAttempt.number", "2")
	if acts.text("data.paymentUrl") == "" || acts.text("data.paymentUrl") != acts.text("data.grant.paymentUrl") {
		t.Errorf("no payment URL in %s", acts.body)
	}
	a.refused(409, "PaymentNotRetryable", "", "POST", retry, "")
	list := a.ok("GET", "/api/v1/credits/payment-attempts?grantId="+failed.text("data.grant.id"), "")
	if got := len(list.ids()); got != 2 {
		t.Errorf("%d attempts for one grant, want 2", got)
	}
	a.ok("GET", "/api/v1/credits/payment-attempts?state=PAID,FAILED&customerId=ann", "")
	a.ok("GET", "/api/v1/customers/ann/payment-methods", "").want("data.0.id", `"pm_1"`, "data.0.isDefault", "true")
	a.ok("DELETE", "/api/v1/customers/ann/payment-method", "").want("data.defaultPaymentMethod", "")
}

func TestPayment_by_hand(t *testing.T) {
	// W35 over REST: without a provider a person says what became of a charge or an invoice.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	sale := func(more string) answer {
		return a.ok("POST", "/api/v1/credits/grants", `{"customerId":"ann","currencyId":"credits","amount":500,"displayName":"Sale","grantType":"PAID",
			"cost":{"amount":50,"currency":"usd"},`+more+`}`)
	}
	say := func(g answer, body string) answer {
		attempt := a.ok("GET", "/api/v1/credits/payment-attempts?grantId="+g.text("data.id"), "").text("data.0.id")
		return a.ok("POST", "/api/v1/credits/payment-attempts/"+attempt+"/outcome", body)
	}
	grant := func(g answer) answer { return a.ok("GET", "/api/v1/credits/grants/"+g.text("data.id"), "") }

	charge := sale(`"paymentCollectionMethod":"CHARGE"`)
	charge.want("data.status", `"PAYMENT_PENDING"`, "data.paymentCollection", `"PROCESSING"`)
	say(charge, `{"outcome":"paid","amount":{"amount":49,"currency":"usd"}}`).want("data.state", `"PARKED"`)
	grant(charge).want("data.status", `"PAYMENT_PENDING"`)
	say(charge, `{"outcome":"paid"}`).want("data.state", `"PAID"`)
	grant(charge).want("data.status", `"ACTIVE"`, "data.paymentCollection", `"PAID"`, "data.paymentFlags", "")

	issued := sale(`"paymentCollectionMethod":"INVOICE","billingInformation":{"invoiceDaysUntilDue":30}`)
	issued.want("data.status", `"ACTIVE"`, "data.paymentCollection", `"PROCESSING"`, "data.latestInvoice.status", `"OPEN"`,
		"data.latestInvoice.dueDate", `"2026-03-31T12:00:00.000Z"`)
	say(issued, `{"outcome":"failed","failureMessage":"void"}`)
	grant(issued).want("data.status", `"ACTIVE"`, "data.paymentCollection", `"FAILED"`, "data.paymentFlags", `["INVOICE_CANCELED"]`,
		"data.latestInvoice.status", `"CANCELED"`, "data.latestInvoice.errorMessage", `"void"`)

	a.clock.advance(time.Second)
	paid := sale(`"paymentCollectionMethod":"INVOICE","billingInformation":{"invoicePolicy":"PAID"}`)
	paid.want("data.status", `"PAYMENT_PENDING"`)
	a.clock.advance(time.Second)
	say(paid, `{"outcome":"paid"}`)
	grant(paid).want("data.status", `"ACTIVE"`, "data.latestInvoice.status", `"PAID"`, "data.latestInvoice.total", "50")

	invoices := "/api/v1/customers/ann/invoices"
	a.ok("GET", invoices, "").want("data.0.invoiceNumber", `"INV-000001"`, "data.1.invoiceNumber", `"INV-000002"`, "data.1.paidDate", `"2026-03-01T12:00:02.000Z"`)
	a.ok("GET", invoices+"?orderDir=DESC", "").want("data.0.invoiceNumber", `"INV-000002"`)
	a.ok("GET", invoices+"?stateIn=PAID,OPEN", "").want("data.0.invoiceNumber", `"INV-000002"`, "data.1", "")
	a.ok("GET", invoices+"?orderBy=dueDate", "").want("data.0.invoiceNumber", `"INV-000002"`)
	a.ok("GET", invoices+"?issuedAfter=2026-03-01T12:00:01Z", "").want("data.0.invoiceNumber", `"INV-000002"`, "data.1", "")
	a.ok("GET", invoices+"?contractExternalId=c", "").want("data", "[]")
	page := a.ok("GET", invoices+"?limit=1&orderBy=total", "")
	page = a.ok("GET", invoices+"?limit=1&orderBy=total&after="+page.text("pagination.next"), "").want("data.0.invoiceNumber", `"INV-000002"`, "pagination.next", "null")
	a.ok("GET", invoices+"?limit=1&orderBy=total&before="+page.text("pagination.prev"), "").want("data.0.invoiceNumber", `"INV-000001"`, "pagination.prev", "null")
}

func TestPayment_bad_outcomes(t *testing.T) {
	// What no person can mean is refused by its member.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	a.ok("POST", "/api/v1/credits/top-ups", `{"customerId":"ann","currencyId":"credits","amount":300}`)
	id := a.ok("GET", "/api/v1/credits/payment-attempts", "").text("data.0.id")
	path := "/api/v1/credits/payment-attempts/" + id + "/outcome"
	for body, field := range map[string]string{
		`{}`:                 "outcome",
		`{"outcome":"PAID"}`: "outcome",
		`{"outcome":"failed","amount":{"amount":1,"currency":"usd"}}`: "amount",
		`{"outcome":"paid","amount":{"amount":1}}`:                    "amount.currency",
		`{"outcome":"paid","paid":true}`:                              "paid",
	} {
		a.refused(400, "InvalidArgumentError", field, "POST", path, body)
	}
	a.refused(404, "PaymentAttemptNotFound", "", "POST", "/api/v1/credits/payment-attempts/x/outcome", `{"outcome":"paid"}`)
	a.refused(404, "PaymentAttemptNotFound", "", "GET", "/api/v1/credits/payment-attempts/x", "")
	a.refused(404, "CreditGrantNotFound", "", "GET", "/api/v1/credits/payment-attempts?grantId=x", "")
	a.refused(400, "InvalidArgumentError", "state", "GET", "/api/v1/credits/payment-attempts?state=DONE", "")
	a.refused(400, "InvalidArgumentError", "paymentMethodId", "POST", "/api/v1/customers/ann/payment-method", `{"integrationId":"i","paymentMethodId":"","vendorIdentifier":"STRIPE"}`)
	a.refused(404, "CustomerNotFound", "", "DELETE", "/api/v1/customers/nobody/payment-method", "")
}

func TestPayment_notices(t *testing.T) {
	// A notice needs no key and the right signature; a wrong one changes nothing, and a repeated one activates once.
	t.Parallel()
	a := newTestAPI(t)
	a.prepaid()
	p := a.cashier(fake.Act{State: "ACTION_REQUIRED"})
	bought := a.ok("POST", "/api/v1/credits/top-ups", `{"customerId":"ann","currencyId":"credits","amount":300}`)
	p.Arrived()
	p.Settle(bought.text("data.paymentAttempt.id"), true)
	m := p.Arrived()[0]
	post := func(path, signature, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(fake.SignatureHeader, signature)
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		a.contract.Check(t, r, []byte(body), w.Code, w.Header(), w.Body.Bytes())
		return w.Code, w.Body.String()
	}
	const path = "/api/v1/payments/notices/env_dev/fake"
	for what, got := range map[string]struct {
		path, signature, body string
		status                int
	}{
		"a forged signature":     {path, "x", string(m.Body), http.StatusUnauthorized},
		"another body":           {path, m.Signature, strings.Replace(string(m.Body), "300", "301", 1) + " ", http.StatusUnauthorized},
		"no JSON":                {path, m.Signature, "x", http.StatusBadRequest},
		"no body":                {path, m.Signature, "", http.StatusBadRequest},
		"an unknown environment": {"/api/v1/payments/notices/env_x/fake", m.Signature, string(m.Body), http.StatusNotFound},
		"an unknown provider":    {"/api/v1/payments/notices/env_dev/stripe", m.Signature, string(m.Body), http.StatusNotFound},
		"another environment":    {"/api/v1/payments/notices/env_prod/fake", m.Signature, string(m.Body), http.StatusOK}, // it has no such attempt
	} {
		if status, body := post(got.path, got.signature, got.body); status != got.status {
			t.Errorf("%s → %d %s, want %d", what, status, body, got.status)
		}
	}
	grant := "/api/v1/credits/grants/" + bought.text("data.grant.id")
	a.ok("GET", grant, "").want("data.status", `"PAYMENT_PENDING"`)
	for range 3 {
		if status, body := post(path, m.Signature, string(m.Body)); status != http.StatusOK {
			t.Fatalf("the notice → %d %s", status, body)
		}
	}
	a.ok("GET", grant, "").want("data.status", `"ACTIVE"`, "data.paymentUrl", "")
	a.ok("GET", fmt.Sprintf("/api/v1/credits/ledger?customerId=%s", "ann"), "").want("data.0.eventType", `"CREDITS_GRANTED"`, "data.1", "")
}
