package ledger

import (
	"errors"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// MaxHolds is how many holds a pool may have open (reliability, default limits): it bounds what a checkpoint carries.
const MaxHolds = 1000

// MaxHoldTTL is how long after its creation a hold may last at most (semantics 6.4).
const MaxHoldTTL Time = 24 * 3600 * 1_000_000

// HoldSpec is what a reservation asks for.
type HoldSpec struct {
	ID             string // the caller's reservationId, not empty
	Amount         amount.Amount
	ExpiresAt      Time // after the posting time, at most MaxHoldTTL after it
	Capture        bool // on TTL expiry charge what is still held instead of freeing it
	AllowOverdraft bool // hold beyond what is available
	Charge         Charge
}

// Reserve pins credits in burn order (semantics 6.4). Without AllowOverdraft it needs that much available, else it
// answers *Insufficient and holds nothing. Repeating an open hold's id and amount returns that hold and changes nothing;
// an id that the pool has forgotten is new to it, so the caller checks ended ids first. It fails with *HoldEnded,
// ErrHoldMismatch, ErrTooManyHolds, ErrAmountOutOfRange or *FieldError.
func (p *Pool) Reserve(tx *Tx, spec HoldSpec) (Hold, error) {
	at := p.begin(tx)
	if old, err := openHold(p, tx, spec.ID); !errors.Is(err, ErrHoldNotFound) {
		if err == nil && old.Amount != spec.Amount {
			err = ErrHoldMismatch
		}
		return old, err
	}
	if err := p.checkSpec(spec, at); err != nil {
		return Hold{}, err
	}
	if available := p.Available(); !spec.AllowOverdraft && available.Less(spec.Amount) {
		return Hold{}, &Insufficient{Available: available, Needed: spec.Amount}
	}
	s := p.posting(tx, at)
	h := Hold{ID: spec.ID, Amount: spec.Amount, Charge: spec.Charge, CreatedAt: at, ExpiresAt: spec.ExpiresAt, Capture: spec.Capture}
	h.Slices, h.Unfunded = s.plan(nil, spec.Amount)
	s.hold(&h)
	return h, nil
}

func (p *Pool) checkSpec(spec HoldSpec, at Time) error {
	switch {
	case spec.ID == "":
		return &FieldError{"ID", "is required"}
	case spec.Amount.Sign() <= 0 || !p.roomToConsume(spec.Amount):
		return ErrAmountOutOfRange
	case spec.ExpiresAt <= at || spec.ExpiresAt > at+MaxHoldTTL:
		return &FieldError{"ExpiresAt", "must be after now and at most 24 hours away"}
	case len(p.rarely().holds) >= MaxHolds:
		return ErrTooManyHolds
	}
	return nil
}

// Settle burns amt from a hold: from its pinned slices in order, then, if amt is larger, like a normal event. A final
// settle frees the rest and ends the hold; one of 0 is a release. Otherwise the rest stays held, and extendTo, if not 0,
// moves the TTL, at most to MaxHoldTTL after the creation. One CONSUMED row is written per grant touched. Settles are
// dated at the settle: no late grace applies. It fails with ErrHoldNotFound, *HoldEnded if the TTL ran out in this very
// call (the caller then burns amt normally), ErrAmountOutOfRange or *FieldError.
func (p *Pool) Settle(tx *Tx, id string, amt amount.Amount, final bool, extendTo Time) (Hold, error) {
	at := p.begin(tx)
	h, err := openHold(p, tx, id)
	if err != nil {
		return h, err
	}
	if excess := amt.Sub(h.held()); amt.Sign() < 0 || !amt.InRange() || !p.roomToConsume(amount.Max(excess, amount.Zero)) {
		return h, ErrAmountOutOfRange
	}
	s := p.posting(tx, at)
	switch {
	case final && amt.IsZero() && h.Settled.IsZero():
		h = s.endHold(h, amt, HoldReleased)
	case final:
		h = s.endHold(h, amt, HoldSettled)
	default:
		if extendTo != 0 && (extendTo <= at || extendTo > h.CreatedAt+MaxHoldTTL) {
			return h, &FieldError{"ExtendTo", "must be after now and at most 24 hours after the hold was created"}
		}
		if extendTo != 0 {
			h.ExpiresAt = extendTo
		}
		h = s.settleHold(h, amt)
	}
	s.settleDeficit()
	return h, nil
}

// Release ends a hold and frees what it holds. It fails with ErrHoldNotFound or *HoldEnded.
func (p *Pool) Release(tx *Tx, id string) (Hold, error) {
	at := p.begin(tx)
	h, err := openHold(p, tx, id)
	if err != nil {
		return h, err
	}
	s := p.posting(tx, at)
	h = s.endHold(h, amount.Zero, HoldReleased)
	s.settleDeficit()
	return h, nil
}

// RanOut tells whether the time of the hold passed before anybody settled or released it.
func (h *Hold) RanOut() bool { return h.End == HoldExpired || h.End == HoldCaptured }

// openHold returns a copy of an open hold. One that the sweep of this very transaction ended comes with *HoldEnded.
func openHold(p *Pool, tx *Tx, id string) (Hold, error) {
	if h, ok := p.Hold(id); ok {
		return *h.clone(), nil
	}
	for i := range tx.Facts {
		if f := &tx.Facts[i]; f.Kind == FactHold && f.Hold.ID == id && f.Hold.End != HoldOpen {
			return *f.Hold, &HoldEnded{Hold: *f.Hold}
		}
	}
	return Hold{}, ErrHoldNotFound
}

// timeOutDue ends the holds whose TTL ends by the instant.
func (s *posting) timeOutDue(instant Time) {
	for t := s.pool.rarely().timeouts; len(t) > 0 && t[0].ExpiresAt <= instant; t = s.pool.rare.timeouts {
		s.timeOut(t[0])
	}
}

// timeOut ends a hold at its TTL.
func (s *posting) timeOut(h *Hold) {
	if h.Capture {
		s.endHold(*h.clone(), h.held(), HoldCaptured)
		return
	}
	s.endHold(*h.clone(), amount.Zero, HoldExpired)
}

// endHold burns amt and frees the rest. What is freed of an ended grant leaves in the same transaction (W23).
func (s *posting) endHold(h Hold, amt amount.Amount, end HoldEnd) Hold {
	pinned := h.Slices
	burned, left := burnSlices(h.Slices, amt)
	burned, left = s.plan(burned, left)
	h.Slices, h.Unfunded = nil, amount.Zero
	h.Settled = h.Settled.Add(amt)
	h.End, h.EndedAt = end, s.at
	s.hold(&h)
	s.book(burned, left, h.Charge)
	for _, slice := range pinned {
		s.takeFreed(slice.Grant)
	}
	return h
}

// settleHold burns amt and keeps the rest held.
func (s *posting) settleHold(h Hold, amt amount.Amount) Hold {
	burned, left := burnSlices(h.Slices, amt)
	h.Slices = restSlices(h.Slices, burned)
	h.Unfunded = h.Unfunded.Sub(amount.Min(h.Unfunded, left))
	burned, left = s.plan(burned, left)
	h.Settled = h.Settled.Add(amt)
	s.hold(&h)
	s.book(burned, left, h.Charge)
	return h
}

// burnSlices takes amt from pinned slices in order. It returns what it took from which, and what it could not take.
func burnSlices(pinned []Slice, amt amount.Amount) (burned []Slice, left amount.Amount) {
	for _, slice := range pinned {
		x := amount.Min(slice.Amount, amt)
		if x.IsZero() {
			break
		}
		burned = append(burned, Slice{slice.Grant, x})
		amt = amt.Sub(x)
	}
	return burned, amt
}

// restSlices returns what stays pinned. burned is a prefix of pinned whose last member may be smaller.
func restSlices(pinned, burned []Slice) []Slice {
	if len(burned) == 0 {
		return pinned
	}
	last := len(burned) - 1
	rest := slices.Clone(pinned[last:])
	rest[0].Amount = rest[0].Amount.Sub(burned[last].Amount)
	if rest[0].Amount.IsZero() {
		rest = rest[1:]
	}
	return rest
}

// plan adds to parts what a burn of amt would take, one part per grant, and returns what no grant can give.
func (s *posting) plan(parts []Slice, amt amount.Amount) ([]Slice, amount.Amount) {
	for _, g := range s.pool.spend {
		if amt.Sign() <= 0 {
			break
		}
		if g.ExpireAt <= s.at {
			continue // I8: a capture at the very instant of an expiry comes before it
		}
		x := amount.Min(amt, g.Unheld())
		amt = amt.Sub(x)
		if i := slices.IndexFunc(parts, func(p Slice) bool { return p.Grant == g.ID }); i >= 0 {
			parts[i].Amount = parts[i].Amount.Add(x)
		} else {
			parts = append(parts, Slice{g.ID, x})
		}
	}
	return parts, amt
}

// book writes the rows of a plan.
func (s *posting) book(parts []Slice, left amount.Amount, charge Charge) {
	for _, part := range parts {
		s.row(s.pool.find(part.Grant), Consumed, part.Amount.Neg(), charge)
	}
	if left.Sign() > 0 {
		s.row(s.overdraft(), Consumed, left.Neg(), charge)
	}
}

// takeFreed removes what a hold no longer pins of a grant that ended meanwhile.
func (s *posting) takeFreed(id GrantID) {
	g := s.pool.find(id)
	if g == nil || !g.ended() || g.Unheld().Sign() <= 0 {
		return
	}
	t := ExpiredRow
	if g.VoidedAt != 0 {
		t = VoidedRow
	}
	s.row(g, t, g.Unheld().Neg(), Charge{})
}
