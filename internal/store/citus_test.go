package store_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// citusFile is what an operator runs to place the tables.
func citusFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/citus.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCitusFilePlacesEveryTable(t *testing.T) {
	// Every hot table is distributed by shard beside the journal and every other one is everywhere, each exactly once; a
	// reference table comes after those it refers to.
	t.Parallel()
	text := citusFile(t)
	hot, catalogue := store.Placement()
	distributed := map[string]string{}
	for _, m := range regexp.MustCompile(`create_distributed_table\('(\w+)', 'shard', colocate_with => '(\w+)'`).FindAllStringSubmatch(text, -1) {
		distributed[m[1]] = m[2]
	}
	want := map[string]string{}
	for _, name := range hot {
		want[name] = "journal"
	}
	want["journal"] = "none"
	if diff := cmp.Diff(want, distributed); diff != "" {
		t.Errorf("distributed tables (-tables.go +citus.sql):\n%s", diff)
	}
	var reference []string
	for _, m := range regexp.MustCompile(`create_reference_table\('(\w+)'\)`).FindAllStringSubmatch(text, -1) {
		reference = append(reference, m[1])
	}
	if diff := cmp.Diff(catalogue, reference); diff != "" {
		t.Errorf("reference tables (-tables.go +citus.sql):\n%s", diff)
	}
	if n := strings.Count(text, "SELECT create_"); n != len(hot)+len(catalogue) {
		t.Errorf("%d calls place %d tables", n, len(hot)+len(catalogue))
	}
}

// citusStubs take the calls of Citus with its signatures and do nothing.
var citusStubs = []string{
	`CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS ''`,
	`CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash',
		colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL) RETURNS void LANGUAGE sql AS ''`,
}

func TestCitusFileRuns(t *testing.T) {
	// As far as a PostgreSQL without Citus can tell, the file runs on our schema, Scrip works as before, and an owner who is
	// no superuser can still only insert into the journal.
	t.Parallel()
	address := postgres.Private(t).URL
	if err := openAt(t, address).Close(); err != nil {
		t.Fatal(err)
	}
	postgres.Execute(t, address, citusStubs...)
	postgres.Execute(t, address, `CREATE ROLE keeper LOGIN`, `GRANT ALL ON SCHEMA public TO keeper`,
		`ALTER FUNCTION journal_is_append_only() OWNER TO keeper`)
	hot, catalogue := store.Placement()
	for _, name := range slices.Concat(hot, catalogue, []string{"scrip_migrations"}) {
		postgres.Execute(t, address, `ALTER TABLE `+name+` OWNER TO keeper`)
	}
	as := regexp.MustCompile(`//[^/@]*@`).ReplaceAllString(address, "//keeper@")
	for statement := range strings.SplitSeq(citusFile(t), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" && !strings.Contains(statement, "CREATE EXTENSION") {
			postgres.Execute(t, as, statement)
		}
	}
	s := openAt(t, as)
	key := ledger.Key{Environment: "e", Customer: "c", Currency: "t"}
	for n := range uint64(2) {
		c := engine.Commit{
			Blocks: []engine.Block{{First: engine.NewPosition(0, n+1), Entries: 1, Data: []byte("x")}},
			Owners: []engine.OwnerRow{{Key: key, AsOf: engine.NewPosition(0, n+1), State: []byte("s")}},
		}
		if err := s.Journal().Commit(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{`UPDATE journal SET data = 'y'`, `DELETE FROM journal`, `TRUNCATE journal`} {
		if _, err := s.Writer().ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
