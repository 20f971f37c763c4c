package scenario_test

import (
	"testing"

	"github.com/scrip-dev/scrip/test/model/pure"
	"github.com/scrip-dev/scrip/test/scenario"
)

// TestScenariosOnLedger: the pure ledger and rating packages behave as the golden examples say, whether what is due is
// posted at once or when a pool is touched next.
func TestScenariosOnLedger(t *testing.T) {
	t.Parallel()
	t.Run("swept", func(t *testing.T) {
		t.Parallel()
		playAll(t, func() scenario.Driver { return &serial{Subject: pure.New(false)} })
	})
}
