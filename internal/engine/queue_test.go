package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// gate holds commits back: entered tells of each that waits, and closing open lets all of them through.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func (b *faultBundle) holdCommits() *gate {
	g := &gate{entered: make(chan struct{}, 100), open: make(chan struct{})}
	b.journal.commits(func(_ *engine.Commit, commit func() error) error {
		g.entered <- struct{}{}
		<-g.open
		return commit()
	})
	return g
}

func TestCancelledWhileQueued(t *testing.T) {
	// A caller who gives up hears at once that the outcome is unknown; the operation is decided once all the same.
	t.Parallel()
	b := setupFaults(t, engine.Options{})
	b.decidesAhead(t)
	g := b.holdCommits()
	var wait sync.WaitGroup
	wait.Go(func() { b.Do(context.Background(), &burnOp{customer: "c", key: "first", cost: 1, at: 1}) })
	<-g.entered
	ctx, cancel := context.WithCancel(t.Context())
	queued := &noticedBurn{burnOp: burnOp{customer: "c", key: "queued", cost: 1, at: 1}, decided: make(chan struct{})}
	wait.Go(func() {
		if err := b.Do(ctx, queued)[0]; !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("queued: %v", err)
		}
		close(g.open)
	})
	<-queued.decided // while the commit before it is under way
	cancel()
	wait.Wait()
	again := &burnOp{customer: "c", key: "queued", cost: 1, at: 1}
	b.do(t, again)
	if !again.repeated {
		t.Error("the operation of the caller who gave up was not decided")
	}
	late := &burnOp{customer: "c", key: "late", cost: 1, at: 1}
	if err := b.Do(ctx, late)[0]; !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("late: %v", err)
	}
	if report := b.verified(t); report.Entries != 2 {
		t.Errorf("%d entries", report.Entries)
	}
}

// decidesAhead skips a test of what happens while a commit is under way where nothing does: on a shared journal the next
// operations wait for the lock.
func (b *faultBundle) decidesAhead(t *testing.T) {
	t.Helper()
	if b.journal.Shared() {
		t.Skip("a shared journal is not decided on while a commit is under way")
	}
}

// noticedBurn tells when it is decided.
type noticedBurn struct {
	burnOp
	decided chan struct{}
}

func (o *noticedBurn) Decide(tx *engine.Tx) error {
	close(o.decided)
	return o.burnOp.Decide(tx)
}

func TestCancelledReads(t *testing.T) {
	// Callers may give up a read at any moment; what it yields is not written under them (for the race detector).
	t.Parallel()
	b := setupFaults(t, engine.Options{})
	b.do(t, &grantOp{customer: "c", amount: 100, expire: ledger.Never})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				_, _ = b.PoolKeys(ctx, env, "c")
				_, _, _ = b.GrantList(ctx, engine.GrantQuery{Environment: env, Customer: "c", Limit: 1})
				_, _ = b.Holds(ctx, key("c"), 0)
				cancel()
			}
		})
	}
	wait.Wait()
	b.verified(t)
}

// idleOp does nothing.
type idleOp struct{}

func (idleOp) Scope() engine.Scope                    { return engine.Scope{Environment: env, Customer: "c"} }
func (idleOp) Decide(*engine.Tx) error                { return nil }
func (idleOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func TestOverload(t *testing.T) {
	// A full queue refuses at once and has done nothing; a request larger than the whole queue is taken when it is empty.
	t.Parallel()
	b := setupFaults(t, engine.Options{})
	b.decidesAhead(t)
	huge := make([]engine.Op, engine.QueueOpsMax+1)
	for i := range huge {
		huge[i] = idleOp{}
	}
	b.do(t, huge...)
	g := b.holdCommits()
	var wait sync.WaitGroup
	wait.Go(func() { b.Do(context.Background(), &burnOp{customer: "c", key: "first", cost: 1, at: 1}) })
	<-g.entered
	large := func(first engine.Op) {
		if err := b.Do(context.Background(), append([]engine.Op{first}, huge...)...)[0]; err != nil {
			t.Errorf("a large request: %v", err)
		}
	}
	decided := &noticedBurn{burnOp: burnOp{customer: "c", key: "second", cost: 1, at: 1}, decided: make(chan struct{})}
	wait.Go(func() { large(decided) })
	<-decided.decided // it waits for the commit, and the next one for it
	wait.Go(func() { large(idleOp{}) })
	engine.WaitQueued(b.Engine, 1)
	if err := b.one(t, &burnOp{customer: "c", key: "refused", cost: 1, at: 1}); !errors.Is(err, engine.ErrOverloaded) {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := b.PoolKeys(t.Context(), env, "c"); !errors.Is(err, engine.ErrOverloaded) {
		t.Errorf("a read beyond the limit: %v", err)
	}
	close(g.open)
	wait.Wait()
	refused := &burnOp{customer: "c", key: "refused", cost: 1, at: 1}
	b.do(t, refused)
	if refused.repeated {
		t.Error("what was refused was done")
	}
	b.close(t)
}

func TestCloseWhileBusy(t *testing.T) {
	// E1: what was answered before and during a close is there after the next start; what comes later is refused.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 64, Shards: 3})
	var mu sync.Mutex
	done := map[string]bool{}
	var answered atomic.Int64
	var wait sync.WaitGroup
	started := make(chan struct{})
	for caller := range 4 {
		wait.Go(func() {
			for n := range 10_000 {
				name := fmt.Sprint(caller, "-", n)
				if b.Do(context.Background(), &burnOp{customer: fmt.Sprint("c", n%5), key: name, cost: 1, at: 1})[0] != nil {
					return
				}
				mu.Lock()
				done[name] = true
				mu.Unlock()
				if answered.Add(1) == 200 {
					close(started)
				}
			}
		})
	}
	<-started
	b.Engine.Close()
	wait.Wait()
	if err := b.one(t, &burnOp{customer: "c", key: "late", cost: 1, at: 1}); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("after the close: %v", err)
	}
	b.reopen(t)
	for name := range done {
		var caller, n int
		if _, err := fmt.Sscanf(name, "%d-%d", &caller, &n); err != nil {
			t.Fatal(err)
		}
		op := &burnOp{customer: fmt.Sprint("c", n%5), key: name, cost: 1, at: 1}
		b.do(t, op)
		if !op.repeated {
			t.Fatalf("%s is lost", name)
		}
	}
	b.verified(t)
}
