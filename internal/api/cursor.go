package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"
)

// cursorKey authenticates cursors.
type cursorKey []byte

// A cursor is a row number and the beginning of a MAC over it, in the text form of a UUID because clients expect one. It
// is bound to the environment, the path and the filters of its list: elsewhere it is refused (reliability S4).
const cursorNumberBytes = 8

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

// mac is cut to half a UUID. Fields carry their length, so that no two lists have the same binding.
func (k cursorKey) mac(binding []string, number []byte) []byte {
	h := hmac.New(sha256.New, k)
	for _, field := range slices.Concat([]string{"cursor"}, binding, []string{string(number)}) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		h.Write([]byte(field))
	}
	return h.Sum(nil)[:16-cursorNumberBytes]
}
