package credits_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

var cashier = credits.Caller{Actor: actor, Request: "request"}

// shop is a world whose customers have bought credits.
func shop(t testing.TB, w *world, customers int, each string) {
	t.Helper()
	must[*credits.CreditType](t)(w.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "credits", DisplayName: "Credits"}))
	for i := range customers {
		id := fmt.Sprint("c", i)
		must[*credits.Customer](t)(w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: id}))
		must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, cashier, credits.NewGrant{
			Customer: id, CreditType: "credits", Amount: dec(each), DisplayName: "Pack", Cost: &ledger.Money{Amount: dec("99.99"), Currency: "usd"},
		}))
	}
}

// use consumes one credit at a time, round the customers.
func use(t testing.TB, w *world, customers, from, to int) {
	t.Helper()
	const batch = 1000
	for n := from; n < to; n += batch {
		var items []credits.Consumption
		for i := n; i < min(n+batch, to); i++ {
			items = append(items, credits.Consumption{Customer: fmt.Sprint("c", i%customers), CreditType: "credits", Amount: amount.FromInt(1), Key: fmt.Sprint(i)})
		}
		if err := w.ConsumeAll(w.ctx, env, cashier, items); err != nil {
			t.Fatal(err)
		}
	}
}

// report is the report of the present month.
func report(t testing.TB, w *world) *credits.RevenueReport {
	t.Helper()
	return must[*credits.RevenueReport](t)(w.Revenue(w.ctx, env, revenue.MonthOf(w.now())))
}

func TestRevenueIsDerived(t *testing.T) {
	// The books are a function of the journal: in pieces, after a restart, and after everything derived was dropped they say
	// the same (E5).
	t.Parallel()
	w := setup(t)
	shop(t, w, 7, "1000")
	for n := range 5 {
		use(t, w, 7, 100*n, 100*n+100)
		report(t, w)
		w.tick(20 * 24 * 3600 * second)
	}
	before := report(t, w)
	if before.Lines[0].Closing() != dec("649.93") { // 7 × 99.99 less 500 of 7,000 credits, to the cent of each grant
		t.Errorf("closing %s", before.Lines[0].Closing())
	}
	w.restart()
	if diff := cmp.Diff(before, report(t, w), cmp.Comparer(sameAmount)); diff != "" {
		t.Errorf("after a restart:\n%s", diff)
	}
	w.engine.Close()
	if err := w.store.Journal().DropDerived(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.restart()
	if diff := cmp.Diff(before, report(t, w), cmp.Comparer(sameAmount)); diff != "" {
		t.Errorf("after a rebuild:\n%s", diff)
	}
}

func sameAmount(a, b amount.Amount) bool { return a == b }

func TestRevenueOnNodes(t *testing.T) {
	// Nodes that fold and close at the same time enter everything once and store one report; a node whose clock is behind
	// posts nothing in the closed month.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a := open(t, o)
	shop(t, a, 3, "1000")
	b := open(t, o)
	var wait sync.WaitGroup
	for i, w := range []*world{a, b} {
		wait.Go(func() {
			for n := range 10 {
				from := 1000*i + 30*n
				use(t, w, 3, from, from+30)
				report(t, w)
			}
		})
	}
	wait.Wait()
	month := revenue.MonthOf(a.now())
	a.clock.Store(int64(month.End()))
	b.clock.Store(int64(month.End()))
	closed := make([]*credits.RevenueReport, 2)
	for i, w := range []*world{a, b} {
		wait.Go(func() { closed[i] = must[*credits.RevenueReport](t)(w.CloseRevenue(w.ctx, env, cashier, month)) })
	}
	wait.Wait()
	if diff := cmp.Diff(closed[0], closed[1], cmp.Comparer(sameAmount)); diff != "" {
		t.Errorf("two nodes closed differently:\n%s", diff)
	}
	b.clock.Store(int64(month.End() - 3600*second))
	use(t, b, 3, 5000, 5001)
	rows, _, err := b.engine.Ledger(t.Context(), engine.LedgerQuery{Pool: ledger.Key{Environment: env, Customer: "c2", Currency: "credits"}, Limit: 1})
	if err != nil || rows[0].PostedAt != month.End() {
		t.Errorf("posted at %v, want %v; %v", rows[0].PostedAt, month.End(), err)
	}
	if _, err := credits.VerifyRevenue(t.Context(), a.store, a.store.Journal(), 1); err != nil {
		t.Error(err)
	}
}

func TestRevenueCloseSweeps(t *testing.T) {
	// What was due in a month is posted before it closes, by whichever pool, in memory or not; and its closing survives a start.
	t.Parallel()
	w := setup(t)
	shop(t, w, 1, "10")
	month := revenue.MonthOf(w.now())
	late := credits.NewGrant{
		Customer: "c0", CreditType: "credits", Amount: dec("10"), DisplayName: "Pack", Cost: &ledger.Money{Amount: dec("8"), Currency: "usd"},
		ExpireAt: month.End() - 1,
	}
	must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, cashier, late))
	late.ExpireAt = month.End()
	must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, cashier, late))
	w.clock.Store(int64(month.End()) + int64(100*second))
	w.restart()
	closed := must[*credits.RevenueReport](t)(w.CloseRevenue(w.ctx, env, cashier, month))
	if f := closed.Lines[0].Figures; f.Breakage != dec("8") || closed.Lines[0].Closing() != dec("107.99") {
		t.Errorf("breakage %s, closing %s", f.Breakage, closed.Lines[0].Closing())
	}
	if err := w.engine.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.clock.Store(int64(month.End() - 50))
	w.restart()
	use(t, w, 1, 0, 1)
	rows, _, err := w.engine.Ledger(t.Context(), engine.LedgerQuery{Pool: ledger.Key{Environment: env, Customer: "c0", Currency: "credits"}, Limit: 1})
	if err != nil || rows[0].PostedAt < month.End() {
		t.Errorf("posted at %v, before %v; %v", rows[0].PostedAt, month.End(), err)
	}
}

func TestRevenueLateRowIsFound(t *testing.T) {
	// Verify names an entry that posts in a month which was closed before it.
	t.Parallel()
	w := setup(t)
	shop(t, w, 1, "10")
	use(t, w, 1, 0, 1)
	month := revenue.MonthOf(w.now())
	forged := &credits.RevenueReport{Month: month, ClosedAt: 1, Until: engine.Cut{engine.NewPosition(0, 2)}, Lines: report(t, w).Lines}
	if err := w.store.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertClosedMonth(t.Context(), env, forged) }); err != nil {
		t.Fatal(err)
	}
	if _, err := credits.VerifyRevenue(t.Context(), w.store, w.store.Journal(), 1); err == nil {
		t.Error("the late row was not found")
	}
}

func TestRevenueCloseTooEarly(t *testing.T) {
	// The engine itself refuses to close a time that is not over.
	t.Parallel()
	w := setup(t)
	if _, err := w.engine.CloseBefore(t.Context(), env, w.now()+1, actor, "r"); !errors.Is(err, engine.ErrNotOver) {
		t.Errorf("%v, want ErrNotOver", err)
	}
}

// BenchmarkRevenue measures what it costs to enter a million events of five thousand customers in the books from nothing, and
// then to report again when nothing is new:
//
//	go test ./internal/credits -run XXX -bench Revenue -benchtime 1x
func BenchmarkRevenue(b *testing.B) {
	const events, customers = 1_000_000, 5_000
	w := open(b, store.Options{Dir: b.TempDir()})
	shop(b, w, customers, "1000")
	use(b, w, customers, 0, events)
	for b.Loop() {
		began := time.Now()
		report(b, w)
		b.ReportMetric(time.Since(began).Seconds(), "s/first")
		began = time.Now()
		report(b, w)
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/again")
	}
}
