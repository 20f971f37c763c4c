package credits

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// An order is what somebody has bought and must pay: one grant, its price, and how the money is collected. An attempt is
// one try to collect it. Both are rows that are committed before anything else happens, so that every later step can be
// repeated from them: the grant is made by an operation keyed by the order, the provider is called with the attempt's id
// as its idempotency key, the answer is stored in the attempt, and each change of the grant's payment is a numbered step of
// the order with a key of its own (I14).

// Time and Money are the ledger's, for those who see purchases only.
type (
	Time  = ledger.Time
	Money = ledger.Money
)

// AttemptState is where an attempt to collect money stands.
type AttemptState string

// The states of an attempt. The first four are unsettled: money may still move by them, and an order has one such attempt
// at most.
const (
	AttemptPending        AttemptState = "PENDING"         // the provider is not known to have it
	AttemptProcessing     AttemptState = "PROCESSING"      // the provider has it and has not decided
	AttemptActionRequired AttemptState = "ACTION_REQUIRED" // the customer must act at ActionURL
	AttemptParked         AttemptState = "PARKED"          // what the provider says does not fit; a person decides
	AttemptPaid           AttemptState = "PAID"
	AttemptFailed         AttemptState = "FAILED"
	AttemptCanceled       AttemptState = "CANCELED" // given up by us; the provider is told
)

// Unsettled tells whether money may still move by the attempt.
func (s AttemptState) Unsettled() bool {
	return s == AttemptPending || s == AttemptProcessing || s == AttemptActionRequired || s == AttemptParked
}

// OrderState is what became of an order.
type OrderState string

// The states of an order.
const (
	OrderOpen    OrderState = "OPEN"    // not paid yet
	OrderPaid    OrderState = "PAID"    // once, for its price
	OrderRefused OrderState = "REFUSED" // its grant could not be made; no money was asked for
	OrderLapsed  OrderState = "LAPSED"  // not paid in time; its grant is void (semantics 11.3)
)

// When the credits of an invoice become usable (semantics 11.3).
const (
	InvoiceIssued = "ISSUED" // when it is issued
	InvoicePaid   = "PAID"   // when it is paid
)

// Flags of an order: what a person should know of it. Names are part of the API.
const (
	FlagPaidAfterExpiry   = "PAID_AFTER_EXPIRY" // money for nothing: the grant had ended; refund it (semantics 4.3)
	FlagPaidTwice         = "PAID_TWICE"        // two attempts were paid; refund one
	FlagRefunded          = "REFUNDED"
	FlagPartiallyRefunded = "PARTIALLY_REFUNDED"
	FlagDisputed          = "DISPUTED"         // the customer's bank took the money back, or tries to
	FlagInvoiceCanceled   = "INVOICE_CANCELED" // an invoice whose credits were usable will not be paid
)

// Order is something bought that must be paid. Its Grant is complete from the start; GrantID is 0 until it was made.
type Order struct {
	No           int64
	ID           string
	RequestKey   string `json:"-"` // names the request that made it, or is empty
	Fingerprint  uint64 // of that request
	Grant        NewGrant
	By           Caller
	GrantID      ledger.GrantID
	Automatic    bool
	Policy       string // of an invoice: InvoiceIssued or InvoicePaid
	DaysUntilDue int
	State        OrderState
	Steps        []PaymentStep
	Applied      int // so many of the steps have reached the grant
	Attempts     int
	Flags        []string
	Refunded     amount.Amount
	ActionURL    string      // where the customer must act now, or empty
	UnpaidAt     ledger.Time // when it lapses, by the environment's clock, or 0
	CreatedAt    ledger.Time
	UpdatedAt    ledger.Time
}

// PaymentStep is one change that the money makes to the grant. Steps are applied in their order, each once.
type PaymentStep struct {
	Payment ledger.Payment
	Usable  bool
	Void    bool // take the rest of the grant away
}

// RowNumber orders orders by creation.
func (p *Order) RowNumber() int64 { return p.No }

// Cost is the whole price.
func (p *Order) Cost() ledger.Money {
	if p.Grant.Cost == nil {
		return ledger.Money{}
	}
	return *p.Grant.Cost
}

func (p *Order) flag(name string) {
	if !slices.Contains(p.Flags, name) {
		p.Flags = append(p.Flags, name)
	}
}

func (p *Order) step(s PaymentStep) { p.Steps = append(p.Steps, s) }

// awaitsPayment tells whether the credits are usable only once the money is there.
func (p *Order) awaitsPayment() bool {
	return p.Grant.Collection == CollectCharge || p.Policy == InvoicePaid
}

// PaymentAttempt is one try to collect the money of an order. Fence, LeaseUntil and NextAt belong to whoever works on it.
type PaymentAttempt struct {
	No             int64
	ID             string // also the provider's idempotency key, on every call
	OrderID        string
	Number         int // 1, 2, 3 … within the order
	Customer       string
	CreditType     string
	Resource       string
	GrantID        ledger.GrantID
	Credits        amount.Amount
	Cost           ledger.Money
	Method         string // CHARGE or INVOICE
	Automatic      bool
	Provider       string // its name
	PaymentMethod  string // the provider's id of the method to charge, or empty
	DaysUntilDue   int
	State          AttemptState
	Reference      string // the provider's id of the charge or invoice
	ActionURL      string
	FailureCode    string
	FailureMessage string
	ParkedReason   string
	Tries          int         // how often the provider was called; above 0 its books must be asked before it is called again
	CalledAt       ledger.Time // the first time, by the installation's clock
	Closed         bool        // the provider was told that no money shall move any more
	CreatedAt      ledger.Time
	UpdatedAt      ledger.Time

	Fence      int64       `json:"-"`
	LeaseUntil ledger.Time `json:"-"`
	NextAt     ledger.Time `json:"-"`
}

// RowNumber orders attempts by creation.
func (a *PaymentAttempt) RowNumber() int64 { return a.No }

// Outcome is what a provider, or a person in its place, says about an attempt.
type Outcome struct {
	State          AttemptState // PROCESSING, ACTION_REQUIRED, PAID, FAILED or CANCELED
	Reference      string
	Money          ledger.Money // what was paid; of PAID only
	ActionURL      string
	FailureCode    string
	FailureMessage string
}

// MoneyBack is what a provider says about money that was paid: how much of it was given back so far, in all, and whether the
// payer's bank contests it.
type MoneyBack struct {
	Refunded ledger.Money
	Disputed bool
}

// PaymentPolicy is what an environment wants of orders. The zero value means the defaults.
type PaymentPolicy struct {
	Invoice      string      // InvoiceIssued (default) or InvoicePaid
	UnpaidAfter  ledger.Time // how long a failed payment may be tried again; default 7 days (semantics 11.3)
	VoidReversed bool        // take the rest of a grant away whose money was wholly taken back
}

// unpaidAfterDefault is how long a grant waits for money after a payment failed (semantics 11.3).
const unpaidAfterDefault ledger.Time = 7 * 24 * 3600 * 1e6

func (p PaymentPolicy) withDefaults() PaymentPolicy {
	if p.Invoice == "" {
		p.Invoice = InvoiceIssued
	}
	if p.UnpaidAfter == 0 {
		p.UnpaidAfter = unpaidAfterDefault
	}
	return p
}

// AttemptFilter selects attempts; empty members select all.
type AttemptFilter struct {
	Customer  string
	Grant     ledger.GrantID
	States    []AttemptState
	Recharges *ledger.Key // only automatic top-ups of this pool
}
