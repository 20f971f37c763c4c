package rating

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
)

// evaluation is one walk over a formula for one event. The first error is kept; what is computed after it is discarded,
// so that steps need no error paths. A walk ends in any case: it visits each node at most once.
type evaluation struct {
	formula  *Formula
	units    amount.Amount
	dims     Dims
	strict   bool
	err      error     // a *FormulaError
	read     [4]uint64 // bit i: dimension i was read; formulaNodesMax bits and one for units
	inputs   []Input
	warnings []Warning
}

// value is the result of a node whose kind depends on the event.
type value struct {
	kind  valueKind
	num   number
	text  string
	truth bool
}

func (e *evaluation) fail(format string, args ...any) {
	if e.err == nil {
		e.err = &FormulaError{Message: fmt.Sprintf(format, args...)}
	}
}

// bounded passes on the result of an arithmetic step.
func (e *evaluation) bounded(n number, ok bool) number {
	if !ok {
		e.fail("a number has more than %d digits", valueDigitsMax)
	}
	return n
}

// firstRead reports whether a slot is read for the first time, and remembers it.
func (e *evaluation) firstRead(slot int) bool {
	word, bit := slot/64, uint64(1)<<(slot%64)
	first := e.read[word]&bit == 0
	e.read[word] |= bit
	return first
}

// record adds an input to the explanation.
func (e *evaluation) record(name, text string) {
	if e.inputs == nil {
		e.inputs = make([]Input, 0, len(e.formula.dims)+1)
	}
	e.inputs = append(e.inputs, Input{Name: name, Text: text})
}

// dimension reads a dimension. If the event lacks it, that is false and noted.
func (e *evaluation) dimension(n *node) (Dim, bool) {
	key := e.formula.dims[n.slot]
	dim, ok := e.dims.find(key)
	switch first := e.firstRead(n.slot); {
	case ok && first:
		e.record(key, dim.Text)
	case !ok && e.strict:
		e.fail("the event has no dimension %q", key)
	case !ok && first:
		e.warnings = append(e.warnings, missingDimension(key))
	}
	return dim, ok
}

func (e *evaluation) readUnits() number {
	if e.firstRead(len(e.read)*64 - 1) {
		e.record(unitsName, e.units.String())
	}
	if !e.units.InRange() {
		e.fail("the units have more than %d digits before the decimal point", amount.MaxIntegerDigits)
	}
	return number{small: e.units}
}

// present reports whether a node has a value, without reading it. Only dimensions can be missing.
func (e *evaluation) present(n *node) bool {
	switch n.op {
	case opDimension:
		_, ok := e.dims.find(e.formula.dims[n.slot])
		return ok
	case opCoalesce:
		for _, arg := range n.args {
			if e.present(arg) {
				return true
			}
		}
		return false
	}
	return true
}

// choose returns the node that if, coalesce or lookup stands for. Nothing else of them is evaluated.
func (e *evaluation) choose(n *node) *node {
	last := n.args[len(n.args)-1]
	switch n.op {
	case opIf:
		if e.truth(n.args[0]) {
			return n.args[1]
		}
	case opCoalesce:
		for _, arg := range n.args {
			if e.present(arg) {
				return arg
			}
		}
	case opLookup:
		return e.lookup(n.args, last)
	}
	return last
}

// lookup finds the value for a key. A missing key has no value, whatever the keys are.
func (e *evaluation) lookup(args []*node, otherwise *node) *node {
	key := e.value(args[0])
	if !e.present(args[0]) {
		return otherwise
	}
	for i := 1; i+1 < len(args); i += 2 {
		if key.equals(e.value(args[i])) {
			return args[i+1]
		}
	}
	return otherwise
}

// number evaluates a node as a number. Texts that are numbers count as numbers; a missing dimension is 0.
func (e *evaluation) number(n *node) number {
	switch n.op {
	case opNumber:
		return n.num
	case opUnits:
		return e.readUnits()
	case opDimension:
		return e.numericDimension(n)
	case opIf, opCoalesce, opLookup:
		return e.number(e.choose(n))
	case opNegate:
		return e.number(n.args[0]).neg()
	case opAdd, opSubtract, opMultiply, opDivide:
		return e.arithmetic(n.op, e.number(n.args[0]), e.number(n.args[1]))
	case opMin, opMax, opAbs, opCeil, opFloor, opRound:
		return e.call(n)
	}
	e.fail("%s stands where a number is needed", kindNames[n.kind])
	return number{}
}

func (e *evaluation) numericDimension(n *node) number {
	dim, ok := e.dimension(n)
	if !ok {
		return number{}
	}
	if dim.Kind != Bool {
		if num, ok := parseNumber(dim.Text); ok {
			return num
		}
	}
	e.fail("the dimension %q is not a number of at most %d digits", dim.Key, literalDigitsMax)
	return number{}
}

func (e *evaluation) arithmetic(op operationCode, a, b number) number {
	switch op {
	case opAdd:
		return e.bounded(a.add(b))
	case opSubtract:
		return e.bounded(a.sub(b))
	case opMultiply:
		return e.bounded(a.mul(b))
	}
	if b.sign() == 0 {
		e.fail("division by zero")
		return number{}
	}
	return e.bounded(a.quo(b))
}

// truth evaluates a node as a condition. Only booleans are conditions; a missing dimension is false.
func (e *evaluation) truth(n *node) bool {
	switch n.op {
	case opAnd:
		return e.truth(n.args[0]) && e.truth(n.args[1])
	case opOr:
		return e.truth(n.args[0]) || e.truth(n.args[1])
	case opNot:
		return !e.truth(n.args[0])
	case opEqual:
		return e.value(n.args[0]).equals(e.value(n.args[1]))
	case opNotEqual:
		return !e.value(n.args[0]).equals(e.value(n.args[1]))
	case opLess, opLessOrEqual, opGreater, opGreaterOrEqual:
		return compares(n.op, e.number(n.args[0]).cmp(e.number(n.args[1])))
	case opIf, opCoalesce, opLookup:
		return e.truth(e.choose(n))
	case opDimension:
		return e.trueDimension(n)
	}
	e.fail("%s stands where a condition is needed", kindNames[n.kind])
	return false
}

func (e *evaluation) trueDimension(n *node) bool {
	dim, ok := e.dimension(n)
	if ok && dim.Kind != Bool {
		e.fail("the dimension %q is not a boolean, so it cannot be a condition", dim.Key)
	}
	return ok && dim.Text == "true"
}

// compares reads the outcome of a comparison.
func compares(op operationCode, order int) bool {
	switch op {
	case opLess:
		return order < 0
	case opLessOrEqual:
		return order <= 0
	case opGreater:
		return order > 0
	}
	return order >= 0
}

// value evaluates a node as whatever it is. A missing dimension is the number 0.
func (e *evaluation) value(n *node) value {
	switch {
	case n.op == opText:
		return value{kind: kindText, text: n.text}
	case n.op == opDimension:
		return e.dimensionValue(n)
	case n.op == opIf, n.op == opCoalesce, n.op == opLookup:
		return e.value(e.choose(n))
	case n.kind == kindTruth:
		return value{kind: kindTruth, truth: e.truth(n)}
	}
	return value{kind: kindNumber, num: e.number(n)}
}

func (e *evaluation) dimensionValue(n *node) value {
	dim, ok := e.dimension(n)
	switch {
	case !ok:
		return value{kind: kindNumber}
	case dim.Kind == String:
		return value{kind: kindText, text: dim.Text}
	case dim.Kind == Bool:
		return value{kind: kindTruth, truth: dim.Text == "true"}
	}
	num, ok := parseNumber(dim.Text)
	if !ok {
		e.fail("the dimension %q is not a number of at most %d digits", dim.Key, literalDigitsMax)
	}
	return value{kind: kindNumber, num: num}
}

// equals compares two values. A text equals a number if it is that number; otherwise values of different kinds differ.
func (v value) equals(w value) bool {
	switch {
	case v.kind == kindText && w.kind == kindNumber:
		return w.equals(v)
	case v.kind == kindNumber && w.kind == kindText:
		num, ok := parseNumber(w.text)
		return ok && num.cmp(v.num) == 0
	case v.kind != w.kind:
		return false
	case v.kind == kindNumber:
		return v.num.cmp(w.num) == 0
	case v.kind == kindText:
		return v.text == w.text
	}
	return v.truth == w.truth
}
