package export

import (
	"cmp"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// grantFold keeps every grant of an environment in one shard as the journal leaves it.
type grantFold struct {
	grants map[ledger.GrantID]*exportedGrant
}

type exportedGrant struct {
	ledger.Grant
	customer, currency, resource string
	details                      engine.GrantTexts
	changed                      engine.Position
	changedAt                    ledger.Time
}

func newGrantFold(uint16) *grantFold { return &grantFold{grants: map[ledger.GrantID]*exportedGrant{}} }

// take folds one fact.
func (f *grantFold) take(e *engine.Entry, p *engine.PoolFacts, fact *ledger.Fact) {
	switch fact.Kind {
	case ledger.FactGrant:
		g := f.grants[fact.Grant.ID]
		if g == nil {
			g = &exportedGrant{customer: e.Customer, currency: p.Currency, resource: p.Resource}
			f.grants[fact.Grant.ID] = g
		}
		g.Grant = *fact.Grant
		g.change(e, max(e.At, g.CreatedAt))
	case ledger.FactRow:
		if g := f.grants[fact.Row.Grant]; g != nil {
			g.ApplyRow(&fact.Row)
			g.change(e, fact.Row.PostedAt)
		}
	}
}

// texts takes over new names and comments.
func (f *grantFold) texts(e *engine.Entry) {
	for i := range e.Texts {
		if g := f.grants[e.Texts[i].Grant]; g != nil {
			g.details = e.Texts[i]
			g.change(e, e.At)
		}
	}
}

func (g *exportedGrant) change(e *engine.Entry, at ledger.Time) {
	g.changed, g.changedAt = e.Position, max(g.changedAt, at)
}

// basis is the price of one credit of a grant.
func (f *grantFold) basis(id ledger.GrantID) any {
	if g := f.grants[id]; g != nil {
		return basis(g.Cost, g.Amount)
	}
	return nil
}

// changedSince lists grants that changed at or after a position, by id.
func (f *grantFold) changedSince(from engine.Position) []*exportedGrant {
	var list []*exportedGrant
	for _, g := range f.grants {
		if g.changed >= from {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *exportedGrant) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (g *exportedGrant) row(environment string) row {
	costAmount, costCurrency := money(g.Cost)
	t, id := &g.details, engine.GrantText(g.ID)
	name := t.DisplayName
	if g.Type == ledger.Overdraft {
		name = "Overdraft"
	}
	return row{
		id, id, environment, g.customer, or(g.resource), g.currency, or(name), g.Type.String(), or(g.category()),
		g.status(), or(t.SourceType), or(t.SourceID),
		g.Amount, g.Consumed, g.Expired, g.Voided, g.Remaining(), costAmount, costCurrency, basis(g.Cost, g.Amount), int64(g.Priority),
		at(g.EffectiveAt), at(g.ExpireAt), at(g.VoidedAt), g.Payment.String(), or(t.CollectionMethod), nil, or(t.Comment),
		document(t.Metadata), or(t.Actor.ID), g.CreatedAt, g.changedAt,
	}
}

// category is semantics 5; an overdraft is in no burn order and has none.
func (g *exportedGrant) category() string {
	switch {
	case g.Type == ledger.Overdraft:
		return ""
	case g.Type == ledger.Promotional:
		return "PROMOTIONAL"
	case g.Type == ledger.Recurring && g.Cost.Amount.IsZero():
		return "INCLUDED"
	}
	return "PAID"
}

// status is semantics 4.3 by what was posted: the same at any time.
func (g *exportedGrant) status() string {
	switch {
	case g.VoidedAt != 0:
		return ledger.Voided.String()
	case g.ExpiredAt != 0:
		return ledger.Expired.String()
	case g.AwaitsPayment:
		return ledger.PaymentPending.String()
	case g.ActivatedAt == 0 && g.Type != ledger.Overdraft:
		return ledger.Scheduled.String()
	}
	return ledger.Active.String()
}
