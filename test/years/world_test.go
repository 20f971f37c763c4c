package years

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

const env = credits.EnvironmentDevelopment

var caller = credits.Caller{Actor: ledger.Actor{Kind: ledger.ActorAPI, ID: "key"}, Request: "req"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// installation is one or two nodes over a database, by one wall clock.
type installation struct {
	t     testing.TB
	wall  atomic.Int64
	ids   atomic.Int64
	nodes []*node
}

// node is a process.
type node struct {
	*credits.Service
	in     *installation
	store  *store.Store
	engine *engine.Engine
}

// install opens as many nodes as there are options.
func install(t testing.TB, now time.Time, options ...store.Options) *installation {
	t.Helper()
	in := &installation{t: t}
	in.wall.Store(now.UnixMicro())
	for _, o := range options {
		s, err := store.Open(t.Context(), o)
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		n := &node{in: in, store: s}
		n.start(s)
		t.Cleanup(func() { n.engine.Close() })
		in.nodes = append(in.nodes, n)
	}
	return in
}

// start begins a process over a store, after the one before has ended.
func (n *node) start(s credits.Store) {
	t := n.in.t
	t.Helper()
	if n.engine != nil {
		n.engine.Close()
	}
	clocks := credits.NewClocks(func(string) ledger.Time { return ledger.Time(n.in.wall.Load()) })
	must(t, clocks.Load(t.Context(), s))
	var err error
	n.engine, err = engine.Open(t.Context(), engine.Options{Journal: n.store.Journal(), Clock: clocks.Now})
	must(t, err)
	n.Service, err = credits.New(t.Context(), credits.Options{Store: s, Engine: n.engine, Clocks: clocks, Random: rand.Reader,
		NewID: func() string { return fmt.Sprintf("%08d", n.in.ids.Add(1)) }})
	must(t, err)
	_, err = n.Bootstrap(t.Context(), "")
	must(t, err)
}

// advance runs the scheduler up to an instant of the environment's clock.
func (n *node) advance(to time.Time, hold bool) {
	n.in.t.Helper()
	for {
		got, err := n.AdvanceClock(n.in.t.Context(), env, caller.Actor, credits.ClockAdvance{To: instant(to), Hold: hold})
		must(n.in.t, err)
		if got.Reached {
			return
		}
	}
}

func instant(t time.Time) ledger.Time { return ledger.Time(t.UnixMicro()) }

func moment(t ledger.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

func exact(r *big.Rat) amount.Amount {
	a, err := amount.Parse(r.FloatString(6))
	if err != nil {
		panic(err)
	}
	return a
}

// stock fills the catalogue as the model's shop has it.
func (n *node) stock(s *shop) {
	t, ctx, by := n.in.t, n.in.t.Context(), caller.Actor
	t.Helper()
	_, err := n.CreateCreditType(ctx, env, by, credits.NewCreditType{ID: "tokens", DisplayName: "Tokens"})
	must(t, err)
	for _, id := range []string{"calls", "seats"} {
		_, err = n.CreateFeature(ctx, env, by, credits.NewFeature{ID: id, DisplayName: id, Type: credits.FeatureNumber})
		must(t, err)
	}
	_, err = n.UpdateFeature(ctx, env, by, "calls", credits.FeatureUpdate{Meter: credits.Set(&credits.MeterRule{Function: "COUNT",
		Filters: []credits.MeterFilter{{Conditions: []credits.MeterCondition{{Field: "eventName", Operation: "EQUALS", Values: []string{"call"}}}}}})})
	must(t, err)
	_, err = n.CreateProduct(ctx, env, by, credits.NewProduct{ID: "app", DisplayName: "App"})
	must(t, err)
	for i, id := range []string{"p", "q", "x", "o"} {
		ref := credits.PlanRef(id)
		if i > 1 {
			ref = credits.AddonRef(id)
		}
		_, err = n.CreatePackage(ctx, env, by, credits.NewPackage{Ref: ref, ProductID: "app", DisplayName: id})
		must(t, err)
		if i < 2 {
			_, err = n.UpdatePackage(ctx, env, by, ref, credits.PackageUpdate{Pricing: credits.Set(s.prices(rates[id]))})
			must(t, err)
		}
		_, err = n.AddEntitlements(ctx, env, by, ref, []credits.NewEntitlement{{PackageEntitlement: s.packages[id].entitlement(id == "o")}})
		must(t, err)
		_, err = n.PublishPackage(ctx, env, by, ref, credits.MigrateNew)
		must(t, err)
	}
}

// rates are the credits that a call burns on each plan.
var rates = map[string]int64{"p": 3, "q": 7}

// Bounds of a purchase.
const buyLeast, buyMost = 10, 5000

// prices are a plan's: a call burns so many credits, and a credit costs 5 cents.
func (s *shop) prices(rate int64) credits.Pricing {
	sell := credits.PricingModel{BillingModel: credits.BillingPerUnit, TopUpCreditTypeID: "tokens"}
	low, high := int64(buyLeast), int64(buyMost)
	sell.MinUnits, sell.MaxUnits = &low, &high
	if s.life > 0 {
		sell.ExpireAfter = fmt.Sprintf("P%dD", s.life)
	}
	call := credits.PricingModel{BillingModel: credits.BillingCreditBased, FeatureID: "calls"}
	for _, period := range []string{credits.PeriodMonthly, credits.PeriodAnnually} {
		sell.Periods = append(sell.Periods, credits.PricePeriod{BillingPeriod: period, GrantCadence: s.block,
			Price: &ledger.Money{Amount: exact(big.NewRat(1, 20)), Currency: "usd"}})
		call.Periods = append(call.Periods, credits.PricePeriod{BillingPeriod: period,
			CreditRate: &credits.CreditRate{CreditTypeID: "tokens", Amount: amount.FromInt(rate)}})
	}
	return credits.Pricing{Type: credits.PricingPaid, Models: []credits.PricingModel{sell, call}}
}

func (r *rules) entitlement(override bool) credits.PackageEntitlement {
	number := func(n int64) *amount.Amount {
		a := amount.FromInt(n)
		return &a
	}
	e := credits.PackageEntitlement{EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"},
		Amount: number(r.amounts[0].amount), Cadence: r.cadence, MidCycle: r.policy}
	if r.trial > 0 {
		e.TrialAmount = number(r.trial)
	}
	if override {
		e.Behavior = "Override"
	}
	if r.seats {
		e.DependencyFeatureID = "seats"
	}
	if r.carries {
		e.Rollover = &credits.Rollover{MaxPeriods: r.periods}
		switch {
		case r.cap > 0:
			e.Rollover.MaxAmount = number(r.cap)
		case r.percent > 0:
			e.Rollover.MaxPercent = number(r.percent)
		}
	}
	if r.forgives {
		e.DeficitAtReset = credits.DeficitForgive
	}
	if r.value > 0 {
		e.CreditValue = &ledger.Money{Amount: exact(big.NewRat(r.value, 100)), Currency: "usd"}
	}
	return e
}
