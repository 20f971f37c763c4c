package engine

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// EntryKind says what an entry is the record of. The numbers are stored; never reuse one.
type EntryKind uint8

// The kinds of entry.
const (
	EventEntry   EntryKind = iota + 1 // a reported usage event
	ConsumeEntry                      // a direct consumption
	GrantEntry                        // a grant created
	VoidEntry                         // a grant voided
	UpdateEntry                       // a grant changed
	PaymentEntry                      // the payment state of a grant changed
	ReserveEntry                      // credits held
	SettleEntry                       // a hold settled, wholly or in part
	ReleaseEntry                      // a hold released
	ReverseEntry                      // an event undone
	ResolveEntry                      // a quarantined or unmapped event released, rated again or dropped
	SweepEntry                        // due expiries, activations and hold timeouts
	TurnEntry                         // a boundary of a subscription, in all its pools; Key is its TurnName
)

// Entry is one transaction of one customer, as the journal keeps it. Which members are set depends on Kind.
type Entry struct {
	Position    Position
	Kind        EntryKind
	Environment string
	Customer    string
	At          ledger.Time // as of when the entry was decided: the environment's clock, or Scope.At
	Actor       ledger.Actor
	Request     string // id of the API request
	Reason      string
	Key         string // idempotency key or reservation id, as the caller gave it
	Fingerprint uint64 // of the decoded request; tells a repeat from a misuse of the same key
	// Ref is the entry that this one acts on (ReverseEntry, ResolveEntry), and RefEventAt that event's time.
	Ref        Position
	RefEventAt ledger.Time
	Event      *Event
	Texts      []GrantTexts
	Pools      []PoolFacts
}

// PoolFacts is what an entry did to one pool.
type PoolFacts struct {
	Currency string
	Resource string
	Facts    []ledger.Fact
}

// EventStatus is what became of an event when it was recorded.
type EventStatus uint8

// The statuses of an event (semantics 7.3).
const (
	EventRated       EventStatus = iota + 1 // priced and burned, possibly at cost 0
	EventUnmapped                           // no meter or mapping; Reason says which
	EventQuarantined                        // not burned until somebody releases or drops it; Reason says why
	EventDropped                            // resolved without burning (ResolveEntry only)
)

// Event is what was reported, and how it was priced (semantics 7.1, 9.2).
type Event struct {
	Name     string // empty for a direct consumption
	Resource string
	At       ledger.Time // event time
	Dims     rating.Dims
	Status   EventStatus
	Reason   string // code of why it is not rated
	Warnings []rating.Warning
	Charges  []Charge
}

// Charge is the price of an event under one mapping.
type Charge struct {
	ledger.Charge
	Currency     string
	Subscription string
	Units        amount.Amount // units that this event added
	Cost         amount.Amount // credits, rounded once
	Meter        *MeterUse     // set when the units depend on what came before in the period
}

// MeterUse is the step that an event made on a cumulative meter: enough to repeat it from the journal.
type MeterUse struct {
	Period  ledger.Time // start of the usage period
	End     ledger.Time // of the period; 0 when it never ends
	Meter   *rating.Meter
	Measure rating.Measurement
}

// GrantTexts are the members of a grant that decide nothing (semantics 4.2). They are recorded when a grant is made and
// whenever they change.
type GrantTexts struct {
	Grant            ledger.GrantID
	DisplayName      string
	Comment          string
	Reason           string
	Metadata         map[string]string
	CollectionMethod string // CHARGE, INVOICE or NONE
	SourceType       string // PRICE, PLAN_ENTITLEMENT, … or empty when granted by hand
	SourceID         string
	Actor            ledger.Actor
}

// cause is what the rows of the entry share. It is a function of the entry's header, so rows store none of it.
func (e *Entry) cause() ledger.Cause {
	c := ledger.Cause{Txn: e.Position.TxnID(), Actor: e.Actor, Reason: e.Reason}
	switch {
	case e.Ref != 0:
		c.Event, c.EventAt = e.Ref.EventID(), e.RefEventAt
	case e.Event != nil:
		c.Event, c.EventAt = e.Position.EventID(), e.Event.At
	}
	return c
}
