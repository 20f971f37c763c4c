package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/internal/store/storetest"
	"github.com/scrip-dev/scrip/test/postgres"
)

func openAt(t *testing.T, address string) *store.Store {
	t.Helper()
	return openWith(t, store.Options{URL: address, Now: time.Now})
}

func TestPostgres_contract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) credits.Store { return openAt(t, postgres.Database(t)) })
}

func TestPostgres_journal_contract(t *testing.T) {
	t.Parallel()
	storetest.RunJournal(t, func(t *testing.T) engine.Journal { return openAt(t, postgres.Database(t)).Journal() })
}

func TestPostgres_journal_is_append_only(t *testing.T) {
	// I20: the database itself refuses to change or delete what the journal holds, even for statements that meet no row.
	t.Parallel()
	s := openAt(t, postgres.Database(t))
	for _, statement := range []string{`UPDATE journal SET data = 'y'`, `DELETE FROM journal`, `TRUNCATE journal`} {
		if _, err := s.Writer().ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestPostgres_sessions(t *testing.T) {
	// Every session commits to disk and cannot hold what others need for long, whatever the address says.
	t.Parallel()
	s := openAt(t, postgres.Database(t)+"&synchronous_commit=off&statement_timeout=0")
	for name, want := range map[string]string{
		"synchronous_commit": "on", "lock_timeout": "2s", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "5s",
		"transaction_isolation": "read committed", "transaction_read_only": "off",
	} {
		var got string
		if err := s.Writer().QueryRowContext(t.Context(), "SHOW "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", name, got, err, want)
		}
	}
	var isolation, readOnly string
	err := s.Reader().QueryRowContext(t.Context(), `SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')`).
		Scan(&isolation, &readOnly)
	if err != nil || isolation != "repeatable read" || readOnly != "on" {
		t.Errorf("readers: %s, read only %s (%v)", isolation, readOnly, err)
	}
}

func TestPostgres_starts_together(t *testing.T) {
	// Several nodes may start at once on an empty database.
	t.Parallel()
	address := postgres.Database(t)
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			s, err := store.Open(t.Context(), store.Options{URL: address})
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wait.Wait()
}

func TestPostgres_migration_waits_for_a_lock(t *testing.T) {
	// A migration that meets a locked table is tried again instead of failing the start.
	t.Parallel()
	address := postgres.Database(t)
	if err := openAt(t, address).Close(); err != nil {
		t.Fatal(err)
	}
	postgres.Execute(t, address, `DELETE FROM scrip_migrations WHERE version_id = 6`,
		`ALTER TABLE responses DROP COLUMN holder, DROP COLUMN held_until`)
	holder, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Close() })
	locked, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Exec(`LOCK TABLE scrip_migrations IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	const held = 3 * time.Second // longer than the lock timeout
	time.AfterFunc(held, func() { _ = locked.Rollback() })
	openAt(t, address)
}

func TestPostgres_failed_commit(t *testing.T) {
	// An error that arises only when the transaction ends is an error of the commit, and the store goes on.
	t.Parallel()
	address := postgres.Database(t)
	s := openAt(t, address)
	postgres.Execute(t, address,
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at the end'; END $$`,
		`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON checkpoints DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	c := engine.Commit{
		Blocks:     []engine.Block{{First: engine.NewPosition(0, 1), Entries: 1, Data: []byte("x")}},
		Checkpoint: &engine.Checkpoint{Windows: 1},
	}
	if err := s.Journal().Commit(t.Context(), &c); err == nil || !strings.Contains(err.Error(), "refused at the end") {
		t.Errorf("the commit answered %v", err)
	}
	if head, err := s.Journal().Head(t.Context(), 0); err != nil || head != engine.NewPosition(0, 1) {
		t.Errorf("head %v, %v after a commit that failed", head, err)
	}
	c.Checkpoint = nil
	if err := s.Journal().Commit(t.Context(), &c); err != nil || s.Err() != nil {
		t.Errorf("the next commit answered %v, the store %v", err, s.Err())
	}
}

func TestPostgres_same_request_twice(t *testing.T) {
	// Of equal requests that begin at once, one keeps its response and all others are shown that one.
	t.Parallel()
	r := newResponses(t, openAt(t, postgres.Database(t)))
	kept := make([]string, 8)
	var wait sync.WaitGroup
	for i := range kept {
		wait.Go(func() {
			fresh := credits.Response{EffectKey: fmt.Sprint(i), ExpiresAt: 10, Holder: fmt.Sprint(i), HeldUntil: 5}
			got, err := r.store.BeginResponse(context.Background(), r.key, fresh, 1, false)
			if err != nil {
				t.Error(err)
			}
			kept[i] = got.Holder
		})
	}
	wait.Wait()
	for _, effect := range kept {
		if effect != kept[0] {
			t.Fatalf("the requests were shown %v", kept)
		}
	}
}
