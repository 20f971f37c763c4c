// Package pure is a model.Subject made of nothing but internal/ledger, internal/rating and the fold of
// internal/revenue: no store, no running engine, no HTTP. It plays the part of the caller whom those packages expect: it dispatches commands, keeps rows, grants and
// ended holds, knows keys and plan versions. What it keeps of a pool it gets from the facts of each transaction alone,
// and it maintains a second pool by replaying them, so that Verify can compare the two to the byte.
package pure

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/internal/revenue"
	"github.com/scrip-dev/scrip/test/model"
)

// World is one customer on the pure packages.
type World struct {
	lazy    bool
	now     ledger.Time
	grace   ledger.Time
	txns    int
	lastID  ledger.GrantID
	wallets []*wallet
	events  map[string]*event // by id, see eventID
	meters  map[string]*meter // by feature
	plans   []plan
	subs    map[string]bool
	states  map[stateKey]*rating.State
	watch   *ledger.Thresholds
}

// New returns an empty world. A lazy one posts what the clock made due only when a pool is touched next; otherwise
// MoveClock sweeps every pool.
func New(lazy bool) *World {
	return &World{
		lazy: lazy, grace: micros(time.Hour), events: map[string]*event{}, meters: map[string]*meter{},
		subs: map[string]bool{"": true}, states: map[stateKey]*rating.State{},
	}
}

// micros is a duration as the ledger counts it.
func micros(d time.Duration) ledger.Time { return ledger.Time(d.Microseconds()) }

// instant is a point in time as the ledger counts it; the zero time becomes none.
func instant(t time.Time, none ledger.Time) ledger.Time {
	if t.IsZero() {
		return none
	}
	return ledger.Time(t.UnixMicro())
}

// clock is the inverse of instant.
func clock(t ledger.Time) time.Time {
	if t == 0 || t == ledger.Never {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}

// credits reads an amount; histories contain only valid ones.
func credits(s string) amount.Amount {
	a, err := amount.Parse(s)
	if err != nil {
		panic(fmt.Sprintf("pure: amount %q: %v", s, err))
	}
	return a
}

func (w *World) wallet(p model.Pool) *wallet {
	for _, x := range w.wallets {
		if x.name == p {
			return x
		}
	}
	key := ledger.Key{Environment: "env", Customer: "customer", Currency: p.Currency, Resource: p.Resource}
	x := &wallet{
		name: p, pool: ledger.NewPool(key), replica: ledger.NewPool(key), refs: map[ledger.GrantID]string{},
		grants: map[ledger.GrantID]ledger.Grant{}, holds: map[string]ledger.Hold{},
		money: moneyBooks{map[revenue.GrantKey]*revenue.Book{}, map[revenue.TotalKey]*revenue.Figures{}},
	}
	w.wallets = append(w.wallets, x)
	return x
}

// tx begins a transaction caused by an event, or by something else if the id is empty.
func (w *World) tx(eventID string, at ledger.Time) *ledger.Tx {
	w.txns++
	name := strconv.Itoa(w.txns)
	return &ledger.Tx{
		Now: w.now, LateGrace: w.grace, NewGrant: w.newGrant, Thresholds: w.watch,
		Cause:       &ledger.Cause{Txn: name, Event: eventID, EventAt: at},
		SystemCause: &ledger.Cause{Txn: name},
	}
}

func (w *World) newGrant() ledger.GrantID {
	w.lastID++
	return w.lastID
}

// Do implements model.Subject.
func (w *World) Do(c model.Command) model.Outcome {
	switch c := c.(type) {
	case model.MoveClock:
		w.moveClock(c)
	case model.SetGrace:
		w.grace = micros(c.Grace)
	case model.SetThresholds:
		w.setThresholds(c)
	case model.DefineFeature:
		w.define(c)
	case model.PublishPlan:
		w.publish(c)
	case model.Subscribe:
		w.subs[c.Resource] = true
	case model.QuoteTopUp:
		return quote(c)
	case model.ReportEvent:
		return w.report(c)
	case model.Consume:
		return w.consume(c)
	case model.Reverse:
		return w.reverse(c)
	case model.AddGrant:
		return w.addGrant(c)
	case model.Turn:
		return w.turn(c)
	case model.Reserve:
		return w.reserve(c)
	case model.Settle:
		return w.settle(c)
	case model.Release:
		return w.release(c)
	default:
		return w.onGrant(c)
	}
	return model.Outcome{}
}

func (w *World) moveClock(c model.MoveClock) {
	w.now = instant(c.To, 0)
	w.sweepAll(nil)
}

// sweepAll posts what is due by now in every pool but one, unless that is left to whoever touches them next.
func (w *World) sweepAll(except *wallet) {
	for _, x := range w.wallets {
		if x != except && !w.lazy {
			w.sweep(x)
		}
	}
}

func (w *World) sweep(x *wallet) {
	tx := w.tx("", 0)
	x.pool.Sweep(tx)
	x.keep(tx)
}

// quote is the price of a top-up (semantics 11.2).
func quote(c model.QuoteTopUp) model.Outcome {
	a := credits(c.Amount)
	if a.Less(credits(c.Min)) || credits(c.Max).Less(a) {
		return model.Outcome{Refused: model.AmountOutOfRange}
	}
	price, ok := amount.MulDiv(a, credits(c.Unit.Amount), amount.FromInt(1), amount.MinorDigits(c.Unit.Currency))
	if !ok {
		return model.Outcome{Refused: model.AmountOutOfRange}
	}
	return model.Outcome{Cost: model.Money{Amount: price.String(), Currency: c.Unit.Currency}}
}

// refusal translates an error of the ledger.
func refusal(err error) string {
	var insufficient *ledger.Insufficient
	switch {
	case err == nil:
		return ""
	case errors.As(err, &insufficient):
		return model.Insufficient
	case errors.Is(err, ledger.ErrGrantExpired):
		return model.GrantExpired
	case errors.Is(err, ledger.ErrOverdraftImmutable):
		return model.OverdraftImmutable
	case errors.Is(err, ledger.ErrGrantNotFound):
		return model.GrantNotFound
	case errors.Is(err, ledger.ErrHoldMismatch):
		return model.IdempotencyMismatch
	}
	return model.Refused
}
