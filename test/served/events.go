package served

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

// eventKey is how the story names an event; a direct consumption has no name.
type eventKey struct{ resource, name, key string }

// event is what is known of an event beside the server.
type event struct {
	id       string // empty if the server did not take it
	amount   string // of a direct consumption
	reversed bool   // although the server had nothing to reverse
}

// ageMax is how old a consumption may be.
const ageMax = 31 * 24 * time.Hour

// unknownEvent is the id of an event that does not exist.
const unknownEvent = "evt_0000zzzzzzzzz"

// eventResult is what became of one event of a report.
type eventResult struct {
	EventID   *string  `json:"eventId"`
	Status    string   `json:"status"`
	Duplicate bool     `json:"duplicate"`
	Mismatch  bool     `json:"mismatch"`
	Reason    *string  `json:"reason"`
	Warnings  []string `json:"warnings"`
}

func (w *World) report(c model.ReportEvent) model.Outcome {
	item := object{"customerId": customer, "eventName": c.Name, "idempotencyKey": c.Key}
	if len(c.Dims) > 0 {
		item["dimensions"] = dimensions(c.Dims)
	}
	if c.Resource != "" {
		item["resourceId"] = c.Resource
	}
	if !c.At.IsZero() {
		item["timestamp"] = instant(c.At)
	}
	k, body := eventKey{c.Resource, c.Name, c.Key}, object{"events": []object{item}}
	blind := w.blindly(k) && !c.At.After(w.now) // without an answer an event of the future is kept, with one it is refused
	if blind {
		w.must(http.MethodPost, "/api/v1/events", body, nil)
	}
	var results []eventResult
	if r := w.call(http.MethodPost, "/api/v1/events/report", body, &results); r != nil {
		return refused(r)
	}
	r := results[0]
	if r.EventID == nil {
		return model.Outcome{Refused: *r.Reason}
	}
	w.noteEvent(k, &event{id: *r.EventID})
	if blind && (!r.Duplicate || r.Mismatch) {
		panic(fmt.Sprintf("event %v was reported before, and reporting it again answers %+v", k, r))
	}
	out := model.Outcome{Duplicate: r.Duplicate && !blind, Mismatch: r.Mismatch, State: r.Status}
	if len(r.Warnings) > 0 {
		out.Warnings = slices.Sorted(slices.Values(r.Warnings))
	}
	return out
}

// blindEvery is how many calls lie between two new events that are first sent where nothing is answered, and then again to
// hear what became of them.
const blindEvery = 4

func (w *World) blindly(k eventKey) bool { return w.events[k] == nil && w.calls%blindEvery == 0 }

// noteEvent remembers the first event under a key. Later answers must name the same one.
func (w *World) noteEvent(k eventKey, e *event) {
	if before := w.events[k]; before != nil {
		if before.id != e.id {
			panic(fmt.Sprintf("event %v was %s and is %s now", k, before.id, e.id))
		}
		return
	}
	w.events[k] = e
	w.keys[e.id] = k.key
}

func dimensions(dims []model.Dim) map[string]json.RawMessage {
	o := map[string]json.RawMessage{}
	for _, d := range dims {
		o[d.Key] = json.RawMessage(d.Text)
		if d.Kind == model.Text {
			o[d.Key] = encode(d.Text)
		}
	}
	return o
}

// consumption is the answer to a direct consumption.
type consumption struct {
	EventID   string `json:"eventId"`
	Duplicate bool   `json:"duplicate"`
}

func (w *World) consume(c model.Consume) model.Outcome {
	w.needFeature(c.Feature)
	body := w.pool(c.Pool)
	body["amount"], body["idempotencyKey"] = w.amount(c.Amount), c.Key
	if c.Feature != "" {
		body["featureId"] = c.Feature
	}
	if !c.At.IsZero() {
		body["createdAt"] = instant(c.At)
	}
	if c.Strict {
		body["requireBalance"] = true
	}
	k := eventKey{c.Pool.Resource, "", c.Key}
	// Without an answer what is too far from now is kept in quarantine, with one it is refused.
	near := c.At.IsZero() || !c.At.After(w.now) && c.At.After(w.now.Add(-ageMax))
	blind := w.blindly(k) && near
	if blind {
		w.must(http.MethodPost, "/api/v1/credits/consumption/async", object{"consumptions": []object{body}}, nil)
	}
	var got consumption
	if r := w.call(http.MethodPost, "/api/v1/credits/consumption", body, &got); r != nil {
		return w.consumeRefused(k, c, r)
	}
	w.noteEvent(k, &event{id: got.EventID, amount: c.Amount})
	if blind && !got.Duplicate {
		panic(fmt.Sprintf("consumption %s was sent before, and sending it again acts", c.Key))
	}
	return model.Outcome{Duplicate: got.Duplicate && !blind, State: model.Rated}
}

// consumeRefused translates two refusals: the model answers a used key with the first result, and keeps what is too old
// in quarantine, where REST refuses.
func (w *World) consumeRefused(k eventKey, c model.Consume, r *refusal) model.Outcome {
	known := w.events[k]
	switch {
	case r.Code == model.IdempotencyMismatch && known != nil:
		return model.Outcome{Duplicate: true, Mismatch: true, State: model.Rated}
	case r.Code == "TimestampTooOld" && known == nil:
		w.events[k] = &event{amount: c.Amount}
		return model.Outcome{State: model.Quarantined}
	case r.Code == "TimestampTooOld" && known.id == "":
		return model.Outcome{Duplicate: true, Mismatch: known.amount != c.Amount, State: model.Quarantined}
	}
	return refused(r)
}

// detail is an event with the rows it caused.
type detail struct {
	Event struct {
		ReversedAt *string `json:"reversedAt"`
	} `json:"event"`
	Rows []row `json:"rows"`
}

func (w *World) reverse(c model.Reverse) model.Outcome {
	e := w.events[eventKey{c.Resource, c.Name, c.Key}]
	if e == nil {
		e = &event{id: unknownEvent}
	}
	if e.reversed || e.id == "" {
		again := e.reversed
		e.reversed = true
		return model.Outcome{Duplicate: again}
	}
	path := "/api/v1/events/" + e.id
	var before, after detail
	if r := w.call(http.MethodGet, path, nil, &before); r != nil {
		return refused(r)
	}
	body := object{"reason": "story"}
	if c.Replace != "" {
		body["replaceExpired"] = true
	}
	r := w.call(http.MethodPost, path+"/reverse", body, &after)
	if r != nil && r.Code == "EventNotRated" { // nothing was burned, so the model has nothing to do
		e.reversed = true
		return model.Outcome{}
	}
	if r != nil {
		return refused(r)
	}
	if after.Event.ReversedAt == nil {
		panic("event " + e.id + " was reversed and does not say so")
	}
	if before.Event.ReversedAt != nil {
		return model.Outcome{Duplicate: true}
	}
	w.nameReplacement(c, after.Rows)
	return model.Outcome{}
}

// nameReplacement finds the grant that replaces what returned to expired ones.
func (w *World) nameReplacement(c model.Reverse, rows []row) {
	for _, r := range rows {
		if r.EventType == "CREDITS_GRANTED" && w.names[r.CreditGrantID] == "" {
			w.name(c.Replace, r.CreditGrantID, model.Pool{Currency: r.CreditCurrencyID, Resource: c.Resource})
		}
	}
}
