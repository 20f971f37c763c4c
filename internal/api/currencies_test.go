package api

import (
	"slices"
	"testing"
	"time"
)

const currenciesPath = "/api/v1/credits/custom-currencies"

func TestCustomCurrencies(t *testing.T) {
	// A credit type is made, changed, archived and brought back; null clears and absent members stay.
	t.Parallel()
	a := newTestAPI(t)
	full := `{"id":"tokens","displayName":"AI Tokens","description":"d","symbol":"⚡","units":{"singular":"token","plural":"tokens"},"metadata":{"k":"v"}}`
	got := a.ok("POST", currenciesPath, full)
	if got.status != 201 {
		t.Errorf("created with %d", got.status)
	}
	got.want("data.id", `"tokens"`, "data.displayName", `"AI Tokens"`, "data.description", `"d"`, "data.symbol", `"⚡"`,
		"data.units.plural", `"tokens"`, "data.metadata", `{"k":"v"}`, "data.archivedAt", "null", "data.createdAt", `"2026-03-01T12:00:00.000Z"`)
	a.ok("POST", currenciesPath, `{"id":"bare","displayName":"Bare"}`).
		want("data.description", "null", "data.symbol", "null", "data.units", "null", "data.metadata", "{}")
	a.clock.advance(1500 * time.Microsecond)
	a.ok("PATCH", currenciesPath+"/tokens", `{}`).want("data.description", `"d"`, "data.symbol", `"⚡"`, "data.units.singular", `"token"`,
		"data.updatedAt", `"2026-03-01T12:00:00.001500Z"`)
	a.ok("PATCH", currenciesPath+"/tokens", `{"description":null,"symbol":"","metadata":null,"displayName":"New","units":{"singular":"a","plural":"b"}}`).
		want("data.description", "null", "data.symbol", "null", "data.metadata", "{}", "data.displayName", `"New"`, "data.units.plural", `"b"`)
	a.ok("POST", currenciesPath+"/tokens/archive", "").want("data.archivedAt", `"2026-03-01T12:00:00.001500Z"`)
	ids := func(query string) []string { return a.ok("GET", currenciesPath+query, "").ids() }
	for query, want := range map[string][]string{
		"": {"bare"}, "?status=ARCHIVED": {"tokens"}, "?status=ACTIVE%2CARCHIVED": {"bare", "tokens"}, "?status=ACTIVE": {"bare"},
	} {
		if got := ids(query); !slices.Equal(got, want) {
			t.Errorf("%q lists %v, want %v", query, got, want)
		}
	}
	a.ok("POST", currenciesPath+"/tokens/unarchive", "").want("data.archivedAt", "null")
	a.ok("GET", currenciesPath+"/tokens/associated-entities", "").want("data", "[]")
}

func TestCustomCurrencyRefusals(t *testing.T) {
	// What a credit type cannot be is refused and changes nothing.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	refused := func(field, body string) {
		t.Helper()
		a.refused(400, "InvalidArgumentError", field, "POST", currenciesPath, body)
	}
	refused("displayName", `{"id":"a"}`)
	refused("id", `{"displayName":"A"}`)
	refused("id", `{"id":"","displayName":"A"}`)
	refused("id", `{"id":"-a","displayName":"A"}`)
	refused("id", `{"id":"a@b","displayName":"A"}`)
	refused("displayName", `{"id":"a","displayName":" "}`)
	refused("displayName", `{"id":"a","displayName":null}`)
	refused("symbol", `{"id":"a","displayName":"A","symbol":1}`)
	refused("units.plural", `{"id":"a","displayName":"A","units":{"singular":"x"}}`)
	refused("metadata.k", `{"id":"a","displayName":"A","metadata":{"k":1}}`)
	refused("metadata.k", `{"id":"a","displayName":"A","metadata":{"k":"1","k":"2"}}`)
	refused("other", `{"id":"a","displayName":"A","other":1}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", currenciesPath, `{"id":"credits","displayName":"A"}`)
	a.refused(400, "InvalidArgumentError", "displayName", "PATCH", currenciesPath+"/credits", `{"displayName":null}`)
	a.refused(400, "InvalidArgumentError", "id", "PATCH", currenciesPath+"/credits", `{"id":"other"}`)
	a.refused(400, "InvalidArgumentError", "status", "GET", currenciesPath+"?status=active", "")
	a.refused(409, "CreditTypeInUse", "", "POST", currenciesPath+"/credits/archive", "")
	a.ok("GET", currenciesPath+"/credits/associated-entities", "").want("data", `[{"displayName":"Basic","id":"basic","type":"Plan"}]`)
	for _, op := range []string{"PATCH /none", "POST /none/archive", "POST /none/unarchive", "GET /none/associated-entities"} {
		method, path := op[:slices.Index([]byte(op), ' ')], op[slices.Index([]byte(op), ' ')+1:]
		body := ""
		if method == "PATCH" {
			body = "{}"
		}
		if got := a.send(method, currenciesPath+path, body); got.status != 404 {
			t.Errorf("%s → %d", op, got.status)
		}
	}
}

func TestCustomCurrencyPages(t *testing.T) {
	// A list can be walked both ways without gaps or repeats, newest first.
	t.Parallel()
	a := newTestAPI(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		a.ok("POST", currenciesPath, `{"id":"`+id+`","displayName":"X"}`)
	}
	if got := a.walk(currenciesPath); !slices.Equal(got, []string{"e", "d", "c", "b", "a"}) {
		t.Errorf("walked %v", got)
	}
}

func TestEnvironmentsAreClosed(t *testing.T) {
	// Nothing of one environment can be seen or changed with the key of another: it looks missing.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	for _, path := range []string{
		"/api/v1/features/calls", "/api/v1/plans/basic", "/api/v1/customers/acme", "/api/v1/subscriptions/sub", "/api/v1/plans/basic/charges",
		"/api/v1/plans/basic/entitlements", "/api/v1/customers/acme/resources", "/api/v1/customers/acme/invoices", currenciesPath + "/credits/associated-entities",
	} {
		a.ok("GET", path, "")
		if got := a.send("GET", path, "", "X-Api-Key", a.foreign); got.status != 404 {
			t.Errorf("GET %s → %d", path, got.status)
		}
	}
	for _, path := range []string{"/api/v1/features", "/api/v1/plans", "/api/v1/customers", "/api/v1/subscriptions", "/api/v1/products", currenciesPath, "/api/v1/addons"} {
		a.ok("GET", path, "", "X-Api-Key", a.foreign).want("data", "[]")
	}
	for _, path := range []string{
		"/api/v1/features/calls/archive", "/api/v1/products/p/archive", "/api/v1/plans/basic/archive", "/api/v1/plans/basic/draft",
		"/api/v1/customers/acme/archive", "/api/v1/subscriptions/sub/cancel", currenciesPath + "/credits/archive",
	} {
		if got := a.send("POST", path, "", "X-Api-Key", a.foreign); got.status != 404 {
			t.Errorf("POST %s → %d", path, got.status)
		}
	}
	a.refused(404, "CustomerNotFound", "", "PATCH", "/api/v1/customers/acme", `{"name":"X"}`, "X-Api-Key", a.foreign)
	a.ok("POST", "/api/v1/customers", `{"id":"acme"}`, "X-Api-Key", a.foreign) // ids are free in each
	a.ok("GET", "/api/v1/customers/acme", "").want("data.name", `"Acme"`)
}
