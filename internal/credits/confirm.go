package credits

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// confirmMax bounds one round of asking the database.
const confirmMax = 5 * time.Second

// Confirm returns when memory holds everything that any node had committed before the call (E7). Whoever acts for a caller of
// the installation calls it first: what follows then sees every change that was acknowledged before. It fails with
// Unavailable when the database cannot tell; memory must not be relied on then. Where nobody else can write it does
// nothing.
func (s *Service) Confirm(ctx context.Context) error {
	if !s.store.Shared() {
		return nil
	}
	if err := s.confirmations.join(ctx); err != nil {
		return fmt.Errorf("confirm what other nodes have changed: %w", err)
	}
	return nil
}

// rounds lets callers share the asking: one round is under way at a time, and whoever comes meanwhile waits for the next,
// together with all others who do. A round that has begun answers nobody new, because what it reads may be older than
// they are.
type rounds struct {
	ask func(context.Context) error

	mu       sync.Mutex
	underWay bool
	next     *round // nil while nobody waits for it
}

type round struct {
	done chan struct{} // closed at its end, when err is set
	err  error
}

// join returns after a round that has begun after the call.
func (r *rounds) join(ctx context.Context) error {
	own := r.board()
	select {
	case <-own.done:
		return own.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// board returns the next round, and sees to it that there will be one.
func (r *rounds) board() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	if !r.underWay {
		r.underWay = true
		go r.run()
	}
	return r.next
}

// run makes rounds for as long as somebody waits for one. They belong to no caller, so none can end them by leaving.
func (r *rounds) run() {
	for now := r.begin(); now != nil; now = r.begin() {
		ctx, cancel := context.WithTimeout(context.Background(), confirmMax)
		now.err = r.ask(ctx)
		cancel()
		close(now.done)
	}
}

// begin closes the doors of the next round, or ends the running when nobody waits for it.
func (r *rounds) begin() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.next
	r.next = nil
	r.underWay = now != nil
	return now
}
