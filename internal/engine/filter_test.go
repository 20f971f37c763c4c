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
		randomKey(random, &keys[i])
	}
	return keys
}

func randomKey(random *rand.Rand, key *KeyHash) {
	binary.LittleEndian.PutUint64(key[:8], random.Uint64())
	binary.LittleEndian.PutUint64(key[8:], random.Uint64())
}

func TestFilter(t *testing.T) {
	// Every key that was added passes, and of others only a few in a thousand.
	t.Parallel()
	for bitsPerKey, most := range map[int]int{filterBits: 2, filterBitsLarge: 6} {
		for _, n := range []int{0, 1, 31, 32, 33, 5000, int(windows(WindowEntriesDefault))} {
			testFilter(t, n, bitsPerKey, most)
		}
	}
}

// testFilter allows most absent keys in a thousand to pass.
func testFilter(t *testing.T, n, bitsPerKey, most int) {
	t.Helper()
	f := newFilter(chunksOf(n), bitsPerKey)
	for _, k := range randomKeys(1, n) {
		f.add(&k)
	}
	for _, k := range randomKeys(1, n) {
		if !f.has(&k) {
			t.Fatalf("%d keys: a key is lost", n)
		}
	}
	const absent = 200_000
	passed := 0
	for _, k := range randomKeys(2, absent) {
		if f.has(&k) {
			passed++
		}
	}
	t.Logf("%d bits, %d keys: %d of %d absent ones pass", bitsPerKey, n, passed, absent)
	if passed > absent*most/1000 {
		t.Errorf("%d bits, %d keys: %d of %d absent ones pass", bitsPerKey, n, passed, absent)
	}
}
