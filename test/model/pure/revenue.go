package pure

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
	"github.com/scrip-dev/scrip/test/model"
)

// money is the books of a wallet.
type moneyBooks struct {
	books  map[revenue.GrantKey]*revenue.Book
	totals map[revenue.TotalKey]*revenue.Figures
}

// enter folds the facts of a transaction into the books, and holds every grant that the pool knows against them (I12).
func (x *wallet) enter(tx *ledger.Tx) error {
	key := x.pool.Key()
	e := &engine.Entry{
		Kind: engine.UpdateEntry, // an update may be about any grant; the fold then looks at everything
		At:   tx.Now, Environment: key.Environment, Customer: key.Customer,
		Pools: []engine.PoolFacts{{Currency: key.Currency, Resource: key.Resource, Facts: tx.Facts}},
	}
	fold := revenue.Fold{Load: func(ids []ledger.GrantID) (found []*revenue.Book, _ error) {
		for _, id := range ids {
			for key, b := range x.money.books {
				if key.Grant == id {
					copied := *b
					found = append(found, &copied)
				}
			}
		}
		return found, nil
	}}
	changes, err := fold.Take([]*engine.Entry{e})
	if err != nil {
		return err
	}
	for _, b := range changes.Books {
		x.money.books[b.GrantKey] = b
	}
	for key, f := range changes.Totals {
		if sum := x.money.totals[key]; sum != nil {
			f.Add(sum)
		}
		x.money.totals[key] = f
	}
	return x.reconcile()
}

func (x *wallet) reconcile() error {
	sums := map[ledger.GrantID]amount.Amount{}
	for key, b := range x.money.books {
		sums[key.Grant] = sums[key.Grant].Add(b.Deferred())
	}
	for id, g := range x.grants {
		if want := g.Deferred().Amount; g.ActivatedAt != 0 && sums[id] != want {
			return fmt.Errorf("grant %s has %s deferred, its books say %s (I12)", x.ref(id), want, sums[id])
		}
	}
	return nil
}

// Revenue implements model.Subject.
func (w *World) Revenue() []model.RevenueLine {
	totals := map[revenue.TotalKey]*revenue.Figures{}
	for _, x := range w.wallets {
		w.sweep(x)
		for key, f := range x.money.totals {
			sum := *f
			if before := totals[key]; before != nil {
				sum.Add(before)
			}
			totals[key] = &sum
		}
	}
	var lines []model.RevenueLine
	last := revenue.MonthOf(w.now)
	first := last
	for key := range totals {
		first = min(first, key.Month)
	}
	for month := first; month <= last; month++ {
		for _, l := range revenue.Lines(totals, month) {
			lines = append(lines, model.RevenueLine{
				Month: month.String(), Currency: l.Currency, CreditType: l.CreditType, Opening: l.Opening().String(),
				Granted: l.Figures.Granted().String(), Recognised: l.Figures.Recognised.String(), Breakage: l.Figures.Breakage.String(),
				Voided: l.Figures.Voided().String(), Closing: l.Closing().String(),
			})
		}
	}
	model.SortRevenue(lines)
	return lines
}
