package api

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

func TestIdempotencyKey(t *testing.T) {
	// A POST with a key acts once in 24 hours; its repeats get the first answer, and another request under the key none.
	t.Parallel()
	a := newTestAPI(t)
	first := a.ok("POST", customersPath, `{"id":"a","name":"A"}`, "Idempotency-Key", "k")
	a.clock.advance(23 * time.Hour)
	again := a.ok("POST", customersPath, ` {"name":"\u0041","id":"a"} `, "Idempotency-Key", "k")
	if again.status != 201 || string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s, then %d %s", first.body, again.status, again.body)
	}
	a.refused(409, "IdempotencyMismatch", "Idempotency-Key", "POST", customersPath, `{"id":"b"}`, "Idempotency-Key", "k")
	a.ok("POST", productsPath, `{"id":"a","displayName":"A"}`, "Idempotency-Key", "k")                   // another operation
	a.ok("POST", customersPath, `{"id":"a","name":"A"}`, "Idempotency-Key", "k", "X-Api-Key", a.foreign) // another environment
	a.refused(409, "IdempotencyMismatch", "Idempotency-Key", "POST", customersPath, `{"id":"c"}`, "Idempotency-Key", "k")
	a.refused(404, "CustomerNotFound", "", "POST", customersPath+"/z/archive", ``, "Idempotency-Key", "r") // not kept
	a.ok("POST", customersPath+"/a/archive", ``, "Idempotency-Key", "r2")
	a.ok("POST", customersPath+"/a/unarchive", ``, "Idempotency-Key", "r2")
	a.ok("POST", customersPath+"/a/archive", ``, "Idempotency-Key", "r2").want("data.archivedAt", `"2026-03-02T11:00:00.000Z"`) // the first answer
	a.ok("GET", customersPath+"/a", "").want("data.archivedAt", "null")
	a.refused(409, "IdempotencyMismatch", "Idempotency-Key", "POST", customersPath+"/b/archive", ``, "Idempotency-Key", "r2")
	a.refused(400, "InvalidArgumentError", "Idempotency-Key", "POST", customersPath, `{"id":"d"}`, "Idempotency-Key", strings.Repeat("k", 256))
	a.clock.advance(time.Hour)
	a.ok("POST", customersPath, `{"id":"b"}`, "Idempotency-Key", "k") // expired
}

func TestLongestIdempotencyKey(t *testing.T) {
	// The longest key that is allowed also works where the use case keeps keys of its own.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	grant := `{"customerId":"acme","currencyId":"credits","displayName":"D","amount":5}`
	for range 2 {
		a.ok("POST", "/api/v1/credits/grants", grant, "Idempotency-Key", strings.Repeat("k", 255))
	}
	if got := a.balance(); got != "5" {
		t.Errorf("balance is %s", got)
	}
}

func TestRepeatAfterArchiving(t *testing.T) {
	// What succeeded before a customer or credit type was archived is answered again; nothing new is accepted.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"gone","displayName":"Gone"}`)
	const grants, reservations, check = "/api/v1/credits/grants", "/api/v1/credits/reservations",
		customersPath + "/acme/entitlements/check?currencyId=credits&reserveAmount=2&reservationId="
	grant := func(currency, key string) string {
		return `{"customerId":"acme","currencyId":"` + currency + `","displayName":"D","amount":5,"idempotencyKey":"` + key + `"}`
	}
	hold := func(id string) string {
		return `{"customerId":"acme","currencyId":"credits","reservationId":"` + id + `","amount":2}`
	}
	first := a.ok("POST", grants, grant("credits", "g"))
	a.ok("POST", grants, grant("gone", "g2"))
	a.ok("POST", reservations, hold("r"))
	a.ok("GET", check+"c", "").want("data.isGranted", "true")
	a.ok("POST", "/api/v1/credits/custom-currencies/gone/archive", "")
	a.ok("POST", grants, grant("gone", "g2")).want("data.currencyId", `"gone"`)
	a.refused(409, "CreditTypeArchived", "", "POST", grants, grant("gone", "g3"))
	a.ok("POST", customersPath+"/acme/archive", "")
	a.ok("POST", grants, grant("credits", "g")).want("data.id", first.at("data.id"))
	a.refused(409, "CustomerIsArchived", "", "POST", grants, grant("credits", "g4"))
	a.ok("POST", reservations, hold("r")).want("data.heldAmount", "2", "data.available", "1")
	a.refused(409, "CustomerIsArchived", "", "POST", reservations, hold("r2"))
	a.ok("GET", check+"c", "").want("data.isGranted", "true", "data.reservation.heldAmount", "2")
	a.ok("GET", check+"c2", "").want("data.isGranted", "false", "data.accessDeniedReason", `"CustomerIsArchived"`)
	a.ok("GET", customersPath+"/acme/entitlements/check?currencyId=credits", "").want("data.accessDeniedReason", `"CustomerIsArchived"`)
}

func TestUnkeyedRetry(t *testing.T) {
	// A client's own retry within ten minutes gets the first answer; a request that is no retry always acts.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	const product = `{"multipleSubscriptions":true}`
	a.ok("PATCH", productsPath+"/p", product)
	const body = `{"customerId":"acme","planId":"basic"}`
	id := func(count string) string {
		t.Helper()
		return a.ok("POST", subscriptionsPath, body, "X-Stainless-Retry-Count", count).text("data.id")
	}
	first := id("0")
	if got := id("1"); got != first {
		t.Errorf("a retry made %s beside %s", got, first)
	}
	second := id("0")
	if second == first {
		t.Error("a second request was taken for a retry")
	}
	if got := id("2"); got != second {
		t.Errorf("a retry of the second request answered %s", got)
	}
	a.clock.advance(retryKept)
	if got := id("1"); got == second {
		t.Error("an answer was kept for longer than ten minutes")
	}
	a.ok("POST", customersPath, `{"id":"new"}`, "X-Stainless-Retry-Count", "0")
	a.ok("POST", customersPath, `{"id":"new"}`, "X-Stainless-Retry-Count", "1")
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", customersPath, `{"id":"new"}`, "X-Stainless-Retry-Count", "0")
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", customersPath, `{"id":"new"}`)
}

func TestUnkeyedRetries(t *testing.T) {
	// A retry of anything that is not harmless by itself gets the first answer: no counter moves twice, and what the lost
	// answer reported as done is not refused as a duplicate.
	t.Parallel()
	a := newTestAPI(t)
	a.features()
	repeated := func(method, path, body string) answer {
		t.Helper()
		first := a.ok(method, path, body, "X-Stainless-Retry-Count", "0")
		again := a.ok(method, path, body, "X-Stainless-Retry-Count", "1")
		if again.status != first.status || string(again.body) != string(first.body) {
			t.Errorf("%s: first %s, then %s", path, first.body, again.body)
		}
		return again
	}
	twice := func(path, body string) answer { t.Helper(); return repeated("POST", path, body) }
	const usage = `{"usages":[{"customerId":"acme","featureId":"seats","value":3},{"customerId":"acme","featureId":"seats","value":1}]}`
	twice("/api/v1/usage", usage).want("data.0.currentUsage", "3", "data.1.currentUsage", "4")
	a.ok("POST", "/api/v1/usage", usage).want("data.1.currentUsage", "8") // no retry: it counts
	twice(customersPath+"/import", `{"customers":[{"id":"i","name":null,"email":null}]}`).want("data.newCustomers.0", `"i"`)
	twice("/api/v1/credits/custom-currencies", `{"id":"r","displayName":"R"}`)
	twice(productsPath, `{"id":"r","displayName":"R"}`)
	twice(productsPath+"/r/duplicate", `{"targetId":"r2"}`)
	twice("/api/v1/features", `{"id":"r","displayName":"R","featureType":"BOOLEAN"}`)
	for _, kind := range []string{"/api/v1/plans", "/api/v1/addons"} {
		twice(kind, `{"id":"r","displayName":"R","productId":"r","pricingType":"FREE"}`)
		twice(kind+"/r/entitlements", `{"entitlements":[{"type":"FEATURE","id":"r"}]}`)
		twice(kind+"/r/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
		twice(kind+"/r/draft", "")
		repeated("DELETE", kind+"/r/entitlements/r", "").want("data.id", `"r"`)
		repeated("DELETE", kind+"/r/draft", "").want("data.id", `"r"`)
		a.refused(404, "DraftNotFound", "", "DELETE", kind+"/r/draft", "", "X-Stainless-Retry-Count", "0") // no retry
	}
	grant := a.grant("50", "")
	twice("/api/v1/credits/reservations", `{"customerId":"acme","currencyId":"credits","reservationId":"r","amount":9}`)
	part := `{"customerId":"acme","currencyId":"credits","amount":2,"final":false}`
	twice("/api/v1/credits/reservations/r/settle", part).want("data.consumedAmount", "2")
	a.ok("POST", "/api/v1/credits/reservations/r/settle", part).want("data.consumedAmount", "4") // no retry: it burns
	twice("/api/v1/credits/grants/"+grant+"/void", "").want("data.status", `"VOIDED"`)
	twice(subscriptionsPath, `{"id":"s","customerId":"i","planId":"r"}`)
	twice(subscriptionsPath+"/s/cancel", `{"cancellationTime":"IMMEDIATE"}`).want("data.status", `"CANCELED"`)
}

func TestRetryAfterCrash(t *testing.T) {
	// After a crash between the effect and its record the repeat runs under the same effect key.
	t.Parallel()
	a := newTestAPI(t)
	s := a.handler.(*server)
	var keys []string
	route := &route{pattern: "POST /test", scope: creditsWrite, flags: body | guarded, handler: func(c *call) (any, error) {
		keys = append(keys, c.effectKey)
		if len(keys) == 1 {
			panic("killed")
		}
		return struct{}{}, nil
	}}
	post := func(header ...string) int {
		r := httptest.NewRequest("POST", "/test", strings.NewReader(`{}`))
		r.Header.Set("X-Api-Key", a.key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(header[0], header[1])
		w := httptest.NewRecorder()
		s.handle(route).ServeHTTP(w, r)
		return w.Code
	}
	for _, header := range [][2]string{{"X-Stainless-Retry-Count", "0"}, {"Idempotency-Key", "k"}} {
		keys = nil
		retry := header
		if retry[1] == "0" {
			retry[1] = "1"
		}
		if first, second, third := post(header[0], header[1]), post(retry[0], retry[1]), post(retry[0], retry[1]); first != 500 || second != 200 || third != 200 {
			t.Errorf("%s: %d, %d, %d", header[0], first, second, third)
		}
		if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
			t.Errorf("%s: ran under %q", header[0], keys)
		}
	}
}

func TestConcurrentRepeats(t *testing.T) {
	// Of many equal requests at the same time one acts, and all get its answer.
	t.Parallel()
	a := newTestAPI(t)
	var wait sync.WaitGroup
	bodies := make([]string, 8)
	for i := range bodies {
		wait.Go(func() {
			bodies[i] = string(a.ok("POST", customersPath, `{"id":"a"}`, "Idempotency-Key", "k").body)
		})
	}
	wait.Wait()
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("answers differ: %s and %s", bodies[0], body)
		}
	}
}

func TestFlightsEnd(t *testing.T) {
	// Who waits too long for the first request is told to ask again, and the next one may go.
	t.Parallel()
	var f flights
	key := credits.ResponseKey{Key: "k"}
	landed, err := f.enter(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.enter(impatient, key)
	if got := failureOf(err); got.status != 409 || hints(got)[0] != [2]string{"X-Should-Retry", "true"} {
		t.Errorf("got %+v, %v", got, hints(got))
	}
	landed()
	if landed, err = f.enter(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	landed()
}
