package pure

import (
	"errors"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// view shows a hold.
func view(h ledger.Hold) *model.Hold {
	held := h.Unfunded
	for _, s := range h.Slices {
		held = held.Add(s.Amount)
	}
	return &model.Hold{Amount: h.Amount.String(), Held: held.String(), Settled: h.Settled.String(), End: h.End.String()}
}

func (w *World) reserve(c model.Reserve) model.Outcome {
	x := w.wallet(c.Pool)
	if old, ok := w.holdNow(x, c.Ref); ok {
		if old.Amount != credits(c.Amount) {
			return model.Outcome{Refused: model.IdempotencyMismatch}
		}
		return model.Outcome{Duplicate: true, Hold: view(old)}
	}
	ttl := c.TTL
	if ttl == 0 {
		ttl = time.Hour
	}
	tx := w.tx("", 0)
	h, err := x.pool.Reserve(tx, ledger.HoldSpec{
		ID: c.Ref, Amount: credits(c.Amount), ExpiresAt: w.now + micros(ttl), Capture: c.Capture,
		AllowOverdraft: c.AllowOverdraft,
	})
	x.keep(tx)
	if err != nil {
		return model.Outcome{Refused: refusal(err)}
	}
	return model.Outcome{Hold: view(h)}
}

// holdNow is the state of a reservation after everything due was posted; the pool knows only the open ones.
func (w *World) holdNow(x *wallet, ref string) (ledger.Hold, bool) {
	if h, ok := x.holds[ref]; !ok || h.End != ledger.HoldOpen {
		return h, ok
	}
	w.sweep(x)
	return x.holds[ref], true
}

func (w *World) settle(c model.Settle) model.Outcome {
	x := w.wallet(c.Pool)
	if h, ok := x.holds[c.Ref]; !ok {
		return model.Outcome{Refused: model.ReservationNotFound}
	} else if h.End != ledger.HoldOpen {
		return w.settleEnded(x, h, c)
	}
	var extendTo ledger.Time
	if c.Partial && c.Extend != 0 {
		extendTo = w.now + micros(c.Extend)
	}
	tx := w.tx("", 0)
	h, err := x.pool.Settle(tx, c.Ref, credits(c.Amount), !c.Partial, extendTo)
	x.keep(tx)
	var ended *ledger.HoldEnded
	if errors.As(err, &ended) {
		return w.settleEnded(x, ended.Hold, c)
	}
	return model.Outcome{Refused: refusal(err), Hold: view(h)}
}

// settleEnded is for holds that ended before: after the TTL a settle of more than nothing burns like an event, the final
// one once; else nothing happens.
func (w *World) settleEnded(x *wallet, h ledger.Hold, c model.Settle) model.Outcome {
	amt := credits(c.Amount)
	if h.End != ledger.HoldExpired || amt.IsZero() {
		return model.Outcome{Hold: view(h)}
	}
	if !c.Partial {
		h.End, h.Settled = ledger.HoldSettled, h.Settled.Add(amt)
		x.holds[h.ID] = h
	}
	tx := w.tx("", 0)
	err := x.pool.Burn(tx, amt, h.Charge)
	x.keep(tx)
	return model.Outcome{Refused: refusal(err), Hold: view(h)}
}

func (w *World) release(c model.Release) model.Outcome {
	x := w.wallet(c.Pool)
	if h, ok := x.holds[c.Ref]; !ok {
		return model.Outcome{Refused: model.ReservationNotFound}
	} else if h.End != ledger.HoldOpen {
		return model.Outcome{Hold: view(h)}
	}
	tx := w.tx("", 0)
	h, err := x.pool.Release(tx, c.Ref)
	x.keep(tx)
	var ended *ledger.HoldEnded
	if errors.As(err, &ended) {
		return model.Outcome{Hold: view(ended.Hold)}
	}
	return model.Outcome{Refused: refusal(err), Hold: view(h)}
}
