package ledger

// Sweep posts everything that is due at tx.Now and nothing else: hold timeouts, expiries and activations in time order,
// each dated exactly at its own instant (semantics 4.4). Every operation does this first, so that it makes no difference
// to any balance whether or when somebody sweeps. At one instant: first the hold timeouts, then the expiries, then the
// activations, then what has become eligible settles the deficit in burn order (6.1).
func (p *Pool) Sweep(tx *Tx) { p.begin(tx) }

// begin sweeps and returns the posting time of the operation (semantics 1.2).
func (p *Pool) begin(tx *Tx) Time {
	at := max(tx.Now, p.lastPostedAt)
	for next := p.NextDue(); next <= at; next = p.NextDue() {
		p.sweepInstant(tx, next)
	}
	return at
}

func (p *Pool) sweepInstant(tx *Tx, instant Time) {
	// An instant lies before the last row only if the clock that set it ran behind; I1 then wins over the exact date.
	s := p.posting(tx, max(instant, p.lastPostedAt))
	if tx.SystemCause != nil {
		s.cause = tx.SystemCause
	}
	s.timeOutDue(instant)
	for len(p.due) > 0 {
		g := p.due[0]
		at, kind := g.nextDue()
		if at > instant {
			break
		}
		if kind == dueExpiry {
			s.expire(g)
		} else {
			s.row(g, Granted, g.Amount, Charge{})
		}
	}
	s.settleDeficit()
	p.Conclude(tx)
}

// expire posts an expiry. Without a row, because nothing unheld is left or nothing was ever granted, the grant's own
// state records it.
func (s *posting) expire(g *Grant) {
	if unheld := g.Unheld(); g.ActivatedAt != 0 && unheld.Sign() > 0 {
		s.row(g, ExpiredRow, unheld.Neg(), Charge{})
		return
	}
	next := *g
	next.ExpiredAt = g.ExpireAt
	if g.ActivatedAt == 0 {
		next.Expired = g.Amount
	}
	s.grant(&next)
}
