package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// runsJournal holds nothing but the chunks of runs.
type runsJournal struct {
	Journal
	chunks map[RunID][]KeyChunkRow
	reads  int
}

func (j *runsJournal) KeyChunk(_ context.Context, _ uint16, run RunID, chunk int) ([]byte, error) {
	j.reads++
	return j.chunks[run][chunk].Data, nil
}

func (j *runsJournal) KeyChunks(_ context.Context, _ uint16, run RunID, from, limit int) ([]KeyChunkRow, error) {
	all := j.chunks[run]
	return all[min(from, len(all)):min(from+limit, len(all))], nil
}

// keep takes the rows of a run.
func (j *runsJournal) keep(rows *runRows) *keyRun {
	j.chunks[rows.run.id] = append(j.chunks[rows.run.id], rows.chunks...)
	return rows.run
}

// taken are keys with the positions from one on.
func taken(keys []KeyHash, first uint64) map[KeyHash]Position {
	m := map[KeyHash]Position{}
	for i, k := range keys {
		m[k] = NewPosition(0, first+uint64(i))
	}
	return m
}

// indexOf makes an index of runs of so many keys each: the i-th key of all was taken by entry i+1.
func indexOf(sizes ...int) (*keyIndex, *runsJournal, []KeyHash) {
	index, j := newKeyIndex(), &runsJournal{chunks: map[RunID][]KeyChunkRow{}}
	all := randomKeys(7, sum(sizes))
	from := 0
	for r, n := range sizes {
		rows := sortedRun(newRunID(0, uint32(r)), taken(all[from:from+n], uint64(from+1)))
		index.runs = append(index.runs, j.keep(rows))
		from += n
	}
	return index, j, all
}

func sum(sizes []int) int {
	total := 0
	for _, n := range sizes {
		total += n
	}
	return total
}

func TestKeyIndex(t *testing.T) {
	// E2: every key is found where it was taken, at the borders of chunks too; an absent one is not, whatever its order.
	t.Parallel()
	for _, n := range []int{1, chunkKeys - 1, chunkKeys, chunkKeys + 1, 3*chunkKeys + 7} {
		index, j, all := indexOf(n, n, n)
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
				chunk, err := j.KeyChunk(t.Context(), 0, r.id, r.chunkOf(&k))
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
	index, j, all := indexOf(10, 10)
	fresh := randomKeys(9, 2)
	index.closing = append(index.closing, map[KeyHash]Position{fresh[0]: 100})
	index.add(fresh[1], 200)
	for k, want := range map[KeyHash]Position{all[3]: 4, all[13]: 14, fresh[0]: 100, fresh[1]: 200} {
		if at, ok, err := index.find(t.Context(), j, 0, k); at != want || !ok || err != nil {
			t.Errorf("found %d, %v, %v; want %d", at, ok, err, want)
		}
	}
}

// BenchmarkFindAbsent is what a new key costs behind so many windows: when each has a run of its own, and when the runs
// are merged. What a chunk costs is to be added, see BenchmarkKeyChunk.
func BenchmarkFindAbsent(b *testing.B) {
	const keys = int(windows(WindowEntriesDefault))
	for _, n := range []uint32{1, 10, 100, 1000} {
		single := make([]RunID, n)
		for w := range n {
			single[w] = newRunID(0, w)
		}
		b.Run(fmt.Sprint("windows=", n, "/apart"), func(b *testing.B) { findAbsent(b, single, keys) })
		b.Run(fmt.Sprint("windows=", n, "/merged"), func(b *testing.B) { findAbsent(b, settledRuns(n), keys) })
	}
}

func findAbsent(b *testing.B, runs []RunID, keys int) {
	index, j := newKeyIndex(), &emptyJournal{}
	random := rand.New(rand.NewPCG(1, 2))
	var key KeyHash
	for _, id := range runs {
		run := newKeyRun(id, keys*int(id.end()-id.first()))
		for range run.keys {
			randomKey(random, &key)
			run.filter.add(&key)
		}
		index.runs = append(index.runs, run)
	}
	b.ResetTimer()
	for range b.N {
		randomKey(random, &key)
		if _, ok, err := index.find(b.Context(), j, 0, key); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportMetric(float64(len(runs)), "runs")
	b.ReportMetric(float64(j.reads)/float64(b.N), "chunks/op")
}

// emptyJournal has empty chunks only, and counts how many are read.
type emptyJournal struct {
	Journal
	reads int
}

func (j *emptyJournal) KeyChunk(context.Context, uint16, RunID, int) ([]byte, error) {
	j.reads++
	return nil, nil
}
