package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// stub speaks as much of Scrip's API as the bench needs. It keeps what each customer consumed, and can be told to lose
// events.
type stub struct {
	delay time.Duration // reports take at least so long
	drop  bool          // the first event of each report is lost
	busy  int           // one in so many reports is refused, 0 for none

	mu    sync.Mutex
	spent map[string]int64 // thousandths of a credit
	calls map[string]int   // of the set-up
	live  map[string]*stub // by folder
	asked int              // reports
}

func newStub() *stub {
	return &stub{spent: map[string]int64{}, calls: map[string]int{}, live: map[string]*stub{}}
}

// open answers a server on a folder, which keeps what was spent from its stop to the next start. Servers on one folder share
// what they know.
func (s *stub) open(dir string) (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := filepath.Join(dir, "spent.json")
	one := s.live[dir]
	if one == nil {
		one = &stub{delay: s.delay, drop: s.drop, busy: s.busy, spent: map[string]int64{}, calls: s.calls}
		s.live[dir] = one
		if text, err := os.ReadFile(file); err == nil {
			if err := json.Unmarshal(text, &one.spent); err != nil {
				return nil, err
			}
		}
	}
	server := serveHandler(one.handler())
	stop := server.Stop
	server.Stop = func(ctx context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, dir)
		text, err := json.Marshal(one.spent)
		return errors.Join(stop(ctx), err, os.WriteFile(file, text, 0o600))
	}
	return server, nil
}

func (s *stub) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/events", s.events)
	mux.HandleFunc("GET /api/v1/credits/balances", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, `{"data":[{"totalConsumed":%s}],"pagination":{"next":null,"prev":null}}`, credits(s.spent[r.FormValue("customerId")]))
	})
	mux.HandleFunc("GET /api/v1/customers/{id}/entitlements/check", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"data":{"type":"CREDIT","isGranted":%v}}`, r.FormValue("currencyId") == rival.Currency)
	})
	mux.HandleFunc("GET /api/v1/credits/ledger", func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": `"page 2"`, "page 2": `"page 3"`, "page 3": `null`}[r.FormValue("after")]
		fmt.Fprintf(w, `{"data":[{"id":"row"}],"pagination":{"next":%s,"prev":null}}`, next)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.calls[r.Method+" "+r.URL.Path]++
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"data":{}}`)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != apiKey {
			http.Error(w, "no key", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *stub) events(w http.ResponseWriter, r *http.Request) {
	var b body
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	time.Sleep(s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.busy > 0 && len(b.Events) < 30 && s.asked%s.busy == 0 { // those that touch all 30 customers come once
		http.Error(w, "another node was there", http.StatusServiceUnavailable)
		return
	}
	for i, e := range b.Events {
		if !s.drop || i > 0 {
			s.spent[e.CustomerID] += int64(e.Dimensions["output_tokens"].(float64))
		}
	}
	fmt.Fprint(w, `{"data":{}}`)
}

// serveHandler starts a server in this process.
func serveHandler(h http.Handler) *Server {
	server := httptest.NewServer(h)
	return &Server{
		Address: strings.TrimPrefix(server.URL, "http://"),
		Stop:    func(context.Context) error { server.Close(); return nil },
	}
}

// serveRival starts a rival in this process.
func serveRival(name string, at Place) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- rival.Serve(ctx, rival.Settings{Name: name, Dir: at.Dir, URL: at.URL, APIKey: apiKey, Now: time.Now}, listener)
	}()
	return &Server{Address: listener.Addr().String(), Stop: func(context.Context) error { cancel(); return <-ended }}, nil
}

// inProcess starts all servers in this process; Scrip is the stub.
func inProcess(s *stub) Starter {
	return func(_ context.Context, name string, at Place) (*Server, error) {
		if name == Scrip {
			return s.open(at.Dir)
		}
		return serveRival(name, at)
	}
}

// quick are options for a run of a second or so.
func quick(t *testing.T, s *stub, servers ...string) Options {
	t.Helper()
	return Options{
		Dir: t.TempDir(), Servers: servers, Cells: []Cell{{4, 1}, {2, 20}}, Rounds: 1, Warmup: 20 * time.Millisecond,
		Duration: 300 * time.Millisecond, Customers: 30, Seed: 1, Now: time.Now, Start: inProcess(s),
		Progress: func(line string) { t.Log(line) },
	}
}
