package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// made is the folder of a database on which a server has been.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if got := startOnce(t, store.Options{Dir: dir}, "--shards=3"); got.Code != exitDone {
		t.Fatalf("start: %+v", got)
	}
	return dir
}

func copyOver(t *testing.T, from, to string) outcome {
	t.Helper()
	return execute(t, noVariables, "--log-level=error", "copy", "--from", from, "--to", to)
}

func TestCopyKeepsTheShape(t *testing.T) {
	// A copy has the source's shards, whatever is usual for its database, and refuses another number as any database does.
	t.Parallel()
	from, to := made(t), store.Options{URL: postgres.Database(t)}
	if got := copyOver(t, from, to.URL); got.Code != exitDone || !strings.HasPrefix(got.Stdout, "copied: ") || got.Stderr != "" {
		t.Fatalf("copy: %+v", got)
	}
	wantShards(t, to, 3)
	if got := startOnce(t, to, "--shards=4"); got.Code != exitFailed || !strings.Contains(got.Stderr, "can never change") {
		t.Errorf("start with other shards: %+v", got)
	}
	if got := startOnce(t, to); got.Code != exitDone || strings.Contains(got.Stdout, "API key") {
		t.Errorf("start: %+v; want no new keys", got)
	}
}

// newer is a database that a newer program has upgraded.
func newer(t *testing.T) string {
	t.Helper()
	dir := made(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, "scrip.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCopyRefusals(t *testing.T) {
	// A copy that cannot be right is refused in one line that says which side is at fault and why, and makes nothing.
	t.Parallel()
	source, running := made(t), made(t)
	st, err := store.Open(t.Context(), store.Options{Dir: running})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for name, test := range map[string]struct{ from, to, want string }{
		"running_source":   {running, t.TempDir(), "the source: data directory"},
		"running_target":   {source, running, "the target: data directory"},
		"missing_source":   {nowhere, t.TempDir(), "the source: there is no database"},
		"empty_source":     {t.TempDir(), t.TempDir(), "the source: the database is empty"},
		"occupied_target":  {source, made(t), "the target: the database is not empty"},
		"newer_source":     {newer(t), t.TempDir(), "the source: the database has schema version 9999"},
		"newer_target":     {source, newer(t), "the target: the database has schema version 9999"},
		"source_as_target": {source, source, "the target: data directory"},
		"unknown_database": {"mysql://localhost/x", t.TempDir(), "the source: the database URL must begin"},
	} {
		got := copyOver(t, test.from, test.to)
		if got.Code != exitFailed || got.Stdout != "" || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, test.want) {
			t.Errorf("%s: %+v, want %q", name, got, test.want)
		}
	}
	if got := execute(t, noVariables, "copy", "--from", source); got.Code != exitUsage {
		t.Errorf("without a target: %+v", got)
	}
}
