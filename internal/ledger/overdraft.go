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

// Forgive writes the deficit off (semantics 6.2): one UPDATED row on the overdraft, which it closes. The reason is
// tx.Cause.Reason. It reports false and writes nothing if there is no deficit.
func (p *Pool) Forgive(tx *Tx) bool {
	at := p.begin(tx)
	if !p.HasDeficit() {
		return false
	}
	s := p.posting(tx, at)
	s.row(p.rare.overdraft, Updated, p.Deficit(), Charge{})
	return true
}
