package credits

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Why access is denied (semantics 15.1), as on the wire.
const (
	DeniedFeatureNotFound  = "FeatureNotFound"
	DeniedCurrencyNotFound = "CurrencyNotFound"
	DeniedCustomerNotFound = "CustomerNotFound"
	DeniedCustomerArchived = "CustomerIsArchived"
	DeniedNoSubscription   = "NoActiveSubscription"
	DeniedNoEntitlement    = "NoFeatureEntitlementInSubscription"
	DeniedInsufficient     = "InsufficientCredits"
	DeniedRequestedUsage   = "RequestedUsageExceedingLimit"
	DeniedRequestedValues  = "RequestedValuesMismatch"
	DeniedFeatureType      = "FeatureTypeMismatch"
	DeniedRevoked          = "Revoked"
)

// CheckRequest asks whether a customer may do something (semantics 15.1). Exactly one of CreditType and Feature is set.
type CheckRequest struct {
	Customer   string
	Resource   string
	CreditType string
	Feature    string
	Requested  *amount.Amount // credits by credit type, units by feature; nil asks whether anything is left
	Values     []string       // by feature of type ENUM: the values about to be used
	Dims       rating.Dims    // by feature: what its formula may look at
	// Reserve holds credits when access is granted, in one step with the check (wire reference 4.7). By credit type only.
	Reserve *Reservation
}

// CreditAccess is the answer of a check by credit type, or by a feature that burns credits.
type CreditAccess struct {
	Granted      bool
	Denied       string // why not, or empty
	CreditType   *CreditType
	Pool         *engine.View
	HasSoftLimit bool
	Feature      *Feature     // set when a feature was asked for
	Hold         *ledger.Hold // set when credits were reserved
	UpdatedAt    ledger.Time
	// PeriodEnd is when included credits of this type are issued anew, ValidUntil when something is known to change: an expiry,
	// an activation, or a boundary of a subscription. Both are ledger.Never when nothing is.
	PeriodEnd  ledger.Time
	ValidUntil ledger.Time
}

// UsageLimit is all that was granted; Remaining what is available; CurrentUsage the difference: what was consumed or is
// held (semantics 15.1).
func (a *CreditAccess) UsageLimit() amount.Amount { return a.Pool.TotalGranted }

// Remaining is what is available now.
func (a *CreditAccess) Remaining() amount.Amount { return a.Pool.Available }

// CurrentUsage is UsageLimit less Remaining.
func (a *CreditAccess) CurrentUsage() amount.Amount { return a.UsageLimit().Sub(a.Remaining()) }

// Check answers whether a customer may go on. A denial is an answer, not an error; so are an unknown customer, credit
// type or feature. It writes nothing, unless it reserves.
func (s *Service) Check(ctx context.Context, env string, by Caller, in CheckRequest) (*CreditAccess, error) {
	a := &CreditAccess{UpdatedAt: s.clock(env), PeriodEnd: ledger.Never, ValidUntil: ledger.Never}
	cs, err := s.knownCustomer(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	catalog := s.Catalog(env)
	price := featurePrice{creditType: in.CreditType, cost: in.Requested}
	if in.Feature != "" {
		if price, err = s.priceFeature(ctx, env, cs, in, a.UpdatedAt); err != nil {
			return nil, err
		}
		a.Feature, a.Denied = price.feature, price.denied
	}
	creditType := price.creditType
	a.CreditType, _ = catalog.CreditType(creditType)
	key := ledger.Key{Environment: env, Customer: in.Customer, Currency: creditType, Resource: in.Resource}
	a.Pool = &engine.View{Key: key}
	switch {
	case cs == nil:
		a.Denied = DeniedCustomerNotFound
	case a.CreditType == nil && a.Denied == "":
		a.Denied = DeniedCurrencyNotFound
	case a.CreditType != nil:
		if a.Pool, err = s.view(ctx, key); err != nil {
			return nil, err
		}
		a.HasSoftLimit = catalog.softLimit(cs, in.Resource, creditType, a.UpdatedAt)
		a.PeriodEnd, a.ValidUntil = catalog.nextChange(cs, in.Resource, creditType, a.UpdatedAt)
		a.ValidUntil = min(a.ValidUntil, a.Pool.NextDue)
	}
	if cs != nil && cs.Customer.Archived() && in.Reserve == nil { // a reservation may be a repeat: it judges that itself
		a.Denied = DeniedCustomerArchived
	}
	if a.Denied != "" {
		return a, nil
	}
	return a, s.decideAccess(ctx, by, in, a, price)
}

// nextChange is when the included credits of a type are issued anew, and when something is known to change in the
// subscriptions of a resource.
func (c *Catalog) nextChange(cs *CustomerState, resource, creditType string, now ledger.Time) (reset, change ledger.Time) {
	reset, change = ledger.Never, ledger.Never
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID != resource || sub.ended(now) {
			continue
		}
		change = min(change, c.Due(sub))
		for _, a := range c.allowances(sub, now) {
			if a.CreditType == creditType {
				reset = min(reset, a.period.To)
			}
		}
	}
	return reset, change
}

// featurePrice is what a check by feature must know of the credits that it burns.
type featurePrice struct {
	feature    *Feature // nil when there is none
	denied     string   // why it burns none
	creditType string
	cost       *amount.Amount // of the units asked for, nil when none were
	failed     error          // why these have no cost
}

// priceFeature finds the mapping under which a feature burns credits now, of several the one that is cheapest for what is
// asked, and prices that as an event would be.
func (s *Service) priceFeature(ctx context.Context, env string, cs *CustomerState, in CheckRequest, now ledger.Time) (featurePrice, error) {
	c := s.Catalog(env)
	f, ok := c.Feature(in.Feature)
	switch {
	case !ok:
		return featurePrice{denied: DeniedFeatureNotFound}, nil
	case cs == nil:
		return featurePrice{feature: f, denied: DeniedCustomerNotFound}, nil
	}
	candidates := c.Candidates(cs, in.Resource, in.Feature, now)
	if len(candidates) == 0 {
		return featurePrice{feature: f, denied: cs.withoutMapping(in.Resource, now)}, nil
	}
	price := featurePrice{feature: f, creditType: candidates[0].Mapping.CreditTypeID}
	if in.Requested == nil {
		return price, nil
	}
	pool := ledger.Key{Environment: env, Customer: in.Customer, Resource: in.Resource}
	creditType, cost, err := s.costOfUnits(ctx, pool, f, candidates, usedUnits{*in.Requested, in.Dims, "requestedUsage"})
	var failed *Error
	switch {
	case errors.As(err, &failed):
		price.failed = err
	case err != nil:
		return price, err
	default:
		price.creditType, price.cost = creditType, &cost
	}
	return price, nil
}

// costOfUnits is what units cost, and in which credit type. Only a feature whose units depend on earlier events needs a turn
// in the queue to tell.
func (s *Service) costOfUnits(ctx context.Context, pool ledger.Key, f *Feature, candidates []Candidate, use usedUnits) (string, amount.Amount, error) {
	if f.cumulative() {
		estimate, err := s.estimateUnits(ctx, pool, f, candidates, use)
		if err != nil {
			return "", amount.Zero, err
		}
		return estimate.Lines[0].CreditType, estimate.Lines[0].Cost, nil
	}
	best, priced, err := cheapest(candidates, use.units, use.dims)
	if err != nil {
		return "", amount.Zero, Unprocessable(ReasonFormula, use.field, err.Error())
	}
	return best.Mapping.CreditTypeID, priced.Cost, nil
}

// withoutMapping is why a feature burns no credits of a customer.
func (cs *CustomerState) withoutMapping(resource string, now ledger.Time) string {
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID == resource && sub.InForce(now) {
			return DeniedNoEntitlement
		}
	}
	return DeniedNoSubscription
}

// softLimit tells whether a subscription in force lets the customer go on below zero (semantics 6.3). One that says so is
// enough: of several entitlements the most generous applies.
func (c *Catalog) softLimit(cs *CustomerState, resource, creditType string, now ledger.Time) bool {
	ref := EntitlementRef{Type: EntitlementCredit, ID: creditType}
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID != resource || !sub.InForce(now) {
			continue
		}
		terms := c.TermsAt(sub, now)
		for _, o := range terms.Entitlements {
			if o.EntitlementRef == ref && o.HasSoftLimit != nil && *o.HasSoftLimit {
				return true
			}
		}
		versions := make([]VersionRef, 0, 1+len(terms.Addons))
		versions = append(versions, VersionRef{PlanRef(terms.PlanID), terms.Version})
		for _, addon := range terms.Addons {
			versions = append(versions, VersionRef{AddonRef(addon.ID), addon.Version})
		}
		for _, v := range versions {
			if version, ok := c.versions[v]; ok && grantsSoftly(c.Entitlements(version), ref) {
				return true
			}
		}
	}
	return false
}

func grantsSoftly(list []PackageEntitlement, ref EntitlementRef) bool {
	for i := range list {
		if soft := list[i].HasSoftLimit; list[i].EntitlementRef == ref && soft != nil && *soft {
			return true
		}
	}
	return false
}

// decideAccess applies the rule of semantics 15.1 and reserves if asked to.
func (s *Service) decideAccess(ctx context.Context, by Caller, in CheckRequest, a *CreditAccess, price featurePrice) error {
	if in.Reserve != nil {
		return s.checkAndReserve(ctx, by, in, a)
	}
	if price.failed != nil {
		return price.failed
	}
	enough := a.Remaining().Sign() > 0
	if price.cost != nil {
		enough = !a.Remaining().Less(*price.cost)
	}
	a.Granted = enough || a.HasSoftLimit
	if !a.Granted {
		a.Denied = DeniedInsufficient
	}
	return nil
}

func (s *Service) checkAndReserve(ctx context.Context, by Caller, in CheckRequest, a *CreditAccess) error {
	reserve := *in.Reserve
	reserve.Pool = a.Pool.Key
	hold, err := s.Reserve(ctx, by, reserve)
	var refused *Error
	switch {
	case errors.As(err, &refused) && refused.Kind == KindPaymentRequired:
		a.Denied = DeniedInsufficient
		return nil
	case errors.As(err, &refused) && refused.Code == ReasonCustomerArchived:
		a.Denied = DeniedCustomerArchived
		return nil
	case err != nil:
		return err
	}
	a.Granted, a.Hold = true, &hold
	a.Pool, err = s.view(ctx, a.Pool.Key)
	return err
}
