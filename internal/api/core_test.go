package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/internal/engine"
)

func TestRoutesMatchContract(t *testing.T) {
	// The server has exactly the operations of the contract.
	t.Parallel()
	inContract := map[string]bool{}
	for _, op := range contract.New(t).Operations() {
		inContract[op.Pattern()] = true
	}
	inServer := map[string]bool{}
	for _, r := range new(server).allRoutes() {
		if inServer[r.pattern] {
			t.Errorf("%s is routed twice", r.pattern)
		}
		inServer[r.pattern] = true
		if !inContract[r.pattern] {
			t.Errorf("%s is not in the contract", r.pattern)
		}
		if r.scope == "" || r.flags&public != 0 {
			t.Errorf("%s does not say who may call it", r.pattern)
		}
	}
	for pattern := range inContract {
		if !inServer[pattern] {
			t.Errorf("%s has no route", pattern)
		}
	}
}

func TestNullablesMatchContract(t *testing.T) {
	// The optional members that may be null are those of the contract.
	t.Parallel()
	schemas := map[string]string{ // unions are one Go type for two schemas
		"PackageFeatureEntitlementCreate":     "PackageEntitlementCreateBody",
		"SubscriptionFeatureEntitlementInput": "SubscriptionEntitlementBody",
	}
	want := map[string]bool{}
	for schema, members := range contract.New(t).Nullables() {
		if name, ok := schemas[schema]; ok {
			schema = name
		}
		for _, member := range members {
			want[schema+"."+member] = true
		}
	}
	got := map[string]bool{}
	for name, members := range nullables {
		for _, member := range members {
			got[name+"."+member] = true
		}
	}
	for member := range want {
		if !got[member] {
			t.Errorf("%s may be null by the contract", member)
		}
	}
	for member := range got {
		if !want[member] {
			t.Errorf("%s may not be null by the contract", member)
		}
	}
}

func TestTransport(t *testing.T) {
	// What bad inputs cannot show of the way to a handler: which methods a path has, what is accepted although it looks odd,
	// and that clients are told not to repeat what is not supported.
	t.Parallel()
	a := newTestAPI(t)
	const path = "/api/v1/customers"
	got := a.refused(405, "MethodNotAllowed", "", "DELETE", path, "")
	if got.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow is %q", got.header.Get("Allow"))
	}
	a.ok("GET", path+"?name=&after=", "") // empty counts as absent
	a.ok("POST", path, `{"id":"a"}`, "X-Account-Id", "junk", "X-Environment-Id", "env_prod")
	a.ok("GET", path+"/a", "")
	a.ok("POST", path+"/a/archive", `{}`) // the body that some clients send where there is nothing to say
	a.refused(501, "NotSupported", "", "GET", "/api/v1/coupons", "")
	if got := a.send("GET", "/api/v1/coupons", ""); got.header.Get("X-Should-Retry") != "false" {
		t.Error("clients will repeat what is not supported")
	}
}

func TestQueryOfNoGet(t *testing.T) {
	// No operation but a GET has parameters: each refuses one by its name.
	t.Parallel()
	a := newTestAPI(t)
	for _, r := range new(server).allRoutes() {
		ask := requestOf(r)
		if ask.method == http.MethodGet {
			continue
		}
		a.refused(400, "InvalidArgumentError", "dryRun", ask.method, ask.path+"?dryRun=true", "")
	}
}

func TestChunkedBody(t *testing.T) {
	// A body of unknown length is read and bounded too.
	t.Parallel()
	a := newTestAPI(t)
	server := httptest.NewServer(a.handler)
	defer server.Close()
	for body, status := range map[string]int{`{"id":"chunked"}`: 201, `{"id":"` + strings.Repeat("a", bodyMax) + `"}`: 413} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/api/v1/customers", struct{ *strings.Reader }{strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", a.key)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		got, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != status {
			t.Errorf("%.20s… → %d, want %d", body, got.StatusCode, status)
		}
	}
}

func TestPanic(t *testing.T) {
	// A panic is an internal error that shows nothing of itself.
	t.Parallel()
	a := newTestAPI(t)
	s := a.handler.(*server)
	h := s.handle(&route{pattern: "GET /", flags: public, handler: func(*call) (any, error) { panic("secret") }})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "InternalError") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestCursors(t *testing.T) {
	// A cursor opens its own list only, and no forged one opens any.
	t.Parallel()
	a := newTestAPI(t)
	for _, id := range []string{"a", "b", "c"} {
		a.ok("POST", "/api/v1/customers", `{"id":"`+id+`","name":"same"}`)
		a.ok("POST", "/api/v1/customers", `{"id":"`+id+`"}`, "X-Api-Key", a.foreign)
		a.ok("POST", "/api/v1/products", `{"id":"`+id+`","displayName":"P"}`)
	}
	next := a.ok("GET", "/api/v1/customers?name=same&limit=1", "").text("pagination.next")
	a.ok("GET", "/api/v1/customers?name=same&limit=1&after="+next, "").want("data.0.id", `"b"`)
	a.ok("GET", "/api/v1/customers?limit=2&name=same&after="+next, "")
	refused := func(field, path string, header ...string) {
		t.Helper()
		a.refused(400, "InvalidArgumentError", field, "GET", path, "", header...)
	}
	refused("after", "/api/v1/customers?after="+next)               // without the filter
	refused("after", "/api/v1/customers?name=other&after="+next)    // with another
	refused("after", "/api/v1/products?after="+next)                // another list
	refused("before", "/api/v1/products?before="+next)              // the other direction
	refused("after", "/api/v1/customers?name=same&after="+next+"0") // longer
	refused("after", "/api/v1/customers?name=same&after=1")         // shorter
	refused("after", "/api/v1/customers?name=same&after=00000000-0000-0001-0000-000000000000")
	refused("after", "/api/v1/customers?name=same&after="+strings.ToUpper(next))
	refused("after", "/api/v1/customers?name=same&after="+next, "X-Api-Key", a.foreign)
	both := a.ok("GET", "/api/v1/customers?name=same&limit=1&after="+next+"&before="+next, "")
	both.want("pagination.prev", "null") // before wins: there is nothing newer than c
	if ids := both.ids(); len(ids) != 0 {
		t.Errorf("before the newest row there are %v", ids)
	}
}

func FuzzCursor(f *testing.F) {
	// No text but the one that was given out is accepted.
	k := cursorKey("0123456789abcdef0123456789abcdef")
	binding := []string{"env", "GET", "/path"}
	f.Add(k.cursor(binding, 5))
	f.Add(k.cutCursor(binding, engine.Cut{engine.NewPosition(0, 5), engine.NewPosition(1, 1<<20)}))
	f.Fuzz(func(t *testing.T, text string) {
		if no, ok := k.number(binding, text); ok && k.cursor(binding, no) != text {
			t.Errorf("%q was accepted as %d", text, no)
		}
		if cut, ok := k.cut(binding, text); ok && k.cutCursor(binding, cut) != text {
			t.Errorf("%q was accepted as %v", text, cut)
		}
	})
}
