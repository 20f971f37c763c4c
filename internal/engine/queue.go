package engine

import "sync"

// Limits of one shard's queue.
const (
	// queueOpsMax bounds what may wait: beyond it callers are told to come back. At 100,000 operations a second it is
	// a wait of under a second. A single request may be larger, when nothing else waits.
	queueOpsMax = 64_000
	// batchOpsMax bounds one commit, and so how long the first operation of a batch waits for the last: about 30 ms.
	batchOpsMax = 8_000
	// readOps is how many operations a read counts for: it asks the database a few times.
	readOps = 16
)

// cost is what a request counts for in the limits.
func (w *work) cost() int {
	if w.read != nil {
		return readOps
	}
	return len(w.ops)
}

// queue is where requests wait for the writer. The writer takes whatever has come while the last commit was under
// way: batches grow with load and no timer is involved.
type queue struct {
	mu     sync.Mutex
	wake   *sync.Cond
	items  []*work
	ops    int
	nudged bool
	closed bool
}

// put adds a request, or reports that the queue is full or closed.
func (q *queue) put(w *work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrUnavailable
	case q.ops > 0 && q.ops+w.cost() > queueOpsMax:
		return ErrOverloaded
	}
	q.items = append(q.items, w)
	q.ops += w.cost()
	q.wake.Signal()
	return nil
}

// take returns the next batch, of about opsMax operations at the most. With wait it blocks until there is one; without, or
// after a nudge, an empty batch means that the writer has something else to do. It reports false when the queue is closed and nothing is left.
func (q *queue) take(wait bool, opsMax int) ([]*work, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed && !q.nudged && wait {
		q.wake.Wait()
	}
	q.nudged = false
	n, ops := 0, 0
	for n < len(q.items) && (n == 0 && opsMax > 0 || ops+q.items[n].cost() <= opsMax) {
		ops += q.items[n].cost()
		n++
	}
	batch := q.items[:n:n]
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil // what was answered must not stay in memory for the list's sake
	}
	q.ops -= ops
	return batch, n > 0 || !q.closed
}

// nudge wakes the writer although nobody waits for an answer: there is something to write.
func (q *queue) nudge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nudged = true
	q.wake.Signal()
}

// close lets the writer finish what waits and refuses everything after.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Broadcast()
}
