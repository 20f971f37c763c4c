package credits

import (
	"cmp"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// What a change within a period brings (semantics 10.4), as on the wire.
const (
	MidCycleProrate    = "PRORATE"
	MidCycleFull       = "FULL"
	MidCycleNextPeriod = "NEXT_PERIOD"
)

// What becomes of a deficit when a period begins (semantics 6.2), as on the wire.
const (
	DeficitCarry   = "CARRY"
	DeficitForgive = "FORGIVE"
)

// behaviorOverride is the behavior of an add-on's entitlement that takes the place of the plan's.
const behaviorOverride = "Override"

// Rollover lets what is left of a block go on into the next periods (semantics 10.3). One of MaxAmount and MaxPercent may
// bound how much; both nil means everything.
type Rollover struct {
	MaxAmount  *amount.Amount // credits
	MaxPercent *amount.Amount // of the block, 0 to 100
	MaxPeriods int            // 1 or more
}

// slot is a place where a subscription gets credits from: its plan, which an add-on that overrides may stand in for, or an
// add-on that adds to it. In a slot there is one block per period.
type slot struct {
	CreditType string
	AddonID    string `json:",omitempty"` // empty for the plan's
	Price      bool   `json:",omitempty"` // bought with the subscription, not included in it
}

func (a slot) compare(b slot) int {
	return cmp.Or(cmp.Compare(a.CreditType, b.CreditType), cmp.Compare(a.AddonID, b.AddonID))
}

// allowance is what a slot gives in the period around an instant.
type allowance struct {
	slot
	source  PackageRef
	cadence string // empty in a trial, which is one period
	period  Period
	amount  amount.Amount // for the whole period
	seats   bool          // the amount depends on a feature
	rules   *PackageEntitlement
}

// allowances lists what a subscription gives at an instant, by slot. It gives nothing before its start, after its end and
// in a pause.
func (c *Catalog) allowances(sub *Subscription, at ledger.Time) []allowance {
	if at < sub.StartAt || sub.ended(at) || sub.pausedAt(at) {
		return nil
	}
	terms := c.TermsAt(sub, at)
	seats := seatCount{c, &terms, at}
	list := c.planAllowances(&terms, seats, at)
	for i := range terms.Addons {
		list = c.addAddon(list, &terms.Addons[i], seats, at)
	}
	for i := range list {
		list[i].place(sub, at)
	}
	list = slices.DeleteFunc(list, func(a allowance) bool { return a.amount.Sign() <= 0 })
	slices.SortFunc(list, func(a, b allowance) int { return a.compare(b.slot) })
	return list
}

// planAllowances are the plan's own, with the amounts that the subscription has of its own in their place.
func (c *Catalog) planAllowances(terms *PlanSpan, seats seatCount, at ledger.Time) []allowance {
	var list []allowance
	plan := PlanRef(terms.PlanID)
	if v, ok := c.versions[VersionRef{plan, terms.Version}]; ok {
		list = creditAllowances(c.entitlementsAt(v, at), plan)
	}
	for i := range terms.Entitlements {
		o := &terms.Entitlements[i]
		if o.Type != EntitlementCredit || o.Amount == nil {
			continue
		}
		own := allowance{slot: slot{CreditType: o.ID}, source: plan, rules: &PackageEntitlement{}}
		if at := slices.IndexFunc(list, func(a allowance) bool { return a.slot == own.slot }); at >= 0 {
			own = list[at]
			list = slices.Delete(list, at, at+1)
		}
		own.amount, own.cadence = *o.Amount, o.Cadence
		list = append(list, own)
	}
	for i := range list {
		seats.apply(&list[i])
	}
	return list
}

// addAddon adds what an add-on gives, so many times. Where it overrides the plan, the largest override wins, and the plan's
// amount does not count (semantics 10.4).
func (c *Catalog) addAddon(list []allowance, addon *SubscribedAddon, seats seatCount, at ledger.Time) []allowance {
	ref := AddonRef(addon.ID)
	v, ok := c.versions[VersionRef{ref, addon.Version}]
	if !ok {
		return list
	}
	for _, a := range creditAllowances(c.entitlementsAt(v, at), ref) {
		seats.apply(&a)
		a.times(amount.FromInt(addon.Quantity))
		if a.rules.Behavior != behaviorOverride {
			a.AddonID = addon.ID
			list = append(list, a)
			continue
		}
		present := slices.IndexFunc(list, func(b allowance) bool { return b.slot == a.slot })
		switch {
		case present < 0:
			list = append(list, a)
		case list[present].source.Kind == KindPlan || list[present].perYear().Less(a.perYear()):
			list[present] = a
		}
	}
	return list
}

// creditAllowances are the credit entitlements of a version that give a known amount.
func creditAllowances(list []PackageEntitlement, source PackageRef) []allowance {
	var found []allowance
	for i := range list {
		p := &list[i]
		if p.Type != EntitlementCredit || !p.IsGranted {
			continue
		}
		a := allowance{slot: slot{CreditType: p.ID}, source: source, rules: p, cadence: p.Cadence}
		if p.Amount != nil {
			a.amount = *p.Amount
		}
		found = append(found, a)
	}
	return found
}

// times multiplies the amounts; more than the ledger can hold becomes nothing, and is refused where it is made.
func (a *allowance) times(n amount.Amount) {
	product, ok := a.amount.Mul(n)
	if !ok {
		product = amount.Zero
	}
	a.amount = product
	if trial := a.rules.TrialAmount; trial != nil {
		rules := *a.rules
		product, _ := trial.Mul(n)
		rules.TrialAmount, a.rules = &product, &rules
	}
}

// perYear compares amounts of different cadences.
func (a *allowance) perYear() amount.Amount {
	times := map[string]int64{CadenceDay: 365, CadenceWeek: 52, CadenceMonth: 12, CadenceYear: 1}
	year, ok := a.amount.Mul(amount.FromInt(times[a.cadence]))
	if !ok {
		return a.amount
	}
	return year
}

// place finds the period around an instant, and the amount for it: that of the trial in a trial (semantics 10.5).
func (a *allowance) place(sub *Subscription, at ledger.Time) {
	if !sub.inTrial(at) {
		a.period = CadencePeriod(a.cadence, sub.AnchorAt(at), at)
		return
	}
	a.cadence, a.period = "", Period{sub.StartAt, sub.Trial.EndAt}
	if a.rules.TrialAmount != nil {
		a.amount = *a.rules.TrialAmount
	}
}

// midCycle is what a change within a period brings. Seats come at once and in full.
func (a *allowance) midCycle() string {
	switch {
	case a.rules.MidCycle != "":
		return a.rules.MidCycle
	case a.seats:
		return MidCycleFull
	}
	return MidCycleProrate
}

// cost is what so many credits stand for in the revenue of the fee (semantics 10.6); nothing in a trial.
func (a *allowance) cost(credits amount.Amount) ledger.Money {
	value := a.rules.CreditValue
	if value == nil || a.cadence == "" {
		return ledger.Money{}
	}
	total, ok := credits.Mul(value.Amount)
	total = total.Round(amount.MinorDigits(value.Currency))
	if !ok || total.IsZero() {
		return ledger.Money{}
	}
	return ledger.Money{Amount: total, Currency: value.Currency}
}

// seatCount tells how many seats a subscription has of a feature.
type seatCount struct {
	catalog *Catalog
	terms   *PlanSpan
	at      ledger.Time
}

// apply multiplies an allowance by the seats it depends on.
func (s seatCount) apply(a *allowance) {
	if a.rules.DependencyFeatureID != "" {
		a.seats = true
		a.times(s.of(a.rules.DependencyFeatureID))
	}
}

// of is the quantity of a feature that the subscription has bought, else the limit of its entitlement, else none.
func (s seatCount) of(featureID string) amount.Amount {
	for _, bought := range s.terms.Charges {
		if bought.Type == EntitlementFeature && bought.ID == featureID {
			return bought.Quantity
		}
	}
	for _, o := range s.terms.Entitlements {
		if o.Type == EntitlementFeature && o.ID == featureID && o.UsageLimit != nil {
			return amount.FromInt(*o.UsageLimit)
		}
	}
	total := s.limit(VersionRef{PlanRef(s.terms.PlanID), s.terms.Version}, featureID)
	for _, addon := range s.terms.Addons {
		total += addon.Quantity * s.limit(VersionRef{AddonRef(addon.ID), addon.Version}, featureID)
	}
	return amount.FromInt(total)
}

func (s seatCount) limit(ref VersionRef, featureID string) int64 {
	v, ok := s.catalog.versions[ref]
	if !ok {
		return 0
	}
	for _, p := range s.catalog.entitlementsAt(v, s.at) {
		if p.Type == EntitlementFeature && p.ID == featureID && p.IsGranted && p.UsageLimit != nil {
			return *p.UsageLimit
		}
	}
	return 0
}
