package engine

import (
	"cmp"
	"context"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// QueueOpsMax is the most that waits in a shard's queue.
const QueueOpsMax = queueOpsMax

// WaitQueued waits until so many requests are in the queue of the first shard.
func WaitQueued(e *Engine, n int) {
	q := &e.shards[0].queue
	for {
		q.mu.Lock()
		queued := len(q.items)
		q.mu.Unlock()
		if queued >= n {
			return
		}
		runtime.Gosched()
	}
}

// Shown is what memory shows of a pool, or nil.
func Shown(e *Engine, key ledger.Key) *View {
	return e.shardOf(key.Environment, key.Customer).viewOf(key)
}

// FullWindows tells how many full windows of the first shard wait in memory, between two commits.
func FullWindows(ctx context.Context, e *Engine) (n int, err error) {
	s := e.shards[0]
	err = s.read(ctx, func() error {
		n = len(s.flushes)
		return nil
	})
	return n, err
}

// Remembered tells how many pools and customers of the first shard are in memory, and how many pools are due some time.
func Remembered(e *Engine) (owners, due int) {
	s := e.shards[0]
	s.ownersMu.RLock()
	defer s.ownersMu.RUnlock()
	s.dues.mu.Lock()
	defer s.dues.mu.Unlock()
	for _, c := range s.customers {
		owners += 1 + len(c.self.pools)
	}
	for _, h := range s.dues.heaps {
		due += len(h.items)
	}
	return owners, due
}

// EachEntry visits the entries of a block.
func EachEntry(b *Block, visit func(*Entry)) error {
	return b.each(func(at Position, raw rawEntry) error {
		e, err := decodeEntry(raw, at)
		if err == nil {
			visit(e)
		}
		return err
	})
}

// KeyRuns is a key index of so many windows full of random keys, in a journal, with a run for each window.
type KeyRuns struct{ shard *shard }

// MakeKeyRuns writes the runs.
func MakeKeyRuns(ctx context.Context, j Journal, count int) (*KeyRuns, error) {
	s := &shard{journal: j, keys: newKeyIndex()}
	s.queue.wake = sync.NewCond(&s.queue.mu)
	for w := range uint32(count) {
		keys := map[KeyHash]Position{}
		for i, k := range randomKeys(uint64(w), int(WindowEntriesDefault)) {
			keys[k] = Position(i)
		}
		rows := sortedRun(newRunID(0, w), keys)
		c := Commit{Chunks: rows.chunks, Filters: rows.filters, Runs: []RunRow{rows.row()}}
		if err := j.Commit(ctx, &c); err != nil {
			return nil, err
		}
		s.keys.runs = append(s.keys.runs, rows.run)
	}
	return &KeyRuns{s}, nil
}

// Keys is how many there are.
func (r *KeyRuns) Keys() int { return len(r.shard.keys.runs) * int(WindowEntriesDefault) }

// Merge merges them, with so many chunks in a commit.
func (r *KeyRuns) Merge(chunks int) error {
	for {
		if more, err := r.shard.mergeSome(chunks); err != nil || !more {
			return cmp.Or(err, r.shard.merger.failed)
		}
	}
}

// ReadChunk reads a chunk as a lookup does that a filter lets pass.
func (r *KeyRuns) ReadChunk(ctx context.Context, random *rand.Rand) error {
	run := r.shard.keys.runs[random.IntN(len(r.shard.keys.runs))]
	_, err := r.shard.journal.KeyChunk(ctx, 0, run.id, random.IntN(run.chunks()))
	return err
}
