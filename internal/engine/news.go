package engine

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// News tells whether something is to be told of the entry (semantics 16.1): a pool's alert has news, a hold ran out, or an
// event came that waits for a person.
func (e *Entry) News() bool {
	if e.Kind == EventEntry || e.Kind == ConsumeEntry {
		if e.Event != nil && e.Event.Status == EventQuarantined {
			return true
		}
	}
	for i := range e.Pools {
		facts := e.Pools[i].Facts
		if n := len(facts); n > 0 && facts[n-1].Kind == ledger.FactAlert && len(facts[n-1].Alert.News) > 0 {
			return true
		}
		if e.Kind != EventEntry && holdRanOut(facts) {
			return true
		}
	}
	return false
}

func holdRanOut(facts []ledger.Fact) bool {
	for i := range facts {
		if facts[i].Kind == ledger.FactHold && facts[i].Hold.RanOut() {
			return true
		}
	}
	return false
}

// errEnough ends a walk through the journal.
var errEnough = errors.New("enough")

// NewsMax is how many entries NewsFrom looks at in one call.
const NewsMax = 20_000

// NewsFrom reads the durable entries of a shard that have news, from a position on: so many at most, in order. It returns
// the position after the last entry that it looked at. It keeps nobody waiting.
func (e *Engine) NewsFrom(ctx context.Context, from Position, most int) (list []*Entry, next Position, err error) {
	s := e.shards[from.Shard()]
	next = from
	err = s.journal.Blocks(ctx, from, func(b *Block) error {
		return b.each(func(at Position, raw rawEntry) error {
			if at < from {
				return nil
			}
			if len(list) == most || at >= from+NewsMax {
				return errEnough
			}
			next = at + 1
			if !raw.hasNews() {
				return nil
			}
			entry, err := decodeEntry(raw, at)
			list = append(list, entry)
			return err
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, next, unreadable(err)
}

// hasNews looks at the flags of an encoded entry.
func (r *rawEntry) hasNews() bool { return len(r.bytes) > 2 && r.bytes[2]&hasNews != 0 }

// Landed yields after commits of this process have become durable: once for one or several. It is for one who waits.
func (e *Engine) Landed() <-chan struct{} { return e.landed }

// signal wakes who waits for landings.
func (s *shard) signal() {
	select {
	case s.wakes <- struct{}{}:
	default:
	}
}
