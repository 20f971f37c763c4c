package credits_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestLateScheduler(t *testing.T) {
	// A scheduler that was down for three months posts every boundary with its own date, in order; nobody asked meanwhile.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	w.at("03-05 00:00")
	w.use("10")
	w.at("06-15 00:00")
	w.restart()
	if got := w.advance(w.now(), false); got.Ran[0].Count != 1 {
		t.Errorf("ran %+v", got.Ran)
	}
	w.wantRows("GRANTED +1000 (1000) 03-01 00:00", "CONSUMED -10 (990) 03-05 00:00",
		"EXPIRED -990 (0) 04-01 00:00", "GRANTED +1000 (1000) 04-01 00:00", "EXPIRED -1000 (0) 05-01 00:00", "GRANTED +1000 (1000) 05-01 00:00",
		"EXPIRED -1000 (0) 06-01 00:00", "GRANTED +1000 (1000) 06-01 00:00")
}

func TestBoundariesByTheClock(t *testing.T) {
	// A clock that is moved over a year stands at every boundary, and nothing is posted late.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	got := w.advance(on("2027-03-01 00:00"), true)
	if !got.Reached || got.Ran[0].Count != 13 {
		t.Errorf("advanced %+v", got)
	}
	if grants := w.grantsOf(); len(grants) != 13 {
		t.Errorf("%d grants", len(grants))
	}
}

func TestCrashBetweenRowAndCredits(t *testing.T) {
	// A crash after a change was stored and before its credits were issued loses nothing, and one between the credits and the note
	// of them doubles nothing.
	t.Parallel()
	w := month(t)
	w.include(credits.PlanRef("max"), included("5000", "MONTH"))
	sub := w.begin(credits.NewSubscription{}) // its credits are not issued yet
	w.restart()
	w.wantTokens("1000")
	before := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, sub.ID))
	w.at("03-16 12:00")
	w.change(credits.SubscriptionUpdate{PlanID: credits.Set("max")})
	w.wantTokens("3000")
	forgotten := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, sub.ID))
	forgotten.Posting = before.Posting // as if the notes of the change had not been stored
	if err := w.store.Update(w.ctx, func(tx credits.Tx) error { return tx.UpdateSubscription(w.ctx, env, forgotten) }); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.wantTokens("3000")
	again := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, sub.ID))
	if len(again.Issued) != 1 || len(again.Issued[0].Grants) != 2 || again.PostedUntil != on("03-16 12:00") {
		t.Errorf("the notes are %+v", again.Posting)
	}
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{}))
	w.wantTokens("0")
}

func TestNodes_boundary(t *testing.T) {
	// Two nodes that post the same boundaries at once post each of them once.
	t.Parallel()
	a, b := twoNodes(t)
	a.at("03-01 00:00")
	b.at("03-01 00:00")
	a.shop()
	a.customer("ann")
	a.include(pro, included("1000", "MONTH"))
	a.begin(credits.NewSubscription{})
	a.wantTokens("1000")
	for _, month := range []string{"04-01 00:00", "05-01 00:00", "07-01 00:00"} {
		a.at(month)
		b.at(month)
		b.confirm()
		var both sync.WaitGroup
		failed := make([]error, 2)
		for i, w := range []*world{a, b} {
			both.Add(1)
			go func() {
				defer both.Done()
				_, failed[i] = w.CustomerState(w.ctx, env, "ann")
			}()
		}
		both.Wait()
		if err := errors.Join(failed...); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GRANTED +1000 (1000) 03-01 00:00"}
	for _, day := range []string{"04-01", "05-01", "06-01", "07-01"} {
		want = append(want, "EXPIRED -1000 (0) "+day+" 00:00", "GRANTED +1000 (1000) "+day+" 00:00")
	}
	a.confirm()
	a.wantRows(want...)
	b.confirm()
	b.wantRows(want...)
}

func TestBoundariesOfTwoSubscriptions(t *testing.T) {
	// Two subscriptions that renew at the same instant each carry over their own block.
	t.Parallel()
	most := dec("100")
	w := month(t, func(p *credits.PackageEntitlement) { p.Rollover = &credits.Rollover{MaxAmount: &most, MaxPeriods: 1} })
	must[*credits.Product](t)(w.UpdateProduct(w.ctx, env, actor, "app", credits.ProductUpdate{MultipleSubscriptions: credits.Set(true)}))
	w.begin(credits.NewSubscription{})
	w.begin(credits.NewSubscription{ID: "t"})
	w.wantTokens("2000")
	w.at("04-01 00:00")
	w.wantTokens("2200")
}

func TestBackdated(t *testing.T) {
	// A subscription that starts in the past gets the block of the running period now, and nothing for what is over; one that
	// starts later gets its first block there.
	t.Parallel()
	w := month(t)
	w.at("03-20 00:00")
	past, future := on("01-31 00:00"), on("04-10 00:00")
	w.begin(credits.NewSubscription{StartAt: &past})
	w.wantTokens("1000")
	w.customer("bob")
	w.begin(credits.NewSubscription{ID: "f", CustomerID: "bob", PlanID: "pro", StartAt: &future})
	w.at("04-11 00:00")
	if diff := cmp.Diff([]string{"PLAN_ENTITLEMENT pro of 1000 until 03-31 00:00", "PLAN_ENTITLEMENT pro of 1000 until 04-30 00:00"}, w.grantsOf()); diff != "" {
		t.Error(diff)
	}
	list := must[credits.List[*credits.Grant]](t)(w.Grants(w.ctx, env, credits.GrantFilter{Customer: "bob"}, credits.Page{}))
	if len(list.Items) != 1 || list.Items[0].EffectiveAt != future || list.Items[0].Status != ledger.Active {
		t.Errorf("bob has %+v", list.Items)
	}
}

func TestOverrideAddon(t *testing.T) {
	// S10.4: an add-on that overrides takes the place of the plan's amount, the largest one wins, and others add to it.
	t.Parallel()
	w := month(t)
	override := func(p *credits.PackageEntitlement) { p.Behavior = "Override" }
	w.include(credits.AddonRef("big"), included("3000", "MONTH", override))
	w.include(credits.AddonRef("less"), included("2000", "MONTH", override))
	w.include(credits.AddonRef("more"), included("7", "MONTH"))
	addons := []credits.SubscribedAddon{{ID: "big", Quantity: 1}, {ID: "less", Quantity: 1}, {ID: "more", Quantity: 2}}
	custom := dec("500")
	w.begin(credits.NewSubscription{Entitlements: []credits.EntitlementOverride{{
		EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"}, Amount: &custom, Cadence: "MONTH"}}})
	w.wantTokens("500")
	w.at("04-01 00:00")
	w.wantTokens("500")
	w.change(credits.SubscriptionUpdate{Addons: credits.Set(addons)})
	w.wantTokens("3014")
	w.change(credits.SubscriptionUpdate{Addons: credits.Set([]credits.SubscribedAddon{})})
	w.wantTokens("3014")
	w.at("05-01 00:00")
	w.wantTokens("500")
}

func TestNewAnchor(t *testing.T) {
	// An upgrade with the anchor reset ends the old block and begins a new period with all of the new one.
	t.Parallel()
	w := month(t)
	w.include(credits.PlanRef("max"), included("5000", "MONTH"))
	w.begin(credits.NewSubscription{})
	w.at("03-20 00:00")
	w.change(credits.SubscriptionUpdate{PlanID: credits.Set("max"), ResetAnchor: true})
	w.wantRows("GRANTED +1000 (1000) 03-01 00:00", "EXPIRED -1000 (0) 03-20 00:00", "GRANTED +5000 (5000) 03-20 00:00")
	w.at("04-20 00:00")
	w.wantTokens("5000")
	if got := w.grantsOf(); got[2] != "PLAN_ENTITLEMENT max of 5000 until 05-20 00:00" {
		t.Errorf("grants are %v", got)
	}
}

func TestCreditValue(t *testing.T) {
	// S10.6: a per-credit value makes the cost of a block; a share of the block rolls over with its share of the cost.
	t.Parallel()
	percent := dec("12.5")
	w := month(t, func(p *credits.PackageEntitlement) {
		p.CreditValue = &ledger.Money{Amount: dec("0.015"), Currency: "usd"}
		p.Rollover = &credits.Rollover{MaxPercent: &percent, MaxPeriods: 2}
	})
	w.begin(credits.NewSubscription{})
	w.wantTokens("1000")
	w.at("04-01 00:00")
	w.wantTokens("1125")
	list := must[credits.List[*credits.Grant]](t)(w.Grants(w.ctx, env, credits.GrantFilter{Customer: "ann"}, credits.Page{}))
	for i, want := range []string{"15", "1.88", "15"} { // the newest first
		if g := list.Items[i]; g.Cost.Amount != dec(want) || g.Type != ledger.Recurring {
			t.Errorf("grant %d costs %s", i, g.Cost.Amount)
		}
	}
	if rolled := list.Items[1]; rolled.ExpireAt != on("06-01 00:00") {
		t.Errorf("what is carried over ends at %d", rolled.ExpireAt)
	}
}

func TestOtherCadence(t *testing.T) {
	// A block of a cadence that no longer holds lives to its own end and is not carried over, whatever happens at that instant.
	t.Parallel()
	all := func(p *credits.PackageEntitlement) { p.Rollover = &credits.Rollover{MaxPeriods: 1} }
	for _, touched := range []bool{false, true} {
		w := month(t, all)
		w.include(credits.PlanRef("weekly"), included("70", "WEEK", all, func(p *credits.PackageEntitlement) { p.MidCycle = credits.MidCycleNextPeriod }))
		w.begin(credits.NewSubscription{})
		w.at("03-30 00:00")
		w.change(credits.SubscriptionUpdate{PlanID: credits.Set("weekly")})
		w.at("04-01 00:00") // no week begins here
		if touched {
			w.change(credits.SubscriptionUpdate{Addons: credits.Set([]credits.SubscribedAddon{})})
		}
		w.wantTokens("0")
		w.at("04-05 00:00")
		w.wantTokens("70")
	}
}
