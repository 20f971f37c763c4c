package engine

import (
	"container/heap"
	"sync"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// dueQueue knows which pools in memory have something due, and when. The writer adds to it when it publishes, a sweep
// takes from it. A pool whose due time moved stands in it twice; whoever takes it looks again.
type dueQueue struct {
	mu    sync.Mutex
	items dueItems
}

type dueItem struct {
	at  ledger.Time
	key ledger.Key
}

func (q *dueQueue) add(at ledger.Time, key ledger.Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.items, dueItem{at: at, key: key})
}

// take removes up to n pools of an environment that are due. Those of other environments stay: their clocks differ.
func (q *dueQueue) take(environment string, now ledger.Time, n int) []ledger.Key {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []ledger.Key
	var others []dueItem
	for len(q.items) > 0 && q.items[0].at <= now && len(due) < n {
		item := heap.Pop(&q.items).(dueItem)
		if item.key.Environment == environment {
			due = append(due, item.key)
		} else {
			others = append(others, item)
		}
	}
	for _, item := range others {
		heap.Push(&q.items, item)
	}
	return due
}

func (q *dueQueue) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = nil
}

// dueItems is the heap, the earliest first.
type dueItems []dueItem

func (d dueItems) Len() int           { return len(d) }
func (d dueItems) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dueItems) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueItems) Push(item any)     { *d = append(*d, item.(dueItem)) }

func (d *dueItems) Pop() any {
	last := len(*d) - 1
	item := (*d)[last]
	*d = (*d)[:last]
	return item
}
