package engine_test

import (
	"testing"

	"github.com/scrip-dev/scrip/test/postgres"
)

// TestOnPostgres: what the tests of a database show on SQLite they show on PostgreSQL too.
func TestOnPostgres(t *testing.T) {
	t.Parallel()
	postgres.Again(t, ".")
}
