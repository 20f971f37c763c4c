package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// Limits of a client. A request that has no outcome by outcomeMax fails the run.
const (
	callMax    = 2 * time.Second // a node that says nothing for so long may be frozen; another is asked then
	outcomeMax = 60 * time.Second
	retryWait  = 10 * time.Millisecond
	answerMax  = 1 << 20
	idleConns  = 128 // for each node
)

// creditType is the one that all pools are of.
const creditType = "linear-credits"

type object = map[string]any

// cluster is the nodes as clients see them.
type cluster struct {
	nodes *process.Nodes
	http  *http.Client
}

func newCluster(nodes *process.Nodes) *cluster {
	return &cluster{nodes: nodes, http: &http.Client{Timeout: callMax, Transport: &http.Transport{MaxIdleConnsPerHost: idleConns}}}
}

// request is what is sent to one node.
type request struct {
	method, path string
	body         any // nil for none
}

// answer is what a node said.
type answer struct {
	status int
	body   []byte
}

func (a answer) data(into any) error {
	if err := json.Unmarshal(a.body, &struct{ Data any }{into}); err != nil {
		return fmt.Errorf("answer %d %.300s: %w", a.status, a.body, err)
	}
	return nil
}

func (a answer) unexpected() error {
	return fmt.Errorf("unexpected answer %d: %.300s", a.status, a.body)
}

// Errors of an attempt after which the request is sent again.
var (
	errNoOutcome = errors.New("no outcome")   // it may or may not have acted
	errNotSent   = errors.New("no such node") // it has surely not acted
)

// send makes one attempt at a random node. It fails with errNotSent when the node is not there; with errNoOutcome when the
// connection is lost, or the node says that it cannot tell; with another error when the node answers what it never should.
func (c *cluster) send(ctx context.Context, random *rand.Rand, r request) (answer, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return answer{}, err
		}
		body = bytes.NewReader(text)
	}
	url := c.nodes.Node(random.IntN(c.nodes.Len())).URL
	request, err := http.NewRequestWithContext(ctx, r.method, url+r.path, body)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-API-KEY", process.APIKey)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "dial":
		return answer{}, errNotSent
	case err != nil:
		return answer{}, errNoOutcome
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return answer{}, errNoOutcome
	}
	a := answer{status: response.StatusCode, body: text}
	switch {
	case a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests:
		return a, a.excuse(response.Header)
	case a.status >= http.StatusInternalServerError:
		return a, fmt.Errorf("%s %s: %w", r.method, r.path, a.unexpected())
	}
	return a, nil
}

// excuse is errNoOutcome, when the node has asked to be asked again as it should.
func (a answer) excuse(header http.Header) error {
	var told struct{ Code, Message, TraceID string }
	if err := json.Unmarshal(a.body, &told); err != nil || told.Code == "" || told.Message == "" || told.TraceID == "" {
		return fmt.Errorf("a refusal without the usual body: %w", a.unexpected())
	}
	if header.Get("Retry-After") == "" {
		return fmt.Errorf("a refusal without Retry-After: %w", a.unexpected())
	}
	return errNoOutcome
}

// must sends a request that has to succeed at once, and decodes what it answers.
func (c *cluster) must(ctx context.Context, random *rand.Rand, r request, into any) error {
	a, err := c.send(ctx, random, r)
	if err == nil && a.status/100 != 2 {
		err = a.unexpected()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if into == nil {
		return nil
	}
	return a.data(into)
}
