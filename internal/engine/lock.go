package engine

import (
	"context"
	"fmt"
)

// Lock is the sole right to append to a shard of a journal that several processes share, with what its holder must know
// before it decides anything. It ends with Commit or Release. The database takes it from a holder that does nothing for some
// seconds; Commit then fails.
type Lock struct {
	Checkpoint Checkpoint
	Runs       []RunRow // as Journal.Runs
	Blocks     []Block  // from the position asked for on, at most LockBlocksMax
	// Keeper tells that this process is the one that writes derived rows of the shard, as one of them does at a time. It is
	// a matter of who works, not of what is right: the rows are the same whoever writes them.
	Keeper bool
	// NewKeeper tells that it was another process, or none, that wrote them last.
	NewKeeper bool
	LockHolder
}

// LockHolder ends a Lock.
type LockHolder interface {
	// Commit is Journal.Commit under the lock.
	Commit(ctx context.Context, c *Commit) error
	Release()
}

// LockBlocksMax is how many blocks come with a lock, some megabytes. Who is further behind reads on without it.
const LockBlocksMax = 64

// ready makes memory fit to decide on: loaded, and on a shared journal locked and true to the head. Nothing may be under
// way. When it fails nothing has been decided; the lock is not held then.
//
// What takes long is done without the lock: others would wait meanwhile, and the database would take it away.
func (s *shard) ready(ctx context.Context) error {
	if s.lock != nil {
		return nil
	}
	if err := s.reload(ctx); err != nil || !s.shared {
		return err
	}
	for range approachesMax {
		if err := s.acquire(ctx); err != nil {
			return err
		}
		near, err := s.follow(ctx)
		if err == nil && near {
			return nil
		}
		s.release()
		if err == nil {
			err = s.approach(ctx)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("follow shard %d: others are faster", s.id)
}

// approachesMax is how often a writer that is behind reads on before it gives up. Each time there is less to read.
const approachesMax = 5

// approach brings memory near to the head, without the lock.
func (s *shard) approach(ctx context.Context) error {
	if !s.loaded.Load() {
		return s.reload(ctx)
	}
	return s.catchUpUnlocked(ctx)
}

// acquire takes the lock. Memory is not looked at.
func (s *shard) acquire(ctx context.Context) (err error) {
	next := s.blocks.next
	if !s.loaded.Load() {
		next = NewPosition(s.id, 1<<ordinalBits-1) // loading reads for itself
	}
	s.lock, err = s.journal.Lock(ctx, s.id, next)
	return err
}

// release gives the lock up, if it is held.
func (s *shard) release() {
	if s.lock != nil {
		s.lock.Release()
		s.lock = nil
	}
}

// follow folds what other processes have appended, with the lock held. It reports false when there is too much of it. Memory
// that is far behind must be loaded again, and so must memory whose derived rows were deleted: the keys of windows that it no
// longer holds went with them (E2).
func (s *shard) follow(ctx context.Context) (near bool, err error) {
	lock, written := s.lock, s.window-uint32(len(s.flushes))
	if lock.Checkpoint.Windows > s.window || lock.Checkpoint.Windows < written {
		s.loaded.Store(false)
		return false, nil
	}
	if len(lock.Blocks) == LockBlocksMax {
		return false, nil
	}
	return true, s.trusted(func() error {
		for i := range lock.Blocks {
			if err := s.replayBlock(ctx, &lock.Blocks[i], s.blocks.next); err != nil {
				return err
			}
		}
		if err := s.adopt(ctx, lock.Checkpoint.Windows, lock.Runs); err != nil {
			return err
		}
		s.keep(lock)
		s.showChanged()
		return nil
	})
}

// trusted runs what folds entries: if it fails half way, memory is not to be trusted.
func (s *shard) trusted(fold func() error) error {
	err := s.guard(fold)
	if err != nil {
		s.loaded.Store(false)
		return fmt.Errorf("follow shard %d: %w", s.id, err)
	}
	return nil
}

// catchUp folds what other processes have appended, for a read. It takes no lock unless memory is far behind, or holds full
// windows that another process may have written meanwhile.
func (s *shard) catchUp(ctx context.Context) error {
	if err := s.reload(ctx); err != nil || !s.shared {
		return err
	}
	head, err := s.journal.Head(ctx, s.id)
	if err != nil || head <= s.blocks.next {
		return err
	}
	if len(s.flushes) < windowsKept && s.windows.of(head-1) <= s.window+1 {
		return s.catchUpUnlocked(ctx)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.release()
	return nil
}

// windowsKept is how many full windows memory holds before a reader asks whether somebody has written them.
const windowsKept = 2

func (s *shard) catchUpUnlocked(ctx context.Context) error {
	return s.trusted(func() error {
		err := s.journal.Blocks(ctx, s.blocks.next, func(b *Block) error { return s.replayBlock(ctx, b, s.blocks.next) })
		s.showChanged()
		return err
	})
}

// findRead looks for a key for a read. The runs that memory knows may have been merged by another process, and be deleted;
// the lock tells which there are, and keeps them.
func (s *shard) findRead(ctx context.Context, key KeyHash) (Position, bool, error) {
	at, ok, err := s.keys.find(ctx, s.journal, s.id, key)
	if err == nil || !s.shared {
		return at, ok, err
	}
	if err := s.ready(ctx); err != nil {
		return 0, false, unreadable(err)
	}
	defer s.release()
	return s.keys.find(ctx, s.journal, s.id, key)
}

// showChanged shows readers what was folded, which is durable.
func (s *shard) showChanged() {
	for _, x := range s.snapshots() {
		s.show(x.owner, x.snapshot)
	}
	s.visible.Store(uint64(s.blocks.next))
}

// confirm returns once everything that was durable at its call is visible in memory (E6). On a journal of our own it
// always is.
func (s *shard) confirm(ctx context.Context) error {
	if !s.shared {
		return nil
	}
	return s.confirmations.Do(ctx, func() error {
		ctx := context.Background()
		head, err := s.journal.Head(ctx, s.id)
		if err != nil {
			return unreadable(err)
		}
		if s.loaded.Load() && uint64(head) <= s.visible.Load() {
			return nil
		}
		return s.read(ctx, func() error { return nil }) // the writer catches up before it reads
	})
}
