package credits

import (
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Where grants come from (semantics 4.2), as on the wire.
const (
	SourcePrice            = "PRICE"
	SourcePlanEntitlement  = "PLAN_ENTITLEMENT"
	SourceAddonEntitlement = "ADDON_ENTITLEMENT"
	SourceRollover         = "ROLLOVER"
	SourceAutoRecharge     = "AUTO_RECHARGE"
)

// turnOp posts a boundary in the writer.
type turnOp struct {
	env     string
	catalog *Catalog
	sub     *Subscription
	turn    *turn
	spared  map[string][]ledger.GrantID // by credit type

	texts []engine.GrantTexts // of the grants that were made
}

// name tells this boundary of the subscription from all others.
func (op *turnOp) name() string {
	if again := op.turn.again; again > 0 {
		return fmt.Sprintf("%s (%d)", op.sub.ID, again) // no id has a blank
	}
	return op.sub.ID
}

// Scope implements engine.Op.
func (op *turnOp) Scope() engine.Scope {
	return engine.Scope{Environment: op.env, Customer: op.sub.CustomerID, At: op.turn.at,
		Key: engine.TurnKey(op.env, op.name(), op.turn.at)}
}

// Decide implements engine.Op.
func (op *turnOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Key = engine.TurnEntry, engine.TurnName(op.name(), op.turn.at)
	refs := make([]engine.PoolRef, len(op.turn.pools))
	for i := range refs {
		refs[i] = engine.PoolRef{Currency: op.turn.pools[i].creditType, Resource: op.sub.ResourceID}
	}
	if err := tx.OpenTurn(refs...); err != nil {
		return err
	}
	op.texts = nil
	for i := range op.turn.pools {
		if err := op.post(tx, i); err != nil {
			return err
		}
	}
	e.Texts = op.texts
	return nil
}

// post does what the boundary does to one pool. Credits for which the pool has no room are not issued: a boundary must not
// fail, or nothing could happen to the customer any more.
func (op *turnOp) post(tx *engine.Tx, i int) error {
	p := &op.turn.pools[i]
	pool, ltx := tx.Pool(i), tx.Ledger(i)
	t := ledger.Turn{End: p.ends, Void: p.voids, Forgive: p.forgive, Roll: p.rollovers(pool)}
	t.Spare = op.spared[p.creditType]
	for _, issue := range p.issues {
		t.Issue = append(t.Issue, ledger.Grant{Type: ledger.Recurring, Priority: GrantPriorityDefault, Amount: issue.amount,
			Cost: issue.cost, ExpireAt: issue.expireAt})
	}
	turned, err := pool.Turn(ltx, t)
	if errors.Is(err, ledger.ErrAmountOutOfRange) {
		t.Issue, p.issues = nil, nil
		turned, err = pool.Turn(ltx, t)
	}
	if err != nil {
		return err
	}
	op.describe(p, &t, &turned)
	return p.lengthen(pool, ltx)
}

// rollovers divides what may be carried over among the blocks of each slot.
func (p *poolTurn) rollovers(pool *ledger.Pool) []ledger.Rollover {
	var list []ledger.Rollover
	for _, r := range p.rolls {
		left := r.most(pool)
		for _, id := range r.grants {
			g, ok := pool.Grant(id)
			if !ok {
				continue
			}
			part := amount.Min(left, amount.Max(g.Unheld(), amount.Zero))
			list = append(list, ledger.Rollover{Grant: id, Max: part, ExpireAt: r.expireAt})
			left = left.Sub(part)
		}
	}
	return list
}

// most is how much may be carried over.
func (r *roll) most(pool *ledger.Pool) amount.Amount {
	total := amount.Zero
	for _, id := range r.grants {
		if g, ok := pool.Grant(id); ok {
			total = total.Add(g.Amount)
		}
	}
	switch {
	case r.rules.MaxAmount != nil:
		return *r.rules.MaxAmount
	case r.rules.MaxPercent != nil:
		part, ok := amount.MulDiv(total, *r.rules.MaxPercent, amount.FromInt(100), amount.FractionDigits)
		if ok {
			return part
		}
	}
	return total
}

// lengthen moves the expiry of a trial's blocks.
func (p *poolTurn) lengthen(pool *ledger.Pool, ltx *ledger.Tx) error {
	for _, id := range p.extends {
		if _, ok := pool.Grant(id); !ok {
			continue
		}
		if err := pool.Update(ltx, id, ledger.Change{ExpireAt: &p.extendTo}); err != nil && !isRefusal(err) {
			return err
		}
	}
	return nil
}

// isRefusal tells what the ledger refuses because of what somebody did to a grant: a boundary passes over it.
func isRefusal(err error) bool {
	var field *ledger.FieldError
	return errors.As(err, &field) || errors.Is(err, ledger.ErrGrantExpired) || errors.Is(err, ledger.ErrGrantVoided)
}

// describe writes the texts of the grants that a pool got: first the children, then the new blocks.
func (op *turnOp) describe(p *poolTurn, t *ledger.Turn, turned *ledger.Turned) {
	for i, child := range turned.Rolled {
		if child != 0 {
			op.texts = append(op.texts, engine.GrantTexts{Grant: child, DisplayName: "Carried over credits", CollectionMethod: CollectNone,
				SourceType: SourceRollover, SourceID: engine.GrantText(t.Roll[i].Grant)})
		}
	}
	for i, id := range turned.Issued {
		source := p.issues[i].source
		op.texts = append(op.texts, engine.GrantTexts{Grant: id, DisplayName: op.catalog.includedName(source, p.issues[i].trial),
			CollectionMethod: CollectNone, SourceType: entitlementSource(source), SourceID: source.ID})
	}
}

// entitlementSource is the source of what a package includes.
func entitlementSource(ref PackageRef) string {
	if ref.Kind == KindAddon {
		return SourceAddonEntitlement
	}
	return SourcePlanEntitlement
}

// includedName is what a block of included credits is called.
func (c *Catalog) includedName(source PackageRef, trial bool) string {
	name := source.ID
	if pkg, ok := c.packages[source]; ok {
		name = c.versions[pkg.current()].DisplayName
	}
	if trial {
		return name + " trial credits"
	}
	return name + " credits"
}

// Repeat implements engine.Op: the boundary was posted before.
func (op *turnOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	op.texts = first.Texts
	return nil
}

// made tells which grants belong to the new blocks of a turn and to its rolls, by the texts of what was posted, which keep
// the order of the turn.
func (op *turnOp) made(t *turn) (issued []ledger.GrantID, rolled [][]ledger.GrantID) {
	children := map[string]ledger.GrantID{}
	for _, text := range op.texts {
		if text.SourceType == SourceRollover {
			children[text.SourceID] = text.Grant
			continue
		}
		issued = append(issued, text.Grant)
	}
	for i := range t.pools {
		for _, r := range t.pools[i].rolls {
			var own []ledger.GrantID
			for _, parent := range r.grants {
				if child := children[engine.GrantText(parent)]; child != 0 {
					own = append(own, child)
				}
			}
			rolled = append(rolled, own)
		}
	}
	return issued, rolled
}
