package ledger

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// posting writes facts that share a posting time and a cause.
type posting struct {
	pool  *Pool
	tx    *Tx
	cause *Cause
	at    Time
}

func (p *Pool) posting(tx *Tx, at Time) posting {
	return posting{pool: p, tx: tx, cause: tx.Cause, at: at}
}

// row writes one ledger row: it completes the running numbers, the money and the hash, and applies it.
func (s *posting) row(g *Grant, t RowType, amt amount.Amount, charge Charge) {
	p := s.pool
	if t != Consumed {
		s.tx.remember(g, false)
	}
	s.tx.Facts = append(s.tx.Facts, Fact{Kind: FactRow})
	f := &s.tx.Facts[len(s.tx.Facts)-1]
	r := &f.Row
	r.Seq, r.PostedAt, r.Type = p.seq+1, s.at, t
	r.Amount, r.Start, r.End = amt, p.balance, p.balance.Add(amt)
	r.Grant, r.Charge, r.Cause = g.ID, charge, s.cause
	r.Money = g.moneyOf(t, amt)
	r.Hash = HashRow(&p.key, p.head, r)
	s.apply(f)
}

// grant writes the state of a grant that is new or changed other than by a row.
func (s *posting) grant(next *Grant) {
	if was := s.pool.find(next.ID); was != nil {
		s.tx.remember(was, false)
	} else {
		s.tx.remember(next, true)
	}
	s.tx.Facts = append(s.tx.Facts, Fact{Kind: FactGrant, Grant: next.clone()})
	s.apply(&s.tx.Facts[len(s.tx.Facts)-1])
}

func (s *posting) hold(next *Hold) {
	s.tx.Facts = append(s.tx.Facts, Fact{Kind: FactHold, Hold: next.clone()})
	s.apply(&s.tx.Facts[len(s.tx.Facts)-1])
}

func (s *posting) apply(f *Fact) {
	g := s.pool.Apply(f)
	if g == nil || !g.ended() {
		return
	}
	ended := s.tx.Ended
	if i := slices.IndexFunc(ended, func(e Grant) bool { return e.ID == g.ID }); i >= 0 {
		ended[i] = *g
		return
	}
	s.tx.Ended = append(ended, *g)
}
