package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Consumption takes a number of credits directly, without a meter or a mapping (semantics 7.5).
type Consumption struct {
	Customer       string
	CreditType     string
	Resource       string
	Amount         amount.Amount // > 0
	Key            string
	At             ledger.Time // 0 means now
	Dims           rating.Dims
	Feature        string // attributed to it in charts, or empty
	RequireBalance bool   // strict: refuse rather than overdraw
}

// ConsumptionResult is what a direct consumption did. For a duplicate it is what the first one did.
type ConsumptionResult struct {
	Position  engine.Position
	At        ledger.Time
	Duplicate bool
}

// Consume burns credits directly. It fails with CustomerNotFound, CustomerIsArchived, CurrencyNotFound, FeatureNotFound,
// TimestampInFuture or TimestampTooOld when nothing like it can be accepted; with InsufficientCredits when the balance is
// required and not there; with IdempotencyMismatch when the key was used for something else; and with EventNotRated when
// the key names a consumption that waits in quarantine.
func (s *Service) Consume(ctx context.Context, env string, by Caller, in Consumption) (ConsumptionResult, error) {
	op, err := s.consumeOp(ctx, env, by, in)
	if err != nil {
		return ConsumptionResult{}, err
	}
	if err := s.do(ctx, op); err != nil {
		return ConsumptionResult{}, err
	}
	return op.result, nil
}

// ConsumeAll burns credits for every item, in order. An item that cannot be accepted never fails the others: it is stored
// as quarantined. A strict item that finds too little is left out, and so is one whose key was used before. The error is
// for the whole call; repeating it with the same keys is safe.
func (s *Service) ConsumeAll(ctx context.Context, env string, by Caller, items []Consumption) error {
	ops := make([]engine.Op, len(items))
	var low lowered
	for i, in := range items {
		op, err := s.consumeOp(ctx, env, by, in)
		if err != nil {
			return at(item("consumptions", i), err)
		}
		op.keep = true
		ops[i] = op
		low.name(in.Customer)
	}
	for _, err := range s.doAll(ctx, ops) {
		if err != nil && !refuses(err) {
			return err
		}
	}
	s.rechargeAll(ctx, env, low)
	return nil
}

func (s *Service) consumeOp(ctx context.Context, env string, by Caller, in Consumption) (*consumeOp, error) {
	if in.Amount.Sign() <= 0 || !in.Amount.InRange() {
		return nil, Invalid("amount", "must be more than 0")
	}
	cs, err := s.knownCustomer(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	if in.At == 0 {
		in.At = s.clock(env)
	}
	return &consumeOp{env: env, by: by, in: in, dueBound: dueBound{cs.due()}, refused: s.Catalog(env).refuseConsumption(cs, in.Customer, in.CreditType, in.Feature)}, nil
}

// refuseConsumption tells why nobody can burn the credit type directly for the customer (nil when unknown) and feature
// (empty for none), or returns nil.
func (c *Catalog) refuseConsumption(cs *CustomerState, customer, creditType, feature string) *Error {
	if cs == nil {
		return missing(ReasonCustomerNotFound, "customer", clip(customer))
	}
	if cs.Customer.ArchivedAt != 0 {
		return customerArchived()
	}
	if _, ok := c.CreditType(creditType); !ok {
		return missing("CurrencyNotFound", "custom currency", clip(creditType))
	}
	if _, ok := c.Feature(feature); feature != "" && !ok {
		return missing("FeatureNotFound", "feature", clip(feature))
	}
	return nil
}

// refuseAge refuses a consumption whose time lies too far from now. A repeat of one that was taken is never too old.
func (in *Consumption) refuseAge(now ledger.Time) *Error {
	if in.At < now-eventAgeMax {
		return &Error{Kind: KindInvalid, Code: ReasonTooOld, Field: "createdAt", Message: "lies more than 31 days in the past"}
	}
	return refuseAhead(in.At, now)
}

// refuseAhead refuses a time given as createdAt that lies too far ahead.
func refuseAhead(at, now ledger.Time) *Error {
	if at <= now+eventAheadMax {
		return nil
	}
	return &Error{Kind: KindInvalid, Code: ReasonTimestampInFuture, Field: "createdAt", Message: "lies more than 5 minutes in the future"}
}

// consumeOp is a direct consumption in the writer.
type consumeOp struct {
	env     string
	by      Caller
	in      Consumption
	refused *Error // by the catalogue
	keep    bool   // what cannot be accepted is quarantined
	result  ConsumptionResult
	dueBound
}

// Scope implements engine.Op.
func (op *consumeOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.env, Customer: op.in.Customer,
		Key: engine.EventKey(op.env, op.in.Customer, op.in.Resource, "", op.in.Key), Before: op.before,
	}
}

// Decide implements engine.Op.
func (op *consumeOp) Decide(tx *engine.Tx) error {
	refused := op.refused
	if refused == nil {
		refused = op.in.refuseAge(tx.Now())
	}
	switch {
	case refused != nil && op.keep:
		op.quarantine(tx, refused.Code)
		return nil
	case refused != nil:
		return refused
	}
	op.record(tx, engine.EventRated, op.in.Amount)
	if err := tx.Open(engine.PoolRef{Currency: op.in.CreditType, Resource: op.in.Resource}); err != nil {
		return err
	}
	pool, ltx := tx.Pool(0), tx.Ledger(0)
	if op.keep && !pool.CanBurn(op.in.Amount) {
		op.quarantine(tx, ReasonOutOfRange)
		return nil
	}
	if err := pool.Consume(ltx, op.in.Amount, ledger.Charge{Feature: op.in.Feature}, op.in.RequireBalance); err != nil {
		return refusal(err)
	}
	op.result = ConsumptionResult{Position: tx.Entry().Position, At: op.in.At}
	return nil
}

// quarantine keeps a consumption that burns nothing until somebody releases it.
func (op *consumeOp) quarantine(tx *engine.Tx, reason string) {
	op.record(tx, engine.EventQuarantined, amount.Zero)
	tx.Entry().Event.Reason = reason
}

// record fills in the entry. The units of the charge are what was asked for, whatever it costs now.
func (op *consumeOp) record(tx *engine.Tx, status engine.EventStatus, cost amount.Amount) {
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Key = engine.ConsumeEntry, op.by.Actor, op.by.Request, op.in.Key
	e.Event = &engine.Event{
		Resource: op.in.Resource, At: op.in.At, Dims: op.in.Dims, Status: status,
		Charges: []engine.Charge{{
			Charge: ledger.Charge{Feature: op.in.Feature}, Currency: op.in.CreditType, Units: op.in.Amount, Cost: cost,
		}},
	}
}

// Repeat implements engine.Op.
func (op *consumeOp) Repeat(tx *engine.Tx, first *engine.Entry) error {
	charge := &first.Event.Charges[0]
	if charge.Units != op.in.Amount || charge.Currency != op.in.CreditType || !first.Event.Dims.Equal(op.in.Dims) {
		return mismatch("idempotencyKey")
	}
	op.result = ConsumptionResult{Position: first.Position, At: first.Event.At, Duplicate: true}
	if first.Event.Status == engine.EventRated {
		return nil
	}
	resolved, ok, err := tx.Find(engine.ResolveKey(first.Position))
	if err != nil || ok && resolved.Event.Status == engine.EventRated {
		return err
	}
	waits := Conflict("EventNotRated", "this key was used before for a consumption that burned nothing and is kept as event "+
		first.Position.EventID())
	waits.Field = "idempotencyKey"
	return waits
}

// mismatch says that a key was used for something else before.
func mismatch(field string) *Error {
	e := Conflict("IdempotencyMismatch", "this key was used before with other content; the first request stands")
	e.Field = field
	return e
}

// refusal turns a rule of the ledger that a request ran into, into an error for the API's user.
func refusal(err error) error {
	var insufficient *ledger.Insufficient
	var field *ledger.FieldError
	switch {
	case errors.As(err, &insufficient):
		return &Error{Kind: KindPaymentRequired, Code: "InsufficientCredits", Field: "amount",
			Message: fmt.Sprintf("%s credits are available and %s are needed", insufficient.Available, insufficient.Needed)}
	case errors.As(err, &field):
		return Invalid(lowerFirst(field.Field), field.Message)
	case errors.Is(err, ledger.ErrAmountOutOfRange):
		return Unprocessable(CodeOutOfRange, "amount", "would bring a grant or a balance out of the range of 15 integer digits")
	case errors.Is(err, ledger.ErrGrantNotFound):
		return NotFound(codeGrantNotFound, "the grant does not exist")
	case errors.Is(err, ledger.ErrGrantExpired):
		return Conflict("GrantExpired", "the grant has expired and cannot change any more")
	case errors.Is(err, ledger.ErrGrantVoided):
		return Conflict("GrantVoided", "the grant is voided and cannot change any more")
	case errors.Is(err, ledger.ErrOverdraftImmutable):
		return Conflict("OverdraftImmutable", "an overdraft is kept by the system and cannot be changed")
	case errors.Is(err, ledger.ErrHoldNotFound):
		return NotFound("ReservationNotFound", "the reservation does not exist")
	case errors.Is(err, ledger.ErrHoldMismatch):
		return mismatch("reservationId")
	case errors.Is(err, ledger.ErrTooManyHolds):
		return Unprocessable("TooManyReservations", "reservationId",
			fmt.Sprintf("the pool has %d open reservations, the most it may have", ledger.MaxHolds))
	}
	return err
}

// lowerFirst turns the name of a Go field into that of a member of a request.
func lowerFirst(name string) string {
	if name == "" {
		return name
	}
	return string(name[0]|0x20) + name[1:]
}
