package api

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// twoNodes are two servers, each with everything of its own, over one database. They have the same key and clock.
func twoNodes(t testing.TB) (a, b *testAPI) {
	t.Helper()
	o := store.Options{URL: postgres.Database(t)}
	a, b = newNode(t, o, "a", 1), newNode(t, o, "b", 1)
	b.key = a.key
	return a, b
}

func TestNodes_changes(t *testing.T) {
	// What was changed through one node is what the next request to another one answers.
	t.Parallel()
	a, b := twoNodes(t)
	b.ok("GET", customersPath, "") // b has looked, and remembers
	a.catalog()
	b.ok("GET", "/api/v1/plans/basic", "").want("data.status", `"PUBLISHED"`)
	b.ok("GET", "/api/v1/features/calls", "").want("data.displayName", `"Calls"`)
	b.ok("GET", customersPath+"/acme", "").want("data.name", `"Acme"`)
	b.ok("GET", subscriptionsPath+"/sub", "").want("data.status", `"ACTIVE"`)
	b.ok("POST", "/api/v1/plans/basic/draft", "")
	a.ok("PATCH", "/api/v1/plans/basic", `{"displayName":"Better"}`)
	b.ok("POST", "/api/v1/plans/basic/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("GET", "/api/v1/plans/basic", "").want("data.displayName", `"Better"`)
	b.ok("PATCH", customersPath+"/acme", `{"name":"Acme Inc"}`)
	a.ok("GET", customersPath+"/acme", "").want("data.name", `"Acme Inc"`)
	a.ok("POST", customersPath+"/acme/archive", "")
	b.refused(409, "CustomerIsArchived", "", "POST", subscriptionsPath, `{"customerId":"acme","planId":"basic"}`)
}

func TestNodes_keys(t *testing.T) {
	// A new key opens the other node in the next request, and a revoked one is refused there in the next.
	t.Parallel()
	a, b := twoNodes(t)
	made := a.ok("POST", "/api/v1/api-keys", `{"name":"k"}`)
	key := made.text("data.secret")
	b.ok("GET", customersPath, "", "X-Api-Key", key)
	a.ok("POST", "/api/v1/api-keys/"+made.text("data.id")+"/revoke", "")
	b.refused(401, "Unauthenticated", "", "GET", customersPath, "", "X-Api-Key", key)
}

func TestNodes_unreachable(t *testing.T) {
	// A node that cannot ask what others have changed says so, and answers nothing from memory.
	t.Parallel()
	server := postgres.Private(t)
	a := newNode(t, store.Options{URL: server.URL}, "a", 1)
	a.ok("GET", "/api/v1/features", "")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	a.refused(503, "Unavailable", "", "GET", "/api/v1/features", "")
}

func TestNodes_hammer(t *testing.T) {
	// Whatever a node has acknowledged, a request that reaches another one later sees.
	t.Parallel()
	a, b := twoNodes(t)
	a.ok("POST", customersPath, `{"id":"c","name":"0"}`)
	var acknowledged atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for acknowledged.Load() < 100 && !t.Failed() {
				before := acknowledged.Load()
				name := b.ok("GET", customersPath+"/c", "").text("data.name")
				if n, err := strconv.ParseInt(name, 10, 64); err != nil || n < before {
					t.Errorf("read %q after %d was acknowledged", name, before)
				}
			}
		})
	}
	for n := int64(1); n <= 100; n++ {
		a.ok("PATCH", customersPath+"/c", fmt.Sprintf(`{"name":"%d"}`, n))
		acknowledged.Store(n)
	}
	wait.Wait()
}

func TestNodes_same_key(t *testing.T) {
	// Of equal requests with one key that reach several nodes at the same time one acts, and all get its answer.
	t.Parallel()
	a, b := twoNodes(t)
	a.catalog()
	a.ok("PATCH", productsPath+"/p", `{"multipleSubscriptions":true}`)
	for _, header := range [][2]string{{"Idempotency-Key", "k"}, {"X-Stainless-Retry-Count", "1"}} {
		var wait sync.WaitGroup
		var bodies sync.Map
		for _, node := range []*testAPI{a, b, a, b, a, b} {
			wait.Go(func() {
				bodies.Store(string(node.ok("POST", subscriptionsPath, `{"customerId":"acme","planId":"basic"}`, header[0], header[1]).body), true)
			})
		}
		wait.Wait()
		answers := 0
		bodies.Range(func(any, any) bool { answers++; return true })
		if answers != 1 {
			t.Errorf("%s: %d different answers", header[0], answers)
		}
	}
	if made := a.walk(subscriptionsPath + "?customerId=acme"); len(made) != 3 { // with the one that was there
		t.Errorf("subscriptions are %v", made)
	}
}

// slowRoute is an operation on a node that tells its effect when it begins and ends when it is told to.
type slowRoute struct {
	node    *testAPI
	entered chan string
	leave   chan struct{}
	route   route
}

func newSlowRoute(node *testAPI) *slowRoute {
	s := &slowRoute{node: node, entered: make(chan string, 10), leave: make(chan struct{})}
	s.route = route{pattern: "POST /test", scope: creditsWrite, flags: body, handler: func(c *call) (any, error) {
		s.entered <- c.effectKey + " " + c.freshID
		<-s.leave
		return struct {
			Node string `json:"node"`
		}{c.traceID[:1]}, nil
	}}
	return s
}

// post sends a request with a key and returns its answer when it is there.
func (s *slowRoute) post() <-chan string {
	answer := make(chan string, 1)
	r := httptest.NewRequestWithContext(s.node.t.Context(), "POST", "/test", strings.NewReader(`{}`))
	r.Header.Set("X-Api-Key", s.node.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(idempotencyKey, "k")
	go func() {
		w := httptest.NewRecorder()
		s.node.handler.(*server).handle(&s.route).ServeHTTP(w, r)
		answer <- fmt.Sprint(w.Code, w.Body)
	}()
	return answer
}

func TestNodes_wait_for_the_first(t *testing.T) {
	// A repeat waits for the first request on another node, and gets its answer.
	t.Parallel()
	a, b := twoNodes(t)
	first, second := newSlowRoute(a), newSlowRoute(b)
	answer := first.post()
	<-first.entered
	repeat := second.post()
	close(first.leave)
	if x, y := <-answer, <-repeat; x != y || len(second.entered) > 0 {
		t.Errorf("answers are %s and %s; the second ran: %d", x, y, len(second.entered))
	}
}

func TestNodes_stuck(t *testing.T) {
	// A node that does not answer keeps a key for five seconds; then a repeat elsewhere acts, under the same effect, and
	// its answer is the one that stays.
	t.Parallel()
	a, b := twoNodes(t)
	first, second := newSlowRoute(a), newSlowRoute(b)
	stuck := first.post()
	effect := <-first.entered
	b.clock.advance(claimMax)
	close(second.leave)
	answer := <-second.post()
	if got := <-second.entered; got != effect || !strings.Contains(answer, `"b"`) {
		t.Errorf("the repeat has the effect %q, the first %q, and got %s", got, effect, answer)
	}
	close(first.leave)
	<-stuck
	if again := <-first.post(); again != answer {
		t.Errorf("a later repeat got %s, not %s", again, answer)
	}
}
