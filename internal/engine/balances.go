package engine

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// BalanceAt returns the settled balance of a pool at a past instant: the end balance of the last row posted at or
// before it (semantics 3). before is as for View.
func (e *Engine) BalanceAt(ctx context.Context, pool ledger.Key, at, before ledger.Time) (amount.Amount, error) {
	if _, err := e.View(ctx, pool, before); err != nil {
		return amount.Zero, err
	}
	pages, err := e.pages(ctx, pool)
	if err != nil {
		return amount.Zero, err
	}
	reader := &entryReader{shard: pages.shard}
	for {
		page, err := pages.next(ctx)
		if err != nil || page == nil {
			return amount.Zero, err
		}
		refs, err := pages.shard.decodeRefs(page)
		if err != nil {
			return amount.Zero, err
		}
		refs = slices.DeleteFunc(refs, func(r ref) bool { return r.rows == 0 })
		row, err := lastRowAt(ctx, reader, pool, refs, at)
		if err != nil || row != nil {
			return endOf(row), err
		}
	}
}

func endOf(row *LedgerRow) amount.Amount {
	if row == nil {
		return amount.Zero
	}
	return row.End
}

// lastRowAt finds the last row posted at or before the instant among entries that are in posting order.
func lastRowAt(ctx context.Context, r *entryReader, pool ledger.Key, refs []ref, at ledger.Time) (*LedgerRow, error) {
	var failed error
	rowsOf := func(i int) []LedgerRow {
		entry, err := r.read(ctx, refs[i].at)
		if err != nil {
			failed = cmp.Or(failed, err)
			return nil
		}
		return entry.rows(pool)
	}
	later := sort.Search(len(refs), func(i int) bool {
		rows := rowsOf(i)
		return len(rows) > 0 && rows[0].PostedAt > at
	})
	if failed != nil || later == 0 {
		return nil, failed
	}
	rows := rowsOf(later - 1)
	for i := range slices.Backward(rows) {
		if rows[i].PostedAt <= at {
			return &rows[i], failed
		}
	}
	return nil, failed
}

// Holds lists the open holds of a pool, oldest first, with everything due posted. before is as for View.
func (e *Engine) Holds(ctx context.Context, key ledger.Key, before ledger.Time) ([]ledger.Hold, error) {
	if _, err := e.View(ctx, key, before); err != nil {
		return nil, err
	}
	s := e.shardOf(key.Environment, key.Customer)
	var holds []ledger.Hold
	err := s.read(ctx, func() error {
		o, err := s.owner(ctx, key)
		if err != nil {
			return err
		}
		for h := range o.pool.Holds() {
			holds = append(holds, *h)
		}
		return nil
	})
	return holds, err
}
