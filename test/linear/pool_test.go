package linear

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStep(t *testing.T) {
	// The model of a pool is exact: what burns first, what is left for whom, and which answers cannot be.
	t.Parallel()
	full := state{held: 3, grants: []remaining{{1, 5}, {4, 5}}} // 10, of which 7 are available
	yes, no := true, false
	for name, c := range map[string]struct {
		in   input
		out  output
		can  bool
		want state
	}{
		"consumes_in_order":  {input{kind: consume, amount: 6}, output{outcome: done}, true, state{3, []remaining{{4, 4}}}},
		"consumes_too_much":  {input{kind: consume, amount: 8}, output{outcome: done}, false, full},
		"refuses_too_much":   {input{kind: consume, amount: 8}, output{outcome: refused}, true, full},
		"refuses_too_little": {input{kind: consume, amount: 7}, output{outcome: refused}, false, full},
		"unknown_consumes":   {input{kind: consume, amount: 7}, output{}, true, state{3, []remaining{{4, 3}}}},
		"unknown_refuses":    {input{kind: consume, amount: 8}, output{}, true, full},
		"grants_in_between":  {input{kind: grant, grant: 2, amount: 1}, output{outcome: done}, true, state{3, []remaining{{1, 5}, {2, 1}, {4, 5}}}},
		"voids":              {input{kind: void, grant: 4}, output{outcome: done}, true, state{3, []remaining{{1, 5}}}},
		"voids_what_is_used": {input{kind: void, grant: 9}, output{outcome: done}, true, full},
		"reserves":           {input{kind: reserve, amount: 7}, output{outcome: done}, true, state{10, full.grants}},
		"reserves_too_much":  {input{kind: reserve, amount: 8}, output{outcome: done}, false, full},
		"settles":            {input{kind: settle, hold: 3, amount: 2}, output{outcome: done}, true, state{0, []remaining{{1, 3}, {4, 5}}}},
		"releases":           {input{kind: release, hold: 3}, output{outcome: done}, true, state{0, full.grants}},
		"reads":              {input{kind: read}, output{balance: 10, held: 3, available: 7}, true, full},
		"reads_other":        {input{kind: read}, output{balance: 10, held: 2, available: 8}, false, full},
		"checks":             {input{kind: read, amount: 7}, output{balance: 10, held: 3, available: 7, enough: &yes}, true, full},
		"checks_wrongly":     {input{kind: read, amount: 7}, output{balance: 10, held: 3, available: 7, enough: &no}, false, full},
	} {
		can, got := step(full, c.in, c.out)
		if can != c.can || can && !equal(got, c.want) {
			t.Errorf("%s: %v, %s", name, can, cmp.Diff(c.want, got, cmp.AllowUnexported(state{}, remaining{})))
		}
	}
	if full.balance() != 10 || full.available() != 7 {
		t.Errorf("the state was changed: %+v", full)
	}
}
