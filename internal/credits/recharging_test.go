package credits_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var annsTokens = ledger.Key{Environment: env, Customer: "ann", Currency: "tokens"}

// refilled is a shop where ann may buy tokens at a price, and has some.
func refilled(t *testing.T, price, balance string) *world {
	t.Helper()
	w := setup(t)
	w.stock(price, balance)
	return w
}

func (w *world) stock(price, balance string) {
	w.t.Helper()
	w.at("03-05 12:00")
	w.shop()
	w.offer(credits.PlanRef("prepaid"), mapping("email", "1"), topUp(price, "usd", 1, 8000))
	w.customer("ann")
	w.subscribe(credits.NewSubscription{ID: "sub", CustomerID: "ann", PlanID: "prepaid"})
	w.give(balance)
}

func (w *world) give(balance string) {
	w.t.Helper()
	in := credits.NewGrant{Customer: "ann", CreditType: "tokens", DisplayName: "G", Amount: dec(balance), Type: ledger.Paid}
	must[*credits.Grant](w.t)(w.CreateGrant(w.ctx, env, buyer, in))
}

// rule is threshold 20 and target 50, with a limit if that is not empty.
func rule(limit string) credits.NewRecharge {
	in := credits.NewRecharge{Life: credits.RechargeLifeYear, Rule: credits.RechargeRule{
		Enabled: true, ThresholdType: credits.ThresholdCredits, Threshold: dec("20"), Target: dec("50")}}
	if limit != "" {
		most := dec(limit)
		in.Rule.SpendMax = &most
	}
	return in
}

func (w *world) refill(in credits.NewRecharge) *credits.AutoRecharge {
	w.t.Helper()
	return must[*credits.AutoRecharge](w.t)(w.SetAutoRecharge(w.ctx, buyer, annsTokens, in))
}

// burn takes tokens of ann.
func (w *world) burn(n string) {
	w.t.Helper()
	w.tick(second)
	in := credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec(n), Key: fmt.Sprintf("use %d", w.ids.Add(1))}
	must[credits.ConsumptionResult](w.t)(w.Consume(w.ctx, env, buyer, in))
}

func (w *world) operations() []*credits.PaymentAttempt {
	w.t.Helper()
	return must[credits.List[*credits.PaymentAttempt]](w.t)(w.RechargeOperations(w.ctx, annsTokens, credits.Page{})).Items
}

// settleRefill says what became of the newest operation.
func (w *world) settleRefill(state credits.AttemptState) {
	w.t.Helper()
	w.tick(second)
	must[*credits.PaymentAttempt](w.t)(w.SayOutcome(w.ctx, env, buyer, w.operations()[0].ID, credits.Outcome{State: state}))
}

// refills is where the automatic top-up stands: state, money spent and operations, the oldest first.
func (w *world) refills() string {
	w.t.Helper()
	a := must[*credits.AutoRecharge](w.t)(w.AutoRecharge(w.ctx, annsTokens))
	text := fmt.Sprintf("%s %s", a.State, a.Spent)
	list := w.operations()
	for i := len(list) - 1; i >= 0; i-- {
		text += fmt.Sprintf(" · %s for %s %s", list[i].Credits, list[i].Cost.Amount, list[i].State)
	}
	return text
}

func (w *world) wantRefills(want string) {
	w.t.Helper()
	if got := w.refills(); got != want {
		w.t.Errorf("the automatic top-up stands\n  %s, want\n  %s", got, want)
	}
}

// poolRows are the rows of ann's pool, the oldest first.
func (w *world) poolRows() string {
	w.t.Helper()
	rows, _, err := w.Ledger(w.ctx, engine.LedgerQuery{Pool: annsTokens, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for i := len(rows) - 1; i >= 0; i-- {
		list = append(list, fmt.Sprintf("%s %s (%s)", strings.TrimPrefix(rows[i].Type.String(), "CREDITS_"), rows[i].Amount, rows[i].End))
	}
	return strings.ReplaceAll(strings.Join(list, " · "), "CONSUMPTION_", "")
}

// refillNews are the messages about automatic top-ups, the oldest first, with what distinguishes them.
func (w *world) refillNews() string {
	w.t.Helper()
	var list []string
	for _, m := range must[[]*credits.Message](w.t)(w.MessagesAfter(w.ctx, env, 0, 100)) {
		name := string(m.Type)
		for _, part := range []string{`"status":"SUCCESS"`, `"status":"FAILED"`, `"threshold":80`, `"threshold":90`, `"threshold":100`,
			`"blockedAttempt":true`, `"changedBy":"SYSTEM"`, `"reason":"PAYMENT_FAILED"`, `"reason":"SPEND_LIMIT_REACHED"`} {
			if strings.Contains(m.Payload, part) {
				name += " " + strings.Trim(part[strings.Index(part, ":")+1:], `"`)
			}
		}
		if strings.Contains(name, "automatic_recharge") {
			list = append(list, strings.ReplaceAll(name, "automatic_recharge", "…"))
		}
	}
	return strings.Join(list, " · ")
}

func TestRefill(t *testing.T) {
	// W24a: strictly below the threshold it buys up to the target as of then, one attempt at a time; what is bought settles the
	// deficit first and lives from its activation.
	t.Parallel()
	w := refilled(t, "0.1", "50")
	w.refill(rule(""))
	w.burn("30")
	w.wantRefills("ACTIVE 0")
	w.burn("1")
	const bought = "31 for 3.1"
	w.wantRefills("IN_PROGRESS 0 · " + bought + " PENDING")
	w.burn("24")
	w.wantRefills("IN_PROGRESS 0 · " + bought + " PENDING")
	w.settleRefill(credits.AttemptPaid)
	w.wantRefills("ACTIVE 3.1 · " + bought + " PAID")
	const want = "GRANTED 50 (50) · CONSUMED -30 (20) · CONSUMED -1 (19) · CONSUMED -19 (0) · CONSUMED -5 (-5) · " +
		"GRANTED 31 (26) · TRANSFER_SOURCE 5 (31) · TRANSFER_TARGET -5 (26)"
	if got := w.poolRows(); got != want {
		t.Errorf("rows are\n  %s, want\n  %s", got, want)
	}
	g := must[*credits.Grant](t)(w.Grant(w.ctx, env, w.operations()[0].GrantID))
	if g.Type != ledger.Paid || g.Texts.SourceType != credits.SourceAutoRecharge || g.ExpireAt != (credits.Span{Months: 12}).From(g.ActivatedAt) {
		t.Errorf("bought %s by %s, from %d to %d", g.Type, g.Texts.SourceType, g.ActivatedAt, g.ExpireAt)
	}
	if got, want := w.refillNews(), "….configuration.changed · ….operation.attempted SUCCESS"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestRefill_limit(t *testing.T) {
	// W24b: what would pass the month's limit is not bought; 80 and a blocked 100 are told once each, and the 1st begins anew.
	t.Parallel()
	w := refilled(t, "1", "15")
	w.refill(rule("100"))
	w.wantRefills("IN_PROGRESS 0 · 35 for 35 PENDING")
	w.settleRefill(credits.AttemptPaid)
	w.burn("45")
	w.settleRefill(credits.AttemptPaid)
	w.wantRefills("ACTIVE 80 · 35 for 35 PAID · 45 for 45 PAID")
	w.burn("32")
	const blocked = "PAUSED_SPEND_LIMIT 80 · 35 for 35 PAID · 45 for 45 PAID"
	w.wantRefills(blocked)
	w.burn("15")
	w.wantRefills(blocked)
	const told = "….configuration.changed · ….operation.attempted SUCCESS · ….operation.attempted SUCCESS · credits.…_limit_exceeded 80 · " +
		"credits.…_limit_exceeded 100 true · ….configuration.changed SYSTEM SPEND_LIMIT_REACHED"
	if got := w.refillNews(); got != told {
		t.Errorf("told\n  %s, want\n  %s", got, told)
	}
	moved := must[*credits.ClockAdvanced](t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: on("04-01 00:00"), Hold: true}))
	if !moved.Reached {
		t.Fatalf("the clock came to %d", moved.Now)
	}
	w.wantRefills("IN_PROGRESS 0 · 35 for 35 PAID · 45 for 45 PAID · 47 for 47 PENDING")
	if at := w.operations()[0].CreatedAt; at != on("04-01 00:00") {
		t.Errorf("bought at %d, want the 1st", at)
	}
	w.settleRefill(credits.AttemptPaid)
	w.wantRefills("ACTIVE 47 · 35 for 35 PAID · 45 for 45 PAID · 47 for 47 PAID")
}

func TestRefill_raised_limit(t *testing.T) {
	// A raised limit ends the pause at once.
	t.Parallel()
	w := refilled(t, "1", "15")
	w.refill(rule("30"))
	w.wantRefills("PAUSED_SPEND_LIMIT 0")
	w.refill(rule("35"))
	w.wantRefills("IN_PROGRESS 0 · 35 for 35 PENDING")
}

func TestRefill_failure(t *testing.T) {
	// A failed charge switches off, told once, until a person switches on; what was used meanwhile is then bought too.
	t.Parallel()
	w := refilled(t, "1", "50")
	w.refill(rule(""))
	w.burn("31")
	w.settleRefill(credits.AttemptFailed)
	w.wantRefills("DISABLED 0 · 31 for 31 FAILED")
	w.burn("9")
	w.wantRefills("DISABLED 0 · 31 for 31 FAILED")
	const told = "….configuration.changed · ….operation.attempted FAILED · ….configuration.changed SYSTEM PAYMENT_FAILED"
	if got := w.refillNews(); got != told {
		t.Errorf("told\n  %s, want\n  %s", got, told)
	}
	w.refill(rule(""))
	w.wantRefills("IN_PROGRESS 0 · 31 for 31 FAILED · 40 for 40 PENDING")
	_, err := w.RetryAttempt(w.ctx, env, buyer, w.operations()[1].ID)
	wantError(t, err, "PaymentNotRetryable", "")
	w.settleRefill(credits.AttemptPaid)
	must[*credits.Bought](t)(w.RetryAttempt(w.ctx, env, buyer, w.operations()[1].ID))
	w.settleRefill(credits.AttemptPaid)
	w.wantRefills("ACTIVE 71 · 31 for 31 FAILED · 40 for 40 PAID · 31 for 31 PAID")
}

func TestRefill_switched_off_meanwhile(t *testing.T) {
	// One that is switched off while a charge runs is off afterwards, and the money counts.
	t.Parallel()
	w := refilled(t, "1", "15")
	off := rule("")
	w.refill(off)
	off.Rule.Enabled = false
	w.refill(off)
	w.wantRefills("IN_PROGRESS 0 · 35 for 35 PENDING")
	w.settleRefill(credits.AttemptPaid)
	w.burn("45")
	w.wantRefills("DISABLED 35 · 35 for 35 PAID")
}

func TestRefill_every_way_down(t *testing.T) {
	// Whatever lowers the settled balance is noticed: events, settled holds, voids, smaller grants, and, by the scheduler, expiry.
	t.Parallel()
	for name, lower := range map[string]func(*world, *credits.Grant){
		"event": func(w *world, _ *credits.Grant) {
			for i := range 31 {
				w.email(fmt.Sprint(i))
			}
		},
		"settle": func(w *world, _ *credits.Grant) {
			must[ledger.Hold](w.t)(w.Reserve(w.ctx, buyer, credits.Reservation{Pool: annsTokens, ID: "h", Amount: dec("31")}))
			w.wantRefills("ACTIVE 0") // holds do not count
			must[ledger.Hold](w.t)(w.Settle(w.ctx, buyer, credits.Settlement{Pool: annsTokens, ID: "h", Amount: dec("31")}))
		},
		"batch": func(w *world, _ *credits.Grant) {
			items := []credits.Consumption{{Customer: "ann", CreditType: "tokens", Amount: dec("31"), Key: "b"}}
			if err := w.ConsumeAll(w.ctx, env, buyer, items); err != nil {
				w.t.Fatal(err)
			}
		},
		"void": func(w *world, g *credits.Grant) {
			must[*credits.Grant](w.t)(w.VoidGrant(w.ctx, env, buyer, g.ID, "r"))
		},
		"expiry": func(w *world, _ *credits.Grant) {
			to := w.now() + 3600*second
			must[*credits.ClockAdvanced](w.t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: to}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := refilled(t, "1", "19")
			in := credits.NewGrant{Customer: "ann", CreditType: "tokens", DisplayName: "E", Amount: dec("31"), ExpireAt: w.now() + 3600*second}
			g := must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, buyer, in))
			w.refill(rule(""))
			lower(w, g)
			w.wantRefills("IN_PROGRESS 0 · 31 for 31 PENDING")
		})
	}
}

func TestRefill_together(t *testing.T) {
	// Eight who burn across the threshold at once start one attempt.
	t.Parallel()
	w := refilled(t, "1", "27")
	w.refill(rule(""))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			in := credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec("1"), Key: fmt.Sprint("c", i)}
			if _, err := w.Consume(w.ctx, env, buyer, in); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	w.wantRefills("IN_PROGRESS 0 · 31 for 31 PENDING")
}

func TestRefill_paid_at_once(t *testing.T) {
	// Nobody who read the balance before a purchase was paid buys again after it: over many rounds of burners across the
	// threshold, each of whom pays what is under way, one attempt is started in each.
	t.Parallel()
	w := refilled(t, "1", "51")
	w.refill(rule(""))
	const rounds, each = 8, 8
	for round := range rounds {
		w.burn(must[*engine.View](t)(w.Pool(w.ctx, annsTokens)).Balance.Sub(dec("20")).String())
		var wait sync.WaitGroup
		for i := range each {
			wait.Go(func() {
				in := credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec("1"), Key: fmt.Sprint("p", round, i)}
				if _, err := w.Consume(w.ctx, env, buyer, in); err != nil {
					t.Error(err)
				}
				if err := w.payUnderWay(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		w.tick(3600 * second) // the guard against bursts counts by the hour
	}
	if got := len(w.operations()); got != rounds {
		t.Errorf("%d attempts, want %d: %s", got, rounds, w.refills())
	}
}

// payUnderWay pays the newest operation, if it is not settled.
func (w *world) payUnderWay() error {
	list, err := w.RechargeOperations(w.ctx, annsTokens, credits.Page{Limit: 1})
	if err != nil || len(list.Items) == 0 || !list.Items[0].State.Unsettled() {
		return err
	}
	_, err = w.SayOutcome(w.ctx, env, buyer, list.Items[0].ID, credits.Outcome{State: credits.AttemptPaid})
	return err
}

func TestRefill_nodes(t *testing.T) {
	// A configuration saved on one node acts on what another one burns, and burners on both start one attempt.
	t.Parallel()
	a, b := twoNodes(t)
	b.at("03-05 12:00")
	a.stock("1", "27")
	b.confirm()
	must[credits.ConsumptionResult](t)(b.Consume(b.ctx, env, buyer, credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec("1"), Key: "first"}))
	a.refill(rule(""))
	b.confirm()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			in := credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec("1"), Key: fmt.Sprint("c", i)}
			if _, err := []*world{a, b}[i%2].Consume(a.ctx, env, buyer, in); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := len(a.operations()); got != 1 {
		t.Errorf("%d attempts, want 1", got)
	}
}

func TestRefill_crash(t *testing.T) {
	// What a crash leaves between the burn and the attempt, the scheduler finds, once.
	t.Parallel()
	w := refilled(t, "1", "50")
	w.refill(rule(""))
	if err := w.BurnOnly(w.ctx, env, buyer, credits.Consumption{Customer: "ann", CreditType: "tokens", Amount: dec("31"), Key: "dies"}); err != nil {
		t.Fatal(err)
	}
	w.wantRefills("ACTIVE 0")
	w.restart()
	work := w.RechargeWork()
	for _, want := range []int{1, 0} {
		if got := must[int](t)(work.Run(w.ctx, env)); got != want {
			t.Errorf("the scheduler did %d, want %d", got, want)
		}
		w.wantRefills("IN_PROGRESS 0 · 31 for 31 PENDING")
	}
}

func TestRefill_method_gone(t *testing.T) {
	// A payment method that was taken away switches off, as a failed charge does.
	t.Parallel()
	w := refilled(t, "1", "50")
	w.UseCashier(noCharge{})
	must[*credits.Customer](t)(w.AttachMethod(w.ctx, env, buyer, "ann", "pm_1", nil))
	in := rule("")
	in.Rule.PaymentMethod = "pm_1"
	w.refill(in)
	must[*credits.Customer](t)(w.DetachMethod(w.ctx, env, buyer, "ann"))
	w.burn("31")
	w.wantRefills("DISABLED 0")
	if got := w.refillNews(); !strings.HasSuffix(got, "SYSTEM PAYMENT_FAILED") {
		t.Errorf("told %s", got)
	}
}

// noCharge is a cashier of a provider that is never asked for money.
type noCharge struct{ credits.Cashier }

func (noCharge) Provider(string) string { return "card" }

func (noCharge) Attach(_ context.Context, _ string, _ *credits.Customer, id string) (credits.PaymentMethod, error) {
	return credits.PaymentMethod{Type: "CARD", BillingID: id}, nil
}

func (noCharge) Detach(context.Context, string, *credits.Customer, string) error { return nil }

func TestRefill_paused_while_retried(t *testing.T) {
	// A pause ends with its month although an earlier operation is tried again by hand; when that is paid, the rule goes on.
	t.Parallel()
	w := refilled(t, "1", "15")
	w.refill(rule(""))
	w.settleRefill(credits.AttemptFailed)
	w.refill(rule("10"))
	w.wantRefills("PAUSED_SPEND_LIMIT 0 · 35 for 35 FAILED")
	failed := w.operations()[0].ID
	must[*credits.Bought](t)(w.RetryAttempt(w.ctx, env, buyer, failed))
	w.refill(rule("34"))
	w.wantRefills("PAUSED_SPEND_LIMIT 0 · 35 for 35 FAILED · 35 for 35 PENDING")
	must[*credits.ClockAdvanced](t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: on("04-01 00:00"), Hold: true}))
	w.wantRefills("PAUSED_SPEND_LIMIT 0 · 35 for 35 FAILED · 35 for 35 PENDING")
	w.refill(rule("35"))
	must[*credits.ClockAdvanced](t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: on("05-01 00:00"), Hold: true}))
	w.wantRefills("ACTIVE 0 · 35 for 35 FAILED · 35 for 35 PENDING")
	w.settleRefill(credits.AttemptPaid)
	w.wantRefills("ACTIVE 35 · 35 for 35 FAILED · 35 for 35 PAID")
}

func TestRefill_burst(t *testing.T) {
	// After ten attempts in a rolling hour nothing is bought until a person saves it again.
	t.Parallel()
	w := refilled(t, "1", "15")
	w.refill(rule(""))
	for range 10 {
		w.settleRefill(credits.AttemptPaid)
		w.burn("40")
	}
	if got := w.refills(); !strings.HasPrefix(got, "PAUSED_SAFETY") || len(w.operations()) != 10 {
		t.Errorf("after ten: %s", got)
	}
	w.tick(2 * 3600 * second)
	w.burn("1")
	if len(w.operations()) != 10 {
		t.Error("it went on by itself")
	}
	w.refill(rule(""))
	if len(w.operations()) != 11 {
		t.Error("it did not go on when it was saved")
	}
}

func TestRefill_refusals(t *testing.T) {
	// What cannot be meant is refused by its member and changes nothing.
	t.Parallel()
	w := refilled(t, "0.5", "50")
	for name, test := range map[string]struct {
		change      func(*credits.NewRecharge)
		code, field string
	}{
		"type":      {func(in *credits.NewRecharge) { in.Rule.ThresholdType = "EUROS" }, credits.CodeInvalid, "thresholdType"},
		"threshold": {func(in *credits.NewRecharge) { in.Rule.Threshold = dec("-1") }, credits.CodeInvalid, "thresholdValue"},
		"target":    {func(in *credits.NewRecharge) { in.Rule.Target = dec("20") }, credits.CodeInvalid, "targetBalance"},
		"money": {func(in *credits.NewRecharge) {
			in.Rule.ThresholdType, in.Rule.Threshold = credits.ThresholdMoney, dec("25")
		}, credits.CodeInvalid, "targetBalance"},
		"limit": {func(in *credits.NewRecharge) { none := dec("0"); in.Rule.SpendMax = &none }, credits.CodeInvalid, "maxSpendLimit"},
		"life":  {func(in *credits.NewRecharge) { in.Life = "2_YEARS" }, credits.CodeInvalid, "grantExpirationPeriod"},
	} {
		in := rule("")
		test.change(&in)
		_, err := w.SetAutoRecharge(w.ctx, buyer, annsTokens, in)
		wantError(t, err, test.code, test.field)
		if a := must[*credits.AutoRecharge](t)(w.AutoRecharge(w.ctx, annsTokens)); a.ID != "" {
			t.Errorf("%s was stored", name)
		}
	}
	w.customer("bob")
	bob := ledger.Key{Environment: env, Customer: "bob", Currency: "tokens"}
	_, err := w.SetAutoRecharge(w.ctx, buyer, bob, rule(""))
	wantError(t, err, "TopUpNotOffered", "currencyId")
	off := rule("")
	off.Rule.Enabled = false
	must[*credits.AutoRecharge](t)(w.SetAutoRecharge(w.ctx, buyer, bob, off))
	for code, key := range map[string]ledger.Key{
		"CustomerNotFound": {Environment: env, Customer: "eve", Currency: "tokens"}, "CurrencyNotFound": {Environment: env, Customer: "ann", Currency: "coins"},
	} {
		_, err = w.SetAutoRecharge(w.ctx, buyer, key, rule(""))
		wantError(t, err, code, "")
	}
}
