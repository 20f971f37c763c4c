package rating

import "strconv"

// The positions that round can round to: tens of trillions down to the last digit of a division.
const (
	roundDigitsMin = -15
	roundDigitsMax = 34
)

// call evaluates a function of numbers.
func (e *evaluation) call(n *node) number {
	x := e.number(n.args[0])
	switch n.op {
	case opMin:
		return e.extreme(x, n.args[1:], -1)
	case opMax:
		return e.extreme(x, n.args[1:], +1)
	case opAbs:
		if x.sign() < 0 {
			return x.neg()
		}
		return x
	case opCeil:
		return e.bounded(x.ceil())
	case opFloor:
		return e.bounded(x.floor())
	}
	if len(n.args) == 1 {
		return e.bounded(x.round(0))
	}
	return e.bounded(x.round(e.roundDigits(n.args[1])))
}

// extreme returns the smallest (order −1) or largest (order +1) of x and the nodes.
func (e *evaluation) extreme(x number, nodes []*node, order int) number {
	for _, n := range nodes {
		if y := e.number(n); y.cmp(x) == order {
			x = y
		}
	}
	return x
}

func (e *evaluation) roundDigits(n *node) int {
	num := e.number(n)
	digits, err := strconv.Atoi(num.small.String())
	if num.big != nil || err != nil || digits < roundDigitsMin || digits > roundDigitsMax {
		e.fail("round needs a whole number of digits from %d to %d", roundDigitsMin, roundDigitsMax)
		return 0
	}
	return digits
}
