package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// How long a reservation lasts when nothing is said (semantics 6.4); the most is ledger.MaxHoldTTL.
const holdTTLDefault ledger.Time = 3600 * 1e6

// Reservation asks to hold credits for an operation whose cost is not known yet (semantics 6.4).
type Reservation struct {
	Pool           ledger.Key
	ID             string        // the caller's, unique per pool for ever
	Amount         amount.Amount // the most the operation can cost
	ExpiresAt      ledger.Time   // 0 means one hour from now
	Capture        bool          // charge the held amount when the time runs out instead of freeing it
	AllowOverdraft bool          // hold beyond what is available; counts only under a soft limit (semantics 6.4)
	Feature        string        // attributed to it when settled, or empty
}

// Reserve holds credits, checked and taken in one step. Repeating an id with the same amount answers what the first call
// did, also when the customer was archived since. It fails with CustomerNotFound, CustomerIsArchived, CurrencyNotFound,
// InsufficientCredits, IdempotencyMismatch, TooManyReservations, or an invalid member.
func (s *Service) Reserve(ctx context.Context, by Caller, in Reservation) (ledger.Hold, error) {
	cs, err := s.CustomerState(ctx, in.Pool.Environment, in.Pool.Customer)
	if err != nil {
		return ledger.Hold{}, err
	}
	if err := validName("reservationId", in.ID, idLengthMax); err != nil {
		return ledger.Hold{}, err
	}
	if in.Amount.Sign() <= 0 {
		return ledger.Hold{}, Invalid("amount", "must be more than 0")
	}
	catalog := s.Catalog(in.Pool.Environment)
	soft := in.AllowOverdraft && catalog.softLimit(cs, in.Pool.Resource, in.Pool.Currency, s.clock(in.Pool.Environment))
	in.AllowOverdraft = soft // asking for it is not enough
	op := &reserveOp{by: by, in: in}
	op.refused = catalog.refuseConsumption(cs, in.Pool.Customer, in.Pool.Currency, in.Feature)
	if err := s.do(ctx, op); err != nil {
		return ledger.Hold{}, err
	}
	return op.hold, nil
}

// reserveOp holds credits in the writer.
type reserveOp struct {
	by   Caller
	in   Reservation
	hold ledger.Hold
	dueBound

	refused *Error // by the catalogue, unless the reservation was made before
}

// Scope implements engine.Op.
func (op *reserveOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.in.Pool.Environment, Customer: op.in.Pool.Customer,
		Key: engine.HoldKey(op.in.Pool, op.in.ID), Before: op.before,
	}
}

// Decide implements engine.Op.
func (op *reserveOp) Decide(tx *engine.Tx) error {
	if op.refused != nil {
		return op.refused
	}
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Key = engine.ReserveEntry, op.by.Actor, op.by.Request, op.in.ID
	if err := tx.Open(refOf(op.in.Pool)); err != nil {
		return err
	}
	expires := op.in.ExpiresAt
	if expires == 0 {
		expires = tx.Now() + holdTTLDefault
	}
	pool, ltx := tx.Pool(0), tx.Ledger(0)
	hold, err := pool.Reserve(ltx, ledger.HoldSpec{
		ID: op.in.ID, Amount: op.in.Amount, ExpiresAt: expires, Capture: op.in.Capture,
		AllowOverdraft: op.in.AllowOverdraft, Charge: ledger.Charge{Feature: op.in.Feature},
	})
	op.hold = hold
	return refusal(err)
}

// Repeat implements engine.Op.
func (op *reserveOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	hold := holdIn(first, op.in.ID)
	if hold == nil || hold.Amount != op.in.Amount {
		return mismatch("reservationId")
	}
	op.hold = *hold
	return nil
}

func refOf(key ledger.Key) engine.PoolRef {
	return engine.PoolRef{Currency: key.Currency, Resource: key.Resource}
}

// holdIn returns the last state of a hold that an entry recorded, or nil.
func holdIn(e *engine.Entry, id string) *ledger.Hold {
	var hold *ledger.Hold
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			if h := e.Pools[i].Facts[f].Hold; h != nil && h.ID == id {
				hold = h
			}
		}
	}
	return hold
}

// Settlement ends a hold or burns a part of it (semantics 6.4).
type Settlement struct {
	Pool     ledger.Key
	ID       string
	Amount   amount.Amount // what the operation cost in the end; 0 frees everything
	Partial  bool          // keep the rest held
	ExtendTo ledger.Time   // with Partial: when the rest times out; 0 leaves it
	Key      string        // idempotency key of a partial settle, unique in the hold; a final one needs none
}

// Settle burns what a hold was for and frees the rest. The first of settle, release and timeout wins; later ones answer
// its result. A settle that comes after the timeout freed the credits is not lost: it burns like a direct consumption. The
// first final one does so once and closes the matter; partial ones before it each burn, as they did before the timeout, and
// are answered with the hold as it timed out. It fails with ReservationNotFound, with IdempotencyMismatch when the key was used for another partial settle of
// the hold, or with an invalid member.
func (s *Service) Settle(ctx context.Context, by Caller, in Settlement) (ledger.Hold, error) {
	if in.Amount.Sign() < 0 || !in.Amount.InRange() {
		return ledger.Hold{}, Invalid("amount", "must not be negative")
	}
	op := &settleOp{by: by, in: in}
	if in.Key != "" {
		var err error
		if op.fingerprint, err = fingerprintOf(in); err != nil {
			return ledger.Hold{}, err
		}
	}
	return s.endHold(ctx, op)
}

// Release frees what a hold still holds. It fails with ReservationNotFound.
func (s *Service) Release(ctx context.Context, by Caller, pool ledger.Key, id string) (ledger.Hold, error) {
	return s.endHold(ctx, &settleOp{by: by, in: Settlement{Pool: pool, ID: id}, release: true})
}

func (s *Service) endHold(ctx context.Context, op *settleOp) (ledger.Hold, error) {
	if _, err := s.Pool(ctx, op.in.Pool); err != nil {
		return ledger.Hold{}, err
	}
	if err := s.do(ctx, op); err != nil {
		return ledger.Hold{}, err
	}
	return op.hold, nil
}

// settleOp settles or releases a hold in the writer.
type settleOp struct {
	by      Caller
	in      Settlement
	release bool // whatever was settled before
	hold    ledger.Hold
	dueBound

	fingerprint uint64
}

// Scope implements engine.Op. A final settle needs no key: a hold ends once.
func (op *settleOp) Scope() engine.Scope {
	scope := engine.Scope{Environment: op.in.Pool.Environment, Customer: op.in.Pool.Customer, Before: op.before}
	if op.in.Key != "" {
		scope.Key = engine.SettleKey(op.in.Pool, op.in.ID, op.in.Key)
	}
	return scope
}

// Decide implements engine.Op.
func (op *settleOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Actor, e.Request = op.by.Actor, op.by.Request
	if err := tx.Open(refOf(op.in.Pool)); err != nil {
		return err
	}
	pool := tx.Pool(0)
	if _, open := pool.Hold(op.in.ID); !open {
		return op.settleEnded(tx, pool)
	}
	hold, err := op.apply(pool, tx.Ledger(0))
	if err != nil {
		return refusal(err)
	}
	e.Kind, e.Key, e.Fingerprint = engine.SettleEntry, op.in.Key, op.fingerprint
	if hold.End == ledger.HoldReleased {
		e.Kind = engine.ReleaseEntry
	}
	op.hold = hold
	return nil
}

func (op *settleOp) apply(pool *ledger.Pool, tx *ledger.Tx) (ledger.Hold, error) {
	if op.release {
		return pool.Release(tx, op.in.ID)
	}
	return pool.Settle(tx, op.in.ID, op.in.Amount, !op.in.Partial, op.in.ExtendTo)
}

// settleEnded answers for a hold that has ended: with how it ended, and, if it timed out before the operation was settled
// for good, by burning the amount now.
func (op *settleOp) settleEnded(tx *engine.Tx, pool *ledger.Pool) error {
	ended, ok, err := tx.Find(engine.HoldEndKey(op.in.Pool, op.in.ID))
	if err != nil {
		return err
	}
	if !ok {
		return refusal(ledger.ErrHoldNotFound)
	}
	op.hold = *holdIn(ended, op.in.ID)
	if op.hold.End != ledger.HoldExpired {
		return nil
	}
	late, done, err := op.findLate(tx, op.lateName())
	if err != nil || !done && op.in.Amount.IsZero() {
		return err
	}
	if done {
		op.settledLate(late.Event.Charges[0].Cost)
		return nil
	}
	if op.in.Partial {
		return op.settleLatePart(tx, pool)
	}
	op.settledLate(op.in.Amount)
	return op.burnLate(tx, pool, op.lateName())
}

// settleLatePart burns a part after the timeout: once under its key, and without one each time, as before the timeout.
func (op *settleOp) settleLatePart(tx *engine.Tx, pool *ledger.Pool) error {
	if op.in.Key == "" {
		return op.burnLate(tx, pool, op.lateName()+"\x00"+tx.Entry().Position.TxnID())
	}
	name := op.lateName() + "\x00\x00" + op.in.Key
	first, repeated, err := op.findLate(tx, name)
	switch {
	case err != nil:
		return err
	case repeated:
		return op.sameRequest(first)
	}
	return op.burnLate(tx, pool, name)
}

// burnLate burns what a hold was for after it timed out, like a direct consumption.
func (op *settleOp) burnLate(tx *engine.Tx, pool *ledger.Pool, name string) error {
	e := tx.Entry()
	e.Kind, e.Key, e.Fingerprint = engine.ConsumeEntry, name, op.fingerprint
	e.Event = &engine.Event{
		Resource: op.in.Pool.Resource, At: tx.Now(), Status: engine.EventRated,
		Charges: []engine.Charge{{Charge: op.hold.Charge, Currency: op.in.Pool.Currency, Units: op.in.Amount, Cost: op.in.Amount}},
	}
	return refusal(pool.Consume(tx.Ledger(0), op.in.Amount, op.hold.Charge, false))
}

// settledLate is how a hold looks that timed out before its final settle.
func (op *settleOp) settledLate(burned amount.Amount) {
	op.hold.End, op.hold.Settled = ledger.HoldSettled, op.hold.Settled.Add(burned)
}

// lateName is the key under which the final settle after the timeout burns, once; those of partial ones begin with it. No
// caller's key, credit type or reservation has a NUL.
func (op *settleOp) lateName() string { return "\x00settle:" + op.in.Pool.Currency + ":" + op.in.ID }

func (op *settleOp) findLate(tx *engine.Tx, name string) (*engine.Entry, bool, error) {
	pool := op.in.Pool
	return tx.Find(engine.EventKey(pool.Environment, pool.Customer, pool.Resource, "", name))
}

// Repeat implements engine.Op: a partial settle under the same key has been done.
func (op *settleOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	if err := op.sameRequest(first); err != nil {
		return err
	}
	op.hold = *holdIn(first, op.in.ID)
	return nil
}

// sameRequest refuses a key that another partial settle of the hold has used.
func (op *settleOp) sameRequest(first *engine.Entry) error {
	if first.Fingerprint != op.fingerprint {
		return mismatch("idempotencyKey")
	}
	return nil
}

// Holds lists the open reservations of a pool.
func (s *Service) Holds(ctx context.Context, pool ledger.Key) ([]ledger.Hold, error) {
	if _, err := s.Pool(ctx, pool); err != nil {
		return nil, err
	}
	var holds []ledger.Hold
	err := s.inTime(ctx, pool.Environment, pool.Customer, func(before ledger.Time) (err error) {
		holds, err = s.engine.Holds(ctx, pool, before)
		return err
	})
	return holds, err
}
