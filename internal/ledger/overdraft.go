package ledger

import "github.com/scrip-dev/scrip/internal/amount"

// overdraft returns the open overdraft, opening one if there is none (semantics 6.1).
func (s *posting) overdraft() *Grant {
	if od := s.pool.rarely().overdraft; od != nil {
		return od
	}
	s.grant(&Grant{ID: s.tx.NewGrant(), Type: Overdraft, CreatedAt: s.at, EffectiveAt: s.at, ExpireAt: Never})
	return s.pool.rare.overdraft
}

// settleDeficit moves the deficit onto what is eligible, in burn order, in pairs of equal rows (I9, I10). Every
// operation that brings value or frees some ends with it.
func (s *posting) settleDeficit() {
	for s.pool.HasDeficit() {
		g := s.first()
		if g == nil {
			return
		}
		x := amount.Min(s.pool.Deficit(), g.Unheld())
		s.row(s.pool.rare.overdraft, TransferSource, x, Charge{})
		s.row(g, TransferTarget, x.Neg(), Charge{})
	}
}

// ReasonForgiven is the reason of the row that writes a deficit off, whatever that of its transaction (semantics 6.2).
const ReasonForgiven = "FORGIVEN"

// Forgive writes the deficit off (semantics 6.2): one UPDATED row on the overdraft, which it closes, with the reason
// FORGIVEN. It reports false and writes nothing if there is no deficit.
func (p *Pool) Forgive(tx *Tx) bool {
	at := p.begin(tx)
	s := p.posting(tx, at)
	return s.forgive()
}

func (s *posting) forgive() bool {
	if !s.pool.HasDeficit() {
		return false
	}
	of := s.cause
	forgiven := *of
	forgiven.Reason = ReasonForgiven
	s.cause = &forgiven
	s.row(s.pool.rare.overdraft, Updated, s.pool.Deficit(), Charge{})
	s.cause = of
	return true
}

// forgives tells whether the row writes a deficit off. Its cause is that of its transaction with a reason of its own.
func (r *Row) forgives() bool { return r.Type == Updated && r.Cause.Reason == ReasonForgiven }
