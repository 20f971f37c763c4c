package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of a call. Together the attempts last about 40 seconds: longer than a restart of the server.
const (
	replayAttemptsMax = 12
	replayWaitFirst   = 100 * time.Millisecond
	replayWaitMax     = 5 * time.Second
	replayCallMax     = 90 * time.Second
	replayAnswerMax   = 16 << 20 // a full batch of results is below 1 MB
)

// replayClient calls the REST API. It repeats a call whose outcome it does not know, which is safe because every body
// names what it makes.
type replayClient struct {
	base string
	key  string
	http *http.Client
	wait func(context.Context, time.Duration) error // between attempts
}

func newReplayClient(base, key string) *replayClient {
	return &replayClient{
		base: strings.TrimRight(base, "/"), key: key,
		http: &http.Client{Timeout: replayCallMax},
		wait: waitFor,
	}
}

// clientTarget is the server that a subcommand talks to. The key is a variable only: a secret on a command line can be read by
// every user of the machine.
type clientTarget struct {
	URL string `default:"http://127.0.0.1:8080" help:"The server."`
}

// client speaks to the server with the key of the variable.
func (t *clientTarget) client(p *program) (*replayClient, error) {
	key, _ := p.env("SCRIP_API_KEY")
	if key == "" {
		return nil, errors.New("no API key: set SCRIP_API_KEY to a server key of the environment")
	}
	return newReplayClient(t.URL, key), nil
}

// waitFor waits, or answers ctx's error as soon as that ends.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replayError is a refusal by the server.
type replayError struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Field   string `json:"field"`
	Message string `json:"message"`
	TraceID string `json:"traceId"`

	retryAfter time.Duration
}

func (e *replayError) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Code)
	if e.Field != "" {
		text += " " + e.Field
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.TraceID != "" {
		text += " (trace " + e.TraceID + ")"
	}
	return text
}

// passing reports whether the same call may succeed later.
func (e *replayError) passing() bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// call sends body, if not nil, as JSON and decodes the answer's `data` into result, if not nil. A refusal is a
// *replayError.
func (c *replayClient) call(ctx context.Context, method, path string, body, result any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	pause := replayWaitFirst
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, method, path, text, result)
		var refused *replayError
		if err == nil || ctx.Err() != nil || attempt == replayAttemptsMax ||
			errors.As(err, &refused) && !refused.passing() {
			return err
		}
		delay := pause
		if refused != nil && refused.retryAfter > delay {
			delay = refused.retryAfter
		}
		if err := c.wait(ctx, delay); err != nil {
			return err
		}
		pause = min(2*pause, replayWaitMax)
	}
}

// once makes one attempt and reads the data of its answer into result, unless that is nil.
func (c *replayClient) once(ctx context.Context, method, path string, body []byte, result any) error {
	text, err := c.exchange(ctx, method, path, body)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(text, &struct {
		Data any `json:"data"`
	}{result}); err != nil {
		return fmt.Errorf("%s %s answered something else: %w", method, path, err)
	}
	return nil
}

// exchange makes one attempt and returns its answer. A refusal is a *replayError. An answer that breaks off counts as an
// unknown outcome, like a lost connection.
func (c *replayClient) exchange(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-API-KEY", c.key)
	request.Header.Set("User-Agent", "scrip-replay")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, replayAnswerMax))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return nil, refusal(response, text)
	}
	return text, nil
}

// refusal reads an error answer; one that is not JSON still has its status.
func refusal(response *http.Response, text []byte) error {
	e := &replayError{}
	_ = json.Unmarshal(text, e)
	e.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		e.retryAfter = min(time.Duration(seconds)*time.Second, 30*time.Second)
	}
	return e
}
