package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
)

// RevenueCheck is what VerifyRevenue counted.
type RevenueCheck struct {
	Months int // closed months, of all environments
	Grants int // with money behind them
}

// VerifyRevenue computes the books anew from the first entry of the journal on, and fails when the money of a grant does not
// add up to its cost (I12), when a closed month differs from what was stored, or when something was posted in one later.
// It must run on a journal that nobody writes.
func VerifyRevenue(ctx context.Context, s Store, j engine.Journal, shards uint16) (*RevenueCheck, error) {
	v := &revenueVerifier{closed: map[string][]*RevenueReport{}, totals: map[revenue.TotalKey]*revenue.Figures{}}
	if err := s.View(ctx, func(tx Tx) error { return v.load(ctx, tx) }); err != nil {
		return nil, err
	}
	for shard := range max(shards, 1) {
		v.books, v.grants, v.batch = map[ledger.GrantID][]*revenue.Book{}, map[ledger.GrantID]*ledger.Grant{}, nil
		if err := engine.Entries(ctx, j, engine.NewPosition(shard, 1), v.visit); err != nil {
			return nil, err
		}
		if err := v.take(); err != nil {
			return nil, err
		}
		v.check.Grants += len(v.books)
	}
	return &v.check, v.compare()
}

type revenueVerifier struct {
	check  RevenueCheck
	closed map[string][]*RevenueReport // by environment, the earliest first
	totals map[revenue.TotalKey]*revenue.Figures
	books  map[ledger.GrantID][]*revenue.Book // of the shard under way
	grants map[ledger.GrantID]*ledger.Grant   // as the ledger has them
	batch  []*engine.Entry
}

func (v *revenueVerifier) load(ctx context.Context, tx Tx) error {
	environments, err := tx.Environments(ctx)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if v.closed[env.ID], err = tx.ClosedMonths(ctx, env.ID); err != nil {
			return err
		}
		v.check.Months += len(v.closed[env.ID])
	}
	return nil
}

// visit takes one entry. The money of each grant it moves is held against the cost right after it.
func (v *revenueVerifier) visit(e *engine.Entry) error {
	if err := v.late(e); err != nil {
		return err
	}
	if len(revenue.Grants(e)) == 0 {
		v.follow(e)
		return nil
	}
	v.batch = append(v.batch, e)
	return v.take()
}

// late refuses a row in a month that was closed before its entry.
func (v *revenueVerifier) late(e *engine.Entry) error {
	shard := int(e.Position.Shard())
	for _, r := range slices.Backward(v.closed[e.Environment]) {
		if shard >= len(r.Until) || e.Position < r.Until[shard] {
			continue
		}
		for i := range e.Pools {
			for f := range e.Pools[i].Facts {
				if fact := &e.Pools[i].Facts[f]; fact.Kind == ledger.FactRow && fact.Row.PostedAt < r.Month.End() {
					return fmt.Errorf("entry %s posts in %s of %s, which was closed before it", e.Position.TxnID(), r.Month, e.Environment)
				}
			}
		}
		return nil
	}
	return nil
}

func (v *revenueVerifier) take() error {
	fold := revenue.Fold{Load: func(ids []ledger.GrantID) (known []*revenue.Book, err error) {
		for _, id := range ids {
			known = append(known, v.books[id]...)
		}
		return known, nil
	}}
	changes, err := fold.Take(v.batch)
	if err != nil {
		return err
	}
	for key, more := range changes.Totals {
		if sum := v.totals[key]; sum != nil {
			more.Add(sum)
		}
		v.totals[key] = more
	}
	for _, b := range changes.Books {
		v.put(b)
	}
	for _, e := range v.batch {
		if err := v.reconcile(e); err != nil {
			return err
		}
	}
	v.batch = v.batch[:0]
	return nil
}

func (v *revenueVerifier) put(b *revenue.Book) {
	list := v.books[b.Grant]
	if i := slices.IndexFunc(list, func(o *revenue.Book) bool { return o.Currency == b.Currency }); i >= 0 {
		list[i] = b
		return
	}
	v.books[b.Grant] = append(list, b)
}

// reconcile holds the books of the grants that an entry changed against the grants themselves (I12).
func (v *revenueVerifier) reconcile(e *engine.Entry) error {
	v.follow(e)
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			if fact := &e.Pools[i].Facts[f]; fact.Kind == ledger.FactRow {
				if err := v.reconcileGrant(e, fact.Row.Grant); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// follow keeps the state of grants that had or have a cost. Rows whose money rounds to nothing count too.
func (v *revenueVerifier) follow(e *engine.Entry) {
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			fact := &e.Pools[i].Facts[f]
			switch {
			case fact.Kind == ledger.FactGrant && (v.grants[fact.Grant.ID] != nil || !fact.Grant.Cost.Amount.IsZero()):
				g := *fact.Grant
				v.grants[g.ID] = &g
			case fact.Kind == ledger.FactRow && v.grants[fact.Row.Grant] != nil:
				v.grants[fact.Row.Grant].ApplyRow(&fact.Row)
			}
		}
	}
}

func (v *revenueVerifier) reconcileGrant(e *engine.Entry, id ledger.GrantID) error {
	g, sum := v.grants[id], amount.Zero
	for _, b := range v.books[id] {
		sum = sum.Add(b.Deferred())
	}
	if g == nil || g.ActivatedAt == 0 || g.Deferred().Amount == sum {
		return nil
	}
	return fmt.Errorf("entry %s: grant %s has %s deferred, its rows leave %s (I12)", e.Position.TxnID(), engine.GrantText(id), g.Deferred().Amount, sum)
}

// compare holds closed months against the computed totals.
func (v *revenueVerifier) compare() error {
	for env, months := range v.closed {
		totals := map[revenue.TotalKey]*revenue.Figures{}
		for key, f := range v.totals {
			if key.Environment == env {
				totals[key] = f
			}
		}
		for _, r := range months {
			if lines := revenue.Lines(totals, r.Month); !slices.Equal(lines, r.Lines) {
				return fmt.Errorf("the closed month %s of %s differs from the journal: stored %v, computed %v", r.Month, env, r.Lines, lines)
			}
		}
	}
	return nil
}
