package engine

import (
	"context"
	"testing"
)

// runsJournal holds nothing but the chunks of runs.
type runsJournal struct {
	Journal
	chunks map[uint32][][]byte
	reads  int
}

func (j *runsJournal) KeyChunk(_ context.Context, _ uint16, run uint32, chunk int) ([]byte, error) {
	j.reads++
	return j.chunks[run][chunk], nil
}

// indexOf makes an index of so many runs, each of n keys: key i of run r was taken by entry r*n+i+1.
func indexOf(runs, n int) (*keyIndex, *runsJournal, []KeyHash) {
	index, j := newKeyIndex(), &runsJournal{chunks: map[uint32][][]byte{}}
	all := randomKeys(7, runs*n)
	for r := range runs {
		taken := map[KeyHash]Position{}
		for i := range n {
			taken[all[r*n+i]] = NewPosition(0, uint64(r*n+i+1))
		}
		row, chunks := sortedRun(uint32(r), taken)
		for _, c := range chunks {
			j.chunks[row.Run] = append(j.chunks[row.Run], c.Data)
		}
		index.runs = append(index.runs, &keyRun{id: row.Run, firsts: row.Firsts, filter: filter{bits: row.Filter}})
	}
	return index, j, all
}

func TestKeyIndex(t *testing.T) {
	// E2: every key is found where it was taken, at the borders of chunks too; an absent one is not, whatever its order.
	t.Parallel()
	for _, n := range []int{1, chunkKeys - 1, chunkKeys, chunkKeys + 1, 3*chunkKeys + 7} {
		index, j, all := indexOf(3, n)
		for i, k := range all {
			at, ok, err := index.find(t.Context(), j, 0, k)
			if err != nil || !ok || at != NewPosition(0, uint64(i+1)) {
				t.Fatalf("runs of %d keys: key %d is at %d, %v, %v", n, i, at, ok, err)
			}
		}
		lowest, highest := KeyHash{}, KeyHash{}
		for i := range highest {
			highest[i] = 0xff
		}
		for _, k := range append(randomKeys(8, 1000), lowest, highest) {
			if _, ok, err := index.find(t.Context(), j, 0, k); ok || err != nil {
				t.Fatalf("runs of %d keys: an absent key is found, %v", n, err)
			}
			for _, r := range index.runs { // as if the filter had let it pass
				chunk, err := j.KeyChunk(t.Context(), 0, r.id, r.chunkOf(k))
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := findInChunk(chunk, k); ok {
					t.Fatalf("runs of %d keys: an absent key is in a chunk", n)
				}
			}
		}
	}
}

func TestKeyIndexOrder(t *testing.T) {
	// Keys are found in the open window, in windows that are being written, and in runs.
	t.Parallel()
	index, j, all := indexOf(2, 10)
	fresh := randomKeys(9, 2)
	index.closing = append(index.closing, map[KeyHash]Position{fresh[0]: 100})
	index.add(fresh[1], 200)
	for k, want := range map[KeyHash]Position{all[3]: 4, all[13]: 14, fresh[0]: 100, fresh[1]: 200} {
		if at, ok, err := index.find(t.Context(), j, 0, k); at != want || !ok || err != nil {
			t.Errorf("found %d, %v, %v; want %d", at, ok, err, want)
		}
	}
}

// BenchmarkFindAbsent is what a new key costs when 20 runs are there: 20 filters, and rarely a chunk.
func BenchmarkFindAbsent(b *testing.B) {
	const runs = 20
	index, j, _ := indexOf(runs, int(windows(WindowEntriesDefault)))
	absent := randomKeys(10, 1<<16)
	j.reads = 0
	b.ResetTimer()
	for i := range b.N {
		if _, ok, err := index.find(b.Context(), j, 0, absent[i%len(absent)]); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportMetric(float64(j.reads)/float64(b.N), "chunks/op")
}
