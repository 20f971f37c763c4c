package ledger

import (
	"github.com/scrip-dev/scrip/internal/amount"
)

// Time is an instant in microseconds since the Unix epoch, UTC (semantics 1.2).
type Time int64

// Never is the expiry of a grant that does not expire. It sorts after every real instant.
const Never Time = 1<<63 - 1

// GrantID names a grant or an overdraft. Ids grow in creation order inside a shard and are never reused.
type GrantID uint64

// Key names a pool: one wallet of one customer (semantics 3). An empty Resource is the customer-wide pool.
type Key struct {
	Environment string
	Customer    string
	Currency    string
	Resource    string
}

// GrantType is semantics 4.1.
type GrantType uint8

// The four grant types. Callers create only Promotional and Paid; the system makes the others.
const (
	Promotional GrantType = iota + 1
	Paid
	Recurring
	Overdraft
)

// Status is semantics 4.3, derived from a grant and an instant, first match wins.
type Status uint8

// The statuses, in the order in which they are tested.
const (
	Voided Status = iota + 1
	Expired
	PaymentPending
	Scheduled
	Active
)

// Payment is where the money of a grant stands (semantics 11.3).
type Payment uint8

// The payment states. NotRequired is the zero value.
const (
	PaymentNotRequired Payment = iota
	PaymentProcessing
	PaymentFailed
	PaymentActionRequired
	PaymentPaid
)

// Money is an amount of a fiat currency in major units. Currency is a lower-case ISO 4217 code, empty when Amount is zero.
type Money struct {
	Amount   amount.Amount
	Currency string
}

// Grant is one block of credits: what decisions need, and the counters they move (semantics 4.2).
// Texts (display name, comment, metadata) live with the caller; they decide nothing.
type Grant struct {
	ID          GrantID
	Type        GrantType
	Priority    int32
	CreatedAt   Time
	EffectiveAt Time
	ExpireAt    Time // Never when the grant does not expire
	Amount      amount.Amount
	Consumed    amount.Amount
	Expired     amount.Amount
	Voided      amount.Amount // taken away by a void or a roll-over
	Held        amount.Amount // pinned by open holds, at most Remaining
	Cost        Money         // the whole price
	Payment     Payment
	// AwaitsPayment is set while the credits are not usable because money is outstanding (status PaymentPending).
	AwaitsPayment bool
	ActivatedAt   Time // 0 until a GRANTED row was posted
	DepletedAt    Time // 0 unless remaining reached 0 by consumption or settlement
	UpdatedAt     Time // 0 unless it was updated, or its payment state changed
	VoidedAt      Time // 0 unless voided; a settled overdraft is voided too
	ExpiredAt     Time // 0 until the expiry was posted; then equal to ExpireAt
}

// RowType is semantics 13.1.
type RowType uint8

// The row types, with the sign of their amount.
const (
	Granted             RowType = iota + 1 // +
	Consumed                               // −
	ExpiredRow                             // −
	VoidedRow                              // − or 0
	Updated                                // ± or 0
	TransferSource                         // + on the overdraft
	TransferTarget                         // − on the receiving grant
	ExpiryReversed                         // +
	ConsumptionReversed                    // +
	RolledIn                               // +
	RolledOut                              // −
)

// ActorKind says who caused a change.
type ActorKind uint8

// The actor kinds of semantics 13.2.
const (
	ActorSystem ActorKind = iota
	ActorAdmin
	ActorAPI
	ActorCustomer
)

// Actor is who caused a change. ID is an API key id, a user id or empty for the system.
type Actor struct {
	Kind ActorKind
	ID   string
}

// Cause is what the rows of one transaction share. Rows point at one Cause; it is never changed after the transaction.
type Cause struct {
	Txn     string // opaque, time-ordered transaction id
	Event   string // id of the usage event or direct consumption behind it, or empty
	EventAt Time   // event time, 0 when there is no event
	Actor   Actor
	Reason  string
}

// Charge says under which mapping credits were consumed. The zero Charge is a direct consumption or no consumption.
type Charge struct {
	Feature string
	Mapping string // mapping id
	Version int32  // plan or add-on version the mapping belongs to
}

// Row is one ledger row (semantics 13.2). Rows are values: once appended they never change.
type Row struct {
	Seq      uint64
	PostedAt Time
	Type     RowType
	Amount   amount.Amount // signed
	Start    amount.Amount
	End      amount.Amount
	Grant    GrantID
	Charge   Charge
	Money    Money // recognised (+) or given back (−) money of the released credits, semantics 19.2; zero for free grants
	Cause    *Cause
	Hash     [32]byte // over the canonical row, which includes the hash of the row before (see hash.go)
}

// HoldEnd says how a hold ended.
type HoldEnd uint8

// The ends of a hold. HoldOpen means that it has not ended.
const (
	HoldOpen HoldEnd = iota
	HoldSettled
	HoldReleased
	HoldExpired
	HoldCaptured // TTL passed with OnExpiry capture
)

// Slice is a part of a grant.
type Slice struct {
	Grant  GrantID
	Amount amount.Amount
}

// Hold is one reservation (semantics 6.4). A pool forgets holds that ended; the caller keeps their last state.
type Hold struct {
	ID        string        // the caller's reservationId, unique per pool for ever
	Amount    amount.Amount // as reserved
	Slices    []Slice       // what is still pinned, in burn order
	Unfunded  amount.Amount // part still held beyond the balance (only with AllowOverdraft)
	Charge    Charge        // under what settles and captures of this hold are booked
	Settled   amount.Amount // burned by partial and final settles so far
	CreatedAt Time
	ExpiresAt Time
	Capture   bool // on TTL expiry charge the held amount instead of freeing it
	End       HoldEnd
	EndedAt   Time
}

// FactKind tells which member of a Fact is set.
type FactKind uint8

// The kinds of fact.
const (
	FactRow   FactKind = iota + 1 // Row: a ledger row; implies the change of its grant's counters and of the pool
	FactGrant                     // Grant: the full state of a grant right after it was created or changed other than by a row
	FactHold                      // Hold: the full state of a hold right after it was created, changed or ended
	FactAlert                     // Alert: how the pool is watched after a transaction, and its news; the transaction's last fact
)

// Fact is one thing that happened to a pool. A pool is the fold of its facts: Pool.Apply on an empty pool with every
// fact in order gives the same state, to the byte, as the decisions that produced them.
type Fact struct {
	Kind  FactKind
	Row   Row
	Grant *Grant
	Hold  *Hold
	Alert *Alert
}

// Tx is one transaction on one pool: its time, its cause, and the facts it has produced so far. Operations append to
// Facts and apply each fact to the pool at once. An operation that returns an error has appended and applied nothing,
// apart from expiries, activations and hold timeouts that were due anyway (they stay and must be kept by the caller).
type Tx struct {
	Now         Time // the clock; the posting time is max(Now, posting time of the pool's last row)
	Cause       *Cause
	SystemCause *Cause         // cause of due expiries, activations, hold timeouts; same Txn, system actor, no event. Nil means Cause
	NewGrant    func() GrantID // next grant id; called for overdrafts and new grants
	LateGrace   Time           // semantics 7.3, microseconds; 0 to MaxLateGrace, more counts as MaxLateGrace
	Thresholds  *Thresholds    // what the pool is watched for; see Conclude
	Facts       []Fact
	Ended       []Grant // last state of each ended grant and settled overdraft the transaction touched; the pool may have forgotten it

	concluded int // facts of transactions that Conclude has ended
	before    map[GrantID]prior
}
