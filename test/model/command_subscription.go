package model

import (
	"strconv"
	"strings"
	"time"
)

// What follows speaks of plans, subscriptions and money as the API does. Only a server can play it; every other Subject
// answers Unsupported. What a subscription issues names itself: R1, R2, … in the order of the pool, and RO1, RO2, … for
// what rolled over.

// OfferCredits publishes a plan that includes credits.
type OfferCredits struct {
	Plan       string
	Amount     string
	Cadence    string // MONTH or YEAR
	Times      string // a feature whose quantity multiplies the amount; empty for none
	Trial      string // credits of a trial; empty for the amount
	RollMax    string // credits that roll over at most; empty for none
	RollFor    int    // periods
	Forgives   bool   // a deficit is forgiven at the reset
	UnitPrice  Money  // sells credits at this price instead of including any
	MinimumBuy int
	MaximumBuy int
}

// SignUp begins the story's one subscription, now.
type SignUp struct {
	Plan        string
	Times       string // what is bought of TimesOf
	TimesOf     string
	TrialUntil  time.Time // zero for no trial
	TrialToPaid bool      // else it ends with the trial
}

// ChangeTerms changes it. Empty members stay as they are.
type ChangeTerms struct {
	Plan      string
	Times     string
	TimesOf   string
	NewPeriod bool // a new period begins now
}

// Leave cancels it at once.
type Leave struct{}

// Sell grants credits for money by hand; the money comes later, or not.
type Sell struct {
	Ref    string
	Amount string
	Cost   Money
	Method string // CHARGE or INVOICE
	Policy string // PAID when credits bought by invoice wait for the money; else empty
}

// TopUp buys credits at the price of the plan, by card.
type TopUp struct {
	Ref    string
	Amount string
}

// DecidePayment says what became of the money of a grant.
type DecidePayment struct {
	Ref     string
	Outcome string // paid or failed
}

func (c OfferCredits) String() string {
	if c.UnitPrice.Amount != "" {
		return line("offer", c.Plan, "sells at", c.UnitPrice.clause(), clause("min", strconv.Itoa(c.MinimumBuy)), clause("max", strconv.Itoa(c.MaximumBuy)))
	}
	roll := ""
	if c.RollMax != "" {
		roll = line("rolls max", c.RollMax, "for", strconv.Itoa(c.RollFor))
	}
	return line("offer", c.Plan, "includes", c.Amount, "per", strings.ToLower(c.Cadence), clause("times", c.Times), clause("trial", c.Trial), roll, flag(c.Forgives, "forgives"))
}

func (c SignUp) String() string {
	return line("sign", c.Plan, times(c.Times, c.TimesOf), timeClause("trial until", c.TrialUntil), flag(c.TrialToPaid, "then paid"))
}

func (c ChangeTerms) String() string {
	return line("change", clause("plan", c.Plan), times(c.Times, c.TimesOf), flag(c.NewPeriod, "new period"))
}

func (c Leave) String() string { return "leave" }

func (c Sell) String() string {
	return line("sell", c.Ref, c.Amount, "cost", c.Cost.clause(), "by", strings.ToLower(c.Method), flag(c.Policy != "", "when paid"))
}

func times(quantity, of string) string {
	if of == "" {
		return ""
	}
	return line("with", quantity, of)
}

func (c TopUp) String() string { return line("topup", c.Ref, c.Amount) }

func (c DecidePayment) String() string { return line("money", c.Ref, c.Outcome) }
