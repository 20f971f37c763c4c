package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
)

// The least bytes that one member of a list takes. A count is refused when the bytes left cannot hold that many, so that
// garbage never makes the decoder reserve more than a small multiple of its input.
const (
	minSliceBytes = 2
	minHoldBytes  = 13
	minGrantBytes = 16
)

// decoder reads a binary form. The first failure stays, and everything after it reads as zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	d.rest = nil
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("too short")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// upTo reads a byte that must not be larger than most.
func (d *decoder) upTo(most byte) byte {
	b := d.byte()
	if b > most {
		d.fail("impossible value")
		return 0
	}
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) time() Time { return Time(d.varint()) }

// count reads the length of a list whose members take at least each bytes.
func (d *decoder) count(each int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/each) {
		d.fail("impossible length")
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count(1)
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) raw(to []byte) {
	if len(d.rest) < len(to) {
		d.fail("too short")
		return
	}
	d.rest = d.rest[copy(to, d.rest):]
}

// amount reads an amount in range.
func (d *decoder) amount() amount.Amount {
	a, rest, err := amount.DecodeBinary(d.rest)
	if err != nil || !a.InRange() {
		d.fail("bad amount")
		return amount.Zero
	}
	d.rest = rest
	return a
}

func (d *decoder) charge() Charge {
	return Charge{Feature: d.text(), Mapping: d.text(), Version: int32(d.varint())}
}
