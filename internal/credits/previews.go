package credits

import (
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// upcomingMax is how many boundaries a preview looks ahead.
const upcomingMax = 12

// PlannedGrant is a block of credits that a subscription is going to issue or to buy.
type PlannedGrant struct {
	CreditTypeID string
	Amount       amount.Amount
	EffectiveAt  ledger.Time
	ExpireAt     ledger.Time  // ledger.Never when it does not expire
	Cost         ledger.Money // what it is bought for, or stands for in the fee
	Source       string       // PRICE, PLAN_ENTITLEMENT or ADDON_ENTITLEMENT
	SourceID     string
}

// Preview is what a new subscription, or a change of one, would bring. Nothing of it is stored.
type Preview struct {
	Subscription *Subscription // as it would be
	Changes      bool          // of a live subscription for the same product and resource; else it is a new one
	From         ledger.Time   // when it would take effect
	IsDowngrade  bool
	Scheduled    bool           // other updates are scheduled for later
	Now          []PlannedGrant // at that instant
	Upcoming     []PlannedGrant // at the boundaries that follow
}

// PreviewSubscription tells what ProvisionSubscription would bring; if the customer has a live subscription for the same
// product and resource, what a change to the plan, the add-ons and the quantities asked for would bring, at once or when
// the strategy says. It fails as those do.
func (s *Service) PreviewSubscription(ctx context.Context, env string, in NewSubscription, change SubscriptionUpdate) (*Preview, error) {
	cs, err := s.openCustomer(ctx, env, in.CustomerID)
	if err != nil {
		return nil, err
	}
	catalog, now := s.Catalog(env), s.clock(env)
	fresh, err := s.provision(catalog, &in, Caller{}, cs.Subscriptions, now)
	if err != nil {
		return nil, err
	}
	for _, sub := range cs.Subscriptions {
		if product, ok := catalog.Product(sub.ProductID); ok && product.MultipleSubscriptions {
			break
		}
		if sub.ProductID == fresh.ProductID && sub.ResourceID == fresh.ResourceID && sub.Live(now) {
			return s.previewChange(catalog, sub, &change, now)
		}
	}
	p := &Preview{Subscription: fresh, From: max(now, fresh.StartAt)}
	for i := range fresh.Purchases {
		p.Now = append(p.Now, fresh.Purchases[i].planned())
	}
	fresh.Purchases = nil
	catalog.foresee(p)
	return p, nil
}

func (s *Service) previewChange(catalog *Catalog, known *Subscription, in *SubscriptionUpdate, now ledger.Time) (*Preview, error) {
	sub := *known
	sub.Versions, sub.Issued, sub.Purchases = slices.Clone(known.Versions), slices.Clone(known.Issued), nil
	for i := range sub.Versions {
		sub.Versions[i].Addons = slices.Clone(sub.Versions[i].Addons)
	}
	from, err := sub.takesEffect(in, now)
	if err != nil {
		return nil, err
	}
	p := &Preview{Subscription: &sub, Changes: true, From: from, Scheduled: sub.Current().From > now}
	terms := catalog.TermsAt(&sub, from)
	if v, ok := catalog.Package(PlanRef(in.PlanID.To)); ok && in.PlanID.Sent && in.PlanID.To != terms.PlanID {
		p.IsDowngrade = catalog.isDowngrade(&terms, catalog.versions[v.current()])
	}
	if err := catalog.update(&sub, in, now, s.newID); err != nil {
		return nil, err
	}
	catalog.foresee(p)
	return p, nil
}

// foresee goes through the boundaries that lie ahead of the preview's subscription.
func (c *Catalog) foresee(p *Preview) {
	sub := *p.Subscription
	sub.Issued = slices.Clone(sub.Issued)
	for range upcomingMax {
		at := c.Due(&sub)
		if at == ledger.Never {
			return
		}
		t := c.turnAt(&sub, at)
		list := &p.Upcoming
		if at <= p.From {
			list = &p.Now
		}
		made := 0
		for i := range t.pools {
			for _, issue := range t.pools[i].issues {
				*list = append(*list, issue.planned(at))
				made++
			}
		}
		for i := range t.purchases {
			*list = append(*list, t.purchases[i].planned())
		}
		sub.post(&t, make([]ledger.GrantID, made), t.noRolls())
	}
}

// noRolls stands for what is carried over, which nobody knows beforehand.
func (t *turn) noRolls() (rolled [][]ledger.GrantID) {
	for i := range t.pools {
		rolled = append(rolled, make([][]ledger.GrantID, len(t.pools[i].rolls))...)
	}
	return rolled
}

func (b *newBlock) planned(at ledger.Time) PlannedGrant {
	return PlannedGrant{CreditTypeID: b.creditType, Amount: b.amount, EffectiveAt: at, ExpireAt: b.expireAt, Cost: b.cost,
		Source: entitlementSource(b.source), SourceID: b.source.ID}
}

func (p *Purchase) planned() PlannedGrant {
	g := PlannedGrant{CreditTypeID: p.CreditTypeID, Amount: p.Quantity, EffectiveAt: p.EffectiveAt, ExpireAt: ledger.Never, Cost: p.Cost,
		Source: SourcePrice, SourceID: p.PriceID}
	if p.ExpireAfter != (Span{}) {
		g.ExpireAt = p.ExpireAfter.From(p.EffectiveAt)
	}
	return g
}
