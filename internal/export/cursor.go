package export

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Cursor is up to where an environment has been exported. The zero Cursor is the beginning.
type Cursor struct {
	Positions engine.Cut  `json:"positions"` // of each shard the first entry that is not exported
	Catalogue ledger.Time `json:"catalogue"` // rows of the catalogue that changed before it are exported
}

// ErrBadCursor is returned for a text that is no cursor.
var ErrBadCursor = errors.New("this is not a cursor; take one from a manifest")

// String writes the cursor as one word.
func (c Cursor) String() string {
	text, _ := json.Marshal(c) // numbers only; it cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseCursor reads what String wrote; an empty text is the beginning.
func ParseCursor(text string) (Cursor, error) {
	var c Cursor
	if text == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return Cursor{}, ErrBadCursor
	}
	for i, at := range c.Positions {
		if int(at.Shard()) != i || at.Ordinal() == 0 {
			return Cursor{}, ErrBadCursor
		}
	}
	return c, nil
}

// of is the first position of a shard that is not exported.
func (c Cursor) of(shard uint16) engine.Position {
	if int(shard) < len(c.Positions) {
		return c.Positions[shard]
	}
	return engine.NewPosition(shard, 1)
}

// entries is how many entries lie before the cursor: it grows from run to run, so that names sort by it.
func (c Cursor) entries() uint64 {
	var n uint64
	for _, at := range c.Positions {
		n += at.Ordinal() - 1
	}
	return n
}

// rangeName names the way from one cursor to another in files: it sorts in the order of runs.
func rangeName(from, to Cursor) string {
	sum := sha256.Sum256([]byte(from.String() + " " + to.String()))
	return fmt.Sprintf("%015d-%017d-%s", to.entries(), to.Catalogue, hex.EncodeToString(sum[:6]))
}

// ends says what is wrong with a cursor that entries and clock have not reached.
func (c Cursor) within(head Cursor) error {
	if len(c.Positions) > len(head.Positions) {
		return fmt.Errorf("%w: it is of another database", ErrBadCursor)
	}
	for i, at := range c.Positions {
		if at > head.Positions[i] {
			return fmt.Errorf("%w: it is ahead of the database", ErrBadCursor)
		}
	}
	return nil
}
