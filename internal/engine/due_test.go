package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestSweepFindsAll(t *testing.T) {
	// A sweep posts everything that is due, in memory or not, however many pools it is and whatever a sweep before met.
	t.Parallel()
	const pools = 450
	b := setupFaults(t, engine.Options{WindowEntries: pools})
	ops := make([]engine.Op, pools)
	for i := range ops {
		ops[i] = &grantOp{customer: fmt.Sprint("c", i), amount: 1, expire: ledger.Time(b.clock.Load()) + 1000}
	}
	b.do(t, ops...)
	b.do(t, &grantOp{customer: "other", amount: 1, expire: ledger.Never}) // turns the window
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.reopen(t) // none of the pools is in memory now
	b.clock.Add(5000)
	b.journal.commits(failBefore)
	if _, err := b.Sweep(t.Context(), env, nil); !errors.Is(err, engine.ErrUnavailable) {
		t.Fatalf("the failing sweep: %v", err)
	}
	b.journal.commits(nil)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	posted := b.posted(t)
	for i := range pools {
		if rows := posted[fmt.Sprint("c", i)]; rows != 2 {
			t.Fatalf("pool %d has %d rows", i, rows)
		}
	}
	if n, err := b.Sweep(t.Context(), env, nil); n != 0 || err != nil {
		t.Errorf("a sweep with nothing to do opened %d, %v", n, err)
	}
	b.verified(t)
}

func TestSweepKeepsToBounds(t *testing.T) {
	// Where a boundary has come, a sweep posts what is due before it and leaves the rest, also of pools that are not in
	// memory; it ends, and sweeps everybody else; when the boundary is out of the way the next sweep does the rest.
	t.Parallel()
	const pools, bound = 450, began + 2000
	b := setupFaults(t, engine.Options{WindowEntries: pools})
	var ops []engine.Op
	for i := range pools {
		for _, expire := range []ledger.Time{began + 1000, bound, bound + 1000} {
			ops = append(ops, &grantOp{customer: fmt.Sprint("c", i), amount: 1, expire: expire})
		}
	}
	b.do(t, ops...)
	bounds := func(_ context.Context, customer string) (ledger.Time, error) {
		switch customer[len(customer)-1] {
		case '0':
			return 0, nil
		case '1':
			return bound + 5000, nil
		case '2':
			return began + 500, nil
		default:
			return bound, nil
		}
	}
	for round := range 2 {
		if round == 0 {
			b.reopen(t) // few of the pools are in memory now
			b.clock.Add(4000)
		}
		if _, err := b.Sweep(t.Context(), env, bounds); err != nil {
			t.Fatal(err)
		}
		for customer, rows := range b.posted(t) {
			want := map[byte]int{'0': 6, '1': 6, '2': 3}[customer[len(customer)-1]]
			if rows != cmp.Or(want, 4) {
				t.Fatalf("round %d: customer %s has %d rows", round, customer, rows)
			}
		}
	}
	failed := errors.New("the bound is not known")
	if _, err := b.Sweep(t.Context(), env, func(context.Context, string) (ledger.Time, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("a sweep without bounds: %v", err)
	}
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	for customer, rows := range b.posted(t) {
		if rows != 6 {
			t.Fatalf("at last: customer %s has %d rows", customer, rows)
		}
	}
	b.verified(t)
}

// posted counts the rows of each customer without asking for its pool: a question would sweep.
func (b *faultBundle) posted(t testing.TB) map[string]int {
	t.Helper()
	rows := map[string]int{}
	at := engine.NewPosition(0, 1)
	err := b.journal.Blocks(t.Context(), at, func(block *engine.Block) error {
		return engine.EachEntry(block, func(e *engine.Entry) {
			rows[e.Customer] += len(e.RowsOf(key(e.Customer)))
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// holdOp holds a credit for some time.
type holdOp struct {
	customer, id string
	until        ledger.Time
}

func (o *holdOp) Scope() engine.Scope { return engine.Scope{Environment: env, Customer: o.customer} }

func (o *holdOp) Decide(tx *engine.Tx) error {
	tx.Entry().Kind, tx.Entry().Key = engine.ReserveEntry, o.id
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	_, err := tx.Pool(0).Reserve(tx.Ledger(0), ledger.HoldSpec{ID: o.id, Amount: amount.FromInt(1), ExpiresAt: o.until})
	return err
}

func (o *holdOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// voidOp voids a grant.
type voidOp struct {
	customer string
	grant    ledger.GrantID
}

func (o *voidOp) Scope() engine.Scope { return engine.Scope{Environment: env, Customer: o.customer} }

func (o *voidOp) Decide(tx *engine.Tx) error {
	tx.Entry().Kind = engine.VoidEntry
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	_, err := tx.Pool(0).Void(tx.Ledger(0), o.grant)
	return err
}

func (o *voidOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func TestDueQueueStaysSmall(t *testing.T) {
	// A pool waits once for what is due in it, however often the instant moves.
	t.Parallel()
	b := setupFaults(t, engine.Options{})
	defer b.close(t)
	now := ledger.Time(b.clock.Load())
	b.do(t, &grantOp{customer: "c", amount: 1000, expire: ledger.Never})
	for n := range 100 {
		b.do(t, &holdOp{customer: "c", id: fmt.Sprint(n), until: now + ledger.Time(1_000_000-n)})
	}
	if _, due := engine.Remembered(b.Engine); due != 1 {
		t.Errorf("%d entries for one pool", due)
	}
	b.clock.Add(2_000_000)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	if _, due := engine.Remembered(b.Engine); due != 0 {
		t.Errorf("%d entries when nothing is due", due)
	}
}

func TestNextDue(t *testing.T) {
	// The next due instant is the earliest over all pools, in memory or not, whatever their old checkpoints say, over all
	// shards, and never that of another environment.
	t.Parallel()
	const pools = 230 // more than a page
	b := setupFaults(t, engine.Options{WindowEntries: pools, Shards: 2})
	now := ledger.Time(b.clock.Load())
	next := func(want ledger.Time) {
		t.Helper()
		if got, err := b.NextDue(t.Context(), env); got != want || err != nil {
			t.Fatalf("next due is in %d, %v; want %d", got-now, err, want-now)
		}
	}
	next(ledger.Never)
	ops := make([]engine.Op, pools)
	for i := range ops {
		ops[i] = &grantOp{customer: fmt.Sprint("c", i), amount: 5, expire: now + ledger.Time(1000+i)}
	}
	b.do(t, ops...)
	next(now + 1000)
	if got, err := b.NextDue(t.Context(), "elsewhere"); got != ledger.Never || err != nil {
		t.Errorf("elsewhere it is %d, %v", got, err)
	}
	for i := range 2 * pools { // turns windows
		b.do(t, &grantOp{customer: fmt.Sprint("other", i), amount: 1, expire: ledger.Never})
	}
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.reopen(t)
	next(now + 1000) // none of them is in memory
	b.do(t, &voidOp{customer: "c0", grant: ops[0].(*grantOp).id})
	next(now + 1001) // nothing is due in the first any more, although its checkpoint says so
	for i := 1; i < pools-1; i++ {
		b.do(t, &holdOp{customer: fmt.Sprint("c", i), id: "h", until: now + ledger.Time(500+i)})
	}
	next(now + 501) // in memory, with an old checkpoint
	b.clock.Add(1000 + pools - 2)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	next(now + 1000 + pools - 1) // the checkpoints of all others still say what is past
	b.clock.Add(1)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	next(ledger.Never)
}
