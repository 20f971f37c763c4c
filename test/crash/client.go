package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// Limits of a client. A request that has no answer by outcomeMax fails the run.
const (
	callMax    = 20 * time.Second
	outcomeMax = 60 * time.Second
	retryWait  = 3 * time.Millisecond
	answerMax  = 16 << 20
)

// target tells clients where to go. Every start of a server has a port of its own.
type target interface{ next() string }

// only is a target that never changes.
type only string

func (o only) next() string { return string(o) }

// turns goes to one node after the other, so that a request is repeated at another node than the one before.
type turns struct {
	nodes *process.Nodes
	count atomic.Uint64
}

func (t *turns) next() string {
	return t.nodes.Node(int(t.count.Add(1) % uint64(t.nodes.Len()))).URL
}

// request is what is sent, again and again under the same key until there is an answer.
type request struct {
	method, path string
	body         any // nil for none
}

// answer is a definite answer: the server is bound by it.
type answer struct {
	status  int
	body    []byte
	unknown bool // an attempt before this one may have acted
}

// data decodes the answer's data.
func (a answer) data(into any) error { return a.decode(&struct{ Data any }{into}) }

// decode decodes the whole answer.
func (a answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("answer %d %.300s: %w", a.status, a.body, err)
	}
	return nil
}

// unexpected is the error for an answer that no rule allows.
func (a answer) unexpected() error {
	return fmt.Errorf("unexpected answer %d: %.300s", a.status, a.body)
}

// client sends requests one after another.
type client struct {
	target target
	http   *http.Client
	// steady tells that the server is always there: only 503 and 429 may then leave an outcome unknown.
	steady bool
}

func newClient(t target) *client {
	return &client{target: t, http: &http.Client{Timeout: callMax, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}}
}

// outcome sends a request until its outcome is known. Lost connections, 429 and 5xx answers leave it unknown. The answer
// 500, and from a steady server whatever is not a plain 503 or 429, is an error.
func (c *client) outcome(ctx context.Context, r request) (answer, error) {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, outcomeMax)
	defer cancel()
	var last error
	for unknown := false; ; unknown = true {
		a, err := c.once(ctx, r, body)
		if err == nil && a.status != http.StatusTooManyRequests && a.status < 500 {
			a.unknown = unknown
			return a, nil
		}
		if err == nil {
			err = a.unexpected()
			if a.status == http.StatusInternalServerError {
				return a, fmt.Errorf("%s %s: %w", r.method, r.path, err)
			}
		}
		if c.steady && ctx.Err() == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
			return a, brokenf("%s %s while the server was up: %w", r.method, r.path, err)
		}
		last = err
		select {
		case <-ctx.Done():
			return answer{}, fmt.Errorf("%s %s has no outcome: %w", r.method, r.path, errors.Join(ctx.Err(), last))
		case <-time.After(retryWait):
		}
	}
}

// once makes one attempt. Any error means that the server may or may not have acted.
func (c *client) once(ctx context.Context, r request, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, r.method, c.target.next()+r.path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-API-KEY", process.APIKey)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return answer{}, err
	}
	return answer{status: response.StatusCode, body: text}, nil
}
