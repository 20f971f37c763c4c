package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"

	"github.com/scrip-dev/scrip/internal/engine"
)

// cursorKey authenticates cursors.
type cursorKey []byte

// A cursor is a row number and the beginning of a MAC over it, in the text form of a UUID because clients expect one. It
// is bound to the environment, the path and the filters of its list: elsewhere it is refused (reliability S4).
const (
	cursorNumberBytes = 8
	cursorMACBytes    = 16 - cursorNumberBytes
)

// cursor returns the cursor of a row in a list.
func (k cursorKey) cursor(binding []string, no int64) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(no))
	copy(id[cursorNumberBytes:], k.mac(binding, id[:cursorNumberBytes]))
	return id.String()
}

// number returns the row that a cursor of this list stands for.
func (k cursorKey) number(binding []string, cursor string) (int64, bool) {
	id, err := uuid.Parse(cursor)
	if err != nil || id.String() != cursor {
		return 0, false
	}
	no := int64(binary.BigEndian.Uint64(id[:cursorNumberBytes]))
	return no, no > 0 && hmac.Equal(id[cursorNumberBytes:], k.mac(binding, id[:cursorNumberBytes]))
}

// A list that joins shards needs a number for each: its cursor is the MAC and then the numbers, as text.

// cutCursor returns the cursor of a cut in a list.
func (k cursorKey) cutCursor(binding []string, cut engine.Cut) string {
	var numbers []byte
	for _, at := range cut {
		numbers = binary.AppendUvarint(numbers, at.Ordinal())
	}
	return base64.RawURLEncoding.EncodeToString(append(k.mac(binding, numbers), numbers...))
}

// cut returns the cut that a cursor of this list stands for.
func (k cursorKey) cut(binding []string, cursor string) (engine.Cut, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) <= cursorMACBytes || !hmac.Equal(b[:cursorMACBytes], k.mac(binding, b[cursorMACBytes:])) {
		return nil, false
	}
	var cut engine.Cut
	for rest := b[cursorMACBytes:]; len(rest) > 0; {
		ordinal, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, false
		}
		cut, rest = append(cut, engine.NewPosition(uint16(len(cut)), ordinal)), rest[n:]
	}
	return cut, true
}

// mac is cut to half a UUID. Fields carry their length, so that no two lists have the same binding.
func (k cursorKey) mac(binding []string, number []byte) []byte {
	h := hmac.New(sha256.New, k)
	for _, field := range slices.Concat([]string{"cursor"}, binding, []string{string(number)}) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		h.Write([]byte(field))
	}
	return h.Sum(nil)[:cursorMACBytes]
}
