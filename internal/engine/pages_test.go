package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestReadsRaceWithFlush(t *testing.T) {
	// While windows turn and pages move from memory to the tables, each list is whole: every row from the first to at least
	// the newest that was there before the call, and usage that adds up to the rows.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 20, OwnersMax: 3})
	const customers, burns = 3, 80
	var done atomic.Bool
	var writers, readers sync.WaitGroup
	for c := range customers {
		writers.Go(func() {
			for n := range burns {
				b.do(t, &burnOp{customer: fmt.Sprint("c", c), key: fmt.Sprint(n), cost: 1, at: 1})
			}
		})
	}
	for c := range customers {
		readers.Go(func() {
			for !done.Load() {
				b.readWhole(t, fmt.Sprint("c", c))
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	for c := range customers {
		if rows := b.readWhole(t, fmt.Sprint("c", c)); rows != burns {
			t.Errorf("%d rows in the end", rows)
		}
	}
	b.verified(t)
}

// readWhole reads everything of one customer and holds it against a view from before.
func (b *faultBundle) readWhole(t *testing.T, customer string) int {
	ctx := context.Background()
	view, err := b.View(ctx, key(customer))
	if err != nil {
		t.Error(err)
		return 0
	}
	rows, _, err := b.Ledger(ctx, engine.LedgerQuery{Pool: key(customer), Limit: 10_000})
	if err != nil || uint64(len(rows)) < view.Seq {
		t.Errorf("%d rows, %v; %d were there before", len(rows), err, view.Seq)
	}
	for i := range rows {
		if want := uint64(len(rows) - i); rows[i].Seq != want {
			t.Errorf("row %d where %d belongs", rows[i].Seq, want)
			return 0
		}
	}
	cells, err := b.Usage(ctx, key(customer), 0, 1)
	if err != nil {
		t.Error(err)
	}
	used := amount.Zero
	for _, c := range cells {
		used = used.Add(c.Credits)
	}
	if used.Less(amount.FromInt(int64(len(rows)))) {
		t.Errorf("usage %s, and %d rows", used, len(rows))
	}
	events, _, err := b.Events(ctx, engine.EventQuery{Environment: env, Customer: customer, Limit: 10_000})
	if err != nil || len(events) < len(rows) {
		t.Errorf("%d events, %v; %d rows", len(events), err, len(rows))
	}
	return len(rows)
}

func TestEventPaging(t *testing.T) {
	// Events of a customer and of an environment come in the order of arrival, also when the clock was set back meanwhile,
	// and pages in both directions join without a gap.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 20})
	defer b.close(t)
	for n := range 70 {
		b.do(t, &burnOp{customer: "c", key: fmt.Sprint(n), cost: int64(n % 2), at: 1})
		b.clock.Add(int64(500 - 1000*(n%3)))
	}
	for _, customer := range []string{"c", ""} {
		q := engine.EventQuery{Environment: env, Customer: customer, Limit: 9}
		var down, up []engine.Position
		for more := true; more; {
			var events []engine.EventRecord
			events, more = b.events(t, q)
			for _, e := range events {
				down = append(down, e.Position)
			}
			q.Before = down[len(down)-1]
		}
		q.Before, q.After = 0, 1
		for more := true; more; {
			var events []engine.EventRecord
			events, more = b.events(t, q)
			for _, e := range slices.Backward(events) {
				up = append(up, e.Position)
			}
			q.After = up[len(up)-1]
		}
		slices.Reverse(up)
		if len(down) != 70 || !slices.IsSortedFunc(down, func(a, b engine.Position) int { return int(b) - int(a) }) {
			t.Errorf("customer %q: downwards %d events, %v", customer, len(down), down)
		}
		if !slices.Equal(up, down[:69]) {
			t.Errorf("customer %q: upwards %v", customer, up)
		}
	}
}

func (b *faultBundle) events(t *testing.T, q engine.EventQuery) ([]engine.EventRecord, bool) {
	t.Helper()
	events, more, err := b.Events(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return events, more
}

func TestManyWindowsInOneBatch(t *testing.T) {
	// Windows that turn inside one batch queue up and are written one after another; keys stay taken all the way.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 10})
	burns := func() []engine.Op {
		ops := make([]engine.Op, 300)
		for i := range ops {
			ops[i] = &burnOp{customer: fmt.Sprint("c", i%7), key: fmt.Sprint(i), cost: 1, at: 1}
		}
		return ops
	}
	b.do(t, burns()...)
	for range 3 {
		again := burns()
		b.do(t, again...)
		for _, op := range again {
			if !op.(*burnOp).repeated {
				t.Fatal("a key acted twice")
			}
		}
		b.reopen(t)
	}
	if view, err := b.View(t.Context(), ledger.Key{Environment: env, Customer: "c0", Currency: "tokens"}); err != nil || view.Seq != 43 {
		t.Errorf("view %+v, %v", view, err)
	}
	b.verified(t)
}
