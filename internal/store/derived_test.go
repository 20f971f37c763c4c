package store_test

import (
	"fmt"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestDropDerived_in_slices(t *testing.T) {
	// However many rows a shard has, all of them go, and those of other shards stay.
	t.Parallel()
	const other = 7
	for name, s := range map[string]*store.Store{"sqlite": open(t, t.TempDir()), "postgres": openAt(t, postgres.Database(t))} {
		for shard, rows := range map[int]int{0: 1, 1: store.DropRows, 2: store.DropRows + 1, 3: 3 * store.DropRows, 4: 0, other: 3} {
			_, err := s.Writer().ExecContext(t.Context(), fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				INSERT INTO pages (shard, win, owner, refs, usage) SELECT %d, i / 7, i, '', '' FROM n WHERE i < %[1]d`, rows, shard))
			if err != nil {
				t.Fatal(err)
			}
			if shard == other {
				continue
			}
			if err := s.Journal().DropDerived(t.Context(), uint16(shard)); err != nil {
				t.Fatalf("%s, %d rows: %v", name, rows, err)
			}
		}
		var left, ofOther int
		err := s.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(SUM(CASE WHEN shard = 7 THEN 1 ELSE 0 END), 0) FROM pages`).Scan(&left, &ofOther)
		if err != nil || left != 3 || ofOther != 3 {
			t.Errorf("%s: %d rows are left, %d of the other shard (%v)", name, left, ofOther, err)
		}
	}
}
