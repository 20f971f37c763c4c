package credits

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Sources of ledger rows: what a person would name as the reason why the balance moved (semantics 13.2).
const (
	SourceFeature     = "FEATURE"     // usage of a feature
	SourceConsumption = "CONSUMPTION" // a direct consumption without a feature
	SourceGrant       = "GRANT"       // the life of a grant: granted, expired, voided, updated, settled
)

// LedgerFilter selects rows of one customer; empty members select all, but Resource selects exactly: when empty, rows
// without a resource.
type LedgerFilter struct {
	Customer   string
	CreditType string
	Resource   string
	Types      []ledger.RowType
	Grant      ledger.GrantID
	Feature    string
	Source     string
	Actor      *ledger.ActorKind
	From       *ledger.Time // posted at or after
	Through    *ledger.Time // posted before
}

// LedgerLine is a row as a list shows it.
type LedgerLine struct {
	engine.LedgerRow // with Prev
	Key              ledger.Key
	Grant            *Grant // as it stands now
	Source           string
	SourceID         string
	SourceName       string // empty when the source was removed
	number           int64
}

// RowNumber orders lines by posting.
func (l *LedgerLine) RowNumber() int64 { return l.number }

func (f *LedgerFilter) matches(row *engine.LedgerRow) bool {
	source, _ := sourceOf(row)
	return (len(f.Types) == 0 || slices.Contains(f.Types, row.Type)) &&
		(f.Grant == 0 || f.Grant == row.Grant) &&
		(f.Feature == "" || f.Feature == row.Charge.Feature) &&
		(f.Source == "" || f.Source == source) &&
		(f.Actor == nil || *f.Actor == row.Cause.Actor.Kind) &&
		(f.From == nil || row.PostedAt >= *f.From) && (f.Through == nil || row.PostedAt < *f.Through)
}

func sourceOf(row *engine.LedgerRow) (source, id string) {
	switch {
	case row.Charge.Feature != "":
		return SourceFeature, row.Charge.Feature
	case row.Type == ledger.Consumed || row.Type == ledger.ConsumptionReversed:
		return SourceConsumption, row.Cause.Event
	}
	return SourceGrant, engine.GrantText(row.Grant)
}

// LedgerPage lists rows of a customer, newest first. With a credit type that is one pool, whose rows are numbered by seq;
// without, the rows of all credit types are merged in the order in which they were posted, which reads every pool from
// its newest row on. It fails with CustomerNotFound or CurrencyNotFound.
func (s *Service) LedgerPage(ctx context.Context, env string, filter LedgerFilter, page Page) (List[*LedgerLine], error) {
	keys, err := s.poolKeys(ctx, env, PoolFilter{Customer: filter.Customer, CreditType: filter.CreditType, Resource: filter.Resource})
	if err != nil {
		return List[*LedgerLine]{}, err
	}
	var lines []*LedgerLine
	for _, key := range keys {
		reader := &ledgerReader{key: key, filter: &filter, page: page, merged: filter.CreditType == ""}
		found, err := reader.read(ctx, s)
		if err != nil {
			return List[*LedgerLine]{}, err
		}
		lines = append(lines, found...)
	}
	list := MakeList(page, nearest(lines, page))
	return list, s.nameSources(ctx, env, list.Items)
}

// nearest keeps the lines that the page wants from those of several pools.
func nearest(lines []*LedgerLine, page Page) []*LedgerLine {
	slices.SortFunc(lines, func(a, b *LedgerLine) int { return cmp.Compare(b.number, a.number) })
	if surplus := len(lines) - page.Size() - 1; surplus > 0 && page.Before != 0 {
		return lines[surplus:]
	} else if surplus > 0 {
		return lines[:page.Size()+1]
	}
	return lines
}

// ledgerReader reads the part of a page that comes from one pool.
type ledgerReader struct {
	key    ledger.Key
	filter *LedgerFilter
	page   Page
	merged bool // rows are numbered over all pools of the customer
	lines  []*LedgerLine
	behind *LedgerLine // the line whose predecessor has not been seen yet
}

// rowsPerEntryBits leaves room for a million rows of one entry in a merged number.
const rowsPerEntryBits = 20

// numberOf numbers a row: by seq in its pool, or by its place in the journal, which orders all rows of a customer.
func (r *ledgerReader) numberOf(row *engine.LedgerRow) int64 {
	if !r.merged {
		return int64(row.Seq)
	}
	place := int64(0)
	for i := range row.Entry.Pools {
		p := &row.Entry.Pools[i]
		mine := p.Currency == r.key.Currency && p.Resource == r.key.Resource
		for f := range p.Facts {
			if p.Facts[f].Kind != ledger.FactRow {
				continue
			}
			if mine && p.Facts[f].Row.Seq == row.Seq {
				return int64(row.Entry.Position.Ordinal())<<rowsPerEntryBits | place
			}
			place++
		}
	}
	return 0
}

// match takes the rows that the page may show. It sees every row, newest first, and so also finds the hash of the row
// before each line.
func (r *ledgerReader) match(row *engine.LedgerRow) bool {
	if r.behind != nil && row.Seq+1 == r.behind.Seq {
		r.behind.Prev, r.behind = row.Hash, nil
	}
	number := r.numberOf(row)
	if r.page.Before != 0 && number <= r.page.Before || r.page.Before == 0 && r.page.After != 0 && number >= r.page.After {
		return false
	}
	if !r.filter.matches(row) {
		return false
	}
	line := &LedgerLine{LedgerRow: *row, Key: r.key, number: number}
	r.lines, r.behind = append(r.lines, line), line
	if r.page.Before != 0 && len(r.lines) > r.page.Size()+1 {
		r.lines = r.lines[1:]
	}
	return r.page.Before == 0 // backwards every row counts, since the nearest come last
}

func (r *ledgerReader) read(ctx context.Context, s *Service) ([]*LedgerLine, error) {
	q := engine.LedgerQuery{Pool: r.key, Limit: r.page.Size(), Match: r.match}
	switch {
	case r.merged:
	case r.page.Before != 0:
		q.After = uint64(r.page.Before)
	case r.page.After != 0:
		q.Before = uint64(r.page.After)
	}
	if _, _, err := s.ledgerRows(ctx, q); err != nil {
		return nil, err
	}
	if r.behind == nil || r.behind.Seq == 1 {
		return r.lines, nil
	}
	before, _, err := s.ledgerRows(ctx, engine.LedgerQuery{Pool: r.key, Before: r.behind.Seq, Limit: 1})
	if err == nil && len(before) > 0 {
		r.behind.Prev = before[0].Hash
	}
	return r.lines, err
}

// nameSources completes lines with their grants and the names of their sources, as the catalogue has them now.
func (s *Service) nameSources(ctx context.Context, env string, lines []*LedgerLine) error {
	grants := map[ledger.GrantID]*Grant{}
	for _, line := range lines {
		id := line.LedgerRow.Grant
		if grants[id] == nil {
			g, err := s.Grant(ctx, env, id)
			if err != nil {
				return err
			}
			grants[id] = g
		}
		line.Grant = grants[id]
		line.Source, line.SourceID = sourceOf(&line.LedgerRow)
		switch line.Source {
		case SourceGrant:
			line.SourceName = line.Grant.Name()
		case SourceFeature:
			if f, ok := s.Catalog(env).Feature(line.SourceID); ok {
				line.SourceName = f.DisplayName
			}
		}
	}
	return nil
}

// Name is what the grant is called. Overdrafts are made without a name.
func (g *Grant) Name() string {
	if g.Type == ledger.Overdraft {
		return "Overdraft"
	}
	return g.Texts.DisplayName
}
