package rival

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The names of the rivals.
const (
	Usual    = "usual"    // one transaction per request, row by row
	Batched  = "batched"  // one transaction per request, decided in memory, as few statements or round trips as can be
	Function = "function" // one call of a stored function per request; on PostgreSQL only
	Floor    = "floor"    // a file, no balances
)

// Limits of a request, as in Scrip.
const (
	bodyMax       = 8 << 20          // a thousand large events
	readHeaderMax = 10 * time.Second // no client here is slower
	drainMax      = 20 * time.Second // requests under way may finish
)

// service is one rival behind its HTTP front.
type service interface {
	// record makes a body durable. It must not keep the slice.
	record(ctx context.Context, body []byte) error
	// totals tells what has been recorded since the database was made.
	totals(ctx context.Context) (Totals, error)
	close() error
}

// Settings say which rival to serve.
type Settings struct {
	Name   string // of the constants above
	Dir    string // its own folder; for Usual and Batched on SQLite one that Prepare made
	URL    string // of a database that PreparePostgres made; empty means SQLite
	APIKey string // what callers send as X-API-KEY
	Now    func() time.Time
}

// Serve answers on listener until ctx ends and the requests under way are done. It closes listener.
func Serve(ctx context.Context, s Settings, listener net.Listener) error {
	product, err := open(s)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: routes(product, s.APIKey), ReadHeaderTimeout: readHeaderMax}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainMax)
		err = server.Shutdown(patience)
		cancel()
	}
	return errors.Join(err, product.close())
}

// open starts the named rival.
func open(s Settings) (service, error) {
	switch {
	case s.Name == Floor:
		return openFloor(s.Dir)
	case s.URL != "":
		return openPostgres(s)
	case s.Name == Usual, s.Name == Batched:
		return openUsual(s)
	}
	return nil, fmt.Errorf("no rival is called %q", s.Name)
}

// routes is the whole surface of a rival.
func routes(product service, key string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/events", func(w http.ResponseWriter, r *http.Request) { handleEvents(w, r, product) })
	mux.HandleFunc("GET /totals", func(w http.ResponseWriter, r *http.Request) { handleTotals(w, r, product) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Api-Key")), []byte(key)) != 1 {
			fail(w, http.StatusUnauthorized, errors.New("X-API-KEY is missing or wrong"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// bodies are reused: a body of a thousand events is 280 kB.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// accepted is the answer to a recorded request.
var accepted = []byte("{\"data\":{}}\n")

// handleEvents answers once the events are durable.
func handleEvents(w http.ResponseWriter, r *http.Request, product service) {
	body := bodies.Get().(*bytes.Buffer)
	body.Reset()
	defer bodies.Put(body)
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, bodyMax)); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if err := product.record(r.Context(), body.Bytes()); err != nil {
		fail(w, statusOf(err), err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(accepted)))
	_, _ = w.Write(accepted) // the peer is gone if this fails; it will send the same keys again
}

// invalid marks a failure that is the caller's.
type invalid struct{ error }

// statusOf tells the caller's failures from our own.
func statusOf(err error) int {
	if errors.As(err, new(invalid)) {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// handleTotals lets the bench check that no event was dropped.
func handleTotals(w http.ResponseWriter, r *http.Request, product service) {
	totals, err := product.totals(r.Context())
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(totals) // the peer is gone if this fails
}
