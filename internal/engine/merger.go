package engine

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
)

// How much of the merging goes out with one commit, in chunks of 12 KB. See mergeChunks.
const (
	mergeChunksMin  = 4
	mergeChunksIdle = 4
	mergeChunksMax  = 512
	mergeHaste      = 3 // half chunks, for each binary digit of the number of windows and chunk of new keys
)

// merger keeps the runs of a shard's key index few, beside the writer: rows of a new run are made while the writer
// decides, and go out a few with each commit. The commit that completes a run puts it in the place of those it was made
// of. Until then lookups use those, and so does a start, which deletes what was written of the new run and begins again.
// The rows of the old ones are deleted afterwards, a few with each commit.
//
// All members are the writer's. While rows are being made, the merge they belong to is the maker's.
type merger struct {
	active []*merge // the last one is being worked on; those before wait for it, they are larger
	making chan made
	ready  *runRows
	sent   *runRows  // the commit under way has them
	stale  []RunPart // what is left of runs that are of no use
	pace   int       // chunks to make at a time
	failed error     // why the merging stopped; it is tried again when the next window is complete
}

type made struct {
	rows *runRows
	err  error
}

// mergeChunks is how much of the merging goes out with a commit of so many entries. For each binary digit of the number of
// windows, a key is merged 0.6 times. Two and a half times that keeps the runs few while a long merge lasts
// (TestMergePace), and the rest of the time there is nothing to do.
func (s *shard) mergeChunks(entries int) int {
	if entries == 0 {
		return mergeChunksIdle
	}
	return min(max(mergeChunksMin, s.mergePace(entries)), mergeChunksMax)
}

// mergePace is how many chunks are merged while so many entries come.
func (s *shard) mergePace(entries int) int {
	return bits.Len32(s.window) * entries * mergeHaste / (2 * chunkKeys)
}

// addMerge puts the next rows of a merge into a commit, and the deletion of some that merging has left behind.
func (s *shard) addMerge(c *Commit, chunks int) {
	m := &s.merger
	m.pace = chunks
	if len(m.stale) > 0 {
		m.delete(c)
	}
	if !s.mergeReady() {
		return
	}
	m.sent, m.ready = m.ready, nil
	c.Chunks = append(c.Chunks, m.sent.chunks...)
	c.Filters = append(c.Filters, m.sent.filters...)
	if m.sent.last || m.sent.chunks[0].Chunk == 0 {
		c.Runs = append(c.Runs, m.sent.row())
	}
	s.makeRows()
}

// delete puts the deletion of some chunks into a commit.
func (m *merger) delete(c *Commit) {
	stale := &m.stale[0]
	part := RunPart{Run: stale.Run, From: stale.From, To: min(stale.From+m.pace, stale.To)}
	part.Last = part.To == stale.To
	c.Stale = append(c.Stale, part)
	if stale.From = part.To; part.Last {
		m.stale = m.stale[1:]
	}
}

// makeRows begins to make the next rows beside the writer, if there is something to merge and nothing under way.
func (s *shard) makeRows() {
	m := &s.merger
	if !s.keeps() || m.making != nil || m.ready != nil || m.failed != nil || m.completing() {
		return
	}
	s.planMerge()
	if len(m.active) == 0 {
		return
	}
	work, chunks, done := m.active[len(m.active)-1], max(m.pace, mergeChunksMin), make(chan made, 1)
	m.making = done
	go func() {
		rows, err := work.step(context.Background(), s.journal, s.id, chunks)
		done <- made{rows: rows, err: err}
		s.queue.nudge()
	}()
}

// completing tells whether the last rows of a merge are on their way.
func (m *merger) completing() bool { return m.sent != nil && m.sent.last }

// planMerge begins the merge that should be worked on next. A small one goes before a larger one that is under way: the
// larger takes the time of many windows, whose runs would pile up.
func (s *shard) planMerge() {
	m := &s.merger
	id, ok := nextMerge(m.outlook(s.keys.runs), func(id RunID) bool {
		return slices.ContainsFunc(m.active, func(a *merge) bool { return a.id() == id })
	})
	if !ok || slices.ContainsFunc(m.stale, func(p RunPart) bool { return p.Run == id }) {
		return // or an attempt that a restart cut short is still being deleted
	}
	var inputs []*keyRun
	for _, run := range s.keys.runs {
		if run.id.within(id) {
			inputs = append(inputs, run)
		}
	}
	m.active = append(m.active, startMerge(id, inputs))
}

// outlook is the runs as they will be after the merges under way.
func (m *merger) outlook(runs []*keyRun) []RunID {
	ids := make([]RunID, 0, len(runs))
	for _, run := range runs {
		id := run.id
		for _, a := range m.active {
			if id.within(a.id()) {
				id = a.id()
			}
		}
		ids = append(ids, id)
	}
	return slices.Compact(ids)
}

// mergeReady reports whether rows have been made that can be written now.
func (s *shard) mergeReady() bool {
	if s.merger.ready == nil && s.merger.making != nil {
		select {
		case rows := <-s.merger.making:
			s.merged(rows)
		default:
		}
	}
	return s.merger.ready != nil
}

// awaitMerge blocks until nothing is being made.
func (s *shard) awaitMerge() {
	if s.merger.making != nil {
		s.merged(<-s.merger.making)
	}
}

// merged takes over what was made. After a failure the merging starts over: its rows are not in use yet.
func (s *shard) merged(rows made) {
	m := &s.merger
	m.making = nil
	if rows.err == nil {
		m.ready = rows.rows
		return
	}
	m.active, m.failed = nil, rows.err
	s.log.Error("key runs cannot be merged", "shard", s.id, "error", rows.err)
}

// mergePending reports whether a pause could be used for merging.
func (s *shard) mergePending() bool { return len(s.merger.stale) > 0 || s.mergeReady() }

// mergeLanded takes note of what a commit made durable, and goes on.
func (s *shard) mergeLanded() {
	m := &s.merger
	if m.completing() {
		done := m.active[len(m.active)-1]
		m.active = m.active[:len(m.active)-1]
		s.keys.replace(done.inputs, m.sent.run)
		for _, old := range done.inputs {
			m.stale = append(m.stale, old.whole())
		}
	}
	m.sent = nil
	s.makeRows()
}

// replace puts one run in the place of those that it was made of.
func (k *keyIndex) replace(old []*keyRun, run *keyRun) {
	at := slices.Index(k.runs, old[0])
	k.runs = slices.Replace(k.runs, at, at+len(old), run)
}

// whole is everything of the run.
func (r *keyRun) whole() RunPart { return RunPart{Run: r.id, To: r.chunks()} }

// mergeAll merges until the runs are as they should be, and nothing is left of those that were. A running server never
// waits for that; what compares derived rows does (E5).
func (s *shard) mergeAll() error {
	s.merger.failed = nil
	for {
		if more, err := s.mergeSome(mergeChunksMax); err != nil || !more {
			return cmp.Or(err, s.merger.failed)
		}
	}
}

// mergeReplayed merges, in a long replay, what a running server would have while so many windows filled.
func (s *shard) mergeReplayed(windows int) error {
	for left := s.mergePace(windows * int(s.windows)); left > 0; left -= mergeChunksMax {
		if more, err := s.mergeSome(mergeChunksMax); err != nil || !more {
			return err
		}
	}
	return nil
}

// mergeSome makes the next rows and writes them in a commit of their own. It reports false when there are none.
func (s *shard) mergeSome(chunks int) (bool, error) {
	s.merger.pace = chunks
	s.makeRows()
	s.awaitMerge()
	if !s.mergePending() {
		return false, nil
	}
	c := Commit{Shard: s.id}
	s.addMerge(&c, chunks)
	if err := s.commitNow(&c); err != nil {
		return false, err
	}
	s.written(&c)
	return true, nil
}

// resetMerger forgets all merging.
func (s *shard) resetMerger() {
	if s.merger.making != nil {
		<-s.merger.making
	}
	s.merger = merger{}
}
