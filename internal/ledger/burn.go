package ledger

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Burn takes the cost of one mapping of an event (semantics 5): from the eligible grants in burn order, one CONSUMED row
// each, and what is left from the overdraft (6.1). Never for lack of credits does it fail; it fails with
// ErrAmountOutOfRange if amt is negative or the pool's totals would leave the range. An amount of 0 writes no row.
//
// When tx.Cause.EventAt lies inside the life of a grant that expired since, and the posting time within the late grace
// after it, that grant's expired remainder takes its place in the order: EXPIRY_REVERSED, then CONSUMED (7.3).
func (p *Pool) Burn(tx *Tx, amt amount.Amount, charge Charge) error {
	at := p.begin(tx)
	if amt.Sign() < 0 || !p.roomToConsume(amt) {
		return ErrAmountOutOfRange
	}
	if amt.IsZero() {
		return nil
	}
	s := p.posting(tx, at)
	s.burn(amt, charge)
	return nil
}

// Consume burns a number of credits directly (semantics 7.5). With strict it first needs that much available, and
// answers *Insufficient without writing anything if it is not there (6.3). amt must be positive and in range, else
// ErrAmountOutOfRange.
func (p *Pool) Consume(tx *Tx, amt amount.Amount, charge Charge, strict bool) error {
	at := p.begin(tx)
	if amt.Sign() <= 0 || !p.roomToConsume(amt) {
		return ErrAmountOutOfRange
	}
	if available := p.Available(); strict && available.Less(amt) {
		return &Insufficient{Available: available, Needed: amt}
	}
	s := p.posting(tx, at)
	s.burn(amt, charge)
	return nil
}

func (s *posting) burn(amt amount.Amount, charge Charge) {
	left := s.reclaim(amt, charge)
	for left.Sign() > 0 {
		g := s.first()
		if g == nil {
			s.row(s.overdraft(), Consumed, left.Neg(), charge)
			return
		}
		left = s.consume(g, left, charge)
	}
}

// consume takes up to left from a grant and returns what is still left.
func (s *posting) consume(g *Grant, left amount.Amount, charge Charge) amount.Amount {
	x := amount.Min(left, g.Unheld())
	s.row(g, Consumed, x.Neg(), charge)
	return left.Sub(x)
}

// first returns the grant that a burn takes from next, or nil. What is due was posted before (I8).
func (s *posting) first() *Grant {
	if len(s.pool.spend) == 0 {
		return nil
	}
	return s.pool.spend[0]
}

// reclaim burns as far as the late grace reaches: until no reclaimable grant is left. It returns what is left then.
func (s *posting) reclaim(left amount.Amount, charge Charge) amount.Amount {
	late := s.reclaimable()
	for left.Sign() > 0 && len(late) > 0 {
		if g := s.first(); g != nil && burnOrder(g, late[0]) < 0 {
			left = s.consume(g, left, charge)
			continue
		}
		g := late[0]
		late = late[1:]
		x := amount.Min(left, g.Expired)
		s.row(g, ExpiryReversed, x, Charge{})
		s.row(g, Consumed, x.Neg(), charge)
		left = left.Sub(x)
	}
	return left
}

// reclaimable returns the expired grants whose life held the event and whose grace is not over, in burn order.
func (s *posting) reclaimable() []*Grant {
	past := s.pool.rarely().past
	event, grace := s.cause.EventAt, min(s.tx.LateGrace, MaxLateGrace)
	if event == 0 || grace <= 0 {
		return nil
	}
	var late []*Grant
	for i := len(past) - 1; i >= 0 && past[i].ExpireAt > event; i-- {
		g := past[i]
		if g.ActivatedAt != 0 && g.EffectiveAt <= event && s.at <= g.ExpireAt+grace && g.Expired.Sign() > 0 {
			late = append(late, g)
		}
	}
	slices.SortFunc(late, burnOrder)
	return late
}

// CanBurn tells whether Burn would accept the amount. An event that burns from several pools asks all of them first, so
// that it burns whole or not at all.
func (p *Pool) CanBurn(amt amount.Amount) bool { return amt.Sign() >= 0 && p.roomToConsume(amt) }
