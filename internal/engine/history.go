package engine

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// RowsOf lists the rows that the entry wrote in a pool, in order.
func (e *Entry) RowsOf(pool ledger.Key) []ledger.Row {
	var rows []ledger.Row
	for _, r := range e.rows(pool) {
		rows = append(rows, r.Row)
	}
	return rows
}

// Rows lists every row of the i-th opened pool, oldest first. It reads the pool's whole history inside the writer: it is
// for rare corrections only.
func (tx *Tx) Rows(i int) ([]ledger.Row, error) {
	s, key := tx.shard, tx.pools[i].owner.key()
	if err := s.settled(); err != nil {
		return nil, err
	}
	pages := s.pagesNow(tx.pools[i].owner)
	var entries [][]ledger.Row
	for {
		page, err := pages.next(tx.ctx)
		if err != nil {
			return nil, err
		}
		if page == nil {
			break
		}
		refs, err := s.decodeRefs(page)
		if err != nil {
			return nil, err
		}
		for _, ref := range slices.Backward(refs) {
			entry, err := s.entry(tx.ctx, ref.at)
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry.RowsOf(key))
		}
	}
	slices.Reverse(entries)
	return slices.Concat(entries...), nil
}

// FinalGrant returns the last state of a grant that its pool has forgotten because it is final, or nil.
func (tx *Tx) FinalGrant(i int, id ledger.GrantID) (*ledger.Grant, error) {
	if g := tx.pools[i].owner.fresh[id]; g != nil {
		state := g.state
		return &state, nil
	}
	if err := tx.shard.settled(); err != nil {
		return nil, err
	}
	row, ok, err := tx.shard.journal.GrantByID(tx.ctx, tx.shard.id, id)
	if err != nil || !ok {
		return nil, err
	}
	record, err := decodeGrantRow(&row)
	return &record.Grant, err
}

// IsOverdraft tells whether a grant of the i-th opened pool is or was an overdraft.
func (tx *Tx) IsOverdraft(i int, id ledger.GrantID) (bool, error) {
	if g, open := tx.pools[i].owner.pool.Grant(id); open {
		return g.Type == ledger.Overdraft, nil
	}
	g, err := tx.FinalGrant(i, id)
	return g != nil && g.Type == ledger.Overdraft, err
}
