package ledger

import "github.com/scrip-dev/scrip/internal/amount"

// Remaining returns amount − consumed − expired − voided (semantics 3). For an overdraft it is minus the deficit.
func (g *Grant) Remaining() amount.Amount { return g.Amount.Sub(g.Released()) }

// Released returns consumed + expired + voided, what its money was recognised, broken or given back for (semantics 19.2).
func (g *Grant) Released() amount.Amount { return g.Consumed.Add(g.Expired).Add(g.Voided) }

// Unheld returns the remainder that no hold pins.
func (g *Grant) Unheld() amount.Amount { return g.Remaining().Sub(g.Held) }

// Status derives the status at an instant (semantics 4.3). An instant before the last operation on the pool gives no
// meaningful answer.
func (g *Grant) Status(at Time) Status {
	switch {
	case g.VoidedAt != 0:
		return Voided
	case g.ExpireAt <= at:
		return Expired
	case g.AwaitsPayment:
		return PaymentPending
	case g.EffectiveAt > at:
		return Scheduled
	default:
		return Active
	}
}

func (g *Grant) clone() *Grant {
	c := *g
	return &c
}

// ended tells whether the grant was voided or its expiry was posted.
func (g *Grant) ended() bool { return g.VoidedAt != 0 || g.ExpiredAt != 0 }

// live tells whether the grant counts in the balance: activated and not ended.
func (g *Grant) live() bool { return g.ActivatedAt != 0 && !g.ended() }

func (g *Grant) spendable() bool { return g.live() && g.Unheld().Sign() > 0 && g.Type != Overdraft }

// past tells whether a late event may reclaim what expired (semantics 7.3).
func (g *Grant) past() bool { return g.ExpiredAt != 0 && g.VoidedAt == 0 }

// empty tells whether nothing is left, also not for a hold.
func (g *Grant) empty() bool { return g.Remaining().IsZero() && g.Held.IsZero() }

// AddGrant creates a grant and returns its id. The caller sets Type, Priority, EffectiveAt (0 means the posting time),
// ExpireAt (Never, or after both EffectiveAt and the posting time), Amount, Cost, Payment and AwaitsPayment; all else is
// ignored. A grant effective by now that awaits no payment activates at once: a GRANTED row, and the deficit is settled.
// It fails with *FieldError, or with ErrAmountOutOfRange when the amounts of the pool's open grants would leave the range.
func (p *Pool) AddGrant(tx *Tx, g Grant) (GrantID, error) {
	at := p.begin(tx)
	next, err := p.newGrant(g, at)
	if err != nil {
		return 0, err
	}
	next.ID = tx.NewGrant()
	s := p.posting(tx, at)
	s.issue(next)
	s.settleDeficit()
	return next.ID, nil
}

// newGrant checks what a caller gave and returns the grant as it begins.
func (p *Pool) newGrant(g Grant, at Time) (*Grant, error) {
	next := g.begin(at, at)
	if err := next.check(); err != nil {
		return nil, err
	}
	if next.ExpireAt <= at {
		return nil, &FieldError{"ExpireAt", lifeless}
	}
	if !p.roomToIssue(g.Amount) {
		return nil, ErrAmountOutOfRange
	}
	return next, nil
}

// lifeless is said of dates that leave a grant no life.
const lifeless = "must be after the grant takes effect and after now"

// begin returns the grant that a caller asks for as it is when new.
func (g *Grant) begin(createdAt, effectiveAt Time) *Grant {
	next := &Grant{Type: g.Type, Priority: g.Priority, CreatedAt: createdAt, EffectiveAt: g.EffectiveAt, ExpireAt: g.ExpireAt,
		Amount: g.Amount, Cost: g.Cost, Payment: g.Payment, AwaitsPayment: g.AwaitsPayment}
	if next.EffectiveAt == 0 {
		next.EffectiveAt = effectiveAt
	}
	if next.Cost.Amount.IsZero() {
		next.Cost = Money{}
	}
	return next
}

// check is what the members of a new grant must keep to by themselves.
func (g *Grant) check() error {
	switch {
	case g.Type < Promotional || g.Type > Recurring:
		return &FieldError{"Type", "must be promotional, paid or recurring"}
	case g.Amount.Sign() <= 0 || !g.Amount.InRange():
		return ErrAmountOutOfRange
	case g.ExpireAt <= g.EffectiveAt:
		return &FieldError{"ExpireAt", lifeless}
	}
	if err := checkPriority(g.Priority); err != nil {
		return err
	}
	return checkCost(g.Type, g.Cost)
}

func checkPriority(priority int32) error {
	if priority < 0 {
		return &FieldError{"Priority", "must not be negative"}
	}
	return nil
}

func checkCost(t GrantType, cost Money) error {
	switch {
	case cost.Amount.Sign() < 0:
		return &FieldError{"Cost", "must not be negative"}
	case !cost.Amount.InRange() || !cost.Amount.Round(amount.MinorDigits(cost.Currency)).InRange():
		return &FieldError{"Cost", "is too large"}
	case !cost.Amount.IsZero() && cost.Currency == "":
		return &FieldError{"Cost", "must have a currency"}
	case t == Promotional && !cost.Amount.IsZero():
		return &FieldError{"Cost", "must be 0 for a promotional grant"}
	}
	return nil
}

// issue writes a new grant and activates it if its time has come.
func (s *posting) issue(g *Grant) {
	s.grant(g)
	if g.Status(s.at) == Active {
		s.row(g, Granted, g.Amount, Charge{})
	}
}

// Void takes the unconsumed and unheld part of a grant away; what holds pin follows when they end (semantics 4.5). An
// activated grant gets a VOIDED row, of 0 if nothing was left to take. Voiding again changes nothing and reports false.
// It fails with ErrGrantExpired, ErrOverdraftImmutable or ErrGrantNotFound (which a grant voided earlier also gives once
// it is forgotten: its state is then the caller's to know).
func (p *Pool) Void(tx *Tx, id GrantID) (changed bool, err error) {
	at := p.begin(tx)
	g, err := p.callers(id)
	switch {
	case err != nil:
		return false, err
	case g.VoidedAt != 0:
		return false, nil
	case g.ExpiredAt != 0:
		return false, ErrGrantExpired
	}
	s := p.posting(tx, at)
	s.void(g)
	return true, nil
}

func (s *posting) void(g *Grant) {
	if g.ActivatedAt != 0 {
		s.row(g, VoidedRow, g.Unheld().Neg(), Charge{})
		return
	}
	next := *g
	next.Voided, next.VoidedAt = g.Amount, s.at
	s.grant(&next)
}

// callers returns a grant that a caller may change: one that the pool knows and that is not an overdraft.
func (p *Pool) callers(id GrantID) (*Grant, error) {
	g := p.find(id)
	switch {
	case g == nil:
		return nil, ErrGrantNotFound
	case g.Type == Overdraft:
		return nil, ErrOverdraftImmutable
	}
	return g, nil
}

// SetPayment records where the money of a grant stands, and with usable makes a payment-pending grant usable: it then
// activates, if its time has come (semantics 11.3). Repeating a call changes nothing. A usable grant never becomes
// unusable again. On a grant that ended meanwhile only the payment state is kept (money for nothing, semantics 4.3);
// the caller tells by its status. It fails with ErrGrantNotFound or ErrOverdraftImmutable.
func (p *Pool) SetPayment(tx *Tx, id GrantID, payment Payment, usable bool) error {
	at := p.begin(tx)
	g, err := p.callers(id)
	if err != nil {
		return err
	}
	next := *g
	next.Payment = payment
	next.AwaitsPayment = g.AwaitsPayment && !usable
	if next == *g {
		return nil
	}
	s := p.posting(tx, at)
	next.UpdatedAt = s.at
	s.grant(&next)
	s.activateIfTime(g)
	s.settleDeficit()
	return nil
}

// SetExpiry moves the expiry of a grant that has not activated, without a row. It is for grants whose expiry is a
// duration from activation (semantics 4.3): call it in the transaction of the SetPayment that makes the grant usable,
// before it. It fails with ErrGrantNotFound, ErrOverdraftImmutable, or *FieldError when the grant has activated or ended
// or the expiry is not after the posting time and EffectiveAt.
func (p *Pool) SetExpiry(tx *Tx, id GrantID, expireAt Time) error {
	at := p.begin(tx)
	g, err := p.callers(id)
	switch {
	case err != nil:
		return err
	case g.ActivatedAt != 0 || g.ended():
		return &FieldError{"ExpireAt", "can only be set without an update before the grant activates"}
	case expireAt <= at || expireAt <= g.EffectiveAt:
		return &FieldError{"ExpireAt", lifeless}
	}
	next := *g
	next.ExpireAt = expireAt
	s := p.posting(tx, at)
	s.grant(&next)
	return nil
}

// activateIfTime writes the GRANTED row of a grant that waited for something else than the clock.
func (s *posting) activateIfTime(g *Grant) {
	if g.ActivatedAt == 0 && g.Status(s.at) == Active {
		s.row(g, Granted, g.Amount, Charge{})
	}
}
