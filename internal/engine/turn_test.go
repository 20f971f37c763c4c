package engine_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// turnOp posts a boundary in two pools: in each it ends a block, carries a part of it over and issues the next.
type turnOp struct {
	customer string
	at       ledger.Time
	until    ledger.Time
	ends     map[string]ledger.GrantID // by currency
	made     []engine.GrantTexts
	repeated bool
}

const subscription = "sub_1"

func (o *turnOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: env, Customer: o.customer, At: o.at, Key: engine.TurnKey(env, subscription+o.customer, o.at),
	}
}

func (o *turnOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Key = engine.TurnEntry, engine.TurnName(subscription+o.customer, o.at)
	currencies := []string{"minutes", "tokens"}
	if err := tx.OpenTurn(engine.PoolRef{Currency: currencies[0]}, engine.PoolRef{Currency: currencies[1]}); err != nil {
		return err
	}
	for i, currency := range currencies {
		turn := ledger.Turn{Issue: []ledger.Grant{{Type: ledger.Recurring, Amount: amount.FromInt(100), ExpireAt: o.until}}}
		if id := o.ends[currency]; id != 0 {
			turn.Roll = []ledger.Rollover{{Grant: id, Max: amount.FromInt(30), ExpireAt: o.until}}
		}
		turned, err := tx.Pool(i).Turn(tx.Ledger(i), turn)
		if err != nil {
			return err
		}
		e.Texts = append(e.Texts, engine.GrantTexts{Grant: turned.Issued[0], SourceType: "PLAN_ENTITLEMENT", SourceID: currency})
	}
	o.made = e.Texts
	return nil
}

func (o *turnOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	o.made, o.repeated = first.Texts, true
	return nil
}

// next is the boundary after this one.
func (o *turnOp) next(length ledger.Time) *turnOp {
	next := &turnOp{customer: o.customer, at: o.until, until: o.until + length, ends: map[string]ledger.GrantID{}}
	for _, t := range o.made {
		next.ends[t.SourceID] = t.Grant
	}
	return next
}

// rowsOf lists the rows of a customer's tokens, oldest first.
func (b *bundle) rowsOf(t testing.TB, customer string) (rows []string) {
	t.Helper()
	list, _, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: key(customer), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		r := &list[i]
		rows = append(rows, fmt.Sprintf("%s %s at +%d", r.Type, r.Amount, r.PostedAt-began))
	}
	return rows
}

// began is where the clock of a bundle stands at first.
const began = ledger.Time(1_800_000_000_000_000)

func TestTurn_once(t *testing.T) {
	// A boundary has one effect, however often and late it is posted, also after a restart, and its repeats learn what the
	// first has made. Its rows are those of an engine that was on time.
	t.Parallel()
	database := postgres.Options(t)
	b := setupWindows(t, database, 8)
	first := &turnOp{customer: "c0", at: began, until: began + 1000}
	b.do(t, first)
	b.do(t, &burnOp{customer: "c0", key: "k", cost: 60, at: began})
	b.clock.Add(5000)
	second, again := first.next(9000), first.next(9000)
	b.do(t, second, again)
	if second.repeated || !again.repeated || fmt.Sprint(second.made) != fmt.Sprint(again.made) {
		t.Fatalf("second %+v, again %+v", second, again)
	}
	want := []string{"GRANTED 100 at +0", "CONSUMED -60 at +0", "ROLLED_OUT -30 at +1000", "EXPIRED -10 at +1000",
		"ROLLED_IN 30 at +1000", "GRANTED 100 at +1000"}
	if diff := cmp.Diff(want, b.rowsOf(t, "c0")); diff != "" {
		t.Error(diff)
	}
	b.close(t)
	b = setupWindows(t, database, 8)
	defer b.close(t)
	b.clock.Add(5000)
	late := first.next(9000)
	b.do(t, late)
	if !late.repeated || fmt.Sprint(second.made) != fmt.Sprint(late.made) {
		t.Errorf("after a restart: %+v, want %+v", late, second)
	}
}

func TestTurn_rebuild(t *testing.T) {
	// E5: a restart and a rebuild from the journal give the same rows to the byte when boundaries were posted, in time and
	// late, and the journal recomputes.
	t.Parallel()
	const length = 1_000_000
	b := setupFaults(t, engine.Options{WindowEntries: 7})
	turns := map[string]*turnOp{}
	for n := range 12 {
		for c := range 3 {
			customer := fmt.Sprint("c", c)
			turn := turns[customer]
			if turn == nil {
				turn = &turnOp{customer: customer, at: began, until: began + length}
			} else if (n+c)%3 != 0 { // this one is late
				turn = turn.next(length)
			}
			b.do(t, turn, &burnOp{customer: customer, key: fmt.Sprint(n), cost: int64(40 * (n % 4)), at: began})
			turns[customer] = turn
		}
		b.clock.Add(length)
	}
	if report := b.verified(t); report.Rows < 100 {
		t.Errorf("only %d rows", report.Rows)
	}
}

func TestNodes_turn(t *testing.T) {
	// Nodes that post the same boundaries at once post each of them once, and all learn the same.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	nodes := []*bundle{node(t, o, nodeWindow), node(t, o, nodeWindow)}
	const length = 1000
	last := make([]*turnOp, len(nodes))
	for n := range 20 {
		for _, b := range nodes {
			b.clock.Store(int64(began) + int64(n)*length)
		}
		var wait sync.WaitGroup
		for i, b := range nodes {
			op := &turnOp{customer: "c", at: began, until: began + length}
			if last[i] != nil {
				op = last[i].next(length)
			}
			last[i] = op
			wait.Go(func() { b.do(t, op) })
		}
		wait.Wait()
		if last[0].repeated == last[1].repeated || fmt.Sprint(last[0].made) != fmt.Sprint(last[1].made) {
			t.Fatalf("boundary %d: %+v and %+v", n, last[0], last[1])
		}
	}
	// at each boundary but the first, 30 of the block roll over, all else expires, and 100 come
	if got := nodes[0].balance(t, "c"); got != amount.FromInt(130) {
		t.Errorf("balance %s", got)
	}
	rebuildsAlike(t, o, nodes...)
}

// scoped is an operation in another scope.
type scoped struct {
	engine.Op
	scope engine.Scope
}

func (o *scoped) Scope() engine.Scope { return o.scope }

func TestBefore(t *testing.T) {
	// From a customer's boundary on every operation and every read fails with ErrDue and does nothing, a repeat too; before
	// it, and as of before it, they act as ever.
	t.Parallel()
	b := setup(t, postgres.Options(t))
	defer b.close(t)
	ctx, due := t.Context(), began+1000
	grant := &grantOp{customer: "c", amount: 5, expire: due}
	burn := func() *scoped {
		op := &burnOp{customer: "c", key: "k", cost: 1, at: began}
		scope := op.Scope()
		scope.Before = due
		return &scoped{op, scope}
	}
	reads := map[string]func() error{
		"View":      func() error { _, err := b.View(ctx, key("c"), due); return err },
		"BalanceAt": func() error { _, err := b.BalanceAt(ctx, key("c"), 1, due); return err },
		"Holds":     func() error { _, err := b.Holds(ctx, key("c"), due); return err },
		"GrantByID": func() error { _, _, err := b.GrantByID(ctx, env, grant.id, due); return err },
		"Ledger": func() error {
			_, _, err := b.Ledger(ctx, engine.LedgerQuery{Pool: key("c"), Limit: 1, Due: due})
			return err
		},
		"GrantList": func() error {
			_, _, err := b.GrantList(ctx, engine.GrantQuery{Environment: env, Customer: "c", Limit: 1, Due: due})
			return err
		},
	}
	b.clock.Store(int64(due) - 1)
	b.do(t, grant, burn())
	for name, read := range reads {
		if err := read(); err != nil {
			t.Errorf("%s before the boundary: %v", name, err)
		}
	}
	b.clock.Store(int64(due))
	if err := b.Do(ctx, burn())[0]; !errors.Is(err, engine.ErrDue) {
		t.Errorf("the operation at the boundary: %v", err)
	}
	for name, read := range reads {
		if err := read(); !errors.Is(err, engine.ErrDue) {
			t.Errorf("%s at the boundary: %v", name, err)
		}
	}
	past := &grantOp{customer: "c", amount: 7, expire: ledger.Never}
	b.do(t, &scoped{past, engine.Scope{Environment: env, Customer: "c", Before: due, At: due - 1}})
	want := []string{"GRANTED 5 at +999", "CONSUMED -1 at +999", "GRANTED 7 at +999", "EXPIRED -4 at +1000"}
	if diff := cmp.Diff(want, b.rowsOf(t, "c")); diff != "" {
		t.Error(diff)
	}
}

func TestAt(t *testing.T) {
	// An operation as of the past finds posted what was due by then and nothing later; its rows bear its instant, or that of
	// the last row when there is a later one.
	t.Parallel()
	b := setup(t, postgres.Options(t))
	defer b.close(t)
	b.do(t, &grantOp{customer: "c", amount: 1, expire: began + 100}, &grantOp{customer: "c", amount: 2, expire: began + 300})
	b.clock.Add(1000)
	grant := func(n int64, at ledger.Time) {
		t.Helper()
		b.do(t, &scoped{&grantOp{customer: "c", amount: n, expire: ledger.Never}, engine.Scope{Environment: env, Customer: "c", At: at}})
	}
	grant(4, began+200)
	grant(8, began+300)
	grant(16, began+250)
	want := []string{"GRANTED 1 at +0", "GRANTED 2 at +0", "EXPIRED -1 at +100", "GRANTED 4 at +200", "EXPIRED -2 at +300",
		"GRANTED 8 at +300", "GRANTED 16 at +300"}
	if diff := cmp.Diff(want, b.rowsOf(t, "c")); diff != "" {
		t.Error(diff)
	}
	if report, err := engine.Verify(t.Context(), b.store.Journal(), 1); err != nil || report.Entries != 7 {
		t.Errorf("%+v, %v", report, err)
	}
}
