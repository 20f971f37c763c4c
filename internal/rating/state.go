package rating

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// State is what one meter has counted in one usage period of one subscription. The zero State is an empty period. A State
// belongs to one meter: advancing it with another makes no sense. It is not safe for concurrent use.
type State struct {
	total amount.Amount // cumulative units before transformation
	seen  map[digest]struct{}
}

// digest stands for a value of Unique. Values are of any length; 128 bits of SHA-256 keep the state small, and nobody
// gains by finding two values that count as one.
type digest [16]byte

func digestOf(value string) digest {
	sum := sha256.Sum256([]byte(value))
	return digest(sum[:16])
}

// Advance counts a measurement and returns the units it adds: what is priced. They are never negative, and with a
// Transform they are whole numbers of blocks, mostly 0.
func (s *State) Advance(m *Meter, x Measurement) amount.Amount {
	before := s.total
	s.total = s.next(m, x)
	if m.Aggregation == Unique && s.total != before {
		if s.seen == nil {
			s.seen = map[digest]struct{}{}
		}
		s.seen[digestOf(x.Value)] = struct{}{}
	}
	return m.Transform.blocks(s.total).Sub(m.Transform.blocks(before))
}

// Preview returns what Advance would return, and changes nothing.
func (s *State) Preview(m *Meter, x Measurement) amount.Amount {
	return m.Transform.blocks(s.next(m, x)).Sub(m.Transform.blocks(s.total))
}

// Total returns the cumulative units of the period, before transformation.
func (s *State) Total() amount.Amount { return s.total }

// next returns the cumulative units after a measurement.
func (s *State) next(m *Meter, x Measurement) amount.Amount {
	switch m.Aggregation {
	case Count, Sum:
		return s.total.Add(x.Units)
	case Max:
		return amount.Max(s.total, x.Units)
	case Unique:
		if x.Units.IsZero() {
			return s.total
		}
		if _, seen := s.seen[digestOf(x.Value)]; !seen {
			return s.total.Add(x.Units)
		}
	}
	return s.total
}

// blocks returns the billed units for cumulative units.
func (t *Transform) blocks(total amount.Amount) amount.Amount {
	if t == nil || t.DivideBy < 1 {
		return total
	}
	whole, begun := total.Blocks(amount.FromInt(t.DivideBy))
	if begun && t.Round == RoundUp {
		return whole.Add(amount.FromInt(1))
	}
	return whole
}

// Clone returns an independent copy. It costs as much as the number of values Unique has seen; use Preview to look ahead.
func (s *State) Clone() State {
	return State{total: s.total, seen: maps.Clone(s.seen)}
}

// ErrCorruptState means that bytes given to DecodeState were not written by State.AppendBinary.
var ErrCorruptState = errors.New("corrupt meter state")

// stateVersion is the first byte of the binary form.
const stateVersion = 1

// AppendBinary appends the state to b. Equal states have equal bytes: version, total, digests in order.
func (s *State) AppendBinary(b []byte) []byte {
	b = s.total.AppendBinary(append(b, stateVersion))
	b = binary.AppendUvarint(b, uint64(len(s.seen)))
	sorted := slices.SortedFunc(maps.Keys(s.seen), func(x, y digest) int { return bytes.Compare(x[:], y[:]) })
	for _, d := range sorted {
		b = append(b, d[:]...)
	}
	return b
}

// DecodeState reads all of b, as written by AppendBinary. The error is ErrCorruptState.
func DecodeState(b []byte) (State, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return State{}, ErrCorruptState
	}
	total, b, err := amount.DecodeBinary(b[1:])
	if err != nil {
		return State{}, ErrCorruptState
	}
	count, n := binary.Uvarint(b)
	if n <= 0 || uint64(len(b)-n)%16 != 0 || uint64(len(b)-n)/16 != count {
		return State{}, ErrCorruptState
	}
	s := State{total: total}
	if count > 0 {
		s.seen = make(map[digest]struct{}, count)
	}
	for d := range slices.Chunk(b[n:], 16) {
		s.seen[digest(d)] = struct{}{}
	}
	if uint64(len(s.seen)) != count {
		return State{}, ErrCorruptState
	}
	return s, nil
}
