package credits_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var buyer = credits.Caller{Actor: actor, Request: "req"}

// shopWithTopUps is a shop where ann has a plan that sells tokens at 1.00, 250 to 8,000 at once.
func shopWithTopUps(t *testing.T) *world {
	t.Helper()
	w := setup(t)
	w.shop()
	w.offer(credits.PlanRef("prepaid"), mapping("email", "20"), topUp("1", "usd", 250, 8000))
	w.customer("ann")
	w.subscribe(credits.NewSubscription{ID: "sub", CustomerID: "ann", PlanID: "prepaid"})
	return w
}

func (w *world) topUp(credit string) (*credits.Bought, error) {
	return w.BuyCredits(w.ctx, env, buyer, credits.NewTopUp{Customer: "ann", CreditType: "tokens", Amount: dec(credit)})
}

// sell makes a grant of 500 for 50.00 with a collection method.
func (w *world) sell(in credits.NewGrant) *credits.Grant {
	w.t.Helper()
	in.Customer, in.CreditType, in.DisplayName, in.Amount = "ann", "tokens", "Sale", dec("500")
	in.Cost = &ledger.Money{Amount: dec("50"), Currency: "usd"}
	return must[*credits.Grant](w.t)(w.CreateGrant(w.ctx, env, buyer, in))
}

// attemptOf is the newest attempt to collect the money of a grant.
func (w *world) attemptOf(g *credits.Grant) *credits.PaymentAttempt {
	w.t.Helper()
	list := must[credits.List[*credits.PaymentAttempt]](w.t)(w.PaymentAttempts(w.ctx, env, credits.AttemptFilter{Grant: g.ID}, credits.Page{}))
	if len(list.Items) == 0 {
		w.t.Fatalf("grant %s has no payment attempt", engine.GrantText(g.ID))
	}
	return list.Items[0]
}

// say is a person saying what became of the newest attempt of a grant.
func (w *world) say(g *credits.Grant, state credits.AttemptState) {
	w.t.Helper()
	must[*credits.PaymentAttempt](w.t)(w.SayOutcome(w.ctx, env, buyer, w.attemptOf(g).ID, credits.Outcome{State: state}))
}

// stands is status and payment of a grant, its flags, and the rows of its pool, oldest first.
func (w *world) stands(g *credits.Grant) string {
	w.t.Helper()
	now := must[*credits.Grant](w.t)(w.Grant(w.ctx, env, g.ID))
	orders := must[map[ledger.GrantID]*credits.Order](w.t)(w.OrdersOf(w.ctx, env, []*credits.Grant{now}))
	text := now.Status.String() + " " + now.Payment.String()
	if o := orders[g.ID]; o != nil && len(o.Flags) > 0 {
		text += " " + strings.Join(o.Flags, " ")
	}
	rows, _, err := w.Ledger(w.ctx, engine.LedgerQuery{Pool: g.Key, Limit: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := len(rows) - 1; i >= 0; i-- {
		text += fmt.Sprintf(" · %s %s (%s)", strings.TrimPrefix(rows[i].Type.String(), "CREDITS_"), rows[i].Amount, rows[i].End)
	}
	return text
}

func (w *world) wantStands(g *credits.Grant, want string) {
	w.t.Helper()
	if got := w.stands(g); got != want {
		w.t.Errorf("the grant stands\n  %s, want\n  %s", got, want)
	}
}

func TestTopUp_bounds_and_price(t *testing.T) {
	// W30: a top-up lies within the plan's bounds, both inclusive, and costs what the plan says, rounded once.
	t.Parallel()
	w := shopWithTopUps(t)
	for credit, cost := range map[string]string{"250": "250", "8000": "8000", "300.5": "300.5"} {
		bought := must[*credits.Bought](t)(w.topUp(credit))
		if got := bought.Grant.Cost.Amount.String(); got != cost || bought.Grant.Status != ledger.PaymentPending {
			t.Errorf("%s credits: %s, cost %s, want PAYMENT_PENDING, cost %s", credit, bought.Grant.Status, got, cost)
		}
	}
	for _, credit := range []string{"249", "8001", "0", "-5"} {
		_, err := w.topUp(credit)
		wantError(t, err, credits.CodeOutOfRange, "amount")
		if credit == "249" && (!strings.Contains(err.Error(), "250") || !strings.Contains(err.Error(), "8000")) {
			t.Errorf("%v does not name both bounds", err)
		}
	}
	_, err := w.BuyCredits(w.ctx, env, buyer, credits.NewTopUp{Customer: "ann", CreditType: "coins", Amount: dec("300")})
	wantError(t, err, "CurrencyNotFound", "")
	w.customer("bob")
	_, err = w.BuyCredits(w.ctx, env, buyer, credits.NewTopUp{Customer: "bob", CreditType: "tokens", Amount: dec("300")})
	wantError(t, err, "TopUpNotOffered", "currencyId")
}

func TestTopUp_rounds_once(t *testing.T) {
	// W30: 333 credits at 0.015 cost 5.00.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(credits.PlanRef("prepaid"), mapping("email", "1"), topUp("0.015", "usd", 1, 8000))
	w.customer("ann")
	w.subscribe(credits.NewSubscription{ID: "sub", CustomerID: "ann", PlanID: "prepaid"})
	if got := must[*credits.Bought](t)(w.topUp("333")).Grant.Cost.Amount.String(); got != "5" {
		t.Errorf("333 credits at 0.015 cost %s, want 5", got)
	}
}

func TestPayment_charge(t *testing.T) {
	// W35 a: a charged grant is usable when the payment is confirmed, once, and then settles the deficit.
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge})
	w.wantStands(g, "PAYMENT_PENDING PROCESSING")
	w.tick(60 * second)
	w.email("e1")
	w.tick(60 * second)
	w.say(g, credits.AttemptPaid)
	const paid = "ACTIVE PAID · CONSUMED -20 (-20) · GRANTED 500 (480) · TRANSFER_SOURCE 20 (500) · TRANSFER_TARGET -20 (480)"
	w.wantStands(g, paid)
	w.say(g, credits.AttemptPaid)
	w.say(g, credits.AttemptFailed)
	w.wantStands(g, paid)
}

// email reports an event that costs 20.
func (w *world) email(key string) {
	w.t.Helper()
	must[[]credits.EventResult](w.t)(w.RecordEvents(w.ctx, env, buyer, []credits.ReportedEvent{{Customer: "ann", Name: "email", Key: key, At: w.now()}}, false))
}

func TestPayment_invoice(t *testing.T) {
	// W35 b and c: by default an invoice makes credits usable when it is issued, and under PAID when it is paid. Payment of the
	// first writes no row.
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectInvoice, DaysUntilDue: 30})
	w.wantStands(g, "ACTIVE PROCESSING · GRANTED 500 (500)")
	w.say(g, credits.AttemptPaid)
	w.wantStands(g, "ACTIVE PAID · GRANTED 500 (500)")
	late := w.sell(credits.NewGrant{Collection: credits.CollectInvoice, Policy: credits.InvoicePaid})
	w.wantStands(late, "PAYMENT_PENDING PROCESSING · GRANTED 500 (500)")
	w.say(late, credits.AttemptPaid)
	w.wantStands(late, "ACTIVE PAID · GRANTED 500 (500) · GRANTED 500 (1000)")
	settled := w.sell(credits.NewGrant{Collection: credits.CollectInvoice, InvoicePaid: true})
	w.wantStands(settled, "ACTIVE PAID · GRANTED 500 (500) · GRANTED 500 (1000) · GRANTED 500 (1500)")
	list := must[credits.List[*credits.Invoice]](t)(w.Invoices(w.ctx, env, credits.InvoiceFilter{Customer: "ann"}, credits.Page{}))
	var got []string
	for _, i := range list.Items {
		got = append(got, fmt.Sprintf("%s %s %s %d", i.NumberText(), i.State, i.Total.Amount, (i.DueAt-i.IssuedAt)/(24*3600*second)))
	}
	if want := "[INV-000001 PAID 50 30 INV-000002 PAID 50 0 INV-000003 PAID 50 0]"; fmt.Sprint(got) != want {
		t.Errorf("invoices are %v, want %s", got, want)
	}
}

func TestPayment_failure(t *testing.T) {
	// W35 d: a failed payment leaves the grant pending, can be tried again, and after 7 days makes the grant void without a row.
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge})
	w.say(g, credits.AttemptFailed)
	w.wantStands(g, "PAYMENT_PENDING FAILED")
	first := w.attemptOf(g)
	again := must[*credits.Bought](t)(w.RetryAttempt(w.ctx, env, buyer, first.ID))
	if again.Grant.ID != g.ID || again.Attempt.ID == first.ID || again.Attempt.Number != 2 {
		t.Errorf("the retry is attempt %d %s of grant %d", again.Attempt.Number, again.Attempt.ID, again.Grant.ID)
	}
	w.wantStands(g, "PAYMENT_PENDING PROCESSING")
	_, err := w.RetryAttempt(w.ctx, env, buyer, again.Attempt.ID)
	wantError(t, err, "PaymentNotRetryable", "")
	w.say(g, credits.AttemptFailed)
	const days = 24 * 3600 * second
	w.tick(7*days - second)
	if n := must[int](t)(w.LapseUnpaid(w.ctx, env, 10)); n != 0 {
		t.Errorf("%d lapsed before their time", n)
	}
	w.tick(second)
	if next := must[ledger.Time](t)(w.NextAttempt(w.ctx, env)); next > w.now() {
		t.Errorf("the next work is at %d, want now: %d", next, w.now())
	}
	if n := must[int](t)(w.LapseUnpaid(w.ctx, env, 10)); n != 1 {
		t.Errorf("%d lapsed, want 1", n)
	}
	w.wantStands(g, "VOIDED FAILED")
	_, err = w.RetryAttempt(w.ctx, env, buyer, again.Attempt.ID)
	wantError(t, err, "PaymentNotRetryable", "")
	w.say(g, credits.AttemptPaid)
	w.wantStands(g, "VOIDED FAILED PAID_AFTER_EXPIRY")
}

func TestPayment_mismatch(t *testing.T) {
	// Money that is not what was asked never makes credits usable; a person decides (I14).
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge})
	for _, wrong := range []ledger.Money{{Amount: dec("5"), Currency: "usd"}, {Amount: dec("50"), Currency: "eur"}, {}} {
		a := must[*credits.PaymentAttempt](t)(w.ConfirmPayment(w.ctx, env, w.attemptOf(g).ID, credits.Outcome{State: credits.AttemptPaid, Money: wrong}))
		if a.State != credits.AttemptParked || a.ParkedReason == "" {
			t.Errorf("%v instead of 50 usd: %s %q, want PARKED with a reason", wrong, a.State, a.ParkedReason)
		}
	}
	w.wantStands(g, "PAYMENT_PENDING PROCESSING")
	w.say(g, credits.AttemptPaid)
	w.wantStands(g, "ACTIVE PAID · GRANTED 500 (500)")
}

func TestPayment_too_late(t *testing.T) {
	// A payment that comes after the grant has expired is money for nothing: no row, and a flag for a person (semantics 4.3).
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge, ExpireAt: w.now() + 3600*second})
	w.tick(3600 * second)
	w.say(g, credits.AttemptPaid)
	w.wantStands(g, "EXPIRED PAID PAID_AFTER_EXPIRY")
}

func TestPayment_lives_from_activation(t *testing.T) {
	// An expiry given as a duration begins when the credits become usable (semantics 4.3).
	t.Parallel()
	w := shopWithTopUps(t)
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge, Life: credits.Span{Months: 1}})
	if g.ExpireAt != ledger.Never {
		t.Errorf("an unpaid grant expires at %d", g.ExpireAt)
	}
	w.tick(24 * 3600 * second)
	w.say(g, credits.AttemptPaid)
	now := must[*credits.Grant](t)(w.Grant(w.ctx, env, g.ID))
	if days := (now.ExpireAt - now.ActivatedAt) / (24 * 3600 * second); now.ActivatedAt != w.now() || days < 28 || days > 31 {
		t.Errorf("the grant lives %d days from %d", days, now.ActivatedAt)
	}
}

func TestPayment_money_back(t *testing.T) {
	// Money that goes back is flagged with its amount, whatever the order of the news, and takes credits away only by policy.
	t.Parallel()
	w := shopWithTopUps(t)
	back := func(g *credits.Grant, text string, disputed bool) {
		t.Helper()
		err := w.ConfirmMoneyBack(w.ctx, env, w.attemptOf(g).ID, credits.MoneyBack{Refunded: ledger.Money{Amount: dec(text), Currency: "usd"}, Disputed: disputed})
		if err != nil {
			t.Fatal(err)
		}
	}
	g := w.sell(credits.NewGrant{Collection: credits.CollectCharge})
	w.say(g, credits.AttemptPaid)
	back(g, "20", false)
	back(g, "10", false)
	w.wantStands(g, "ACTIVE PAID PARTIALLY_REFUNDED · GRANTED 500 (500)")
	back(g, "50", false)
	w.wantStands(g, "ACTIVE PAID PARTIALLY_REFUNDED REFUNDED · GRANTED 500 (500)")
	w.policy = credits.PaymentPolicy{VoidReversed: true}
	back(g, "50", true)
	back(g, "50", true)
	w.wantStands(g, "VOIDED PAID PARTIALLY_REFUNDED REFUNDED DISPUTED · GRANTED 500 (500) · VOIDED -500 (0)")
}

func TestPayment_keys(t *testing.T) {
	// One key buys once, whatever has become of the purchase; another request under it is refused, and a refused one takes none.
	t.Parallel()
	w := shopWithTopUps(t)
	in := credits.NewTopUp{Customer: "ann", CreditType: "tokens", Amount: dec("300"), Key: "k"}
	first := must[*credits.Bought](t)(w.BuyCredits(w.ctx, env, buyer, in))
	w.say(first.Grant, credits.AttemptPaid)
	again := must[*credits.Bought](t)(w.BuyCredits(w.ctx, env, buyer, in))
	if again.Grant.ID != first.Grant.ID || again.Attempt.ID != first.Attempt.ID {
		t.Errorf("the repeat made grant %d and attempt %s", again.Grant.ID, again.Attempt.ID)
	}
	in.Amount = dec("301")
	_, err := w.BuyCredits(w.ctx, env, buyer, in)
	wantError(t, err, "IdempotencyMismatch", "idempotencyKey")
	free := credits.NewGrant{Customer: "ann", CreditType: "tokens", DisplayName: "Gift", Amount: dec("1"), Key: "k"}
	_, err = w.CreateGrant(w.ctx, env, buyer, free)
	wantError(t, err, "IdempotencyMismatch", "idempotencyKey")
	free.Key = "gift"
	must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, buyer, free))
	in.Key = "gift"
	for range 2 {
		_, err = w.BuyCredits(w.ctx, env, buyer, in)
		wantError(t, err, "IdempotencyMismatch", "idempotencyKey")
	}
}

func TestPayment_restart(t *testing.T) {
	// What was bought is there after a start, and can be paid then.
	t.Parallel()
	w := shopWithTopUps(t)
	g := must[*credits.Bought](t)(w.topUp("300")).Grant
	w.restart()
	w.say(g, credits.AttemptPaid)
	w.restart()
	w.wantStands(g, "ACTIVE PAID · GRANTED 300 (300)")
}

func TestPayment_refusals(t *testing.T) {
	// What cannot be meant is refused with the member that is wrong, and starts nothing.
	t.Parallel()
	w := shopWithTopUps(t)
	for field, in := range map[string]credits.NewGrant{
		"billingInformation.invoicePolicy":       {Collection: credits.CollectInvoice, Policy: "SOMETIMES"},
		"billingInformation.invoiceDaysUntilDue": {Collection: credits.CollectInvoice, DaysUntilDue: -1},
		"billingInformation.isInvoicePaid":       {Collection: credits.CollectCharge, InvoicePaid: true},
		"paymentCollectionMethod":                {Collection: "CASH"},
	} {
		in.Customer, in.CreditType, in.DisplayName, in.Amount = "ann", "tokens", "Sale", dec("500")
		in.Cost = &ledger.Money{Amount: dec("50"), Currency: "usd"}
		_, err := w.CreateGrant(w.ctx, env, buyer, in)
		wantError(t, err, credits.CodeInvalid, field)
	}
	_, err := w.SayOutcome(w.ctx, env, buyer, "nothing", credits.Outcome{State: credits.AttemptPaid})
	wantError(t, err, "PaymentAttemptNotFound", "")
	_, err = w.RetryAttempt(w.ctx, env, buyer, "nothing")
	wantError(t, err, "PaymentAttemptNotFound", "")
	list := must[credits.List[*credits.PaymentAttempt]](t)(w.PaymentAttempts(w.ctx, env, credits.AttemptFilter{Customer: "ann"}, credits.Page{}))
	if len(list.Items) != 0 {
		t.Errorf("%d attempts were started", len(list.Items))
	}
	if errors.Is(err, credits.ErrFenced) {
		t.Error("a missing attempt is not a fenced one")
	}
}
