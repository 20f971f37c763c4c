package engine

import (
	"context"
	"sync"
)

// Joint lets concurrent callers share the runs of a function that asks what is durable. A caller joins only a run that
// begins after its call, so that what was durable before the call is in the answer: those who come during a run share the
// next one. The zero Joint is ready.
type Joint struct {
	mu      sync.Mutex
	working bool
	next    *jointRun // has not begun
}

type jointRun struct {
	done chan struct{}
	err  error
}

// Do returns once a run of fn that began after the call has ended, with its error, or with ErrUnavailable when ctx ends
// first. All callers must pass the same function; it runs in a goroutine of its own, once at a time.
func (j *Joint) Do(ctx context.Context, fn func() error) error {
	run := j.join(fn)
	select {
	case <-run.done:
		return run.err
	case <-ctx.Done():
		return ErrUnavailable
	}
}

func (j *Joint) join(fn func() error) *jointRun {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		j.next = &jointRun{done: make(chan struct{})}
	}
	if !j.working {
		j.working = true
		go j.work(fn)
	}
	return j.next
}

func (j *Joint) work(fn func() error) {
	for {
		run := j.begin()
		if run == nil {
			return
		}
		run.err = fn()
		close(run.done)
	}
}

// begin takes those who wait so far.
func (j *Joint) begin() *jointRun {
	j.mu.Lock()
	defer j.mu.Unlock()
	run := j.next
	j.next, j.working = nil, run != nil
	return run
}
