package api

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// badInput is a request that must be refused, and how: status, code and field (or nothing) with a space between.
type badInput struct {
	name string
	ask  request
	want string
}

// request is what is sent. Header lines are pairs of name and value; a name that comes twice is sent twice.
type request struct {
	method, path, body string
	header             []string
}

// Refusals that many rows share.
const invalid = "400 InvalidArgumentError "

// form is a request that is accepted; rows of bad inputs change one thing of it. Members are pairs of name and literal.
type form struct {
	method, path string
	around       string // the body, with %s for the object of the members
	members      []string
}

// forms need what badWorld makes. Each can be sent once: see TestBadInputForms.
var forms = map[string]form{
	"grant": {"POST", "/api/v1/credits/grants", "%s", []string{"customerId", `"acme"`, "currencyId", `"credits"`,
		"displayName", `"Promo"`, "amount", "5"}},
	"consumption": {"POST", "/api/v1/credits/consumption", "%s", []string{"customerId", `"acme"`, "currencyId", `"credits"`,
		"amount", "1", "idempotencyKey", `"c1"`}},
	"consumptions": {"POST", "/api/v1/credits/consumption/async", `{"consumptions":[%s]}`, []string{"customerId", `"acme"`,
		"currencyId", `"credits"`, "amount", "1", "idempotencyKey", `"c2"`}},
	"reservation": {"POST", "/api/v1/credits/reservations", "%s", []string{"customerId", `"acme"`, "currencyId", `"credits"`,
		"reservationId", `"r2"`, "amount", "2"}},
	"settle": {"POST", "/api/v1/credits/reservations/held/settle", "%s", []string{"customerId", `"acme"`,
		"currencyId", `"credits"`, "amount", "1"}},
	"event": {"POST", "/api/v1/events", `{"events":[%s]}`, []string{"customerId", `"acme"`, "eventName", `"call"`,
		"idempotencyKey", `"e2"`}},
	"report": {"POST", "/api/v1/events/report", `{"events":[%s]}`, []string{"customerId", `"acme"`, "eventName", `"call"`,
		"idempotencyKey", `"e3"`}},
	"estimate": {"POST", "/api/v1/events/estimate", "%s", []string{"customerId", `"acme"`, "eventName", `"call"`}},
	"usage":    {"POST", "/api/v1/usage", `{"usages":[%s]}`, []string{"customerId", `"acme"`, "featureId", `"calls"`, "value", "3"}},
	"customer": {"POST", "/api/v1/customers", "%s", []string{"id", `"new"`}},
	"currency": {"POST", "/api/v1/credits/custom-currencies", "%s", []string{"id", `"images"`, "displayName", `"Images"`}},
	"feature": {"POST", "/api/v1/features", "%s", []string{"id", `"seats"`, "displayName", `"Seats"`, "featureType", `"NUMBER"`,
		"meterType", `"INCREMENTAL"`}},
	"meter": {"PATCH", "/api/v1/features/spare", `{"meter":%s}`, []string{"aggregation", `{"function":"COUNT"}`,
		"filters", `[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"x"}]}]`}},
	"plan": {"POST", "/api/v1/plans", "%s", []string{"id", `"big"`, "displayName", `"Big"`, "productId", `"p"`}},
	"rate": {"PATCH", "/api/v1/plans/draft", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
		"featureId":"calls","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":%s}]}]}}`,
		[]string{"currencyId", `"credits"`, "amount", "1"}},
	"model": {"PATCH", "/api/v1/plans/draft", `{"charges":{"pricingType":"PAID","pricingModels":[%s]}}`, []string{
		"billingModel", `"CREDIT_BASED"`, "featureId", `"calls"`,
		"pricePeriods", `[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":1}}]`}},
	"subscription": {"POST", "/api/v1/subscriptions", "%s", []string{"id", `"sub2"`, "customerId", `"beta"`, "planId", `"basic"`}},
	"key":          {"POST", "/api/v1/api-keys", "%s", []string{"name", `"ci"`}},
	"clock":        {"POST", "/api/v1/clock/advance", "%s", []string{"by", `"PT0S"`, "hold", "true"}},
	"refill": {"PUT", "/api/v1/credits/auto-recharge", "%s", []string{"customerId", `"acme"`, "currencyId", `"credits"`,
		"isEnabled", "false", "thresholdValue", "20", "targetBalance", "50"}},
	"endpoint":   {"POST", "/api/v1/webhook-endpoints", "%s", []string{"url", `"https://hooks.example.com/new"`}},
	"header":     {"POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/h","secretHeader":%s}`, []string{"name", `"X-Hook"`, "value", `"0123456789"`}},
	"trigger":    {"POST", "/api/v1/webhook-messages/test", "%s", []string{"type", `"credits.granted"`}},
	"thresholds": {"PUT", "/api/v1/credits/thresholds", "%s", []string{"remainingPercentages", "[50]", "remainingAmounts", "[10]", "consumedPercentages", "[80]"}},
	"rotation":   {"POST", "/api/v1/webhook-endpoints/whe_id/rotate-secret", "%s", []string{"overlapSeconds", "60"}},
	"replay":     {"POST", "/api/v1/webhook-endpoints/whe_id/replay", "%s", []string{"startDate", `"2026-03-01T00:00:00Z"`, "endDate", `"2026-03-02T00:00:00Z"`}},
}

// with is a form with some members changed: pairs of name and literal. An empty literal leaves the member away, an unknown
// name adds one.
func with(name string, changes ...string) request {
	f := forms[name]
	members := slices.Clone(f.members)
	for i := 0; i < len(changes); i += 2 {
		at := slices.Index(members, changes[i])
		switch {
		case at < 0:
			members = append(members, changes[i], changes[i+1])
		case changes[i+1] == "":
			members = slices.Delete(members, at, at+2)
		default:
			members[at+1] = changes[i+1]
		}
	}
	var object []string
	for i := 0; i < len(members); i += 2 {
		object = append(object, `"`+members[i]+`":`+members[i+1])
	}
	return raw(name, fmt.Sprintf(f.around, "{"+strings.Join(object, ",")+"}"))
}

// raw is a form with another body.
func raw(name, body string) request {
	return request{method: forms[name].method, path: forms[name].path, body: body}
}

func get(path string) request { return request{method: "GET", path: path} }

func (r request) sent(header ...string) request {
	r.header = header
	return r
}

func TestBadInputs(t *testing.T) {
	// Each bad input is refused with its status, code and field, in the form of the contract, and changes nothing that
	// anybody can read.
	t.Parallel()
	w := newBadWorld(t)
	rows := slices.Concat(badAmounts, badDates, badIDs, badJSON, badMembers, badCatalogue, badQueries, badEnvelopes, badClocks, badThresholds, badRefills, w.badWebhooks(), w.badCursors(), w.badKeys(), w.badCredits())
	if len(rows) < 80 {
		t.Fatalf("only %d bad inputs", len(rows))
	}
	seen := map[string]bool{}
	before := w.state()
	for _, row := range rows {
		if seen[row.name] {
			t.Errorf("%s is there twice", row.name)
		}
		seen[row.name] = true
		w.refuse(t, row)
		if after := w.state(); after != before {
			t.Errorf("%s: was refused and changed something:\n%s", row.name, changed(before, after))
			before = after
		}
	}
}

func TestBadInputForms(t *testing.T) {
	// The requests that bad inputs are made of are good, so that each row is refused for what it changes.
	t.Parallel()
	w := newBadWorld(t)
	for name := range forms {
		if got := w.exchange(t, w.toMine(with(name))); got.status/100 != 2 {
			t.Errorf("%s → %d %s", name, got.status, got.body)
		}
	}
}

// badWorld is a server with something of everything in two environments.
type badWorld struct {
	*testAPI
	grantID, eventID string
	endpointID       string
	theirs           *testAPI // the same server, as the other environment sees it
}

func newBadWorld(t *testing.T) *badWorld {
	t.Helper()
	w := &badWorld{testAPI: newTestAPI(t)}
	w.catalog()
	w.grantID = w.grant("100", "")
	w.grant("7", `,"resourceId":"site"`)
	w.ok("POST", "/api/v1/credits/reservations", `{"customerId":"acme","currencyId":"credits","reservationId":"held","amount":5}`)
	w.eventID = w.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"e1"}]}`).text("data.0.eventId")
	w.ok("POST", "/api/v1/customers", `{"id":"beta"}`)
	w.ok("POST", "/api/v1/customers", `{"id":"gone"}`)
	w.ok("POST", "/api/v1/customers/gone/archive", "")
	w.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"old","displayName":"Old"}`)
	w.ok("POST", "/api/v1/credits/custom-currencies/old/archive", "")
	w.ok("POST", "/api/v1/features", `{"id":"spare","displayName":"Spare","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	w.ok("POST", "/api/v1/features", `{"id":"lowest","displayName":"Lowest","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	w.ok("PATCH", "/api/v1/features/lowest", `{"meter":{"aggregation":{"function":"MIN","field":"n"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"low"}]}]}}`)
	w.ok("POST", "/api/v1/plans", `{"id":"draft","displayName":"Draft","productId":"p"}`)
	w.endpointID = w.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/mine"}`).text("data.endpoint.id")
	w.theirs = newForeign(w.testAPI)
	return w
}

// exchange sends a request and checks the answer against the contract.
func (w *badWorld) exchange(t *testing.T, ask request) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), ask.method, ask.path, strings.NewReader(ask.body))
	h := http.Header{}
	for i := 0; i < len(ask.header); i += 2 {
		h.Add(ask.header[i], ask.header[i+1])
	}
	if ask.body != "" && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if h["X-Api-Key"] == nil {
		h.Set("X-Api-Key", w.key)
	}
	r.Header = h
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	w.contract.Check(t, r, []byte(ask.body), rec.Code, rec.Header(), rec.Body.Bytes())
	return answer{t: t, status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
}

// refuse sends a bad input and checks the refusal.
func (w *badWorld) refuse(t *testing.T, row badInput) {
	t.Helper()
	got := w.exchange(t, row.ask)
	is := fmt.Sprintf("%d %s %s", got.status, got.text("code"), got.text("field"))
	if is != row.want && is != row.want+" " {
		t.Errorf("%s: %s %.100s\n%.300s\n→ %d %s\nwant %s", row.name, row.ask.method, row.ask.path, row.ask.body, got.status, got.body, row.want)
	}
	if got.status >= 500 && got.status != http.StatusNotImplemented {
		t.Errorf("%s: the server failed with %d", row.name, got.status)
	}
	if got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("%s: does not say that a retry is useless", row.name)
	}
	if len(got.body) > errorBytesMax {
		t.Errorf("%s: the refusal has %d bytes; it echoes too much", row.name, len(got.body))
	}
}

// errorBytesMax is room for a code, a path, a message and an id that was sent (reliability S15).
const errorBytesMax = 1500

// readable are lists that together show everything of an environment.
var readable = []string{
	"/api/v1/credits/custom-currencies?status=ACTIVE,ARCHIVED", "/api/v1/features", "/api/v1/products", "/api/v1/plans",
	"/api/v1/addons", "/api/v1/customers", "/api/v1/subscriptions", "/api/v1/events", "/api/v1/api-keys", "/api/v1/environments",
	"/api/v1/webhook-endpoints", "/api/v1/webhook-messages", "/api/v1/credits/thresholds",
}

// readableOf are those of one environment's CUSTOMER, CURRENCY and PLAN.
var readableOf = []string{
	"/api/v1/plans/PLAN/charges", "/api/v1/customers/CUSTOMER/entitlements", "/api/v1/customers/CUSTOMER/resources",
	"/api/v1/credits/balances?customerId=CUSTOMER", "/api/v1/credits/grants?customerId=CUSTOMER",
	"/api/v1/credits/grants?resourceId=site&customerId=CUSTOMER", "/api/v1/credits/ledger?customerId=CUSTOMER",
	"/api/v1/credits/ledger?resourceId=site&customerId=CUSTOMER", "/api/v1/credits/usage?currencyId=CURRENCY&customerId=CUSTOMER",
	"/api/v1/credits/reservations?currencyId=CURRENCY&customerId=CUSTOMER",
	"/api/v1/credits/auto-recharge?currencyId=CURRENCY&customerId=CUSTOMER",
	"/api/v1/credits/auto-recharge/operations?currencyId=CURRENCY&customerId=CUSTOMER",
}

// state is everything that can be read in both environments, and how far the journal has come.
func (w *badWorld) state() string {
	var all strings.Builder
	worlds := []struct {
		key   string
		names *strings.Replacer
	}{
		{w.key, strings.NewReplacer("CUSTOMER", "acme", "CURRENCY", "credits", "PLAN", "draft")},
		{w.foreign, strings.NewReplacer("CUSTOMER", "theirs", "CURRENCY", "coins", "PLAN", "gold")},
	}
	for _, of := range worlds {
		for _, path := range slices.Concat(readable, readableOf) {
			path = of.names.Replace(path)
			r := httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil)
			r.Header.Set("X-Api-Key", of.key)
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			if rec.Code != http.StatusOK {
				w.t.Fatalf("%s → %d %s", path, rec.Code, rec.Body)
			}
			fmt.Fprintf(&all, "%s %x\n", path, sha256.Sum256(rec.Body.Bytes()))
		}
	}
	head, err := w.store.Journal().Head(w.t.Context(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%sjournal %d", all.String(), head)
}

// changed lists the lines of a state that are different in another.
func changed(before, after string) string {
	var lines []string
	old := strings.Split(before, "\n")
	for i, line := range strings.Split(after, "\n") {
		if line != old[i] {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// badCursors are rows that need real cursors.
func (w *badWorld) badCursors() []badInput {
	cursor := func(a *testAPI, path string) string {
		next := a.ok("GET", path+"?limit=1", "").text("pagination.next")
		if next == "null" {
			w.t.Fatalf("%s has no second page", path)
		}
		return next
	}
	next, others, theirs := cursor(w.testAPI, "/api/v1/features"), cursor(w.testAPI, "/api/v1/customers"), cursor(w.theirs, "/api/v1/features")
	var rows []badInput
	for name, cursor := range map[string]string{
		"garbage": "x", "truncated": next[:20], "doubled": next + next, "other environment": theirs, "flipped": flip(next),
		"upper case": strings.ToUpper(next), "row number": "1", "no MAC": "00000000-0000-0001-0000-000000000000",
		"other list": others, "braces": "%7B" + next + "%7D", "NUL": next + "%00",
	} {
		rows = append(rows, badInput{"cursor/" + name, get("/api/v1/features?after=" + cursor), invalid + "after"})
	}
	return append(rows,
		badInput{"cursor/before", get("/api/v1/features?before=x"), invalid + "before"},
		badInput{"cursor/good after and bad before", get("/api/v1/features?after=" + next + "&before=x"), invalid + "before"},
		badInput{"cursor/bad after and good before", get("/api/v1/features?after=x&before=" + next), invalid + "after"},
		badInput{"cursor/twice", get("/api/v1/features?after=" + next + "&after=" + next), invalid + "after"},
		badInput{"cursor/other filters", get("/api/v1/features?status=ACTIVE&after=" + next), invalid + "after"},
		badInput{"cursor/other path", get("/api/v1/plans?after=" + next), invalid + "after"},
	)
}

// flip changes the last digit of a cursor.
func flip(cursor string) string {
	last := byte('0')
	if cursor[len(cursor)-1] == last {
		last = '1'
	}
	return cursor[:len(cursor)-1] + string(last)
}

// badKeys are rows about API keys.
func (w *badWorld) badKeys() []badInput {
	k := w.newKeys()
	const list = "/api/v1/features"
	unknown, forbidden := "401 Unauthenticated", "403 IdentityForbidden"
	return []badInput{
		{"key/none", get(list).sent("X-Api-Key", ""), unknown},
		{"key/garbage", get(list).sent("X-Api-Key", "My API Key"), unknown},
		{"key/cut", get(list).sent("X-Api-Key", w.key[:len(w.key)-1]), unknown},
		{"key/other secret", get(list).sent("X-Api-Key", flip(w.key)), unknown},
		{"key/space around", get(list).sent("X-Api-Key", " "+w.key), unknown},
		{"key/huge", get(list).sent("X-Api-Key", strings.Repeat("k", 10_000)), unknown},
		{"key/twice", get(list).sent("X-Api-Key", w.key, "X-Api-Key", w.key), unknown},
		{"key/mine and theirs", get(list).sent("X-Api-Key", w.key, "X-Api-Key", w.foreign), unknown},
		{"key/in Authorization", get(list).sent("X-Api-Key", "", "Authorization", "Bearer "+w.key), unknown},
		{"key/revoked", get(list).sent("X-Api-Key", k.revoked), unknown},
		{"key/expired", get(list).sent("X-Api-Key", k.expired), unknown},
		{"key/publishable", get(list).sent("X-Api-Key", k.publishable), forbidden},
		{"key/scope", with("customer").sent("X-Api-Key", k.reader), "403 AccessDeniedError"},
		{"clock/production", with("clock").sent("X-Api-Key", w.foreign), "409 ClockNotMovable"},
		{"clock/production release", request{method: "POST", path: "/api/v1/clock/release", header: []string{"X-Api-Key", w.foreign}}, "409 ClockNotMovable"},
		{"key/bad body and no key", raw("customer", "{").sent("X-Api-Key", ""), unknown},
		{"key/reserving check without the scope", get("/api/v1/customers/acme/entitlements/check?currencyId=credits&reserveAmount=1&reservationId=r").
			sent("X-Api-Key", k.reader), "403 AccessDeniedError"},
	}
}

// testKeys are keys that open little or nothing.
type testKeys struct{ revoked, expired, publishable, reader string }

// newKeys makes them, in the first environment. The clock moves by a minute.
func (a *testAPI) newKeys() testKeys {
	a.t.Helper()
	id, revoked := a.newKey(credits.NewKey{Kind: credits.ServerKey})
	a.ok("POST", "/api/v1/api-keys/"+id+"/revoke", "")
	_, expired := a.newKey(credits.NewKey{Kind: credits.ServerKey, ExpiresAt: ledger.Time(a.clock.Now().Add(time.Minute).UnixMicro())})
	_, publishable := a.newKey(credits.NewKey{Kind: credits.PublishableKey})
	_, reader := a.newKey(credits.NewKey{Kind: credits.ServerKey, Scopes: []string{catalogRead, customersRead, creditsRead}})
	a.clock.advance(time.Minute)
	return testKeys{revoked, expired, publishable, reader}
}

// newKey makes a key in the first environment.
func (a *testAPI) newKey(in credits.NewKey) (id, text string) {
	a.t.Helper()
	key, text, err := a.credits.CreateKey(a.t.Context(), credits.EnvironmentDevelopment, ledger.Actor{}, in)
	if err != nil {
		a.t.Fatal(err)
	}
	return key.ID, text
}

func TestFormulaErrorNamesItsPlace(t *testing.T) {
	// A formula that cannot be read is refused with the byte where reading it failed.
	t.Parallel()
	w := newBadWorld(t)
	for formula, place := range map[string]string{"tokens * ": "(at offset 9)", "1 + sqrt(2)": "(at offset 4)", "a § b": "(at offset 2)"} {
		got := w.exchange(t, with("rate", "costFormula", `"`+formula+`"`))
		if got.status != 400 || !strings.HasSuffix(got.text("message"), place) {
			t.Errorf("%s → %d %s; want it to end with %s", formula, got.status, got.body, place)
		}
	}
}

func TestFormulaFailsAtRating(t *testing.T) {
	// An event that a good formula cannot price is accepted and waits in quarantine; it burns nothing (semantics 9.2).
	t.Parallel()
	w := newBadWorld(t)
	w.exchange(t, with("rate", "costFormula", `"tokens * 10 / (tokens - 5)"`))
	w.ok("POST", "/api/v1/plans/draft/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	w.exchange(t, with("subscription", "planId", `"draft"`))
	w.ok("POST", "/api/v1/credits/grants", `{"customerId":"beta","currencyId":"credits","displayName":"Promo","amount":100}`)
	for name, tokens := range map[string]string{"division by zero": "5", "text": `"many"`, "truth": "true", "too many digits": "1e300"} {
		ask := with("report", "customerId", `"beta"`, "dimensions", `{"tokens":`+tokens+`}`, "idempotencyKey", `"`+name+`"`)
		got := w.exchange(t, ask)
		if is := got.text("data.0.status") + " " + got.text("data.0.reason"); got.status != 200 || is != "QUARANTINED FormulaError" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		ask.path = "/api/v1/events"
		ask.body = strings.Replace(ask.body, name, name+" again", 1)
		if got := w.exchange(t, ask); got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	w.ok("GET", "/api/v1/credits/balances?customerId=beta", "").want("data.0.balance", "100", "data.0.seq", "1")
	w.exchange(t, with("report", "customerId", `"beta"`, "dimensions", `{"tokens":10}`)).want("data.0.status", `"RATED"`, "data.0.burns.0.cost", "20")
}
