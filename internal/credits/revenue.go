package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
)

// RevenueReport is what happened to deferred revenue in a month (semantics 19.3). For each line, to the cent, opening +
// granted − recognised − breakage − voided = closing. Once a month is closed its report never changes.
type RevenueReport struct {
	Month    revenue.Month
	ClosedAt ledger.Time `json:",omitempty"` // 0 while the month is open
	ClosedBy string      `json:",omitempty"` // id of the key
	Lines    []revenue.Line
	// From and Until are the entries that the report is tied to: of each shard those from one position to before the
	// other. With what is closed, no later entry has a row in the month.
	From  engine.Cut `json:",omitempty"`
	Until engine.Cut
}

// Closed tells whether the month was closed.
func (r *RevenueReport) Closed() bool { return r.ClosedAt != 0 }

// RowNumber orders months.
func (r *RevenueReport) RowNumber() int64 { return int64(r.Month) }

// RevenueMonths lists the months of an environment, the newest first: from the one in which it was created, or had its first
// money, to the present one. Only their status is filled in.
func (s *Service) RevenueMonths(ctx context.Context, env string, page Page) (List[*RevenueReport], error) {
	b, err := s.revenueBooks(ctx, env)
	if err != nil {
		return List[*RevenueReport]{}, err
	}
	var all []*RevenueReport
	for m := b.last; m >= b.first; m-- {
		r := &RevenueReport{Month: m}
		if closed := b.closed[m]; closed != nil {
			r.ClosedAt, r.ClosedBy = closed.ClosedAt, closed.ClosedBy
		}
		all = append(all, r)
	}
	return pageOf(all, page), nil
}

// Revenue reports a month: as it was stored when it was closed, or as it stands now. It fails with RevenueMonthNotFound for
// a month before the first or after the present one.
func (s *Service) Revenue(ctx context.Context, env string, month revenue.Month) (*RevenueReport, error) {
	b, err := s.revenueBooks(ctx, env)
	if err != nil {
		return nil, err
	}
	return b.report(month)
}

// CloseRevenue closes a month: everything due in it is posted, its figures are stored, and from then on nothing is posted in
// it, so that late facts fall into the open month (semantics 19.3). Closing again answers with what was stored. Months
// close in their order. It fails with RevenueMonthNotFound, RevenueMonthNotOver or RevenueMonthOutOfOrder.
func (s *Service) CloseRevenue(ctx context.Context, env string, by Caller, month revenue.Month) (*RevenueReport, error) {
	b, err := s.revenueBooks(ctx, env)
	if err != nil {
		return nil, err
	}
	switch r, err := b.report(month); {
	case err != nil:
		return nil, err
	case r.Closed():
		return r, nil
	case s.clock(env) < month.End():
		return nil, monthNotOver(month)
	case month > b.first && b.closed[month-1] == nil:
		return nil, Conflict("RevenueMonthOutOfOrder", fmt.Sprintf("months close in their order; close %s first", month-1))
	}
	cut, err := s.engine.CloseBefore(ctx, env, month.End(), by.Actor, by.Request)
	if errors.Is(err, engine.ErrNotOver) {
		return nil, monthNotOver(month)
	}
	if err != nil {
		return nil, err
	}
	return s.storeClosed(ctx, env, by, month, cut)
}

func monthNotOver(month revenue.Month) *Error {
	return Conflict("RevenueMonthNotOver", fmt.Sprintf("%s is not over; it can be closed from %s on", month, (month+1).String()+"-01T00:00:00Z"))
}

// storeClosed stores the report of a month in which nothing happens any more. Whoever closes it at the same time stores, or
// finds, the same figures.
func (s *Service) storeClosed(ctx context.Context, env string, by Caller, month revenue.Month, cut engine.Cut) (*RevenueReport, error) {
	b, err := s.revenueBooks(ctx, env)
	if err != nil {
		return nil, err
	}
	r, err := b.report(month)
	if err != nil || r.Closed() {
		return r, err
	}
	r.ClosedAt, r.ClosedBy, r.Until = s.clock(env), by.Actor.ID, nil
	for _, at := range cut {
		r.Until = append(r.Until, at+1)
	}
	err = s.store.Update(ctx, func(tx Tx) error {
		if err := tx.InsertClosedMonth(ctx, env, r); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: by.Actor, Action: "revenue_month.closed", Object: month.String()})
	})
	if errors.Is(err, ErrTaken) {
		return s.Revenue(ctx, env, month)
	}
	return r, err
}

// DeferredGrant is what is deferred of one grant at the end of a month.
type DeferredGrant struct{ *revenue.Book }

// RowNumber orders grants by creation inside a shard.
func (d DeferredGrant) RowNumber() int64 { return int64(d.Grant) }

// DeferredGrants lists the grants whose deferred money makes up the closing figures of a month, the newest first.
func (s *Service) DeferredGrants(ctx context.Context, env string, month revenue.Month, page Page) (List[DeferredGrant], error) {
	if _, err := s.Revenue(ctx, env, month); err != nil {
		return List[DeferredGrant]{}, err
	}
	var found []DeferredGrant
	err := s.store.View(ctx, func(tx Tx) error {
		found = nil
		for _, shard := range s.shardsFor(page) {
			books, err := tx.DeferredGrants(ctx, shard, env, month, page.within(shard))
			if err != nil {
				return err
			}
			for _, b := range books {
				found = append(found, DeferredGrant{b})
			}
			if len(found) > page.Size() {
				break
			}
		}
		return nil
	})
	if err != nil {
		return List[DeferredGrant]{}, err
	}
	if page.Before > 0 {
		found = found[:min(len(found), page.Size()+1)]
		slices.Reverse(found)
	}
	return MakeList(page, found[:min(len(found), page.Size()+1)]), nil
}

// shardsFor lists the shards that a page of grants may come from, in the direction it is read: ids grow with the shard.
func (s *Service) shardsFor(page Page) []uint16 {
	var shards []uint16
	for i := range s.engine.Shards() {
		shard := uint16(i)
		switch {
		case page.Before > 0 && shard < engine.Position(page.Before).Shard():
		case page.Before == 0 && page.After > 0 && shard > engine.Position(page.After).Shard():
		default:
			shards = append(shards, shard)
		}
	}
	if page.Before == 0 {
		slices.Reverse(shards)
	}
	return shards
}

// within is the page as seen by one shard.
func (p Page) within(shard uint16) Page {
	if p.Before > 0 {
		p.Before = max(p.Before, int64(engine.NewPosition(shard, 0)))
		if p.Before == 0 {
			p.Before = 1
		}
		return p
	}
	if end := int64(engine.NewPosition(shard, 0)) | (1<<48 - 1); p.After == 0 || p.After > end {
		p.After = end
	}
	return p
}

// books is what is known of the revenue of an environment.
type books struct {
	first, last revenue.Month
	closed      map[revenue.Month]*RevenueReport
	totals      map[revenue.TotalKey]*revenue.Figures
	until       engine.Cut
}

// revenueBooks brings the books up to the present and reads them.
func (s *Service) revenueBooks(ctx context.Context, env string) (*books, error) {
	created, err := s.Environment(env)
	if err != nil {
		return nil, err
	}
	if _, err := (boundaryDue{s}).Run(ctx, env); err != nil {
		return nil, err
	}
	if _, err := s.Sweep(ctx, env); err != nil {
		return nil, err
	}
	b := &books{last: revenue.MonthOf(s.clock(env)), closed: map[revenue.Month]*RevenueReport{}}
	if b.until, err = s.FoldRevenue(ctx); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, func(tx Tx) error {
		closed, err := tx.ClosedMonths(ctx, env)
		if err != nil {
			return err
		}
		for _, r := range closed {
			b.closed[r.Month] = r
		}
		b.totals, err = tx.RevenueTotals(ctx, env, b.last)
		return err
	})
	b.first = min(revenue.MonthOf(created.CreatedAt), b.last)
	for key := range b.totals {
		b.first = min(b.first, key.Month)
	}
	return b, err
}

// report makes the report of a month, or returns the stored one.
func (b *books) report(month revenue.Month) (*RevenueReport, error) {
	if closed := b.closed[month]; closed != nil {
		return closed, nil
	}
	if month < b.first || month > b.last {
		return nil, missing("RevenueMonthNotFound", "month", month.String())
	}
	r := &RevenueReport{Month: month, Until: b.until, Lines: revenue.Lines(b.totals, month)}
	for m := month - 1; m >= b.first && r.From == nil; m-- {
		if closed := b.closed[m]; closed != nil {
			r.From = closed.Until
		}
	}
	return r, nil
}
