package model

import "time"

// Subject is one world under test: one customer, empty at first, with a clock that only MoveClock moves.
//
// Do applies one command. The reads never change what later commands or reads answer. All amounts in answers are plain
// decimal text in the shortest exact form ("12", "-0.5"). A Subject is used by one goroutine, except that Do may be
// called for several Reserve commands at once.
type Subject interface {
	Do(Command) Outcome
	Balance(Pool) Balance
	Grants(Pool) []Grant         // every grant and overdraft ever created in the pool, in creation order
	Rows(Pool, RowFilter) []Row  // oldest first
	Usage(UsageQuery) []Series   // sorted by id
	Check(CheckQuery) Access     // semantics 15.1
	Estimate([]ReportEvent) Cost // semantics 15.2; records nothing
	Revenue() []RevenueLine      // semantics 19.3, of all months and pools, see SortRevenue
}

// Teller is a Subject that tells what happens (semantics 16.1). It does SetThresholds.
type Teller interface {
	Messages(Pool) []Message // in order
}

// Message is something told: its type without the prefix "credits.", and what it is about.
type Message struct {
	Type      string
	Grant     string
	Threshold string // percent
	Balance   string // at the end of the transaction, of messages about it
}

// Outcome is the answer to a command.
type Outcome struct {
	Refused   string // error code in PascalCase, empty when accepted
	Duplicate bool
	Mismatch  bool
	State     string   // of an event or consumption: RATED, UNMAPPED, QUARANTINED
	Warnings  []string // of an event, sorted
	Hold      *Hold    // of Reserve, Settle, Release
	Cost      Money    // of QuoteTopUp
}

// The refusal codes that this package knows. Refused says only that the command was refused.
const (
	Refused             = "Refused"
	GrantExpired        = "GrantExpired"
	OverdraftImmutable  = "OverdraftImmutable"
	GrantNotFound       = "CreditGrantNotFound"
	Insufficient        = "InsufficientCredits"
	IdempotencyMismatch = "IdempotencyMismatch"
	TimestampInFuture   = "TimestampInFuture"
	ReservationNotFound = "ReservationNotFound"
	EventNotFound       = "EventNotFound"
	AmountOutOfRange    = "AmountOutOfRange"
	Unsupported         = "Unsupported" // this Subject cannot do that; the runner reports it
)

// The states of an event.
const (
	Rated       = "RATED"
	Unmapped    = "UNMAPPED"
	Quarantined = "QUARANTINED"
)

// Hold is the state of a reservation.
type Hold struct {
	Amount  string // as reserved
	Held    string // still held, pinned or not
	Settled string
	End     string // OPEN, SETTLED, RELEASED, EXPIRED, CAPTURED
}

// Balance is the state of a pool now.
type Balance struct {
	Settled       string
	Held          string
	Available     string
	TotalGranted  string
	TotalConsumed string
}

// Grant is a grant as listed.
type Grant struct {
	Ref       string
	Kind      Kind
	Status    string // VOIDED, EXPIRED, PAYMENT_PENDING, SCHEDULED, ACTIVE
	Amount    string
	Consumed  string
	Expired   string
	Voided    string
	Remaining string
	Held      string
	Depleted  bool
}

// Row is one ledger row. Txn is any name that the rows of one transaction, and no others, have in common.
type Row struct {
	Txn      string
	PostedAt time.Time
	Type     string // GRANTED, CONSUMED, … without the CREDITS_ prefix
	Grant    string
	Amount   string
	End      string
	Event    string // key of the event or consumption, empty for none
	EventAt  time.Time
	Feature  string
	Version  int   // plan version of the mapping, 0 for none
	Money    Money // recognised or given back (semantics 19.2)
}

// RowFilter selects rows; empty members select all. From is included, To excluded; both are posting times.
type RowFilter struct {
	Type    string
	Grant   string
	Feature string
	From    time.Time
	To      time.Time
}

// UsageQuery asks for the series by feature of a pool. Either Range, or From and To.
type UsageQuery struct {
	Pool  Pool
	Range string // LAST_DAY, LAST_WEEK, LAST_MONTH, LAST_YEAR
	From  time.Time
	To    time.Time
}

// Series is the usage of one feature. Usage under no feature has the id "(none)". A feature without a consuming row in
// the window has no series.
type Series struct {
	ID     string
	Total  string
	Events int
	Points []Point
}

// Point is one bucket. Events counts the distinct events with a consuming row in it, reversed or not.
type Point struct {
	At     time.Time
	Value  string
	Events int
}

// CheckQuery asks whether usage is allowed. Requested is in credits; empty asks without a request.
type CheckQuery struct {
	Pool      Pool
	Requested string
	Soft      bool
}

// Access is the answer to an entitlement check.
type Access struct {
	Granted   bool
	Reason    string
	Limit     string
	Current   string
	Remaining string
}

// Cost is an estimate in the default credit type.
type Cost struct {
	Total     string
	Balance   string // settled balance now
	After     string // balance less Total
	Overdraft bool   // Total is more than what is available
}
