package engine

import (
	"errors"
	"strings"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Position names an entry of the journal: the shard in the upper 16 bits, the entry's ordinal in that shard (from 1) in
// the lower 48. Positions of one shard grow in commit order. Zero names nothing.
type Position uint64

const ordinalBits = 48

// NewPosition joins a shard and an ordinal.
func NewPosition(shard uint16, ordinal uint64) Position {
	return Position(uint64(shard)<<ordinalBits | ordinal)
}

// Shard returns the shard whose journal holds the entry.
func (p Position) Shard() uint16 { return uint16(p >> ordinalBits) }

// Ordinal returns the entry's place in its shard, counted from 1.
func (p Position) Ordinal() uint64 { return uint64(p) & (1<<ordinalBits - 1) }

// Prefixes of the ids on the wire. The rest is the number in Crockford's base 32, 13 characters, so that ids sort like
// the numbers they name.
const (
	eventPrefix = "evt_"
	txnPrefix   = "txn_"
	grantPrefix = "cred-grant-"
)

const base32Digits = "0123456789abcdefghjkmnpqrstvwxyz"
const base32Length = 13

// ErrBadID is returned when a text is not an id of the kind asked for.
var ErrBadID = errors.New("malformed id")

// EventID is the id of the event or direct consumption that the entry holds.
func (p Position) EventID() string { return formatID(eventPrefix, uint64(p)) }

// TxnID is the id of the entry as a ledger transaction.
func (p Position) TxnID() string { return formatID(txnPrefix, uint64(p)) }

// GrantText is the wire id of a grant.
func GrantText(id ledger.GrantID) string { return formatID(grantPrefix, uint64(id)) }

// ParseEventID reads what EventID wrote.
func ParseEventID(text string) (Position, error) {
	n, err := parseID(eventPrefix, text)
	return Position(n), err
}

// ParseGrantText reads what GrantText wrote.
func ParseGrantText(text string) (ledger.GrantID, error) {
	n, err := parseID(grantPrefix, text)
	return ledger.GrantID(n), err
}

func formatID(prefix string, n uint64) string {
	var buf [len(grantPrefix) + base32Length]byte
	size := copy(buf[:], prefix) + base32Length
	for i := size - 1; i >= len(prefix); i-- {
		buf[i] = base32Digits[n&31]
		n >>= 5
	}
	return string(buf[:size])
}

func parseID(prefix, text string) (uint64, error) {
	digits, ok := strings.CutPrefix(text, prefix)
	if !ok || len(digits) != base32Length || digits[0] > 'f' {
		return 0, ErrBadID
	}
	var n uint64
	for i := range len(digits) {
		d := strings.IndexByte(base32Digits, digits[i])
		if d < 0 {
			return 0, ErrBadID
		}
		n = n<<5 | uint64(d)
	}
	if n == 0 {
		return 0, ErrBadID
	}
	return n, nil
}
