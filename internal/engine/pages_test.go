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
	view, err := b.View(ctx, key(customer), 0)
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
	// Events of a customer come in the order of arrival, and those of an environment too if there is one shard, also when the
	// clock was set back meanwhile. Pages in both directions join without a gap, however many shards there are, and what
	// arrives while somebody turns pages is newer than all of them.
	t.Parallel()
	for _, shards := range []uint16{1, 4} {
		b := setupFaults(t, engine.Options{WindowEntries: 20, Shards: shards})
		defer b.close(t)
		n := 0
		burn := func() {
			b.do(t, &burnOp{customer: fmt.Sprint("c", n%7), key: fmt.Sprint(n), cost: int64(n % 2), at: 1})
			b.clock.Add(int64(500 - 1000*(n%3)))
			n++
		}
		for range 210 {
			burn()
		}
		for _, customer := range []string{"", "c1"} {
			want := n
			if customer != "" {
				want = (n + 5) / 7
			}
			q := engine.EventQuery{Environment: env, Customer: customer, Limit: 9}
			top, err := b.Now(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			q.Older = top
			down := b.walk(t, q, burn)
			for i := range down[1:] {
				if down[i].Shard() == down[i+1].Shard() && down[i] <= down[i+1] {
					t.Errorf("%d shards, customer %q: %d before %d", shards, customer, down[i], down[i+1])
				}
			}
			q.Older, q.Newer = nil, engine.Cut{}
			up := b.walk(t, q, func() {})
			up = slices.DeleteFunc(up, func(at engine.Position) bool { return at >= top[at.Shard()] }) // came later
			slices.Sort(up)
			slices.Sort(down)
			if len(down) != want || len(slices.Compact(down)) != want || !slices.Equal(down, up) {
				t.Errorf("%d shards, customer %q: %d events downwards, %d upwards", shards, customer, len(down), len(up))
			}
		}
	}
}

// walk turns pages from the query's cut on, and returns what they show in the order of reading.
func (b *faultBundle) walk(t *testing.T, q engine.EventQuery, between func()) (seen []engine.Position) {
	t.Helper()
	for more := true; more; between() {
		var events []engine.EventRecord
		if events, more = b.events(t, q); q.Newer != nil {
			slices.Reverse(events)
		}
		for _, e := range events {
			seen = append(seen, e.Position)
			if q.Newer != nil {
				q.Newer = q.Newer.Over(e.Position)
			} else {
				q.Older = q.Older.Under(e.Position)
			}
		}
	}
	return seen
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
	if view, err := b.View(t.Context(), ledger.Key{Environment: env, Customer: "c0", Currency: "tokens"}, 0); err != nil || view.Seq != 43 {
		t.Errorf("view %+v, %v", view, err)
	}
	b.verified(t)
}
