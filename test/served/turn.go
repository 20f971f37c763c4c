package served

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// turnOp posts a boundary in one pool, as whoever looks after subscriptions does.
type turnOp struct {
	scope engine.Scope
	name  string
	pool  engine.PoolRef
	turn  ledger.Turn
	names []string // of the children, then of the block
	made  []engine.GrantTexts
}

// Scope implements engine.Op.
func (op *turnOp) Scope() engine.Scope { return op.scope }

// Decide implements engine.Op.
func (op *turnOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Key = engine.TurnEntry, op.name
	if err := tx.OpenTurn(op.pool); err != nil {
		return err
	}
	turned, err := tx.Pool(0).Turn(tx.Ledger(0), op.turn)
	if err != nil {
		return err
	}
	for i, id := range append(turned.Rolled, turned.Issued...) {
		if id != 0 {
			e.Texts = append(e.Texts, engine.GrantTexts{Grant: id, DisplayName: op.names[i], CollectionMethod: "NONE"})
		}
	}
	op.made = e.Texts
	return nil
}

// Repeat implements engine.Op.
func (op *turnOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	op.made = first.Texts
	return nil
}

// boundary moves the clock to a boundary and posts it, twice, as two nodes would. A boundary of now, or of the past, comes
// after what is due by now.
func (w *World) boundary(c model.Turn) model.Outcome {
	at := c.At
	if at.IsZero() {
		at = w.now
	}
	moves := at.After(w.now)
	if moves {
		w.moveClock(at.Add(-time.Microsecond))
	} else {
		key := ledger.Key{Environment: w.env, Customer: customer, Currency: c.Pool.Currency, Resource: c.Pool.Resource}
		if _, err := w.server.engine.View(context.Background(), key, 0); err != nil {
			panic(fmt.Sprintf("look at a pool: %v", err))
		}
	}
	ops := w.turnOps(c, at) // looks for grants, and who looks at a pool posts what is due in it
	if moves {
		w.clock.now.Store(at.UnixMicro())
	}
	err := w.post(c.Pool, ops)
	if moves {
		w.moveClock(at)
	} else {
		w.setClock(w.now)
	}
	if err != nil {
		return model.Outcome{Refused: model.Refused}
	}
	return model.Outcome{}
}

// turnOps are two operations of one boundary.
func (w *World) turnOps(c model.Turn, at time.Time) (ops [2]*turnOp) {
	w.turns++
	subscription, instant := fmt.Sprintf("subscription %d", w.turns), ledger.Time(at.UnixMicro())
	turn, names := w.turnOf(c)
	for i := range ops {
		ops[i] = &turnOp{
			scope: engine.Scope{Environment: w.env, Customer: customer, At: instant, Key: engine.TurnKey(w.env, subscription, instant)},
			name:  engine.TurnName(subscription, instant), turn: turn, names: names,
			pool: engine.PoolRef{Currency: c.Pool.Currency, Resource: c.Pool.Resource},
		}
	}
	return ops
}

// post posts the boundary and names what it made.
func (w *World) post(p model.Pool, ops [2]*turnOp) error {
	errs := w.server.engine.Do(context.Background(), ops[0], ops[1])
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if fmt.Sprint(ops[0].made) != fmt.Sprint(ops[1].made) {
		panic("a boundary posted twice made something else")
	}
	for _, t := range ops[1].made {
		w.name(t.DisplayName, engine.GrantText(t.Grant), p)
	}
	return nil
}

// turnOf is a boundary in the words of the ledger, with the names of what it may make. A grant that the story names and that
// does not exist is left out.
func (w *World) turnOf(c model.Turn) (t ledger.Turn, names []string) {
	t = ledger.Turn{Forgive: c.Forgive, End: w.ids(c.Pool, c.Ends...), Void: w.ids(c.Pool, c.Voids...)}
	for _, r := range c.Rolls {
		for _, id := range w.ids(c.Pool, r.Ref) {
			t.Roll = append(t.Roll, ledger.Rollover{Grant: id, Max: number(r.Max), ExpireAt: ledger.Time(r.Until.UnixMicro())})
			names = append(names, r.As)
		}
	}
	if b := c.Block; b.Ref != "" {
		g := ledger.Grant{Type: grantTypes[b.Kind], Priority: int32(b.Priority), Amount: number(b.Amount), ExpireAt: ledger.Never}
		if !b.ExpireAt.IsZero() {
			g.ExpireAt = ledger.Time(b.ExpireAt.UnixMicro())
		}
		if b.Cost.Amount != "" {
			g.Cost = ledger.Money{Amount: number(b.Cost.Amount), Currency: b.Cost.Currency}
		}
		t.Issue, names = []ledger.Grant{g}, append(names, b.Ref)
	}
	return t, names
}

var grantTypes = map[model.Kind]ledger.GrantType{
	model.Promotional: ledger.Promotional, model.Paid: ledger.Paid, model.Recurring: ledger.Recurring,
}

// ids finds grants of a pool by what the story calls them.
func (w *World) ids(p model.Pool, refs ...string) (ids []ledger.GrantID) {
	for _, ref := range refs {
		g := w.find(ref, p)
		if g.id == unknownGrant || g.pool != p {
			continue
		}
		id, err := engine.ParseGrantText(g.id)
		if err != nil {
			panic(fmt.Sprintf("grant id %s: %v", g.id, err))
		}
		ids = append(ids, id)
	}
	return ids
}
