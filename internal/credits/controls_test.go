package credits_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/planted"
	"github.com/scrip-dev/scrip/test/postgres"
)

// controls are bugs that let a node answer from what is no longer true.
var controls = map[string]planted.Bug{
	"a request joins the round under way": {File: "../engine/joint.go", Old: "\trun := j.next\n\tj.next, j.working = nil, run != nil\n", New: `
	run := j.next
	if run != nil {
		select {
		case <-run.done:
			run, j.next = nil, nil
		default:
		}
	}
	j.working = run != nil
`},
	"a change leaves the customer in the cache": {File: "follow.go",
		Old: "\t\ts.customers.drop(customerKey{c.Environment, c.Customer})\n", New: ""},
	"a customer read before a change is kept after it": {File: "customer_cache.go", Old: "if s.epoch == epoch {", New: "if s.epoch >= epoch {"},
	"a changed catalogue is not read again":            {File: "follow.go", Old: "c.No == 0 || c.Revision >", New: "c.No == 0 || c.Revision <"},
}

// controlRuns is how often the hammer may strike before a bug counts as unnoticed. On a busy machine requests overlap less.
const controlRuns = "20"

func TestHammer_controls(t *testing.T) {
	// Every planted bug turns the hammer red.
	t.Parallel()
	if testing.Short() || postgres.SecondRun() {
		t.Skip("left out in short runs, and where the tests run again")
	}
	for name, bug := range controls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", planted.Overlay(t, bug), "-count="+controlRuns, "-failfast",
				"-short", "-timeout=5m", "-run=^TestHammer_", ".").CombinedOutput()
			switch {
			case err == nil && strings.Contains(string(out), "no tests"):
				t.Errorf("nothing ran:\n%s", out)
			case err == nil:
				t.Error("nobody noticed")
			case !strings.Contains(string(out), "stale read"):
				t.Errorf("it failed for another reason:\n%s", out)
			}
		})
	}
}
