package years

import (
	"flag"
	"os/exec"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/planted"
)

var controlsFlag = flag.Bool("years.controls", false, "plant known bugs one by one; each must be found")

// control is a bug, and the seeds that must find it.
type control struct {
	planted.Bug
	always bool // also where -years.controls is not given
}

var controls = map[string]control{
	"months are clamped one day early": {planted.Bug{File: "../../internal/credits/periods.go",
		Old: "last := first.AddDate(0, 1, -1).Day()", New: "last := first.AddDate(0, 1, -2).Day()"}, true},
	"a period follows from the clamped day": {planted.Bug{File: "../../internal/credits/periods.go",
		Old: "return addMonths(a, k*months), addMonths(a, (k+1)*months)", New: "return addMonths(a, k*months), addMonths(time.UnixMicro(int64(addMonths(a, k*months))).UTC(), months)"}, false},
	"a resumed subscription issues the period again": {planted.Bug{File: "../../internal/credits/turns.go",
		Old: "if !b.endsBy(at) {", New: "if !b.endsBy(at) && !sub.pausedAt(at) {"}, false},
	"a block of another cadence is carried over by chance": {planted.Bug{File: "../../internal/credits/turns.go",
		Old: "case b.To == t.at && a.period.From == t.at:", New: "case b.To == t.at:"}, false},
	"a boundary is dated a microsecond late": {planted.Bug{File: "../../internal/credits/turn_op.go",
		Old: "At: op.turn.at,\n", New: "At: op.turn.at + 1,\n"}, false},
	"what is bought within a period is bought again": {planted.Bug{File: "../../internal/credits/prepaid.go",
		Old: "from := amount.Min(block.Peak, b.quantity)", New: "from := amount.Min(amount.Zero, b.quantity)"}, false},
}

func TestControls(t *testing.T) {
	// Every planted bug turns the comparison with the calendar red.
	t.Parallel()
	for name, c := range controls {
		t.Run(name, func(t *testing.T) {
			if !c.always && !*controlsFlag || testing.Short() {
				t.Skip("run with -years.controls")
			}
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", planted.Overlay(t, c.Bug), "-count=1", "-short",
				"-run=^TestYears$", ".", "-years.seeds=20").CombinedOutput()
			switch {
			case err == nil:
				t.Error("nobody noticed")
			case !strings.Contains(string(out), "--- FAIL: TestYears"):
				t.Errorf("it failed for another reason:\n%s", out)
			}
		})
	}
}
