package ledger

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Turn is what a boundary of a subscription does to one pool: a period ends there, and perhaps another begins (semantics
// 10.2). It happens at tx.Now. Every member may be left out. No grant may be named twice; one that has ended or was
// forgotten is passed over, since a boundary must not fail for what somebody did to a block before it.
type Turn struct {
	Roll    []Rollover // blocks of which something is carried over
	End     []GrantID  // blocks that end here, whatever their own expiry (10.4, a new period from now on)
	Void    []GrantID  // blocks that are taken away (10.4, an immediate cancellation, W29)
	Spare   []GrantID  // blocks that expire here and are left to another turn at the same instant, which rolls them
	Forgive bool       // write the deficit off before the new blocks come (6.2)
	Issue   []Grant    // new blocks, as for AddGrant; EffectiveAt 0 means tx.Now
}

// Rollover carries a part of what no hold pins of a block over to a child grant, and ends the block (semantics 10.3).
type Rollover struct {
	Grant    GrantID
	Max      amount.Amount // not negative; the child gets that much at most, and is not made when it would get nothing
	ExpireAt Time          // of the child; nothing is carried over when it is not after the posting time
}

// Turned is what a turn made.
type Turned struct {
	Rolled []GrantID // the child of each Rollover, 0 where nothing was carried over
	Issued []GrantID // one for each member of Issue
}

// Turn posts a boundary (semantics 10.2, W16 to W18). What was due before tx.Now comes first, as with every operation.
// Then, in one transaction: hold timeouts; ROLLED_OUT rows; the expiry of what expires here or is to end here; voids;
// ROLLED_IN rows; the deficit forgiven; the new blocks; what else becomes active here; and at last the settlement of a
// deficit. So a reset never shows a balance without the new blocks at the end of a transaction.
//
// A child has the type, the priority and, because its cost is the money of the ROLLED_OUT row, the cost basis of its
// block (I12). It counts as created one microsecond earlier than the new blocks and so burns before them, all else equal.
// A block whose life is over by the posting time, because rows after the boundary exist, ends at once without a row.
//
// It fails with *FieldError, ErrOverdraftImmutable for an overdraft, or ErrAmountOutOfRange; nothing has been posted at
// tx.Now then.
func (p *Pool) Turn(tx *Tx, t Turn) (Turned, error) {
	at := max(tx.Now, p.lastPostedAt)
	for next := p.NextDue(); next < at; next = p.NextDue() {
		p.sweepInstant(tx, next)
	}
	blocks, err := p.checkTurn(&t, tx.Now, at)
	if err != nil {
		return Turned{}, err
	}
	s := p.posting(tx, at)
	s.timeOutDue(at)
	children := s.rollOut(t.Roll)
	s.cutShort(&t)
	s.expireDue(t.Spare)
	s.voidAll(t.Void)
	turned := Turned{Rolled: s.rollIn(children)}
	if t.Forgive {
		s.forgive()
	}
	turned.Issued = s.issueAll(blocks)
	for _, g := range s.dueNow(dueActivation) {
		s.row(g, Granted, g.Amount, Charge{})
	}
	s.settleDeficit()
	return turned, nil
}

// CheckTurn tells whether Turn would refuse the turn at an instant, and why. A boundary that touches several pools asks
// all of them first, so that it is posted whole or not at all.
func (p *Pool) CheckTurn(now Time, t Turn) error {
	_, err := p.checkTurn(&t, now, max(now, p.lastPostedAt))
	return err
}

// checkTurn returns the new blocks, or why the turn may not be.
func (p *Pool) checkTurn(t *Turn, now, at Time) ([]*Grant, error) {
	if err := p.checkNamed(t); err != nil {
		return nil, err
	}
	var sum amount.Amount
	for _, r := range t.Roll {
		if r.Max.Sign() < 0 || !r.Max.InRange() {
			return nil, ErrAmountOutOfRange
		}
		if g := p.find(r.Grant); g != nil {
			sum = sum.Add(amount.Min(r.Max, g.Remaining()))
		}
	}
	blocks := make([]*Grant, 0, len(t.Issue))
	for i := range t.Issue {
		block := t.Issue[i].begin(at, now)
		if err := block.check(); err != nil {
			return nil, err
		}
		blocks, sum = append(blocks, block), sum.Add(block.Amount)
	}
	if !p.roomToIssue(sum) {
		return nil, ErrAmountOutOfRange
	}
	return blocks, nil
}

// checkNamed refuses a turn that names an overdraft, or a grant twice.
func (p *Pool) checkNamed(t *Turn) error {
	named := slices.Concat(t.End, t.Void, t.Spare)
	for _, r := range t.Roll {
		named = append(named, r.Grant)
	}
	slices.Sort(named)
	for i, id := range named {
		if i > 0 && named[i-1] == id {
			return &FieldError{"Turn", "names a grant twice"}
		}
		if g := p.find(id); g != nil && g.Type == Overdraft {
			return ErrOverdraftImmutable
		}
	}
	return nil
}

// rollOut takes what is to be carried over out of its blocks and returns the children, nil where nothing is.
func (s *posting) rollOut(list []Rollover) []*Grant {
	children := make([]*Grant, len(list))
	for i, r := range list {
		g := s.pool.find(r.Grant)
		if g == nil || !g.live() || r.ExpireAt <= s.at {
			continue
		}
		x := amount.Min(g.Unheld(), r.Max)
		if x.Sign() <= 0 {
			continue
		}
		children[i] = &Grant{Type: g.Type, Priority: g.Priority, CreatedAt: s.at - 1, EffectiveAt: s.tx.Now, ExpireAt: r.ExpireAt,
			Amount: x, Cost: g.moneyOf(RolledOut, x.Neg())}
		s.row(g, RolledOut, x.Neg(), Charge{})
	}
	return children
}

// rollIn issues the children and returns their ids.
func (s *posting) rollIn(children []*Grant) []GrantID {
	ids := make([]GrantID, len(children))
	for i, child := range children {
		if child == nil {
			continue
		}
		child.ID = s.tx.NewGrant()
		s.grant(child)
		s.row(child, RolledIn, child.Amount, Charge{})
		ids[i] = child.ID
	}
	return ids
}

// cutShort brings the expiry of blocks that are to end forward to now.
func (s *posting) cutShort(t *Turn) {
	ids := slices.Clone(t.End)
	for _, r := range t.Roll {
		ids = append(ids, r.Grant)
	}
	for _, id := range ids {
		g := s.pool.find(id)
		if g == nil || g.ended() || g.ExpireAt <= s.at {
			continue
		}
		next := *g
		next.ExpireAt, next.UpdatedAt = s.at, s.at
		s.grant(&next)
	}
}

// expireDue posts the expiries of now, except of the grants that are spared.
func (s *posting) expireDue(spare []GrantID) {
	for _, g := range s.dueNow(dueExpiry) {
		if !slices.Contains(spare, g.ID) {
			s.expire(g)
		}
	}
}

// voidAll voids those of the grants that have not ended.
func (s *posting) voidAll(ids []GrantID) {
	for _, id := range ids {
		if g := s.pool.find(id); g != nil && !g.ended() {
			s.void(g)
		}
	}
}

// issueAll issues the new blocks and returns their ids.
func (s *posting) issueAll(blocks []*Grant) []GrantID {
	ids := make([]GrantID, len(blocks))
	for i, block := range blocks {
		block.ID = s.tx.NewGrant()
		s.issue(block)
		if block.ExpireAt <= s.at {
			s.expire(block)
		}
		ids[i] = block.ID
	}
	return ids
}

// dueNow lists, in the order in which they are due, the grants that expire or activate by now.
func (s *posting) dueNow(want dueKind) (list []*Grant) {
	for _, g := range s.pool.due {
		at, kind := g.nextDue()
		if at > s.at {
			break
		}
		if kind == want {
			list = append(list, g)
		}
	}
	return list
}
