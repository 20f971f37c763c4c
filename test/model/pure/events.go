package pure

import (
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// The window of event times (semantics 7.3), in microseconds.
const (
	aheadMax ledger.Time = 5 * 60 * 1_000_000
	ageMax   ledger.Time = 31 * 24 * 3600 * 1_000_000
)

// event is what is kept of a reported event or a direct consumption.
type event struct {
	key      string
	at       ledger.Time
	content  string
	outcome  model.Outcome
	reversed bool
}

// eventID is the id that rows carry: unique per key of semantics 7.2.
func eventID(resource, name, key string) string { return fmt.Sprintf("%q/%q/%q", resource, name, key) }

// admit keeps a new event, or answers what a repeated or untimely one gets.
func (w *World) admit(id, key, content string, at ledger.Time) (*event, *model.Outcome) {
	if e := w.events[id]; e != nil {
		out := e.outcome
		out.Duplicate, out.Mismatch = true, e.content != content
		return e, &out
	}
	if at > w.now+aheadMax {
		return nil, &model.Outcome{Refused: model.TimestampInFuture}
	}
	e := &event{key: key, at: at, content: content, outcome: model.Outcome{State: model.Rated}}
	w.events[id] = e
	if at < w.now-ageMax {
		e.outcome.State = model.Quarantined
		return e, &e.outcome
	}
	return e, nil
}

func (w *World) consume(c model.Consume) model.Outcome {
	at, id := instant(c.At, w.now), eventID(c.Pool.Resource, "", c.Key)
	x, amt := w.wallet(c.Pool), credits(c.Amount)
	timely := at <= w.now+aheadMax && at >= w.now-ageMax
	if w.events[id] == nil && timely && w.short(x, c.Strict, amt) {
		return model.Outcome{Refused: model.Insufficient}
	}
	e, out := w.admit(id, c.Key, c.Pool.Currency+" "+amt.String()+" "+c.Feature, at)
	if out != nil {
		return *out
	}
	tx := w.tx(id, at)
	err := x.pool.Consume(tx, amt, ledger.Charge{Feature: c.Feature}, c.Strict)
	x.keep(tx)
	if err != nil {
		return model.Outcome{Refused: refusal(err)}
	}
	return e.outcome
}

func (w *World) report(c model.ReportEvent) model.Outcome {
	at, id := instant(c.At, w.now), eventID(c.Resource, c.Name, c.Key)
	e, out := w.admit(id, c.Key, fmt.Sprint(c.Dims), at)
	if out != nil {
		return *out
	}
	priced := w.price(c, at)
	e.outcome = model.Outcome{State: priced.state, Warnings: priced.warnings}
	if priced.state != model.Rated {
		return e.outcome
	}
	priced.advance()
	txs := map[*wallet]*ledger.Tx{}
	for _, cost := range priced.costs {
		x := w.wallet(model.Pool{Currency: cost.currency, Resource: c.Resource})
		if txs[x] == nil {
			txs[x] = w.tx(id, at)
		}
		if err := x.pool.Burn(txs[x], cost.credits, cost.charge); err != nil {
			panic(err)
		}
	}
	for x, tx := range txs {
		x.keep(tx)
	}
	return e.outcome
}

// reverse takes an event back in every pool in which it has rows.
func (w *World) reverse(c model.Reverse) model.Outcome {
	id := eventID(c.Resource, c.Name, c.Key)
	e := w.events[id]
	if e == nil {
		return model.Outcome{Refused: model.EventNotFound}
	}
	if e.reversed {
		return model.Outcome{Duplicate: true}
	}
	e.reversed = true
	for _, x := range w.wallets {
		if err := w.reverseIn(x, id, e, c.Replace); err != nil {
			return model.Outcome{Refused: refusal(err)}
		}
	}
	return model.Outcome{}
}

// replacementPriority is the priority of grants that name none.
const replacementPriority = 10

func (w *World) reverseIn(x *wallet, id string, e *event, replace string) error {
	var own []ledger.Row
	for _, r := range x.rows {
		if r.Cause.Event == id {
			own = append(own, r)
		}
	}
	if len(own) == 0 {
		return nil
	}
	w.sweep(x) // so that what the pool knows, and what it has forgotten, is settled before the bearers are looked up
	r := ledger.Reversal{Borne: ledger.BearersNow(own, x.overdraftRows(own))}
	for _, g := range x.grants {
		r.Past = append(r.Past, g)
	}
	if replace != "" {
		r.Replace = &ledger.Grant{Priority: replacementPriority, ExpireAt: ledger.Never}
	}
	tx := w.tx(id, e.at)
	replacement, err := x.pool.Reverse(tx, r)
	if replacement != 0 {
		x.refs[replacement] = replace
	}
	x.keep(tx)
	return err
}

// overdraftRows lists all rows of the overdrafts that an event touched, each source followed by its target.
func (x *wallet) overdraftRows(own []ledger.Row) []ledger.Row {
	var overdrafts []ledger.GrantID
	for _, r := range own {
		if x.grants[r.Grant].Type == ledger.Overdraft {
			overdrafts = append(overdrafts, r.Grant)
		}
	}
	var rows []ledger.Row
	for i, r := range x.rows {
		if !slices.Contains(overdrafts, r.Grant) {
			continue
		}
		rows = append(rows, r)
		if r.Type == ledger.TransferSource {
			rows = append(rows, x.rows[i+1])
		}
	}
	return rows
}

// cost is what an event burns under one mapping.
type cost struct {
	currency string
	credits  amount.Amount
	charge   ledger.Charge
}
