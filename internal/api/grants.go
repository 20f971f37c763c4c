package api

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func (s *server) createGrant(c *call) (any, error) {
	var in wire.GrantCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	grant, err := grantIn(&in)
	if err != nil {
		return nil, err
	}
	grant.OwnKey = c.effectKey
	return s.grantData(c)(s.credits.CreateGrant(c.ctx, c.env, c.caller(), grant))
}

func grantIn(in *wire.GrantCreate) (credits.NewGrant, error) {
	resource, err := resourceID("resourceId", in.ResourceID)
	if err != nil {
		return credits.NewGrant{}, err
	}
	if in.IdempotencyKey != nil {
		if err := keyText("idempotencyKey", *in.IdempotencyKey); err != nil {
			return credits.NewGrant{}, err
		}
	}
	comment := in.Comment // description is the guide's name for it
	if comment == nil {
		comment = in.Description
	}
	g := credits.NewGrant{
		Customer: in.CustomerID, CreditType: in.CurrencyID, Resource: resource, Amount: in.Amount,
		Type: grantTypes[value(in.GrantType)], DisplayName: in.DisplayName, Comment: value(comment), Reason: value(in.Reason),
		EffectiveAt: givenTime(in.EffectiveAt), ExpireAt: givenTime(in.ExpireAt),
		Cost: grantCostIn(in.Cost), CostBasis: in.CostBasis, Collection: string(value(in.PaymentCollectionMethod)),
		Metadata: in.Metadata, Key: value(in.IdempotencyKey),
		Await: in.AwaitPaymentConfirmation == nil || *in.AwaitPaymentConfirmation,
	}
	if b := in.BillingInformation; b != nil {
		g.DaysUntilDue, g.InvoicePaid, g.Policy = value(b.InvoiceDaysUntilDue), value(b.IsInvoicePaid), string(value(b.InvoicePolicy))
	}
	g.Priority, err = priorityIn(in.Priority)
	return g, err
}

var grantTypes = map[wire.GrantCreateType]ledger.GrantType{
	wire.GrantCreateTypePAID: ledger.Paid, wire.GrantCreateTypePROMOTIONAL: ledger.Promotional,
}

// priorityIn narrows a priority; the use case judges its bounds, this only keeps them from wrapping around.
func priorityIn(p *int) (*int32, error) {
	if p == nil {
		return nil, nil
	}
	narrow := int32(*p)
	if int(narrow) != *p {
		return nil, credits.Invalid("priority", "is out of range")
	}
	return &narrow, nil
}

func grantCostIn(m *wire.MoneyInput) *ledger.Money {
	if m == nil {
		return nil
	}
	return &ledger.Money{Amount: m.Amount, Currency: string(m.Currency)}
}

func (s *server) getGrant(c *call) (any, error) {
	id, err := c.grantID()
	if err := firstError(c.query().done(), err); err != nil {
		return nil, err
	}
	return s.grantData(c)(s.credits.Grant(c.ctx, c.env, id))
}

func (s *server) voidGrant(c *call) (any, error) {
	id, err := c.grantID()
	if err != nil {
		return nil, err
	}
	return s.grantData(c)(s.credits.VoidGrant(c.ctx, c.env, c.caller(), id, ""))
}

// grantData answers with a grant.
func (s *server) grantData(c *call) func(*credits.Grant, error) (any, error) {
	return func(g *credits.Grant, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		out, err := s.grantsOut(c, []*credits.Grant{g})
		if err != nil {
			return nil, err
		}
		return wire.GrantData{Data: out[0]}, nil
	}
}

// grantID reads the id in the path. What is no id names no grant.
func (c *call) grantID() (ledger.GrantID, error) {
	id, err := engine.ParseGrantText(c.path("id"))
	if err != nil {
		return 0, credits.NotFound("CreditGrantNotFound", "the grant does not exist")
	}
	return id, nil
}

func (s *server) updateGrant(c *call) (any, error) {
	id, err := c.grantID()
	if err != nil {
		return nil, err
	}
	var in wire.GrantUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	change, err := grantUpdateIn(&in)
	if err != nil {
		return nil, err
	}
	return s.grantData(c)(s.credits.UpdateGrant(c.ctx, c.env, c.caller(), id, change))
}

func grantUpdateIn(in *wire.GrantUpdate) (credits.GrantUpdate, error) {
	if in.Description.IsSpecified() {
		return credits.GrantUpdate{}, credits.NotSupported("description", "is not kept yet; use comment")
	}
	priority, err := priorityIn(in.Priority)
	u := credits.GrantUpdate{
		DisplayName: patch(in.DisplayName), Comment: patchOf(in.Comment), Metadata: patchMetadata(in.Metadata),
		Priority: priority, Amount: in.Amount, Cost: grantCostIn(in.Cost), Reason: value(in.Reason),
	}
	if in.EffectiveAt != nil {
		at := givenTime(in.EffectiveAt)
		u.EffectiveAt = &at
	}
	if in.ExpireAt.IsSpecified() {
		never := ledger.Time(0)
		u.ExpireAt = &never
		if !in.ExpireAt.IsNull() {
			at := in.ExpireAt.MustGet()
			given := givenTime(&at)
			u.ExpireAt = &given
		}
	}
	return u, err
}

func (s *server) listGrants(c *call) (any, error) {
	q := c.query()
	filter := credits.GrantFilter{
		Customer: q.required("customerId"), CreditType: q.text("currencyId"), Resource: q.text("resourceId"), Created: q.during("createdAt"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Grants(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data, err := s.grantsOut(c, list.Items)
	if err != nil {
		return nil, err
	}
	return wire.GrantPage{Data: data, Pagination: q.pagination(list.Next, list.Prev)}, nil
}

// currencyFree is the currency of what costs nothing: the wire wants one even there.
const currencyFree = "usd"

func grantOut(g *credits.Grant) wire.Grant {
	remaining := g.Remaining()
	out := wire.Grant{
		ID: engine.GrantText(g.ID), CustomerID: g.Key.Customer, CurrencyID: g.Key.Currency, ResourceID: orNull(g.Key.Resource),
		DisplayName: g.Name(), Comment: orNull(g.Texts.Comment), Metadata: g.Texts.Metadata, Reason: orNull(g.Texts.Reason),
		GrantType: wire.GrantType(g.Type.String()), Status: wire.GrantStatus(g.Status.String()), Priority: int(g.Priority),
		Amount: g.Amount, ConsumedAmount: g.Consumed, ExpiredAmount: &g.Expired, VoidedAmount: &g.Voided,
		HeldAmount: &g.Held, Remaining: &remaining,
		CreatedAt: timeOut(g.CreatedAt), EffectiveAt: timeOut(g.EffectiveAt), ExpireAt: timeOrNull(g.ExpireAt),
		ActivatedAt: timeOrNull(g.ActivatedAt), DepletedAt: timeOrNull(g.DepletedAt), ExpiredAt: timeOrNull(g.ExpiredAt),
		VoidedAt: timeOrNull(g.VoidedAt), UpdatedAt: timeOut(lastChange(g)),
		Cost: grantMoneyOut(g.Cost), CostBasis: costBasis(g), PaymentCollection: wire.PaymentCollection(g.Payment.String()),
		PaymentCollectionMethod: enumOrNull[wire.PaymentCollectionMethod](g.Texts.CollectionMethod),
		SourceType:              enumOrNull[wire.GrantSourceType](g.Texts.SourceType), SourceID: orNull(g.Texts.SourceID),
	}
	actor := actorOut(g.Texts.Actor)
	out.Actor = &actor
	return out
}

func grantMoneyOut(m ledger.Money) wire.Money {
	if m.Currency == "" {
		m.Currency = currencyFree
	}
	return moneyOut(m)
}

// costBasis is the price of one credit, or nil for a grant that costs nothing.
func costBasis(g *credits.Grant) *wire.Amount {
	if g.Cost.Amount.IsZero() || g.Amount.IsZero() {
		return nil
	}
	basis, ok := amount.MulDiv(g.Cost.Amount, amount.FromInt(1), g.Amount, amount.FractionDigits)
	if !ok {
		return nil
	}
	return &basis
}

// lastChange is the last instant at which something happened to the grant itself.
func lastChange(g *credits.Grant) ledger.Time {
	return max(g.CreatedAt, g.ActivatedAt, g.DepletedAt, g.UpdatedAt, g.VoidedAt, g.ExpiredAt)
}

func actorOut(a ledger.Actor) wire.Actor {
	return wire.Actor{ID: orNull(a.ID), Type: wire.ActorType(a.Kind.String())}
}
