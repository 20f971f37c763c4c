package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// clockCommand reads and moves the clock of a test environment on a running server.
type clockCommand struct {
	Show    clockShowCommand    `cmd:"" help:"Print what the clock shows."`
	Advance clockAdvanceCommand `cmd:"" help:"Move the clock forward; what falls due on the way is done at its own instant."`
	Release clockReleaseCommand `cmd:"" help:"Let a clock that stands still run on."`
}

// Help says what the subcommands share.
func (c *clockCommand) Help() string {
	return "The key in SCRIP_API_KEY names the environment. A production environment has no clock that can be moved."
}

// clockState is a clock on the wire.
type clockState struct {
	Now         time.Time `json:"now"`
	StandsStill bool      `json:"standsStill"`
	Movable     bool      `json:"movable"`
}

// String is the clock on one line.
func (c *clockState) String() string {
	how := "running"
	switch {
	case c.StandsStill:
		how = "standing still"
	case !c.Movable:
		how = "running, cannot be moved"
	}
	return c.Now.Format(time.RFC3339Nano) + " " + how
}

// clockShowCommand prints the clock.
type clockShowCommand struct{ clientTarget }

// Run asks once.
func (c *clockShowCommand) Run(p *program) error {
	return c.printClock(p, http.MethodGet, "/api/v1/clock")
}

// clockReleaseCommand ends a standstill.
type clockReleaseCommand struct{ clientTarget }

// Run asks once; a clock that runs is left as it is.
func (c *clockReleaseCommand) Run(p *program) error {
	return c.printClock(p, http.MethodPost, "/api/v1/clock/release")
}

// printClock makes a request that answers with a clock.
func (t *clientTarget) printClock(p *program, method, path string) error {
	client, err := t.client(p)
	if err != nil {
		return err
	}
	var clock clockState
	if err := client.once(p.ctx, method, path, nil, &clock); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, &clock)
	return nil
}

// clockAdvanceCommand moves the clock.
type clockAdvanceCommand struct {
	clientTarget
	To   string `placeholder:"INSTANT" help:"Where to, such as 2027-01-01T00:00:00Z."`
	By   string `placeholder:"DURATION" help:"How far, as an ISO 8601 duration such as P1M, P7D or PT1H."`
	Hold bool   `help:"Stand still there; else the clock runs on from there."`
}

// Validate refuses what cannot be meant before anything is sent.
func (c *clockAdvanceCommand) Validate() error {
	if (c.To == "") == (c.By == "") {
		return errors.New("give either --to or --by")
	}
	return nil
}

// clockMoved is the answer to an advance.
type clockMoved struct {
	Clock   clockState `json:"clock"`
	Target  string     `json:"target"`
	Reached bool       `json:"reached"`
	Steps   int        `json:"steps"`
	Ran     []struct {
		Kind  string `json:"kind"`
		Count int    `json:"count"`
	} `json:"ran"`
}

// Run asks until the clock is there: one call goes so far only. When it fails the clock stands where the last line says, or
// further on; running it again with the instant goes on.
func (c *clockAdvanceCommand) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	body := map[string]any{"hold": c.Hold}
	if c.To != "" {
		body["to"] = c.To
	} else {
		body["by"] = c.By
	}
	for {
		moved, err := advanceOnce(p.ctx, client, body)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, moved)
		if moved.Reached {
			return nil
		}
		body = map[string]any{"hold": c.Hold, "to": moved.Target}
	}
}

// advanceOnce never repeats a call by itself: a duration could be passed twice.
func advanceOnce(ctx context.Context, client *replayClient, body map[string]any) (*clockMoved, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	moved := new(clockMoved)
	return moved, client.once(ctx, http.MethodPost, "/api/v1/clock/advance", text, moved)
}

// String is the answer on one line.
func (m *clockMoved) String() string {
	parts := []string{fmt.Sprintf("%s; steps %d", &m.Clock, m.Steps)}
	for _, r := range m.Ran {
		parts = append(parts, fmt.Sprintf("%s %d", r.Kind, r.Count))
	}
	if !m.Reached {
		parts = append(parts, "going on to "+m.Target)
	}
	return strings.Join(parts, ", ")
}
