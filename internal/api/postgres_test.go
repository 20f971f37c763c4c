package api

import (
	"testing"

	"github.com/scrip-dev/scrip/test/postgres"
)

func TestEverythingOnPostgres(t *testing.T) {
	// The API answers on PostgreSQL as on SQLite, and keeps its contract.
	t.Parallel()
	postgres.Again(t, ".")
}
