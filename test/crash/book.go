package crash

import "sync"

// kind says what an effect is.
type kind uint8

const (
	burned   kind = iota + 1 // an event or a direct consumption
	granted                  // a grant was made
	voided                   // a grant was voided
	held                     // credits were reserved
	ended                    // a reservation was settled or released
	reversed                 // an event was undone
)

func (k kind) String() string {
	return [...]string{"", "burn", "grant", "void", "hold", "end of hold", "reversal"}[k]
}

// effect is what one acknowledged request did, or one item of it.
type effect struct {
	kind     kind
	customer string
	key      string  // the caller's: idempotency key or reservation id
	id       string  // the server's: event id or grant id; empty when the answer names none
	amount   credits // burned, granted, held, settled or given back
	expires  bool    // a grant that expires
}

// book is what the clients together know: everything acknowledged since the last check, and the keys that were refused.
// A key is written down once, because clients wait for the answer and never use a key again for something new.
type book struct {
	mu      sync.Mutex
	effects map[string][]effect // by customer
	refused map[string]bool     // keys whose last answer was no: they must have no effect
	counts  map[string]int      // what happened, for the report
}

func newBook() *book {
	return &book{effects: map[string][]effect{}, refused: map[string]bool{}, counts: map[string]int{}}
}

// acknowledge writes down effects before anyone can rely on them.
func (b *book) acknowledge(name string, effects []effect) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[name]++
	for _, e := range effects {
		b.effects[e.customer] = append(b.effects[e.customer], e)
	}
}

// refuse writes down that a key got a definite no.
func (b *book) refuse(name, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[name+", refused"]++
	b.refused[key] = true
}

// count counts something for the report.
func (b *book) count(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[name]++
}

// take hands over what was acknowledged to one customer since the last call.
func (b *book) take(customer string) []effect {
	b.mu.Lock()
	defer b.mu.Unlock()
	effects := b.effects[customer]
	delete(b.effects, customer)
	return effects
}

// wasRefused reports whether a key got a definite no.
func (b *book) wasRefused(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused[key]
}

// report returns the counts.
func (b *book) report() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := make(map[string]int, len(b.counts))
	for name, n := range b.counts {
		counts[name] = n
	}
	return counts
}
