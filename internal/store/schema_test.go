package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
)

func placed() placement {
	hot, catalogue := store.Placement()
	return placement{hot: hot, catalogue: catalogue}
}

func TestSchemaCanBeDistributed(t *testing.T) {
	// Every migration keeps what a distributed database needs: hot tables are keyed and indexed by shard first, nothing
	// numbers rows for all shards, and no foreign key ties a shard to anything.
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations (%v)", len(files), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range placed().judge(string(text)) {
			t.Errorf("%s: %s", file, fault)
		}
		for _, m := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllStringSubmatch(string(text), -1) {
			seen[m[1]] = true
		}
	}
	for name := range store.TableColumns() {
		if !seen[name] {
			t.Errorf("no migration makes %s", name)
		}
	}
}

func TestSchemaRulesBite(t *testing.T) {
	// Each rule refuses what it is for, in the ways in which it could be written, and lets the good neighbour pass.
	t.Parallel()
	p := placement{hot: []string{"journal", "owners"}, catalogue: []string{"customers", "features"}}
	const journal = "CREATE TABLE journal (shard INTEGER NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (shard, position)"
	for text, want := range map[string]string{
		journal + ");":                                                                         "",
		journal + ") WITH (fillfactor = 50);":                                                  "",
		journal + ", UNIQUE (shard, data));":                                                   "",
		journal + ", UNIQUE (data, shard));":                                                   "begins with \"data\"",
		journal + ", data BYTEA UNIQUE);":                                                      "the unique of journal",
		journal + ", id BIGSERIAL);":                                                           "BIGSERIAL",
		journal + ", id BIGINT GENERATED ALWAYS AS IDENTITY);":                                 "IDENTITY",
		journal + ", customer TEXT REFERENCES customers (id));":                                "refers to customers",
		journal + ", FOREIGN KEY (shard, position) REFERENCES owners (shard, no));":            "refers to owners",
		"CREATE TABLE journal (position BIGINT NOT NULL PRIMARY KEY, shard INTEGER NOT NULL);": "begins with \"position\"",
		"CREATE TABLE owners (shard INTEGER NOT NULL PRIMARY KEY, CHECK (shard >= 0));":        "",
		"CREATE TABLE owners (shard INTEGER NOT NULL, no BIGINT);":                             "no primary key",
		"CREATE TABLE notes (shard INTEGER NOT NULL PRIMARY KEY);":                             "does not say",
		"CREATE TABLE customers (id TEXT PRIMARY KEY, no BIGINT UNIQUE);":                      "",
		"CREATE TABLE features (id TEXT PRIMARY KEY, c TEXT REFERENCES customers (id));":       "",
		"CREATE TABLE features (id TEXT PRIMARY KEY, p BIGINT REFERENCES journal (position));": "refers to journal",
		"CREATE INDEX due ON owners (shard, next_due) WHERE next_due < 9;":                     "",
		"CREATE INDEX due\n  ON owners (next_due, shard);":                                     "the index due of owners",
		"CREATE UNIQUE INDEX due ON owners USING btree (no);":                                  "the index due of owners",
		"CREATE INDEX email ON customers (email);":                                             "",
		"ALTER TABLE journal ADD CONSTRAINT once UNIQUE (position);":                           "begins with \"position\"",
		"ALTER TABLE journal ADD COLUMN c TEXT REFERENCES customers (id);":                     "refers to customers",
		"ALTER TABLE journal ALTER COLUMN data SET STORAGE EXTERNAL;":                          "",
		"CREATE SEQUENCE everything;":                                                          "SEQUENCE",
		"-- the sequence of entries\n" + journal + ");":                                        "",
	} {
		got := strings.Join(p.judge("-- +goose Up\n"+text), "; ")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s\nfound %q, want %q", text, got, want)
		}
	}
}

func TestEventPathTouchesOneShard(t *testing.T) {
	// Every statement of the event path names the shard, and no table but those that are placed by it.
	t.Parallel()
	hot, _ := store.Placement()
	tables := regexp.MustCompile(`\b(?:INTO|FROM|UPDATE|JOIN)\s+(\w+)`)
	for _, text := range store.HotStatements() {
		if !strings.Contains(text, "shard = $1") && !strings.Contains(text, "(shard, ") {
			t.Errorf("does not name the shard: %s", text)
		}
		for _, m := range tables.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(append(hot, "unnest", "SET", "OF", "clock_timestamp"), m[1]) {
				t.Errorf("touches %s: %s", m[1], text)
			}
		}
	}
}
