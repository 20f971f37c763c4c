package rating

import (
	"fmt"
	"unicode/utf8"
)

// The bounds of a formula (semantics 9.2). Depth is how deep parentheses and calls may nest; nodes are the literals,
// names, operators and calls it consists of.
const (
	formulaCharsMax = 2000
	formulaDepthMax = 32
	formulaNodesMax = 200
)

// parser is a recursive descent over the grammar of semantics 9.2, one method for each rule. The first error is kept and
// turns everything after it into the end of the formula, so that rules need no error paths.
type parser struct {
	lexer lexer
	tok   token // the token not yet taken
	err   *SyntaxError
	depth int
	nodes int
	dims  []string
	units bool
}

// parse reads a whole formula.
func (p *parser) parse(src string) *node {
	if !utf8.ValidString(src) {
		p.fail(0, "the formula is not valid UTF-8")
		return nil
	}
	if utf8.RuneCountInString(src) > formulaCharsMax {
		p.fail(0, "the formula is longer than %d characters", formulaCharsMax)
		return nil
	}
	p.lexer.src = src
	p.advance()
	root := p.expression()
	if p.tok.kind != tokenEnd {
		p.failUnexpected("an operator or " + string(tokenEnd))
	}
	p.want(root, kindNumber)
	return root
}

func (p *parser) fail(offset int, format string, args ...any) {
	if p.err == nil {
		p.err = p.lexer.errorf(offset, format, args...)
	}
	p.tok = token{kind: tokenEnd, offset: offset}
}

func (p *parser) failUnexpected(wanted string) {
	found := string(p.tok.kind)
	if p.tok.text != "" {
		found = fmt.Sprintf("%q", p.tok.text)
	}
	p.fail(p.tok.offset, "found %s instead of %s", found, wanted)
}

// advance takes the current token.
func (p *parser) advance() token {
	taken := p.tok
	if p.err != nil {
		return taken
	}
	next, err := p.lexer.next()
	if err != nil {
		p.fail(err.Offset, "%s", err.Message)
		return taken
	}
	p.tok = next
	return taken
}

// accept takes the current token if it is of that kind.
func (p *parser) accept(kind tokenKind) bool {
	if p.tok.kind != kind {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(kind tokenKind) {
	if !p.accept(kind) {
		p.failUnexpected(fmt.Sprintf("%q", string(kind)))
	}
}

// node counts and returns a node.
func (p *parser) node(n node) *node {
	p.nodes++
	if p.nodes > formulaNodesMax {
		p.fail(n.offset, "the formula has more than %d parts", formulaNodesMax)
	}
	return &n
}

// want refuses a node that can never be of that kind.
func (p *parser) want(n *node, kind valueKind) {
	if p.err == nil && n.kind != kindAny && kind != kindAny && n.kind != kind {
		p.fail(n.offset, "this is %s, but %s is needed", kindNames[n.kind], kindNames[kind])
	}
}

func (p *parser) expression() *node { return p.chain(alternatives, p.conjunction) }

func (p *parser) conjunction() *node { return p.chain(conjunctions, p.negation) }

func (p *parser) negation() *node {
	offset := p.tok.offset
	if !p.accept("not") {
		return p.comparison()
	}
	arg := p.comparison()
	p.want(arg, kindTruth)
	return p.node(node{op: opNot, kind: kindTruth, offset: offset, args: []*node{arg}})
}

func (p *parser) comparison() *node {
	left := p.sum()
	if operator, ok := comparisons[p.tok.kind]; ok {
		return p.operate(operator, left, p.sum)
	}
	return left
}

func (p *parser) sum() *node { return p.chain(sums, p.term) }

func (p *parser) term() *node { return p.chain(terms, p.unary) }

// chain reads operands joined by the operators of a table, from left to right.
func (p *parser) chain(operators map[tokenKind]infix, operand func() *node) *node {
	left := operand()
	for {
		operator, ok := operators[p.tok.kind]
		if !ok {
			return left
		}
		left = p.operate(operator, left, operand)
	}
}

// operate takes an operator and its right side.
func (p *parser) operate(operator infix, left *node, operand func() *node) *node {
	p.want(left, operator.operand)
	p.advance()
	right := operand()
	p.want(right, operator.operand)
	return p.node(node{op: operator.op, kind: operator.result, offset: left.offset, args: []*node{left, right}})
}

func (p *parser) unary() *node {
	offset := p.tok.offset
	if !p.accept("-") {
		return p.atom()
	}
	arg := p.atom()
	p.want(arg, kindNumber)
	return p.node(node{op: opNegate, kind: kindNumber, offset: offset, args: []*node{arg}})
}

func (p *parser) atom() *node {
	switch p.tok.kind {
	case tokenNumber:
		return p.literal()
	case tokenString:
		t := p.advance()
		return p.node(node{op: opText, kind: kindText, offset: t.offset, text: t.text})
	case tokenQuotedName:
		return p.dimension(p.advance())
	case tokenName:
		return p.named()
	case "(":
		return p.parenthesis()
	}
	p.failUnexpected("a number, a name or a parenthesis")
	return &node{offset: p.tok.offset}
}

func (p *parser) literal() *node {
	t := p.tok
	num, ok := parseNumber(t.text)
	if !ok {
		p.fail(t.offset, "%q is not a number, or has more than %d digits", t.text, literalDigitsMax)
	}
	p.advance()
	return p.node(node{op: opNumber, kind: kindNumber, offset: t.offset, num: num})
}

func (p *parser) dimension(t token) *node {
	slot := 0
	for slot < len(p.dims) && p.dims[slot] != t.text {
		slot++
	}
	if slot == len(p.dims) {
		p.dims = append(p.dims, t.text)
	}
	return p.node(node{op: opDimension, offset: t.offset, slot: slot})
}

// named reads what begins with a name: a call, the word units, or a dimension.
func (p *parser) named() *node {
	t := p.advance()
	switch {
	case p.tok.kind == "(":
		return p.call(t)
	case t.text == unitsName:
		p.units = true
		return p.node(node{op: opUnits, kind: kindNumber, offset: t.offset})
	}
	return p.dimension(t)
}

// enter begins a parenthesis.
func (p *parser) enter() {
	p.depth++
	if p.depth > formulaDepthMax {
		p.fail(p.tok.offset, "parentheses are nested deeper than %d", formulaDepthMax)
	}
	p.expect("(")
}

// leave ends a parenthesis.
func (p *parser) leave() {
	p.expect(")")
	p.depth--
}

func (p *parser) parenthesis() *node {
	p.enter()
	inner := p.expression()
	p.leave()
	return inner
}

func (p *parser) call(name token) *node {
	f, ok := functions[name.text]
	if !ok {
		p.fail(name.offset, "there is no function %q", name.text)
		return &node{offset: name.offset}
	}
	n := node{op: f.op, kind: f.operands, offset: name.offset}
	p.enter()
	if p.tok.kind != ")" {
		n.args = append(n.args, p.expression())
		for p.accept(",") {
			n.args = append(n.args, p.expression())
		}
	}
	p.leave()
	p.checkCall(name.text, f, &n)
	return p.node(n)
}

// checkCall checks number and kinds of the arguments, and finds the kind of a choice.
func (p *parser) checkCall(name string, f function, n *node) {
	count := len(n.args)
	if p.err != nil {
		return
	}
	if count < f.argsMin || f.argsMax > 0 && count > f.argsMax || f.op == opLookup && count%2 != 0 {
		p.fail(n.offset, "%s cannot have %d arguments; %s", name, count, usages[f.op])
		return
	}
	switch f.op {
	case opIf:
		p.want(n.args[0], kindTruth)
		n.kind = common(n.args[1:]...)
	case opCoalesce:
		n.kind = common(n.args...)
	case opLookup:
		n.kind = common(lookupResults(n.args)...)
	}
	for _, arg := range n.args {
		p.want(arg, f.operands)
	}
}

// lookupResults returns the arguments of lookup that may become its value.
func lookupResults(args []*node) []*node {
	results := []*node{args[len(args)-1]}
	for i := 2; i < len(args)-1; i += 2 {
		results = append(results, args[i])
	}
	return results
}

// usages are shown when a function is called with a wrong number of arguments.
var usages = map[operationCode]string{
	opMin: "write min(a, b, …)", opMax: "write max(a, b, …)", opAbs: "write abs(x)", opCeil: "write ceil(x)",
	opFloor: "write floor(x)", opRound: "write round(x) or round(x, digits)", opIf: "write if(condition, a, b)",
	opCoalesce: "write coalesce(a, b, …)", opLookup: "write lookup(key, key1, value1, …, default)",
}
