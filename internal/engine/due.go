package engine

import (
	"container/heap"
	"sync"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// dueQueue knows which pools in memory have something due, and when, by environment: their clocks differ. A pool stands
// in it once, until nothing is due in it or it leaves memory; looking takes nothing out, so a sweep that fails is simply
// repeated. The writer changes it, sweeps look at it.
type dueQueue struct {
	mu    sync.Mutex
	heaps map[string]*dueHeap
	// swept is the instant up to which nothing is due, by environment, in the pools that are not in memory.
	swept map[string]ledger.Time
	left  uint64 // counts the pools that left memory
}

type dueItem struct {
	at    ledger.Time
	owner *owner
}

// set says when something will be due in a pool, or that nothing will with ledger.Never.
func (q *dueQueue) set(o *owner, at ledger.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.heaps[o.pool.Key().Environment]
	switch {
	case at == ledger.Never:
		if o.due > 0 {
			heap.Remove(h, o.due-1)
		}
	case o.due > 0:
		h.items[o.due-1].at = at
		heap.Fix(h, o.due-1)
	default:
		if h == nil {
			h = &dueHeap{}
			q.heaps[o.pool.Key().Environment] = h
		}
		heap.Push(h, dueItem{at: at, owner: o})
	}
}

// forget removes a pool that leaves memory.
func (q *dueQueue) forget(o *owner) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left++
	if o.due == 0 {
		return
	}
	environment := o.pool.Key().Environment
	item := heap.Remove(q.heaps[environment], o.due-1).(dueItem)
	q.swept[environment] = min(q.swept[environment], item.at-1)
}

// list names up to n pools of an environment in which something is due, but none to be skipped.
func (q *dueQueue) list(environment string, now ledger.Time, n int, skip map[ledger.Key]bool) []ledger.Key {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.heaps[environment]
	if h == nil {
		return nil
	}
	var due []ledger.Key
	var visit func(int)
	visit = func(i int) { // what is due is the top of the heap
		if i >= len(h.items) || h.items[i].at > now || len(due) == n {
			return
		}
		if key := h.items[i].owner.key(); !skip[key] {
			due = append(due, key)
		}
		visit(2*i + 1)
		visit(2*i + 2)
	}
	visit(0)
	return due
}

// first is the earliest instant at which something is due in a pool in memory, ledger.Never when nothing is.
func (q *dueQueue) first(environment string) ledger.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if h := q.heaps[environment]; h != nil && len(h.items) > 0 {
		return h.items[0].at
	}
	return ledger.Never
}

// sweptUntil is up to when nothing is due in the pools that are not in memory. The second result goes to sweep.
func (q *dueQueue) sweptUntil(environment string) (ledger.Time, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.swept[environment], q.left
}

// sweep notes that until now nothing is due in the pools that are not in memory, unless one left it meanwhile.
func (q *dueQueue) sweep(environment string, now ledger.Time, left uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left == left {
		q.swept[environment] = max(q.swept[environment], now)
	}
}

// reset forgets everything.
func (q *dueQueue) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left++
	q.heaps, q.swept = map[string]*dueHeap{}, map[string]ledger.Time{}
}

// dueHeap has the earliest on top. Owners know where they stand in it, counted from 1.
type dueHeap struct{ items []dueItem }

func (h *dueHeap) Len() int           { return len(h.items) }
func (h *dueHeap) Less(i, j int) bool { return h.items[i].at < h.items[j].at }

func (h *dueHeap) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].owner.due, h.items[j].owner.due = i+1, j+1
}

func (h *dueHeap) Push(item any) {
	h.items = append(h.items, item.(dueItem))
	h.items[len(h.items)-1].owner.due = len(h.items)
}

func (h *dueHeap) Pop() any {
	last := len(h.items) - 1
	item := h.items[last]
	h.items[last] = dueItem{}
	h.items = h.items[:last]
	item.owner.due = 0
	return item
}
