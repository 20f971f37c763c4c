package model_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/model/pure"
)

// TestModelFormulas: random formulas over random dimensions cost the same, warn of the same and fail alike.
func TestModelFormulas(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(*seedFlag, 1))
	priced, failed, warned := 0, 0, 0
	for range *opsFlag {
		m := model.Mapping{Feature: "f", Formula: model.RandomFormula(rnd)}
		units, dims := []string{"0", "1", "7.5"}[rnd.IntN(3)], model.RandomDims(rnd)
		want, wantWarnings, wantOK := model.Price(m, units, dims)
		got, gotWarnings, gotOK, err := pure.Price(m, units, dims)
		if err != nil || want != got || wantOK != gotOK || wantOK && cmp.Diff(wantWarnings, gotWarnings) != "" {
			t.Fatalf("%s\nunits %s, dims %v\nmodel %q %v %v\nrating %q %v %v %v",
				m.Formula, units, dims, want, wantWarnings, wantOK, got, gotWarnings, gotOK, err)
		}
		switch {
		case !wantOK:
			failed++
		case len(wantWarnings) > 0:
			warned++
		default:
			priced++
		}
	}
	if *opsFlag >= 1000 && min(priced, failed, warned) < *opsFlag/100 {
		t.Errorf("priced %d, warned %d, failed %d: too few of one kind to say anything", priced, warned, failed)
	}
}

// TestModelFilters: random filters count the same events.
func TestModelFilters(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(*seedFlag, 2))
	matched := 0
	for range *opsFlag {
		f, dims := model.RandomFilter(rnd), model.RandomDims(rnd)
		want := f.Matches("e", dims)
		if got := pure.Matches(f, "e", dims); got != want {
			t.Fatalf("%s\ndims %v\nmodel %v, rating %v", f, dims, want, got)
		}
		if want {
			matched++
		}
	}
	if *opsFlag >= 1000 && (matched < *opsFlag/10 || matched > *opsFlag*9/10) {
		t.Errorf("%d of %d matched: too lopsided to say anything", matched, *opsFlag)
	}
}
