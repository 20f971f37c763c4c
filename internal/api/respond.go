package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/credits"
)

// response is an answer ready to be sent.
type response struct {
	status int
	body   []byte
	header [][2]string
}

// handle makes the http.Handler of a route.
func (s *server) handle(rt *route) http.Handler {
	names := rt.pathNames()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := s.now()
		c := &call{server: s, request: r, route: rt, names: names, traceID: s.newID()}
		c.ctx = credits.WithRequestID(r.Context(), c.traceID)
		out, err := s.answer(c, w)
		if err != nil {
			out = s.refuse(c, err)
		}
		c.releaseBody()
		send(w, c.traceID, out)
		s.observe(c, out, err, s.now().Sub(started))
	})
}

// answer runs the steps before the handler, and the handler.
func (s *server) answer(c *call, w http.ResponseWriter) (out response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{value: p, stack: debug.Stack()}
		}
	}()
	if c.route.flags&public == 0 {
		if err := s.credits.Confirm(c.ctx); err != nil {
			return response{}, err
		}
		if c.route.flags&signed == 0 {
			if err := c.authenticate(); err != nil {
				return response{}, err
			}
		}
		if err := c.checkPath(); err != nil {
			return response{}, err
		}
		if err := c.checkQuery(); err != nil {
			return response{}, err
		}
		if err := c.readBody(w); err != nil {
			return response{}, err
		}
	}
	return s.runOnce(c)
}

// run calls the handler and encodes what it returns.
func (c *call) run() (response, error) {
	result, err := c.route.handler(c)
	if err != nil {
		return response{}, err
	}
	if f, is := result.(file); is {
		return f.response(c.route.status()), nil
	}
	return response{status: c.route.status(), body: strictjson.Append(nil, result)}, nil
}

// file is an answer that is no JSON.
type file struct {
	name string // for whoever saves it; of letters, digits, dots and hyphens
	kind string // media type
	body []byte
}

func (f file) response(status int) response {
	return response{status: status, body: f.body, header: [][2]string{
		{"Content-Type", f.kind}, {"Content-Disposition", `attachment; filename="` + f.name + `"`},
	}}
}

// send writes an answer. It is JSON, unless it is a file, and never empty.
func send(w http.ResponseWriter, traceID string, out response) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", traceID)
	h.Set("Content-Length", strconv.Itoa(len(out.body)))
	for _, line := range out.header {
		h.Set(line[0], line[1])
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // the caller is gone; there is nobody left to tell
}

// observe writes the access log and the metrics. An internal error is logged here, once, with its cause.
func (s *server) observe(c *call, out response, err error, took time.Duration) {
	s.metrics.Request(c.route.pattern, out.status, took)
	level := slog.LevelDebug
	switch {
	case out.status == http.StatusInternalServerError:
		level = slog.LevelError
	case out.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case out.status >= 400:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(c.ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", c.route.pattern), slog.Int("status", out.status), slog.Duration("took", took),
		slog.String("request", c.traceID), slog.String("environment", c.env),
	}
	if c.key != nil {
		attrs = append(attrs, slog.String("key", c.key.ID))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if p, ok := err.(*panicked); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	s.log.LogAttrs(context.WithoutCancel(c.ctx), level, "request", attrs...)
}

// panicked is a panic of a handler as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
