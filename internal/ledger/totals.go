package ledger

import "github.com/scrip-dev/scrip/internal/amount"

// totals are sums over the grants of a pool (the overdraft left out), moved with every change of a grant.
type totals struct {
	funds    amount.Amount // remaining of every grant that activated; what an ended grant still has is pinned by holds
	pinned   amount.Amount // held
	issued   amount.Amount // original amount of every grant the pool knows: no balance can ever pass it
	granted  amount.Amount // original amount of the active ones
	consumed amount.Amount // consumed from the active ones
	left     amount.Amount // original amount of the active ones that have something left
}

func (t *totals) add(g *Grant) {
	t.issued = t.issued.Add(g.Amount)
	t.pinned = t.pinned.Add(g.Held)
	if g.ActivatedAt == 0 {
		return
	}
	remaining := g.Remaining()
	t.funds = t.funds.Add(remaining)
	if g.live() {
		if !remaining.IsZero() {
			t.left = t.left.Add(g.Amount)
		}
		t.granted = t.granted.Add(g.Amount)
		t.consumed = t.consumed.Add(g.Consumed)
	}
}

func (t *totals) remove(g *Grant) {
	t.issued = t.issued.Sub(g.Amount)
	t.pinned = t.pinned.Sub(g.Held)
	if g.ActivatedAt == 0 {
		return
	}
	remaining := g.Remaining()
	t.funds = t.funds.Sub(remaining)
	if g.live() {
		if !remaining.IsZero() {
			t.left = t.left.Sub(g.Amount)
		}
		t.granted = t.granted.Sub(g.Amount)
		t.consumed = t.consumed.Sub(g.Consumed)
	}
}

// roomToIssue tells whether n more credits may be issued. With it the sum of all grants stays in range, and so does
// every balance on the way of a transaction, whatever activates, returns or is reclaimed later.
func (p *Pool) roomToIssue(n amount.Amount) bool { return p.totals.issued.Add(n).InRange() }

// roomToConsume tells whether n more credits may be consumed or held. With it consumption, deficit and available stay
// in range, whatever the open holds become later.
func (p *Pool) roomToConsume(n amount.Amount) bool {
	return n.InRange() && p.TotalConsumed().Add(p.Held()).Add(n).InRange()
}
