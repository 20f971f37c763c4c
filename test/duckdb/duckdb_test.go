package duckdb_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// folderVariable names the folder of an export of one environment, with all tables in Parquet.
const folderVariable = "SCRIP_EXPORT"

// checks are queries that must find nothing wrong, each with what it shows.
var checks = map[string]string{
	"every ledger row has a grant": `SELECT l.id FROM credit_ledger l LEFT JOIN credit_grants g ON l.credit_grant_id = g.id WHERE g.id IS NULL`,
	"every slice has an event":     `SELECT c.event_id FROM credit_consumption c LEFT JOIN usage_events e ON c.event_id = e.id WHERE e.id IS NULL`,
	"slices add up to the cost":    `SELECT event_id FROM credit_consumption GROUP BY event_id HAVING SUM(partial_cost) <> MAX(total_cost)`,
	"a pool adds up to its balance": `SELECT customer_id FROM credit_ledger GROUP BY customer_id, currency_id, resource_id
		HAVING SUM(amount) <> ARG_MAX(end_balance, seq)`,
	"a grant's rows are what it has left": `SELECT g.id FROM credit_grants g JOIN credit_ledger l ON l.credit_grant_id = g.id
		GROUP BY g.id, g.remaining_amount HAVING SUM(l.amount) <> g.remaining_amount`,
	"rows of a pool are numbered": `SELECT customer_id FROM credit_ledger GROUP BY customer_id, currency_id, resource_id HAVING MAX(seq) <> COUNT(*)`,
	"amounts are exact decimals": `SELECT column_name FROM (DESCRIBE credit_ledger)
		WHERE column_name IN ('amount', 'end_balance', 'cost_basis', 'money_amount') AND column_type <> 'DECIMAL(24,9)'`,
}

func TestExportInDuckDB(t *testing.T) {
	// The tables of an export join and add up exactly in a database that is not ours.
	folder := os.Getenv(folderVariable)
	if folder == "" {
		t.Skip(folderVariable + " names no export; run make duckdb")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, table := range []string{"credit_ledger", "credit_grants", "credit_consumption", "usage_events"} {
		// Of rows that were exported again, such as grants, the latest holds.
		latest := ""
		if table == "credit_grants" {
			latest = " QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY updated_at DESC) = 1"
		}
		query := fmt.Sprintf("CREATE TABLE %s AS SELECT * FROM read_parquet('%s')%s", table, filepath.Join(folder, table, "*.parquet"), latest)
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&rows); err != nil || rows == 0 {
			t.Fatalf("%s has %d rows: %v", table, rows, err)
		}
	}
	for name, query := range checks {
		var wrong string
		if err := db.QueryRow(query).Scan(&wrong); err != sql.ErrNoRows {
			t.Errorf("%s: not so for %q (%v)", name, wrong, err)
		}
	}
}
