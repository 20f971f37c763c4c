package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// startOnce starts the program on a database and stops it as soon as it has started.
func startOnce(t *testing.T, o store.Options, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--log-level=error", "serve", "--listen=127.0.0.1:0", "--drain-wait=0s", "--data", o.Dir, "--database-url", o.URL}, args...)
	code := run(ctx, args, noVariables, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

func wantShards(t *testing.T, o store.Options, want uint16) {
	t.Helper()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if shape, err := st.KeptShape(t.Context()); err != nil || shape.Shards != want {
		t.Errorf("the database has %d shards (%v), want %d", shape.Shards, err, want)
	}
}

func TestShardsAreFixedWhenADatabaseIsMade(t *testing.T) {
	// A new database gets the number asked for, or the one that fits it, and keeps it; later another number is refused in
	// one line, and the same or none is fine.
	t.Parallel()
	tests := map[string]struct {
		postgres bool
		args     []string
		want     uint16
		other    string
	}{
		"sqlite":        {false, nil, shardsDefault, "--shards=3"},
		"sqlite_more":   {false, []string{"--shards=3"}, 3, "--shards=1"},
		"postgres":      {true, nil, shardsDefault, "--shards=64"},
		"postgres_more": {true, []string{"--shards=64"}, 64, "--shards=4"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := store.Options{Dir: t.TempDir()}
			if test.postgres {
				o.URL = postgres.Database(t)
			}
			for _, args := range [][]string{test.args, nil, test.args} {
				if got := startOnce(t, o, args...); got.Code != exitDone {
					t.Fatalf("start with %q: %+v", args, got)
				}
				wantShards(t, o, test.want)
			}
			got := startOnce(t, o, test.other)
			if got.Code != exitFailed || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, "can never change") {
				t.Errorf("start with %s: %+v", test.other, got)
			}
			wantShards(t, o, test.want)
		})
	}
}

func TestTooManyShardsAreUsage(t *testing.T) {
	// A number that no database can have is refused before anything is opened.
	t.Parallel()
	for _, args := range [][]string{{"--shards=65"}, {"--shards=-1"}, {"--shards=two"}} {
		if got := startOnce(t, store.Options{Dir: t.TempDir()}, args...); got.Code != exitUsage || !strings.Contains(got.Stderr, "--shards") {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestVerifyLeavesANewDatabaseNew(t *testing.T) {
	// Verifying a database in which there is nothing says so, and decides nothing about it.
	t.Parallel()
	o := store.Options{Dir: t.TempDir()}
	got := execute(t, noVariables, "verify", "--data", o.Dir)
	if got.Code != exitFailed || !strings.Contains(got.Stderr, store.ErrNew.Error()) {
		t.Errorf("verify: %+v", got)
	}
	if got := startOnce(t, o, "--shards=2"); got.Code != exitDone {
		t.Errorf("a start after it: %+v", got)
	}
}
