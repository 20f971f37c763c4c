package model_test

import (
	"flag"
	"fmt"
	"runtime/debug"
	"sort"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/model/pure"
)

// historyLength is the number of operations in one random world.
const historyLength = 50

var (
	seedFlag = flag.Uint64("model.seed", 1, "seed of the first random world; the others count on from it")
	opsFlag  = flag.Int("model.ops", 20_000, "operations in all, in worlds of 50")
)

// TestModelLedger: the pure ledger and rating answer every random history as the naive model does, posting what is due
// at once and only when touched.
func TestModelLedger(t *testing.T) {
	t.Parallel()
	compareMany(t, run{"TestModelLedger", "model.ops", *opsFlag, func(seed uint64) (model.Subject, model.Options) {
		lazy := seed%2 == 1
		return pure.New(lazy), model.Options{Transactions: !lazy}
	}})
}

// run is a comparison of many random worlds.
type run struct {
	test string // its name, to repeat it
	flag string // that says how many operations
	ops  int
	open opener
}

// opener makes a fresh subject for a seed.
type opener func(seed uint64) (model.Subject, model.Options)

// compareMany compares random worlds and then asserts that they took every rare branch.
func compareMany(t *testing.T, r run) {
	rare, worlds := map[string]int{}, 0
	for done := 0; done < r.ops; done += historyLength {
		seed := *seedFlag + uint64(worlds)
		worlds++
		n := min(historyLength, r.ops-done)
		for branch, times := range r.compareWorld(t, seed, n) {
			rare[branch] += times
		}
		if t.Failed() {
			return
		}
	}
	if r.ops >= 20_000 {
		assertRare(t, rare)
	}
	t.Logf("%d operations in %d worlds; rare branches: %s", r.ops, worlds, counts(rare))
}

// compareWorld compares one world and, if it differs, reports the shortest history that does.
func (r run) compareWorld(t *testing.T, seed uint64, n int) map[string]int {
	setup, ops := model.Generate(seed, n, nil)
	m, diff := runWorld(setup, ops, seed, r.open)
	if diff == "" {
		return m.Rare()
	}
	short := model.Shrink(ops, func(list []model.Command) bool {
		_, found := runWorld(setup, list, seed, r.open)
		if found != "" {
			diff = found // the last that fails is the shortest
		}
		return found != ""
	})
	t.Errorf("seed %d: %s\n\nshortest history, as a scenario:\n\n%s%s\nrepeat with: go test ./test/model -run %s -model.seed=%d -%s=%d",
		seed, diff, model.History(setup), model.History(short), r.test, seed, r.flag, n)
	return nil
}

// runWorld plays a history and gives the difference, empty for none. A panic of the subject is a difference, too.
func runWorld(setup, ops []model.Command, seed uint64, open opener) (m *model.Model, diff string) {
	defer func() {
		if r := recover(); r != nil {
			diff = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	subject, options := open(seed)
	history := append(append([]model.Command(nil), setup...), ops...)
	m, d := model.Compare(history, subject, options)
	if d != nil {
		return m, d.String()
	}
	if v, ok := subject.(interface{ Verify() error }); ok {
		if err := v.Verify(); err != nil {
			return m, err.Error()
		}
	}
	return m, ""
}

// assertRare fails if the histories have become so tame that a rule was not tried at all.
func assertRare(t *testing.T, rare map[string]int) {
	t.Helper()
	for _, branch := range model.RareBranches {
		if rare[branch] < 3 {
			t.Errorf("rare branch %q was taken %d times, want at least 3: the comparison says nothing about it", branch, rare[branch])
		}
	}
}

func counts(rare map[string]int) string {
	var list []string
	for branch, times := range rare {
		list = append(list, fmt.Sprintf("%s %d", branch, times))
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}
