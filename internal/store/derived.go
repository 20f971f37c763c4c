package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// dropRows is how many derived rows are deleted at a time: few enough for any statement to be done in time.
const dropRows = 5000

// DropDerived implements engine.Journal. What says that the rest is complete goes first: when the call is cut short, a start
// makes everything again, or refuses until the call is repeated, but never relies on what is gone.
func (j *Journal) DropDerived(ctx context.Context, shard uint16) error {
	for _, t := range slices.Backward(derivedTables) {
		for more := true; more; {
			err := j.store.WriteTx(ctx, func(tx *sql.Tx) (err error) {
				more, err = t.drop(ctx, tx, shard)
				return err
			})
			if err != nil {
				return fmt.Errorf("drop %s: %w", t.name, err)
			}
		}
	}
	return nil
}

// drop deletes the first rows of a shard and tells whether there are more. It finds the key where they end first, so that
// the deletion follows the index and nothing else.
func (t *table) drop(ctx context.Context, tx *sql.Tx, shard uint16) (more bool, err error) {
	key := strings.Join(t.key, ", ")
	end, into := make([]any, len(t.key)), make([]any, len(t.key))
	for i := range end {
		into[i] = &end[i]
	}
	err = tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE shard = $1 ORDER BY %s LIMIT 1 OFFSET %d`,
		key, t.name, key, dropRows), shard).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE shard = $1`, t.name), shard)
		return false, err
	}
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE shard = $1 AND (%s) < (%s)`, t.name, key, places(2, len(end))),
		append([]any{shard}, end...)...)
	return true, err
}
