package credits

import (
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// RechargeState is where the automatic top-up of a pool stands (semantics 12.4).
type RechargeState string

// The states of an automatic top-up.
const (
	RechargeDisabled         RechargeState = "DISABLED"
	RechargeActive           RechargeState = "ACTIVE"
	RechargeInProgress       RechargeState = "IN_PROGRESS"
	RechargePausedSpendLimit RechargeState = "PAUSED_SPEND_LIMIT" // until the month is over or the limit is raised
	RechargePausedSafety     RechargeState = "PAUSED_SAFETY"      // until a person resumes
)

// What the threshold of an automatic top-up is compared with.
const (
	ThresholdCredits = "CREDIT_AMOUNT"
	ThresholdMoney   = "DOLLAR_AMOUNT" // with balance × price
)

// The burst guard (semantics 12.2): so many attempts in so much time, then nothing until a person resumes.
const (
	rechargeBurstMax              = 10
	rechargeBurstTime ledger.Time = 3600 * 1e6
)

// RechargeRule is what a customer wants of the automatic top-up of a pool.
type RechargeRule struct {
	Enabled       bool
	ThresholdType string        // ThresholdCredits or ThresholdMoney
	Threshold     amount.Amount // buy when the balance is strictly below
	Target        amount.Amount // credits after the purchase
	SpendMax      *amount.Amount
	Life          Span // of what is bought, from its activation
	PaymentMethod string
}

// Recharge is the automatic top-up of one pool: its rule, and what it has done. It decides and does nothing itself.
type Recharge struct {
	Rule      RechargeRule
	State     RechargeState
	Month     ledger.Time   // start of the spend period, UTC
	Spent     amount.Amount // money of successful attempts in it
	Announced []int         // of 80, 90 and 100 percent, what was told in it
	Started   []ledger.Time // attempts of the last hour
}

// RechargeNotice is something that a customer is told.
type RechargeNotice struct {
	Percent int    // of the spend limit: 80, 90 or 100; 0 for a change of the configuration
	Blocked bool   // an attempt was not made
	Reason  string // of a change by the system: PAYMENT_FAILED, SPEND_LIMIT_REACHED or TOO_MANY_ATTEMPTS
}

// RechargePurchase is what is to be bought now.
type RechargePurchase struct {
	Credits amount.Amount
	Cost    ledger.Money
}

// check refuses a rule that cannot be meant, given the offer by which the credits are bought. Without one, a threshold of money
// is not compared with the target.
func (r *RechargeRule) check(offer *TopUp) error {
	if err := oneOf("thresholdType", r.ThresholdType, ThresholdCredits, ThresholdMoney); err != nil {
		return err
	}
	if r.Threshold.Sign() < 0 || !r.Threshold.InRange() {
		return Invalid("thresholdValue", "must not be negative")
	}
	if !r.Target.InRange() || r.Target.Sign() <= 0 || !r.reaches(offer) {
		return Invalid("targetBalance", "must be above the threshold")
	}
	if r.SpendMax != nil && (r.SpendMax.Sign() <= 0 || !r.SpendMax.InRange()) {
		return Invalid("maxSpendLimit", "must be more than 0, or null for none")
	}
	return nil
}

// reaches tells whether the target lies above the threshold, or cannot be compared with it.
func (r *RechargeRule) reaches(offer *TopUp) bool {
	if offer == nil && r.ThresholdType == ThresholdMoney {
		return true
	}
	worth, ok := r.worth(r.Target, offer)
	return ok && r.Threshold.Less(worth)
}

// worth is a balance in what the threshold counts.
func (r *RechargeRule) worth(balance amount.Amount, offer *TopUp) (amount.Amount, bool) {
	if r.ThresholdType == ThresholdMoney {
		block := amount.FromInt(1)
		if offer.BlockSize != nil {
			block = *offer.BlockSize
		}
		return amount.MulDiv(balance, offer.UnitPrice.Amount, block, amount.FractionDigits)
	}
	return balance, balance.InRange()
}

// set replaces the rule: a person has saved it, switched it or resumed. What was paused is judged anew.
func (r *Recharge) set(rule RechargeRule) {
	r.Rule = rule
	switch {
	case !rule.Enabled && r.State != RechargeInProgress:
		r.State = RechargeDisabled
	case rule.Enabled && r.State != RechargeInProgress:
		r.State, r.Started = RechargeActive, nil
	}
}

// evaluate decides what a balance asks for at an instant, at the price of an offer (semantics 12.2, 12.3). What it returns
// is under way from then on. An attempt that would pass the limit is not made, and not shrunk.
func (r *Recharge) evaluate(balance amount.Amount, offer *TopUp, now ledger.Time) (*RechargePurchase, []RechargeNotice) {
	r.turnMonth(now)
	worth, ok := r.Rule.worth(balance, offer)
	if r.State != RechargeActive || !ok || !worth.Less(r.Rule.Threshold) {
		return nil, nil
	}
	credit := r.Rule.Target.Sub(balance) // a deficit is bought back too
	cost, err := offer.price(credit)
	if err != nil || cost.Amount.IsZero() {
		return nil, nil
	}
	r.Started = slices.DeleteFunc(r.Started, func(at ledger.Time) bool { return at <= now-rechargeBurstTime })
	switch {
	case len(r.Started) >= rechargeBurstMax:
		r.State = RechargePausedSafety
		return nil, []RechargeNotice{{Reason: "TOO_MANY_ATTEMPTS"}}
	case r.Rule.SpendMax != nil && r.Rule.SpendMax.Less(r.Spent.Add(cost.Amount)):
		return nil, r.block()
	}
	r.State = RechargeInProgress
	r.Started = append(r.Started, now)
	return &RechargePurchase{Credits: credit, Cost: cost}, nil
}

// block pauses until the month is over or the limit is raised. That the limit stopped an attempt is told once a month.
func (r *Recharge) block() []RechargeNotice {
	r.State = RechargePausedSpendLimit
	notices := []RechargeNotice{{Reason: "SPEND_LIMIT_REACHED"}}
	if !slices.Contains(r.Announced, 100) {
		r.Announced = append(r.Announced, 100)
		notices = append([]RechargeNotice{{Percent: 100, Blocked: true}}, notices...)
	}
	return notices
}

// succeeded notes that the attempt under way was paid. The balance is to be evaluated again.
func (r *Recharge) succeeded(cost amount.Amount, now ledger.Time) []RechargeNotice {
	r.turnMonth(now)
	r.Spent = r.Spent.Add(cost)
	r.end()
	if r.Rule.SpendMax == nil {
		return nil
	}
	var notices []RechargeNotice
	for _, percent := range []int{80, 90, 100} {
		limit, ok := r.Rule.SpendMax.Mul(amount.FromInt(int64(percent)))
		spent, fits := r.Spent.Mul(amount.FromInt(100)) // percentages are compared crosswise (semantics 1.1)
		if ok && fits && !spent.Less(limit) && !slices.Contains(r.Announced, percent) {
			r.Announced = append(r.Announced, percent)
			notices = append(notices, RechargeNotice{Percent: percent})
		}
	}
	return notices
}

// failed notes that the attempt under way was not paid: the system switches off, until a person switches on again.
func (r *Recharge) failed() []RechargeNotice {
	r.Rule.Enabled, r.State = false, RechargeDisabled
	return []RechargeNotice{{Reason: "PAYMENT_FAILED"}}
}

// end leaves IN_PROGRESS for where the rule puts it.
func (r *Recharge) end() {
	r.State = RechargeActive
	if !r.Rule.Enabled {
		r.State = RechargeDisabled
	}
}

// turnMonth begins a new spend period on the 1st, UTC; a pause for the limit ends with it.
func (r *Recharge) turnMonth(now ledger.Time) {
	month := monthStart(now, 0)
	if month <= r.Month {
		return
	}
	r.Month, r.Spent, r.Announced = month, amount.Zero, nil
	if r.State == RechargePausedSpendLimit {
		r.State = RechargeActive
	}
}

// monthStart is 00:00 UTC on the 1st of the month of an instant, or of one so many months later.
func monthStart(t ledger.Time, later int) ledger.Time {
	at := time.UnixMicro(int64(t)).UTC()
	return ledger.Time(time.Date(at.Year(), at.Month()+time.Month(later), 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}
