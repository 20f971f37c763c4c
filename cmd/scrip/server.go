package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of a connection. They keep a slow or hostile peer from holding one for ever.
const (
	readHeaderMax  = 10 * time.Second  // a header fits one packet; this is for very slow lines
	readMax        = 60 * time.Second  // the largest batch over a slow line
	writeMax       = 90 * time.Second  // readMax, and time to answer
	idleMax        = 120 * time.Second // longer than common load balancers keep a connection
	headerBytesMax = 32 << 10          // keys, tokens and tracing headers, with room
	readyMax       = 2 * time.Second   // a probe that waits longer is a no
)

// server answers requests and probes until it is drained.
type server struct {
	listeners listeners
	api       *http.Server
	metrics   *http.Server // nil when metrics stand on the main address
	log       *slog.Logger
	ready     func(context.Context) error
	broken    <-chan struct{} // closed when the database can no longer be trusted
	draining  atomic.Bool
}

// drain says how patiently the server stops.
type drain struct {
	wait time.Duration // readiness is red, requests are still taken
	max  time.Duration // requests under way may finish
}

// routes is everything on the main address. It looks at whole paths only: a mux would answer an unclean path with a
// redirect, on which a POST may lose its body (reliability S12).
func (s *server) routes(product http.Handler, metrics prometheus.Gatherer) http.Handler {
	own := map[string]http.Handler{
		"/healthz": http.HandlerFunc(s.handleHealth),
		"/readyz":  http.HandlerFunc(s.handleReady),
	}
	if s.listeners.metrics == nil {
		own["/metrics"] = onlyThisMachine(metricsHandler(metrics))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := own[r.URL.Path]; ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			h.ServeHTTP(w, r)
			return
		}
		product.ServeHTTP(w, r)
	})
}

// serve runs until ctx ends and the server is drained, or until a listener fails.
func (s *server) serve(ctx context.Context, d drain) error {
	failed := make(chan error, 2)
	go func() { failed <- s.api.Serve(s.listeners.main) }()
	if s.metrics != nil {
		go func() { failed <- s.metrics.Serve(s.listeners.metrics) }()
	}
	s.log.Info("serving", "address", s.listeners.main.Addr().String())
	select {
	case err := <-failed:
		s.closeNow()
		return fmt.Errorf("serve: %w", err)
	case <-s.broken:
		s.closeNow()
		return errBroken
	case <-ctx.Done():
		return s.drain(d)
	}
}

// errBroken ends the program when the disk has failed: going on could lose what was acknowledged (reliability, section 3).
var errBroken = errors.New("the database has failed; its log says how. Nothing more is written; check the disk, then start again")

// drain stops without losing a request: readiness turns red, a short wait, no new connections, the requests under way
// finish. It fails when some did not finish in time; they were cut off and their callers must ask again.
func (s *server) drain(d drain) error {
	s.log.Info("draining", "wait", d.wait.String(), "max", d.max.String())
	s.draining.Store(true)
	time.Sleep(d.wait)
	ctx, cancel := context.WithTimeout(context.Background(), d.max)
	defer cancel()
	err := s.api.Shutdown(ctx)
	s.closeNow()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopped with requests unfinished after %s", d.max)
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	s.log.Info("stopped")
	return nil
}

// closeNow drops every connection. After a completed drain there are none but those of the metrics.
func (s *server) closeNow() {
	_ = s.api.Close() // its error repeats what Serve or Shutdown said
	if s.metrics != nil {
		_ = s.metrics.Close()
	}
}

// handleHealth says that the process lives. It must not depend on the database: a restart would not mend that.
func (s *server) handleHealth(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w, http.StatusOK, "ok")
}

// handleReady says whether requests should be sent here.
func (s *server) handleReady(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeStatus(w, http.StatusServiceUnavailable, "draining")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyMax)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		writeStatus(w, http.StatusServiceUnavailable, "unavailable")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

// writeStatus answers a probe.
func writeStatus(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	fmt.Fprintf(w, "{\"status\":%q}\n", status)
}

// metricsHandler writes the metrics in the text form that scrapers read.
func metricsHandler(metrics prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})
}

// onlyThisMachine hides a handler from everyone but processes on this machine. A request that a proxy passed on comes from
// this machine too when the proxy runs here, so forwarded requests are refused as well.
func onlyThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromThisMachine(r) {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromThisMachine reports whether the peer is a loopback address and no proxy stands between.
func fromThisMachine(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
