package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

// sell grants acme paid credits and returns the grant's id.
func (a *testAPI) sell(amount, cost, more string) string {
	a.t.Helper()
	return a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"credits","displayName":"Pack","amount":`+amount+
		`,"cost":{"amount":`+cost+`,"currency":"usd"}`+more+`}`).text("data.id")
}

// spend consumes credits of acme under a key that is used once.
func (a *testAPI) spend(amount, key string) {
	a.t.Helper()
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":`+amount+`,"idempotencyKey":"`+key+`"}`)
}

// to moves the clock to an instant.
func (a *testAPI) toMonth(instant string) {
	a.t.Helper()
	t, err := time.Parse("2006-01-02 15:04", instant)
	if err != nil {
		a.t.Fatal(err)
	}
	a.clock.advance(t.Sub(a.clock.Now()))
}

// verifies fails unless the books can be computed again from the journal.
func (a *testAPI) verifies(shards uint16) {
	a.t.Helper()
	if _, err := credits.VerifyRevenue(a.t.Context(), a.store, a.store.Journal(), shards); err != nil {
		a.t.Error(err)
	}
}

// months is where the reports are.
const months = "/api/v1/revenue/months/"

// line checks the first line of a report: opening, granted, recognised, breakage, voided, closing.
func (a *testAPI) line(month string, want ...string) answer {
	a.t.Helper()
	pairs := []string{}
	for i, name := range []string{"openingDeferred", "granted", "recognised", "breakage", "voided", "closingDeferred"} {
		pairs = append(pairs, "data.lines.0."+name, want[i])
	}
	return a.ok("GET", months+month, "").want(pairs...)
}

func TestRevenueByMonth(t *testing.T) {
	// W32 (b) over three months: each report continues the one before to the cent, the pieces add up to 99.99.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	id := a.sell("1000", "99.99", `,"expireAt":"2026-05-10T00:00:00Z"`)
	a.spend("37", "k1")
	a.line("2026-03", "0", "99.99", "3.7", "0", "0", "96.29").want("data.status", `"OPEN"`, "data.lines.1", "")
	a.toMonth("2026-04-10 00:00")
	a.spend("400", "k2")
	a.line("2026-04", "96.29", "0", "40", "0", "0", "56.29")
	a.line("2026-03", "0", "99.99", "3.7", "0", "0", "96.29")
	a.toMonth("2026-06-02 00:00") // nobody has looked at the pool since it expired
	a.line("2026-05", "56.29", "0", "0", "56.29", "0", "0")
	a.ok("GET", months+"2026-06", "").want("data.lines", "[]")
	a.ok("GET", months+"2026-04/grants", "").want("data.0.grantId", `"`+id+`"`, "data.0.deferred", "56.29", "data.0.granted", "99.99",
		"data.0.recognised", "43.7", "data.1", "")
	a.ok("GET", months+"2026-05/grants", "").want("data", "[]")
	if got := a.ok("GET", "/api/v1/revenue/months", ""); strings.Count(string(got.body), `"OPEN"`) != 4 {
		t.Errorf("the months are %s", got.body)
	}
	a.verifies(1)
}

func TestRevenueMonthCloses(t *testing.T) {
	// A month closes once it is over and in its order; afterwards it never changes: what comes late falls into the open month,
	// and a repeat answers the same.
	t.Parallel()
	a := newShardedAPI(t, 3)
	a.catalog()
	a.sell("100", "50", "")
	a.spend("10", "early")
	event := a.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"e"}]}`).text("data.0.eventId")
	a.refused(409, "RevenueMonthNotOver", "", "POST", months+"2026-03/close", "")
	a.toMonth("2026-04-01 00:00")
	a.refused(409, "RevenueMonthNotOver", "", "POST", months+"2026-04/close", "")
	first := a.ok("POST", months+"2026-03/close", "")
	first.want("data.status", `"CLOSED"`, "data.lines.0.recognised", "5.5", "data.lines.0.closingDeferred", "44.5", "data.closedAt", `"2026-04-01T00:00:00.000Z"`)
	a.toMonth("2026-04-02 00:00")
	a.clock.advance(-48 * time.Hour) // a node whose clock is wrong
	a.spend("20", "late")
	a.toMonth("2026-04-03 00:00")
	a.ok("POST", "/api/v1/events/"+event+"/reverse", `{"reason":"wrong"}`)
	for _, again := range []answer{a.ok("POST", months+"2026-03/close", ""), a.ok("GET", months+"2026-03", "")} {
		if string(again.body) != string(first.body) {
			t.Errorf("closed:\n%s\nlater:\n%s", first.body, again.body)
		}
	}
	a.line("2026-04", "44.5", "0", "9.5", "0", "0", "35")
	a.toMonth("2026-06-01 00:00")
	a.refused(409, "RevenueMonthOutOfOrder", "", "POST", months+"2026-05/close", "")
	a.ok("POST", months+"2026-04/close", "")
	a.ok("POST", months+"2026-05/close", "").want("data.lines.0.openingDeferred", "35", "data.lines.0.closingDeferred", "35")
	a.verifies(3)
}

func TestRevenueVerifyFindsChanges(t *testing.T) {
	// A closed month whose stored figures were changed does not pass.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.sell("100", "50", "")
	a.toMonth("2026-04-01 00:00")
	a.ok("POST", months+"2026-03/close", "")
	a.verifies(1)
	if _, err := a.store.Writer().ExecContext(t.Context(), `UPDATE revenue_months SET document = REPLACE(document, '"usd"', '"eur"')`); err != nil {
		t.Fatal(err)
	}
	_, err := credits.VerifyRevenue(t.Context(), a.store, a.store.Journal(), 1)
	if err == nil || !strings.Contains(err.Error(), "2026-03") {
		t.Errorf("the change was not found: %v", err)
	}
}

func TestRevenueJournal(t *testing.T) {
	// Journal lines follow the default policy: paid and unpaid, voided of either, expired, and what was taken back the other
	// way; none for free credits. What a spreadsheet would run is defused.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("5", "")
	a.sell("100", "10", `,"priority":1,"expireAt":"2026-03-20T00:00:00Z"`)
	unpaid := a.sell("100", "20", `,"paymentCollectionMethod":"INVOICE"`)
	paid := a.sell("100", "40", "")
	a.spend("55", "k")
	a.toMonth("2026-03-21 00:00")
	a.ok("POST", "/api/v1/credits/grants/"+unpaid+"/void", "")
	a.ok("POST", "/api/v1/credits/grants/"+paid+"/void", "")
	got := a.ok("GET", months+"2026-03/journal.csv", "")
	if kind := got.header.Get("Content-Type"); kind != "text/csv; charset=utf-8" {
		t.Errorf("the journal is %s", kind)
	}
	want := "date,account_debit,account_credit,amount,currency,credit_type,memo\n"
	for _, line := range []string{"Cash,Deferred revenue,50.00", "Accounts receivable,Deferred revenue,20.00", "Deferred revenue,Revenue,5.50",
		"Deferred revenue,Breakage revenue,4.50", "Deferred revenue,Refund payable,40.00", "Deferred revenue,Accounts receivable,20.00"} {
		want += "2026-03-31," + line + ",USD,credits,\"2026-03, ledger entries 0:1-8\"\n"
	}
	if string(got.body) != want {
		t.Errorf("the journal is\n%s\nwant\n%s", got.body, want)
	}
	a.line("2026-03", "0", "70", "5.5", "4.5", "60", "0").want("data.lines.0.grantedReceivable", "20", "data.lines.0.voidedReceivable", "20")
	a.verifies(1)
}

func TestRevenueOfCostChanges(t *testing.T) {
	// A new cost of an unused grant moves what was granted, also to another currency; once its month is closed it stays.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	id := a.sell("10", "10", "")
	later := a.sell("10", "7", `,"effectiveAt":"2026-04-15T00:00:00Z"`)
	a.ok("PATCH", "/api/v1/credits/grants/"+id, `{"cost":{"amount":12.5,"currency":"usd"}}`)
	a.line("2026-03", "0", "12.5", "0", "0", "0", "12.5")
	a.ok("PATCH", "/api/v1/credits/grants/"+id, `{"cost":{"amount":11,"currency":"eur"}}`)
	a.line("2026-03", "0", "11", "0", "0", "0", "11").want("data.lines.0.currency", `"eur"`, "data.lines.1", "")
	a.toMonth("2026-04-01 00:00")
	a.ok("POST", months+"2026-03/close", "")
	a.refused(422, "RevenueMonthClosed", "cost", "PATCH", "/api/v1/credits/grants/"+id, `{"cost":{"amount":1,"currency":"eur"}}`)
	a.ok("PATCH", "/api/v1/credits/grants/"+later, `{"cost":{"amount":0,"currency":"usd"}}`)
	a.toMonth("2026-04-20 00:00")
	a.ok("GET", months+"2026-04", "").want("data.lines.0.granted", "0", "data.lines.1", "")
	a.verifies(1)
}

func TestRevenueGrantPages(t *testing.T) {
	// The grants of a month can be walked in both directions over all shards, and add up to its closing figure.
	t.Parallel()
	a := newShardedAPI(t, 4)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"credits","displayName":"Credits"}`)
	want := map[string]bool{}
	for i := range 9 {
		customer := fmt.Sprint("c", i)
		a.ok("POST", "/api/v1/customers", `{"id":"`+customer+`"}`)
		want[a.ok("POST", "/api/v1/credits/grants", `{"customerId":"`+customer+`","currencyId":"credits","displayName":"Pack","amount":3,
			"cost":{"amount":10,"currency":"usd"}}`).text("data.id")] = true
	}
	a.line("2026-03", "0", "90", "0", "0", "0", "90")
	var forward, backward []string
	path := months + "2026-03/grants?limit=2"
	page := a.ok("GET", path, "")
	grants := func(page answer) (ids []string) {
		for i := 0; page.text(fmt.Sprintf("data.%d.grantId", i)) != ""; i++ {
			ids = append(ids, page.text(fmt.Sprintf("data.%d.grantId", i)))
		}
		return ids
	}
	forward = grants(page)
	for page.at("pagination.next") != "null" {
		page = a.ok("GET", path+"&after="+page.text("pagination.next"), "")
		forward = append(forward, grants(page)...)
	}
	backward = grants(page)
	for page.at("pagination.prev") != "null" {
		page = a.ok("GET", path+"&before="+page.text("pagination.prev"), "")
		backward = append(grants(page), backward...)
	}
	if fmt.Sprint(forward) != fmt.Sprint(backward) || len(forward) != len(want) {
		t.Errorf("forwards %v, backwards %v", forward, backward)
	}
	for _, id := range forward {
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestRevenueRefusals(t *testing.T) {
	// What is no month, or none of this environment, is refused, and so is a key that may not close.
	t.Parallel()
	a := newTestAPI(t)
	for _, month := range []string{"2026-3", "2026-13", "march", "2026-03-01", "1969-12", "%20", "99999-01", "+026-03"} {
		a.refused(400, "InvalidArgumentError", "month", "GET", months+month, "")
		a.refused(400, "InvalidArgumentError", "month", "POST", months+month+"/close", "")
		a.refused(400, "InvalidArgumentError", "month", "GET", months+month+"/journal.csv", "")
		a.refused(400, "InvalidArgumentError", "month", "GET", months+month+"/grants", "")
	}
	for _, month := range []string{"2026-02", "2026-04", "9999-12"} {
		a.refused(404, "RevenueMonthNotFound", "", "GET", months+month, "")
		a.refused(404, "RevenueMonthNotFound", "", "POST", months+month+"/close", "")
		a.refused(404, "RevenueMonthNotFound", "", "GET", months+month+"/grants", "")
	}
	a.refused(400, "InvalidArgumentError", "x", "GET", months+"2026-03?x=1", "")
	reader := a.ok("POST", "/api/v1/api-keys", `{"name":"r","scopes":["revenue:read"]}`).text("data.secret")
	a.ok("GET", months+"2026-03", "", "X-Api-Key", reader)
	a.refused(403, "AccessDeniedError", "", "POST", months+"2026-03/close", "", "X-Api-Key", reader)
}

func TestRevenueIsOfOneEnvironment(t *testing.T) {
	// Another environment sees nothing of the money, and closing its month closes nothing here.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.sell("100", "50", "")
	other := *a
	other.key = a.foreign
	other.ok("GET", months+"2026-03", "").want("data.lines", "[]")
	other.ok("GET", months+"2026-03/grants", "").want("data", "[]")
	a.toMonth("2026-04-01 00:00")
	other.ok("POST", months+"2026-03/close", "")
	a.ok("GET", months+"2026-03", "").want("data.status", `"OPEN"`)
	a.clock.advance(-time.Hour)
	a.spend("10", "k")
	a.line("2026-03", "0", "50", "5", "0", "0", "45")
}
