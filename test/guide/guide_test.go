package guide

import (
	"testing"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestSeedGuide(t *testing.T) {
	// The seed guide can be followed from its first step to its last, in both of its ways.
	t.Parallel()
	program, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, way := range map[string]func(*reader){"sales-led": salesLed, "self-serve": selfServe} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way(follow(t, program))
		})
	}
}

// TestSeedGuideOnPostgres: and on the other database.
func TestSeedGuideOnPostgres(t *testing.T) {
	t.Parallel()
	postgres.Again(t, "^TestSeedGuide$")
}

// salesLed is the way of a seller: an adjusted price, a start date, an invoice; then grants by hand, and the month is closed.
func salesLed(r *reader) {
	r.clock("03-01 09:00")
	r.createCreditType()
	r.createMeters()
	r.createPlan()
	r.createCustomer()

	// Create a subscription: plan, adjusted currency value, start date, invoice; the preview before it.
	wish := `"customerId":"acme","planId":"prepaid","startDate":"$03-02T00:00:00Z","charges":[{"type":"CREDIT","id":"tokens","quantity":1000}],
		"priceOverrides":[{"currencyId":"tokens","amount":0.80,"currency":"usd"}]`
	r.do("POST", "/api/v1/subscriptions/preview", `{`+wish+`}`).says("immediateInvoice.total 800 immediateInvoice.lines.0.unitPrice 0.8 " +
		"immediateInvoice.lines.0.quantity 1000 credits.0.amount 1000 credits.0.cost.amount 800")
	r.do("POST", "/api/v1/subscriptions", `{"id":"deal",`+wish+`,"paymentCollectionMethod":"INVOICE"}`).says("status SUCCESS subscription.status NOT_STARTED")
	r.grants("Purchased credits | PAID | SCHEDULED | 1000 | 1000 | 03-02 00:00 | null | API | ")
	r.clock("03-02 10:00")
	r.do("GET", "/api/v1/subscriptions/deal", "").says("status ACTIVE")

	// Usage, priced by the plan's map from features to credits.
	r.event("email", "e1", 3, "3", "997")
	r.clock("03-03 10:00")
	r.event("image", "i1", 2, "10", "987")

	// Add credits: promotional ones are used first, paid ones have a cost basis and an invoice, an error is voided.
	r.grant(`"displayName":"Welcome","amount":20,"priority":0,"expireAt":"$03-10T00:00:00Z","reason":"sorry for the outage"`, "status ACTIVE grantType PROMOTIONAL")
	paid := r.grant(`"displayName":"Bulk","amount":500,"costBasis":0.90,"paymentCollectionMethod":"INVOICE"`, "status ACTIVE cost.amount 450 paymentCollection PROCESSING")
	wrong := r.grant(`"displayName":"Wrong","amount":70`, "status ACTIVE remaining 70")
	r.do("POST", "/api/v1/credits/grants/"+wrong+"/void", "").says("status VOIDED voidedAmount 70")
	r.event("image", "i2", 1, "5", "1502")
	r.outcome(r.attempt(paid), "paid", "PAID")

	// Track consumption: the chart, the ledger, the blocks, the invoices.
	r.clock("03-08 09:00")
	r.usage("image | 15 | 2 0 15 0 0 0 0 0", "email | 3 | 1 3 0 0 0 0 0 0")
	r.clock("03-11 09:00")
	r.ledger(
		"03-10 00:00 | CREDITS_EXPIRED | Welcome | -15 | 1487 | SYSTEM",
		"03-03 10:00 | CREDITS_CONSUMED | image | -5 | 1502 | API",
		"03-03 10:00 | CREDITS_VOIDED | Wrong | -70 | 1507 | API",
		"03-03 10:00 | CREDITS_GRANTED | Wrong | 70 | 1577 | API",
		"03-03 10:00 | CREDITS_GRANTED | Bulk | 500 | 1507 | API",
		"03-03 10:00 | CREDITS_GRANTED | Welcome | 20 | 1007 | API",
		"03-03 10:00 | CREDITS_CONSUMED | image | -10 | 987 | API",
		"03-02 10:00 | CREDITS_CONSUMED | email | -3 | 997 | API",
		"03-02 00:00 | CREDITS_GRANTED | Purchased credits | 1000 | 1000 | SYSTEM",
	)
	r.grants(
		"Wrong | PROMOTIONAL | VOIDED | 0 | 70 | 03-03 10:00 | null | API | ",
		"Bulk | PAID | ACTIVE | 500 | 500 | 03-03 10:00 | null | API | ",
		"Welcome | PROMOTIONAL | EXPIRED | 0 | 20 | 03-03 10:00 | 03-10 00:00 | API | sorry for the outage",
		"Purchased credits | PAID | ACTIVE | 987 | 1000 | 03-02 00:00 | null | API | ",
	)
	r.same("invoices", []string{"INV-000001 | OPEN | 800 | usd", "INV-000002 | PAID | 450 | usd"}, r.do("GET", "/api/v1/customers/acme/invoices", "").table("data", "invoiceNumber", "state", "total", "currency"))

	// Billing and revenue checks: the month is reported, closed, and never changes again.
	r.clock("04-01 00:00")
	march := "usd | 0 | 1250 | 10.4 | 0 | 0 | 1239.6" // 1,000 for 800 and 500 for 450; 13 of the first burned
	r.month("03", "OPEN", march)
	r.closeMonths("03")
	r.event("email", "e2", 7, "7", "1480")
	r.month("03", "CLOSED", march)
	r.month("04", "OPEN", "usd | 1239.6 | 0 | 5.6 | 0 | 0 | 1234")
}

// selfServe is the way of a customer: a trial, a top-up by card, the limit.
func selfServe(r *reader) {
	r.clock("03-01 09:00")
	r.createCreditType()
	r.createMeters()
	r.createPlan()
	r.createCustomer()

	// A trial, provisioned by the application, brings its credits at once.
	trial := `"customerId":"acme","planId":"prepaid","trialOverrideConfiguration":{"isTrial":true,"trialEndDate":"$03-15T09:00:00Z"}`
	r.do("POST", "/api/v1/subscriptions/preview", `{`+trial+`}`).says("immediateInvoice.total 0 credits.0.amount 100")
	r.do("POST", "/api/v1/subscriptions", `{"id":"own",`+trial+`}`).says("subscription.status IN_TRIAL")
	r.event("email", "e1", 10, "10", "90")

	// A top-up lies within both bounds, costs $1.00 a token, and is usable when the money has come.
	const topUps = "/api/v1/credits/top-ups"
	r.refused(422, "AmountOutOfRange", "POST", topUps, `{"customerId":"acme","currencyId":"tokens","amount":249}`)
	r.refused(422, "AmountOutOfRange", "POST", topUps, `{"customerId":"acme","currencyId":"tokens","amount":8001}`)
	charge := r.topUp("250", "grant.status PAYMENT_PENDING grant.cost.amount 250 grant.cost.currency usd paymentAttempt.state PROCESSING")
	r.check("isGranted true currentBalance 90 usageLimit 100")
	r.clock("03-01 09:05")
	r.outcome(charge, "paid", "PAID")
	r.check("isGranted true currentBalance 340 usageLimit 350")
	declined := r.topUp("8000", "grant.status PAYMENT_PENDING grant.cost.amount 8000")
	r.outcome(declined, "failed", "FAILED")

	// The trial ends: what is left of its credits is gone, what was bought stays.
	r.clock("03-16 00:00")
	r.do("GET", "/api/v1/subscriptions/own", "").says("status ACTIVE")
	r.check("isGranted true currentBalance 250")

	// A hard limit denies at zero; with a soft one the customer goes on.
	r.event("image", "i1", 50, "250", "0")
	r.check("isGranted false accessDeniedReason InsufficientCredits currentBalance 0 hasSoftLimit false")
	r.do("PATCH", "/api/v1/subscriptions/own", `{"addons":[{"id":"soft","quantity":1}]}`)
	r.check("isGranted true currentBalance 0 hasSoftLimit true")
	r.event("email", "e2", 4, "4", "-4")

	// The audit tells it all; a charge that failed and was not tried again left nothing but a void block.
	r.usage("image | 250 | 1 0 0 0 0 0 0 250", "email | 4 | 1 0 0 0 0 0 0 4")
	r.ledger(
		"03-16 00:00 | CREDITS_CONSUMED | email | -4 | -4 | API",
		"03-16 00:00 | CREDITS_CONSUMED | image | -250 | 0 | API",
		"03-15 09:00 | CREDITS_EXPIRED | Prepaid trial credits | -90 | 250 | SYSTEM",
		"03-01 09:05 | CREDITS_GRANTED | Top-up | 250 | 340 | API",
		"03-01 09:00 | CREDITS_CONSUMED | email | -10 | 90 | API",
		"03-01 09:00 | CREDITS_GRANTED | Prepaid trial credits | 100 | 100 | SYSTEM",
	)
	r.grants(
		"Overdraft | OVERDRAFT | ACTIVE | -4 | 0 | 03-16 00:00 | null | SYSTEM | ",
		"Top-up | PAID | VOIDED | 0 | 8000 | 03-01 09:05 | null | API | ",
		"Top-up | PAID | ACTIVE | 0 | 250 | 03-01 09:00 | null | API | ",
		"Prepaid trial credits | RECURRING | EXPIRED | 0 | 100 | 03-01 09:00 | 03-15 09:00 | SYSTEM | ",
	)
	r.clock("04-01 00:00")
	r.closeMonths("03")
	r.month("03", "CLOSED", "usd | 0 | 250 | 250 | 0 | 0 | 0")
}
