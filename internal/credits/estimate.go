package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Estimate is what an event would burn now, without recording it (semantics 15.2).
type Estimate struct {
	Status   engine.EventStatus
	Reason   string // why it would not be rated
	Detail   string
	Warnings []rating.Warning
	Lines    []EstimateLine
}

// EstimateLine is the part of an estimate in one credit type.
type EstimateLine struct {
	CreditType string
	Cost       amount.Amount
	Balance    amount.Amount // settled, now
	After      amount.Amount
	Charges    []engine.Charge
}

// EstimateEvent prices an event as if it were reported now. UNIQUE, MAX and unit transformations are rated against the
// state of the current usage period. Nothing is written, except what is due in the pools anyway.
func (s *Service) EstimateEvent(ctx context.Context, env string, in ReportedEvent) (*Estimate, error) {
	cs, err := s.knownCustomer(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	now := s.clock(env)
	ev := engine.Event{Name: in.Name, Resource: in.Resource, At: in.At, Dims: in.Dims}
	if ev.At == 0 {
		ev.At = now
	}
	op := &estimateOp{env: env, customer: in.Customer, pricing: pricing{event: ev}}
	s.Catalog(env).price(&op.pricing, cs, now)
	if err := s.do(ctx, op); err != nil {
		return nil, err
	}
	return &op.estimate, nil
}

// estimateOp prices an event in the writer, where the state of meters is, and records nothing.
type estimateOp struct {
	env, customer string
	pricing       pricing
	estimate      Estimate
	dueBound
}

// Scope implements engine.Op.
func (op *estimateOp) Scope() engine.Scope {
	return engine.Scope{Environment: op.env, Customer: op.customer, Before: op.before}
}

// Decide implements engine.Op.
func (op *estimateOp) Decide(tx *engine.Tx) error {
	p := &op.pricing
	p.finish(tx.Preview)
	ev := &p.event
	op.estimate = Estimate{Status: ev.Status, Reason: ev.Reason, Detail: p.detail, Warnings: ev.Warnings}
	refs, index := p.pools()
	if err := tx.Open(refs...); err != nil {
		return err
	}
	op.estimate.Lines = make([]EstimateLine, len(refs))
	for i, ref := range refs {
		balance := tx.Pool(i).Balance()
		op.estimate.Lines[i] = EstimateLine{CreditType: ref.Currency, Balance: balance, After: balance}
	}
	for i := range ev.Charges {
		line := &op.estimate.Lines[index[i]]
		line.Charges = append(line.Charges, ev.Charges[i])
		line.Cost = line.Cost.Add(ev.Charges[i].Cost)
		line.After = line.After.Sub(ev.Charges[i].Cost)
	}
	return nil
}

// Repeat implements engine.Op; an estimate has no key.
func (op *estimateOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// EstimateUsage prices a number of units of a feature as events that add them would be priced: the report of usage itself
// burns nothing. A formula sees the dimensions. It fails with FeatureNotFound, CustomerNotFound or FormulaError.
func (s *Service) EstimateUsage(ctx context.Context, key ledger.Key, feature string, units amount.Amount, dims rating.Dims) (*Estimate, error) {
	catalog := s.Catalog(key.Environment)
	f, ok := catalog.Feature(feature)
	if !ok {
		return nil, missing("FeatureNotFound", "feature", feature)
	}
	cs, err := s.CustomerState(ctx, key.Environment, key.Customer)
	if err != nil {
		return nil, err
	}
	candidates := catalog.Candidates(cs, key.Resource, feature, s.clock(key.Environment))
	if len(candidates) == 0 {
		return &Estimate{Status: engine.EventUnmapped, Reason: ReasonNoMapping}, nil
	}
	return s.estimateUnits(ctx, key, f, candidates, usedUnits{units, dims, "dimensions"})
}

// usedUnits is a number of units about to be used, and the dimensions that a formula may look at. An error is told of field.
type usedUnits struct {
	units amount.Amount
	dims  rating.Dims
	field string
}

// estimateUnits prices units under at least one mapping, as an event that measures as much would be priced now: in the
// state of the usage period. Under UNIQUE they count as new values, under MAX as the value measured.
func (s *Service) estimateUnits(ctx context.Context, pool ledger.Key, f *Feature, candidates []Candidate, use usedUnits) (*Estimate, error) {
	op := &estimateOp{env: pool.Environment, customer: pool.Customer}
	op.pricing.event = engine.Event{Resource: pool.Resource, At: s.clock(pool.Environment), Dims: use.dims, Status: engine.EventRated}
	op.pricing.addMeasured(f, candidates, rating.Measurement{Units: use.units, Value: neverSeen})
	if err := s.do(ctx, op); err != nil {
		return nil, err
	}
	if op.estimate.Status != engine.EventRated {
		return nil, Unprocessable(op.estimate.Reason, use.field, op.estimate.Detail)
	}
	return &op.estimate, nil
}

// neverSeen stands for values of UNIQUE that nobody has reported yet.
const neverSeen = "\x00"
