package pure

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// swept is a copy of the pool with everything due posted: a look at it changes nothing.
func (w *World) swept(x *wallet) *ledger.Pool {
	p := x.pool.Clone()
	p.Sweep(w.tx("", 0))
	return p
}

// short says whether a strict call would be refused.
func (w *World) short(x *wallet, strict bool, amt amount.Amount) bool {
	return strict && w.swept(x).Available().Less(amt)
}

// Balance implements model.Subject.
func (w *World) Balance(name model.Pool) model.Balance {
	p := w.swept(w.wallet(name))
	return model.Balance{
		Settled: p.Balance().String(), Held: p.Held().String(), Available: p.Available().String(),
		TotalGranted: p.TotalGranted().String(), TotalConsumed: p.TotalConsumed().String(),
	}
}

// Grants implements model.Subject.
func (w *World) Grants(name model.Pool) []model.Grant {
	x := w.wallet(name)
	w.sweep(x)
	var list []model.Grant
	for _, id := range x.ids() {
		g := x.grants[id]
		list = append(list, model.Grant{
			Ref: x.ref(id), Kind: model.Kind(g.Type.String()), Status: g.Status(w.now).String(), Amount: g.Amount.String(),
			Consumed: g.Consumed.String(), Expired: g.Expired.String(), Voided: g.Voided.String(),
			Remaining: g.Remaining().String(), Held: g.Held.String(), Depleted: g.DepletedAt != 0,
		})
	}
	return list
}

// Rows implements model.Subject.
func (w *World) Rows(name model.Pool, f model.RowFilter) []model.Row {
	x := w.wallet(name)
	w.sweep(x)
	var list []model.Row
	for i := range x.rows {
		if r := w.row(x, &x.rows[i]); f.Keeps(r) {
			list = append(list, r)
		}
	}
	return list
}

func (w *World) row(x *wallet, r *ledger.Row) model.Row {
	v := model.Row{
		Txn: r.Cause.Txn, PostedAt: clock(r.PostedAt), Type: r.Type.String(), Grant: x.ref(r.Grant),
		Amount: r.Amount.String(), End: r.End.String(), EventAt: clock(r.Cause.EventAt), Feature: r.Charge.Feature,
		Version: int(r.Charge.Version),
	}
	if e := w.events[r.Cause.Event]; e != nil {
		v.Event = e.key
	}
	if !r.Money.Amount.IsZero() {
		v.Money = model.Money{Amount: r.Money.Amount.String(), Currency: r.Money.Currency}
	}
	return v
}

// Usage implements model.Subject. The ledger knows no series; the rows are added up as the model does it.
func (w *World) Usage(q model.UsageQuery) []model.Series {
	return model.UsageOf(w.Rows(q.Pool, model.RowFilter{}), q, clock(w.now))
}

// Check implements model.Subject.
func (w *World) Check(q model.CheckQuery) model.Access {
	p := w.swept(w.wallet(q.Pool))
	remaining := p.Available()
	ok := remaining.Sign() > 0
	if q.Requested != "" {
		ok = !remaining.Less(credits(q.Requested))
	}
	a := model.Access{
		Granted: ok || q.Soft, Limit: p.TotalGranted().String(), Remaining: remaining.String(),
		Current: p.TotalGranted().Sub(remaining).String(),
	}
	if !a.Granted {
		a.Reason = model.Insufficient
	}
	return a
}

// Estimate implements model.Subject for one event.
func (w *World) Estimate(events []model.ReportEvent) model.Cost {
	var total amount.Amount
	for _, e := range events {
		for _, c := range w.price(e, instant(e.At, w.now)).costs {
			total = total.Add(c.credits)
		}
	}
	p := w.swept(w.wallet(model.Pool{Currency: model.DefaultCurrency}))
	return model.Cost{
		Total: total.String(), Balance: p.Balance().String(), After: p.Balance().Sub(total).String(),
		Overdraft: p.Available().Less(total),
	}
}
