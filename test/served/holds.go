package served

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/scrip-dev/scrip/test/model"
)

// holdKey names a reservation: its id is unique in its pool.
type holdKey struct {
	pool model.Pool
	ref  string
}

// reservation is a hold as REST shows it.
type reservation struct {
	ReservationID  string      `json:"reservationId"`
	Amount         json.Number `json:"amount"`
	HeldAmount     json.Number `json:"heldAmount"`
	ConsumedAmount json.Number `json:"consumedAmount"`
	Status         string      `json:"status"`
}

func (r *reservation) model() *model.Hold {
	end := r.Status
	if end == "HELD" {
		end = "OPEN"
	}
	return &model.Hold{
		Amount: r.Amount.String(), Held: r.HeldAmount.String(), Settled: r.ConsumedAmount.String(), End: end,
	}
}

const reservations = "/api/v1/credits/reservations"

func (w *World) reserve(c model.Reserve) model.Outcome {
	body := w.pool(c.Pool)
	body["reservationId"], body["amount"] = c.Ref, json.Number(c.Amount)
	if c.TTL != 0 {
		body["expiresAt"] = instant(w.now.Add(c.TTL))
	}
	if c.AllowOverdraft {
		body["allowOverdraft"] = true
	}
	if c.Capture {
		body["onExpiry"] = "CAPTURE"
	}
	one := client{server: w.server, key: w.key, base: w.base} // calls are counted by one goroutine only
	var made reservation
	var r *refusal
	ask := func() { r = one.call(http.MethodPost, reservations, body, &made) }
	if c.AllowOverdraft { // means nothing without a soft limit
		w.softly(c.Pool, ask)
	} else {
		ask()
	}
	if r != nil {
		return refused(r)
	}
	k := holdKey{c.Pool, c.Ref}
	w.mu.Lock()
	first, known := w.holds[k]
	if !known {
		w.holds[k] = *made.model()
	}
	w.mu.Unlock()
	if !known {
		return model.Outcome{Hold: made.model()}
	}
	if *made.model() != first {
		panic(fmt.Sprintf("repeating reservation %s is answered with %+v, the first answer was %+v", c.Ref, made, first))
	}
	return model.Outcome{Duplicate: true, Hold: w.holdNow(k)}
}

// holdNow is the present state of a reservation: from the list of open ones, or, when it has ended, from a release, which
// changes nothing then.
func (w *World) holdNow(k holdKey) *model.Hold {
	for _, r := range list[reservation](&w.client, reservations, query(customer, k.pool)) {
		if r.ReservationID == k.ref {
			return r.model()
		}
	}
	var ended reservation
	w.must(http.MethodPost, reservations+"/"+segment(k.ref)+"/release", w.pool(k.pool), &ended)
	return ended.model()
}

func (w *World) settle(c model.Settle) model.Outcome {
	body := w.pool(c.Pool)
	body["amount"] = w.amount(c.Amount)
	if c.Partial {
		body["final"], body["idempotencyKey"] = false, fmt.Sprintf("settle-%d", w.calls)
	}
	if c.Extend != 0 {
		body["expiresAt"] = instant(w.now.Add(c.Extend))
	}
	out := w.end("settle", holdKey{c.Pool, c.Ref}, body)
	if c.Partial && out.Refused == "" {
		if again := w.end("settle", holdKey{c.Pool, c.Ref}, body); *again.Hold != *out.Hold {
			panic(fmt.Sprintf("repeating a partial settle of %s is answered with %+v, the first answer was %+v", c.Ref, *again.Hold, *out.Hold))
		}
	}
	return out
}

func (w *World) release(c model.Release) model.Outcome {
	return w.end("release", holdKey{c.Pool, c.Ref}, w.pool(c.Pool))
}

func (w *World) end(how string, k holdKey, body object) model.Outcome {
	var got reservation
	r := w.call(http.MethodPost, reservations+"/"+segment(k.ref)+"/"+how, body, &got)
	switch {
	case r == nil:
		return model.Outcome{Hold: got.model()}
	case r.Code == model.ReservationNotFound:
		return refused(r)
	}
	return model.Outcome{Refused: r.Code, Hold: w.holdNow(k)} // a refused extension leaves the hold as it is
}
