package engine

import (
	"context"
	"slices"
)

// keeps tells whether this process writes the shard's derived rows.
func (s *shard) keeps() bool { return !s.shared || s.keeper }

// keep takes note of whose work the derived rows are. A process that takes over begins the merging anew, with what the
// other one left behind to be deleted; also one that takes back what another has done for a while.
func (s *shard) keep(lock *Lock) {
	if s.keeper == lock.Keeper && !lock.NewKeeper {
		return
	}
	s.keeper = lock.Keeper
	s.resetMerger()
	if s.keeper {
		_, stale, _ := currentRuns(lock.Runs, lock.Checkpoint.Windows) // adopt has judged them
		s.leaveBehind(stale)
		s.makeRows()
	}
}

// adopt takes note of what another process has written of derived rows.
func (s *shard) adopt(ctx context.Context, windows uint32, rows []RunRow) error {
	for len(s.flushes) > 0 && s.flushes[0].window < windows {
		f := s.flushes[0]
		f.wait()
		for _, fo := range f.owners {
			s.adoptOwner(fo.owner, f.window)
		}
		s.keys.closing = slices.Delete(s.keys.closing, 0, 1)
		s.flushes = slices.Delete(s.flushes, 0, 1)
		s.evictAbove = s.ownersMax
	}
	return s.adoptRuns(ctx, windows, rows)
}

// adoptOwner forgets what waited to be written of an owner for the sake of a window.
func (s *shard) adoptOwner(o *owner, window uint32) {
	o.flushes--
	o.stored = true
	o.closing = slices.DeleteFunc(o.closing, func(p closedPage) bool { return p.window == window })
	last := s.windows.start(s.id, window+1)
	for id, g := range o.fresh {
		if g.at <= last {
			delete(o.fresh, id)
			delete(s.freshGrants, id)
		}
	}
	s.saved(o)
}

// adoptRuns makes the key index that of the runs in the tables. Filters in memory are used again.
func (s *shard) adoptRuns(ctx context.Context, windows uint32, rows []RunRow) error {
	current, _, err := currentRuns(rows, windows)
	if err != nil {
		return err
	}
	if slices.EqualFunc(current, s.keys.runs, func(row RunRow, run *keyRun) bool { return row.Run == run.id }) {
		return nil
	}
	runs := make([]*keyRun, len(current))
	for i, row := range current {
		if at := slices.IndexFunc(s.keys.runs, func(r *keyRun) bool { return r.id == row.Run }); at >= 0 {
			runs[i] = s.keys.runs[at]
			continue
		}
		if runs[i], err = s.loadRun(ctx, row); err != nil {
			return err
		}
	}
	s.keys.runs = runs
	return nil
}
