package amount

import "math/bits"

// uint128 is an unsigned magnitude in billionths.
type uint128 struct{ hi, lo uint64 }

// uint256 is a product of two magnitudes, most significant word first.
type uint256 [4]uint64

// pow10 holds the powers of ten that fit in 64 bits.
var pow10 = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

func (u uint128) less(v uint128) bool { return u.hi < v.hi || u.hi == v.hi && u.lo < v.lo }

func (u uint128) inc() uint128 {
	lo, carry := bits.Add64(u.lo, 1, 0)
	return uint128{u.hi + carry, lo}
}

func (u uint128) sub(v uint128) uint128 {
	lo, borrow := bits.Sub64(u.lo, v.lo, 0)
	hi, _ := bits.Sub64(u.hi, v.hi, borrow)
	return uint128{hi, lo}
}

func (u uint128) shl(n uint) uint128 {
	return uint128{u.hi<<n | u.lo>>(64-n), u.lo << n}
}

func (u uint128) shr(n uint) uint128 {
	return uint128{u.hi >> n, u.lo>>n | u.hi<<(64-n)}
}

// signed turns a magnitude below 2^127 into an Amount.
func (u uint128) signed(negative bool) Amount {
	a := Amount{int64(u.hi), u.lo}
	if negative {
		return a.Neg()
	}
	return a
}

// bounded is signed for magnitudes in range, and false for others.
func (u uint128) bounded(negative bool) (Amount, bool) {
	if !u.less(outOfRange) {
		return Amount{}, false
	}
	return u.signed(negative), true
}

// mul64 returns u × m and whether it fits in 128 bits.
func (u uint128) mul64(m uint64) (uint128, bool) {
	carry, lo := bits.Mul64(u.lo, m)
	over, hi := bits.Mul64(u.hi, m)
	hi, c := bits.Add64(hi, carry, 0)
	return uint128{hi, lo}, over == 0 && c == 0
}

// div64 returns u ÷ d and the remainder.
func (u uint128) div64(d uint64) (uint128, uint64) {
	hi, r := u.hi/d, u.hi%d
	lo, r := bits.Div64(r, u.lo, d)
	return uint128{hi, lo}, r
}

// roundTo returns the multiple of step nearest to u, the upper one if two are equally near. Step is 1 or even.
func (u uint128) roundTo(step uint64) uint128 {
	q, rem := u.div64(step)
	if step > 1 && rem >= step/2 {
		q = q.inc()
	}
	q, _ = q.mul64(step)
	return q
}

// mul returns u × v in full.
func (u uint128) mul(v uint128) uint256 {
	var p uint256
	p[2], p[3] = bits.Mul64(u.lo, v.lo)
	if u.hi|v.hi == 0 {
		return p
	}
	p.addAt(2, u.hi, v.lo)
	p.addAt(2, u.lo, v.hi)
	p.addAt(1, u.hi, v.hi)
	return p
}

// addAt adds x × y to the words ending at index i, carrying upwards.
func (p *uint256) addAt(i int, x, y uint64) {
	hi, lo := bits.Mul64(x, y)
	var c uint64
	p[i], c = bits.Add64(p[i], lo, 0)
	p[i-1], c = bits.Add64(p[i-1], hi, c)
	for i -= 2; c != 0 && i >= 0; i-- {
		p[i], c = bits.Add64(p[i], 0, c)
	}
}

// div64 returns p ÷ d and the remainder; false if the quotient needs more than 128 bits.
func (p uint256) div64(d uint64) (q uint128, rem uint64, ok bool) {
	rem = p[1] % d
	ok = p[0] == 0 && p[1] < d
	q.hi, rem = bits.Div64(rem, p[2], d)
	q.lo, rem = bits.Div64(rem, p[3], d)
	return q, rem, ok
}

// div128 returns p ÷ d and the remainder; false if the quotient needs more than 128 bits. d must not be 0.
// It is schoolbook long division with 64-bit digits: two quotient digits, each from a three-by-two division.
func (p uint256) div128(d uint128) (q, rem uint128, ok bool) {
	if d.hi == 0 {
		q, r, ok := p.div64(d.lo)
		return q, uint128{lo: r}, ok
	}
	top := uint128{p[0], p[1]}
	if !top.less(d) {
		return uint128{}, uint128{}, false
	}
	// Shift both so that the divisor's highest bit is set; the estimate of a digit is then at most two too large.
	n := uint(bits.LeadingZeros64(d.hi))
	d = d.shl(n)
	low := uint128{p[2], p[3]}
	top = top.shl(n)
	top.lo |= low.hi >> (64 - n)
	low = low.shl(n)
	q.hi, top = div3by2(top, low.hi, d)
	q.lo, top = div3by2(top, low.lo, d)
	return q, top.shr(n), true
}

// div3by2 divides top·2^64 + low by d, for top < d and d with its highest bit set.
func div3by2(top uint128, low uint64, d uint128) (digit uint64, rem uint128) {
	digit = ^uint64(0)
	if top.hi < d.hi {
		digit, _ = bits.Div64(top.hi, top.lo, d.hi)
	}
	for {
		// rem = top·2^64 + low − digit·d; the estimate is never too small, so only a borrow has to be undone.
		p1, p0 := bits.Mul64(digit, d.lo)
		p2, m := bits.Mul64(digit, d.hi)
		p1, c := bits.Add64(p1, m, 0)
		p2 += c
		lo, b := bits.Sub64(low, p0, 0)
		hi, b := bits.Sub64(top.lo, p1, b)
		_, b = bits.Sub64(top.hi, p2, b)
		if b == 0 {
			return digit, uint128{hi, lo}
		}
		digit--
	}
}
