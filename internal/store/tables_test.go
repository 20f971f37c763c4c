package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// Queries for every column of every table: the table, the column, its place in the primary key from 1 or 0, and whether it
// may be NULL. In the order of the places and then of names.
const (
	sqliteColumns = `SELECT t.name, c.name, c.pk, c."notnull" = 0 FROM sqlite_master t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'goose_db_version' ORDER BY t.name, c.pk, c.name`
	postgresColumns = `SELECT c.table_name, c.column_name, COALESCE(k.ordinal_position, 0) AS place, c.is_nullable = 'YES'
		FROM information_schema.columns c
		LEFT JOIN information_schema.table_constraints p
			ON p.table_schema = c.table_schema AND p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY'
		LEFT JOIN information_schema.key_column_usage k
			ON k.constraint_schema = p.constraint_schema AND k.constraint_name = p.constraint_name
			AND k.table_name = c.table_name AND k.column_name = c.column_name
		WHERE c.table_schema = current_schema() AND c.table_name <> 'scrip_migrations'
		ORDER BY c.table_name COLLATE "C", place, c.column_name COLLATE "C"`
)

func TestCopyKnowsEveryTable(t *testing.T) {
	// What a copy takes is the schema, to the last column, on each database; and no column may be NULL.
	t.Parallel()
	for name, test := range map[string]struct {
		open  func(*testing.T) *store.Store
		query string
	}{
		"sqlite":   {func(t *testing.T) *store.Store { return open(t, t.TempDir()) }, sqliteColumns},
		"postgres": {func(t *testing.T) *store.Store { return openAt(t, postgres.Database(t)) }, postgresColumns},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := test.open(t).Reader().QueryContext(t.Context(), test.query)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rows.Close() }()
			schema := map[string][2][]string{}
			for rows.Next() {
				var table, column string
				var place int
				var nullable bool
				if err := rows.Scan(&table, &column, &place, &nullable); err != nil {
					t.Fatal(err)
				}
				if nullable {
					t.Errorf("%s.%s may be NULL, which a copy does not expect", table, column)
				}
				columns := schema[table]
				if place > 0 {
					columns[0] = append(columns[0], column)
				} else {
					columns[1] = append(columns[1], column)
				}
				schema[table] = columns
			}
			if diff := cmp.Diff(schema, store.TableColumns()); diff != "" {
				t.Errorf("add to tables.go what the schema has (-schema +tables.go):\n%s", diff)
			}
		})
	}
}
