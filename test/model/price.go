package model

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Price prices one event under one mapping, for comparisons of rating alone. ok is false if the formula has no result.
func Price(m Mapping, units string, dims []Dim) (credits string, warnings []string, ok bool) {
	pr := &priced{}
	x, ok := pr.rate(m, number(units), dims)
	if !ok {
		return "", nil, false
	}
	slices.Sort(pr.warnings)
	return decimal(x), slices.Compact(pr.warnings), true
}

// Matches says whether a feature's meter counts an event (semantics 8.1).
func (c DefineFeature) Matches(eventName string, dims []Dim) bool { return c.matches(eventName, dims) }

// RandomFormula makes a formula of numbers: every function, operator and kind of dimension appears. Its divisions are
// by powers of two and five, and one by anything at the outside, so that exact and 34-digit arithmetic must agree.
func RandomFormula(rnd *rand.Rand) string {
	f := formulaMaker{rnd}
	src := f.num(4)
	if rnd.IntN(3) == 0 {
		src = "(" + src + ") / " + f.num(1)
	}
	return src
}

type formulaMaker struct{ rnd *rand.Rand }

func (f formulaMaker) one(list ...string) string { return list[f.rnd.IntN(len(list))] }

// num makes an expression with a number for its value.
func (f formulaMaker) num(depth int) string {
	if depth == 0 {
		return f.one("1", "0", "2.5", "0.0000000005", "1e3", "units", "a", "b", "text", "gone", "`b`", "quantity")
	}
	d := depth - 1
	switch f.rnd.IntN(14) {
	case 0, 1:
		return "(" + f.num(d) + f.one(" + ", " - ", "*") + f.num(d) + ")"
	case 2:
		return f.num(d) + " / " + f.one("2", "5", "1000", "0.25")
	case 3:
		return "-" + "(" + f.num(d) + ")"
	case 4:
		return f.one("min", "max") + "(" + f.num(d) + ", " + f.num(d) + ")"
	case 5:
		return f.one("abs", "ceil", "floor", "round") + "(" + f.num(d) + ")"
	case 6:
		return "round(" + f.num(d) + ", " + strconv.Itoa(f.rnd.IntN(4)) + ")"
	case 7, 8:
		return "if(" + f.cond(d) + ", " + f.num(d) + ", " + f.num(d) + ")"
	case 9:
		return "coalesce(" + f.one("gone", "a", "lost") + ", " + f.num(d) + ")"
	case 10, 11:
		return "lookup(" + f.one("model", "gone", "a", "text") + `, "large", ` + f.num(d) + `, "small", ` + f.num(d) + ", " + f.num(d) + ")"
	}
	return f.num(0)
}

// cond makes an expression with a truth value.
func (f formulaMaker) cond(depth int) string {
	if depth == 0 {
		return f.one("flag", `model == "large"`, `model != "small"`)
	}
	d := depth - 1
	switch f.rnd.IntN(5) {
	case 0:
		return "(" + f.cond(d) + f.one(" and ", " or ") + f.cond(d) + ")"
	case 1:
		return "(not " + f.cond(0) + ")"
	case 2:
		return f.cond(0)
	}
	return f.num(d) + f.one(" < ", " <= ", " > ", " >= ", " == ", " != ") + f.num(d)
}

// RandomDims makes the dimensions that random formulas and filters read, some of them missing or of another kind.
func RandomDims(rnd *rand.Rand) []Dim {
	f := formulaMaker{rnd}
	all := []Dim{
		{"a", Number, f.one("0", "1", "2.5", "-3", "1200", "1e2")}, {"b", Number, f.one("4", "0.125")},
		{"flag", Bool, f.one("true", "false")}, {"model", Text, f.one("large", "small", "Large", "")},
		{"text", Text, f.one("17", "0.5", "1200")},
	}
	return slices.DeleteFunc(all, func(Dim) bool { return rnd.IntN(10) == 0 })
}

// RandomFilter makes a feature that counts events named "e" under one or two groups of conditions.
func RandomFilter(rnd *rand.Rand) DefineFeature {
	c := DefineFeature{Feature: "f", EventName: "e", Aggregation: "COUNT"}
	f := formulaMaker{rnd}
	for range 1 + rnd.IntN(2) {
		var group []Condition
		for range 1 + rnd.IntN(2) {
			cond := Condition{Field: f.one("a", "b", "flag", "model", "text", "gone"), Op: f.one(operators...)}
			cond.Values = f.values(cond.Op)
			group = append(group, cond)
		}
		c.Groups = append(c.Groups, group)
	}
	return c
}

// values makes what a condition compares with: several for IN, numbers for the operators of size.
func (f formulaMaker) values(op string) []string {
	numbers := []string{"1", "1.0", "17", "2", "0.5", "1200", "-3"}
	any := append([]string{"large", "small", "true", "l", "e"}, numbers...)
	switch {
	case op == "IN":
		return []string{f.one(any...), f.one(any...)}
	case strings.Contains(op, "THAN"):
		return []string{f.one(numbers...)}
	case op == "IS_NULL", op == "IS_NOT_NULL":
		return nil
	}
	return []string{f.one(any...)}
}

var operators = []string{"EQUALS", "NOT_EQUALS", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN",
	"LESS_THAN_OR_EQUAL", "IS_NULL", "IS_NOT_NULL", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "IN"}
