package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// GrantRecord is a grant as it stands, with its texts.
type GrantRecord struct {
	ledger.Grant
	Key   ledger.Key
	Texts GrantTexts
}

// GrantList lists grants of a customer, newest first, with everything due posted. The second result tells whether
// older ones remain.
func (e *Engine) GrantList(ctx context.Context, q GrantQuery) ([]GrantRecord, bool, error) {
	keys, err := e.PoolKeys(ctx, q.Environment, q.Customer)
	if err != nil {
		return nil, false, err
	}
	live := liveGrants{}
	for _, key := range keys {
		if q.Currency != "" && key.Currency != q.Currency || !q.AnyResource && key.Resource != q.Resource {
			continue
		}
		if err := e.collectGrants(ctx, key, q.Due, live); err != nil {
			return nil, false, err
		}
	}
	stored := q
	stored.Limit++
	s := e.shardOf(q.Environment, q.Customer)
	rows, err := s.journal.Grants(ctx, s.id, stored)
	if err != nil {
		return nil, false, err
	}
	records, err := live.merge(rows, q)
	if err != nil || len(records) <= q.Limit {
		return records, false, err
	}
	return records[:q.Limit], true, nil
}

// GrantPool names the pool of a grant of an environment; false when there is no such grant.
func (e *Engine) GrantPool(ctx context.Context, environment string, id ledger.GrantID) (ledger.Key, bool, error) {
	if int(Position(id).Shard()) >= len(e.shards) {
		return ledger.Key{}, false, nil
	}
	key, ok, err := e.shards[Position(id).Shard()].grantPool(ctx, id)
	if err != nil || !ok || key.Environment != environment {
		return ledger.Key{}, false, err
	}
	return key, true, nil
}

// GrantByID returns one grant of an environment as it stands; false when there is none. before is as for View: who has
// bounds asks GrantPool for the customer.
func (e *Engine) GrantByID(ctx context.Context, environment string, id ledger.GrantID, before ledger.Time) (GrantRecord, bool, error) {
	key, ok, err := e.GrantPool(ctx, environment, id)
	if err != nil || !ok {
		return GrantRecord{}, false, err
	}
	s := e.shardOf(key.Environment, key.Customer)
	live := liveGrants{}
	if err := e.collectGrants(ctx, key, before, live); err != nil {
		return GrantRecord{}, false, err
	}
	row, stored, err := s.journal.GrantByID(ctx, s.id, id)
	if err != nil {
		return GrantRecord{}, false, err
	}
	var rows []GrantRow
	if stored {
		rows = append(rows, row)
	}
	q := GrantQuery{Before: id + 1}
	records, err := live.merge(rows, q)
	if err != nil || len(records) == 0 || records[0].ID != id {
		return GrantRecord{}, false, err
	}
	return records[0], true, nil
}

// grantPool finds the pool of a grant, in memory or among the checkpointed grants.
func (s *shard) grantPool(ctx context.Context, id ledger.GrantID) (key ledger.Key, ok bool, err error) {
	err = s.read(ctx, func() error {
		row, stored, err := s.journal.GrantByID(ctx, s.id, id)
		key, ok = row.Key, stored
		if ok || err != nil {
			return err
		}
		key, ok = s.freshGrants[id]
		return nil
	})
	return key, ok, err
}

// liveGrant is what memory knows better than the tables about a grant.
type liveGrant struct {
	key   ledger.Key
	state ledger.Grant
	texts *GrantTexts
}

type liveGrants map[ledger.GrantID]*liveGrant

// collectGrants copies what memory knows of a pool's grants.
func (e *Engine) collectGrants(ctx context.Context, key ledger.Key, before ledger.Time, into liveGrants) error {
	if _, err := e.View(ctx, key, before); err != nil {
		return err
	}
	s := e.shardOf(key.Environment, key.Customer)
	return s.read(ctx, func() error {
		o, err := s.owner(ctx, key)
		if err != nil {
			return err
		}
		for id, g := range o.fresh {
			into[id] = &liveGrant{key: key, state: g.state, texts: g.texts}
		}
		for g := range o.pool.Grants() {
			into.know(key, g)
		}
		if od, open := o.pool.OpenOverdraft(); open {
			into.know(key, od)
		}
		return nil
	})
}

// know notes how an open grant stands. Its texts, if they are new, are noted already.
func (l liveGrants) know(key ledger.Key, g *ledger.Grant) {
	known := l[g.ID]
	if known == nil {
		known = &liveGrant{key: key}
		l[g.ID] = known
	}
	known.state = *g
}

// merge lays what memory knows over stored rows, newest first, for ids below q.Before.
func (l liveGrants) merge(rows []GrantRow, q GrantQuery) ([]GrantRecord, error) {
	byID := map[ledger.GrantID]GrantRecord{}
	lowest := ledger.GrantID(0)
	for _, row := range rows {
		record, err := decodeGrantRow(&row)
		if err != nil {
			return nil, err
		}
		byID[row.ID] = record
		lowest = row.ID
	}
	full := q.Limit > 0 && len(rows) > q.Limit // then memory may know older ones, which belong to a later page
	for id, g := range l {
		if q.Before != 0 && id >= q.Before || full && id < lowest {
			continue
		}
		record := byID[id]
		record.Grant, record.Key = g.state, g.key
		if g.texts != nil {
			record.Texts = *g.texts
		}
		byID[id] = record
	}
	records := make([]GrantRecord, 0, len(byID))
	for _, r := range byID {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b GrantRecord) int { return cmp.Compare(b.ID, a.ID) })
	return records, nil
}

func decodeGrantRow(row *GrantRow) (GrantRecord, error) {
	fact, rest, err := ledger.DecodeFact(row.State, &ledger.Origin{})
	if err != nil || len(rest) > 0 || fact.Grant == nil {
		return GrantRecord{}, errCorrupt
	}
	record := GrantRecord{Grant: *fact.Grant, Key: row.Key}
	if len(row.Texts) > 0 {
		r := &reader{rest: row.Texts}
		record.Texts = r.texts()
		err = r.err
	}
	return record, err
}
