package engine

import "runtime"

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
