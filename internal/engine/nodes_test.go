package engine_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// nodeWindow is how many entries make a window here: few, so that many turn.
const nodeWindow = 61

// node opens an engine of its own over a shared database.
func node(t *testing.T, o store.Options, windowEntries int) *bundle {
	t.Helper()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b := bundleOf(t, st, windowEntries)
	t.Cleanup(func() { b.close(t) })
	return b
}

func (b *bundle) balance(t testing.TB, customer string) amount.Amount {
	t.Helper()
	view, err := b.View(t.Context(), key(customer), 0)
	if err != nil {
		t.Fatal(err)
	}
	return view.Balance
}

func TestNodes_next_request(t *testing.T) {
	// E6: what one node has acknowledged, the next request to any other sees: credits, burns and keys.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a, b := node(t, o, nodeWindow), node(t, o, nodeWindow)
	a.do(t, &grantOp{customer: "c", amount: 1000, expire: ledger.Never})
	want := int64(1000)
	for n := range 300 { // across several windows
		one, other := a, b
		if n%2 == 1 {
			one, other = b, a
		}
		op := &burnOp{customer: "c", key: fmt.Sprint(n), cost: 1, at: 1}
		one.do(t, op)
		want--
		if got := other.balance(t, "c"); got != amount.FromInt(want) {
			t.Fatalf("after %d burns the other node shows %s", n+1, got)
		}
		again := &burnOp{customer: "c", key: fmt.Sprint(n), cost: 1, at: 1}
		other.do(t, again)
		if !again.repeated || again.position != op.position {
			t.Fatalf("key %d acted twice: %+v after %+v", n, again, op)
		}
	}
	rows, _, err := a.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c"), Limit: 10_000})
	if err != nil || len(rows) != 301 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestNodes_at_once(t *testing.T) {
	// Nodes that write the same shard at once agree on everything afterwards, and a rebuild agrees with them to the byte
	// (E2, E5): whatever they fold of each other, and whoever writes the windows.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	nodes := []*bundle{node(t, o, nodeWindow), node(t, o, nodeWindow), node(t, o, nodeWindow)}
	for c := range 5 {
		nodes[0].do(t, &grantOp{customer: fmt.Sprint("c", c), amount: 1_000_000, expire: ledger.Never})
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	burned := int64(0)
	for n, b := range nodes {
		for worker := range 4 {
			wait.Go(func() {
				sum := b.hammer(t, uint64(n*4+worker), 25)
				mu.Lock()
				defer mu.Unlock()
				burned += sum
			})
		}
	}
	wait.Wait()
	first := nodes[0].observe(t)
	for _, b := range nodes[1:] {
		if diff := cmp.Diff(first, b.observe(t), cmpopts.IgnoreUnexported(observed{})); diff != "" {
			t.Fatalf("nodes differ:\n%s", diff)
		}
	}
	report, err := engine.Verify(t.Context(), nodes[0].store.Journal(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Balance[env+"/tokens"]; got != amount.FromInt(5_000_000-burned) {
		t.Errorf("balance %s after %d burned", got, burned)
	}
	rebuildsAlike(t, o, nodes...)
}

// rebuildsAlike compares the derived rows that nodes have written with those that a new one makes of the journal alone.
func rebuildsAlike(t *testing.T, o store.Options, nodes ...*bundle) {
	t.Helper()
	for _, b := range nodes { // one of them keeps the derived rows
		if err := b.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stored := dump(t, nodes[0].store)
	if err := nodes[0].store.Journal().DropDerived(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	fresh := node(t, o, nodeWindow)
	if err := fresh.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored, dump(t, fresh.store)); diff != "" {
		t.Fatalf("rebuilt rows differ (-before +after):\n%s", diff)
	}
}

func TestNodes_keeper_changes(t *testing.T) {
	// Derived rows stay right when their keeper changes in the middle of windows and merges, and comes back.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	nodes := []*bundle{node(t, o, nodeWindow), node(t, o, nodeWindow)}
	for turn := range 12 {
		postgres.Execute(t, o.URL, `UPDATE checkpoints SET keeper_until = 0`)
		nodes[turn%2].hammer(t, uint64(turn*31), 20)
		nodes[(turn+1)%2].hammer(t, uint64(turn*31+11), 3)
	}
	first := nodes[0].observe(t)
	if diff := cmp.Diff(first, nodes[1].observe(t), cmpopts.IgnoreUnexported(observed{})); diff != "" {
		t.Fatalf("nodes differ:\n%s", diff)
	}
	if runs := countOf(t, nodes[0].store, `SELECT COUNT(*) FROM key_runs`); runs == 0 {
		t.Error("no window was written")
	}
	rebuildsAlike(t, o, nodes...)
}

func countOf(t *testing.T, st *store.Store, query string) (n int) {
	t.Helper()
	if err := st.Reader().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// hammer burns under keys that others use too, and returns what was burned by it.
func (b *bundle) hammer(t *testing.T, seed uint64, batches int) (burned int64) {
	for n := range batches {
		var ops []engine.Op
		for i := range 10 {
			k := int(seed)*7 + n*10 + i
			ops = append(ops, &burnOp{customer: fmt.Sprint("c", k%5), key: fmt.Sprint(k), cost: 1 + int64(k%3), at: 1})
		}
		for _, err := range b.Do(t.Context(), ops...) {
			if err != nil {
				t.Error(err)
			}
		}
		for _, op := range ops {
			if burn := op.(*burnOp); !burn.repeated {
				burned += burn.cost
			}
		}
	}
	return burned
}
