package model

import (
	"math/big"
	"strings"
)

// creditDigits is the number of fraction digits of a credit amount (semantics 1.1).
const creditDigits = 9

var zero = new(big.Rat)

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func quo(a, b *big.Rat) *big.Rat { return new(big.Rat).Quo(a, b) }
func neg(a *big.Rat) *big.Rat    { return new(big.Rat).Neg(a) }

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// number reads a decimal; histories contain only valid ones, so anything else is a programming error.
func number(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("model: not a number: " + s)
	}
	return r
}

// rounded rounds half away from zero to that many fraction digits.
func rounded(x *big.Rat, digits int) *big.Rat {
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	scaled := mul(x, scale)
	half := big.NewRat(1, 2)
	if scaled.Sign() < 0 {
		half = big.NewRat(-1, 2)
	}
	whole := truncated(add(scaled, half))
	return quo(whole, scale)
}

// truncated drops the fraction, towards zero.
func truncated(x *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
}

// floored rounds down to a whole number, ceiled up.
func floored(x *big.Rat) *big.Rat {
	whole := truncated(x)
	if whole.Cmp(x) > 0 {
		return sub(whole, big.NewRat(1, 1))
	}
	return whole
}

func ceiled(x *big.Rat) *big.Rat { return neg(floored(neg(x))) }

// decimal writes a credit amount in its shortest exact form.
func decimal(x *big.Rat) string {
	s := x.FloatString(creditDigits)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// Canonical rewrites a decimal in the shortest exact form used by every answer. It panics on anything else.
func Canonical(s string) string { return decimal(number(s)) }

// minorDigits is the number of minor-unit digits of the currencies that histories use.
func minorDigits(currency string) int {
	switch strings.ToLower(currency) {
	case "jpy":
		return 0
	case "kwd":
		return 3
	}
	return 2
}
