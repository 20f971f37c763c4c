package rival

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// What the rivals charge for. Their catalogue is one price, kept in memory as a service with a cache would.
const (
	EventName      = "llm.completion" // the only event that has a price
	UnitsDimension = "output_tokens"  // the dimension that is charged
	RatePerUnit    = 1                // thousandths of a credit for one unit
	Currency       = "ai-tokens"      // the credit type that pays
)

// batchMax is the most events one request may hold, as in Scrip.
const batchMax = 1000

// Event is one thing that happened, decoded.
type Event struct {
	Customer, Name, Key string
	At                  time.Time
	Dimensions          string // the JSON object as it came
	Units               int64  // the value of UnitsDimension
}

// cost answers thousandths of a credit.
func (e *Event) cost() int64 {
	if e.Name != EventName {
		return 0
	}
	return e.Units * RatePerUnit
}

// report is the body of a request.
type report struct {
	Events []reported `json:"events"`
}

// reported is one event on the wire.
type reported struct {
	CustomerID     string          `json:"customerId"`
	EventName      string          `json:"eventName"`
	IdempotencyKey string          `json:"idempotencyKey"`
	Timestamp      time.Time       `json:"timestamp"`
	Dimensions     json.RawMessage `json:"dimensions"`
}

// charged are the dimensions that a price looks at.
type charged struct {
	OutputTokens int64 `json:"output_tokens"`
}

// decode reads the events of a body. It fails on anything that is not a complete report.
func decode(body []byte) ([]Event, error) {
	var r report
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	if len(r.Events) == 0 || len(r.Events) > batchMax {
		return nil, fmt.Errorf("events: want 1 to %d, got %d", batchMax, len(r.Events))
	}
	events := make([]Event, len(r.Events))
	for i, e := range r.Events {
		if e.CustomerID == "" || e.EventName == "" || e.IdempotencyKey == "" || e.Timestamp.IsZero() {
			return nil, fmt.Errorf("events[%d]: a required member is missing", i)
		}
		var c charged
		if err := json.Unmarshal(e.Dimensions, &c); err != nil {
			return nil, fmt.Errorf("events[%d].dimensions: %w", i, err)
		}
		events[i] = Event{
			Customer: e.CustomerID, Name: e.EventName, Key: e.IdempotencyKey, At: e.Timestamp,
			Dimensions: string(e.Dimensions), Units: c.OutputTokens,
		}
	}
	return events, nil
}

// Totals is what a rival has taken since its database was made.
type Totals struct {
	Events   int64 `json:"events"`   // accepted, duplicates not counted
	Consumed int64 `json:"consumed"` // thousandths of a credit
}

// errDisagree says that two tables of a rival tell different totals.
var errDisagree = errors.New("grants and rollups disagree")

// agreeing answers the totals, or an error when the grants have lost something else than was consumed.
func (t Totals) agreeing(burned int64, err error) (Totals, error) {
	if err == nil && burned != t.Consumed {
		err = fmt.Errorf("%w: %d and %d", errDisagree, burned, t.Consumed)
	}
	return t, err
}

// fail answers a request that was not taken.
func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()}) // the peer is gone if this fails
}
