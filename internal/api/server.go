package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/credits"
)

// cursorSecretMin is the least number of bytes that authenticate cursors.
const cursorSecretMin = 32

// Options is what a handler is made of. Responses, Log and Metrics may be nil; everything else is required.
type Options struct {
	Credits *credits.Service
	// CursorSecret authenticates the cursors of lists; at least 32 random bytes. Cursors given out under another secret
	// are refused, so all nodes share it and it outlives a restart.
	CursorSecret []byte
	// Now is the wall clock. It times requests and lets kept responses expire; it decides nothing else.
	Now func() time.Time
	// NewID returns a fresh id for each request.
	NewID func() string
	// Responses keeps answers for repeats; without it only use cases that keep keys are safe to repeat.
	Responses Responses
	Log       *slog.Logger
	Metrics   Metrics
}

// Metrics is told about every request, after it was answered. Operation is the route's pattern, or "unknown"; it never
// holds what a caller chose.
type Metrics interface {
	Request(operation string, status int, took time.Duration)
}

// server answers requests. It is safe for concurrent use.
type server struct {
	credits   *credits.Service
	mux       *http.ServeMux
	routes    []route
	cursors   cursorKey
	decoder   *strictjson.Decoder
	now       func() time.Time
	newID     func() string
	responses Responses
	flights   flights
	log       *slog.Logger
	metrics   Metrics
}

// New returns the handler of the whole REST surface. It fails when a required option is missing.
func New(o Options) (http.Handler, error) {
	if o.Credits == nil || o.Now == nil || o.NewID == nil {
		return nil, errors.New("api: Credits, Now and NewID are required")
	}
	if len(o.CursorSecret) < cursorSecretMin {
		return nil, fmt.Errorf("api: the cursor secret has %d bytes; it needs at least %d", len(o.CursorSecret), cursorSecretMin)
	}
	s := &server{
		credits: o.Credits, mux: http.NewServeMux(), cursors: cursorKey(o.CursorSecret),
		decoder: strictjson.NewDecoder(nullables), now: o.Now, newID: o.NewID,
		responses: o.Responses, log: o.Log, metrics: o.Metrics,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.metrics == nil {
		s.metrics = noMetrics{}
	}
	s.routes = s.allRoutes()
	for i := range s.routes {
		s.mux.Handle(s.routes[i].pattern, s.handle(&s.routes[i]))
	}
	s.mux.Handle("/", s.handle(&route{pattern: unknownRoute, flags: public, handler: s.noRoute}))
	return s, nil
}

// unknownRoute stands for a request that no route matches, in logs and metrics.
const unknownRoute = "unknown"

// ServeHTTP answers one request. A path that the mux would clean up and redirect is not found instead: a redirected POST
// may lose its body (reliability S12).
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case len(r.URL.RequestURI()) > urlMax:
		s.handle(&route{pattern: unknownRoute, flags: public, handler: longURL}).ServeHTTP(w, r)
	case unclean(r.URL.EscapedPath()):
		s.handle(&route{pattern: unknownRoute, flags: public, handler: s.noRoute}).ServeHTTP(w, r)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// longURL answers a request whose URL is not even looked at.
func longURL(*call) (any, error) {
	return nil, &transportError{http.StatusRequestURITooLong, "RequestTooLarge", fmt.Sprintf("the URL is too long; at most %d bytes are allowed", urlMax)}
}

// unclean tells whether a path has empty, "." or ".." segments.
func unclean(path string) bool {
	for i, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." || segment == "" && i > 0 && path != "/" {
			return true
		}
	}
	return false
}

// noRoute answers what no route matches. It tells an unknown path from a method that the path does not have.
func (s *server) noRoute(c *call) (any, error) {
	var allowed []string
	if !unclean(c.request.URL.EscapedPath()) {
		allowed = s.methodsOf(c.request)
	}
	if len(allowed) == 0 {
		return nil, &credits.Error{Kind: credits.KindNotFound, Code: "RouteNotFound", Message: "there is no such operation; see the paths of the contract"}
	}
	return nil, &methodNotAllowed{allowed: strings.Join(allowed, ", ")}
}

// methodsOf lists the methods that the path of a request has.
func (s *server) methodsOf(r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := s.mux.Handler(&other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

type noMetrics struct{}

func (noMetrics) Request(string, int, time.Duration) {}
