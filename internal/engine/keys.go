package engine

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// KeyHash names what may happen only once: the first 16 bytes of a SHA-256 over length-prefixed parts. The zero
// KeyHash means that an operation has no key.
type KeyHash [16]byte

// The spaces of keys. Parts of one space never meet those of another.
const (
	eventKeys   = "event"
	grantKeys   = "grant"
	holdKeys    = "hold"
	holdEndKeys = "hold-end"
	settleKeys  = "settle"
	reverseKeys = "reverse"
	resolveKeys = "resolve"
	turnKeys    = "turn"
	closeKeys   = "close"
	paymentKeys = "payment"
)

func hashKey(space string, parts ...string) KeyHash {
	var buf [256]byte
	b := appendString(buf[:0], space)
	for _, p := range parts {
		b = appendString(b, p)
	}
	sum := sha256.Sum256(b)
	return KeyHash(sum[:16])
}

// EventKey is the identity of an event (semantics 7.2). A direct consumption has no event name.
func EventKey(environment, customer, resource, event, key string) KeyHash {
	return hashKey(eventKeys, environment, customer, resource, event, key)
}

// GrantKey is the identity of a grant created with an idempotency key (semantics 4.7).
func GrantKey(environment, key string) KeyHash { return hashKey(grantKeys, environment, key) }

// HoldKey is the identity of a reservation: its id is unique per pool for ever (semantics 6.4).
func HoldKey(pool ledger.Key, reservation string) KeyHash {
	return hashKey(holdKeys, pool.Environment, pool.Customer, pool.Currency, pool.Resource, reservation)
}

// HoldEndKey finds the entry in which a reservation ended.
func HoldEndKey(pool ledger.Key, reservation string) KeyHash {
	return hashKey(holdEndKeys, pool.Environment, pool.Customer, pool.Currency, pool.Resource, reservation)
}

// SettleKey is the identity of a partial settle with an idempotency key.
func SettleKey(pool ledger.Key, reservation, key string) KeyHash {
	return hashKey(settleKeys, pool.Environment, pool.Customer, pool.Currency, pool.Resource, reservation, key)
}

// ReverseKey finds the entry that reversed an event; an event is reversed once (semantics 7.4).
func ReverseKey(event Position) KeyHash { return hashKey(reverseKeys, event.EventID()) }

// ResolveKey finds the entry that released, rated again or dropped an event.
func ResolveKey(event Position) KeyHash { return hashKey(resolveKeys, event.EventID()) }

// TurnName is the Key of the entry that posts a boundary of a subscription at an instant.
func TurnName(subscription string, at ledger.Time) string {
	return subscription + "@" + strconv.FormatInt(int64(at), 10)
}

// TurnKey is the identity of a boundary: one instant of one subscription has one effect, whoever posts it.
func TurnKey(environment, subscription string, at ledger.Time) KeyHash {
	return hashKey(turnKeys, environment, TurnName(subscription, at))
}

// PaymentKey is the identity of one step that the money of a grant makes: each step acts once, however often it is tried.
func PaymentKey(environment, step string) KeyHash { return hashKey(paymentKeys, environment, step) }

// entryKeys lists the keys that an entry takes. It is a function of the entry alone, so a replay takes the same ones.
func entryKeys(e *Entry) []KeyHash {
	var keys []KeyHash
	switch e.Kind {
	case EventEntry, ConsumeEntry:
		keys = append(keys, EventKey(e.Environment, e.Customer, e.Event.Resource, e.Event.Name, e.Key))
	case GrantEntry:
		if e.Key != "" {
			keys = append(keys, GrantKey(e.Environment, e.Key))
		}
	case TurnEntry:
		keys = append(keys, hashKey(turnKeys, e.Environment, e.Key))
	case PaymentEntry:
		if e.Key != "" { // older entries have none
			keys = append(keys, PaymentKey(e.Environment, e.Key))
		}
	case ReverseEntry:
		keys = append(keys, ReverseKey(e.Ref))
	case ResolveEntry:
		keys = append(keys, ResolveKey(e.Ref))
	case CloseEntry:
		keys = append(keys, closeKey(e.Environment, e.Key))
	case ReserveEntry:
		keys = append(keys, HoldKey(e.poolKey(0), e.Key))
	case SettleEntry, ReleaseEntry:
		if e.Key != "" {
			keys = append(keys, SettleKey(e.poolKey(0), e.holdID(), e.Key))
		}
	}
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			if h := e.Pools[i].Facts[f].Hold; h != nil && h.End != ledger.HoldOpen {
				keys = append(keys, HoldEndKey(e.poolKey(i), h.ID))
			}
		}
	}
	return keys
}

// holdID is the reservation that the entry changed.
func (e *Entry) holdID() string {
	for i := range e.Pools[0].Facts {
		if h := e.Pools[0].Facts[i].Hold; h != nil {
			return h.ID
		}
	}
	return ""
}

func (e *Entry) poolKey(i int) ledger.Key {
	p := &e.Pools[i]
	return ledger.Key{Environment: e.Environment, Customer: e.Customer, Currency: p.Currency, Resource: p.Resource}
}

// keyIndex maps every key ever taken in a shard to the entry that took it. Keys of the open window and of those
// being written are in maps; older windows are sorted, immutable runs in the database, each behind a filter, few of them
// because they are merged (merger.go).
type keyIndex struct {
	open    map[KeyHash]Position
	closing []map[KeyHash]Position // oldest first
	runs    []*keyRun              // oldest first
}

func newKeyIndex() *keyIndex { return &keyIndex{open: map[KeyHash]Position{}} }

func (k *keyIndex) add(key KeyHash, at Position) { k.open[key] = at }

// find returns the entry that took the key, reading at most one chunk for each run whose filter lets the key through.
func (k *keyIndex) find(ctx context.Context, j Journal, shard uint16, key KeyHash) (Position, bool, error) {
	if at, ok := k.open[key]; ok {
		return at, true, nil
	}
	for _, window := range k.closing {
		if at, ok := window[key]; ok {
			return at, true, nil
		}
	}
	for _, run := range slices.Backward(k.runs) {
		if !run.filter.has(&key) {
			continue
		}
		chunk, err := j.KeyChunk(ctx, shard, run.id, run.chunkOf(&key))
		if err != nil {
			return 0, false, err
		}
		if at, ok := findInChunk(chunk, key); ok {
			return at, true, nil
		}
	}
	return 0, false, nil
}
