package served

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// What this file and turn.go do, no REST operation does for a story that names each block: recurring grants are issued, and
// boundaries posted, by subscriptions, and payments are confirmed step by step. All act on the engine itself; subscriptions.go
// has stories do the same by plans and the API alone.

// hook is an operation on one pool.
type hook struct {
	scope engine.Scope
	pool  engine.PoolRef
	kind  engine.EntryKind
	act   func(*engine.Tx, *ledger.Pool, *ledger.Tx) error
}

// Scope implements engine.Op.
func (h *hook) Scope() engine.Scope { return h.scope }

// Decide implements engine.Op.
func (h *hook) Decide(tx *engine.Tx) error {
	tx.Entry().Kind = h.kind
	if err := tx.Open(h.pool); err != nil {
		return err
	}
	return h.act(tx, tx.Pool(0), tx.Ledger(0))
}

// Repeat implements engine.Op; a hook has no key.
func (h *hook) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func (w *World) hook(p model.Pool, kind engine.EntryKind, act func(*engine.Tx, *ledger.Pool, *ledger.Tx) error) error {
	h := &hook{
		scope: engine.Scope{Environment: w.env, Customer: customer},
		pool:  engine.PoolRef{Currency: p.Currency, Resource: p.Resource}, kind: kind, act: act,
	}
	return w.server.engine.Do(context.Background(), h)[0]
}

// issue adds a recurring grant.
func (w *World) issue(c model.AddGrant) model.Outcome {
	g := ledger.Grant{
		Type: ledger.Recurring, Priority: int32(c.Priority), Amount: number(c.Amount), ExpireAt: ledger.Never,
		AwaitsPayment: c.AwaitsPayment,
	}
	if !c.EffectiveAt.IsZero() {
		g.EffectiveAt = ledger.Time(c.EffectiveAt.UnixMicro())
	}
	if !c.ExpireAt.IsZero() {
		g.ExpireAt = ledger.Time(c.ExpireAt.UnixMicro())
	}
	if c.Cost.Amount != "" {
		g.Cost = ledger.Money{Amount: number(c.Cost.Amount), Currency: c.Cost.Currency}
	}
	var id ledger.GrantID
	err := w.hook(c.Pool, engine.GrantEntry, func(tx *engine.Tx, p *ledger.Pool, ltx *ledger.Tx) (err error) {
		id, err = p.AddGrant(ltx, g)
		tx.Entry().Texts = []engine.GrantTexts{{Grant: id, DisplayName: c.Ref, CollectionMethod: "NONE"}}
		return err
	})
	if err != nil {
		return model.Outcome{Refused: model.Refused}
	}
	w.name(c.Ref, engine.GrantText(id), c.Pool)
	return model.Outcome{}
}

// payment says what became of the payment of a grant. Hearing about one of a grant that has ended is no error.
func (w *World) payment(ref string, to ledger.Payment) model.Outcome {
	g := w.find(ref, model.Pool{Currency: model.DefaultCurrency})
	if g.id == unknownGrant {
		return model.Outcome{Refused: model.GrantNotFound}
	}
	id, err := engine.ParseGrantText(g.id)
	if err == nil {
		err = w.hook(g.pool, engine.PaymentEntry, func(_ *engine.Tx, p *ledger.Pool, ltx *ledger.Tx) error {
			return p.SetPayment(ltx, id, to, to == ledger.PaymentPaid)
		})
	}
	if err != nil && !errors.Is(err, ledger.ErrGrantNotFound) {
		return model.Outcome{Refused: err.Error()}
	}
	return model.Outcome{}
}

// number reads an amount; stories contain only valid ones.
func number(s string) amount.Amount {
	a, err := amount.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}
