package amount

import "math/bits"

// MulExact returns a × b if it has at most FractionDigits decimal places and is InRange; otherwise it is false.
func (a Amount) MulExact(b Amount) (Amount, bool) {
	ma, na := a.magnitude()
	mb, nb := b.magnitude()
	q, rem, ok := ma.mul(mb).div64(unit)
	if !ok || rem != 0 {
		return Amount{}, false
	}
	return q.bounded(na != nb)
}

// QuoExact returns a ÷ b if it has at most FractionDigits decimal places and is InRange; otherwise, and for b = 0, it
// is false.
func (a Amount) QuoExact(b Amount) (Amount, bool) {
	if b.IsZero() {
		return Amount{}, false
	}
	ma, na := a.magnitude()
	mb, nb := b.magnitude()
	q, rem, ok := ma.mul(uint128{lo: unit}).div128(mb)
	if !ok || rem != (uint128{}) {
		return Amount{}, false
	}
	return q.bounded(na != nb)
}

// Floor returns the largest whole amount that is not above a.
func (a Amount) Floor() Amount {
	m, negative := a.magnitude()
	_, rem := m.div64(unit)
	switch {
	case rem == 0:
		return a
	case negative:
		return a.Sub(Amount{lo: unit - rem})
	}
	return a.Sub(Amount{lo: rem})
}

// Ceil returns the smallest whole amount that is not below a.
func (a Amount) Ceil() Amount { return a.Neg().Floor().Neg() }

// Blocks returns how many blocks of the given size fit into a, not counting a begun one, and whether one is begun.
// Neither a nor size may be negative, and size not 0.
func (a Amount) Blocks(size Amount) (whole Amount, begun bool) {
	m, _ := a.magnitude()
	d, _ := size.magnitude()
	q, rem, _ := uint256{2: m.hi, 3: m.lo}.div128(d)
	q, _ = q.mul64(unit)
	return q.signed(false), rem != (uint128{})
}

// Times returns a × n for n ≥ 0. It is exact for amounts in range and n up to 2^40, and wraps far beyond.
func (a Amount) Times(n int64) Amount {
	carry, lo := bits.Mul64(a.lo, uint64(n))
	return Amount{a.hi*n + int64(carry), lo}
}

// Int64 returns a whole amount as a number; false if it is not whole, or not in range.
func (a Amount) Int64() (int64, bool) {
	m, negative := a.magnitude()
	q, rem := m.div64(unit)
	if rem != 0 || !a.InRange() {
		return 0, false
	}
	if negative {
		return -int64(q.lo), true
	}
	return int64(q.lo), true
}
