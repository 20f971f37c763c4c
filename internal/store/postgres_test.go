package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
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
	postgres.Execute(t, address, `DELETE FROM scrip_migrations WHERE version_id = 17`,
		`DROP TABLE expiry_notices, told_until, thresholds`)
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
		`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON pages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	c := engine.Commit{
		Blocks: []engine.Block{{First: engine.NewPosition(0, 1), Entries: 1, Data: []byte("x")}},
		Pages:  []engine.PageRow{{Owner: 1, Window: 1}},
	}
	if err := s.Journal().Commit(t.Context(), &c); err == nil || !strings.Contains(err.Error(), "refused at the end") {
		t.Errorf("the commit answered %v", err)
	}
	if head, err := s.Journal().Head(t.Context(), 0); err != nil || head != engine.NewPosition(0, 1) {
		t.Errorf("head %v, %v after a commit that failed", head, err)
	}
	c.Pages = nil
	if err := s.Journal().Commit(t.Context(), &c); err != nil || s.Err() != nil {
		t.Errorf("the next commit answered %v, the store %v", err, s.Err())
	}
}

func TestPostgres_late_commit(t *testing.T) {
	// A commit that was given up, and that the server executes when later ones have landed, takes no derived row back.
	t.Parallel()
	j := openAt(t, postgres.Database(t)).Journal()
	owner := engine.OwnerRow{Key: ledger.Key{Environment: "e", Customer: "c", Currency: "t"}, AsOf: 9, State: []byte("now")}
	grant := engine.GrantRow{ID: 1, Key: owner.Key, Final: true, State: []byte("ended"), Texts: []byte("t")}
	old := engine.Commit{
		Owners: []engine.OwnerRow{{Key: owner.Key, AsOf: 8, State: []byte("before")}},
		Grants: []engine.GrantRow{{ID: 1, Key: owner.Key, State: []byte("open")}}, Checkpoint: &engine.Checkpoint{Windows: 1},
	}
	now := engine.Commit{Owners: []engine.OwnerRow{owner}, Grants: []engine.GrantRow{grant}, Checkpoint: &engine.Checkpoint{Windows: 2}}
	for _, c := range []*engine.Commit{&now, &old} {
		if err := j.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	gotOwner, _, err := j.Owner(t.Context(), 0, owner.Key)
	gotGrant, _, grantErr := j.GrantByID(t.Context(), 0, 1)
	checkpoint, checkpointErr := j.Checkpoint(t.Context(), 0)
	if err := errors.Join(err, grantErr, checkpointErr); err != nil {
		t.Fatal(err)
	}
	if string(gotOwner.State) != "now" || string(gotGrant.State) != "ended" || checkpoint.Windows != 2 {
		t.Errorf("owner %q, grant %q, checkpoint %d", gotOwner.State, gotGrant.State, checkpoint.Windows)
	}
}

// BenchmarkPostgres_commit measures commits of full blocks, alone and with derived rows.
func BenchmarkPostgres_commit(b *testing.B) {
	for _, size := range []struct{ blocks, rows int }{{1, 0}, {1, 50}, {4, 0}, {4, 50}} {
		b.Run(fmt.Sprintf("%d_blocks_%d_rows", size.blocks, size.rows), func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Options{URL: postgres.Database(b)})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			data := bytes.Repeat([]byte("0123456789abcdef"), 48<<10/16)
			next := uint64(1)
			for b.Loop() {
				var c engine.Commit
				for range size.blocks {
					c.Blocks = append(c.Blocks, engine.Block{First: engine.NewPosition(0, next), Entries: 1, Data: data})
					next++
				}
				for i := range size.rows {
					key := ledger.Key{Environment: "e", Customer: fmt.Sprint(next%1000, i), Currency: "t"}
					c.Owners = append(c.Owners, engine.OwnerRow{Key: key, AsOf: engine.Position(next), State: data[:300]})
					c.Pages = append(c.Pages, engine.PageRow{Owner: next<<8 + uint64(i), Refs: data[:200]})
				}
				if err := s.Journal().Commit(b.Context(), &c); err != nil {
					b.Fatal(err)
				}
			}
		})
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
