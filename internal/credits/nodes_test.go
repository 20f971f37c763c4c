package credits_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// twoNodes are two services, each with a store of its own, over one database.
func twoNodes(t testing.TB) (a, b *world) {
	t.Helper()
	o := store.Options{URL: postgres.Database(t)}
	return open(t, o), open(t, o)
}

// seen confirms and then reads, as a request does.
func seen[T any](w *world) func(T, error) T {
	w.t.Helper()
	w.confirm()
	return must[T](w.t)
}

func (w *world) confirm() {
	w.t.Helper()
	if err := w.Confirm(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

func TestNodes_catalogue(t *testing.T) {
	// Every change of the catalogue is seen by the next request on another node, in both directions.
	t.Parallel()
	a, b := twoNodes(t)
	a.shop()
	b.confirm()
	if _, ok := b.Catalog(env).CreditType("tokens"); !ok {
		t.Error("a new credit type is not seen")
	}
	if f, ok := b.Catalog(env).Feature("email"); !ok || f.Meter == nil {
		t.Error("a feature or its meter is not seen")
	}
	pro := credits.PlanRef("pro")
	must[credits.PackageView](t)(b.CreatePackage(b.ctx, env, actor, credits.NewPackage{Ref: pro, ProductID: "app", DisplayName: "Pro"}))
	a.confirm()
	if err := a.price(pro, mapping("email", "2")); err != nil { // of the draft that b has made
		t.Fatal(err)
	}
	b.confirm()
	must[credits.PackageView](t)(b.PublishPackage(b.ctx, env, actor, pro, credits.MigrateNew))
	a.confirm()
	if v, ok := a.Catalog(env).PlanVersion("pro", 1); !ok || v.Status != credits.PackagePublished {
		t.Errorf("a published plan is not seen: %+v", v)
	}
	if ra, rb := a.Catalog(env).Revision(), b.Catalog(env).Revision(); ra != rb {
		t.Errorf("revisions %d and %d", ra, rb)
	}
}

func TestNodes_edits_do_not_overwrite(t *testing.T) {
	// Edits on two nodes at the same time, from memory that is behind, all stay.
	t.Parallel()
	a, b := twoNodes(t)
	const each = 20
	var wait sync.WaitGroup
	for i, w := range []*world{a, b} {
		wait.Go(func() {
			for k := range each {
				id := fmt.Sprintf("p%d-%d", i, k)
				if _, err := w.CreateProduct(w.ctx, env, actor, credits.NewProduct{ID: id, DisplayName: id}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for _, w := range []*world{a, b} {
		w.confirm()
		if list := w.Products(env, credits.ProductFilter{}, credits.Page{Limit: 100}); len(list.Items) != 2*each {
			t.Errorf("%d products, want %d", len(list.Items), 2*each)
		}
	}
}

func TestNodes_customers(t *testing.T) {
	// Every change of a customer or subscription is seen by the next request on another node that has it cached.
	t.Parallel()
	a, b := twoNodes(t)
	a.shop()
	a.offer(credits.PlanRef("pro"), mapping("email", "2"))
	_, err := b.CustomerState(b.ctx, env, "ann")
	wantError(t, err, "CustomerNotFound", "")
	a.customer("ann")
	state := func() *credits.CustomerState {
		t.Helper()
		return seen[*credits.CustomerState](b)(b.CustomerState(b.ctx, env, "ann"))
	}
	state()
	must[*credits.Customer](t)(a.UpdateCustomer(a.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set("Ann")}))
	if got := state().Customer.Name; got != "Ann" {
		t.Errorf("name is %q", got)
	}
	sub := a.subscribe(credits.NewSubscription{ID: "sub", CustomerID: "ann", PlanID: "pro"})
	if got := state().Subscriptions; len(got) != 1 {
		t.Errorf("subscriptions are %+v", got)
	}
	three := mapping("email", "3").Periods[0].CreditRate
	must[*credits.Subscription](t)(a.UpdateSubscription(a.ctx, env, actor, sub.ID, credits.SubscriptionUpdate{
		PriceOverrides: credits.Set([]credits.PriceOverride{{FeatureID: "email", CreditRate: three}})}))
	if got := state().Subscriptions[0].Current().Overrides; len(got) != 1 {
		t.Errorf("overrides are %+v", got)
	}
	must[*credits.Subscription](t)(a.CancelSubscription(a.ctx, env, actor, sub.ID, credits.Cancellation{}))
	if got := state().Subscriptions[0]; got.CanceledAt == 0 {
		t.Error("a cancellation is not seen")
	}
	must[*credits.Customer](t)(a.ArchiveCustomer(a.ctx, env, actor, "ann"))
	if got := state().Customer; !got.Archived() {
		t.Error("archiving is not seen")
	}
	must[[]string](t)(a.ImportCustomers(a.ctx, env, actor, []credits.NewCustomer{{ID: "ann", Name: "Anna"}}))
	if got := state().Customer.Name; got != "Anna" {
		t.Errorf("after the import the name is %q", got)
	}
}

func TestNodes_keys(t *testing.T) {
	// A new key opens every node in the next request, and a revoked or expired one none.
	t.Parallel()
	a, b := twoNodes(t)
	key, text, err := a.CreateKey(a.ctx, env, actor, credits.NewKey{Kind: credits.ServerKey})
	if err != nil {
		t.Fatal(err)
	}
	seen[*credits.Key](b)(b.Authenticate(b.ctx, text))
	must[*credits.Key](t)(a.RevokeKey(a.ctx, env, actor, key.ID))
	b.confirm()
	_, err = b.Authenticate(b.ctx, text)
	wantError(t, err, "Unauthenticated", "")
	_, text, err = a.CreateKey(a.ctx, env, actor, credits.NewKey{Kind: credits.ServerKey, ExpiresAt: start + second})
	if err != nil {
		t.Fatal(err)
	}
	seen[*credits.Key](b)(b.Authenticate(b.ctx, text))
	b.tick(second)
	b.confirm()
	_, err = b.Authenticate(b.ctx, text)
	wantError(t, err, "Unauthenticated", "")
}

func TestNodes_environments(t *testing.T) {
	// A new environment, with what was made in it at once, is seen by the next request on another node; two nodes that add
	// environments at the same time get in nobody's way.
	t.Parallel()
	a, b := twoNodes(t)
	made := must[*credits.Environment](t)(a.CreateEnvironment(a.ctx, actor, "Staging", false))
	_, text, err := a.CreateKey(a.ctx, made.ID, actor, credits.NewKey{Kind: credits.ServerKey})
	if err != nil {
		t.Fatal(err)
	}
	must[*credits.Product](t)(a.CreateProduct(a.ctx, made.ID, actor, credits.NewProduct{ID: "app", DisplayName: "App"}))
	if key := seen[*credits.Key](b)(b.Authenticate(b.ctx, text)); key.Environment != made.ID {
		t.Errorf("the key opens %s", key.Environment)
	}
	if _, ok := b.Catalog(made.ID).Product("app"); !ok || len(b.Environments()) != 3 {
		t.Errorf("environments are %v, product seen: %t", b.Environments(), ok)
	}
	_, err = b.CreateEnvironment(b.ctx, actor, "Staging", false)
	wantError(t, err, "DuplicatedEntityNotAllowed", "id")
	var wait sync.WaitGroup
	for i, w := range []*world{a, b, a, b} {
		wait.Go(func() {
			must[*credits.Environment](t)(w.CreateEnvironment(w.ctx, actor, fmt.Sprintf("Test %d", i), false))
		})
	}
	wait.Wait()
	for _, w := range []*world{a, b} {
		w.confirm()
		if got := w.Environments(); len(got) != 7 || got[6].No != 7 {
			t.Errorf("environments are %v", got)
		}
	}
}

func TestNodes_start_together(t *testing.T) {
	// Of several nodes that start at once on an empty database one makes the first environments and keys.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	const text = "the operator's key of every node there is"
	var wait sync.WaitGroup
	var first atomic.Int64
	for range 4 {
		wait.Go(func() {
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = s.Close() })
			w := &world{t: t, ctx: t.Context(), store: s}
			w.clocks = credits.NewClocks(func(string) ledger.Time { return w.now() })
			service, err := credits.New(t.Context(), w.options())
			if err != nil {
				t.Error(err)
				return
			}
			b, err := service.Bootstrap(t.Context(), text)
			if b.First {
				first.Add(1)
			}
			if err := errors.Join(err, service.Confirm(t.Context())); err != nil {
				t.Error(err)
			}
			if _, err := service.Authenticate(t.Context(), text); err != nil || len(service.Environments()) != 2 {
				t.Errorf("environments %v, %v", service.Environments(), err)
			}
		})
	}
	wait.Wait()
	if first.Load() != 1 {
		t.Errorf("%d first starts", first.Load())
	}
}

func TestNodes_many_changes(t *testing.T) {
	// A node that has missed more changes than it would follow sees all of them.
	t.Parallel()
	a, b := twoNodes(t)
	a.customer("ann")
	seen[*credits.CustomerState](b)(b.CustomerState(b.ctx, env, "ann"))
	must[*credits.Customer](t)(a.UpdateCustomer(a.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set("Ann")}))
	a.shop()
	many := make([]credits.NewCustomer, 1000)
	for i := range many {
		many[i].ID = fmt.Sprintf("c%d", i)
	}
	must[[]string](t)(a.ImportCustomers(a.ctx, env, actor, many))
	if got := seen[*credits.CustomerState](b)(b.CustomerState(b.ctx, env, "ann")).Customer.Name; got != "Ann" {
		t.Errorf("name is %q", got)
	}
	if _, ok := b.Catalog(env).Product("app"); !ok {
		t.Error("the catalogue was not loaded anew")
	}
	must[*credits.Customer](t)(a.UpdateCustomer(a.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set("Anna")}))
	if got := seen[*credits.CustomerState](b)(b.CustomerState(b.ctx, env, "ann")).Customer.Name; got != "Anna" {
		t.Errorf("after the new start the name is %q", got)
	}
}

func TestNodes_subscribe_by_the_catalogue_of_now(t *testing.T) {
	// What a node writes is decided by what is committed, even if a change came after the request was confirmed.
	t.Parallel()
	a, b := twoNodes(t)
	a.shop()
	a.offer(credits.PlanRef("pro"), mapping("email", "2"))
	a.customer("ann")
	b.confirm()
	a.reprice(credits.PlanRef("pro"), credits.MigrateNew, mapping("email", "3"))
	sub := b.subscribe(credits.NewSubscription{CustomerID: "ann", PlanID: "pro"}) // b's memory has version 1
	if got := sub.Current().Version; got != 2 {
		t.Errorf("subscribed for version %d", got)
	}
}

func TestConfirm_unreachable(t *testing.T) {
	// A node that cannot ask the database refuses rather than answer from memory.
	t.Parallel()
	server := postgres.Private(t)
	w := open(t, store.Options{URL: server.URL})
	w.confirm()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	err := w.Confirm(w.ctx)
	wantError(t, err, "Unavailable", "")
}
