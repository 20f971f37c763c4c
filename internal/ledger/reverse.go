package ledger

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Bearer is a part of an event's cost and the grant that bears it now. Charge is that of the row it came from, so that a
// reversal counts against the same feature.
type Bearer struct {
	Grant  GrantID
	Amount amount.Amount // positive
	Charge Charge
}

// Reversal is what Reverse books back.
type Reversal struct {
	Borne   []Bearer // in the order of the rows to write: newest first, as BearersNow returns it
	Past    []Grant  // last known state of the bearers that the pool may have forgotten; others are ignored
	Replace *Grant   // if set: a promotional grant for what returns to expired grants; its Amount is filled in
}

// Reverse books an event back to who bears its cost now (semantics 7.4, W31): CONSUMPTION_REVERSED rows, then EXPIRED or
// VOIDED rows for what returned to an ended grant, then the replacement if one is asked for and something returned to an
// expired grant, then the settlement of a deficit. It returns the replacement's id or 0. Who bears the cost may change by
// what is due: the caller sweeps first and lets BearersNow see the rows of that. That an event is reversed once is the
// caller's to keep. It fails with ErrGrantNotFound for a bearer neither open nor in Past, ErrAmountOutOfRange for
// a part that is not positive or exceeds what its grant has consumed, and as AddGrant does for the replacement.
func (p *Pool) Reverse(tx *Tx, r Reversal) (GrantID, error) {
	at := p.begin(tx)
	r.Past = append(slices.Clone(tx.Ended), r.Past...) // what the sweep ended and forgot is newer than what the caller knew
	lost, err := p.checkReversal(r)
	if err != nil {
		return 0, err
	}
	past := p.endedBearers(r)
	var replacement *Grant
	if r.Replace != nil && lost.Sign() > 0 {
		g := *r.Replace
		g.Type, g.Amount = Promotional, lost
		if replacement, err = p.newGrant(g, at); err != nil {
			return 0, err
		}
		replacement.ID = tx.NewGrant()
	}
	s := p.posting(tx, at)
	for _, b := range r.Borne {
		s.row(s.recall(b.Grant, past), ConsumptionReversed, b.Amount, b.Charge)
	}
	for _, b := range r.Borne {
		s.takeFreed(b.Grant)
	}
	if replacement != nil {
		s.issue(replacement)
	}
	s.settleDeficit()
	if replacement == nil {
		return 0, nil
	}
	return replacement.ID, nil
}

// checkReversal returns how much would return to expired grants, or why the reversal may not be.
func (p *Pool) checkReversal(r Reversal) (lost amount.Amount, err error) {
	var recalled amount.Amount
	for i, b := range r.Borne {
		g := p.bearer(b.Grant, r.Past)
		if g == nil {
			return lost, ErrGrantNotFound
		}
		sum := b.Amount
		first := true
		for _, earlier := range r.Borne[:i] {
			if earlier.Grant == b.Grant {
				sum, first = sum.Add(earlier.Amount), false
			}
		}
		if b.Amount.Sign() <= 0 || g.Consumed.Less(sum) {
			return lost, ErrAmountOutOfRange
		}
		if g.past() {
			lost = lost.Add(b.Amount)
		}
		if first && p.find(b.Grant) == nil {
			recalled = recalled.Add(g.Amount)
		}
	}
	if !p.roomToIssue(recalled) {
		return lost, ErrAmountOutOfRange
	}
	return lost, nil
}

func (p *Pool) bearer(id GrantID, past []Grant) *Grant {
	if g := p.find(id); g != nil {
		return g
	}
	if i := slices.IndexFunc(past, func(g Grant) bool { return g.ID == id && g.Type != Overdraft && g.ended() }); i >= 0 {
		return &past[i]
	}
	return nil
}

// endedBearers returns the state of every bearer that is forgotten or that the first rows of the reversal may make the
// pool forget.
func (p *Pool) endedBearers(r Reversal) []Grant {
	var ended []Grant
	for _, b := range r.Borne {
		if g := p.bearer(b.Grant, r.Past); g.ended() {
			ended = append(ended, *g)
			if p.find(b.Grant) == nil {
				ended[len(ended)-1].Held = amount.Zero // a table of grants need not keep what holds pinned
			}
		}
	}
	return ended
}

// recall returns a bearer, bringing it back into the pool if it was forgotten. The row that follows must be about it: a
// final grant with nothing left is forgotten again at the next row about another.
func (s *posting) recall(id GrantID, past []Grant) *Grant {
	g := s.pool.find(id)
	if g == nil {
		s.grant(s.pool.bearer(id, past))
		g = s.pool.find(id)
	}
	return g
}

// BearersNow finds who bears the cost of an event today, newest first (semantics 7.4). eventRows are the rows of the
// event. overdraftRows are, in seq order, all rows of every overdraft the event touched, each TRANSFER_SOURCE followed by
// its TRANSFER_TARGET. What an overdraft carried is attributed to events first in, first out: the oldest consumption is
// settled first. What was forgiven nobody bears.
func BearersNow(eventRows, overdraftRows []Row) []Bearer {
	debts := attribute(overdraftRows)
	var borne []Bearer
	for i := len(eventRows) - 1; i >= 0; i-- {
		r := &eventRows[i]
		if r.Type != Consumed {
			continue
		}
		d, ok := debts[r.Seq]
		if !ok {
			borne = append(borne, Bearer{r.Grant, r.Amount.Neg(), r.Charge})
			continue
		}
		if d.left.Sign() > 0 {
			borne = append(borne, Bearer{r.Grant, d.left, r.Charge})
		}
		for j := len(d.settled) - 1; j >= 0; j-- {
			borne = append(borne, Bearer{d.settled[j].Grant, d.settled[j].Amount, r.Charge})
		}
	}
	return borne
}

// debt is one consumption that an overdraft took over.
type debt struct {
	event   string
	left    amount.Amount // nobody has settled it yet
	settled []Slice       // who settled it, oldest first
}

// attribute replays the rows of overdrafts and returns the debts by the seq of their CONSUMED row.
func attribute(rows []Row) map[uint64]*debt {
	debts := make(map[uint64]*debt)
	queues := make(map[GrantID][]*debt) // per overdraft, oldest first
	for i := range rows {
		r := &rows[i]
		queue := queues[r.Grant]
		switch r.Type {
		case Consumed:
			d := &debt{event: r.Cause.Event, left: r.Amount.Neg()}
			debts[r.Seq] = d
			queues[r.Grant] = append(queue, d)
		case TransferSource:
			if i+1 < len(rows) && rows[i+1].Type == TransferTarget {
				settleOldest(queue, r.Amount, rows[i+1].Grant)
			}
		case Updated:
			settleOldest(queue, r.Amount, 0)
		case ConsumptionReversed:
			reverseNewest(queue, r.Amount, r.Cause.Event)
		}
	}
	return debts
}

// settleOldest takes x off the oldest debts for grant by, or for nobody if by is 0.
func settleOldest(queue []*debt, x amount.Amount, by GrantID) {
	for _, d := range queue {
		y := amount.Min(x, d.left)
		if y.Sign() <= 0 {
			continue
		}
		d.left, x = d.left.Sub(y), x.Sub(y)
		if by != 0 {
			d.settled = append(d.settled, Slice{by, y})
		}
	}
}

// reverseNewest takes x off an event's own debts, newest first, as Reverse did.
func reverseNewest(queue []*debt, x amount.Amount, event string) {
	for i := len(queue) - 1; i >= 0; i-- {
		if d := queue[i]; d.event == event {
			y := amount.Min(x, d.left)
			d.left, x = d.left.Sub(y), x.Sub(y)
		}
	}
}
