package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

// TestModelSharesNoCode: the model must not import anything of the system that it checks.
func TestModelSharesNoCode(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source files found", err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(src), "scrip/internal/") {
			t.Errorf("%s imports from internal; the model must stay independent", f)
		}
	}
}

// TestModelKeepsItsInvariants: random histories never break the model's own invariants, it answers the same twice, and
// the same seed gives the same history.
func TestModelKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		setup, ops := model.Generate(seed, 50, nil)
		_, again := model.Generate(seed, 50, nil)
		if model.History(ops) != model.History(again) {
			t.Fatalf("seed %d gives two histories", seed)
		}
		if _, d := model.Compare(append(setup, ops...), model.New(), model.Options{Transactions: true}); d != nil {
			t.Fatalf("seed %d: the model disagrees with itself %s", seed, d)
		}
	}
}

// TestShrink: a failing history becomes as short as the failure allows.
func TestShrink(t *testing.T) {
	t.Parallel()
	_, ops := model.Generate(3, 60, nil)
	fails := func(list []model.Command) bool { // two grants and a later reservation
		grants := 0
		for _, c := range list {
			switch c.(type) {
			case model.AddGrant:
				grants++
			case model.Reserve:
				if grants >= 2 {
					return true
				}
			}
		}
		return false
	}
	if !fails(ops) {
		t.Fatal("the history does not fail at all")
	}
	if short := model.Shrink(ops, fails); len(short) != 3 || !fails(short) {
		t.Errorf("shrunk to %d operations, want 3:\n%s", len(short), model.History(short))
	}
}

// brokenSubject answers wrongly in one place.
type brokenSubject struct{ *model.Model }

func (b brokenSubject) Check(q model.CheckQuery) model.Access {
	a := b.Model.Check(q)
	a.Granted = true
	return a
}

// TestCompareSeesADifference: a subject that lies in one read only is found out.
func TestCompareSeesADifference(t *testing.T) {
	t.Parallel()
	history := append(model.Setup(), model.AddGrant{Ref: "A", Pool: model.Pools()[0], Amount: "1", Kind: model.Promotional},
		model.MoveClock{To: time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)})
	if _, d := model.Compare(history, brokenSubject{model.New()}, model.Options{}); d == nil {
		t.Fatal("nothing found")
	}
}
