package engine

import "context"

// flight is a commit on its way to the disk. While it is under way the writer decides the next operations: they build on
// its outcome, so they take off only when it has landed well, and are abandoned with it when it has not (E3). Nobody is
// answered, and no reader sees anything, before the landing (E1).
type flight struct {
	works  []*work
	lock   *Lock // on a shared journal
	commit Commit
	shows  []shown
	err    error
	done   chan struct{} // closed when err is known
}

// shown is what readers are to see of a pool after a landing.
type shown struct {
	owner    *owner
	snapshot *Snapshot
}

// takeOff sends what has been decided, and a piece of a window, to the disk. No other flight may be under way.
func (s *shard) takeOff() {
	f := &flight{works: s.decided, lock: s.lock, commit: Commit{Shard: s.id, Blocks: s.blocks.take()}, done: make(chan struct{})}
	s.decided, s.decidedOps, s.lock = nil, 0, nil
	entries := 0
	for i := range f.commit.Blocks {
		entries += f.commit.Blocks[i].Entries
	}
	if !s.failing && s.keeps() {
		s.addPiece(&f.commit, s.pieceRows(entries))
		s.addMerge(&f.commit, s.mergeChunks(entries))
	}
	f.shows = s.snapshots()
	s.flying = f
	if f.commit.empty() {
		if f.lock != nil {
			f.lock.Release()
		}
		close(f.done)
		s.land()
		return
	}
	go func() {
		f.err = s.send(f.lock, &f.commit)
		close(f.done)
		s.queue.nudge()
	}()
}

// send commits, under the lock if there is one.
func (s *shard) send(lock *Lock, c *Commit) error {
	if lock != nil {
		return lock.Commit(context.Background(), c)
	}
	return s.journal.Commit(context.Background(), c)
}

// commitNow commits in a moment when nothing is under way. A lock that is held is held again afterwards; others may have
// appended in between.
func (s *shard) commitNow(c *Commit) error {
	lock := s.lock
	s.lock = nil
	err := s.send(lock, c)
	if err != nil || lock == nil {
		return err
	}
	return s.acquire(context.Background())
}

func (c *Commit) empty() bool {
	return len(c.Blocks)+len(c.Owners)+len(c.Chunks)+len(c.Runs)+len(c.Stale) == 0
}

// land waits for the commit under way, shows what it made durable, and answers.
func (s *shard) land() {
	f := s.flying
	<-f.done
	s.flying = nil
	if f.err != nil {
		s.abandon(append(f.works, s.decided...), f.err)
		return
	}
	if !f.commit.empty() {
		s.failing = false
	}
	s.written(&f.commit)
	for _, x := range f.shows {
		s.show(x.owner, x.snapshot)
	}
	if n := len(f.commit.Blocks); n > 0 {
		s.visible.Store(uint64(f.commit.Blocks[n-1].Next()))
		s.blocks.reuse(f.commit.Blocks)
		s.signal()
	}
	for _, w := range f.works {
		close(w.done)
	}
}

// landed tells whether the commit under way, if there is one, has reached its end.
func (s *shard) landed() bool {
	if s.flying == nil {
		return true
	}
	select {
	case <-s.flying.done:
		return true
	default:
		return false
	}
}

// advance brings what has been decided nearer to the disk, as far as that goes without waiting.
func (s *shard) advance() {
	if !s.landed() {
		return
	}
	if s.flying != nil {
		s.land()
	}
	s.evict() // nothing is between memory and the tables now
	if len(s.decided) == 0 && s.pending() {
		if err := s.ready(context.Background()); err != nil {
			s.failing = true // until an operation succeeds
			s.log.Error("derived rows cannot be written", "shard", s.id, "error", err)
			return
		}
	}
	if len(s.decided) > 0 || s.lock != nil || s.pending() {
		s.takeOff()
	}
}

// drain waits until everything that was decided is durable, or abandoned.
func (s *shard) drain() {
	for s.flying != nil || len(s.decided) > 0 {
		if s.flying == nil {
			s.takeOff()
		}
		if s.flying != nil {
			s.land()
		}
	}
}

// settled waits until the tables hold what the commit under way writes, for an operation that must read them.
func (s *shard) settled() error {
	if s.flying == nil {
		return nil
	}
	<-s.flying.done
	return unreadable(s.flying.err)
}
