package credits

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Reversal undoes what an event burned (semantics 7.4).
type Reversal struct {
	Event          engine.Position
	Reason         string
	ReplaceExpired bool // what returns to an expired grant comes back as a new promotional grant
}

// Reverse books an event back to the grants that bear its cost now. An event can be reversed once; again changes nothing
// and answers the same. It fails with EventNotFound, or EventNotRated when it burned nothing.
func (s *Service) Reverse(ctx context.Context, env string, by Caller, in Reversal) (engine.EventRecord, error) {
	record, err := s.Event(ctx, env, in.Event)
	if err != nil {
		return record, err
	}
	if err := validText("reason", in.Reason, reasonLengthMax); err != nil {
		return record, err
	}
	if record.Reversed != nil {
		return record, nil
	}
	burned := record.Entry
	if record.Resolved != nil {
		burned = record.Resolved
	}
	if len(burned.Pools) == 0 {
		return record, Conflict("EventNotRated", "the event burned nothing, so there is nothing to reverse")
	}
	op := &reverseOp{by: by, in: in, event: record.Entry, burned: burned}
	if err := s.do(ctx, op); err != nil {
		return record, err
	}
	return s.Event(ctx, env, in.Event)
}

// reverseOp reverses an event in the writer.
type reverseOp struct {
	by     Caller
	in     Reversal
	event  *engine.Entry // as reported
	burned *engine.Entry // the entry that burned: the same, or the one that resolved it
	dueBound
}

// Scope implements engine.Op.
func (op *reverseOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.event.Environment, Customer: op.event.Customer, Key: engine.ReverseKey(op.event.Position), Before: op.before,
	}
}

// Decide implements engine.Op.
func (op *reverseOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Reason = engine.ReverseEntry, op.by.Actor, op.by.Request, op.in.Reason
	e.Ref, e.RefEventAt = op.event.Position, op.event.Event.At
	refs := make([]engine.PoolRef, len(op.burned.Pools))
	for i := range op.burned.Pools {
		refs[i] = engine.PoolRef{Currency: op.burned.Pools[i].Currency, Resource: op.burned.Pools[i].Resource}
	}
	if err := tx.Open(refs...); err != nil {
		return err
	}
	reversals := make([]ledger.Reversal, len(refs))
	for i := range refs {
		var err error
		if reversals[i], err = op.plan(tx, i); err != nil {
			return err
		}
	}
	for i, r := range reversals {
		id, err := tx.Pool(i).Reverse(tx.Ledger(i), r)
		if err != nil {
			if i > 0 {
				panic(fmt.Sprintf("reversal of %s failed half way: %v", op.event.Position.EventID(), err))
			}
			return refusal(err)
		}
		if id != 0 {
			e.Texts = append(e.Texts, engine.GrantTexts{
				Grant: id, DisplayName: "Replacement of expired credits", Reason: op.in.Reason,
				CollectionMethod: CollectNone, Actor: op.by.Actor,
			})
		}
	}
	return nil
}

// plan finds who bears the cost of the event in one pool now.
func (op *reverseOp) plan(tx *engine.Tx, i int) (ledger.Reversal, error) {
	pool := tx.Pool(i)
	var r ledger.Reversal
	rows := op.burned.RowsOf(pool.Key())
	overdrafts, err := overdraftRows(tx, i, rows)
	if err != nil {
		return r, err
	}
	r.Borne = ledger.BearersNow(rows, overdrafts)
	for _, b := range r.Borne {
		if _, open := pool.Grant(b.Grant); open {
			continue
		}
		g, err := tx.FinalGrant(i, b.Grant)
		if err != nil {
			return r, err
		}
		if g != nil {
			r.Past = append(r.Past, *g)
		}
	}
	if op.in.ReplaceExpired {
		r.Replace = &ledger.Grant{Type: ledger.Promotional, Priority: GrantPriorityDefault, ExpireAt: ledger.Never}
	}
	return r, nil
}

// overdraftRows collects the rows of every overdraft that the event touched, with the settlement that follows each.
func overdraftRows(tx *engine.Tx, i int, eventRows []ledger.Row) ([]ledger.Row, error) {
	touched := map[ledger.GrantID]bool{}
	for _, row := range eventRows {
		if row.Type == ledger.Consumed {
			isOverdraft, err := tx.IsOverdraft(i, row.Grant)
			if err != nil {
				return nil, err
			}
			if isOverdraft {
				touched[row.Grant] = true
			}
		}
	}
	if len(touched) == 0 {
		return nil, nil
	}
	history, err := tx.Rows(i)
	if err != nil {
		return nil, err
	}
	var rows []ledger.Row
	for k, row := range history {
		settles := k > 0 && row.Type == ledger.TransferTarget && touched[history[k-1].Grant]
		if touched[row.Grant] || settles {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// Repeat implements engine.Op: reversing again changes nothing.
func (op *reverseOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// EventsFilter selects events, newest first by arrival.
type EventsFilter = engine.EventQuery

// Events lists events of an environment. The second result tells whether there are more in the direction asked for.
func (s *Service) Events(ctx context.Context, q EventsFilter) ([]engine.EventRecord, bool, error) {
	if q.Customer != "" {
		// An unknown customer may have events: they were quarantined for that.
		if err := validCustomerID("customerId", q.Customer); err != nil {
			return nil, false, err
		}
	}
	return s.engine.Events(ctx, q)
}

// Event returns one event of an environment with what became of it, or EventNotFound.
func (s *Service) Event(ctx context.Context, env string, at engine.Position) (engine.EventRecord, error) {
	record, ok, err := s.engine.Event(ctx, at)
	if err != nil {
		return record, err
	}
	if !ok || record.Environment != env {
		return record, NotFound("EventNotFound", fmt.Sprintf("event %q does not exist", at.EventID()))
	}
	return record, nil
}
