package credits

import (
	"fmt"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func number(text string) amount.Amount {
	a, err := amount.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

func offerAt(price string) *TopUp {
	return &TopUp{UnitPrice: ledger.Money{Amount: number(price), Currency: "usd"}}
}

func onDay(month time.Month, day int) ledger.Time {
	return ledger.Time(time.Date(2026, month, day, 12, 0, 0, 0, time.UTC).UnixMicro())
}

// told is a decision as text.
func told(r *Recharge, buy *RechargePurchase, notices []RechargeNotice) string {
	text := string(r.State)
	if buy != nil {
		text += fmt.Sprintf(" buy %s for %s", buy.Credits, buy.Cost.Amount)
	}
	for _, n := range notices {
		text += fmt.Sprintf(" [%d %v %s]", n.Percent, n.Blocked, n.Reason)
	}
	return text
}

func activeRecharge(limit string) *Recharge {
	rule := RechargeRule{Enabled: true, ThresholdType: ThresholdCredits, Threshold: number("20"), Target: number("50")}
	if limit != "" {
		most := number(limit)
		rule.SpendMax = &most
	}
	r := &Recharge{}
	r.set(rule)
	return r
}

// step evaluates a balance and checks the decision.
func (r *Recharge) step(t *testing.T, balance, price string, at ledger.Time, want string) {
	t.Helper()
	buy, notices := r.evaluate(number(balance), offerAt(price), at)
	if got := told(r, buy, notices); got != want {
		t.Errorf("at %s: %s, want %s", balance, got, want)
	}
}

func (r *Recharge) paid(t *testing.T, cost string, at ledger.Time, want string) {
	t.Helper()
	if got := told(r, nil, r.succeeded(number(cost), at)); got != want {
		t.Errorf("after %s was paid: %s, want %s", cost, got, want)
	}
}

func TestRecharge(t *testing.T) {
	// W24a: strictly below the threshold it buys up to the target, a deficit included, one purchase at a time.
	t.Parallel()
	r := activeRecharge("")
	at := onDay(time.March, 3)
	r.step(t, "20", "0.1", at, "ACTIVE")
	r.step(t, "19", "0.1", at, "IN_PROGRESS buy 31 for 3.1")
	r.step(t, "-5", "0.1", at, "IN_PROGRESS")
	r.paid(t, "3.1", at, "ACTIVE")
	r.step(t, "26", "0.1", at, "ACTIVE")
	r.step(t, "-5", "0.1", at, "IN_PROGRESS buy 55 for 5.5")
}

func TestRecharge_by_money(t *testing.T) {
	// DOLLAR_AMOUNT compares what the balance is worth at the price.
	t.Parallel()
	r := activeRecharge("")
	r.Rule.ThresholdType, r.Rule.Threshold = ThresholdMoney, number("2")
	r.step(t, "20", "0.1", onDay(time.March, 3), "ACTIVE")
	r.step(t, "19.99", "0.1", onDay(time.March, 3), "IN_PROGRESS buy 30.01 for 3")
}

func TestRecharge_limit(t *testing.T) {
	// W24b: an attempt that would pass the month's limit is not made, each of 80, 90 and 100 is told once, and the 1st begins anew.
	t.Parallel()
	r := activeRecharge("100")
	at := onDay(time.March, 3)
	r.step(t, "15", "1", at, "IN_PROGRESS buy 35 for 35")
	r.paid(t, "35", at, "ACTIVE")
	r.step(t, "5", "1", at, "IN_PROGRESS buy 45 for 45")
	r.paid(t, "45", at, "ACTIVE [80 false ]")
	r.step(t, "18", "1", at, "PAUSED_SPEND_LIMIT [100 true ] [0 false SPEND_LIMIT_REACHED]")
	r.step(t, "3", "1", onDay(time.March, 31), "PAUSED_SPEND_LIMIT")
	r.step(t, "3", "1", onDay(time.April, 1), "IN_PROGRESS buy 47 for 47")
	r.paid(t, "47", onDay(time.April, 1), "ACTIVE")
}

func TestRecharge_limit_raised(t *testing.T) {
	// Raising the limit ends the pause; what was told this month is not told again.
	t.Parallel()
	r := activeRecharge("30")
	at := onDay(time.March, 3)
	r.step(t, "15", "1", at, "PAUSED_SPEND_LIMIT [100 true ] [0 false SPEND_LIMIT_REACHED]")
	more, rule := number("35"), r.Rule
	rule.SpendMax = &more
	r.set(rule)
	r.step(t, "15", "1", at, "IN_PROGRESS buy 35 for 35")
	r.paid(t, "35", at, "ACTIVE [80 false ] [90 false ]")
}

func TestRecharge_failure(t *testing.T) {
	// A failed charge switches off until a person switches on.
	t.Parallel()
	r := activeRecharge("")
	at := onDay(time.March, 3)
	r.step(t, "1", "1", at, "IN_PROGRESS buy 49 for 49")
	if got := told(r, nil, r.failed()); got != "DISABLED [0 false PAYMENT_FAILED]" {
		t.Errorf("after the failure: %s", got)
	}
	r.step(t, "1", "1", at, "DISABLED")
	rule := r.Rule
	rule.Enabled = true
	r.set(rule)
	r.step(t, "1", "1", at, "IN_PROGRESS buy 49 for 49")
}

func TestRecharge_burst(t *testing.T) {
	// After ten attempts in a rolling hour nothing is bought until a person resumes.
	t.Parallel()
	r := activeRecharge("")
	at := onDay(time.March, 3)
	for range rechargeBurstMax {
		at += 60 * 1e6
		r.step(t, "1", "1", at, "IN_PROGRESS buy 49 for 49")
		r.paid(t, "49", at, "ACTIVE")
	}
	r.step(t, "1", "1", at, "PAUSED_SAFETY [0 false TOO_MANY_ATTEMPTS]")
	r.step(t, "1", "1", at+rechargeBurstTime, "PAUSED_SAFETY")
	r.set(r.Rule)
	r.step(t, "1", "1", at, "IN_PROGRESS buy 49 for 49")
}

func TestRechargeRule(t *testing.T) {
	// A rule that cannot be meant is refused by its member.
	t.Parallel()
	zero := amount.Zero
	price := offerAt("0.1")
	for field, change := range map[string]func(*RechargeRule){
		"":               func(*RechargeRule) {},
		"thresholdType":  func(r *RechargeRule) { r.ThresholdType = "CREDITS" },
		"thresholdValue": func(r *RechargeRule) { r.Threshold = number("-1") },
		"targetBalance":  func(r *RechargeRule) { r.Target = number("20") },
		"maxSpendLimit":  func(r *RechargeRule) { r.SpendMax = &zero },
	} {
		rule := activeRecharge("").Rule
		change(&rule)
		err := rule.check(price)
		known, _ := err.(*Error)
		if (err == nil) != (field == "") || known != nil && known.Field != field {
			t.Errorf("%q: %v", field, err)
		}
	}
	money := activeRecharge("").Rule
	money.ThresholdType, money.Threshold = ThresholdMoney, number("5")
	if money.check(price) == nil {
		t.Error("a target worth no more than the threshold is accepted")
	}
}
