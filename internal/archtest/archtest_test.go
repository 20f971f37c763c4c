package archtest

import (
	"slices"
	"testing"
)

func TestRepositoryKeepsItsRules(t *testing.T) {
	// No file breaks a rule, except where allowed gives a reason.
	t.Parallel()
	used := make([]bool, len(allowed))
	for _, s := range repository(t) {
		for _, v := range judge(s) {
			if i := slices.IndexFunc(allowed, v.excusedBy); i >= 0 {
				used[i] = true
				continue
			}
			t.Error(v)
		}
	}
	for i, e := range allowed {
		if !used[i] {
			t.Errorf("the exception of %s from %s is no longer needed: remove it", e.Path, e.Rule)
		}
		if e.Reason == "" {
			t.Errorf("the exception of %s from %s gives no reason", e.Path, e.Rule)
		}
	}
}

func TestRepositoryIsRead(t *testing.T) {
	// The walk finds this repository: a walk that finds nothing would pass every rule.
	t.Parallel()
	all := repository(t)
	for _, name := range []string{"Makefile", ".ci/run", "go.mod", "cmd/scrip/main.go", "internal/archtest/doc.go"} {
		if !slices.ContainsFunc(all, func(s source) bool { return s.Path == name }) {
			t.Errorf("%s was not read", name)
		}
	}
}

func TestEveryLayerHasItsReason(t *testing.T) {
	// Each row of layers says what it protects, and names only packages that have a row.
	t.Parallel()
	for name, permitted := range layers {
		if layerReasons[name] == "" {
			t.Errorf("layers has a row for %s, layerReasons has none", name)
		}
		for _, other := range permitted {
			if _, known := layers[other]; !known {
				t.Errorf("%s may import %s, which has no row", name, other)
			}
		}
	}
}

// judge runs every rule on one file.
func judge(s source) []violation {
	var found []violation
	for _, r := range rules {
		found = append(found, r(s)...)
	}
	return found
}

func (v violation) excusedBy(e exception) bool { return e.Rule == v.Rule && e.Path == v.Path }
