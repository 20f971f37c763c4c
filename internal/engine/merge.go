package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// merge makes one run of several that follow each other. It reads them a few chunks at a time, all from their lowest key
// to their highest, so it needs little memory besides the filter of the new run.
type merge struct {
	inputs []*keyRun    // oldest first
	heads  []*runReader // nil before the first step; those that have come to their end are left out
	last   KeyHash
	writer *runWriter
}

// startMerge begins the merge of neighbouring runs into one.
func startMerge(id RunID, inputs []*keyRun) *merge {
	keys := 0
	for _, run := range inputs {
		keys += run.keys
	}
	return &merge{inputs: slices.Clone(inputs), writer: newRunWriter(newKeyRun(id, keys))}
}

// id is the run that is being made.
func (m *merge) id() RunID { return m.writer.rows.run.id }

// step makes the next rows of the run, of so many chunks or a few more.
func (m *merge) step(ctx context.Context, j Journal, shard uint16, chunks int) (*runRows, error) {
	if m.heads == nil {
		if err := m.open(ctx, j, shard); err != nil {
			return nil, err
		}
	}
	for until := m.writer.next + chunks; m.writer.next < until; {
		if len(m.heads) == 0 {
			return m.finish()
		}
		at := m.lowest()
		head := m.heads[at]
		if err := m.add(head); err != nil {
			return nil, err
		}
		more, err := head.advance(ctx, j, shard)
		if err != nil {
			return nil, err
		}
		if !more {
			m.heads = slices.Delete(m.heads, at, at+1)
		}
	}
	return m.writer.take(), nil
}

// open reads the beginnings of all runs.
func (m *merge) open(ctx context.Context, j Journal, shard uint16) error {
	m.heads = make([]*runReader, 0, len(m.inputs))
	for _, run := range m.inputs {
		r := &runReader{run: run}
		more, err := r.fill(ctx, j, shard)
		if err != nil {
			return err
		}
		if more {
			m.heads = append(m.heads, r)
		}
	}
	return nil
}

// lowest returns the reader that stands at the lowest key.
func (m *merge) lowest() int {
	lowest := 0
	for i := 1; i < len(m.heads); i++ {
		if m.heads[i].before(m.heads[lowest]) {
			lowest = i
		}
	}
	return lowest
}

// add appends the record at which a reader stands.
func (m *merge) add(r *runReader) error {
	record := r.rest[:keyRecordBytes]
	if bytes.Compare(record[:len(m.last)], m.last[:]) < 0 {
		return fmt.Errorf("the keys of run %x are not in order: %w", r.run.id, errCorrupt)
	}
	copy(m.last[:], record)
	m.writer.add(record)
	return nil
}

// finish completes the run. A key that got lost on the way could act twice (E2), so they are counted.
func (m *merge) finish() (*runRows, error) {
	if m.writer.added != m.writer.rows.run.keys {
		return nil, fmt.Errorf("the runs of %x hold %d keys, not %d: %w", m.id(), m.writer.added, m.writer.rows.run.keys, errCorrupt)
	}
	m.writer.finish()
	return m.writer.take(), nil
}

// readChunks is how many chunks of a run are read at once, 100 KB.
const readChunks = 8

// runReader reads the records of a run in order.
type runReader struct {
	run    *keyRun
	next   int // the chunk to be loaded next
	loaded []KeyChunkRow
	rest   []byte // of the chunk being read
	prefix uint64 // the first half of the key at its beginning
}

// advance goes to the next record; false when there is none.
func (r *runReader) advance(ctx context.Context, j Journal, shard uint16) (bool, error) {
	if r.rest = r.rest[keyRecordBytes:]; len(r.rest) > 0 {
		r.prefix = binary.BigEndian.Uint64(r.rest)
		return true, nil
	}
	return r.fill(ctx, j, shard)
}

// fill goes on with the next chunk that is not empty; false when there is none.
func (r *runReader) fill(ctx context.Context, j Journal, shard uint16) (bool, error) {
	for ; len(r.rest) == 0; r.next++ {
		if r.next == r.run.chunks() {
			return false, nil
		}
		if len(r.loaded) == 0 {
			var err error
			if r.loaded, err = j.KeyChunks(ctx, shard, r.run.id, r.next, readChunks); err != nil {
				return false, err
			}
		}
		if len(r.loaded) == 0 || r.loaded[0].Chunk != r.next || len(r.loaded[0].Data)%keyRecordBytes != 0 {
			return false, fmt.Errorf("chunk %d of key run %x is missing or damaged: %w", r.next, r.run.id, errCorrupt)
		}
		r.rest, r.loaded = r.loaded[0].Data, r.loaded[1:]
	}
	r.prefix = binary.BigEndian.Uint64(r.rest)
	return true, nil
}

func (r *runReader) before(o *runReader) bool {
	if r.prefix != o.prefix {
		return r.prefix < o.prefix
	}
	return bytes.Compare(r.rest[:keyRecordBytes], o.rest[:keyRecordBytes]) < 0
}

// mergeWays is how many runs are merged at the least, when there are so many. With two, a key would be written again each
// time the number of windows doubles; with all that are to become one, all would be there to ask while a long merge lasts.
const mergeWays = 4

// nextMerge returns the run to be made next of neighbouring runs, oldest first, or false when they are as they should
// be: one run for each binary digit of the number of windows, a function of that number alone (E5). A run for which
// busy is true is still being made.
func nextMerge(runs []RunID, busy func(RunID) bool) (RunID, bool) {
	for len(runs) > 0 {
		end := runs[len(runs)-1].end()
		first := end & (end - 1) // without its lowest digit
		begin := slices.IndexFunc(runs, func(r RunID) bool { return r.first() >= first })
		if id, ok := mergeWithin(runs[begin:], busy); ok {
			return id, true
		}
		runs = runs[:begin]
	}
	return 0, false
}

// mergeWithin returns the smallest run worth making of the newest of some runs that are to become one.
func mergeWithin(runs []RunID, busy func(RunID) bool) (RunID, bool) {
	end := runs[len(runs)-1].end()
	for i := len(runs) - 1; i >= 0 && !busy(runs[i]); i-- {
		id, ok := runBetween(runs[i].first(), end)
		if ways := len(runs) - i; ok && ways > 1 && (i == 0 || ways >= mergeWays) {
			return id, true
		}
	}
	return 0, false
}
