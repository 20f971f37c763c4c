package storetest

import (
	"errors"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
)

// most is about the largest cost that one grant can have; totals go beyond it.
var most = amount.FromInt(999_999_999_999_999)

// bookOf is the book of a grant of envA with so much granted and recognised.
func bookOf(id ledger.GrantID, month revenue.Month, granted, recognised int64) *revenue.Book {
	return &revenue.Book{
		GrantKey: revenue.GrantKey{Grant: id, Currency: "usd"}, Environment: envA, Customer: "c", CreditType: "t", Resource: "r",
		Month: month, Cost: amount.FromInt(granted), Active: true,
		Figures: revenue.Figures{Cash: amount.FromInt(granted), Recognised: amount.FromInt(recognised)},
	}
}

func revenueBooks(t *testing.T, s credits.Store) {
	// The latest book of each grant comes back whole; at the end of a month those with something deferred are listed, in pages.
	const march, april = 24314, 24315
	var many []*revenue.Book
	for id := ledger.GrantID(1); id <= 205; id++ {
		many = append(many, bookOf(id, march, int64(id), 0))
	}
	last := bookOf(3, april, 3, 3)
	pending := bookOf(300, 0, 0, 0)
	pending.Active, pending.Unpaid, pending.Cost = false, true, most
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.PutRevenueBooks(t.Context(), 0, many), tx.PutRevenueBooks(t.Context(), 0, []*revenue.Book{last, pending}),
			tx.PutRevenueBooks(t.Context(), 1, []*revenue.Book{bookOf(1, march, 7, 0)}))
	})
	view(t, s, func(tx credits.Tx) error {
		ids := []ledger.GrantID{300, 999}
		for id := ledger.GrantID(1); id <= 205; id++ {
			ids = append(ids, id)
		}
		got, err := tx.RevenueBooks(t.Context(), 0, ids)
		if len(got) != 206 {
			t.Errorf("%d books, want 206", len(got))
		}
		for _, b := range got {
			switch b.Grant {
			case 3:
				same(t, b, last)
			case 300:
				same(t, b, pending)
			}
		}
		return err
	})
	list := func(month revenue.Month, page credits.Page) (ids []int) {
		view(t, s, func(tx credits.Tx) error {
			books, err := tx.DeferredGrants(t.Context(), 0, envA, month, page)
			for _, b := range books {
				ids = append(ids, int(b.Grant))
			}
			return err
		})
		return ids
	}
	same(t, list(march, credits.Page{After: 5, Limit: 2}), []int{4, 3, 2})
	same(t, list(april, credits.Page{After: 5, Limit: 2}), []int{4, 2, 1})
	same(t, list(april, credits.Page{Before: 1, Limit: 2}), []int{2, 4, 5})
	same(t, list(march-1, credits.Page{After: 5, Limit: 2}), []int(nil))
}

func revenueCursors(t *testing.T, s credits.Store) {
	// A cursor moves only from where it stands, and from nothing everything begins anew; totals add up over shards.
	total := revenue.TotalKey{Environment: envA, Month: 24314, Currency: "usd", CreditType: "t"}
	huge := revenue.Figures{Cash: most}
	move := func(from, to engine.Position) error {
		return s.Update(t.Context(), func(tx credits.Tx) error {
			if err := tx.MoveRevenueCursor(t.Context(), 0, from, to); err != nil {
				return err
			}
			return tx.AddRevenueTotal(t.Context(), 0, total, &huge)
		})
	}
	update(t, s, func(tx credits.Tx) error { return tx.AddRevenueTotal(t.Context(), 0, total, &huge) }) // left by a deletion
	for _, step := range []struct {
		from, to engine.Position
		want     error
	}{{0, 5, nil}, {0, 6, credits.ErrMissing}, {4, 6, credits.ErrMissing}, {5, 6, nil}} {
		if err := move(step.from, step.to); !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
			t.Errorf("from %d to %d: %v, want %v", step.from, step.to, err, step.want)
		}
	}
	update(t, s, func(tx credits.Tx) error { return tx.AddRevenueTotal(t.Context(), 1, total, &huge) })
	view(t, s, func(tx credits.Tx) error {
		at, err := tx.RevenueCursor(t.Context(), 0)
		same(t, at, engine.Position(6))
		none, err2 := tx.RevenueCursor(t.Context(), 7)
		same(t, none, engine.Position(0))
		sums, err3 := tx.RevenueTotals(t.Context(), envA, 24314)
		want := huge
		want.Add(&huge)
		want.Add(&huge)
		same(t, sums, map[revenue.TotalKey]*revenue.Figures{total: &want})
		before, err4 := tx.RevenueTotals(t.Context(), envA, 24313)
		other, err5 := tx.RevenueTotals(t.Context(), envB, 24314)
		if len(before)+len(other) > 0 {
			t.Errorf("totals of another month or environment: %v %v", before, other)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
}

func revenueMonths(t *testing.T, s credits.Store) {
	// A closed month comes back as it was stored, and is stored once.
	r := &credits.RevenueReport{
		Month: 24314, ClosedAt: 7, ClosedBy: "k", Until: engine.Cut{1 << 60, 3},
		Lines: []revenue.Line{{Currency: "usd", CreditType: "t", Before: revenue.Figures{Cash: amount.FromInt(3)}, Figures: revenue.Figures{Breakage: amount.FromInt(-1)}}},
	}
	insert := func(env string) error {
		return s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertClosedMonth(t.Context(), env, r) })
	}
	if err := errors.Join(insert(envA), insert(envB)); err != nil {
		t.Fatal(err)
	}
	if err := insert(envA); !errors.Is(err, credits.ErrTaken) {
		t.Errorf("closing twice: %v, want ErrTaken", err)
	}
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.ClosedMonths(t.Context(), envA)
		same(t, got, []*credits.RevenueReport{r})
		return err
	})
}
