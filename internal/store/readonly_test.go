package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestOpenReadOnly(t *testing.T) {
	// A database in use can be read beside its server, and not written; one with other tables is refused.
	t.Parallel()
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: postgres.Database(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := openWith(t, o)
			reader, err := store.OpenReadOnly(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = reader.Close() }()
			insert := func(tx credits.Tx) error {
				return tx.InsertEnvironment(t.Context(), &credits.Environment{No: 1, ID: "e", Name: "E"})
			}
			if err := reader.Update(t.Context(), insert); !errors.Is(err, store.ErrClosed) {
				t.Errorf("a write: %v, want ErrClosed", err)
			}
			if err := server.Update(t.Context(), insert); err != nil {
				t.Fatal(err)
			}
			err = reader.View(t.Context(), func(tx credits.Tx) error {
				list, err := tx.Environments(t.Context())
				if len(list) != 1 {
					t.Errorf("%d environments", len(list))
				}
				return err
			})
			if head, err2 := reader.Journal().Head(t.Context(), 0); head != engine.NewPosition(0, 1) || errors.Join(err, err2) != nil {
				t.Errorf("head %d; %v %v", head, err, err2)
			}
			table := "goose_db_version"
			if o.URL != "" {
				table = "scrip_migrations"
			}
			if _, err := server.Writer().ExecContext(t.Context(), `UPDATE `+table+` SET version_id = 999 WHERE version_id = (SELECT MAX(version_id) FROM `+table+`)`); err != nil {
				t.Fatal(err)
			}
			if other, err := store.OpenReadOnly(t.Context(), o); err == nil || !strings.Contains(err.Error(), "schema version 999") {
				t.Errorf("other tables: %v, %v", other, err)
			}
		})
	}
}
