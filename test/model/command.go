package model

import "time"

// Pool names a wallet of the world's only customer. An empty Resource is the customer-wide wallet.
type Pool struct {
	Currency string
	Resource string
}

// DefaultCurrency is the credit type used when a history names none.
const DefaultCurrency = "credits"

// Kind is a grant type, spelt as on the wire.
type Kind string

// The grant kinds. Histories create the first three; the system opens overdrafts.
const (
	Promotional Kind = "PROMOTIONAL"
	Paid        Kind = "PAID"
	Recurring   Kind = "RECURRING"
	Overdraft   Kind = "OVERDRAFT"
)

// Money is a decimal amount in major units with a lower-case currency code. The zero Money is "no money".
type Money struct {
	Amount   string
	Currency string
}

// DimKind says how a dimension was written.
type DimKind string

// The kinds of dimension values.
const (
	Text   DimKind = "string"
	Number DimKind = "number"
	Bool   DimKind = "bool"
)

// Dim is one dimension of an event. Text is the string, the literal of the number, or true/false.
type Dim struct {
	Key  string
	Kind DimKind
	Text string
}

// Command is one thing done to a world. String gives its line in the scenario language.
type Command interface{ String() string }

// MoveClock sets the clock. It never goes back. Everything due up to and including To is posted at its own instant.
type MoveClock struct{ To time.Time }

// AddGrant creates a grant named Ref. A zero EffectiveAt is now, a zero ExpireAt is never.
type AddGrant struct {
	Ref           string
	Pool          Pool
	Amount        string
	Kind          Kind
	Priority      int
	EffectiveAt   time.Time
	ExpireAt      time.Time
	Cost          Money
	AwaitsPayment bool // not usable before ConfirmPayment
}

// ReportEvent reports a metered event. A zero At is now.
type ReportEvent struct {
	Name     string
	Key      string
	Resource string
	At       time.Time
	Dims     []Dim // sorted by key
}

// Consume is a direct consumption (semantics 7.5): no meter, no mapping. Its key lives beside the events' keys, under
// the empty event name. A zero At is now.
type Consume struct {
	Key     string
	Pool    Pool
	Amount  string
	Feature string
	At      time.Time
	Strict  bool // refuse instead of opening an overdraft
}

// VoidGrant takes the unconsumed part of a grant away. Pool matters for overdrafts only: other names are unique.
type VoidGrant struct {
	Ref  string
	Pool Pool
}

// UpdateGrant changes a grant; nil members stay as they are.
type UpdateGrant struct {
	Ref         string
	Pool        Pool // as in VoidGrant
	Priority    *int
	EffectiveAt *time.Time
	ExpireAt    *time.Time
	Amount      *string
	Cost        *Money
}

// ConfirmPayment says that the money of a grant arrived; FailPayment that it did not.
type (
	ConfirmPayment struct{ Ref string }
	FailPayment    struct{ Ref string }
)

// Reserve holds credits under the caller's reservation id Ref.
type Reserve struct {
	Ref            string
	Pool           Pool
	Amount         string
	TTL            time.Duration // 0: one hour
	AllowOverdraft bool
	Capture        bool // charge on TTL expiry instead of freeing
}

// Settle burns Amount under a reservation. Partial keeps the rest held; Extend moves the end of a partly settled hold
// to that long from now (0: unchanged).
type Settle struct {
	Ref     string
	Pool    Pool
	Amount  string
	Partial bool
	Extend  time.Duration
}

// Release ends a reservation and frees what it holds.
type Release struct {
	Ref  string
	Pool Pool
}

// Reverse takes an event back. Name is empty for a direct consumption. Replace, if not empty, names the promotional
// grant (priority 10, the default, and no expiry) that replaces what could only return to grants that ended.
type Reverse struct {
	Name     string
	Key      string
	Resource string
	Replace  string
}

// Turn is a boundary of a subscription in one pool (semantics 10.2 to 10.4). It moves the clock to At and comes before
// everything else that is due there in its pool; a zero At is now, after everything that is due. What it names and is not
// open any more is passed over.
type Turn struct {
	Pool    Pool
	At      time.Time
	Block   AddGrant // the new block, effective At; none when it has no Ref
	Rolls   []Roll
	Ends    []string // blocks that end here, whatever their own expiry
	Voids   []string // blocks that are taken away
	Forgive bool     // the deficit is written off before the new block comes
}

// Roll carries up to Max credits of a block over to a new one named As, and ends the block.
type Roll struct {
	Ref   string
	As    string
	Max   string
	Until time.Time
}

// SetThresholds sets what every pool is watched for (semantics 16.2): percentages of the balance that remain, and
// percentages of a grant that are consumed. A world starts with none. Only a Teller can do it.
type SetThresholds struct{ Remaining, Consumed []string }

// SetGrace sets the grace for late events (semantics 7.3). A world starts with one hour.
type SetGrace struct{ Grace time.Duration }

// Condition is one condition of a meter's filter. Values has several members for IN only.
type Condition struct {
	Field  string
	Op     string // EQUALS … IN, spelt as in semantics 8.1
	Values []string
}

// DefineFeature declares a feature with its meter. Groups are alternatives (OR) of conditions that must all hold (AND).
type DefineFeature struct {
	Feature     string
	EventName   string
	Groups      [][]Condition // besides the event name; empty: every event of that name
	Aggregation string        // COUNT, SUM, UNIQUE, MAX
	Field       string
	DivideBy    string // unit transformation; empty: none
	Round       string // UP or DOWN
}

// Mapping prices a feature in a plan version: Flat credits per unit, or Formula.
type Mapping struct {
	Feature  string
	Currency string
	Flat     string
	Formula  string
}

// PublishPlan puts a plan version in force for the customer's subscriptions from an instant on.
type PublishPlan struct {
	Version int
	From    time.Time
	Maps    []Mapping
}

// QuoteTopUp asks what a top-up would cost (semantics 11.2). Currency is that of the unit price.
type QuoteTopUp struct {
	Amount, Min, Max string // credits; both bounds are allowed amounts
	Unit             Money  // price of one credit
}

// Subscribe adds a subscription to the plan for a resource. The customer-wide subscription always exists. Every
// subscription starts with the first plan version, and its usage periods are calendar months.
type Subscribe struct{ Resource string }
