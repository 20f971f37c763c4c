package ledger

import (
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
)

// The refusals that carry nothing more than their name. An operation that returns one has changed nothing, apart from
// what was due anyway (see Tx).
var (
	// ErrAmountOutOfRange: the amount is not positive where it must be, or would bring a grant, a balance or a total
	// beyond 15 integer digits (semantics 1.1).
	ErrAmountOutOfRange = errors.New("ledger: amount out of range")
	// ErrGrantNotFound: the pool does not hold the grant: it never did, or the grant is final and was forgotten.
	ErrGrantNotFound = errors.New("ledger: grant not found")
	// ErrGrantExpired: an expired grant cannot be voided or updated (semantics 4.3, 4.6).
	ErrGrantExpired = errors.New("ledger: grant has expired")
	// ErrGrantVoided: a voided grant cannot be updated.
	ErrGrantVoided = errors.New("ledger: grant is voided")
	// ErrOverdraftImmutable: a caller cannot void, edit or pay an overdraft (semantics 6.1).
	ErrOverdraftImmutable = errors.New("ledger: overdraft cannot be changed")
	// ErrHoldNotFound: the pool has no open hold of that id. Only the caller knows whether one ended earlier.
	ErrHoldNotFound = errors.New("ledger: hold not found")
	// ErrHoldMismatch: an open hold has the same id and another amount.
	ErrHoldMismatch = errors.New("ledger: hold exists with another amount")
	// ErrHoldEnded is what errors.Is finds in a *HoldEnded.
	ErrHoldEnded = errors.New("ledger: hold has ended")
	// ErrTooManyHolds: the pool has MaxHolds open holds.
	ErrTooManyHolds = errors.New("ledger: too many open holds")
)

// Insufficient is the answer of a strict call that the pool cannot fund (semantics 6.3). Nothing was written.
type Insufficient struct {
	Available amount.Amount
	Needed    amount.Amount
}

func (e *Insufficient) Error() string {
	return fmt.Sprintf("ledger: insufficient credits: %s available, %s needed", e.Available, e.Needed)
}

// HoldEnded says that a hold ran into its TTL in the sweep of this very call; Hold is its last state. A settle is not
// lost by that: the caller burns its amount like a normal event (semantics 6.4).
type HoldEnded struct {
	Hold Hold
}

func (e *HoldEnded) Error() string { return ErrHoldEnded.Error() }

// Unwrap lets errors.Is(err, ErrHoldEnded) succeed.
func (e *HoldEnded) Unwrap() error { return ErrHoldEnded }

// FieldError is an argument that the rules refuse. Field is the name of the member of Grant, Change or HoldSpec.
type FieldError struct {
	Field   string
	Message string
}

func (e *FieldError) Error() string { return "ledger: " + e.Field + " " + e.Message }

// broken stops the program's use of this pool: a wrong row must never be stored (reliability, section 2).
func broken(invariant, format string, args ...any) {
	panic("ledger: " + invariant + " broken: " + fmt.Sprintf(format, args...))
}
