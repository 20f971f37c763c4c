package engine

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// GrantAsIs reads a grant of a pool as its last transaction left it, with its texts. Unlike GrantByID it posts nothing, so it
// needs no bounds. It reports false when there is no such grant.
func (e *Engine) GrantAsIs(ctx context.Context, pool ledger.Key, id ledger.GrantID) (record GrantRecord, found bool, err error) {
	s := e.shardOf(pool.Environment, pool.Customer)
	err = s.read(ctx, func() error {
		row, stored, err := s.journal.GrantByID(ctx, s.id, id)
		if err != nil {
			return err
		}
		if stored {
			if record, err = decodeGrantRow(&row); err != nil {
				return err
			}
		}
		o, err := s.owner(ctx, pool)
		if err != nil {
			return err
		}
		found = stored
		if g := o.fresh[id]; g != nil {
			found, record.Grant = true, g.state
			if g.texts != nil {
				record.Texts = *g.texts
			}
		}
		if g, open := o.pool.Grant(id); open {
			found, record.Grant = true, *g
		}
		record.Key = pool
		return nil
	})
	return record, found, err
}
