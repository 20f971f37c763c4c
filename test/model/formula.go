package model

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// formula evaluates semantics 9.2 while it parses, on exact rationals. What if, and, or, coalesce and lookup do not need
// is read over without being evaluated: nothing in there can fail or warn.
type formula struct {
	src      string
	units    *big.Rat
	dims     []Dim
	tokens   []string
	warnings []string
	skip     int // > 0 while a branch that is not taken is read over
}

var errFormula = errors.New("formula error")

// value of an expression: a number, a text or a truth value.
type value struct {
	num     *big.Rat
	text    string
	truth   bool
	kind    DimKind
	missing bool
}

var tokenPattern = regexp.MustCompile("\\s*(\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]+`|[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[A-Za-z_$][A-Za-z0-9_$]*|<=|>=|==|!=|[-+*/(),<>])")

// value gives the result as a number.
func (f *formula) value() (x *big.Rat, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errFormula, r)
		}
	}()
	for _, m := range tokenPattern.FindAllStringSubmatch(f.src, -1) {
		f.tokens = append(f.tokens, m[1])
	}
	v := f.or()
	if len(f.tokens) > 0 {
		panic("left over: " + f.tokens[0])
	}
	return f.num(v), nil
}

func (f *formula) peek() string {
	if len(f.tokens) == 0 {
		return ""
	}
	return f.tokens[0]
}

func (f *formula) accept(tokens ...string) string {
	for _, t := range tokens {
		if f.peek() == t {
			f.tokens = f.tokens[1:]
			return t
		}
	}
	return ""
}

func (f *formula) expect(t string) {
	if f.accept(t) == "" {
		panic("expected " + t)
	}
}

func (f *formula) or() value {
	v := f.and()
	for f.accept("or") != "" {
		if f.is(v) {
			f.skipped(f.and)
			continue
		}
		v = truth(f.is(f.and()))
	}
	return v
}

func (f *formula) and() value {
	v := f.not()
	for f.accept("and") != "" {
		if !f.is(v) {
			f.skipped(f.not)
			continue
		}
		v = truth(f.is(f.not()))
	}
	return v
}

func (f *formula) not() value {
	if f.accept("not") != "" {
		return truth(!f.is(f.comparison()))
	}
	return f.comparison()
}

func (f *formula) comparison() value {
	a := f.sum()
	op := f.accept("<", "<=", ">", ">=", "==", "!=")
	if op == "" {
		return a
	}
	b := f.sum()
	switch op {
	case "==":
		return truth(f.same(a, b))
	case "!=":
		return truth(!f.same(a, b))
	}
	order := f.num(a).Cmp(f.num(b))
	switch op {
	case "<":
		return truth(order < 0)
	case "<=":
		return truth(order <= 0)
	case ">":
		return truth(order > 0)
	}
	return truth(order >= 0)
}

func (f *formula) sum() value {
	v := f.term()
	for {
		switch f.accept("+", "-") {
		case "+":
			v = num(add(f.num(v), f.num(f.term())))
		case "-":
			v = num(sub(f.num(v), f.num(f.term())))
		default:
			return v
		}
	}
}

func (f *formula) term() value {
	v := f.unary()
	for {
		switch f.accept("*", "/") {
		case "*":
			v = num(mul(f.num(v), f.num(f.unary())))
		case "/":
			by := f.num(f.unary())
			if f.skip > 0 {
				continue
			}
			v = num(quo(f.num(v), by)) // panics on zero
		default:
			return v
		}
	}
}

func (f *formula) unary() value {
	if f.accept("-") != "" {
		return num(neg(f.num(f.atom())))
	}
	return f.atom()
}

func (f *formula) atom() value {
	t := f.peek()
	if t == "" {
		panic("unexpected end")
	}
	f.tokens = f.tokens[1:]
	switch {
	case t == "(":
		v := f.or()
		f.expect(")")
		return v
	case t[0] == '"':
		return value{kind: Text, text: strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(t[1 : len(t)-1])}
	case t[0] >= '0' && t[0] <= '9':
		return num(number(t))
	case t[0] == '`':
		return f.dimension(t[1 : len(t)-1])
	case f.accept("(") != "":
		return f.call(t)
	case t == "units":
		return num(f.units)
	}
	return f.dimension(t)
}

// dimension is 0, or false where a truth value is needed, with a warning when the event does not carry it.
func (f *formula) dimension(key string) value {
	d, ok := dim(f.dims, key)
	if !ok {
		if key == "quantity" {
			return num(big.NewRat(1, 1))
		}
		f.warn("MissingDimension:" + key)
		return value{kind: Number, num: zero, missing: true}
	}
	switch d.Kind {
	case Number:
		return num(number(d.Text))
	case Bool:
		return truth(d.Text == "true")
	}
	return value{kind: Text, text: d.Text}
}

func (f *formula) warn(w string) {
	if f.skip == 0 {
		f.warnings = append(f.warnings, w)
	}
}

func num(x *big.Rat) value { return value{kind: Number, num: x} }
func truth(b bool) value   { return value{kind: Bool, truth: b} }

// num coerces numeric strings; in a branch that is only read over everything is zero.
func (f *formula) num(v value) *big.Rat {
	if f.skip > 0 {
		return zero
	}
	switch v.kind {
	case Number:
		return v.num
	case Text:
		if x, ok := new(big.Rat).SetString(v.text); ok {
			return x
		}
	}
	panic("not a number")
}

func (f *formula) is(v value) bool {
	if f.skip > 0 {
		return false
	}
	if v.missing {
		return false
	}
	if v.kind != Bool {
		panic("not a truth value")
	}
	return v.truth
}

func (f *formula) skipped(parse func() value) {
	f.skip++
	parse()
	f.skip--
}
