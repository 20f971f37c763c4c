package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// EntitlementType tells entitlements to features from included credits.
type EntitlementType string

// The types of entitlement.
const (
	EntitlementFeature EntitlementType = "FEATURE"
	EntitlementCredit  EntitlementType = "CREDIT"
)

// EntitlementRef names an entitlement inside a version: a feature or a credit type, each at most once.
type EntitlementRef struct {
	Type EntitlementType
	ID   string // feature id or credit type id
}

// PackageEntitlement is what a version gives (wire reference 9.5). Nil pointers are the wire's null.
type PackageEntitlement struct {
	EntitlementRef
	Behavior            string // Increment or Override
	Description         string
	DisplayNameOverride string
	HiddenFromWidgets   []string
	HasSoftLimit        *bool
	IsCustom            *bool
	IsGranted           bool
	Order               *amount.Amount
	CreatedAt           ledger.Time
	UpdatedAt           ledger.Time

	// Of features.
	EnumValues []string
	Unlimited  *bool
	UsageLimit *int64
	Reset      Reset
	// Of credits. Amount is per cadence; nil means set per subscription.
	Amount              *amount.Amount
	Cadence             string // DAY, WEEK, MONTH or YEAR
	DependencyFeatureID string // the amount is multiplied by this feature's quantity or limit
	TrialAmount         *amount.Amount
	Rollover            *Rollover     `json:",omitempty"` // nil means that what is left expires
	DeficitAtReset      string        `json:",omitempty"` // CARRY or FORGIVE; empty means CARRY
	MidCycle            string        `json:",omitempty"` // PRORATE, FULL or NEXT_PERIOD; empty means PRORATE, FULL for seats
	CreditValue         *ledger.Money `json:",omitempty"` // what one credit stands for in the revenue of the fee
}

// NewEntitlement is an entitlement to add. An empty Behavior means Increment and a nil IsGranted true.
type NewEntitlement struct {
	PackageEntitlement
	IsGranted *bool
}

// EntitlementUpdate changes the members that were sent. Those of the other type are refused.
type EntitlementUpdate struct {
	Behavior            Patch[string]
	Description         Patch[string]
	DisplayNameOverride Patch[string]
	HiddenFromWidgets   Patch[[]string]
	HasSoftLimit        Patch[*bool]
	IsCustom            Patch[*bool]
	IsGranted           Patch[bool]
	Order               Patch[*amount.Amount]
	EnumValues          Patch[[]string]
	Unlimited           Patch[*bool]
	UsageLimit          Patch[*int64]
	Reset               Patch[Reset]
	Amount              Patch[*amount.Amount]
	Cadence             Patch[string]
	DependencyFeatureID Patch[string]
	TrialAmount         Patch[*amount.Amount]
	Rollover            Patch[*Rollover]
	DeficitAtReset      Patch[string]
	MidCycle            Patch[string]
	CreditValue         Patch[*ledger.Money]
}

// checkEntitlements checks the entitlements of a version against the catalogue.
func (v *PackageVersion) checkEntitlements(r *records) error {
	if len(v.Entitlements) > entitlementsMax {
		return invalidf("entitlements", "at most %d are allowed", entitlementsMax)
	}
	for i := range v.Entitlements {
		if err := v.Entitlements[i].check(r); err != nil {
			return at(item("entitlements", i), err)
		}
	}
	return nil
}

func (p *PackageEntitlement) check(r *records) error {
	if err := firstError(
		oneOf("type", string(p.Type), string(EntitlementFeature), string(EntitlementCredit)),
		oneOf("behavior", p.Behavior, "Increment", "Override"),
		validText("description", p.Description, descriptionLengthMax),
		validText("displayNameOverride", p.DisplayNameOverride, nameLengthMax),
	); err != nil {
		return err
	}
	for i, widget := range p.HiddenFromWidgets {
		if err := oneOf(item("hiddenFromWidgets", i), widget, "PAYWALL", "CUSTOMER_PORTAL", "CHECKOUT"); err != nil {
			return err
		}
	}
	if p.Type == EntitlementCredit {
		return p.checkCredit(r)
	}
	return p.checkFeature(r)
}

func (p *PackageEntitlement) checkCredit(r *records) error {
	var amount error
	if p.Amount != nil {
		amount = validQuantity("amount", *p.Amount)
	} else if p.IsCustom == nil || !*p.IsCustom {
		amount = Invalid("amount", "is required unless isCustom is true")
	}
	return firstError(
		requiredCreditType(r, "id", p.ID),
		amount,
		validCadence("cadence", p.Cadence),
		r.knownFeature("dependencyFeatureId", p.DependencyFeatureID),
		p.checkRules(),
	)
}

func validCadence(field, cadence string) error {
	return oneOf(field, cadence, CadenceDay, CadenceWeek, CadenceMonth, CadenceYear)
}

// checkRules checks how the credits of a period begin, change and end.
func (p *PackageEntitlement) checkRules() error {
	var trial error
	if p.TrialAmount != nil {
		trial = validQuantity("trialAmount", *p.TrialAmount)
	}
	return firstError(
		trial,
		p.Rollover.check(),
		oneOf("deficitAtReset", p.DeficitAtReset, "", DeficitCarry, DeficitForgive),
		oneOf("midCycle", p.MidCycle, "", MidCycleProrate, MidCycleFull, MidCycleNextPeriod),
		validMoney("creditValue", p.CreditValue),
	)
}

// rolloverPeriodsMax is how many periods credits can be carried over at most.
const rolloverPeriodsMax = 120

func (r *Rollover) check() error {
	switch {
	case r == nil:
		return nil
	case r.MaxPeriods < 1 || r.MaxPeriods > rolloverPeriodsMax:
		return invalidf("rollover.maxPeriods", "must lie between 1 and %d", rolloverPeriodsMax)
	case r.MaxAmount != nil && r.MaxPercent != nil:
		return Invalid("rollover.maxPercent", "cannot be combined with maxAmount")
	case r.MaxAmount != nil:
		return validQuantity("rollover.maxAmount", *r.MaxAmount)
	case r.MaxPercent != nil && (r.MaxPercent.Sign() < 0 || amount.FromInt(100).Less(*r.MaxPercent)):
		return Invalid("rollover.maxPercent", "must lie between 0 and 100")
	}
	return nil
}

func (p *PackageEntitlement) checkFeature(r *records) error {
	if p.UsageLimit != nil && *p.UsageLimit < 0 {
		return Invalid("usageLimit", "must be 0 or more")
	}
	if err := firstError(requiredFeature(r, "id", p.ID), p.Reset.check()); err != nil {
		return err
	}
	feature := r.features[p.ID]
	for i, value := range p.EnumValues {
		if !slices.ContainsFunc(feature.Enum, func(e EnumValue) bool { return e.Value == value }) {
			return invalidf(item("enumValues", i), "%q is not a value of feature %q", clip(value), p.ID)
		}
	}
	return nil
}

// AddEntitlements adds to the draft. One that the draft has already is refused, and then none is added.
func (s *Service) AddEntitlements(ctx context.Context, env string, actor ledger.Actor, ref PackageRef, in []NewEntitlement) ([]PackageEntitlement, error) {
	if len(in) == 0 {
		return nil, Invalid("entitlements", "needs at least one entry")
	}
	var added []PackageEntitlement
	err := s.changeDraft(ctx, env, packageAudit(actor, ref, "entitlementsAdded"), ref, func(e *catalogEdit, v *PackageVersion) error {
		added = added[:0]
		for i := range in {
			p := in[i].made(e.now)
			if v.entitlement(p.EntitlementRef) >= 0 {
				return duplicateAt(item("entitlements", i)+".id", "entitlement", p.ID)
			}
			if err := p.check(e.records); err != nil {
				return at(item("entitlements", i), err)
			}
			v.Entitlements = append(v.Entitlements, p)
			added = append(added, p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func (in *NewEntitlement) made(now ledger.Time) PackageEntitlement {
	p := in.PackageEntitlement
	if p.Behavior == "" {
		p.Behavior = "Increment"
	}
	p.IsGranted = in.IsGranted == nil || *in.IsGranted
	p.CreatedAt, p.UpdatedAt = now, now
	p.CreditValue = inDefaultCurrency(p.CreditValue)
	return p
}

// UpdateEntitlement changes an entitlement of the draft.
func (s *Service) UpdateEntitlement(ctx context.Context, env string, actor ledger.Actor, ref PackageRef, which EntitlementRef, in EntitlementUpdate) (PackageEntitlement, error) {
	var changed PackageEntitlement
	err := s.changeDraft(ctx, env, packageAudit(actor, ref, "entitlementUpdated"), ref, func(e *catalogEdit, v *PackageVersion) error {
		i := v.entitlement(which)
		if i < 0 {
			return which.notFound()
		}
		changed = v.Entitlements[i]
		in.apply(&changed)
		changed.UpdatedAt = e.now
		v.Entitlements[i] = changed
		return changed.check(e.records)
	})
	return changed, err
}

func (in *EntitlementUpdate) apply(p *PackageEntitlement) {
	in.Behavior.apply(&p.Behavior)
	in.Description.apply(&p.Description)
	in.DisplayNameOverride.apply(&p.DisplayNameOverride)
	in.HiddenFromWidgets.apply(&p.HiddenFromWidgets)
	in.HasSoftLimit.apply(&p.HasSoftLimit)
	in.IsCustom.apply(&p.IsCustom)
	in.IsGranted.apply(&p.IsGranted)
	in.Order.apply(&p.Order)
	in.EnumValues.apply(&p.EnumValues)
	in.Unlimited.apply(&p.Unlimited)
	in.UsageLimit.apply(&p.UsageLimit)
	in.Reset.apply(&p.Reset)
	in.Amount.apply(&p.Amount)
	in.Cadence.apply(&p.Cadence)
	in.DependencyFeatureID.apply(&p.DependencyFeatureID)
	in.TrialAmount.apply(&p.TrialAmount)
	in.Rollover.apply(&p.Rollover)
	in.DeficitAtReset.apply(&p.DeficitAtReset)
	in.MidCycle.apply(&p.MidCycle)
	in.CreditValue.apply(&p.CreditValue)
	p.CreditValue = inDefaultCurrency(p.CreditValue)
}

// RemoveEntitlement takes an entitlement out of the draft and returns it. An empty type removes whichever has the id.
func (s *Service) RemoveEntitlement(ctx context.Context, env string, actor ledger.Actor, ref PackageRef, which EntitlementRef) (PackageEntitlement, error) {
	var removed PackageEntitlement
	err := s.changeDraft(ctx, env, packageAudit(actor, ref, "entitlementRemoved"), ref, func(_ *catalogEdit, v *PackageVersion) error {
		i := v.entitlement(which)
		if i < 0 {
			return which.notFound()
		}
		removed = v.Entitlements[i]
		v.Entitlements = slices.Delete(v.Entitlements, i, i+1)
		return nil
	})
	return removed, err
}

// entitlement finds an entitlement of the version; an empty type matches both. It returns -1 when there is none.
func (v *PackageVersion) entitlement(which EntitlementRef) int {
	return slices.IndexFunc(v.Entitlements, func(p PackageEntitlement) bool {
		return p.ID == which.ID && (which.Type == "" || which.Type == p.Type)
	})
}

func (r EntitlementRef) notFound() error {
	return NotFound("EntitlementNotFound", fmt.Sprintf("the draft has no entitlement to %q", r.ID))
}

// changeDraft runs a change on a copy of the open draft. It fails with DraftRequired when none is open.
func (s *Service) changeDraft(ctx context.Context, env string, audit Audit, ref PackageRef, change func(*catalogEdit, *PackageVersion) error) error {
	_, err := s.changePackage(ctx, env, audit, ref, func(e *catalogEdit, pkg *Package, v *PackageVersion) error {
		if pkg.Draft == 0 {
			return draftRequired(ref)
		}
		if err := change(e, v); err != nil {
			return err
		}
		if len(v.Entitlements) > entitlementsMax {
			return invalidf("entitlements", "at most %d are allowed", entitlementsMax)
		}
		return e.putBoth(pkg, v)
	})
	return err
}
