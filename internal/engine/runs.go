package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// loadRuns loads the key runs of the complete windows. A missing one would let its keys act twice (E2). What is
// left of merges, or of the runs they were made of, is to be deleted.
func (s *shard) loadRuns(ctx context.Context, windows uint32, rows []RunRow) error {
	_, stale, err := currentRuns(rows, windows)
	if err != nil {
		return err
	}
	s.leaveBehind(stale)
	return s.adoptRuns(ctx, windows, rows)
}

// currentRuns are the runs that hold the keys of the complete windows, in order, and those that are of no use.
func currentRuns(rows []RunRow, windows uint32) (current, stale []RunRow, err error) {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b RunRow) int {
		return cmp.Or(cmp.Compare(a.Run.first(), b.Run.first()), cmp.Compare(b.Run.end(), a.Run.end()))
	})
	complete := uint32(0)
	for _, row := range rows {
		switch id := row.Run; {
		case !row.Complete || id.valid() && id.end() <= complete:
			stale = append(stale, row)
		case !id.valid() || id.first() != complete || id.end() > windows:
			return nil, nil, fmt.Errorf("key run %x does not follow window %d: %w", id, complete, errCorrupt)
		default:
			current = append(current, row)
			complete = id.end()
		}
	}
	if complete != windows {
		return nil, nil, fmt.Errorf("the keys of window %d are missing: %w", complete, errCorrupt)
	}
	return current, stale, nil
}

// leaveBehind marks runs to be deleted.
func (s *shard) leaveBehind(stale []RunRow) {
	for _, row := range stale {
		s.merger.stale = append(s.merger.stale, (&keyRun{id: row.Run, keys: row.Keys}).whole())
	}
}

// loadRun loads the filter of a run.
func (s *shard) loadRun(ctx context.Context, row RunRow) (*keyRun, error) {
	run := newKeyRun(row.Run, row.Keys)
	next := 0
	err := s.journal.KeyFilters(ctx, s.id, row.Run, func(f KeyFilterRow) error {
		end := min(next+filterChunks, run.chunks())
		if f.Chunk != next || next == end || len(f.Bits) != (end-next)*run.filter.chunkBytes {
			return fmt.Errorf("the filter of key run %x is damaged at chunk %d: %w", row.Run, next, errCorrupt)
		}
		copy(run.filter.of(next, end), f.Bits)
		next = end
		return nil
	})
	if err == nil && next != run.chunks() {
		err = fmt.Errorf("the filter of key run %x ends at chunk %d: %w", row.Run, next, errCorrupt)
	}
	return run, err
}
