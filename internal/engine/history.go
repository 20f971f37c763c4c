package engine

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
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
	s, o := tx.shard, tx.pools[i].owner
	if err := s.settled(); err != nil {
		return nil, err
	}
	key, refs := o.key(), &refMerge{shard: s, lists: []refList{{pages: s.pagesNow(o)}}}
	var entries [][]ledger.Row
	err := tx.history(refs, func(e *Entry) error {
		entries = append(entries, e.RowsOf(key))
		return nil
	})
	slices.Reverse(entries)
	return slices.Concat(entries...), err
}

// Recall counts the meter of a charge again from the journal, if its period is over, so that the charge gets the units that
// it would have got in time. Like Rows it reads a whole history, of the customer: it is for events that a person lets in.
func (tx *Tx) Recall(c *Charge) error {
	if c.Meter == nil || !c.Meter.Over(tx.now) {
		return nil
	}
	if err := tx.shard.settled(); err != nil {
		return err
	}
	refs, err := tx.shard.eventRefs(tx.ctx, tx.scope.Environment, tx.scope.Customer)
	if err != nil {
		return unreadable(err)
	}
	key, state := keyOfMeter(c), &rating.State{}
	err = tx.history(refs, func(e *Entry) error {
		if !e.reported() {
			return nil
		}
		if e.Event.Status != EventRated {
			resolved, err := tx.shard.taken(tx.ctx, ResolveKey(e.Position))
			if err != nil || resolved == nil {
				return err
			}
			e = resolved
		}
		for i := range e.Event.Charges { // in any order they count the same
			if c := &e.Event.Charges[i]; c.Meter != nil && keyOfMeter(c) == key {
				state.Advance(c.Meter.Meter, c.Meter.Measure)
			}
		}
		return nil
	})
	if tx.recalled == nil {
		tx.recalled = map[meterKey]*rating.State{}
	}
	tx.recalled[key] = state
	return unreadable(err)
}

// history visits every entry that the postings lead to, newest first.
func (tx *Tx) history(refs *refMerge, visit func(*Entry) error) error {
	for {
		at, err := refs.next(tx.ctx)
		if err != nil || at == 0 {
			return err
		}
		entry, err := tx.shard.entry(tx.ctx, at)
		if err != nil {
			return err
		}
		if err := visit(entry); err != nil {
			return err
		}
	}
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
