package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// testAPI is a whole server over a real database in a temporary folder. Its clock stands still until a test moves it.
// Every exchange is checked against the contract.
type testAPI struct {
	t        testing.TB
	handler  http.Handler
	contract *contract.Contract
	credits  *credits.Service
	store    *store.Store
	clock    *testClock
	exporter *fakeExporter
	key      string // full-access server key of the first environment
	foreign  string // the same of another environment
}

// testClock is a clock that tests move.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// advance moves the clock forward.
func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// testNow is where the clock of every test starts.
var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newTestAPI starts a server. Everything is closed when the test ends.
func newTestAPI(t testing.TB) *testAPI { return newShardedAPI(t, 1) }

// newShardedAPI is newTestAPI over so many shards.
func newShardedAPI(t testing.TB, shards uint16) *testAPI {
	t.Helper()
	a := newNode(t, postgres.Options(t), "id", shards)
	_, text, err := a.credits.CreateKey(t.Context(), credits.EnvironmentProduction, ledger.Actor{}, credits.NewKey{Kind: credits.ServerKey})
	if err != nil {
		t.Fatal(err)
	}
	a.foreign = text
	return a
}

// newNode starts a server over a database that others may use too. Its ids begin with a prefix of its own. The key is
// empty unless it was the first.
func newNode(t testing.TB, o store.Options, prefix string, shards uint16) *testAPI {
	t.Helper()
	ctx := t.Context()
	a := &testAPI{t: t, contract: contract.New(t), clock: &testClock{now: testNow}, exporter: &fakeExporter{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	a.store, err = store.Open(ctx, o)
	must(err)
	t.Cleanup(func() { must(a.store.Close()) })
	watch := &credits.Watch{}
	clocks := credits.NewClocks(func(string) ledger.Time { return ledger.Time(a.clock.Now().UnixMicro()) })
	must(clocks.Load(ctx, a.store))
	journal, err := engine.Open(ctx, engine.Options{Journal: a.store.Journal(), Clock: clocks.Now, Shards: shards, Thresholds: watch.Of,
		LateGrace: func(string) ledger.Time { return ledger.Time(time.Hour / time.Microsecond) }})
	must(err)
	t.Cleanup(journal.Close)
	ids := testIDs(prefix)
	seed := [32]byte{1}
	copy(seed[1:], prefix) // two nodes make different keys
	vault, err := credits.NewVault(strings.Repeat("k", credits.SecretKeyMin))
	must(err)
	a.credits, err = credits.New(ctx, credits.Options{
		Store: a.store, Engine: journal, Clocks: clocks, NewID: ids, Random: rand.NewChaCha8(seed), Vault: vault, Exporter: a.exporter, Watch: watch,
	})
	must(err)
	first, err := a.credits.Bootstrap(ctx, "")
	must(err)
	if first.First {
		a.key = first.Keys[0].Text
	}
	a.handler, err = New(Options{
		Credits: a.credits, CursorSecret: bytes.Repeat([]byte{7}, 32), Now: a.clock.Now, NewID: ids, Responses: a.store,
	})
	must(err)
	return a
}

// testIDs counts.
func testIDs(prefix string) func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("%s%06d", prefix, n)
	}
}

// answer is what the server said.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// send makes a request with the test's key and checks the exchange against the contract. Body is JSON text, or empty.
// Header lines are pairs of name and value; an X-Api-Key among them replaces the test's.
func (a *testAPI) send(method, path, body string, header ...string) answer {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Api-Key", a.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	a.contract.Check(a.t, r, []byte(body), w.Code, w.Header(), w.Body.Bytes())
	return answer{t: a.t, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

// ok is send for a request that must be accepted.
func (a *testAPI) ok(method, path, body string, header ...string) answer {
	a.t.Helper()
	got := a.send(method, path, body, header...)
	if got.status/100 != 2 {
		a.t.Fatalf("%s %s → %d %s", method, path, got.status, got.body)
	}
	return got
}

// refused is send for a request that must be refused with a status, a code and a field (empty for none). A refusal that
// repeating cannot change must say so.
func (a *testAPI) refused(status int, code, field, method, path, body string, header ...string) answer {
	a.t.Helper()
	got := a.send(method, path, body, header...)
	if got.status != status || got.text("code") != code || got.text("field") != field {
		a.t.Errorf("%s %s %s\n→ %d %s; want %d %s at %q", method, path, body, got.status, got.body, status, code, field)
	}
	if got.text("traceId") == "" || got.text("traceId") != got.header.Get("X-Request-Id") {
		a.t.Errorf("%s %s: the trace id %q is not the request id %q", method, path, got.text("traceId"), got.header.Get("X-Request-Id"))
	}
	if got.status < 500 && got.status != 429 && got.header.Get("X-Should-Retry") != "false" {
		a.t.Errorf("%s %s → %d does not say that a retry is useless", method, path, got.status)
	}
	return got
}

// at returns the literal JSON at a path such as "data.addons.0.id", or "" when there is nothing.
func (g answer) at(path string) string {
	g.t.Helper()
	raw := json.RawMessage(g.body)
	for step := range strings.SplitSeq(path, ".") {
		var object map[string]json.RawMessage
		var list []json.RawMessage
		if i, err := strconv.Atoi(step); err == nil && json.Unmarshal(raw, &list) == nil {
			if i >= len(list) {
				return ""
			}
			raw = list[i]
			continue
		}
		if err := json.Unmarshal(raw, &object); err != nil {
			return ""
		}
		raw = object[step]
	}
	return string(raw)
}

// text is at for a string, without its quotes.
func (g answer) text(path string) string {
	g.t.Helper()
	text, err := strconv.Unquote(g.at(path))
	if err != nil {
		return g.at(path)
	}
	return text
}

// want checks literal JSON at paths, given as pairs.
func (g answer) want(pairs ...string) answer {
	g.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := g.at(pairs[i]); got != pairs[i+1] {
			g.t.Errorf("%s is %s, want %s, in %s", pairs[i], got, pairs[i+1], g.body)
		}
	}
	return g
}

// ids lists data[].id.
func (g answer) ids() []string {
	g.t.Helper()
	var page struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(g.body, &page); err != nil {
		g.t.Fatal(err)
	}
	ids := []string{}
	for _, row := range page.Data {
		ids = append(ids, row.ID)
	}
	return ids
}

// walk reads a whole list forwards and then backwards in pages of two, and returns the ids in the order of the list. Both
// ways must show the same, and the ends must say that there is nothing beyond.
func (a *testAPI) walk(path string) []string {
	a.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	path += join + "limit=2"
	page := a.ok("GET", path, "")
	page.want("pagination.prev", "null")
	forward := page.ids()
	for page.at("pagination.next") != "null" {
		page = a.ok("GET", path+"&after="+page.text("pagination.next"), "")
		forward = append(forward, page.ids()...)
	}
	backward := page.ids()
	for page.at("pagination.prev") != "null" {
		page = a.ok("GET", path+"&before="+page.text("pagination.prev"), "")
		backward = append(page.ids(), backward...)
	}
	if fmt.Sprint(forward) != fmt.Sprint(backward) {
		a.t.Errorf("%s: forwards %v, backwards %v", path, forward, backward)
	}
	return forward
}

// catalog makes what most tests need: currency "credits", metered feature "calls", product "p", published plan "basic" with
// a mapping of one credit per call, customer "acme" with subscription "sub".
func (a *testAPI) catalog() {
	a.t.Helper()
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"credits","displayName":"Credits"}`)
	a.ok("POST", "/api/v1/features", `{"id":"calls","displayName":"Calls","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	a.ok("PATCH", "/api/v1/features/calls", `{"meter":{"aggregation":{"function":"COUNT"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"call"}]}]}}`)
	a.ok("POST", "/api/v1/products", `{"id":"p","displayName":"P"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"basic","displayName":"Basic","productId":"p"}`)
	a.ok("PATCH", "/api/v1/plans/basic", `{"charges":{"pricingType":"PAID","pricingModels":[
		{"billingModel":"CREDIT_BASED","featureId":"calls","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":1}}]}]}}`)
	a.ok("POST", "/api/v1/plans/basic/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/customers", `{"id":"acme","name":"Acme"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub","customerId":"acme","planId":"basic"}`)
}
