package credits

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// codeGrantNotFound says that there is no such grant, or that its pool has forgotten it.
const codeGrantNotFound = "CreditGrantNotFound"

// grantChange is a change of one grant in the writer: a void or an update.
type grantChange struct {
	key   ledger.Key
	by    Caller
	kind  engine.EntryKind
	check func(*engine.Tx, *ledger.Pool) error // or nil
	apply func(*ledger.Pool, *ledger.Tx) (changed bool, err error)
	texts *engine.GrantTexts // new texts, or nil
	why   string
	dueBound
}

// Scope implements engine.Op.
func (op *grantChange) Scope() engine.Scope {
	return engine.Scope{Environment: op.key.Environment, Customer: op.key.Customer, Before: op.before}
}

// Decide implements engine.Op.
func (op *grantChange) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Actor, e.Request, e.Reason = op.by.Actor, op.by.Request, op.why
	if err := tx.Open(engine.PoolRef{Currency: op.key.Currency, Resource: op.key.Resource}); err != nil {
		return err
	}
	pool := tx.Pool(0)
	if op.check != nil {
		if err := op.check(tx, pool); err != nil {
			return err
		}
	}
	changed, err := op.apply(pool, tx.Ledger(0))
	if err != nil {
		return refusal(err)
	}
	if changed {
		e.Kind = op.kind
		if op.texts != nil {
			e.Texts = []engine.GrantTexts{*op.texts}
		}
	}
	return nil
}

// Repeat implements engine.Op; a change has no key.
func (op *grantChange) Repeat(*engine.Tx, *engine.Entry) error { return nil }

// VoidGrant takes the unconsumed part of a grant away (semantics 4.5). Voiding again changes nothing and answers the
// same. It fails with CreditGrantNotFound, GrantExpired or OverdraftImmutable.
func (s *Service) VoidGrant(ctx context.Context, env string, by Caller, id ledger.GrantID, reason string) (*Grant, error) {
	g, err := s.voidOpen(ctx, env, by, id, reason)
	if forgotten(err) {
		g, err = s.voidOpen(ctx, env, by, id, reason)
	}
	return g, err
}

// forgotten tells whether a pool did not know a grant any more that was open when it was looked at: it has ended meanwhile, and
// looking again says how.
func forgotten(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeGrantNotFound
}

func (s *Service) voidOpen(ctx context.Context, env string, by Caller, id ledger.GrantID, reason string) (*Grant, error) {
	g, err := s.Grant(ctx, env, id)
	if err != nil {
		return nil, err
	}
	switch {
	case g.Type == ledger.Overdraft:
		return nil, refusal(ledger.ErrOverdraftImmutable)
	case g.Status == ledger.Voided:
		return g, nil
	case g.Status == ledger.Expired:
		return nil, refusal(ledger.ErrGrantExpired)
	}
	op := &grantChange{
		key: g.Key, by: by, kind: engine.VoidEntry, why: reason,
		apply: func(p *ledger.Pool, tx *ledger.Tx) (bool, error) { return p.Void(tx, id) },
	}
	if err := s.do(ctx, op); err != nil {
		return nil, err
	}
	return s.Grant(ctx, env, id)
}

// GrantUpdate changes the members that were sent (semantics 4.6). A zero ExpireAt means never.
type GrantUpdate struct {
	DisplayName Patch[string]
	Comment     Patch[string]
	Metadata    Patch[map[string]string]
	Priority    *int32
	ExpireAt    *ledger.Time
	EffectiveAt *ledger.Time
	Amount      *amount.Amount
	Cost        *ledger.Money
	Reason      string
}

// UpdateGrant changes a grant. It fails with CreditGrantNotFound, GrantExpired, GrantVoided, OverdraftImmutable, or an
// invalid member.
func (s *Service) UpdateGrant(ctx context.Context, env string, by Caller, id ledger.GrantID, in GrantUpdate) (*Grant, error) {
	g, err := s.updateOpen(ctx, env, by, id, in)
	if forgotten(err) {
		g, err = s.updateOpen(ctx, env, by, id, in)
	}
	return g, err
}

func (s *Service) updateOpen(ctx context.Context, env string, by Caller, id ledger.GrantID, in GrantUpdate) (*Grant, error) {
	g, err := s.Grant(ctx, env, id)
	if err != nil {
		return nil, err
	}
	if g.Type == ledger.Overdraft {
		return nil, refusal(ledger.ErrOverdraftImmutable)
	}
	texts := g.Texts
	texts.Grant = id
	in.DisplayName.apply(&texts.DisplayName)
	in.Comment.apply(&texts.Comment)
	in.Metadata.apply(&texts.Metadata)
	if err := in.check(&texts); err != nil {
		return nil, err
	}
	switch g.Status { // a pool forgets what is final, so the answer is given here
	case ledger.Expired:
		return nil, refusal(ledger.ErrGrantExpired)
	case ledger.Voided:
		return nil, refusal(ledger.ErrGrantVoided)
	}
	change := in.change()
	op := &grantChange{
		key: g.Key, by: by, kind: engine.UpdateEntry, why: in.Reason,
		apply: func(p *ledger.Pool, tx *ledger.Tx) (bool, error) {
			err := p.Update(tx, id, change)
			return len(tx.Facts) > 0, err
		},
	}
	if in.Cost != nil {
		op.check = func(tx *engine.Tx, p *ledger.Pool) error { return costIsOpen(tx, p, id) }
	}
	if change.Texts {
		op.texts = &texts
	}
	if err := s.do(ctx, op); err != nil {
		return nil, err
	}
	return s.Grant(ctx, env, id)
}

// check checks what was sent, and the texts that come of it.
func (in *GrantUpdate) check(texts *engine.GrantTexts) error {
	switch {
	case in.Priority != nil && (*in.Priority < 0 || *in.Priority > grantPriorityMax):
		return invalidf("priority", "must be from 0 to %d; lower is used first", grantPriorityMax)
	case in.Amount != nil && in.Amount.Sign() <= 0:
		return Invalid("amount", "must be more than 0")
	}
	return firstError(
		validName("displayName", texts.DisplayName, nameLengthMax),
		validText("comment", texts.Comment, descriptionLengthMax),
		validMetadata("metadata", texts.Metadata),
		validText("reason", in.Reason, reasonLengthMax),
	)
}

// costIsOpen refuses to change the cost of a grant that a closed month has reported (semantics 4.6).
func costIsOpen(tx *engine.Tx, p *ledger.Pool, id ledger.GrantID) error {
	closed, err := tx.Closed()
	if err != nil {
		return err
	}
	if g, open := p.Grant(id); open && g.ActivatedAt != 0 && g.ActivatedAt < closed {
		return Unprocessable("RevenueMonthClosed", "cost", "the month in which the grant became usable is closed; void the grant and make a new one")
	}
	return nil
}

func (in *GrantUpdate) change() ledger.Change {
	c := ledger.Change{
		Priority: in.Priority, ExpireAt: in.ExpireAt, EffectiveAt: in.EffectiveAt, Amount: in.Amount, Cost: in.Cost,
		Texts: in.DisplayName.Sent || in.Comment.Sent || in.Metadata.Sent,
	}
	if c.ExpireAt != nil && *c.ExpireAt == 0 {
		never := ledger.Never
		c.ExpireAt = &never
	}
	return c
}
