package rating

// operationCode says what a node of a formula does.
type operationCode uint8

const (
	opNumber    operationCode = iota + 1 // a literal
	opText                               // a literal
	opDimension                          // a dimension of the event
	opUnits                              // the units that the event adds
	opNegate
	opAdd
	opSubtract
	opMultiply
	opDivide
	opLess
	opLessOrEqual
	opGreater
	opGreaterOrEqual
	opEqual
	opNotEqual
	opAnd
	opOr
	opNot
	opMin
	opMax
	opAbs
	opCeil
	opFloor
	opRound
	opIf
	opCoalesce
	opLookup
)

// valueKind is the type of a value. Of a node it is what can be known before an event is seen.
type valueKind uint8

const (
	kindAny valueKind = iota // depends on the event
	kindNumber
	kindText
	kindTruth
)

var kindNames = [...]string{kindAny: "a value", kindNumber: "a number", kindText: "a text", kindTruth: "a condition"}

// node is one step of a formula. Nodes form a tree that never changes.
type node struct {
	op     operationCode
	kind   valueKind
	offset int // in the source
	args   []*node
	num    number // opNumber
	text   string // opText
	slot   int    // opDimension: index into Formula.dims
}

// common is the kind of a choice between nodes.
func common(nodes ...*node) valueKind {
	kind := nodes[0].kind
	for _, n := range nodes[1:] {
		if n.kind != kind {
			return kindAny
		}
	}
	return kind
}

// infix is an operator between two operands.
type infix struct {
	op      operationCode
	operand valueKind // what both operands must be
	result  valueKind
}

// The operators by their symbol, one table for each level of the grammar.
var (
	sums  = map[tokenKind]infix{"+": {opAdd, kindNumber, kindNumber}, "-": {opSubtract, kindNumber, kindNumber}}
	terms = map[tokenKind]infix{"*": {opMultiply, kindNumber, kindNumber}, "/": {opDivide, kindNumber, kindNumber}}

	comparisons = map[tokenKind]infix{
		"<": {opLess, kindNumber, kindTruth}, "<=": {opLessOrEqual, kindNumber, kindTruth},
		">": {opGreater, kindNumber, kindTruth}, ">=": {opGreaterOrEqual, kindNumber, kindTruth},
		"==": {opEqual, kindAny, kindTruth}, "!=": {opNotEqual, kindAny, kindTruth},
	}
	conjunctions = map[tokenKind]infix{"and": {opAnd, kindTruth, kindTruth}}
	alternatives = map[tokenKind]infix{"or": {opOr, kindTruth, kindTruth}}
)

// function is what the parser knows about a function.
type function struct {
	op       operationCode
	argsMin  int
	argsMax  int // 0: as many as fit into a formula
	operands valueKind
}

// functions are the functions of semantics 9.2. The operands of if, coalesce and lookup have rules of their own, see
// checkCall.
var functions = map[string]function{
	"min":      {op: opMin, argsMin: 1, operands: kindNumber},
	"max":      {op: opMax, argsMin: 1, operands: kindNumber},
	"abs":      {op: opAbs, argsMin: 1, argsMax: 1, operands: kindNumber},
	"ceil":     {op: opCeil, argsMin: 1, argsMax: 1, operands: kindNumber},
	"floor":    {op: opFloor, argsMin: 1, argsMax: 1, operands: kindNumber},
	"round":    {op: opRound, argsMin: 1, argsMax: 2, operands: kindNumber},
	"if":       {op: opIf, argsMin: 3, argsMax: 3},
	"coalesce": {op: opCoalesce, argsMin: 1},
	"lookup":   {op: opLookup, argsMin: 4},
}
