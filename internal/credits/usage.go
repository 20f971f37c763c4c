package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Caller is who asks, and in which request; both are kept with what they cause.
type Caller struct {
	Actor   ledger.Actor
	Request string
}

// ReportedEvent is one usage event as it was reported (semantics 7.1).
type ReportedEvent struct {
	Customer string
	Name     string
	Key      string // idempotency key
	Resource string // empty for the customer-wide subscription and pool
	At       ledger.Time
	Dims     rating.Dims
}

// EventResult is what became of one reported event. For a duplicate it is what became of the first.
type EventResult struct {
	Position  engine.Position // 0 when the event was rejected
	Status    engine.EventStatus
	Rejected  bool // not stored: Reason says why
	Reason    string
	Detail    string
	Duplicate bool
	Mismatch  bool // a duplicate with other dimensions; the first one stands
	Warnings  []rating.Warning
	Burns     []EventBurn
}

// EventBurn is what an event burned under one mapping.
type EventBurn struct {
	engine.Charge
	Balance amount.Amount // of the pool, right after
}

// RecordEvents records events in the order given: each is deduplicated, priced, and burned at once (semantics 7). It
// returns one result for each, after all of them are durable. An event that cannot be accepted never fails the others:
// it is stored as quarantined; when keepRejected is false, one whose time is in the future or whose customer is archived
// is refused instead and not stored. The error is for the whole call; repeating it with the same keys is safe.
func (s *Service) RecordEvents(ctx context.Context, env string, by Caller, events []ReportedEvent, keepRejected bool) ([]EventResult, error) {
	now := s.clock(env)
	catalog := s.Catalog(env)
	results := make([]EventResult, len(events))
	ops := make([]engine.Op, 0, len(events))
	batch := s.takeEventOps(len(events))
	var low lowered
	for i := range events {
		cs, err := s.knownCustomer(ctx, env, events[i].Customer)
		if err != nil {
			return nil, err
		}
		low.add(cs)
		op := &batch[i]
		op.prepare(env, by, &events[i], catalog, cs, now)
		op.result = &results[i]
		op.rejected = !keepRejected && rejects(op.pricing.event.Reason)
		ops = append(ops, op)
	}
	for _, err := range s.doAll(ctx, ops) {
		if err != nil {
			return nil, err // the writer may still use the batch
		}
	}
	s.giveEventOps(batch)
	s.rechargeAll(ctx, env, low)
	return results, nil
}

// takeEventOps returns memory for n operations, zeroed. They are large and short-lived: made anew for each request they
// would be half of all garbage.
func (s *Service) takeEventOps(n int) []eventOp {
	if kept, ok := s.eventOps.Get().(*[]eventOp); ok && cap(*kept) >= n {
		return (*kept)[:n]
	}
	return make([]eventOp, n)
}

// giveEventOps returns operations that the engine is done with.
func (s *Service) giveEventOps(batch []eventOp) {
	clear(batch)
	s.eventOps.Put(&batch)
}

// rejects tells which reasons refuse an event rather than quarantine it (semantics 7.3).
func rejects(reason string) bool {
	return reason == ReasonTimestampInFuture || reason == ReasonCustomerArchived
}

// eventOp is one event in the writer of its customer's shard.
type eventOp struct {
	scope   engine.Scope
	by      Caller
	key     string
	pricing pricing
	// rejected refuses the event, unless its key was used before: then it is a duplicate like any other.
	rejected bool
	result   *EventResult
}

func (op *eventOp) prepare(env string, by Caller, in *ReportedEvent, catalog *Catalog, cs *CustomerState, now ledger.Time) {
	op.by, op.key = by, in.Key
	op.scope = engine.Scope{
		Environment: env, Customer: in.Customer,
		Key: engine.EventKey(env, in.Customer, in.Resource, in.Name, in.Key), Before: cs.due(),
	}
	ev := engine.Event{Name: in.Name, Resource: in.Resource, At: in.At, Dims: in.Dims}
	if ev.At == 0 {
		ev.At = now
	}
	op.pricing.event = ev
	catalog.price(&op.pricing, cs, now)
}

func (op *eventOp) keepBefore(at ledger.Time) { op.scope.Before = at }

// Scope implements engine.Op.
func (op *eventOp) Scope() engine.Scope { return op.scope }

// Decide implements engine.Op.
func (op *eventOp) Decide(tx *engine.Tx) error {
	if op.rejected {
		*op.result = EventResult{Rejected: true, Reason: op.pricing.event.Reason}
		return nil
	}
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Key = engine.EventEntry, op.by.Actor, op.by.Request, op.key
	burns, err := burnEvent(tx, &op.pricing)
	if err != nil {
		return err
	}
	*op.result = resultOf(e, burns)
	op.result.Detail = op.pricing.detail
	return nil
}

// Repeat implements engine.Op: the first one stands (semantics 7.2).
func (op *eventOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	*op.result = resultOf(first, burnsOf(first))
	op.result.Duplicate = true
	op.result.Mismatch = !first.Event.Dims.Equal(op.pricing.event.Dims)
	return nil
}

func resultOf(e *engine.Entry, burns []EventBurn) EventResult {
	return EventResult{
		Position: e.Position, Status: e.Event.Status, Reason: e.Event.Reason,
		Warnings: e.Event.Warnings, Burns: burns,
	}
}

// burnEvent completes the price of an event inside the writer, makes it part of the entry, and burns it. An event that
// cannot be burned is quarantined instead, and nothing moves.
func burnEvent(tx *engine.Tx, p *pricing) ([]EventBurn, error) {
	p.finish(tx.Preview)
	ev := &p.event
	tx.Entry().Event = ev
	refs, index := p.pools()
	if err := tx.Open(refs...); err != nil {
		return nil, err
	}
	if !fitsPools(tx, ev, index, len(refs)) {
		p.quarantine(ReasonOutOfRange)
		return nil, nil
	}
	burns := make([]EventBurn, len(ev.Charges))
	for i := range ev.Charges {
		charge := &ev.Charges[i]
		if charge.Meter != nil {
			tx.Advance(charge)
		}
		pool, ltx := tx.Pool(index[i]), tx.Ledger(index[i])
		if err := pool.Burn(ltx, charge.Cost, charge.Charge); err != nil {
			return nil, err
		}
		burns[i] = EventBurn{Charge: *charge, Balance: pool.Balance()}
	}
	return burns, nil
}

// fitsPools tells whether every pool can take its part, so that an event burns whole or not at all.
func fitsPools(tx *engine.Tx, ev *engine.Event, index []int, pools int) bool {
	for at := range pools {
		sum := amount.Zero
		for i := range ev.Charges {
			if index[i] == at {
				sum = sum.Add(ev.Charges[i].Cost)
			}
		}
		if !tx.Pool(at).CanBurn(sum) {
			return false
		}
	}
	return true
}

// burnsOf reads back from its entry what an event burned, with the balance that each charge left.
func burnsOf(e *engine.Entry) []EventBurn {
	burns := make([]EventBurn, len(e.Event.Charges))
	for i := range e.Event.Charges {
		charge := &e.Event.Charges[i]
		burns[i].Charge = *charge
		for p := range e.Pools {
			if e.Pools[p].Currency == charge.Currency {
				burns[i].Balance = lastEnd(e.Pools[p].Facts, charge.Feature)
			}
		}
	}
	return burns
}

// lastEnd is the balance after the last row of a feature.
func lastEnd(facts []ledger.Fact, feature string) amount.Amount {
	end := amount.Zero
	for i := range facts {
		if f := &facts[i]; f.Kind == ledger.FactRow && f.Row.Charge.Feature == feature {
			end = f.Row.End
		}
	}
	return end
}
