package credits_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// on is an instant of 2026, or of the year that it names.
func on(text string) ledger.Time {
	layout := "01-02 15:04"
	if len(text) > len(layout) {
		layout = "2006-01-02 15:04"
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		panic(err)
	}
	if layout[0] != '2' {
		t = t.AddDate(2026, 0, 0)
	}
	return ledger.Time(t.UnixMicro())
}

// included is an entitlement to tokens.
func included(credit string, cadence string, rules ...func(*credits.PackageEntitlement)) credits.PackageEntitlement {
	a := dec(credit)
	p := credits.PackageEntitlement{EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"}, Amount: &a, Cadence: cadence}
	for _, rule := range rules {
		rule(&p)
	}
	return p
}

// include makes and publishes a plan or add-on with entitlements.
func (w *world) include(ref credits.PackageRef, list ...credits.PackageEntitlement) {
	w.t.Helper()
	w.draft(ref)
	w.entitle(ref, list...)
	must[credits.PackageView](w.t)(w.PublishPackage(w.ctx, env, actor, ref, credits.MigrateNew))
}

func (w *world) entitle(ref credits.PackageRef, list ...credits.PackageEntitlement) {
	w.t.Helper()
	in := make([]credits.NewEntitlement, len(list))
	for i := range list {
		in[i].PackageEntitlement = list[i]
	}
	must[[]credits.PackageEntitlement](w.t)(w.AddEntitlements(w.ctx, env, actor, ref, in))
}

// at moves the clock.
func (w *world) at(text string) { w.clock.Store(int64(on(text))) }

// month is a world in which it is March 1st and plan pro includes 1,000 tokens per month.
func month(t *testing.T, rules ...func(*credits.PackageEntitlement)) *world {
	t.Helper()
	w := setup(t)
	w.at("03-01 00:00")
	w.shop()
	w.customer("ann")
	w.include(pro, included("1000", "MONTH", rules...))
	return w
}

func (w *world) begin(in credits.NewSubscription) *credits.Subscription {
	w.t.Helper()
	if in.CustomerID == "" {
		in.CustomerID, in.PlanID = "ann", "pro"
	}
	if in.ID == "" {
		in.ID = "s"
	}
	return w.subscribe(in)
}

func (w *world) change(in credits.SubscriptionUpdate) *credits.Subscription {
	w.t.Helper()
	return must[*credits.Subscription](w.t)(w.UpdateSubscription(w.ctx, env, actor, "s", in))
}

// use burns tokens directly.
func (w *world) use(quantity string) {
	w.t.Helper()
	must[credits.ConsumptionResult](w.t)(w.Consume(w.ctx, env, credits.Caller{}, credits.Consumption{Customer: "ann", CreditType: "tokens",
		Amount: dec(quantity), Key: fmt.Sprintf("use%d", w.ids.Add(1))}))
}

// wantRows checks the ledger of ann, oldest first: type, amount, balance, and when.
func (w *world) wantRows(want ...string) {
	w.t.Helper()
	list := must[credits.List[*credits.LedgerLine]](w.t)(w.LedgerPage(w.ctx, env, credits.LedgerFilter{Customer: "ann", CreditType: "tokens"}, credits.Page{Limit: 100}))
	var rows []string
	for _, r := range slices.Backward(list.Items) {
		sign := ""
		if r.Amount.Sign() > 0 {
			sign = "+"
		}
		rows = append(rows, fmt.Sprintf("%s %s%s (%s) %s", r.Type, sign, r.Amount, r.End, time.UnixMicro(int64(r.PostedAt)).UTC().Format("01-02 15:04")))
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		w.t.Errorf("ledger (+):\n%s", diff)
	}
}

// grantsOf lists the grants of ann, oldest first: source, amount and expiry.
func (w *world) grantsOf() []string {
	w.t.Helper()
	list := must[credits.List[*credits.Grant]](w.t)(w.Grants(w.ctx, env, credits.GrantFilter{Customer: "ann"}, credits.Page{Limit: 100}))
	var found []string
	for _, g := range slices.Backward(list.Items) {
		until := "never"
		if g.ExpireAt != ledger.Never {
			until = time.UnixMicro(int64(g.ExpireAt)).UTC().Format("01-02 15:04")
		}
		found = append(found, fmt.Sprintf("%s %s of %s until %s", g.Texts.SourceType, g.Texts.SourceID, g.Amount, until))
	}
	return found
}

func TestW16(t *testing.T) {
	// Monthly reset from the 31st: each period starts on the anchor's day or the last of its month, in one transaction.
	t.Parallel()
	w := setup(t)
	w.at("2027-01-31 10:00")
	w.shop()
	w.customer("ann")
	w.include(pro, included("1000", "MONTH"))
	w.begin(credits.NewSubscription{})
	w.wantTokens("1000")
	w.at("2027-02-10 00:00")
	w.use("640")
	w.at("2027-07-01 00:00")
	rows := []string{"GRANTED +1000 (1000) 01-31 10:00", "CONSUMED -640 (360) 02-10 00:00", "EXPIRED -360 (0) 02-28 10:00"}
	for _, day := range []string{"02-28", "03-31", "04-30", "05-31", "06-30"} {
		if day != "02-28" {
			rows = append(rows, "EXPIRED -1000 (0) "+day+" 10:00")
		}
		rows = append(rows, "GRANTED +1000 (1000) "+day+" 10:00")
	}
	w.wantRows(rows...)
	if got := w.grantsOf(); len(got) != 6 || got[1] != "PLAN_ENTITLEMENT pro of 1000 until 03-31 10:00" {
		t.Errorf("grants are %v", got)
	}
}

func TestW17(t *testing.T) {
	// A deficit is settled by the next block, or forgiven before it comes.
	t.Parallel()
	for policy, want := range map[string][]string{
		credits.DeficitCarry:   {"GRANTED +1000 (970) 04-01 00:00", "CREDITS_CONSUMPTION_TRANSFER_SOURCE", "CREDITS_CONSUMPTION_TRANSFER_TARGET"},
		credits.DeficitForgive: {"UPDATED +30 (0) 04-01 00:00", "GRANTED +1000 (1000) 04-01 00:00"},
	} {
		w := month(t, func(p *credits.PackageEntitlement) { p.DeficitAtReset = policy })
		w.begin(credits.NewSubscription{})
		w.wantTokens("1000")
		w.at("03-20 00:00")
		w.use("1030")
		w.wantTokens("-30")
		w.at("04-01 00:00")
		if policy == credits.DeficitCarry {
			w.wantTokens("970")
			want = []string{"GRANTED +1000 (970) 04-01 00:00", "TRANSFER_SOURCE +30 (1000) 04-01 00:00", "TRANSFER_TARGET -30 (970) 04-01 00:00"}
		} else {
			w.wantTokens("1000")
		}
		w.wantRows(append([]string{"GRANTED +1000 (1000) 03-01 00:00", "CONSUMED -1000 (0) 03-20 00:00", "CONSUMED -30 (-30) 03-20 00:00"}, want...)...)
	}
}

func TestW18(t *testing.T) {
	// What is left rolls over up to the cap, for one period, and burns before the new block.
	t.Parallel()
	most := dec("300")
	w := month(t, func(p *credits.PackageEntitlement) { p.Rollover = &credits.Rollover{MaxAmount: &most, MaxPeriods: 1} })
	w.begin(credits.NewSubscription{})
	w.wantTokens("1000")
	w.at("03-15 00:00")
	w.use("550")
	w.at("05-01 00:00")
	w.wantRows("GRANTED +1000 (1000) 03-01 00:00", "CONSUMED -550 (450) 03-15 00:00",
		"ROLLED_OUT -300 (150) 04-01 00:00", "EXPIRED -150 (0) 04-01 00:00", "ROLLED_IN +300 (300) 04-01 00:00", "GRANTED +1000 (1300) 04-01 00:00",
		"ROLLED_OUT -300 (1000) 05-01 00:00", "EXPIRED -300 (700) 05-01 00:00", "EXPIRED -700 (0) 05-01 00:00", "ROLLED_IN +300 (300) 05-01 00:00",
		"GRANTED +1000 (1300) 05-01 00:00")
	if got := w.grantsOf(); !strings.HasPrefix(got[1], "ROLLOVER cred-grant-") || !strings.HasSuffix(got[1], "of 300 until 05-01 00:00") {
		t.Errorf("grants are %v", got)
	}
}

func TestW19(t *testing.T) {
	// An upgrade with the anchor kept brings the difference for the rest of the period; from the next on all of it.
	t.Parallel()
	w := month(t)
	w.include(credits.PlanRef("max"), included("5000", "MONTH"))
	w.at("04-01 00:00")
	w.begin(credits.NewSubscription{})
	w.use("400")
	w.at("04-11 06:00")
	w.change(credits.SubscriptionUpdate{PlanID: credits.Set("max")})
	w.wantTokens("3233")
	w.at("05-01 00:00")
	w.wantRows("GRANTED +1000 (1000) 04-01 00:00", "CONSUMED -400 (600) 04-01 00:00", "GRANTED +2633 (3233) 04-11 06:00",
		"EXPIRED -600 (2633) 05-01 00:00", "EXPIRED -2633 (0) 05-01 00:00", "GRANTED +5000 (5000) 05-01 00:00")
	if sub := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, "s")); sub.PlanID != "max" {
		t.Errorf("the plan is %s", sub.PlanID)
	}
}

func TestW20(t *testing.T) {
	// Seats above the highest count of the period bring credits at once; fewer take nothing back.
	t.Parallel()
	w := month(t, func(p *credits.PackageEntitlement) { *p.Amount, p.DependencyFeatureID = dec("50"), "email" })
	seats := func(n string) []credits.PurchasedQuantity {
		return []credits.PurchasedQuantity{{Type: credits.EntitlementFeature, ID: "email", Quantity: dec(n)}}
	}
	w.begin(credits.NewSubscription{Charges: seats("4")})
	w.wantTokens("200")
	for _, step := range [][2]string{{"6", "300"}, {"3", "300"}, {"5", "300"}, {"7", "350"}} {
		w.change(credits.SubscriptionUpdate{Charges: credits.Set(seats(step[0]))}) // at one and the same instant
		w.wantTokens(step[1])
	}
	w.at("04-01 00:00")
	w.wantTokens("350")
}

func TestW28(t *testing.T) {
	// A trial issues its amount once; converted, the first full period begins with its end. Not converted, nothing follows.
	t.Parallel()
	trial := dec("200")
	for _, converts := range []bool{true, false} {
		w := month(t, func(p *credits.PackageEntitlement) { p.TrialAmount = &trial })
		end := on("03-15 00:00")
		wish := &credits.TrialWish{IsTrial: true, EndAt: &end, EndBehavior: credits.TrialConverts}
		want := []string{"GRANTED +200 (200) 03-01 00:00", "CONSUMED -60 (140) 03-03 00:00", "EXPIRED -140 (0) 03-15 00:00"}
		if converts {
			want = append(want, "GRANTED +1000 (1000) 03-15 00:00")
		} else {
			wish.EndBehavior = credits.TrialCancels
		}
		sub := w.begin(credits.NewSubscription{Trial: wish})
		if got := sub.Status(w.now()); got != credits.SubscriptionInTrial {
			t.Errorf("the status is %s", got)
		}
		w.at("03-03 00:00")
		w.use("60")
		w.at("03-15 00:00")
		w.wantRows(want...)
		status := map[bool]credits.SubscriptionStatus{true: credits.SubscriptionActive, false: credits.SubscriptionExpired}[converts]
		if got := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, "s")).Status(w.now()); got != status {
			t.Errorf("the status is %s", got)
		}
		if grants := w.grantsOf(); converts && grants[1] != "PLAN_ENTITLEMENT pro of 1000 until 04-15 00:00" {
			t.Errorf("grants are %v", grants)
		}
	}
}

func TestW29(t *testing.T) {
	// An immediate cancel takes away what entitlements issued, and leaves what was bought or given.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	give := func(quantity string, kind ledger.GrantType, cost string, expire ledger.Time) {
		g := credits.NewGrant{Customer: "ann", CreditType: "tokens", DisplayName: "x", Amount: dec(quantity), Type: kind, ExpireAt: expire}
		if cost != "" {
			g.Cost = &ledger.Money{Amount: dec(cost), Currency: "usd"}
		}
		must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, credits.Caller{}, g))
	}
	give("500", ledger.Paid, "50", 0)
	give("50", ledger.Promotional, "", on("06-01 00:00"))
	w.at("03-05 00:00")
	w.use("300")
	w.at("03-10 00:00")
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{}))
	w.wantTokens("550")
	w.at("05-20 00:00")
	w.wantRows("GRANTED +1000 (1000) 03-01 00:00", "GRANTED +500 (1500) 03-01 00:00", "GRANTED +50 (1550) 03-01 00:00",
		"CONSUMED -300 (1250) 03-05 00:00", "VOIDED -700 (550) 03-10 00:00")
}

func TestCancelLater(t *testing.T) {
	// A cancellation at the end of the period or at a date takes nothing, and nothing new comes; it can be taken back.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	w.at("03-10 00:00")
	sub := must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{Time: "END_OF_BILLING_PERIOD"}))
	if sub.EndAt != on("04-01 00:00") || sub.Status(w.now()) != credits.SubscriptionActive {
		t.Errorf("the end is %d, status %s", sub.EndAt, sub.Status(w.now()))
	}
	w.change(credits.SubscriptionUpdate{CancellationAt: credits.Set[*ledger.Time](nil)})
	w.at("04-02 00:00")
	w.wantTokens("1000")
	date := on("04-20 00:00")
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{Time: "SPECIFIC_DATE", EndAt: &date}))
	w.at("04-25 00:00")
	w.wantTokens("1000")
	w.at("05-02 00:00")
	w.wantTokens("0")
}

func TestScheduledUpdate(t *testing.T) {
	// An update at the end of the period takes effect there, keeps what is changed meanwhile, and can be dropped.
	t.Parallel()
	w := month(t)
	w.include(credits.PlanRef("max"), included("5000", "MONTH"))
	w.include(credits.AddonRef("extra"), included("10", "MONTH"))
	w.begin(credits.NewSubscription{})
	w.at("03-16 12:00")
	later := credits.SubscriptionUpdate{PlanID: credits.Set("max"), Strategy: credits.SchedulePeriodEnd}
	if sub := w.change(later); sub.Current().Change != "PLAN" || sub.PlanID != "pro" {
		t.Errorf("scheduled is %+v", sub.Current())
	}
	must[*credits.Subscription](t)(w.DropScheduled(w.ctx, env, actor, "s"))
	w.change(later)
	w.change(credits.SubscriptionUpdate{Addons: credits.Set([]credits.SubscribedAddon{{ID: "extra", Quantity: 2}})})
	w.wantTokens("1010")
	w.at("04-01 00:00")
	w.wantTokens("5020")
	if got := w.grantsOf(); !slices.Contains(got, "ADDON_ENTITLEMENT extra of 20 until 05-01 00:00") {
		t.Errorf("grants are %v", got)
	}
}

func TestPause(t *testing.T) {
	// A pause stops issuing and leaves blocks alone; resuming within a period brings its rest.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	w.at("03-10 00:00")
	pause := func() error { _, err := w.PauseSubscription(w.ctx, env, actor, "s", nil); return err }
	if err := pause(); err != nil {
		t.Fatal(err)
	}
	wantError(t, pause(), "SubscriptionPaused", "")
	w.wantTokens("1000")
	w.at("04-16 00:00")
	w.wantTokens("0")
	must[*credits.Subscription](t)(w.ResumeSubscription(w.ctx, env, actor, "s"))
	w.wantTokens("500")
	_, err := w.ResumeSubscription(w.ctx, env, actor, "s")
	wantError(t, err, "SubscriptionNotPaused", "")
	w.at("05-01 00:00")
	w.wantTokens("1000")
}

func TestTrialMoves(t *testing.T) {
	// A longer trial keeps its credits, a shorter one ends them; a second self-serve trial is not given.
	t.Parallel()
	w := month(t)
	config := &credits.TrialConfig{Duration: amount.FromInt(14), Units: "DAY"}
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{DefaultTrial: credits.Set(config)}))
	sub := w.begin(credits.NewSubscription{})
	if sub.Trial == nil || sub.Trial.EndAt != on("03-15 00:00") {
		t.Fatalf("the trial is %+v", sub.Trial)
	}
	w.wantTokens("1000")
	w.at("03-05 00:00")
	until := on("03-20 00:00")
	w.change(credits.SubscriptionUpdate{TrialEndAt: &until})
	w.at("03-16 00:00")
	w.wantTokens("1000")
	w.use("100")
	now := w.now()
	w.change(credits.SubscriptionUpdate{TrialEndAt: &now})
	w.wantTokens("1000")
	if got := w.grantsOf(); !slices.Equal(got[1:], []string{"PLAN_ENTITLEMENT pro of 1000 until 04-16 00:00"}) {
		t.Errorf("grants are %v", got)
	}
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{}))
	if again := w.begin(credits.NewSubscription{ID: "t"}); again.Trial != nil {
		t.Errorf("a second trial: %+v", again.Trial)
	}
}

func TestPublishForAll(t *testing.T) {
	// A version for all customers is an upgrade of those who have the plan, from that instant, whoever asks when; also when it is
	// the instant of a boundary.
	t.Parallel()
	w := month(t)
	w.begin(credits.NewSubscription{})
	w.wantTokens("1000")
	w.at("03-16 12:00")
	must[credits.PackageView](t)(w.DraftPackage(w.ctx, env, actor, pro))
	more := dec("2000")
	must[credits.PackageEntitlement](t)(w.UpdateEntitlement(w.ctx, env, actor, pro, credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"},
		credits.EntitlementUpdate{Amount: credits.Set(&more)}))
	must[credits.PackageView](t)(w.PublishPackage(w.ctx, env, actor, pro, credits.MigrateAll))
	w.at("03-20 00:00")
	w.wantRows("GRANTED +1000 (1000) 03-01 00:00", "GRANTED +500 (1500) 03-16 12:00")
	w.at("04-01 00:00")
	w.wantTokens("2000")
	must[credits.PackageView](t)(w.DraftPackage(w.ctx, env, actor, pro))
	most := dec("2010")
	must[credits.PackageEntitlement](t)(w.UpdateEntitlement(w.ctx, env, actor, pro, credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"},
		credits.EntitlementUpdate{Amount: credits.Set(&most)}))
	must[credits.PackageView](t)(w.PublishPackage(w.ctx, env, actor, pro, credits.MigrateAll)) // at the instant of the renewal
	w.restart()
	if got := w.advance(w.now(), false); got.Ran[0].Count != 1 {
		t.Errorf("the scheduler ran %+v", got.Ran)
	}
	w.wantTokens("2010")
}

func TestPrepaid(t *testing.T) {
	// What is bought each period is bought again with the next, a raised quantity brings the difference at once, a yearly quantity
	// comes in twelve parts that cost together what it costs.
	t.Parallel()
	w := month(t)
	monthly := topUp("0.5", "usd", 1, 8000)
	monthly.ExpireAfter = "P1M"
	monthly.Periods[0].GrantCadence = credits.GrantAtPeriodStart
	monthly.Periods = append(monthly.Periods, credits.PricePeriod{BillingPeriod: credits.PeriodAnnually, GrantCadence: credits.GrantMonthly,
		Price: &ledger.Money{Amount: dec("0.1"), Currency: "usd"}})
	w.offer(credits.PlanRef("pre"), monthly)
	tokens := func(n string) []credits.PurchasedQuantity {
		return []credits.PurchasedQuantity{{Type: credits.EntitlementCredit, ID: "tokens", Quantity: dec(n)}}
	}
	w.begin(credits.NewSubscription{CustomerID: "ann", PlanID: "pre", Charges: tokens("100")})
	w.wantTokens("100")
	w.at("03-10 00:00")
	w.change(credits.SubscriptionUpdate{Charges: credits.Set(tokens("150"))})
	w.wantTokens("150")
	w.at("04-02 00:00")
	want := []string{"of 100 until 04-01 00:00", "of 50 until 04-10 00:00", "of 150 until 05-01 00:00"}
	for i, got := range w.grantsOf() {
		if !strings.HasPrefix(got, "PRICE ") || !strings.HasSuffix(got, want[i]) {
			t.Errorf("grant %d is %s", i, got)
		}
	}
	w.wantTokens("200")
	w.customer("bob")
	w.begin(credits.NewSubscription{ID: "y", CustomerID: "bob", PlanID: "pre", BillingPeriod: credits.PeriodAnnually, Charges: tokens("100")})
	w.at("2027-04-01 00:00")
	list := must[credits.List[*credits.Grant]](t)(w.Grants(w.ctx, env, credits.GrantFilter{Customer: "bob"}, credits.Page{Limit: 100}))
	sum, cost := amount.Zero, amount.Zero
	for _, g := range list.Items {
		sum, cost = sum.Add(g.Amount), cost.Add(g.Cost.Amount)
	}
	if len(list.Items) != 12 || sum != dec("100") || cost != dec("10") {
		t.Errorf("%d grants of %s for %s", len(list.Items), sum, cost)
	}
}
