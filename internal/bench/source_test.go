package bench

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

// body is a report as a server reads it.
type body struct {
	Events []struct {
		CustomerID, EventName, IdempotencyKey string
		Timestamp                             time.Time
		Dimensions                            map[string]any
	}
}

func TestSourceMakesRealisticEvents(t *testing.T) {
	// Events are valid, of the size they claim, with distinct keys, and cost what the batch says.
	t.Parallel()
	s := newSource(7, 50)
	text, cost := s.batch(1000, testTime)
	if want := 1000*(eventBytes+1) - 1 + len(`{"events":[]}`); len(text) != want {
		t.Errorf("%d bytes, want %d", len(text), want)
	}
	var got body
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	keys, customers, total := map[string]bool{}, map[string]bool{}, 0.0
	for _, e := range got.Events {
		if !uuid.MatchString(e.IdempotencyKey) || keys[e.IdempotencyKey] || !e.Timestamp.Equal(testTime) || len(e.Dimensions) != 4 {
			t.Fatalf("event %+v", e)
		}
		keys[e.IdempotencyKey], customers[e.CustomerID] = true, true
		total += e.Dimensions["output_tokens"].(float64)
	}
	if len(keys) != 1000 || len(customers) != 50 || int64(total) != cost {
		t.Errorf("%d keys, %d customers, cost %v; want 1000, 50, %d", len(keys), len(customers), total, cost)
	}
}

func TestSourceFollowsFromItsSeed(t *testing.T) {
	// The same seed makes the same events; another one makes others.
	t.Parallel()
	batch := func(seed uint64) []byte { b, _ := newSource(seed, 1000).batch(5, testTime); return b }
	if !bytes.Equal(batch(1), batch(1)) {
		t.Error("two sources of one seed differ")
	}
	if bytes.Equal(batch(1), batch(2)) || seedOf(1, 2) == seedOf(2, 1) {
		t.Error("two seeds make the same events")
	}
}

func TestLoaderGetsWhatClientsSend(t *testing.T) {
	// The events for a loader are those that a client with the same seed would report.
	t.Parallel()
	text, _ := newSource(3, 10).batch(20, testTime)
	var want body
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	i := 0
	for e := range newSource(3, 10).events(20, testTime) {
		w := want.Events[i]
		var dimensions map[string]any
		if err := json.Unmarshal([]byte(e.Dimensions), &dimensions); err != nil {
			t.Fatal(err)
		}
		if e.Customer != w.CustomerID || e.Name != w.EventName || e.Key != w.IdempotencyKey || float64(e.Units) != w.Dimensions["output_tokens"] {
			t.Errorf("event %d is %+v, want %+v", i, e, w)
		}
		if diff := cmp.Diff(w.Dimensions, dimensions); diff != "" {
			t.Errorf("dimensions (-want +got):\n%s", diff)
		}
		i++
	}
	if i != 20 {
		t.Errorf("%d events, want 20", i)
	}
}

func BenchmarkBatch(b *testing.B) {
	s := newSource(1, 10_000)
	for b.Loop() {
		s.batch(1000, testTime)
	}
}
