package amount

import (
	"math/big"
	"math/bits"
)

const (
	// MaxIntegerDigits is the most digits an amount from outside may have before the decimal point.
	MaxIntegerDigits = 15
	// FractionDigits is the number of decimal places kept: the unit of an Amount is 1e-9.
	FractionDigits = 9

	unit = 1_000_000_000 // one, counted in billionths
)

// Amount is an exact decimal: a 128-bit two's complement count of billionths. The zero value is 0, and == is equality.
// Amounts are values and safe to share.
type Amount struct {
	hi int64
	lo uint64
}

// Zero is the amount 0, the same as Amount{}.
var Zero Amount

// outOfRange is 1e24 billionths: the smallest magnitude that has more than MaxIntegerDigits integer digits.
var outOfRange = uint128{hi: 54210, lo: 2003764205206896640}

// FromInt returns the amount of n whole units. Every int64 is representable, but only those with at most
// MaxIntegerDigits digits are InRange.
func FromInt(n int64) Amount {
	u, neg := uint64(n), n < 0
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, unit)
	return uint128{hi, lo}.signed(neg)
}

// Add returns a + b. It wraps beyond ±2^127 billionths, far outside anything in range.
func (a Amount) Add(b Amount) Amount {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return Amount{a.hi + b.hi + int64(carry), lo}
}

// Sub returns a − b. It wraps like Add.
func (a Amount) Sub(b Amount) Amount {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return Amount{a.hi - b.hi - int64(borrow), lo}
}

// Neg returns −a.
func (a Amount) Neg() Amount { return Amount{}.Sub(a) }

// Abs returns the magnitude of a.
func (a Amount) Abs() Amount {
	if a.hi < 0 {
		return a.Neg()
	}
	return a
}

// Cmp returns −1, 0 or +1 as a is less than, equal to or greater than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a == b:
		return 0
	case a.hi < b.hi, a.hi == b.hi && a.lo < b.lo:
		return -1
	}
	return 1
}

// Less reports whether a < b.
func (a Amount) Less(b Amount) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// Sign returns −1, 0 or +1 as a is negative, zero or positive.
func (a Amount) Sign() int {
	switch {
	case a.hi < 0:
		return -1
	case a.hi == 0 && a.lo == 0:
		return 0
	}
	return 1
}

// IsZero reports whether a is 0.
func (a Amount) IsZero() bool { return a == Amount{} }

// InRange reports whether a has at most MaxIntegerDigits integer digits, so that it may be stored and put on the wire.
func (a Amount) InRange() bool {
	m, _ := a.magnitude()
	return m.less(outOfRange)
}

// Min returns the smaller of a and b.
func Min(a, b Amount) Amount {
	if b.Less(a) {
		return b
	}
	return a
}

// Max returns the larger of a and b.
func Max(a, b Amount) Amount {
	if a.Less(b) {
		return b
	}
	return a
}

// Mul returns a × b rounded once, half away from zero, to FractionDigits. It is false, with amount 0, if the result is
// not InRange.
func (a Amount) Mul(b Amount) (Amount, bool) {
	ma, na := a.magnitude()
	mb, nb := b.magnitude()
	q, rem, ok := ma.mul(mb).div64(unit)
	if !ok {
		return Amount{}, false
	}
	if rem >= unit/2 {
		q = q.inc()
	}
	return q.bounded(na != nb)
}

// MulDiv returns a × b ÷ c, computed exactly and rounded once, half away from zero, to the given number of fraction
// digits (0 to FractionDigits; other values are taken as the nearest bound). It is false, with amount 0, if c is 0 or
// the result is not InRange.
func MulDiv(a, b, c Amount, digits int) (Amount, bool) {
	if c.IsZero() {
		return Amount{}, false
	}
	ma, na := a.magnitude()
	mb, nb := b.magnitude()
	mc, nc := c.magnitude()
	q, rem, ok := ma.mul(mb).div128(mc)
	if !ok || !q.less(quotientMax) {
		return Amount{}, false
	}
	negative := (na != nb) != nc
	if digits >= FractionDigits {
		if !rem.less(mc.sub(rem)) {
			q = q.inc()
		}
		return q.bounded(negative)
	}
	// Below nine digits the remainder cannot matter: it is less than one billionth, and half a step is a whole number
	// of billionths.
	return q.roundTo(stepOf(digits)).bounded(negative)
}

// quotientMax bounds what MulDiv rounds, so that rounding cannot overflow.
var quotientMax = uint128{hi: 1 << 62}

// Round returns a rounded half away from zero to the given number of fraction digits (0 to FractionDigits; other values
// are taken as the nearest bound). Rounding can carry the largest amounts out of range.
func (a Amount) Round(digits int) Amount {
	if digits >= FractionDigits {
		return a
	}
	m, negative := a.magnitude()
	return m.roundTo(stepOf(digits)).signed(negative)
}

// stepOf returns 10^-digits in billionths.
func stepOf(digits int) uint64 {
	return pow10[FractionDigits-min(max(digits, 0), FractionDigits)]
}

// Rat returns a as a rational number. It is meant for tests and reports, not for the path of an event.
func (a Amount) Rat() *big.Rat {
	m, negative := a.magnitude()
	n := new(big.Int).SetUint64(m.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(m.lo))
	if negative {
		n.Neg(n)
	}
	return new(big.Rat).SetFrac(n, big.NewInt(unit))
}

// magnitude splits a into its absolute value and whether it is negative.
func (a Amount) magnitude() (uint128, bool) {
	m := a.Abs()
	return uint128{uint64(m.hi), m.lo}, a.hi < 0
}
