package credits

import (
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// FeatureAccess is the answer of a check by feature: what the feature's entitlement allows, and whether the credits that
// it burns are there.
type FeatureAccess struct {
	Granted    bool
	Denied     string // why not, or empty
	Feature    *Feature
	Usage      *amount.Amount // in the window; nil when the feature is not metered or has no limit
	UsageLimit *int64         // nil when there is none
	Unlimited  bool
	Window     UsageWindow
	UpdatedAt  ledger.Time // of the entitlement, 0 when there is none
}

// CheckFeature answers whether a customer may use a feature (semantics 15.1). The most generous of several entitlements
// applies. A feature that burns credits needs them too, and needs no entitlement beside its mapping.
func (s *Service) CheckFeature(ctx context.Context, env string, by Caller, in CheckRequest) (*FeatureAccess, error) {
	access, err := s.Check(ctx, env, by, in)
	if err != nil {
		return nil, err
	}
	a := &FeatureAccess{Granted: access.Granted, Denied: access.Denied, Feature: access.Feature}
	cs, err := s.knownCustomer(ctx, env, in.Customer)
	if err != nil || cs == nil || a.Feature == nil || a.Denied == DeniedCustomerArchived {
		return a, err
	}
	given := s.Catalog(env).entitledTo(cs, in.Resource, in.Feature, access.UpdatedAt)
	if len(given) == 0 {
		return a, nil
	}
	best := slices.MaxFunc(given, compareGenerosity)
	a.UsageLimit, a.Unlimited, a.UpdatedAt = best.UsageLimit, best.Unlimited, best.UpdatedAt
	a.Window = windowOf(best.Reset, best.Subscription.AnchorAt(access.UpdatedAt), access.UpdatedAt)
	if a.Feature.Metered() && a.UsageLimit != nil { // reading the usage costs as much as the customer has events in the window
		used, err := s.usageIn(ctx, env, in.Customer, in.Resource, a.Feature, a.Window)
		if err != nil {
			return nil, err
		}
		a.Usage = &used
	}
	if a.Denied == DeniedNoEntitlement || a.Denied == DeniedNoSubscription { // no mapping: the entitlement alone decides
		a.Denied = ""
	}
	if a.Denied == "" {
		a.Denied = a.refusal(&best, in)
	}
	a.Granted = a.Denied == ""
	return a, nil
}

// compareGenerosity orders entitlements to the same feature by what they allow.
func compareGenerosity(x, y entitled) int {
	rank := func(e entitled) int64 {
		switch {
		case !e.Granted:
			return -1
		case e.Unlimited || e.UsageLimit == nil:
			return 1 << 62
		}
		return *e.UsageLimit
	}
	switch a, b := rank(x), rank(y); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// refusal is why an entitlement does not cover what is asked for, or empty.
func (a *FeatureAccess) refusal(e *entitled, in CheckRequest) string {
	switch {
	case !e.Granted:
		return DeniedRevoked
	case len(in.Values) > 0 && a.Feature.Type != FeatureEnum:
		return DeniedFeatureType
	case !containsAll(e.EnumValues, in.Values):
		return DeniedRequestedValues
	case a.Usage == nil || e.Unlimited || e.UsageLimit == nil || e.SoftLimit:
		return ""
	}
	left := amount.FromInt(*e.UsageLimit).Sub(*a.Usage)
	if in.Requested != nil && left.Less(*in.Requested) || in.Requested == nil && left.Sign() <= 0 {
		return DeniedRequestedUsage
	}
	return ""
}

func containsAll(have, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// Entitled is everything that a customer may do.
type Entitled struct {
	Denied   string // why nothing comes from subscriptions, or empty
	Credits  []*CreditAccess
	Features []*FeatureAccess
}

// Entitlements lists what a customer may do: every credit type of a pool or of an entitlement, and every feature of an
// entitlement. An unknown customer is a denial, not an error.
func (s *Service) Entitlements(ctx context.Context, env string, by Caller, customer, resource string) (*Entitled, error) {
	list := &Entitled{}
	cs, err := s.knownCustomer(ctx, env, customer)
	switch {
	case err != nil:
		return nil, err
	case cs == nil:
		list.Denied = DeniedCustomerNotFound
		return list, nil
	case cs.Customer.ArchivedAt != 0:
		list.Denied = DeniedCustomerArchived
	}
	refs, err := s.entitlementRefs(ctx, env, cs, resource)
	if err != nil {
		return nil, err
	}
	if refs.subscriptions == 0 && list.Denied == "" {
		list.Denied = DeniedNoSubscription
	}
	for _, ref := range refs.all {
		in := CheckRequest{Customer: customer, Resource: resource}
		if ref.Type == EntitlementCredit {
			in.CreditType = ref.ID
			access, err := s.Check(ctx, env, by, in)
			if err != nil {
				return nil, err
			}
			list.Credits = append(list.Credits, access)
			continue
		}
		in.Feature = ref.ID
		access, err := s.CheckFeature(ctx, env, by, in)
		if err != nil {
			return nil, err
		}
		list.Features = append(list.Features, access)
	}
	return list, nil
}

// entitlementRefs names the credit types and features that a customer has something of.
type entitlementRefs struct {
	all           []EntitlementRef
	subscriptions int // in force
}

func (s *Service) entitlementRefs(ctx context.Context, env string, cs *CustomerState, resource string) (entitlementRefs, error) {
	var refs entitlementRefs
	add := func(ref EntitlementRef) {
		if !slices.Contains(refs.all, ref) {
			refs.all = append(refs.all, ref)
		}
	}
	pools, err := s.poolKeys(ctx, env, PoolFilter{Customer: cs.Customer.ID, Resource: resource})
	for _, key := range pools {
		add(EntitlementRef{Type: EntitlementCredit, ID: key.Currency})
	}
	now := s.clock(env)
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID != resource || !sub.InForce(now) {
			continue
		}
		refs.subscriptions++
		for _, p := range s.Catalog(env).entitlementsOf(sub, now) {
			add(p.EntitlementRef)
		}
	}
	return refs, err
}

// UsageNow is the usage of a feature in the running usage period. It fails with CustomerNotFound or FeatureNotFound.
func (s *Service) UsageNow(ctx context.Context, env, customer, resource, feature string) (amount.Amount, error) {
	cs, err := s.CustomerState(ctx, env, customer)
	if err != nil {
		return amount.Zero, err
	}
	f, ok := s.Catalog(env).Feature(feature)
	if !ok {
		return amount.Zero, missing("FeatureNotFound", "feature", clip(feature))
	}
	return s.usageIn(ctx, env, customer, resource, f, s.Catalog(env).usageWindow(cs, resource, feature, s.clock(env)))
}

// ScopedElsewhere tells whether a customer has no subscription in force for a resource, but one for another: what was
// probably meant.
func (s *Service) ScopedElsewhere(ctx context.Context, env, customer, resource string) (bool, error) {
	cs, err := s.knownCustomer(ctx, env, customer)
	if err != nil || cs == nil {
		return false, err
	}
	elsewhere := false
	for _, sub := range cs.Subscriptions {
		if sub.InForce(s.clock(env)) {
			if sub.ResourceID == resource {
				return false, nil
			}
			elsewhere = true
		}
	}
	return elsewhere, nil
}
