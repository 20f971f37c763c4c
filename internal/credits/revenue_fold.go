package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
)

// How much of a journal enters the books in one transaction: many entries, since busy grants then cost one row and not many,
// but of so few grants that it takes half a second at most, because on SQLite nobody else writes meanwhile.
const (
	foldEntriesMax = 1 << 17
	foldGrantsMax  = 1 << 13
)

// FoldRevenue brings the books of revenue up to what was durable at its call, from where they stand, and returns that cut.
// Any node may do it at any time; each entry enters once.
func (s *Service) FoldRevenue(ctx context.Context) (engine.Cut, error) {
	s.foldMu.Lock()
	defer s.foldMu.Unlock()
	head, err := s.engine.Now(ctx)
	if err != nil {
		return nil, err
	}
	for i, end := range head {
		for {
			done, err := s.foldSome(ctx, uint16(i), end)
			if err != nil {
				return nil, fmt.Errorf("enter shard %d in the books: %w", i, err)
			}
			if done {
				break
			}
		}
	}
	return head, nil
}

// foldSome enters one transaction's worth of entries, and tells whether the books have reached the end asked for.
func (s *Service) foldSome(ctx context.Context, shard uint16, end engine.Position) (bool, error) {
	var from engine.Position
	err := s.store.View(ctx, func(tx Tx) (err error) {
		from, err = tx.RevenueCursor(ctx, shard)
		return err
	})
	next := max(from, engine.NewPosition(shard, 1))
	if err != nil || next >= end {
		return true, err
	}
	entries, to, err := s.moneyEntries(ctx, next, end)
	if err != nil {
		return false, err
	}
	err = s.store.Update(ctx, func(tx Tx) error {
		if err := tx.MoveRevenueCursor(ctx, shard, from, to); err != nil {
			return err
		}
		return enter(ctx, tx, shard, entries)
	})
	if errors.Is(err, ErrMissing) { // another node was faster
		return false, nil
	}
	return to >= end, err
}

var errEnough = errors.New("enough entries")

// moneyEntries reads entries that may move money, and returns up to where it looked.
func (s *Service) moneyEntries(ctx context.Context, from, end engine.Position) (entries []*engine.Entry, to engine.Position, err error) {
	to = from
	grants := map[ledger.GrantID]bool{}
	err = s.engine.Entries(ctx, from, func(e *engine.Entry) error {
		if e.Position >= end || e.Position-from >= foldEntriesMax || len(grants) >= foldGrantsMax {
			return errEnough
		}
		to = e.Position + 1
		touched := revenue.Grants(e)
		for _, id := range touched {
			grants[id] = true
		}
		if len(touched) > 0 {
			entries = append(entries, e)
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return entries, to, err
}

// enter moves the stored books by entries.
func enter(ctx context.Context, tx Tx, shard uint16, entries []*engine.Entry) error {
	fold := revenue.Fold{Load: func(ids []ledger.GrantID) ([]*revenue.Book, error) { return tx.RevenueBooks(ctx, shard, ids) }}
	changes, err := fold.Take(entries)
	if err != nil {
		return err
	}
	for key, more := range changes.Totals {
		if err := tx.AddRevenueTotal(ctx, shard, key, more); err != nil {
			return err
		}
	}
	return tx.PutRevenueBooks(ctx, shard, changes.Books)
}
