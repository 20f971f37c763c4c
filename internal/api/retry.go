package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Repeats of a POST, or of a guarded DELETE, are answered with the first result in two cases:
//
//   - It carries an Idempotency-Key: for 24 hours. Another body under the same key is IdempotencyMismatch.
//   - Its route is guarded and the client says that it retries (X-Stainless-Retry-Count above 0): when the same API key
//     sent the same request in the last ten minutes. A request that is no retry always acts, and is what later retries
//     are answered with.
//
// What is kept is written twice: before the effect, with the effect's key and who acts, and after it, with the answer. The
// record before the effect is the claim of the key: on whatever node an equal request arrives, it waits for the answer. A
// crash between leaves a record without an answer, and a node that is stuck holds its claim no longer than claimMax; the
// repeat then runs the use case again with the same effect key. Use cases that keep keys for ever (grants, measurements)
// are thereby exactly once, even if the stuck node goes on. For the others the repeat meets what the first request has
// made, and is refused like any second request for it: an id is taken, and a subscription that was given none has one
// that follows from its record. A refusal is not kept: the repeat is judged anew.
//
// Answers that hold a secret are never kept; repeating such a request makes a second secret.
const (
	headerKept     = 24 * time.Hour
	retryKept      = 10 * time.Minute
	headerKeyMax   = 255
	flightWaitMax  = 10 * time.Second // for the first request under a key; then the caller is told to ask again
	claimMax       = 5 * time.Second  // for another node's first request; then it is taken for one that has stopped
	claimPoll      = 50 * time.Millisecond
	idempotencyKey = "Idempotency-Key"
	retryCount     = "X-Stainless-Retry-Count"
)

// Responses keeps the answers to requests that may be repeated. It is implemented by package store.
type Responses interface {
	// BeginResponse keeps fresh under a key, and returns it. When something that has not expired at now is kept there, that
	// is returned instead, unless replace is set. The caller may act if it is the holder of what is returned, which it also
	// becomes when the first request has ended without an answer.
	BeginResponse(ctx context.Context, key credits.ResponseKey, fresh credits.Response, now ledger.Time, replace bool) (credits.Response, error)
	// FinishResponse keeps the answer of the holder, or without a status only that it has ended.
	FinishResponse(ctx context.Context, key credits.ResponseKey, answer credits.Response) error
}

// repeat is how a request may be repeated.
type repeat struct {
	key     credits.ResponseKey
	fresh   credits.Response
	replace bool // this request acts whatever is kept
}

// runOnce runs the handler, unless the request is a repeat whose answer is kept.
func (s *server) runOnce(c *call) (response, error) {
	r, err := c.repeatable()
	if err != nil || r == nil {
		return c.runUnless(err)
	}
	landed, err := s.flights.enter(c.ctx, r.key)
	if err != nil {
		return response{}, err
	}
	defer landed()
	kept, err := s.claim(c, r)
	switch {
	case err != nil:
		return response{}, err
	case kept.Fingerprint != r.fresh.Fingerprint:
		return response{}, mismatch()
	case kept.Status != 0:
		return response{status: kept.Status, body: []byte(kept.Body), header: [][2]string{{"Idempotent-Replayed", "true"}}}, nil
	}
	c.effectKey, c.freshID = kept.EffectKey, idOf(kept)
	defer func() { s.keep(c, r.key, kept) }() // whatever the end: nobody shall wait for it
	out, err := c.run()
	if err == nil {
		kept.Status, kept.Body = out.status, string(out.body)
	}
	return out, err
}

// claim keeps the request under its key, with itself as the holder, or returns what is kept of an equal one: it waits for
// one that is under way on another node. It fails with inProgress when that takes too long.
func (s *server) claim(c *call, r *repeat) (kept credits.Response, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, flightWaitMax)
	defer cancel()
	for {
		now := s.present()
		r.fresh.Holder, r.fresh.HeldUntil = c.traceID, now+ledger.Time(claimMax.Microseconds())
		kept, err = s.responses.BeginResponse(ctx, r.key, r.fresh, now, r.replace)
		if err != nil || kept.Status != 0 || kept.Holder == c.traceID || kept.Fingerprint != r.fresh.Fingerprint {
			return kept, err
		}
		select {
		case <-time.After(claimPoll):
		case <-ctx.Done():
			return kept, inProgress{}
		}
	}
}

// idOf is an id for what a request makes without naming it: the same whenever its record is, so that it is made once.
func idOf(kept credits.Response) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", kept.ExpiresAt, kept.EffectKey)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// runUnless runs the handler if there is no error before it.
func (c *call) runUnless(err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return c.run()
}

// keep stores an answer. The effect has happened, so a failure is only logged: the caller must hear that it did.
func (s *server) keep(c *call, key credits.ResponseKey, answer credits.Response) {
	if err := s.responses.FinishResponse(context.WithoutCancel(c.ctx), key, answer); err != nil {
		s.log.LogAttrs(c.ctx, slog.LevelWarn, "answer not kept for repeats",
			slog.String("operation", key.Operation), slog.String("request", c.traceID), slog.String("error", err.Error()))
	}
}

func mismatch() error {
	e := credits.Conflict("IdempotencyMismatch", "this key was used before with another request; the first request stands")
	e.Field = idempotencyKey
	return e
}

// present is the wall clock as it is stored.
func (s *server) present() ledger.Time { return ledger.Time(s.now().UnixMicro()) }

// repeatable tells how the request may be repeated, or nil when that does no harm or nothing may be kept of it.
func (c *call) repeatable() (*repeat, error) {
	harmless := c.request.Method != http.MethodPost && c.route.flags&guarded == 0
	if harmless || c.server.responses == nil || c.route.flags&(secret|public|signed) != 0 {
		return nil, nil
	}
	if text := c.request.Header.Get(idempotencyKey); text != "" {
		if len(text) > headerKeyMax || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return nil, credits.Invalid(idempotencyKey, "must have 1 to 255 characters")
		}
		return c.repeat("key "+text, "key "+text, headerKept, false), nil
	}
	tries, err := strconv.Atoi(c.request.Header.Get(retryCount))
	if c.route.flags&guarded == 0 || err != nil {
		return nil, nil
	}
	return c.repeat("retry "+c.key.ID+" "+c.fingerprint(), "retry "+c.server.newID(), retryKept, tries == 0), nil
}

func (c *call) repeat(key, effectKey string, life time.Duration, replace bool) *repeat {
	return &repeat{
		key: credits.ResponseKey{Environment: c.env, Operation: c.route.pattern, Key: key},
		fresh: credits.Response{
			Fingerprint: c.fingerprint(), EffectKey: effectKey,
			ExpiresAt: c.server.present() + ledger.Time(life.Microseconds()),
		},
		replace: replace,
	}
}

// fingerprint stands for what the request asks: path, query and the normal form of the body. A body that is not JSON
// stands for itself; the handler refuses it.
func (c *call) fingerprint() string {
	body, err := strictjson.Canonical(c.body)
	if err != nil {
		body = c.body
	}
	h := sha256.New()
	for _, part := range []string{c.request.URL.EscapedPath(), c.request.URL.RawQuery, string(body)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// flights are the repeatable requests under way on this node. The zero value is empty.
type flights struct {
	mu  sync.Mutex
	off map[credits.ResponseKey]chan struct{} // closed on landing
}

// enter waits until no other request under the key is under way, and then is the one. The caller must call landed. It
// fails with inProgress when the other one takes too long.
func (f *flights) enter(ctx context.Context, key credits.ResponseKey) (landed func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, flightWaitMax)
	defer cancel()
	for {
		other := f.takeOff(key)
		if other == nil {
			return func() { f.land(key) }, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, inProgress{}
		}
	}
}

// takeOff marks the key as under way and returns nil, or returns the flight that is.
func (f *flights) takeOff(key credits.ResponseKey) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.off[key]; other != nil {
		return other
	}
	if f.off == nil {
		f.off = map[credits.ResponseKey]chan struct{}{}
	}
	f.off[key] = make(chan struct{})
	return nil
}

func (f *flights) land(key credits.ResponseKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.off[key])
	delete(f.off, key)
}
