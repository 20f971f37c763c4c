package api

import (
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// reportEvents takes events. What cannot be rated is kept in quarantine, and the answer is the same empty one.
func (s *server) reportEvents(c *call) (any, error) {
	events, release, err := c.events()
	if err != nil {
		return nil, err
	}
	if _, err := s.credits.RecordEvents(c.ctx, c.env, c.caller(), events, true); err != nil {
		return nil, err
	}
	release()
	return wire.Accepted{}, nil
}

// reportEventsDetailed takes events and says what became of each.
func (s *server) reportEventsDetailed(c *call) (any, error) {
	events, release, err := c.events()
	if err != nil {
		return nil, err
	}
	results, err := s.credits.RecordEvents(c.ctx, c.env, c.caller(), events, false)
	if err != nil {
		return nil, err
	}
	out := wire.EventResultList{Data: make([]wire.EventResult, len(results))}
	for i := range results {
		out.Data[i] = eventResultOut(&results[i], events[i].Resource)
	}
	release()
	return out, nil
}

// events reads the body of a report. The caller releases the events when they are recorded, and not after an error: a
// call that ended early may still be under way.
func (c *call) events() (events []credits.ReportedEvent, release func(), err error) {
	if scan, ok := scanEvents(c.body); ok {
		return scan.events, scan.release, nil
	}
	events, err = c.decodeEvents()
	return events, func() {}, err
}

// decodeEvents reads the body of a report in the general way.
func (c *call) decodeEvents() ([]credits.ReportedEvent, error) {
	var in wire.EventReport
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Events); n == 0 || n > eventsMax {
		return nil, credits.Invalid("events", fmt.Sprintf("must have 1 to %d items", eventsMax))
	}
	events := make([]credits.ReportedEvent, len(in.Events))
	for i := range in.Events {
		var err error
		if events[i], err = eventIn(&in.Events[i]); err != nil {
			return nil, within(itemOf("events", i), err)
		}
	}
	return events, nil
}

func eventIn(in *wire.EventInput) (credits.ReportedEvent, error) {
	resource, resourceErr := resourceID("resourceId", in.ResourceID)
	dims, dimsErr := dimsIn("dimensions", in.Dimensions)
	err := firstError(
		customerID("customerId", in.CustomerID),
		keyText("eventName", in.EventName),
		keyText("idempotencyKey", in.IdempotencyKey),
		resourceErr, dimsErr,
	)
	return credits.ReportedEvent{
		Customer: in.CustomerID, Name: in.EventName, Key: in.IdempotencyKey, Resource: resource, At: givenTime(in.Timestamp), Dims: dims,
	}, err
}

// givenTime is an optional instant, 0 when absent. The instant 0 itself, in 1970, is moved by a microsecond: it is far too
// old for anything either way.
func givenTime(t *time.Time) ledger.Time {
	if t == nil {
		return 0
	}
	if at := ledger.Time(t.UnixMicro()); at != 0 {
		return at
	}
	return 1
}

func eventResultOut(r *credits.EventResult, resource string) wire.EventResult {
	out := wire.EventResult{
		Duplicate: r.Duplicate, Mismatch: r.Mismatch, Reason: orNull(r.Reason), Status: wire.EventStatusREJECTED,
		Warnings: warningsOut(r.Warnings), Burns: make([]wire.BurnResult, len(r.Burns)),
	}
	if !r.Rejected {
		id := r.Position.EventID()
		out.EventID, out.Status = &id, eventStatuses[r.Status]
	}
	for i := range r.Burns {
		b := &r.Burns[i]
		out.Burns[i] = wire.BurnResult{
			Balance: b.Balance, Cost: b.Cost, CurrencyID: b.Currency, FeatureID: orNull(b.Feature), ResourceID: orNull(resource),
		}
	}
	return out
}

func warningsOut(warnings []rating.Warning) []string {
	out := make([]string, len(warnings))
	for i, w := range warnings {
		out[i] = string(w)
	}
	return out
}
