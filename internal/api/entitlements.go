package api

import (
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

func (s *server) getCustomerEntitlements(c *call) (any, error) {
	q := c.query()
	resource := q.text("resourceId")
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Entitlements(c.ctx, c.env, c.caller(), c.path("id"), resource)
	if err != nil {
		return nil, err
	}
	out := wire.CustomerEntitlements{
		AccessDeniedReason: enumOrNull[wire.CustomerEntitlementsAccessDeniedReason](list.Denied),
		Entitlements:       []wire.EntitlementState{},
	}
	for _, a := range list.Credits {
		out.Entitlements = append(out.Entitlements, creditStateOut(a))
	}
	for _, a := range list.Features {
		out.Entitlements = append(out.Entitlements, featureStateOut(a))
	}
	return wire.CustomerEntitlementsData{Data: out}, nil
}

func (s *server) checkEntitlement(c *call) (any, error) { return s.check(c, c.query()) }

// checkEntitlementBeta is the check with dimensions, which a formula may look at. Nobody has budgets, so there are no chains.
func (s *server) checkEntitlementBeta(c *call) (any, error) {
	q := c.query()
	return s.check(c, q, queryDims(q)...)
}

func (s *server) check(c *call, q *query, dims ...rating.Dim) (any, error) {
	in := credits.CheckRequest{
		Customer: c.path("id"), Resource: q.text("resourceId"), CreditType: q.text("currencyId"), Feature: q.text("featureId"),
		Requested: q.amount("requestedUsage"), Values: q.texts("requestedValues"),
	}
	in.Dims, _ = rating.NewDims(dims)
	reserve := reserveIn(q)
	if err := q.done(); err != nil {
		return nil, err
	}
	err := firstError(checkSubject(&in), resourceError(in.Resource))
	if err == nil && reserve != nil {
		err = s.addReserve(c, &in, reserve)
	}
	if err != nil {
		return nil, err
	}
	if in.Feature != "" {
		access, err := s.credits.CheckFeature(c.ctx, c.env, c.caller(), in)
		if err != nil {
			return nil, err
		}
		return wire.EntitlementStateData{Data: featureStateOut(access)}, nil
	}
	access, err := s.credits.Check(c.ctx, c.env, c.caller(), in)
	if err != nil {
		return nil, err
	}
	return wire.EntitlementStateData{Data: creditStateOut(access)}, nil
}

func checkSubject(in *credits.CheckRequest) error {
	switch {
	case in.CreditType == "" && in.Feature == "":
		return credits.Invalid("featureId", "or currencyId is required")
	case in.CreditType != "" && in.Feature != "":
		return credits.Invalid("currencyId", "cannot be combined with featureId")
	case in.Requested != nil && in.Requested.Sign() < 0:
		return credits.Invalid("requestedUsage", "must not be negative")
	case in.CreditType != "" && len(in.Values) > 0:
		return credits.Invalid("requestedValues", "are for features, not for credits")
	}
	return nil
}

func resourceError(id string) error {
	if id != "" && !isSlug(id, slugMarks) {
		return slugError("resourceId", slugMarks)
	}
	return nil
}

// reserveQuery is what a check may ask to be held (wire reference 4.7).
type reserveQuery struct {
	amount *amount.Amount
	id     string
	ttl    *int64
	at     *ledger.Time
}

// reserveIn reads the inputs of a reservation, or nil when there are none.
func reserveIn(q *query) *reserveQuery {
	r := &reserveQuery{
		amount: q.amount("reserveAmount"), id: q.text("reservationId"),
		ttl: q.integer("reservationTtlSeconds", 1, ttlMax), at: q.time("reservationExpiresAt"),
	}
	if *r == (reserveQuery{}) {
		return nil
	}
	return r
}

func (s *server) addReserve(c *call, in *credits.CheckRequest, r *reserveQuery) error {
	switch {
	case in.CreditType == "":
		return credits.Invalid("currencyId", "is required to reserve credits")
	case r.amount == nil:
		return credits.Invalid("reserveAmount", "is required to reserve credits")
	case r.amount.Sign() <= 0:
		return credits.Invalid("reserveAmount", "must be more than 0")
	case r.id == "":
		return credits.Invalid("reservationId", "is required to reserve credits")
	}
	l := life{ttlField: "reservationTtlSeconds", atField: "reservationExpiresAt"}
	if r.ttl != nil {
		ttl := int(*r.ttl)
		l.ttl = &ttl
	}
	if r.at != nil {
		at := timeOut(*r.at)
		l.at = &at
	}
	expires, err := s.expiry(c, l)
	in.Reserve = &credits.Reservation{ID: r.id, Amount: *r.amount, ExpiresAt: expires}
	if err == nil && !c.key.Allows(creditsWrite) {
		err = c.require(creditsWrite)
	}
	return err
}

// queryDims reads dimensions of a query, where everything is text: what looks like a number is one.
func queryDims(q *query) []rating.Dim {
	var dims []rating.Dim
	for key, text := range q.object("dimensions") {
		d := rating.Dim{Key: key, Kind: rating.String, Text: text}
		if _, err := amount.Parse(text); err == nil {
			d.Kind = rating.Number
		}
		dims = append(dims, d)
	}
	if len(dims) > dimsMax {
		q.fail("dimensions", "has more than %d members", dimsMax)
	}
	slices.SortFunc(dims, func(a, b rating.Dim) int { return strings.Compare(a.Key, b.Key) })
	return dims
}

func creditStateOut(a *credits.CreditAccess) wire.CreditEntitlementState {
	remaining := a.Remaining()
	out := wire.CreditEntitlementState{
		Type: wire.EntitlementTypeCREDIT, IsGranted: a.Granted, AccessDeniedReason: enumOrNull[wire.DeniedReason](a.Denied),
		UsageLimit: a.UsageLimit(), CurrentUsage: a.CurrentUsage(), Remaining: &remaining, CurrentBalance: &a.Pool.Balance,
		HeldAmount: &a.Pool.Held, HasSoftLimit: &a.HasSoftLimit, UsageUpdatedAt: timeOut(a.UpdatedAt),
		Currency: wire.EntitlementCurrency{CurrencyID: a.Pool.Key.Currency, DisplayName: a.Pool.Key.Currency},
	}
	if a.ValidUntil > a.UpdatedAt && a.ValidUntil != ledger.Never {
		out.ValidUntil = timeOrNull(a.ValidUntil)
	}
	if a.PeriodEnd != ledger.Never {
		out.UsagePeriodEnd = timeOrNull(a.PeriodEnd)
	}
	if t := a.CreditType; t != nil {
		out.Currency = wire.EntitlementCurrency{
			CurrencyID: t.ID, DisplayName: t.DisplayName, Description: orNull(t.Description), Metadata: t.Metadata,
		}
		if t.Units != nil {
			out.Currency.UnitSingular, out.Currency.UnitPlural = orNull(t.Units.Singular), orNull(t.Units.Plural)
		}
	}
	if a.Hold != nil {
		hold := reservationOut(a.Pool.Key, a.Hold)
		hold.Balance, hold.Available = &a.Pool.Balance, &a.Pool.Available
		out.Reservation = &hold
	}
	return out
}

func featureStateOut(a *credits.FeatureAccess) wire.FeatureEntitlementState {
	out := wire.FeatureEntitlementState{
		Type: wire.EntitlementTypeFEATURE, IsGranted: a.Granted, AccessDeniedReason: enumOrNull[wire.DeniedReason](a.Denied),
		CurrentUsage: a.Usage, UsageLimit: countOrNull(a.UsageLimit), EntitlementUpdatedAt: timeOrNull(a.UpdatedAt),
		ResetPeriod: enumOrNull[wire.ResetPeriod](a.Window.Reset.Period),
	}
	if a.Window.Resets() {
		out.UsagePeriodStart, out.UsagePeriodEnd = timeOrNull(a.Window.From), timeOrNull(a.Window.To)
		out.UsagePeriodAnchor = timeOrNull(a.Window.Anchor)
	}
	if a.UpdatedAt != 0 {
		out.HasUnlimitedUsage = &a.Unlimited
	}
	if f := a.Feature; f != nil {
		out.Feature = &wire.EntitlementFeature{
			ID: f.ID, DisplayName: f.DisplayName, FeatureType: wire.FeatureType(f.Type), FeatureStatus: wire.FeatureStatus(f.Status),
		}
	}
	return out
}
