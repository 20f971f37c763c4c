package credits_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

const (
	env    = credits.EnvironmentDevelopment
	second = ledger.Time(1e6)
	start  = ledger.Time(1_800_000_000_000_000)
)

var actor = ledger.Actor{Kind: ledger.ActorAPI, ID: "key"}

// world is a service over a fresh store, with a clock that the test moves.
type world struct {
	*credits.Service
	t      testing.TB
	ctx    context.Context
	store  *store.Store
	engine *engine.Engine
	clock  atomic.Int64 // the wall clock
	clocks *credits.Clocks
	watch  *credits.Watch
	ids    atomic.Int64
	policy credits.PaymentPolicy
}

func setup(t *testing.T) *world {
	t.Helper()
	return open(t, postgres.Options(t))
}

// open is setup over a database that may be in use already.
func open(t testing.TB, o store.Options) *world {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, ctx: t.Context(), store: s}
	w.clock.Store(int64(start))
	w.restart()
	t.Cleanup(func() { w.engine.Close() })
	return w
}

// restart makes a new service over the same store, as a new start of the program does.
func (w *world) restart() {
	w.t.Helper()
	if w.engine != nil {
		w.engine.Close()
	}
	w.watch = &credits.Watch{}
	w.clocks = credits.NewClocks(func(string) ledger.Time { return w.now() })
	err := w.clocks.Load(w.ctx, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.engine, err = engine.Open(w.ctx, engine.Options{Journal: w.store.Journal(), Clock: w.clocks.Now, Thresholds: w.watch.Of}); err != nil {
		w.t.Fatal(err)
	}
	service, err := credits.New(w.ctx, w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service = service
	if _, err := service.Bootstrap(w.ctx, ""); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) options() credits.Options {
	return credits.Options{
		Random:   rand.Reader,
		Store:    w.store,
		Engine:   w.engine,
		Clocks:   w.clocks,
		NewID:    func() string { return fmt.Sprintf("id%d", w.ids.Add(1)) },
		Payments: func(string) credits.PaymentPolicy { return w.policy },
		Watch:    w.watch,
	}
}

func (w *world) now() ledger.Time { return ledger.Time(w.clock.Load()) }

// tick moves the clock and returns the new instant.
func (w *world) tick(d ledger.Time) ledger.Time { return ledger.Time(w.clock.Add(int64(d))) }

// must stops the test on an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantError checks an error's code and field.
func wantError(t *testing.T, err error, code, field string) {
	t.Helper()
	var e *credits.Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v, want code %s", err, code)
		return
	}
	if e.Code != code || e.Field != field {
		t.Errorf("error is %s on %q (%s), want %s on %q", e.Code, e.Field, e.Message, code, field)
	}
}

func dec(text string) amount.Amount {
	a, err := amount.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

// shop fills the catalogue: credit type tokens, metered feature email, product app.
func (w *world) shop() {
	w.t.Helper()
	must[*credits.CreditType](w.t)(w.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "tokens", DisplayName: "Tokens"}))
	w.feature("email", countOf("email"))
	must[*credits.Product](w.t)(w.CreateProduct(w.ctx, env, actor, credits.NewProduct{ID: "app", DisplayName: "App"}))
}

func (w *world) feature(id string, rule *credits.MeterRule) {
	w.t.Helper()
	must[*credits.Feature](w.t)(w.CreateFeature(w.ctx, env, actor, credits.NewFeature{ID: id, DisplayName: id, Type: credits.FeatureNumber}))
	must[*credits.Feature](w.t)(w.UpdateFeature(w.ctx, env, actor, id, credits.FeatureUpdate{Meter: credits.Set(rule)}))
}

func countOf(event string) *credits.MeterRule { return ruleOf("COUNT", "", event) }

func ruleOf(function, field, event string) *credits.MeterRule {
	return &credits.MeterRule{Function: function, Field: field, Filters: []credits.MeterFilter{{Conditions: []credits.MeterCondition{
		{Field: "eventName", Operation: "EQUALS", Values: []string{event}}}}}}
}

// mapping is a price that burns tokens for a feature. A rate that is not a number is a formula.
func mapping(feature, rate string) credits.PricingModel {
	r := &credits.CreditRate{CreditTypeID: "tokens"}
	if a, err := amount.Parse(rate); err == nil {
		r.Amount = a
	} else {
		r.Formula = rate
	}
	return credits.PricingModel{BillingModel: credits.BillingCreditBased, FeatureID: feature,
		Periods: []credits.PricePeriod{{BillingPeriod: credits.PeriodMonthly, CreditRate: r}}}
}

// topUp is a price for tokens.
func topUp(unit, currency string, low, high int64) credits.PricingModel {
	return credits.PricingModel{BillingModel: credits.BillingPerUnit, TopUpCreditTypeID: "tokens", MinUnits: &low, MaxUnits: &high,
		Periods: []credits.PricePeriod{{BillingPeriod: credits.PeriodMonthly, Price: &ledger.Money{Amount: dec(unit), Currency: currency}}}}
}

// price writes prices to a plan's draft.
func (w *world) price(ref credits.PackageRef, models ...credits.PricingModel) error {
	_, err := w.UpdatePackage(w.ctx, env, actor, ref, credits.PackageUpdate{
		Pricing: credits.Set(credits.Pricing{Type: credits.PricingPaid, Models: models})})
	return err
}

// offer makes and publishes a plan or add-on of product app.
func (w *world) offer(ref credits.PackageRef, models ...credits.PricingModel) {
	w.t.Helper()
	must[credits.PackageView](w.t)(w.CreatePackage(w.ctx, env, actor, credits.NewPackage{Ref: ref, ProductID: "app", DisplayName: ref.ID}))
	if err := w.price(ref, models...); err != nil {
		w.t.Fatal(err)
	}
	must[credits.PackageView](w.t)(w.PublishPackage(w.ctx, env, actor, ref, credits.MigrateNew))
}

// reprice publishes a new version of a plan or add-on with other prices.
func (w *world) reprice(ref credits.PackageRef, migration credits.Migration, models ...credits.PricingModel) {
	w.t.Helper()
	must[credits.PackageView](w.t)(w.DraftPackage(w.ctx, env, actor, ref))
	if err := w.price(ref, models...); err != nil {
		w.t.Fatal(err)
	}
	must[credits.PackageView](w.t)(w.PublishPackage(w.ctx, env, actor, ref, migration))
}

func (w *world) customer(id string) {
	w.t.Helper()
	must[*credits.Customer](w.t)(w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: id}))
}

func (w *world) subscribe(in credits.NewSubscription) *credits.Subscription {
	w.t.Helper()
	return must[*credits.Subscription](w.t)(w.ProvisionSubscription(w.ctx, env, actor, in))
}

// rates lists "subscription:rate@version" for each mapping that may price an e-mail of a customer at an instant.
func (w *world) rates(customer, resource, feature string, at ledger.Time) []string {
	w.t.Helper()
	cs := must[*credits.CustomerState](w.t)(w.CustomerState(w.ctx, env, customer))
	var list []string
	for _, c := range w.Catalog(env).Candidates(cs, resource, feature, at) {
		list = append(list, fmt.Sprintf("%s:%s@%d", c.Subscription.ID, c.Mapping.Rate.Flat, c.Mapping.Version))
	}
	return list
}
