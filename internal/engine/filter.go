package engine

import "encoding/binary"

// filter is a Bloom filter cut into cache lines: a key sets eight bits inside one 64-byte line, so asking costs one
// memory access. With 16 bits a key about one absent key in a thousand passes, with 12 bits four
// (docs/decisions/0007-merge-key-runs.md).
type filter struct {
	bits       []byte
	chunkBytes int // the part that belongs to one chunk, a whole number of lines
}

const (
	filterLineBytes = 64
	filterProbes    = 8
)

func newFilter(chunks, bitsPerKey int) filter {
	size := chunkKeys * bitsPerKey / (filterLineBytes * 8) * filterLineBytes
	return filter{bits: make([]byte, chunks*size), chunkBytes: size}
}

// of is the part of the filter for the chunks from first to before end.
func (f filter) of(first, end int) []byte { return f.bits[first*f.chunkBytes : end*f.chunkBytes] }

// probes returns the key's line and the hash its bits are taken from, nine bits at a time. Keys are hashes already.
func (f filter) probes(key *KeyHash) (line []byte, hash uint64) {
	at := share(key, len(f.bits)/filterLineBytes) * filterLineBytes
	// 72 bits are wanted and 64 are there: the multiplication spreads them again (the constant is 2^64 / φ).
	return f.bits[at : at+filterLineBytes], binary.LittleEndian.Uint64(key[8:]) * 0x9E3779B97F4A7C15
}

func (f filter) add(key *KeyHash) {
	line, h := f.probes(key)
	for range filterProbes {
		line[h>>58] |= 1 << (h >> 55 & 7)
		h = h<<9 | h>>55
	}
}

func (f filter) has(key *KeyHash) bool {
	line, h := f.probes(key)
	for range filterProbes {
		if line[h>>58]&(1<<(h>>55&7)) == 0 {
			return false
		}
		h = h<<9 | h>>55
	}
	return true
}
