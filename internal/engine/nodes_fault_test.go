package engine_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// burnMany burns once under each of the keys from one to before another.
func (b *bundle) burnMany(t *testing.T, from, to int) (first engine.Position) {
	t.Helper()
	for n := from; n < to; n++ {
		op := &burnOp{customer: "c", key: fmt.Sprint(n), cost: 1, at: 1}
		b.do(t, op)
		if n == from {
			first = op.position
		}
	}
	return first
}

// reverseOp records that an event was reversed, and changes nothing.
type reverseOp struct {
	customer string
	event    engine.Position
}

func (o *reverseOp) Scope() engine.Scope {
	return engine.Scope{Environment: env, Customer: o.customer, Key: engine.ReverseKey(o.event)}
}

func (o *reverseOp) Decide(tx *engine.Tx) error {
	tx.Entry().Kind, tx.Entry().Ref = engine.ReverseEntry, o.event
	return nil
}

func (o *reverseOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func TestNodes_derived_rows_dropped(t *testing.T) {
	// E2: a node under which the derived rows are deleted does not forget keys.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a, b := node(t, o, nodeWindow), node(t, o, nodeWindow)
	a.burnMany(t, 0, 4*nodeWindow)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Journal().DropDerived(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*bundle{b, a} {
		op := &burnOp{customer: "c", key: "0", cost: 1, at: 1}
		if n.do(t, op); !op.repeated {
			t.Errorf("a key acted again at %d", op.position)
		}
	}
}

func TestNodes_runs_merged_away(t *testing.T) {
	// A node that only reads finds keys in runs that another has merged and deleted since.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	journal, a := faultyNode(t, o)
	b := node(t, o, nodeWindow)
	journal.noChunks.Store(true) // nothing is merged
	event := a.burnMany(t, 0, 1)
	a.do(t, &reverseOp{customer: "c", event: event})
	a.burnMany(t, 1, 3*nodeWindow)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := countOf(t, a.store, `SELECT COUNT(*) FROM key_runs`)
	journal.noChunks.Store(false)
	if err := a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := countOf(t, a.store, `SELECT COUNT(*) FROM key_runs`); before < 2 || after >= before {
		t.Fatalf("%d runs became %d", before, after)
	}
	record, ok, err := b.Event(t.Context(), event)
	if err != nil || !ok || record.Reversed == nil {
		t.Errorf("%+v, %v, %v", record, ok, err)
	}
}

func TestNodes_keeper_changes_unseen(t *testing.T) {
	// A node that keeps the derived rows again takes note that another did so in between, and merged what this one was merging.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	journal, a := faultyNode(t, o)
	expire := func() { postgres.Execute(t, o.URL, `UPDATE checkpoints SET keeper_until = 0`) }
	var reads atomic.Int64
	reached, release := make(chan struct{}), make(chan struct{})
	wait := func() {
		if reads.Add(1) == 2 { // both runs have been read
			close(reached)
			<-release
		}
	}
	journal.onChunks.Store(&wait)
	a.burnMany(t, 0, 2*nodeWindow+9)
	<-reached
	expire()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b := bundleOf(t, st, nodeWindow)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if runs := countOf(t, b.store, `SELECT COUNT(*) FROM key_runs`); runs != 1 {
		t.Fatalf("%d runs", runs)
	}
	b.close(t) // it would go on to be the keeper
	expire()
	close(release)
	a.burnMany(t, 2*nodeWindow+9, 5*nodeWindow)
	rebuildsAlike(t, o, a)
}

// faultyNode is a node over a faulty journal.
func faultyNode(t *testing.T, o store.Options) (*faulty, *bundle) {
	t.Helper()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	journal := &faulty{Journal: st.Journal()}
	b := bundleOn(t, st, journal, nodeWindow)
	t.Cleanup(func() { b.close(t) })
	return journal, b
}

func TestNodes_loading_blocks_nobody(t *testing.T) {
	// A node that takes long to load does not hold the lock meanwhile, and knows in the end what others have done.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a := node(t, o, nodeWindow)
	a.burnMany(t, 0, nodeWindow/2)
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	loading, release := make(chan struct{}), make(chan struct{})
	wait := func() error {
		once.Do(func() { close(loading) })
		<-release
		return nil
	}
	journal := &faulty{Journal: st.Journal()}
	journal.onOwner.Store(&wait)
	opened := make(chan *bundle)
	go func() { opened <- bundleOn(t, st, journal, nodeWindow) }()
	<-loading
	a.burnMany(t, nodeWindow/2, 5*nodeWindow)
	close(release)
	b := <-opened
	defer b.close(t)
	if got, want := b.balance(t, "c"), a.balance(t, "c"); got != want {
		t.Errorf("the balance is %s here and %s there", got, want)
	}
	again := &burnOp{customer: "c", key: "0", cost: 1, at: 1}
	if b.do(t, again); !again.repeated {
		t.Error("a key acted twice")
	}
}

func TestNodes_reader_stays_small(t *testing.T) {
	// A node that only reads does not keep what another has written to the tables; when that one is gone, it writes itself.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a, b := node(t, o, nodeWindow), node(t, o, nodeWindow)
	for n := range 20 {
		a.burnMany(t, n*nodeWindow, (n+1)*nodeWindow)
		b.balance(t, "c")
		if full, err := engine.FullWindows(t.Context(), b.Engine); err != nil || full > 3 {
			t.Fatalf("%d full windows in memory, %v", full, err)
		}
	}
	windows := countOf(t, b.store, `SELECT windows FROM checkpoints`)
	a.Engine.Close() // with windows that it would still have to write, as like as not
	postgres.Execute(t, o.URL, `UPDATE checkpoints SET keeper_until = 0`)
	b.burnMany(t, 20*nodeWindow, 24*nodeWindow)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := countOf(t, b.store, `SELECT windows FROM checkpoints`); now < windows+4 {
		t.Errorf("%d windows were complete, %d are now", windows, now)
	}
}

func TestViewWhileLoading(t *testing.T) {
	// E6: memory that is being loaded shows nothing, since it does not have everything yet.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 8})
	for n := range 40 { // the checkpoint knows an old state of both
		b.do(t, &burnOp{customer: fmt.Sprint("c", n%2), key: fmt.Sprint(n), cost: 1, at: 1})
	}
	b.journal.commits(failBefore)
	if err := b.one(t, &burnOp{customer: "c0", key: "fails", cost: 1, at: 1}); err == nil {
		t.Fatal("the commit did not fail")
	}
	b.journal.commits(nil)
	looked := 0
	look := func() error {
		looked++
		for _, customer := range []string{"c0", "c1"} {
			if v := engine.Shown(b.Engine, key(customer)); v != nil {
				t.Errorf("%s is shown after row %d", customer, v.Seq)
			}
		}
		return nil
	}
	b.journal.onOwner.Store(&look)
	b.do(t, &burnOp{customer: "c0", key: "k", cost: 1, at: 1})
	b.journal.onOwner.Store(nil)
	if looked < 3 {
		t.Errorf("looked %d times", looked)
	}
	if v := engine.Shown(b.Engine, key("c0")); v == nil || v.Seq != 21 {
		t.Errorf("afterwards %+v", v)
	}
	b.verified(t)
}
