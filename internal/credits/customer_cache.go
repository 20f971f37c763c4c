package credits

import (
	"hash/maphash"
	"sync"
)

// The cache of customers: how many stripes it has, and how many customers each half of a stripe holds at most.
const (
	cacheStripes    = 64
	cacheStripeHalf = 512
)

// customerKey names a customer.
type customerKey struct{ env, id string }

// customerCache keeps the states of customers that were asked for lately. It is bounded: a stripe has two halves, and when
// the young one is full it becomes the old one and the old one is forgotten. The zero customerCache is empty.
type customerCache struct {
	stripes [cacheStripes]cacheStripe
}

type cacheStripe struct {
	mu         sync.Mutex
	epoch      uint64 // counts what was dropped
	young, old map[customerKey]*CustomerState
}

var cacheSeed = maphash.MakeSeed()

func (c *customerCache) stripe(key customerKey) *cacheStripe {
	return &c.stripes[maphash.Comparable(cacheSeed, key)%cacheStripes]
}

// get returns a cached state, or the epoch to pass to put after reading the store.
func (c *customerCache) get(key customerKey) (cs *CustomerState, epoch uint64) {
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cs = s.young[key]; cs == nil {
		if cs = s.old[key]; cs != nil {
			s.add(key, cs)
		}
	}
	return cs, s.epoch
}

// put keeps a state that was read after get returned the epoch, unless something was dropped since: then the state may be
// from before that change.
func (c *customerCache) put(key customerKey, cs *CustomerState, epoch uint64) {
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		s.add(key, cs)
	}
}

// drop forgets a customer. It is called after every transaction that may have changed it, whatever its outcome, and when
// another node has changed it: whoever reads the store from then on sees that change.
func (c *customerCache) drop(key customerKey) {
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	delete(s.young, key)
	delete(s.old, key)
}

// clear forgets every customer.
func (c *customerCache) clear() {
	for i := range c.stripes {
		s := &c.stripes[i]
		s.mu.Lock()
		s.epoch++
		s.young, s.old = nil, nil
		s.mu.Unlock()
	}
}

func (s *cacheStripe) add(key customerKey, cs *CustomerState) {
	if len(s.young) >= cacheStripeHalf || s.young == nil {
		s.old, s.young = s.young, make(map[customerKey]*CustomerState)
	}
	s.young[key] = cs
}
