package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

const clockPath = "/api/v1/clock"

// ledgerOf lists "type amount at instant" of a customer, oldest first.
func (a *testAPI) ledgerOf(customer string) []string {
	a.t.Helper()
	page := a.ok("GET", "/api/v1/credits/ledger?limit=100&currencyId=credits&customerId="+customer, "")
	var rows []string
	for i := 0; page.at(fmt.Sprintf("data.%d.amount", i)) != ""; i++ {
		rows = append(rows, strings.Join([]string{
			page.text(fmt.Sprintf("data.%d.eventType", i)), page.at(fmt.Sprintf("data.%d.amount", i)), page.text(fmt.Sprintf("data.%d.timestamp", i))}, " "))
	}
	slices.Reverse(rows)
	return rows
}

func TestClock(t *testing.T) {
	// A clock that is moved passes every instant at which something is due: the rows of an activation, an expiry and a
	// reservation's timeout are dated as if the time had passed, although nobody looked meanwhile.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("GET", clockPath, "").want("data.now", `"2026-03-01T12:00:00.000Z"`, "data.standsStill", "false", "data.movable", "true")
	grant := func(body string) {
		t.Helper()
		a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"credits","displayName":"G",`+body+`}`)
	}
	grant(`"amount":5,"expireAt":"2026-03-10T08:00:00.000001Z"`)
	grant(`"amount":7,"effectiveAt":"2026-03-20T00:00:00Z"`)
	a.ok("POST", "/api/v1/credits/reservations",
		`{"customerId":"acme","currencyId":"credits","reservationId":"r","amount":1,"expiresAt":"2026-03-02T12:00:00Z"}`)
	a.ok("POST", clockPath+"/advance", `{"by":"P1M","hold":true}`).want(
		"data.clock.now", `"2026-04-01T12:00:00.000Z"`, "data.clock.standsStill", "true", "data.target", `"2026-04-01T12:00:00.000Z"`,
		"data.reached", "true", "data.steps", "3", "data.ran.1.kind", `"pools"`, "data.ran.1.count", "3")
	want := []string{"CREDITS_GRANTED 5 2026-03-01T12:00:00.000Z", "CREDITS_EXPIRED -5 2026-03-10T08:00:00.000001Z", "CREDITS_GRANTED 7 2026-03-20T00:00:00.000Z"}
	if got := a.ledgerOf("acme"); !slices.Equal(got, want) {
		t.Errorf("rows are\n%s", strings.Join(got, "\n"))
	}
	a.clock.advance(time.Hour)
	a.ok("GET", "/api/v1/environments", "").want("data.0.clock.now", `"2026-04-01T12:00:00.000Z"`, "data.0.clock.standsStill", "true",
		"data.1.clock.now", `"2026-03-01T13:00:00.000Z"`, "data.1.clock.standsStill", "false", "data.1.clock.movable", "false")
	a.ok("POST", clockPath+"/release", "").want("data.now", `"2026-04-01T12:00:00.000Z"`, "data.standsStill", "false")
	a.clock.advance(time.Minute)
	a.ok("POST", "/api/v1/customers", `{"id":"late"}`).want("data.createdAt", `"2026-04-01T12:01:00.000Z"`)
	a.ok("POST", clockPath+"/advance", `{"to":"2026-04-02T00:00:00Z"}`).want("data.clock.standsStill", "false", "data.steps", "0")
	a.refused(400, "InvalidArgumentError", "to", "POST", clockPath+"/advance", `{"to":"2026-04-01T23:59:59Z"}`)
}

func TestClock_repeats(t *testing.T) {
	// An advance by a duration that is repeated with its key, or by a client that retries, moves the clock once.
	t.Parallel()
	a := newTestAPI(t)
	for _, header := range []string{"Idempotency-Key", "X-Stainless-Retry-Count"} {
		first := a.ok("POST", clockPath+"/advance", `{"by":"PT1H","hold":true}`, header, "1")
		again := a.ok("POST", clockPath+"/advance", `{"by":"PT1H","hold":true}`, header, "1")
		if string(first.body) != string(again.body) {
			t.Errorf("%s: %s and then %s", header, first.body, again.body)
		}
	}
	a.ok("GET", clockPath, "").want("data.now", `"2026-03-01T14:00:00.000Z"`)
}

func TestClock_scopes(t *testing.T) {
	// Looking at the clock and moving it are permissions of their own.
	t.Parallel()
	a := newTestAPI(t)
	_, reader := a.newKey(credits.NewKey{Kind: credits.ServerKey, Scopes: []string{installationRead}})
	a.ok("GET", clockPath, "", "X-Api-Key", reader)
	a.refused(403, "AccessDeniedError", "", "POST", clockPath+"/advance", `{"by":"PT1H"}`, "X-Api-Key", reader)
	a.refused(403, "AccessDeniedError", "", "POST", clockPath+"/release", "", "X-Api-Key", reader)
}

func TestNodes_clock(t *testing.T) {
	// The next request to another node is answered at the instant to which a node has moved the clock.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a, b := newNode(t, o, "a", 1), newNode(t, o, "b", 1)
	b.key = a.key
	a.catalog()
	a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"credits","displayName":"G","amount":5,"expireAt":"2026-03-10T00:00:00Z"}`)
	b.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "5")
	a.ok("POST", clockPath+"/advance", `{"to":"2026-03-09T23:59:59Z","hold":true}`)
	b.ok("POST", "/api/v1/customers", `{"id":"beta"}`).want("data.createdAt", `"2026-03-09T23:59:59.000Z"`)
	b.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "5")
	a.ok("POST", clockPath+"/advance", `{"by":"PT1S","hold":true}`)
	b.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "0")
	c := newNode(t, o, "c", 1) // a node that starts later
	c.key = a.key
	c.ok("GET", clockPath, "").want("data.now", `"2026-03-10T00:00:00.000Z"`, "data.standsStill", "true")
}
