package engine

import (
	"bytes"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settledRuns are the runs of so many windows when nothing is left to merge.
func settledRuns(windows uint32) []RunID {
	var runs []RunID
	for first := uint32(0); first < windows; first = runs[len(runs)-1].end() {
		runs = append(runs, newRunID(bits.Len32(windows-first)-1, first))
	}
	return runs
}

func TestRunID(t *testing.T) {
	// A run is of a power of two of windows, from a multiple of it on, and nothing else is one.
	t.Parallel()
	for level := range runLevelMax {
		for _, n := range []uint32{0, 1, 2, 5} {
			id := newRunID(level, n<<level)
			back, ok := runBetween(id.first(), id.end())
			if id.valid() && (!ok || back != id) {
				t.Errorf("level %d, number %d: %x and back is %x, %v", level, n, id, back, ok)
			}
		}
	}
	for _, bad := range []RunID{newRunID(1, 1), newRunID(3, 4), newRunID(32, 0), newRunID(63, 0), ^RunID(0)} {
		if bad.valid() {
			t.Errorf("%x is accepted", bad)
		}
	}
}

func TestNextMerge(t *testing.T) {
	// E5: whatever was merged before and in whatever order windows came, the runs end as the number of windows says.
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	never := func(RunID) bool { return false }
	for range 200 {
		var runs []RunID
		n := random.Uint32N(300) + 1
		for w := range n {
			runs = append(runs, newRunID(0, w))
			for random.IntN(3) > 0 {
				id, ok := nextMerge(runs, never)
				if !ok {
					break
				}
				runs = merged(runs, id)
			}
		}
		for id, ok := nextMerge(runs, never); ok; id, ok = nextMerge(runs, never) {
			runs = merged(runs, id)
		}
		if diff := cmp.Diff(settledRuns(n), runs); diff != "" {
			t.Fatalf("%d windows:\n%s", n, diff)
		}
	}
}

// merged puts a run in the place of those it is made of, of which there must be several.
func merged(runs []RunID, id RunID) []RunID {
	at := slices.IndexFunc(runs, func(r RunID) bool { return r.within(id) })
	end := at
	for end < len(runs) && runs[end].within(id) {
		end++
	}
	if end-at < 2 || runs[at].first() != id.first() || runs[end-1].end() != id.end() {
		panic("not a merge of neighbours")
	}
	return slices.Replace(slices.Clone(runs), at, end, id)
}

// pacedMerges plays merging at the pace of a running server.
type pacedMerges struct {
	runs    []RunID
	active  []RunID   // the last one is being worked on
	left    []float64 // windows that each has still to write
	written float64   // windows
	most    int       // runs
	asked   int       // runs, summed over all windows
}

func (p *pacedMerges) busy(id RunID) bool { return slices.Contains(p.active, id) }

func (p *pacedMerges) window(w uint32) {
	p.runs = append(p.runs, newRunID(0, w))
	p.most = max(p.most, len(p.runs))
	defer func() { p.asked += len(p.runs) }()
	for budget := mergeHaste / 2. * float64(bits.Len32(w)); budget > 0; {
		p.plan()
		top := len(p.active) - 1
		if top < 0 {
			return
		}
		n := min(budget, p.left[top])
		budget, p.left[top], p.written = budget-n, p.left[top]-n, p.written+n
		if p.left[top] == 0 {
			p.runs = merged(p.runs, p.active[top])
			p.active, p.left = p.active[:top], p.left[:top]
		}
	}
}

func (p *pacedMerges) plan() {
	outlook := p.runs
	for _, id := range p.active {
		outlook = merged(outlook, id)
	}
	if id, ok := nextMerge(outlook, p.busy); ok {
		p.active, p.left = append(p.active, id), append(p.left, float64(id.end()-id.first()))
	}
}

func TestMergePace(t *testing.T) {
	// While merging goes on there are never more than 8 runs to ask at 10 million keys, and 13 at a billion.
	t.Parallel()
	p, windows := &pacedMerges{}, uint32(0)
	for _, tc := range []struct{ keys, most int }{{10_000_000, 8}, {100_000_000, 10}, {1_000_000_000, 13}} {
		for ; windows < uint32(tc.keys/int(WindowEntriesDefault)); windows++ {
			p.window(windows)
		}
		t.Logf("%d keys: at most %d runs, %.1f at the mean, each key merged %.1f times",
			tc.keys, p.most, float64(p.asked)/float64(windows), p.written/float64(windows))
		if p.most > tc.most {
			t.Errorf("%d keys: %d runs", tc.keys, p.most)
		}
	}
}

func TestMerge(t *testing.T) {
	// A merged run is, to the byte, the run of all its keys together, whatever the sizes and however much is made at a time.
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	for range 25 {
		sizes := make([]int, 4)
		for i := range sizes {
			sizes[i] = random.IntN(1 << random.IntN(14))
		}
		index, j, all := indexOf(sizes...)
		m := startMerge(newRunID(2+random.IntN(2)*runLevelLarge, 0), index.runs) // the larger one has a smaller filter
		got := &runRows{}
		for !got.last {
			rows, err := m.step(t.Context(), j, 0, 1+random.IntN(9))
			if err != nil {
				t.Fatal(err)
			}
			got.run, got.last = rows.run, rows.last
			got.chunks, got.filters = append(got.chunks, rows.chunks...), append(got.filters, rows.filters...)
		}
		want := sortedRun(m.id(), taken(all, 1))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(runRows{}, keyRun{}, filter{})); diff != "" {
			t.Fatalf("sizes %v:\n%s", sizes, diff)
		}
		index.replace(slices.Clone(index.runs), j.keep(got))
		for i, k := range all {
			if at, ok, err := index.find(t.Context(), j, 0, k); err != nil || !ok || at != NewPosition(0, uint64(i+1)) {
				t.Fatalf("sizes %v: key %d is at %d, %v, %v", sizes, i, at, ok, err)
			}
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	// E2: a merge whose runs have lost something, or hold something in the wrong place, makes no run.
	t.Parallel()
	for name, damage := range map[string]func(chunks []KeyChunkRow) []KeyChunkRow{
		"lost_first":    func(c []KeyChunkRow) []KeyChunkRow { return c[1:] },
		"lost_middle":   func(c []KeyChunkRow) []KeyChunkRow { return slices.Delete(c, 3, 4) },
		"lost_last":     func(c []KeyChunkRow) []KeyChunkRow { return c[:len(c)-1] },
		"lost_all":      func([]KeyChunkRow) []KeyChunkRow { return nil },
		"lost_record":   func(c []KeyChunkRow) []KeyChunkRow { c[4].Data = c[4].Data[keyRecordBytes:]; return c },
		"cut_record":    func(c []KeyChunkRow) []KeyChunkRow { c[4].Data = c[4].Data[1:]; return c },
		"twice":         func(c []KeyChunkRow) []KeyChunkRow { c[4].Data = bytes.Repeat(c[4].Data, 2); return c },
		"other_content": func(c []KeyChunkRow) []KeyChunkRow { c[4].Data = c[3].Data; return c },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			index, j, _ := indexOf(10*chunkKeys, 10*chunkKeys)
			id := index.runs[1].id
			j.chunks[id] = damage(j.chunks[id])
			m := startMerge(newRunID(1, 0), index.runs)
			for {
				rows, err := m.step(t.Context(), j, 0, 4)
				if errors.Is(err, errCorrupt) {
					return
				}
				if err != nil || rows.last {
					t.Fatalf("accepted: %v", err)
				}
			}
		})
	}
}
