package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// loadRuns loads the key runs of the complete windows. A missing one would let its keys act twice (E2). What is
// left of merges, or of the runs they were made of, is to be deleted.
func (s *shard) loadRuns(ctx context.Context, windows uint32) error {
	rows, err := s.journal.Runs(ctx, s.id)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b RunRow) int {
		return cmp.Or(cmp.Compare(a.Run.first(), b.Run.first()), cmp.Compare(b.Run.end(), a.Run.end()))
	})
	complete := uint32(0)
	for _, row := range rows {
		switch id := row.Run; {
		case !row.Complete || id.valid() && id.end() <= complete:
			s.merger.stale = append(s.merger.stale, (&keyRun{id: id, keys: row.Keys}).whole())
			continue
		case !id.valid() || id.first() != complete || id.end() > windows:
			return fmt.Errorf("key run %x does not follow window %d: %w", id, complete, errCorrupt)
		}
		run, err := s.loadRun(ctx, row)
		if err != nil {
			return err
		}
		s.keys.runs = append(s.keys.runs, run)
		complete = row.Run.end()
	}
	if complete != windows {
		return fmt.Errorf("the keys of window %d are missing: %w", complete, errCorrupt)
	}
	return nil
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
