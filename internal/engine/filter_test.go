package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// randomKeys are keys as hashes make them.
func randomKeys(seed uint64, n int) []KeyHash {
	random := rand.New(rand.NewPCG(seed, 1))
	keys := make([]KeyHash, n)
	for i := range keys {
		binary.LittleEndian.PutUint64(keys[i][:8], random.Uint64())
		binary.LittleEndian.PutUint64(keys[i][8:], random.Uint64())
	}
	return keys
}

func TestFilter(t *testing.T) {
	// Every key that was added passes, and of others fewer than two in a thousand.
	t.Parallel()
	for _, n := range []int{0, 1, 31, 32, 33, 5000, int(windows(WindowEntriesDefault))} {
		f := newFilter(n)
		for _, k := range randomKeys(1, n) {
			f.add(k)
		}
		for _, k := range randomKeys(1, n) {
			if !f.has(k) {
				t.Fatalf("%d keys: a key is lost", n)
			}
		}
		if n < 5000 {
			continue
		}
		const absent = 200_000
		passed := 0
		for _, k := range randomKeys(2, absent) {
			if f.has(k) {
				passed++
			}
		}
		t.Logf("%d keys: %d of %d absent ones pass", n, passed, absent)
		if passed > absent*2/1000 {
			t.Errorf("%d keys: %d of %d absent ones pass", n, passed, absent)
		}
	}
}
