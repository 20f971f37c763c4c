package engine

import (
	"encoding/binary"
	"errors"
	"iter"

	"github.com/scrip-dev/scrip/internal/amount"
)

// errCorrupt is returned for bytes that no version of the engine wrote.
var errCorrupt = errors.New("corrupt journal bytes")

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// reader takes values off a byte slice. After the first malformed value it yields zero values and keeps the error, so
// that decoders read straight through and look once at the end.
type reader struct {
	rest  []byte
	block []string // the shared texts of the block that the bytes are from
	err   error
}

func (r *reader) fail() { r.rest, r.err = nil, errCorrupt }

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads the length of a list. Every member takes at least one byte, which bounds what a corrupt length can cost.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

// items yields once for each member of a list whose length comes next, and stops at the first malformed one, so that
// garbage is not expanded into empty members.
func (r *reader) items() iter.Seq[int] {
	return func(yield func(int) bool) {
		n := r.count()
		for i := 0; i < n && r.err == nil && yield(i); i++ {
		}
	}
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	return v
}

func (r *reader) string() string { return string(r.bytes(r.count())) }

// text reads the number of a shared text.
func (r *reader) text() string {
	n := r.uint()
	if n == 0 || n > uint64(len(r.block)) {
		r.fail()
		return ""
	}
	return r.block[n-1]
}

func (r *reader) amount() amount.Amount {
	v, rest, err := amount.DecodeBinary(r.rest)
	if err != nil {
		r.fail()
		return amount.Zero
	}
	r.rest = rest
	return v
}
