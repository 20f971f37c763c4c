package store_test

import (
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
)

func TestTellingStartsAtTheHead(t *testing.T) {
	// A database that had entries before there were messages tells none of them; an empty shard is told from its first entry.
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for _, statement := range []string{
		`DROP TABLE expiry_notices`, `DROP TABLE told_until`, `DROP TABLE thresholds`,
		`DELETE FROM goose_db_version WHERE version_id = 17`,
		`INSERT INTO journal VALUES (0, 1, 2, x'00'), (0, 3, 5, x'00')`,
	} {
		if _, err := s.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	err := s.View(t.Context(), func(tx credits.Tx) error {
		for shard, want := range []engine.Position{8, engine.NewPosition(1, 1)} {
			at, err := tx.ToldUntil(t.Context(), uint16(shard))
			if err != nil || at != want {
				t.Errorf("shard %d is told from %d, want %d: %v", shard, at, want, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
