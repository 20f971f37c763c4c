package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Limits of a request (reliability 5).
const (
	bodyMax      = 64 << 10
	batchBodyMax = 4 << 20 // of routes that take batches
	pathValueMax = 255     // bytes of an id in a path
	urlMax       = 8 << 10 // bytes of a path and its query
)

// call is one authenticated request on its way to a handler.
type call struct {
	server  *server
	ctx     context.Context // of the request; carries the request id for the audit trail
	request *http.Request
	route   *route
	names   []string // of the values in the path
	key     *credits.Key
	env     string // of the key; every use case gets it
	traceID string // the request's id, in the answer's header and in every error
	body    []byte // reused after the handler has returned: keep copies only
	buffer  *bytes.Buffer
	// effectKey names the effect of a request that may be repeated, or is empty. See retry.go.
	effectKey string
	// freshID is then an id for what the request makes without naming it.
	freshID string
}

// handler runs one operation and returns the wire struct to answer with.
type handler func(*call) (any, error)

// actor is who causes the changes of this call.
func (c *call) actor() ledger.Actor { return c.key.Actor() }

// caller is actor with the request's id, for use cases that keep both.
func (c *call) caller() credits.Caller { return credits.Caller{Actor: c.actor(), Request: c.traceID} }

// path returns a value of the path. It has 1 to 255 bytes of valid UTF-8.
func (c *call) path(name string) string { return c.request.PathValue(name) }

// decode reads the body into a wire struct, which must be zero.
func (c *call) decode(into any) error { return c.server.decoder.Decode(c.body, into) }

// hasBody tells whether there is a body to decode, for routes where it is optional.
func (c *call) hasBody() bool { return len(c.body) > 0 }

// require refuses the call unless its key may be used for a scope beyond that of the route.
func (c *call) require(scope string) error {
	if !c.key.Allows(scope) {
		return credits.Forbidden("this API key lacks the permission " + scope)
	}
	return nil
}

// authenticate finds the key of a request and checks that it may call the route.
func (c *call) authenticate() error {
	texts := c.request.Header.Values("X-Api-Key")
	if len(texts) > 1 {
		return credits.Unauthorized("X-API-KEY was sent more than once")
	}
	key, err := c.server.credits.Authenticate(c.ctx, strings.Join(texts, ""))
	if err != nil {
		return err
	}
	c.key, c.env = key, key.Environment
	if key.Kind != credits.ServerKey {
		return &credits.Error{Kind: credits.KindForbidden, Code: "IdentityForbidden", Message: "a publishable key cannot call this operation; use a server key"}
	}
	return c.require(c.route.scope)
}

// checkPath refuses ids that nothing can have.
func (c *call) checkPath() error {
	for _, name := range c.names {
		value := c.request.PathValue(name)
		switch {
		case value == "" || len(value) > pathValueMax:
			return credits.Invalid(name, "must have 1 to 255 characters")
		case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
			return credits.Invalid(name, "must be valid UTF-8 without NUL")
		}
	}
	return nil
}

// checkQuery refuses parameters where the contract has none: of everything but a GET, whose handlers read them, and those
// that name a pool.
func (c *call) checkQuery() error {
	if c.request.Method == http.MethodGet || c.request.Method == http.MethodHead || c.request.URL.RawQuery == "" {
		return nil
	}
	q := c.query()
	if c.route.flags&pooled != 0 {
		poolAsked(q)
	}
	return q.done()
}

// readBody reads the body within the route's limit.
func (c *call) readBody(w http.ResponseWriter) error {
	limit := c.route.bodyMax()
	if c.request.ContentLength > limit {
		return tooLarge(limit)
	}
	if coding := strings.Join(c.request.Header.Values("Content-Encoding"), ","); coding != "" && !strings.EqualFold(coding, "identity") {
		return unsupportedMedia("a compressed body is not accepted; leave Content-Encoding away")
	}
	body, err := c.readAll(http.MaxBytesReader(w, c.request.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(limit)
	case err != nil:
		return credits.Invalid("", "the body could not be read to its end")
	}
	c.body = body
	return c.checkBody()
}

// bodies are buffers for request bodies.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readAll reads the body into a buffer that releaseBody gives back.
func (c *call) readAll(body io.Reader) ([]byte, error) {
	if c.request.ContentLength == 0 {
		return nil, nil
	}
	c.buffer = bodies.Get().(*bytes.Buffer)
	c.buffer.Reset()
	if n := c.request.ContentLength; n > 0 {
		c.buffer.Grow(int(n) + bytes.MinRead) // ReadFrom wants room to see the end
	}
	_, err := c.buffer.ReadFrom(body)
	return c.buffer.Bytes(), err
}

// releaseBody ends the use of the body.
func (c *call) releaseBody() {
	if c.buffer != nil {
		bodies.Put(c.buffer)
	}
	c.body, c.buffer = nil, nil
}

// checkBody refuses a body where there should be none, and one that does not call itself JSON.
func (c *call) checkBody() error {
	switch {
	case len(c.body) == 0 && c.route.flags&body != 0 && c.route.flags&optional == 0:
		return credits.Invalid("", "the request needs a body: a JSON object")
	case len(c.body) == 0:
		return nil
	}
	kind, params, err := mime.ParseMediaType(strings.Join(c.request.Header.Values("Content-Type"), ","))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return unsupportedMedia("the body must be JSON; send Content-Type: application/json")
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return unsupportedMedia("the body must be UTF-8; send Content-Type: application/json")
	}
	if c.route.flags&body == 0 {
		return noMembers(c.body)
	}
	return nil
}

// noMembers accepts the empty object that some clients send where there is nothing to say.
func noMembers(text []byte) error {
	s := strictjson.NewScanner(text)
	s.BeginObject()
	for s.More() {
		s.Key()
		s.Failf("is not known here; this operation takes no body")
	}
	return s.End()
}
