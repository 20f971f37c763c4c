package amount

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrCorrupt means that bytes given to DecodeBinary are not an encoded amount.
var ErrCorrupt = errors.New("corrupt binary amount")

// The first byte of the binary form. The magnitude follows, most significant byte first, without leading zero bytes.
const (
	signBit    = 0x80 // the amount is negative
	scaleShift = 5    // two bits: the magnitude counts units of 1e-9, 1e-6, 1e-3 or 1, the largest that is exact
	sizeMask   = 0x1f // number of magnitude bytes, 0 to 16

	scaleMax  = 3
	scaleStep = 1000
)

// AppendBinary appends a compact form of 1 to 17 bytes to b: small whole amounts take 2. Equal amounts have equal bytes.
// The bytes do not sort like the amounts.
func (a Amount) AppendBinary(b []byte) []byte {
	m, negative := a.magnitude()
	if a.IsZero() {
		return append(b, 0)
	}
	scale := byte(0)
	for ; scale < scaleMax; scale++ {
		q, rem := m.div64(scaleStep)
		if rem != 0 {
			break
		}
		m = q
	}
	size := (128 - leadingZeros(m) + 7) / 8
	head := scale<<scaleShift | byte(size)
	if negative {
		head |= signBit
	}
	var buf [16]byte
	binary.BigEndian.PutUint64(buf[:8], m.hi)
	binary.BigEndian.PutUint64(buf[8:], m.lo)
	return append(append(b, head), buf[16-size:]...)
}

// DecodeBinary reads one amount written by AppendBinary from the front of b and returns what follows it.
// Anything that AppendBinary does not write, cut or padded, is ErrCorrupt.
func DecodeBinary(b []byte) (a Amount, rest []byte, err error) {
	if len(b) == 0 {
		return Amount{}, nil, ErrCorrupt
	}
	head, b := b[0], b[1:]
	size := int(head & sizeMask)
	if size > 16 || size > len(b) {
		return Amount{}, nil, ErrCorrupt
	}
	if size == 0 {
		if head != 0 {
			return Amount{}, nil, ErrCorrupt
		}
		return Amount{}, b, nil
	}
	var buf [16]byte
	copy(buf[16-size:], b[:size])
	m := uint128{binary.BigEndian.Uint64(buf[:8]), binary.BigEndian.Uint64(buf[8:])}
	m, ok := unscale(m, head>>scaleShift&scaleMax)
	if !ok || b[0] == 0 {
		return Amount{}, nil, ErrCorrupt
	}
	return m.signed(head&signBit != 0), b[size:], nil
}

// unscale returns the magnitude in billionths. It is false if the scale was not the largest exact one or the magnitude
// is too large, so that every amount has one encoding.
func unscale(m uint128, scale byte) (uint128, bool) {
	if _, rem := m.div64(scaleStep); rem == 0 && scale < scaleMax {
		return m, false
	}
	ok := true
	for ; ok && scale > 0; scale-- {
		m, ok = m.mul64(scaleStep)
	}
	return m, ok && m.hi < 1<<63
}

func leadingZeros(u uint128) int {
	if u.hi != 0 {
		return bits.LeadingZeros64(u.hi)
	}
	return 64 + bits.LeadingZeros64(u.lo)
}
