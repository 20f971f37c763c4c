package credits

import (
	"fmt"
	"testing"
)

func TestCustomerCache_late_put(t *testing.T) {
	// A state that was read before a change is not kept after it.
	t.Parallel()
	var c customerCache
	key := customerKey{"env", "ann"}
	_, epoch := c.get(key)
	c.drop(key)
	c.put(key, &CustomerState{}, epoch)
	if cs, _ := c.get(key); cs != nil {
		t.Error("a stale state is cached")
	}
	_, epoch = c.get(key)
	fresh := &CustomerState{}
	c.put(key, fresh, epoch)
	if cs, _ := c.get(key); cs != fresh {
		t.Error("a fresh state is not cached")
	}
}

func TestCustomerCache_bounded(t *testing.T) {
	// The cache forgets rather than grow, and keeps what is asked for.
	t.Parallel()
	var c customerCache
	kept := customerKey{"env", "kept"}
	_, epoch := c.get(kept)
	c.put(kept, &CustomerState{}, epoch)
	for i := range 3 * cacheStripes * cacheStripeHalf {
		key := customerKey{"env", fmt.Sprint(i)}
		_, epoch := c.get(key)
		c.put(key, &CustomerState{}, epoch)
		if cs, _ := c.get(kept); cs == nil {
			t.Fatal("a customer that is asked for all the time was forgotten")
		}
	}
	size := 0
	for i := range c.stripes {
		size += len(c.stripes[i].young) + len(c.stripes[i].old)
	}
	if limit := 2 * cacheStripes * cacheStripeHalf; size > limit {
		t.Errorf("%d customers cached, want at most %d", size, limit)
	}
}
