package ledger

import "github.com/scrip-dev/scrip/internal/amount"

// Change is what an update asks for; nil members stay. Texts says that the caller keeps new texts (name, comment,
// metadata), which decide nothing here but deserve their row.
type Change struct {
	Priority    *int32
	ExpireAt    *Time // at or before the posting time means: expire now
	EffectiveAt *Time // only while the grant is scheduled
	Amount      *amount.Amount
	Cost        *Money
	Texts       bool
}

func (c Change) empty() bool { return c == Change{} }

// Update changes a grant and writes one UPDATED row whose amount is the change of the balance (semantics 4.6, W8); an
// empty change writes nothing. What became due by it follows at once: expiry, activation, settlement of a deficit.
// It fails with ErrGrantNotFound, ErrOverdraftImmutable, ErrGrantExpired, ErrGrantVoided, *FieldError, or
// ErrAmountOutOfRange when the new amount would leave the range.
func (p *Pool) Update(tx *Tx, id GrantID, c Change) error {
	at := p.begin(tx)
	g, err := p.callers(id)
	switch {
	case err != nil:
		return err
	case g.VoidedAt != 0:
		return ErrGrantVoided
	case g.ExpiredAt != 0:
		return ErrGrantExpired
	case c.empty():
		return nil
	}
	next, err := p.changed(g, c, at)
	if err != nil {
		return err
	}
	s := p.posting(tx, at)
	s.update(g, next)
	s.settleDeficit()
	return nil
}

// update writes the change from g to next. The amount of an activated grant moves by the row itself.
func (s *posting) update(g, next *Grant) {
	var delta amount.Amount
	if g.ActivatedAt != 0 {
		delta = next.Amount.Sub(g.Amount)
		next.Amount = g.Amount
	}
	if *next != *g {
		s.grant(next)
	}
	s.row(g, Updated, delta, Charge{})
	if g.ExpireAt <= s.at {
		s.expire(g)
		return
	}
	s.activateIfTime(g)
}

// changed returns g as c wants it, or why that may not be.
func (p *Pool) changed(g *Grant, c Change, at Time) (*Grant, error) {
	next := *g
	if err := next.changeDates(c, at); err != nil {
		return nil, err
	}
	if c.Priority != nil {
		if err := checkPriority(*c.Priority); err != nil {
			return nil, err
		}
		next.Priority = *c.Priority
	}
	if c.Amount != nil {
		if err := p.checkAmount(g, *c.Amount); err != nil {
			return nil, err
		}
		next.Amount = *c.Amount
	}
	if c.Cost != nil {
		if err := checkCost(g.Type, *c.Cost); err != nil {
			return nil, err
		}
		if !g.Released().IsZero() {
			return nil, &FieldError{"Cost", "cannot change once credits were consumed"}
		}
		next.Cost = *c.Cost
		if next.Cost.Amount.IsZero() {
			next.Cost = Money{}
		}
	}
	return &next, nil
}

func (g *Grant) changeDates(c Change, at Time) error {
	if c.EffectiveAt != nil {
		if g.Status(at) != Scheduled {
			return &FieldError{"EffectiveAt", "can only change while the grant is scheduled"}
		}
		g.EffectiveAt = *c.EffectiveAt
	}
	if c.ExpireAt != nil {
		g.ExpireAt = max(*c.ExpireAt, at) // I8: nothing that was consumed by now may come to lie after the expiry
	}
	if g.ExpireAt > at && g.ExpireAt <= g.EffectiveAt {
		return &FieldError{"ExpireAt", "must be after the grant takes effect"}
	}
	return nil
}

// checkAmount is the amount rule of semantics 4.6.
func (p *Pool) checkAmount(g *Grant, to amount.Amount) error {
	switch {
	case g.Type == Paid || !g.Cost.Amount.IsZero():
		return &FieldError{"Amount", "of a paid grant never changes"}
	case to.Sign() <= 0 || !to.InRange():
		return ErrAmountOutOfRange
	case to.Less(g.Released().Add(g.Held)):
		return &FieldError{"Amount", "cannot be less than what is consumed and held"}
	case !p.roomToIssue(to.Sub(g.Amount)):
		return ErrAmountOutOfRange
	}
	return nil
}
