package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
)

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
	b.ok("POST", "/api/v1/products", `{"id":"studio","displayName":"Studio"}`)
	b.ok("POST", "/api/v1/addons", `{"id":"extra","displayName":"Extra","productId":"studio"}`)
	b.ok("POST", "/api/v1/addons/extra/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	b.ok("POST", "/api/v1/plans", `{"id":"gold","displayName":"Gold","productId":"studio"}`)
	b.ok("PATCH", "/api/v1/plans/gold", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
		"featureId":"pixels","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"coins","amount":1}}]}]}}`)
	b.ok("POST", "/api/v1/plans/gold/entitlements", `{"entitlements":[{"type":"CREDIT","id":"coins","amount":null,"isCustom":true,"cadence":"MONTH","hasSoftLimit":true}]}`)
	b.ok("POST", "/api/v1/plans/gold/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	b.ok("POST", "/api/v1/customers", `{"id":"theirs"}`)
	b.ok("POST", "/api/v1/subscriptions", `{"id":"theirsub","customerId":"theirs","planId":"gold"}`)
	b.ok("POST", "/api/v1/data-export/destinations", `{"destinationId":"lake","destinationType":"FOLDER"}`)
	b.ok("POST", "/api/v1/credits/reservations", `{"customerId":"theirs","currencyId":"coins","reservationId":"pinned","amount":1,"allowOverdraft":true}`)
	return &b
}

// scopes are all permissions.
var scopes = []string{catalogRead, catalogWrite, customersRead, customersWrite, creditsRead, creditsWrite, usageWrite,
	installationRead, installationWrite, webhooksRead, webhooksWrite, revenueRead, revenueWrite, exportRead, exportWrite}

func TestEveryRouteForEveryPrincipal(t *testing.T) {
	// A route answers server keys that have its scope, and nobody else: not callers without a good key, not publishable keys,
	// not keys with every other scope. What is refused changes nothing (reliability S1).
	t.Parallel()
	w := newBadWorld(t)
	k := w.newKeys()
	_, nothing := w.newKey(credits.NewKey{Kind: credits.ServerKey, Scopes: []string{"nothing"}})
	only, without := map[string]string{}, map[string]string{}
	for _, scope := range scopes {
		_, only[scope] = w.newKey(credits.NewKey{Kind: credits.ServerKey, Scopes: []string{scope}})
		others := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == scope })
		_, without[scope] = w.newKey(credits.NewKey{Kind: credits.ServerKey, Scopes: others})
	}
	routes := slices.DeleteFunc(new(server).allRoutes(), func(r route) bool { return r.flags&signed != 0 })
	before := w.state()
	for _, r := range routes {
		for name, principal := range map[string]struct{ key, want string }{
			"no key": {"", "401 Unauthenticated"}, "garbage": {"My API Key", "401 Unauthenticated"},
			"other secret": {flip(w.key), "401 Unauthenticated"}, "revoked": {k.revoked, "401 Unauthenticated"},
			"expired": {k.expired, "401 Unauthenticated"}, "publishable": {k.publishable, "403 IdentityForbidden"},
			"no scope": {nothing, "403 AccessDeniedError"}, "every other scope": {without[r.scope], "403 AccessDeniedError"},
		} {
			w.refuse(t, badInput{r.pattern + " as " + name, requestOf(r).sent("X-Api-Key", principal.key), principal.want})
		}
	}
	if after := w.state(); after != before {
		t.Errorf("somebody without access changed something:\n%s", changed(before, after))
	}
	for _, r := range routes {
		if got := w.exchange(t, requestOf(r).sent("X-Api-Key", only[r.scope])); got.status == 401 || got.status == 403 || got.status == 500 {
			t.Errorf("%s with its own scope %s only → %d %s", r.pattern, r.scope, got.status, got.body)
		}
	}
}

// requestOf is a request for a route with names as ids and without a body.
func requestOf(r route) request {
	method, path, _ := strings.Cut(r.pattern, " ")
	return request{method: method, path: strings.NewReplacer("{", "", "}", "").Replace(path)}
}

// object is something of the other environment and an id of the same form that nobody has.
type object struct{ theirs, missing string }

// objects are one of each kind, by the collection in the path.
func (w *badWorld) objects() map[string]object {
	w.t.Helper()
	grant := w.theirs.ok("POST", "/api/v1/credits/grants", `{"customerId":"theirs","currencyId":"coins","displayName":"Promo","amount":50}`).text("data.id")
	event := w.theirs.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"theirs","eventName":"draw","idempotencyKey":"d1"}]}`).text("data.0.eventId")
	key := w.theirs.ok("POST", "/api/v1/api-keys", `{"name":"ci"}`).text("data.id")
	endpoint := w.theirs.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/theirs"}`).text("data.endpoint.id")
	w.theirs.ok("POST", "/api/v1/credits/grants", `{"customerId":"theirs","currencyId":"coins","displayName":"Sale","amount":5,
		"cost":{"amount":5,"currency":"usd"},"paymentCollectionMethod":"CHARGE"}`)
	attempt := w.theirs.ok("GET", "/api/v1/credits/payment-attempts", "").text("data.0.id")
	customer := object{"theirs", "nobody"}
	return map[string]object{
		"credits/grants": {grant, grant[:len(grant)-4] + "zzzz"}, "credits/reservations": {"pinned", "absent"},
		"credits/payment-attempts":  {attempt, "pay_none"},
		"credits/custom-currencies": {"coins", "cents"}, "events": {event, event[:len(event)-4] + "zzzz"},
		"usage": customer, "customers": customer, "features": {"pixels", "voxels"}, "products": {"studio", "garage"},
		"data-export/destinations": {"lake", "pond"},
		"plans":                    {"gold", "lead"}, "addons": {"extra", "other"}, "subscriptions": {"theirsub", "othersub"},
		"webhook-endpoints": {endpoint, endpoint[:len(endpoint)-4] + "zzzz"}, "api-keys": {key, key[:len(key)-4] + "zzzz"}, "coupons": {"coupon1", "coupon2"}, "contracts": {"contract1", "contract2"},
	}
}

// foreignBodies are good bodies, or queries of a GET, for the routes that need one and name an object in their path.
var foreignBodies = map[string]string{
	"PATCH /api/v1/credits/custom-currencies/{currencyId}":      `{"displayName":"N"}`,
	"PATCH /api/v1/credits/grants/{id}":                         `{"displayName":"N"}`,
	"POST /api/v1/credits/reservations/{reservationId}/settle":  `{"customerId":"acme","currencyId":"credits","amount":0}`,
	"POST /api/v1/credits/reservations/{reservationId}/release": `{"customerId":"acme","currencyId":"credits"}`,
	"POST /api/v1/events/{id}/reverse":                          `{"reason":"r"}`,
	"PATCH /api/v1/customers/{id}":                              `{"name":"N"}`,
	"POST /api/v1/credits/payment-attempts/{id}/outcome":        `{"outcome":"paid"}`,
	"POST /api/v1/customers/{id}/payment-method":                `{"integrationId":"i","paymentMethodId":"pm","vendorIdentifier":"STRIPE"}`,
	"PATCH /api/v1/features/{id}":                               `{"displayName":"N"}`,
	"PATCH /api/v1/products/{id}":                               `{"displayName":"N"}`,
	"POST /api/v1/products/{id}/duplicate":                      `{"targetId":"copy"}`,
	"PATCH /api/v1/plans/{id}":                                  `{"displayName":"N"}`,
	"POST /api/v1/plans/{id}/publish":                           `{"migrationType":"NEW_CUSTOMERS"}`,
	"POST /api/v1/plans/{planId}/entitlements":                  `{"entitlements":[{"type":"FEATURE","id":"pixels"}]}`,
	"PATCH /api/v1/plans/{planId}/entitlements/{id}":            `{"type":"FEATURE","order":1}`,
	"PATCH /api/v1/addons/{id}":                                 `{"displayName":"N"}`,
	"POST /api/v1/addons/{id}/publish":                          `{"migrationType":"NEW_CUSTOMERS"}`,
	"POST /api/v1/addons/{addonId}/entitlements":                `{"entitlements":[{"type":"FEATURE","id":"pixels"}]}`,
	"PATCH /api/v1/addons/{addonId}/entitlements/{id}":          `{"type":"FEATURE","order":1}`,
	"PATCH /api/v1/data-export/destinations/{destinationId}":    `{"integrationId":"i"}`,
	"PATCH /api/v1/subscriptions/{id}":                          `{"metadata":{"k":"v"}}`,
	"PATCH /api/v1/webhook-endpoints/{id}":                      `{"description":"N"}`,
	"POST /api/v1/webhook-endpoints/{id}/test":                  `{"type":"credits.granted"}`,
	"POST /api/v1/webhook-endpoints/{id}/replay":                `{"startDate":"2026-03-01T00:00:00Z","endDate":"2026-03-02T00:00:00Z"}`,
	"GET /api/v1/usage/{customerId}/history/{featureId}":        "?startDate=2026-02-01T00:00:00Z",
	"GET /api/v1/customers/{id}/entitlements/check":             "?featureId=pixels",
	"GET /api/v1-beta/customers/{id}/entitlements/check":        "?featureId=pixels",
}

func TestForeignObjects(t *testing.T) {
	// Every route that names an object answers for one of another environment exactly as for one that does not exist, and
	// changes nothing of it. Its owner is answered differently (reliability S2).
	t.Parallel()
	w := newBadWorld(t)
	objects := w.objects()
	before := w.state()
	var asOwner []func()
	for _, r := range new(server).allRoutes() {
		if len(r.pathNames()) == 0 || r.flags&signed != 0 || r.pathNames()[0] == "month" || r.pattern == "DELETE /api/v1/data-export/destinations/{destinationId}" {
			continue // every environment has all months, and removing what is not there is fine: see revenue_test.go, exports_test.go
		}
		theirs, missing := w.foreignRequests(t, r, objects)
		got, want := w.exchange(t, theirs.ask), w.exchange(t, missing.ask)
		same(t, r.pattern, theirs.id, got, missing.id, want)
		if got.status != 404 && got.status != 501 && got.text("data.accessDeniedReason") != "CustomerNotFound" {
			t.Errorf("%s → %d %s", r.pattern, got.status, got.body)
		}
		asOwner = append(asOwner, func() {
			owner := w.exchange(t, theirs.ask.sent("X-Api-Key", w.foreign))
			if got.status != 501 && owner.text("code") == got.text("code") && owner.text("data.accessDeniedReason") == got.text("data.accessDeniedReason") || owner.status == 500 {
				t.Errorf("%s: its owner is answered %d %s", r.pattern, owner.status, owner.body)
			}
		})
	}
	if after := w.state(); after != before {
		t.Errorf("another environment was changed:\n%s", changed(before, after))
	}
	for _, ask := range asOwner {
		ask()
	}
}

// named is a request that names an object.
type named struct {
	id  string
	ask request
}

// foreignRequests asks a route for an object of the other environment and for one that does not exist.
func (w *badWorld) foreignRequests(t *testing.T, r route, objects map[string]object) (theirs, missing named) {
	t.Helper()
	method, pattern, _ := strings.Cut(r.pattern, " ")
	_, rest, _ := strings.Cut(strings.TrimPrefix(pattern, "/api/"), "/")
	collection, _, _ := strings.Cut(rest, "/{")
	o, ok := objects[collection]
	extra, given := foreignBodies[r.pattern]
	if !ok || !given && r.flags&body != 0 && r.flags&optional == 0 {
		t.Fatalf("%s: this test does not know an object, or a body, for it", r.pattern)
	}
	ask := func(id string) named {
		path := strings.Replace(pattern, "{"+r.pathNames()[0]+"}", id, 1)
		path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "pixels")
		if method == "GET" {
			return named{id, request{method: method, path: path + extra}}
		}
		return named{id, request{method: method, path: path, body: extra}}
	}
	return ask(o.theirs), ask(o.missing)
}

// same fails unless two answers are the same except for the ids that were asked for and those that each request makes.
func same(t *testing.T, what, id string, got answer, otherID string, want answer) {
	t.Helper()
	fresh := regexp.MustCompile(`"traceId":"[^"]*"|evt_\w+`)
	plain := func(a answer, id string) string {
		return fmt.Sprint(a.status, " ", fresh.ReplaceAllString(strings.ReplaceAll(string(a.body), id, "ID"), ""))
	}
	if got, want := plain(got, id), plain(want, otherID); got != want {
		t.Errorf("%s\ntheirs:  %s\nmissing: %s", what, got, want)
	}
}

func TestForeignReferences(t *testing.T) {
	// A request that refers to an object of another environment, in its body or query, is answered exactly as if it referred
	// to nothing. Taking an id that another environment uses is no conflict.
	t.Parallel()
	w := newBadWorld(t)
	objects := w.objects()
	bodies := map[string]string{} // form and member → collection
	for collection, members := range map[string]string{
		"customers":                 "grant.customerId consumption.customerId consumptions.customerId reservation.customerId settle.customerId refill.customerId estimate.customerId usage.customerId subscription.customerId event.customerId report.customerId",
		"credits/custom-currencies": "grant.currencyId consumption.currencyId consumptions.currencyId reservation.currencyId settle.currencyId refill.currencyId rate.currencyId",
		"features":                  "consumption.featureId usage.featureId model.featureId",
		"products":                  "plan.productId",
		"plans":                     "subscription.planId plan.parentPlanId",
	} {
		for member := range strings.FieldsSeq(members) {
			bodies[member] = collection
		}
	}
	for place, collection := range bodies {
		o := objects[collection]
		name, member, _ := strings.Cut(place, ".")
		got := w.exchange(t, with(name, member, `"`+o.theirs+`"`))
		same(t, place, o.theirs, got, o.missing, w.exchange(t, with(name, member, `"`+o.missing+`"`)))
		if kept := member == "customerId" || name == "consumptions"; !kept && got.status/100 != 4 {
			t.Errorf("%s → %d %s", place, got.status, got.body)
		}
	}
	for _, path := range foreignQueries {
		collection, path, _ := strings.Cut(path, " ")
		o := objects[collection]
		same(t, path, o.theirs, w.exchange(t, get(path+o.theirs)), o.missing, w.exchange(t, get(path+o.missing)))
	}
	for place, collection := range map[string]string{"customer": "customers", "currency": "credits/custom-currencies", "feature": "features", "plan": "plans"} {
		if got := w.exchange(t, with(place, "id", `"`+objects[collection].theirs+`"`)); got.status != 201 {
			t.Errorf("%s with an id that the other environment uses → %d %s", place, got.status, got.body)
		}
	}
}

// foreignQueries are collections and the queries that name one of their objects.
var foreignQueries = []string{
	"customers /api/v1/credits/grants?customerId=", "customers /api/v1/credits/ledger?customerId=", "customers /api/v1/credits/usage?customerId=",
	"customers /api/v1/credits/balances?customerId=", "customers /api/v1/credits/auto-recharge?currencyId=credits&customerId=",
	"customers /api/v1/credits/auto-recharge/operations?currencyId=credits&customerId=", "credits/custom-currencies /api/v1/credits/auto-recharge?customerId=acme&currencyId=",
	"credits/custom-currencies /api/v1/credits/auto-recharge/operations?customerId=acme&currencyId=",
	"customers /api/v1/credits/reservations?currencyId=credits&customerId=", "customers /api/v1/events?customerId=",
	"customers /api/v1/subscriptions?customerId=",
	"credits/custom-currencies /api/v1/credits/grants?customerId=acme&currencyId=", "credits/custom-currencies /api/v1/credits/ledger?customerId=acme&currencyId=",
	"credits/custom-currencies /api/v1/credits/usage?customerId=acme&currencyId=", "credits/custom-currencies /api/v1/credits/balances?customerId=acme&currencyId=",
	"credits/custom-currencies /api/v1/credits/reservations?customerId=acme&currencyId=", "credits/custom-currencies /api/v1/customers/acme/entitlements/check?currencyId=",
	"credits/grants /api/v1/credits/ledger?customerId=acme&grantId=", "features /api/v1/credits/ledger?customerId=acme&featureId=",
	"features /api/v1/customers/acme/entitlements/check?featureId=", "features /api/v1-beta/customers/acme/entitlements/check?featureId=",
	"features /api/v1/features?id=", "features /api/v1/usage/acme/history/", "plans /api/v1/subscriptions?planId=",
	"products /api/v1/plans?productId=", "products /api/v1/addons?productId=",
}
