package engine

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// load makes the shard's state from its last checkpoint and the journal after it. It forgets what memory held.
func (s *shard) load(ctx context.Context) error {
	s.loaded.Store(false)
	if err := s.guard(func() error { return s.replayTail(ctx) }); err != nil {
		return fmt.Errorf("load shard %d: %w", s.id, err)
	}
	s.showChanged()
	s.loaded.Store(true)
	if s.keeps() {
		s.makeRows()
	}
	return nil
}

// open loads the shard for the first time.
func (s *shard) open(ctx context.Context) error {
	s.reset()
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.release()
	return nil
}

func (s *shard) replayTail(ctx context.Context) error {
	s.reset()
	cp, err := s.loadBase(ctx)
	if err != nil {
		return err
	}
	s.window, s.nextOwner, s.nextGrant = cp.Windows, cp.Owners, cp.Grants
	from := s.windows.start(s.id, cp.Windows) + 1
	head, err := s.journal.Head(ctx, s.id)
	if err != nil {
		return err
	}
	if head < from {
		return fmt.Errorf("the journal ends at entry %d, before its checkpoint: %w", head.Ordinal()-1, errCorrupt)
	}
	s.blocks.next = from
	return s.journal.Blocks(ctx, from, func(b *Block) error { return s.replayBlock(ctx, b, from) })
}

// loadBase loads what the replay of the tail starts from: the last checkpoint and its key runs. On a shared journal the lock
// holds them still, and tells whose work the derived rows are; the replay, which may take long, comes after it.
func (s *shard) loadBase(ctx context.Context) (Checkpoint, error) {
	if s.shared {
		if err := s.acquire(ctx); err != nil {
			return Checkpoint{}, err
		}
		defer s.release()
		s.keeper = s.lock.Keeper
		return s.lock.Checkpoint, s.loadRuns(ctx, s.lock.Checkpoint.Windows, s.lock.Runs)
	}
	cp, err := s.journal.Checkpoint(ctx, s.id)
	if err != nil {
		return cp, err
	}
	rows, err := s.journal.Runs(ctx, s.id)
	if err != nil {
		return cp, err
	}
	return cp, s.loadRuns(ctx, cp.Windows, rows)
}

func (s *shard) reset() {
	s.ownersMu.Lock()
	s.customers, s.pools = map[customerID]*owner{}, 0
	s.ownersMu.Unlock()
	s.keys = newKeyIndex()
	s.resetMerger()
	s.blocks = blockWriter{}
	s.dirty, s.flushes, s.changed, s.evictAbove = nil, nil, nil, s.ownersMax
	s.flights++
	s.decided, s.decidedOps = nil, 0
	s.now = map[string]ledger.Time{}
	s.dues.reset()
	s.unsaved = map[ledger.Key][]ledger.Key{}
	s.freshGrants = map[ledger.GrantID]ledger.Key{}
}

func (s *shard) replayBlock(ctx context.Context, b *Block, from Position) error {
	if b.Next() <= from {
		return nil
	}
	err := b.each(func(at Position, raw rawEntry) error {
		if at < from {
			return nil
		}
		if at != s.blocks.next {
			return fmt.Errorf("entry %d follows %d: %w", at.Ordinal(), s.blocks.next.Ordinal(), errCorrupt)
		}
		e, err := decodeEntry(raw, at)
		if err != nil {
			return err
		}
		return s.replay(ctx, e)
	})
	if err != nil || len(s.flushes) < 2 || s.loaded.Load() || !s.keeps() {
		return err
	}
	return s.writeReplayed(ctx)
}

// writeReplayed writes windows in the middle of a load: a long replay must not keep every window in memory.
func (s *shard) writeReplayed(ctx context.Context) error {
	if s.shared {
		if err := s.acquire(ctx); err != nil {
			return err
		}
		defer s.release()
		if !s.lock.Keeper || s.lock.NewKeeper { // another process has begun to write them
			s.keeper = false
			return nil
		}
	}
	full := len(s.flushes)
	if err := s.writeWindows(); err != nil {
		return err
	}
	if err := s.mergeReplayed(full); err != nil {
		return err
	}
	s.evict()
	return nil
}

// replay folds one entry into memory, leaving out owners whose checkpoint already has it.
func (s *shard) replay(ctx context.Context, e *Entry) error {
	customer, err := s.customer(ctx, e.Environment, e.Customer)
	if err != nil {
		return err
	}
	if _, err := s.closedUntil(ctx, e.Environment); err != nil { // the next operation will ask; now nobody waits
		return err
	}
	pools := make([]openPool, len(e.Pools))
	for i := range e.Pools {
		o, err := s.pool(ctx, customer, PoolRef{Currency: e.Pools[i].Currency, Resource: e.Pools[i].Resource})
		if err != nil {
			return err
		}
		pools[i] = openPool{owner: o, ahead: o.asOf >= e.Position, tx: ledger.Tx{Facts: e.Pools[i].Facts}}
		s.fold(&pools[i])
	}
	replayMeters(e, customer)
	s.index(ctx, e, customer, pools, KeyHash{})
	s.blocks.next++
	return nil
}

func (s *shard) fold(p *openPool) {
	for i := range p.tx.Facts {
		f := &p.tx.Facts[i]
		if f.Kind == ledger.FactGrant {
			s.nextGrant = max(s.nextGrant, Position(f.Grant.ID).Ordinal())
		}
		if p.ahead {
			continue
		}
		if g := p.owner.pool.Apply(f); g != nil && isFinal(g) {
			p.tx.Ended = append(p.tx.Ended, *g) // the last state of a grant wins
		}
	}
}

func replayMeters(e *Entry, customer *owner) {
	if e.Event == nil || customer.asOf >= e.Position {
		return
	}
	for i := range e.Event.Charges {
		if c := &e.Event.Charges[i]; c.Meter != nil {
			customer.self.meters.advance(c, e.At)
		}
	}
}

// snapshots are what readers are to see of the pools that changed since the last time, taken now.
func (s *shard) snapshots() []shown {
	s.flights++
	shows := make([]shown, 0, len(s.changed))
	for _, o := range s.changed {
		if o.pool != nil {
			shows = append(shows, shown{owner: o, snapshot: snapshotOf(o.pool)})
		}
	}
	clear(s.changed)
	s.changed = s.changed[:0]
	return shows
}

// show replaces what readers see of a pool, and remembers when something will be due in it.
func (s *shard) show(o *owner, now *Snapshot) {
	before := o.view.Swap(now)
	if before == nil || before.NextDue != now.NextDue {
		s.dues.set(o, now.NextDue)
	}
}
