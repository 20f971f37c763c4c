package credits

import (
	"context"
	"strings"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Measurement is a reading of a counter: how much of a feature was used since the last one, or in all (wire reference
// 5.3). Measurements burn no credits: mappings price events only (semantics 24).
type Measurement struct {
	Customer string
	Feature  string
	Resource string
	Value    int64
	Set      bool // Value replaces the counter of the period instead of adding to it
	At       ledger.Time
	Dims     rating.Dims
	Key      string // idempotency key, or empty
}

// Measured is a measurement that was recorded. For a duplicate it is the first one.
type Measured struct {
	Position  engine.Position
	At        ledger.Time
	CreatedAt ledger.Time
	Usage     *amount.Amount // of the usage period, right after; nil when that was over long ago
	Window    UsageWindow
	Duplicate bool
}

// measurementPrefix begins the event name under which the journal keeps a measurement of a feature. No caller's event
// name has a NUL.
const measurementPrefix = "\x00usage:"

// IsMeasurement tells whether an event of the journal is a measurement.
func IsMeasurement(ev *engine.Event) bool { return strings.HasPrefix(ev.Name, measurementPrefix) }

// counter is the meter that adds measurements up.
var counter = &rating.Meter{Aggregation: rating.Sum}

// RecordMeasurements records measurements in order. The first that names something unknown, or whose customer is
// archived, fails the call before anything is recorded.
func (s *Service) RecordMeasurements(ctx context.Context, env string, by Caller, items []Measurement) ([]Measured, error) {
	now := s.clock(env)
	ops := make([]engine.Op, len(items))
	made := make([]*measureOp, len(items))
	var low lowered
	for i := range items {
		op, err := s.measureOp(ctx, env, by, items[i], now)
		if err != nil {
			return nil, at(item("usages", i), err)
		}
		ops[i], made[i] = op, op
		low.name(items[i].Customer)
	}
	for i, err := range s.doAll(ctx, ops) {
		if err != nil {
			return nil, at(item("usages", i), err)
		}
	}
	s.rechargeAll(ctx, env, low)
	results := make([]Measured, len(made))
	for i, op := range made {
		results[i] = op.result
	}
	return results, nil
}

func (s *Service) measureOp(ctx context.Context, env string, by Caller, in Measurement, now ledger.Time) (*measureOp, error) {
	cs, err := s.openCustomer(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	f, ok := s.Catalog(env).Feature(in.Feature)
	switch {
	case !ok:
		return nil, missing("FeatureNotFound", "feature", clip(in.Feature))
	case !f.Metered():
		return nil, Unprocessable("FeatureNotMetered", "featureId", "the feature is not metered; give it a meterType first")
	}
	if in.At == 0 {
		in.At = now
	}
	if refused := refuseAhead(in.At, now); refused != nil {
		return nil, refused
	}
	if in.Key == "" {
		in.Key = "\x00" + s.newID()
	}
	return &measureOp{env: env, by: by, in: in, dueBound: dueBound{cs.due()}, window: s.Catalog(env).usageWindow(cs, in.Resource, in.Feature, in.At)}, nil
}

// measureOp records a measurement in the writer, which knows the counter.
type measureOp struct {
	env    string
	by     Caller
	in     Measurement
	window UsageWindow
	result Measured
	dueBound
}

// Scope implements engine.Op.
func (op *measureOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.env, Customer: op.in.Customer,
		Key: engine.EventKey(op.env, op.in.Customer, op.in.Resource, measurementPrefix+op.in.Feature, op.in.Key), Before: op.before,
	}
}

// charge is a step of the counter.
func (op *measureOp) charge(delta amount.Amount) engine.Charge {
	return engine.Charge{
		Charge:       ledger.Charge{Feature: op.in.Feature},
		Subscription: measurementPrefix + op.in.Resource, // counters are the customer's, not a subscription's
		Units:        delta,
		Meter: &engine.MeterUse{
			Period: op.window.From, End: op.window.To, Meter: counter, Measure: rating.Measurement{Units: delta},
		},
	}
}

// Decide implements engine.Op.
func (op *measureOp) Decide(tx *engine.Tx) error {
	if err := tx.Open(); err != nil {
		return err
	}
	charge, usage, err := op.step(tx)
	if err != nil {
		return err
	}
	if charge.Meter != nil {
		tx.Advance(&charge)
	}
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Key = engine.EventEntry, op.by.Actor, op.by.Request, op.in.Key
	e.Event = &engine.Event{
		Name: measurementPrefix + op.in.Feature, Resource: op.in.Resource, At: op.in.At, Dims: op.in.Dims,
		Status: engine.EventRated, Charges: []engine.Charge{charge},
	}
	op.result = Measured{Position: e.Position, At: op.in.At, CreatedAt: tx.Now(), Usage: usage, Window: op.window}
	return nil
}

// step is how the measurement moves the counter, and where to. The counter of a period that is over long ago is forgotten:
// it cannot be set, and what is added to it is kept for the period's history only.
func (op *measureOp) step(tx *engine.Tx) (engine.Charge, *amount.Amount, error) {
	delta := amount.FromInt(op.in.Value)
	if charge := op.charge(delta); charge.Meter.Over(tx.Now()) {
		if op.in.Set {
			return charge, nil, &Error{Kind: KindInvalid, Code: ReasonTooOld, Field: "createdAt",
				Message: "lies in a usage period that is over for more than 31 days; usage can be added to it but not set"}
		}
		charge.Meter = nil
		return charge, nil, nil
	}
	before := op.total(tx)
	if op.in.Set {
		delta = delta.Sub(before)
	}
	after := before.Add(delta)
	if !after.InRange() || !delta.InRange() {
		return engine.Charge{}, nil, Unprocessable(CodeOutOfRange, "value", "would bring the counter out of the range of 15 integer digits")
	}
	return op.charge(delta), &after, nil
}

// total reads the counter. The most that there is, counted by MAX, adds what the counter lacks to it.
func (op *measureOp) total(tx *engine.Tx) amount.Amount {
	most := amount.FromInt(1 << 62)
	probe := op.charge(most)
	probe.Meter.Meter = &rating.Meter{Aggregation: rating.Max}
	return most.Sub(tx.Preview(&probe))
}

// Repeat implements engine.Op: the first one stands.
func (op *measureOp) Repeat(tx *engine.Tx, first *engine.Entry) error {
	op.result = Measured{Position: first.Position, At: first.Event.At, CreatedAt: first.At, Window: op.window, Duplicate: true}
	if m := first.Event.Charges[0].Meter; m != nil && !m.Over(tx.Now()) {
		op.window.From = m.Period
		usage := op.total(tx)
		op.result.Usage, op.result.Window = &usage, op.window
	}
	return nil
}
