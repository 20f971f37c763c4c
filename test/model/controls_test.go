package model_test

import (
	"flag"
	"os/exec"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/planted"
)

var controlsFlag = flag.Bool("model.controls", false, "plant each known bug in turn and require that the comparison sees it")

// control is a bug planted by replacing one piece of a source file.
type control struct {
	name     string
	file     string // below internal
	old, new string
}

var controls = []control{
	{"wrong tie-break: paid before promotional", "ledger/index.go",
		"cmp.Compare(a.category(), b.category())", "cmp.Compare(b.category(), a.category())"},
	{"wrong tie-break: newest first", "ledger/index.go",
		"cmp.Compare(a.CreatedAt, b.CreatedAt)", "cmp.Compare(b.CreatedAt, a.CreatedAt)"},
	{"wrong tie-break: effective date left out", "ledger/index.go",
		"cmp.Compare(a.EffectiveAt, b.EffectiveAt)", "0"},
	{"expiry one instant late", "ledger/sweep.go",
		"next <= at; next = p.NextDue()", "next < at; next = p.NextDue()"},
	{"activation before expiry", "ledger/index.go",
		"dueExpiry dueKind = iota\n\tdueActivation", "dueActivation dueKind = iota\n\tdueExpiry"},
	{"a new grant does not settle the deficit", "ledger/grant.go",
		"s.issue(next)\n\ts.settleDeficit()", "s.issue(next)"},
	{"a released hold does not settle the deficit", "ledger/hold.go",
		"h = s.endHold(h, amount.Zero, HoldReleased)\n\ts.settleDeficit()", "h = s.endHold(h, amount.Zero, HoldReleased)"},
	{"a slice is burned twice", "ledger/hold.go",
		"amt = amt.Sub(x)\n\t}\n\treturn burned, amt", "_ = x\n\t}\n\treturn burned, amt.Sub(amt)"},
	{"what a hold frees of an expired grant stays", "ledger/hold.go",
		"if g == nil || !g.ended() ||", "if g == nil || !g.ended() || g.VoidedAt == 0 ||"},
	{"reservations look at the balance, not at what is available", "ledger/hold.go",
		"available := p.Available(); !spec.AllowOverdraft", "available := p.Balance(); !spec.AllowOverdraft"},
	{"the grace ends one instant early", "ledger/burn.go",
		"s.at <= g.ExpireAt+grace", "s.at < g.ExpireAt+grace"},
	{"grace for events before the grant's life", "ledger/burn.go",
		"g.EffectiveAt <= event && ", ""},
	{"debts settled newest first", "ledger/reverse.go",
		"for _, d := range queue {\n\t\ty := amount.Min(x, d.left)", "for i := range queue {\n\t\td := queue[len(queue)-1-i]\n\t\ty := amount.Min(x, d.left)"},
	{"an amount may go below what is held", "ledger/update.go",
		"to.Less(g.Released().Add(g.Held))", "to.Less(g.Released())"},
	{"money rounded row by row", "ledger/money.go",
		"g.costOf(before.Sub(amt)).Sub(g.costOf(before))", "g.costOf(before.Sub(before).Sub(amt))"},
	{"a boundary forgives nothing", "ledger/turn.go",
		"if t.Forgive {", "if false {"},
	{"what rolls over has cost nothing", "ledger/turn.go",
		"Cost: g.moneyOf(RolledOut, x.Neg())", "Cost: Money{}"},
	{"a boundary expires before it rolls over", "ledger/turn.go",
		"children := s.rollOut(t.Roll)\n\ts.cutShort(&t)\n\ts.expireDue(t.Spare)", "s.cutShort(&t)\n\ts.expireDue(t.Spare)\n\tchildren := s.rollOut(t.Roll)"},
	{"a boundary does not settle the deficit", "ledger/turn.go",
		"\ts.settleDeficit()\n\treturn turned, nil", "\treturn turned, nil"},
	{"unit transformation per event", "rating/state.go",
		"return m.Transform.blocks(s.total).Sub(m.Transform.blocks(before))", "return m.Transform.blocks(s.total.Sub(before))"},
	{"MAX burns the whole value", "rating/state.go",
		"return amount.Max(s.total, x.Units)", "return s.total.Add(x.Units)"},
}

// servedControls are bugs above the ledger, which only the comparison over REST can see.
var servedControls = []control{
	{"what is due this very instant waits", "engine/shard.go",
		"for o.pool.NextDue() <= now {", "for o.pool.NextDue() < now {"},
	{"a boundary finds posted what is its own", "engine/op.go",
		"tx.open(tx.now-1, refs)", "tx.open(tx.now, refs)"},
	{"a late boundary is dated now", "engine/op.go",
		"\t\tnow = s.At\n", "\t\tnow = max(now, s.At)\n"},
	{"a replay repeats what the checkpoint has", "engine/replay.go",
		"ahead: o.asOf >= e.Position", "ahead: false"},
	{"usage stands at the posting time", "engine/post.go",
		"return row.Cause.EventAt", "return row.PostedAt"},
	{"late events get the newest plan version", "credits/mappings.go",
		"m.at <= at && m.version > version", "m.version > version"},
	{"a reversal forgets who settled the debt", "credits/reverse.go",
		"settles := k > 0 &&", "settles := k < 0 &&"},
	{"the end of a ledger's window is part of it", "credits/ledger.go",
		"row.PostedAt < *f.Through", "row.PostedAt <= *f.Through"},
}

// TestControls: every planted bug turns the comparison red. Slow, so only with -model.controls. A control whose text is
// no longer in the source fails: it has to be planted anew.
func TestControls(t *testing.T) {
	if !*controlsFlag {
		t.Skip("run with -model.controls")
	}
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) { c.mustBeSeen(t, "-run=^TestModelLedger$", "-model.ops=20000") })
	}
	for _, c := range servedControls {
		t.Run(c.name, func(t *testing.T) { c.mustBeSeen(t, "-run=^TestModelServed$", "-model.served=3000") })
	}
}

// mustBeSeen plants the bug and runs a comparison.
func (c control) mustBeSeen(t *testing.T, comparison ...string) {
	bug := planted.Bug{File: "../../internal/" + c.file, Old: c.old, New: c.new}
	args := append([]string{"test", "-overlay", planted.Overlay(t, bug)}, comparison...)
	out, err := exec.Command("go", append(args, ".")...).CombinedOutput()
	switch {
	case err == nil:
		t.Error("nobody noticed")
	case !strings.Contains(string(out), "shortest history"):
		t.Errorf("it failed for another reason:\n%s", out)
	default:
		t.Logf("%s", found(string(out)))
	}
}

// found is the line that names the seed and what differed.
func found(out string) string {
	_, out, _ = strings.Cut(out, "seed ")
	out, _, _ = strings.Cut(out, "\n")
	return "seed " + out
}
