package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/scrip-dev/scrip/internal/amount"
)

// replayEvent is one event as the API takes it.
type replayEvent struct {
	CustomerID     string           `json:"customerId"`
	EventName      string           `json:"eventName"`
	IdempotencyKey string           `json:"idempotencyKey"`
	Timestamp      string           `json:"timestamp"`
	Dimensions     map[string]int64 `json:"dimensions"`
}

// replayResult is what became of one event.
type replayResult struct {
	Status    string  `json:"status"`
	Duplicate bool    `json:"duplicate"`
	Mismatch  bool    `json:"mismatch"`
	Reason    *string `json:"reason"`
	Burns     []struct {
		Cost amount.Amount `json:"cost"`
	} `json:"burns"`
}

// report sends a batch and answers one result per event, in their order.
func (c *replayClient) report(ctx context.Context, events []replayEvent) ([]replayResult, error) {
	var results []replayResult
	if err := c.call(ctx, http.MethodPost, "/api/v1/events/report", object{"events": events}, &results); err != nil {
		return nil, err
	}
	if len(results) != len(events) {
		return nil, fmt.Errorf("%d results for %d events", len(results), len(events))
	}
	return results, nil
}

// replaySums is what a replay did.
type replaySums struct {
	sent, fresh, duplicates, mismatches, unrated int

	reason string        // of the first event that was not priced
	burned amount.Amount // by fresh events
}

// add counts the results of a batch. A batch that was repeated because its answer got lost counts as duplicates.
func (s *replaySums) add(results []replayResult) {
	for _, r := range results {
		s.sent++
		if r.Status != "RATED" {
			s.unrated++
			if s.reason == "" && r.Reason != nil {
				s.reason = *r.Reason
			}
		}
		if r.Duplicate {
			s.duplicates++
			if r.Mismatch {
				s.mismatches++
			}
			continue
		}
		s.fresh++
		for _, burn := range r.Burns {
			s.burned = s.burned.Add(burn.Cost)
		}
	}
}

func (s *replaySums) print(w io.Writer, customers int) {
	fmt.Fprintf(w, "  customers       %d\n", customers)
	fmt.Fprintf(w, "  events sent     %d\n", s.sent)
	fmt.Fprintf(w, "  new             %d\n", s.fresh)
	fmt.Fprintf(w, "  duplicates      %d\n", s.duplicates)
	fmt.Fprintf(w, "  credits burned  %s\n", s.burned)
}

// check fails when the server has stored something else than the recording.
func (s *replaySums) check() error {
	switch {
	case s.mismatches > 0:
		return fmt.Errorf("%d events were sent before with other content; the first content stays", s.mismatches)
	case s.unrated > 0 && s.reason != "":
		return fmt.Errorf("%d events were not priced; the first because of %s", s.unrated, s.reason)
	case s.unrated > 0:
		return errors.New("some events were not priced")
	}
	return nil
}
