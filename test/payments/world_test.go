package payments_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/fake"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

const env = credits.EnvironmentDevelopment

var caller = credits.Caller{Actor: ledger.Actor{Kind: ledger.ActorAPI, ID: "key"}, Request: "req"}

// world is a service over a fresh database, with a fake provider and a clock that the test moves.
type world struct {
	*credits.Service
	t        testing.TB
	store    *mortalStore
	provider *fake.Provider
	clock    atomic.Int64
	ids      atomic.Int64
	planMu   sync.Mutex
	plan     func(key string, call int) fake.Act
}

// open starts a world whose provider does what it is asked.
func open(t testing.TB) *world {
	t.Helper()
	s, err := store.Open(t.Context(), postgres.Options(t))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	w := &world{t: t, store: &mortalStore{Store: s, life: &life{}}, plan: func(string, int) fake.Act { return fake.Act{} }}
	w.clock.Store(1_800_000_000_000_000)
	w.provider = fake.New(w.wall, func(key string, call int) fake.Act {
		w.planMu.Lock()
		defer w.planMu.Unlock()
		return w.plan(key, call)
	})
	clock := func(string) ledger.Time { return ledger.Time(w.clock.Load()) }
	journal, err := engine.Open(t.Context(), engine.Options{Journal: s.Journal(), Clock: clock})
	must(t, err)
	t.Cleanup(journal.Close)
	w.Service, err = credits.New(t.Context(), credits.Options{
		Store: w.store, Engine: journal, Clocks: credits.NewClocks(clock), Random: rand.Reader,
		NewID: func() string { return fmt.Sprintf("%08d", w.ids.Add(1)) },
	})
	must(t, err)
	_, err = w.Bootstrap(t.Context(), "")
	must(t, err)
	w.UseCashier(w.collector(&life{}))
	w.shop()
	return w
}

// collector is a process that collects, until its life ends.
func (w *world) collector(l *life) *billing.Collector {
	return billing.New(billing.Options{
		Books: mortalBooks{w.Service, l}, Now: w.wall,
		Providers: func(string) []billing.Provider { return []billing.Provider{w.provider} },
	})
}

func (w *world) wall() time.Time { return time.UnixMicro(w.clock.Load()).UTC() }

func (w *world) tick(d time.Duration) { w.clock.Add(d.Microseconds()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shop sells tokens at 0.10.
func (w *world) shop() {
	w.t.Helper()
	ctx, by := w.t.Context(), caller.Actor
	_, err := w.CreateCreditType(ctx, env, by, credits.NewCreditType{ID: "tokens", DisplayName: "Tokens"})
	must(w.t, err)
	_, err = w.CreateProduct(ctx, env, by, credits.NewProduct{ID: "app", DisplayName: "App"})
	must(w.t, err)
	ref := credits.PlanRef("prepaid")
	_, err = w.CreatePackage(ctx, env, by, credits.NewPackage{Ref: ref, ProductID: "app", DisplayName: "Prepaid"})
	must(w.t, err)
	dime, err := amount.Parse("0.1")
	must(w.t, err)
	_, err = w.UpdatePackage(ctx, env, by, ref, credits.PackageUpdate{Pricing: credits.Set(credits.Pricing{Type: credits.PricingPaid,
		Models: []credits.PricingModel{{BillingModel: credits.BillingPerUnit, TopUpCreditTypeID: "tokens", Periods: []credits.PricePeriod{{
			BillingPeriod: credits.PeriodMonthly, Price: &ledger.Money{Amount: dime, Currency: "usd"}}}}}})})
	must(w.t, err)
	_, err = w.PublishPackage(ctx, env, by, ref, credits.MigrateNew)
	must(w.t, err)
}

// customer makes a customer that may buy.
func (w *world) customer(id string) {
	w.t.Helper()
	_, err := w.ProvisionCustomer(w.t.Context(), env, caller.Actor, credits.NewCustomer{ID: id})
	must(w.t, err)
	_, err = w.ProvisionSubscription(w.t.Context(), env, caller.Actor, credits.NewSubscription{ID: "sub-" + id, CustomerID: id, PlanID: "prepaid"})
	must(w.t, err)
}

// deliver hands the notices over that have arrived, and says how many.
func (w *world) deliver(c *billing.Collector, shuffle func(n int, swap func(i, j int))) int {
	w.t.Helper()
	arrived := w.provider.Arrived()
	if shuffle != nil {
		shuffle(len(arrived), func(i, j int) { arrived[i], arrived[j] = arrived[j], arrived[i] })
	}
	for _, m := range arrived {
		header := func(name string) string {
			if name == fake.SignatureHeader {
				return m.Signature
			}
			return ""
		}
		_ = c.Notice(w.t.Context(), env, "fake", header, m.Body) // forged ones are refused
	}
	return len(arrived)
}

// attempts lists all attempts, the newest first.
func (w *world) attempts() []*credits.PaymentAttempt {
	w.t.Helper()
	var all []*credits.PaymentAttempt
	page := credits.Page{Limit: 100}
	for {
		list, err := w.PaymentAttempts(w.t.Context(), env, credits.AttemptFilter{}, page)
		must(w.t, err)
		all = append(all, list.Items...)
		if list.Next == 0 {
			return all
		}
		page.After = list.Next
	}
}
