package payments_test

import (
	"flag"
	"os/exec"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/planted"
)

var controlsFlag = flag.Bool("payments.controls", false, "plant known bugs one by one; each must be found")

// controls are bugs that lose money or give it away.
var controls = map[string]planted.Bug{
	"the key is derived from the amount": {File: "../../internal/billing/collector.go",
		Old: "return a.ID }", New: "return a.Cost.Amount.String() }"},
	"every try has a key of its own": {File: "../../internal/billing/collector.go",
		Old: "return a.ID }", New: "return a.ID + string(rune('a'+a.Tries)) }"},
	"what was paid is not compared": {File: "../../internal/credits/outcomes.go",
		Old: "if o.Money != a.Cost {", New: "if o.Money != a.Cost && o.Money.Currency == \"\" {"},
	"signatures are not looked at": {File: "../../internal/billing/fake/notices.go",
		Old: "if !hmac.Equal(", New: "if len(body) == 0 && !hmac.Equal("},
}

func TestControls(t *testing.T) {
	// Every planted bug turns the comparison of money and grants red.
	if !*controlsFlag {
		t.Skip("run with -payments.controls")
	}
	for name, bug := range controls {
		t.Run(name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", planted.Overlay(t, bug), "-count=1", "-short",
				"-run=^TestMoneyChargedIsMoneyOfGrants$", ".", "-payments.attempts=150").CombinedOutput()
			switch {
			case err == nil:
				t.Error("nobody noticed")
			case !strings.Contains(string(out), "--- FAIL: TestMoneyChargedIsMoneyOfGrants"):
				t.Errorf("it failed for another reason:\n%s", out)
			}
		})
	}
}
