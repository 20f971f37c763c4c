package export

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var errEnd = errors.New("the end of the run")

// writeJournal writes the tables that are made of the journal, in its order. Grants as they are at the end of the run are
// made by folding everything from the beginning on; the other tables need the new entries only.
func (r *run) writeJournal(ctx context.Context, outputs map[string]*output) error {
	w := &journalWriter{run: r, outputs: outputs}
	needsGrants := r.wants(tableGrants) || r.wants(tableLedger)
	if !needsGrants && !r.wants(tableConsumption) && !r.wants(tableEvents) {
		return nil
	}
	for shard := range max(r.source.Shards, 1) {
		w.grants = newGrantFold(shard)
		from := r.since.of(shard)
		if needsGrants {
			from = engine.NewPosition(shard, 1)
		}
		err := engine.Entries(ctx, r.source.Journal, from, func(e *engine.Entry) error { return w.entry(ctx, e) })
		if err != nil && !errors.Is(err, errEnd) {
			return err
		}
		if out := outputs[tableGrants]; out != nil {
			for _, g := range w.grants.changedSince(r.since.of(shard)) {
				if err := out.write(ctx, g.row(r.series.environment)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

type journalWriter struct {
	run     *run
	outputs map[string]*output
	grants  *grantFold
}

func (w *journalWriter) entry(ctx context.Context, e *engine.Entry) error {
	shard := e.Position.Shard()
	if e.Position >= w.run.to.of(shard) {
		return errEnd
	}
	if e.Environment != w.run.series.environment {
		return nil
	}
	fresh := e.Position >= w.run.since.of(shard)
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			w.grants.take(e, &e.Pools[i], &e.Pools[i].Facts[f])
			if fact := &e.Pools[i].Facts[f]; fresh && fact.Kind == ledger.FactRow {
				if err := w.row(ctx, e, &e.Pools[i], &fact.Row); err != nil {
					return err
				}
			}
		}
	}
	w.grants.texts(e)
	if !fresh {
		return nil
	}
	return w.event(ctx, e)
}

func (w *journalWriter) row(ctx context.Context, e *engine.Entry, p *engine.PoolFacts, r *ledger.Row) error {
	if out := w.outputs[tableLedger]; out != nil {
		if err := out.write(ctx, w.ledgerRow(e, p, r)); err != nil {
			return err
		}
	}
	return nil
}

func (w *journalWriter) ledgerRow(e *engine.Entry, p *engine.PoolFacts, r *ledger.Row) row {
	source, sourceID := sourceOf(r)
	moneyAmount, moneyCurrency := money(r.Money)
	return row{
		fmt.Sprintf("%s-%s-%d", r.Cause.Txn, p.Currency, r.Seq), int64(r.Seq), r.Cause.Txn, e.Environment, e.Customer, or(p.Resource), p.Currency,
		eventType(r.Type), r.Amount, r.Start, r.End, engine.GrantText(r.Grant), or(r.Charge.Feature), or(r.Cause.Event),
		source, or(sourceID), r.Cause.Actor.Kind.String(), or(r.Cause.Actor.ID), or(r.Cause.Reason),
		w.grants.basis(r.Grant), moneyAmount, moneyCurrency, at(r.Cause.EventAt), r.PostedAt, hex.EncodeToString(r.Hash[:]),
	}
}

// eventType is the wire's name of a row type (semantics 13.1).
func eventType(t ledger.RowType) string {
	switch t {
	case ledger.TransferSource, ledger.TransferTarget:
		return "CREDITS_CONSUMPTION_" + t.String()
	}
	return "CREDITS_" + t.String()
}

// sourceOf is what moved the balance, as lists show it (semantics 13.2).
func sourceOf(r *ledger.Row) (source, id string) {
	switch {
	case r.Charge.Feature != "":
		return "FEATURE", r.Charge.Feature
	case r.Type == ledger.Consumed || r.Type == ledger.ConsumptionReversed:
		return "CONSUMPTION", r.Cause.Event
	}
	return "GRANT", engine.GrantText(r.Grant)
}

// event writes a reported event, and what an event consumed: when it was reported, or when somebody released it later.
func (w *journalWriter) event(ctx context.Context, e *engine.Entry) error {
	if e.Event == nil {
		return nil
	}
	if out := w.outputs[tableEvents]; out != nil && e.Kind != engine.ResolveEntry {
		if err := out.write(ctx, eventRow(e)); err != nil {
			return err
		}
	}
	out := w.outputs[tableConsumption]
	if out == nil {
		return nil
	}
	total := amount.Zero
	consumed := func(visit func(p *engine.PoolFacts, r *ledger.Row) error) error {
		for i := range e.Pools {
			for f := range e.Pools[i].Facts {
				if fact := &e.Pools[i].Facts[f]; fact.Kind == ledger.FactRow && fact.Row.Type == ledger.Consumed {
					if err := visit(&e.Pools[i], &fact.Row); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	_ = consumed(func(_ *engine.PoolFacts, r *ledger.Row) error { total = total.Sub(r.Amount); return nil })
	return consumed(func(p *engine.PoolFacts, r *ledger.Row) error {
		return out.write(ctx, row{
			e.Environment, e.Customer, or(p.Resource), r.Cause.Event, or(r.Charge.Feature), r.Amount.Neg(), total,
			engine.GrantText(r.Grant), p.Currency, r.PostedAt, at(r.Cause.EventAt), e.At,
		})
	})
}

// statusNames are the states of an event as it was recorded.
var statusNames = map[engine.EventStatus]string{
	engine.EventRated: "RATED", engine.EventUnmapped: "UNMAPPED", engine.EventQuarantined: "QUARANTINED", engine.EventDropped: "DROPPED",
}

func eventRow(e *engine.Entry) row {
	dims := map[string]string{}
	for _, d := range e.Event.Dims {
		dims[d.Key] = d.Text
	}
	return row{
		e.Position.EventID(), e.Customer, or(e.Event.Resource), or(e.Event.Name), or(e.Key), document(dims), e.Event.At, e.At,
		statusNames[e.Event.Status], document(e.Event.Warnings),
	}
}
