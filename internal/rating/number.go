package rating

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/scrip-dev/scrip/internal/amount"
)

const (
	// literalDigitsMax bounds the digits, before plus after the point, of numbers in events and formulas.
	literalDigitsMax = 60
	// literalLengthMax bounds the text of such a number, before any work is spent on it.
	literalLengthMax = 128
	// valueDigitsMax bounds the digits of every value on the way to a result.
	valueDigitsMax = 400
	// quotientDigits is the number of significant digits of a division that does not come out even.
	quotientDigits = 34
)

// number is an exact decimal. It is small when it fits amount.Amount, and only then: a number that does not is big, in
// lowest terms. So there is one form for each value, and small arithmetic, which is fast, is the rule. The zero number
// is 0. Big values are never changed after they are made.
type number struct {
	small amount.Amount
	big   *apd.Decimal
}

var (
	// exactly does not round.
	exactly = &apd.BaseContext
	// dividing rounds half away from zero to quotientDigits.
	dividing = rounding(quotientDigits, apd.RoundHalfUp)
	// halfAway and downwards round to a position; they are wide enough for every value in bounds.
	halfAway  = rounding(2*valueDigitsMax, apd.RoundHalfUp)
	downwards = rounding(2*valueDigitsMax, apd.RoundFloor)
)

func rounding(digits uint32, mode apd.Rounder) *apd.Context {
	c := apd.BaseContext.WithPrecision(digits)
	c.Rounding = mode
	return c
}

// parseNumber reads a decimal in the grammar of JSON numbers with at most literalDigitsMax digits.
func parseNumber(text string) (number, bool) {
	if len(text) > literalLengthMax {
		return number{}, false
	}
	small, err := amount.Parse(text)
	if err == nil {
		return number{small: small}, true
	}
	if err == amount.ErrSyntax {
		return number{}, false
	}
	big, _, err := apd.NewFromString(text)
	if err != nil {
		return number{}, false
	}
	return settle(big, literalDigitsMax)
}

// settle takes possession of d and brings it into the one form of its value. It is false if that needs more digits than
// allowed, counted as in plain notation without exponent.
func settle(d *apd.Decimal, digitsMax int64) (number, bool) {
	if d.Form != apd.Finite {
		return number{}, false
	}
	if d.IsZero() {
		return number{}, true
	}
	d.Reduce(d)
	whole := max(d.NumDigits()+int64(d.Exponent), 0)
	fraction := max(-int64(d.Exponent), 0)
	if whole+fraction > digitsMax {
		return number{}, false
	}
	if whole <= amount.MaxIntegerDigits && fraction <= amount.FractionDigits {
		if small, err := amount.Parse(d.Text('f')); err == nil {
			return number{small: small}, true
		}
	}
	return number{big: d}, true
}

// decimal returns n as an apd value, which the caller must not change.
func (n number) decimal() *apd.Decimal {
	if n.big != nil {
		return n.big
	}
	d, _, _ := apd.NewFromString(n.small.String())
	return d
}

// operation is one of apd's operations on two values.
type operation func(c *apd.Context, d, x, y *apd.Decimal) (apd.Condition, error)

// apply computes on big values. It is false if the result is out of bounds.
func apply(op operation, c *apd.Context, a, b number) (number, bool) {
	d := new(apd.Decimal)
	if _, err := op(c, d, a.decimal(), b.decimal()); err != nil {
		return number{}, false
	}
	return settle(d, valueDigitsMax)
}

// add returns a + b; false if out of bounds.
func (n number) add(b number) (number, bool) {
	if n.big == nil && b.big == nil {
		// Two amounts in range cannot overflow 128 bits.
		if sum := n.small.Add(b.small); sum.InRange() {
			return number{small: sum}, true
		}
	}
	return apply((*apd.Context).Add, exactly, n, b)
}

// sub returns a − b; false if out of bounds.
func (n number) sub(b number) (number, bool) { return n.add(b.neg()) }

// mul returns a × b; false if out of bounds.
func (n number) mul(b number) (number, bool) {
	if n.big == nil && b.big == nil {
		if product, ok := n.small.MulExact(b.small); ok {
			return number{small: product}, true
		}
	}
	return apply((*apd.Context).Mul, exactly, n, b)
}

// quo returns a ÷ b, rounded to quotientDigits significant digits if it is not even; false if out of bounds. b is not 0.
func (n number) quo(b number) (number, bool) {
	if n.big == nil && b.big == nil {
		if quotient, ok := n.small.QuoExact(b.small); ok {
			return number{small: quotient}, true
		}
	}
	return apply((*apd.Context).Quo, dividing, n, b)
}

func (n number) neg() number {
	if n.big == nil {
		return number{small: n.small.Neg()}
	}
	return number{big: new(apd.Decimal).Neg(n.big)}
}

func (n number) sign() int {
	if n.big == nil {
		return n.small.Sign()
	}
	return n.big.Sign()
}

// cmp returns −1, 0 or +1 as n is less than, equal to or greater than b.
func (n number) cmp(b number) int {
	if n.big == nil && b.big == nil {
		return n.small.Cmp(b.small)
	}
	return n.decimal().Cmp(b.decimal())
}

// round returns n rounded half away from zero to the given number of decimal places, which may be negative; false if out
// of bounds.
func (n number) round(digits int) (number, bool) {
	if n.big == nil && digits >= 0 {
		if rounded := n.small.Round(digits); rounded.InRange() {
			return number{small: rounded}, true
		}
	}
	return n.quantize(halfAway, digits)
}

// quantize rounds as the context says.
func (n number) quantize(c *apd.Context, digits int) (number, bool) {
	d := new(apd.Decimal)
	x := n.decimal()
	if int(-x.Exponent) <= digits {
		return n, true
	}
	if _, err := c.Quantize(d, x, int32(-digits)); err != nil {
		return number{}, false
	}
	return settle(d, valueDigitsMax)
}

// floor returns the largest whole number not above n.
func (n number) floor() (number, bool) {
	if n.big == nil {
		if whole := n.small.Floor(); whole.InRange() {
			return number{small: whole}, true
		}
	}
	whole, ok := n.quantize(downwards, 0)
	if ok && n.cmp(whole) < 0 { // quantizing drops every digit of a tiny negative and leaves 0
		whole, ok = whole.sub(number{small: amount.FromInt(1)})
	}
	return whole, ok
}

// ceil returns the smallest whole number not below n.
func (n number) ceil() (number, bool) {
	m, ok := n.neg().floor()
	return m.neg(), ok
}

// amount returns n rounded half away from zero to the 9 digits of an amount; false if it has too many integer digits.
func (n number) amount() (amount.Amount, bool) {
	if n.big != nil {
		rounded, ok := n.round(amount.FractionDigits)
		return rounded.small, ok && rounded.big == nil
	}
	return n.small, true
}
