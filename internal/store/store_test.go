package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/internal/store/storetest"
)

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	return openWith(t, store.Options{Dir: dir})
}

func openWith(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) credits.Store { return open(t, t.TempDir()) })
}

func refused(t *testing.T, dir, reason string) {
	t.Helper()
	refusedWith(t, store.Options{Dir: dir}, reason)
}

// refusedWith opens a database that must be refused, with a one-line reason that holds a text.
func refusedWith(t *testing.T, o store.Options, reason string) {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err == nil {
		_ = s.Close()
		t.Fatalf("opened; want a refusal that says %q", reason)
	}
	if !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "\n") {
		t.Errorf("refusal is %q, want one line with %q", err, reason)
	}
}

func TestOpen_second_process(t *testing.T) {
	// A directory in use is refused, and free again after Close.
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	refused(t, dir, "another scrip process")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestOpen_not_a_database(t *testing.T) {
	// A file that is no database is refused and left as it is.
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "scrip.db")
	text := strings.Repeat("not a database, but somebody's data\n", 100)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "cannot be read as a database")
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file was changed (%v)", err)
	}
}

// raw runs statements on the file behind the store's back.
func raw(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "scrip.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestOpen_foreign_database(t *testing.T) {
	// Another program's database is refused.
	t.Parallel()
	dir := t.TempDir()
	raw(t, dir, `CREATE TABLE notes (id INTEGER)`)
	refused(t, dir, "belongs to another program")
}

func TestOpen_newer_schema(t *testing.T) {
	// A database that a newer program has upgraded is refused.
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, dir, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	refused(t, dir, "use a newer scrip")
}

func TestOpen_nothing_named(t *testing.T) {
	// A store needs a directory.
	t.Parallel()
	if _, err := store.Open(t.Context(), store.Options{}); err == nil {
		t.Error("opened without a directory")
	}
}

func TestOpen_again(t *testing.T) {
	// What was committed is there after the store was closed and opened.
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	env := &credits.Environment{No: 1, ID: "env_x", Name: "X"}
	if err := first.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertEnvironment(t.Context(), env) }); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	err := open(t, dir).View(t.Context(), func(tx credits.Tx) error {
		list, err := tx.Environments(t.Context())
		if len(list) != 1 || *list[0] != *env {
			t.Errorf("found %d environments, want the one committed", len(list))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDurability(t *testing.T) {
	// The writing connection syncs every commit to disk and keeps a write-ahead log.
	t.Parallel()
	s := open(t, t.TempDir())
	var journal string
	var synchronous, foreignKeys int
	for query, into := range map[string]any{`PRAGMA journal_mode`: &journal, `PRAGMA synchronous`: &synchronous, `PRAGMA foreign_keys`: &foreignKeys} {
		if err := s.Writer().QueryRowContext(t.Context(), query).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	if journal != "wal" || synchronous != 2 || foreignKeys != 1 {
		t.Errorf("journal %s, synchronous %d, foreign keys %d; want wal, 2, 1", journal, synchronous, foreignKeys)
	}
}

func TestJournalContract(t *testing.T) {
	t.Parallel()
	storetest.RunJournal(t, func(t *testing.T) engine.Journal { return open(t, t.TempDir()).Journal() })
}

func TestJournalIsAppendOnly(t *testing.T) {
	// I20: the database itself refuses to change or delete what the journal holds.
	t.Parallel()
	s := open(t, t.TempDir())
	c := engine.Commit{Blocks: []engine.Block{{First: engine.NewPosition(0, 1), Entries: 1, Data: []byte("x")}}}
	if err := s.Journal().Commit(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`UPDATE journal SET data = 'y'`, `DELETE FROM journal`} {
		if _, err := s.Writer().ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
