package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// mergeKeys joins two lists of pools in order and without repeats.
func mergeKeys(a, b []ledger.Key) []ledger.Key {
	keys := append(slices.Clone(a), b...)
	slices.SortFunc(keys, func(x, y ledger.Key) int {
		return cmp.Or(cmp.Compare(x.Currency, y.Currency), cmp.Compare(x.Resource, y.Resource))
	})
	return slices.Compact(keys)
}

// pageReader yields an owner's pages, newest first: those in memory as they were at its making, then the stored ones.
type pageReader struct {
	shard  *shard
	owner  uint64
	memory []PageRow
	before uint32 // stored windows below this one are still to come
	stored []PageRow
}

const pagesAtOnce = 8

// pages takes a snapshot of an owner's postings. What is committed when it is called is in it.
func (e *Engine) pages(ctx context.Context, key ledger.Key) (*pageReader, error) {
	return e.shardOf(key.Environment, key.Customer).pages(ctx, key)
}

func (s *shard) pages(ctx context.Context, key ledger.Key) (*pageReader, error) {
	var r *pageReader
	err := s.read(ctx, func() error {
		o, err := s.owner(ctx, key)
		if err == nil {
			r = s.pagesNow(o)
		}
		return err
	})
	return r, err
}

// pagesNow is pages for the writer itself.
func (s *shard) pagesNow(o *owner) *pageReader {
	r := &pageReader{shard: s, owner: o.no, before: s.window}
	if o.page != nil && o.page.entries > 0 {
		r.memory = append(r.memory, o.page.row(o.no, s.window))
	}
	for _, p := range slices.Backward(o.closing) {
		r.memory = append(r.memory, p.page.row(o.no, p.window))
		r.before = p.window
	}
	return r
}

// next returns the next page, or nil after the last.
func (r *pageReader) next(ctx context.Context) (*PageRow, error) {
	if len(r.memory) > 0 {
		p := &r.memory[0]
		r.memory = r.memory[1:]
		return p, nil
	}
	if len(r.stored) == 0 && r.before > 0 && r.owner != 0 {
		var err error
		r.stored, err = r.shard.journal.Pages(ctx, r.shard.id, r.owner, r.before, pagesAtOnce)
		if err != nil {
			return nil, err
		}
	}
	if len(r.stored) == 0 {
		return nil, nil
	}
	p := &r.stored[0]
	r.stored, r.before = r.stored[1:], p.Window
	return p, nil
}

// entryReader reads entries one by one and keeps the last block, since neighbours are often asked for together.
type entryReader struct {
	shard *shard
	block *Block
}

func (r *entryReader) read(ctx context.Context, at Position) (*Entry, error) {
	if r.block == nil || at < r.block.First || at >= r.block.Next() {
		block, err := r.shard.journal.Block(ctx, at)
		if err != nil {
			return nil, err
		}
		r.block = block
	}
	return r.block.entry(at)
}

// Entry reads one entry; false when there is none at the position.
func (e *Engine) Entry(ctx context.Context, at Position) (*Entry, bool, error) {
	if int(at.Shard()) >= len(e.shards) || at.Ordinal() == 0 {
		return nil, false, nil
	}
	s := e.shards[at.Shard()]
	head, err := s.journal.Head(ctx, s.id)
	if err != nil || at >= head {
		return nil, false, err
	}
	entry, err := (&entryReader{shard: s}).read(ctx, at)
	return entry, err == nil, err
}

// LedgerRow is a row of a pool with the entry that it is part of.
type LedgerRow struct {
	ledger.Row
	Prev  [32]byte // hash of the row before; zero for the first row
	Entry *Entry
}

// LedgerQuery selects rows of one pool. Rows come newest first.
type LedgerQuery struct {
	Pool   ledger.Key
	Before uint64 // rows with a smaller seq only; 0 means from the newest
	After  uint64 // rows with a larger seq only; with Limit, those nearest to After
	Limit  int
	Match  func(*LedgerRow) bool // nil matches every row
	Due    ledger.Time           // as `before` of View
}

// Ledger lists rows of a pool, newest first. The second result tells whether there are more beyond the limit, in the
// direction of older rows, or of newer ones when After is set.
func (e *Engine) Ledger(ctx context.Context, q LedgerQuery) ([]LedgerRow, bool, error) {
	if _, err := e.View(ctx, q.Pool, q.Due); err != nil {
		return nil, false, err
	}
	pages, err := e.pages(ctx, q.Pool)
	if err != nil {
		return nil, false, err
	}
	found := ledgerRows{query: q}
	reader := &entryReader{shard: pages.shard}
	for {
		page, err := pages.next(ctx)
		if err != nil || page == nil {
			return found.result(err)
		}
		refs, err := pages.shard.decodeRefs(page)
		if err != nil {
			return nil, false, err
		}
		for _, ref := range slices.Backward(refs) {
			if q.Before != 0 && ref.firstSeq >= q.Before || ref.rows == 0 {
				continue
			}
			if ref.firstSeq+ref.rows-1 <= q.After {
				return found.result(nil)
			}
			entry, err := reader.read(ctx, ref.at)
			if err != nil {
				return nil, false, err
			}
			if found.add(entry) {
				return found.result(nil)
			}
		}
	}
}

// ledgerRows collects the rows that a query wants.
type ledgerRows struct {
	query LedgerQuery
	rows  []LedgerRow
	more  bool
}

func (l *ledgerRows) result(err error) ([]LedgerRow, bool, error) { return l.rows, l.more, err }

// add takes the rows of one entry, newest first, and reports whether enough have been found.
func (l *ledgerRows) add(e *Entry) bool {
	rows := e.rows(l.query.Pool)
	for i := range slices.Backward(rows) {
		row := &rows[i]
		if l.query.Before != 0 && row.Seq >= l.query.Before || row.Seq <= l.query.After {
			continue
		}
		if l.query.Match != nil && !l.query.Match(row) {
			continue
		}
		if len(l.rows) < l.query.Limit {
			l.rows = append(l.rows, *row)
			continue
		}
		l.more = true
		if l.query.After == 0 {
			return true
		}
		l.rows = append(l.rows, *row)[1:]
	}
	return false
}

// rows lists the entry's rows of one pool in order.
func (e *Entry) rows(pool ledger.Key) []LedgerRow {
	var rows []LedgerRow
	for i := range e.Pools {
		if p := &e.Pools[i]; p.Currency != pool.Currency || p.Resource != pool.Resource {
			continue
		}
		for f := range e.Pools[i].Facts {
			if fact := &e.Pools[i].Facts[f]; fact.Kind == ledger.FactRow {
				rows = append(rows, LedgerRow{Row: fact.Row, Entry: e})
			}
		}
	}
	return rows
}

// Usage adds up the consumption of a pool per feature and hour of event time, for hours from ≤ h < to, in the order of
// hour and feature.
func (e *Engine) Usage(ctx context.Context, pool ledger.Key, from, to int64) ([]UsageCell, error) {
	pages, err := e.pages(ctx, pool)
	if err != nil {
		return nil, err
	}
	type cellKey struct {
		hour    int64
		feature string
	}
	sums := map[cellKey]*UsageCell{}
	for {
		page, err := pages.next(ctx)
		if err != nil {
			return nil, err
		}
		if page == nil {
			break
		}
		cells, err := decodeUsage(page.Usage)
		if err != nil {
			return nil, err
		}
		for _, c := range cells {
			if c.Hour < from || c.Hour >= to {
				continue
			}
			if sum := sums[cellKey{c.Hour, c.Feature}]; sum != nil {
				sum.Credits, sum.Events = sum.Credits.Add(c.Credits), sum.Events+c.Events
				continue
			}
			sums[cellKey{c.Hour, c.Feature}] = &c
		}
	}
	total := make([]UsageCell, 0, len(sums))
	for _, c := range sums {
		total = append(total, *c)
	}
	slices.SortFunc(total, func(x, y UsageCell) int {
		return cmp.Or(cmp.Compare(x.Hour, y.Hour), cmp.Compare(x.Feature, y.Feature))
	})
	return total, nil
}

// UsageEntries calls visit with every entry of a pool that consumed something in hours from ≤ h < to, newest first.
// Entries outside the hours may be among them. It is for groupings that Usage does not keep.
func (e *Engine) UsageEntries(ctx context.Context, pool ledger.Key, from, to int64, visit func(*Entry, []LedgerRow)) error {
	pages, err := e.pages(ctx, pool)
	if err != nil {
		return err
	}
	reader := &entryReader{shard: pages.shard}
	for {
		page, err := pages.next(ctx)
		if err != nil || page == nil {
			return err
		}
		cells, err := decodeUsage(page.Usage)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(cells, func(c UsageCell) bool { return c.Hour >= from && c.Hour < to }) {
			continue
		}
		refs, err := pages.shard.decodeRefs(page)
		if err != nil {
			return err
		}
		for _, ref := range slices.Backward(refs) {
			entry, err := reader.read(ctx, ref.at)
			if err != nil {
				return err
			}
			visit(entry, entry.rows(pool))
		}
	}
}
