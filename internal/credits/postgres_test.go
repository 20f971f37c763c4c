package credits_test

import (
	"testing"

	"github.com/scrip-dev/scrip/test/postgres"
)

func TestEverythingOnPostgres(t *testing.T) {
	// The use cases do the same on PostgreSQL.
	t.Parallel()
	postgres.Again(t, ".")
}
