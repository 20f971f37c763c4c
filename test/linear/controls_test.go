package linear

import (
	"errors"
	"flag"
	"testing"

	"github.com/scrip-dev/scrip/test/crash/process"
)

var controlsFlag = flag.Bool("linear.controls", false, "plant known bugs one by one; each must be found")

// controlOps is how many chances a planted bug gets to show.
const controlOps = 20_000

// staleRead is the bug that a read believes this node's memory, without asking whether another node has written since.
var staleRead = process.Change{
	File: "../../internal/engine/view.go",
	From: `	s := e.shardOf(key.Environment, key.Customer)
	if err := s.confirm(ctx); err != nil {
		return nil, err
	}
`,
	To: `	s := e.shardOf(key.Environment, key.Customer)
`,
}

// checkThenAct is the bug that a strict consume looks at the balance first, and then burns whatever the balance is by then.
var checkThenAct = process.Change{
	File: "../../internal/credits/consume.go",
	From: `	if err := s.engine.Do(ctx, op)[0]; err != nil {
		return ConsumptionResult{}, err
	}
	return op.result, nil
`,
	To: `	if in.RequireBalance {
		pool := ledger.Key{Environment: env, Customer: in.Customer, Currency: in.CreditType, Resource: in.Resource}
		view, err := s.engine.View(ctx, pool, 0)
		if err != nil {
			return ConsumptionResult{}, err
		}
		if view.Available.Less(in.Amount) {
			return ConsumptionResult{}, refusal(&ledger.Insufficient{Available: view.Available, Needed: in.Amount})
		}
		op.in.RequireBalance = false
	}
	if err := s.engine.Do(ctx, op)[0]; err != nil {
		return ConsumptionResult{}, err
	}
	return op.result, nil
`,
}

func TestControls(t *testing.T) {
	// The check is able to fail: it finds a read that is not fresh, and a decision that is not made where it takes effect.
	if !*controlsFlag {
		t.Skip("takes two builds and two runs; see -linear.controls")
	}
	for name, bug := range map[string]process.Change{"stale_read": staleRead, "check_then_act": checkThenAct} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, build(t, bug))
			err := r.execute(t.Context(), controlOps)
			r.report(t)
			if !errors.As(err, &unordered{}) {
				t.Fatalf("the planted bug was not found: %v", err)
			}
			t.Logf("found: %v", err)
		})
	}
}
