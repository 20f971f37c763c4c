package credits

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// SubscriptionStatus is the wire's status of a subscription.
type SubscriptionStatus string

// The statuses of a subscription.
const (
	SubscriptionPaymentPending SubscriptionStatus = "PAYMENT_PENDING"
	SubscriptionActive         SubscriptionStatus = "ACTIVE"
	SubscriptionExpired        SubscriptionStatus = "EXPIRED"
	SubscriptionInTrial        SubscriptionStatus = "IN_TRIAL"
	SubscriptionCanceled       SubscriptionStatus = "CANCELED"
	SubscriptionNotStarted     SubscriptionStatus = "NOT_STARTED"
)

// Subscription is a customer's right to a plan, for one resource or for none, from StartAt until EndAt (excluded).
type Subscription struct {
	No         int64
	ID         string
	CustomerID string
	ResourceID string // empty means the customer as a whole
	ProductID  string
	PlanID     string // as of the last change that has come into force; PlanSpan.PlanID tells the plan of an instant
	// Versions is the history of terms, the oldest first and never empty. Versions published for all customers come on top:
	// see Catalog.TermsAt.
	Versions    []PlanSpan
	PricingType PricingType
	StartAt     ledger.Time
	EndAt       ledger.Time // 0 means open
	// CanceledAt is when the cancellation was decided, 0 if it was not; the end it brought is EndAt.
	CanceledAt   ledger.Time
	CancelReason string // as on the wire
	CreatedAt    ledger.Time
	UpdatedAt    ledger.Time

	BillingCountryCode      string
	BillingID               string
	SalesforceID            string
	PayingCustomerID        string
	PaymentCollectionMethod string // CHARGE, INVOICE or NONE
	Budget                  *Budget
	MinimumSpend            *ledger.Money
	UnitQuantity            int64
	Metadata                map[string]string

	Trial  *Trial  `json:",omitempty"`
	Pauses []Pause `json:",omitempty"` // the oldest first; only the last can be open or lie in the future
	// RevokesAtEnd is set when the end takes the blocks of entitlements away that are left (W29).
	RevokesAtEnd bool `json:",omitempty"`
	Posting
}

// Posting is how far the boundaries of a subscription are posted, and what that has issued. It is all that is kept of a
// boundary: everything else is computed (decision 19).
type Posting struct {
	// NextDue is how the scheduler finds the subscription: its next boundary when it was stored. A column of its own, which
	// may be earlier, is what counts.
	NextDue ledger.Time `json:",omitempty"`
	// PostedUntil says that every boundary up to and including this instant is posted; 0 before the first.
	PostedUntil ledger.Time `json:",omitempty"`
	// PostedAgain counts how often more was posted at the instant PostedUntil itself, and Changed is set when that has to
	// be done once more, because a change was made at that very instant.
	PostedAgain    int           `json:",omitempty"`
	PostedVersions []int32       `json:",omitempty"` // of plan and add-ons, by which it was posted
	Changed        bool          `json:",omitempty"`
	Issued         []IssuedBlock `json:",omitempty"` // in the running periods
	Purchases      []Purchase    `json:",omitempty"` // still to be granted
}

// Trial is the time at the beginning of a subscription that is not paid for.
type Trial struct {
	EndAt       ledger.Time
	EndBehavior string // CONVERT_TO_PAID or CANCEL_SUBSCRIPTION
}

// What happens at the end of a trial, as on the wire.
const (
	TrialConverts = "CONVERT_TO_PAID"
	TrialCancels  = "CANCEL_SUBSCRIPTION"
)

// Pause is a stretch in which a subscription issues nothing. To is 0 while nobody has said when it ends.
type Pause struct{ From, To ledger.Time }

// UnmarshalJSON reads also what was stored before spans held billing period, quantities and entitlements.
func (s *Subscription) UnmarshalJSON(text []byte) error {
	type row Subscription
	stored := struct {
		*row
		BillingPeriod string
		Charges       []PurchasedQuantity
		Entitlements  []EntitlementOverride
	}{row: (*row)(s)}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	for i := range s.Versions {
		if span := &s.Versions[i]; span.PlanID == "" {
			span.PlanID, span.BillingPeriod = s.PlanID, stored.BillingPeriod
			span.Charges, span.Entitlements = stored.Charges, stored.Entitlements
		}
	}
	for i := range s.Purchases {
		if p := &s.Purchases[i]; p.Key == "" {
			p.Key, p.EffectiveAt, p.Type = "subscription "+s.ID+" buys "+p.CreditTypeID, s.StartAt, ledger.Paid
		}
	}
	return nil
}

// PlanSpan is what is in force for a subscription from an instant until the From of the next span. A span that begins in the
// future is a scheduled update.
type PlanSpan struct {
	From          ledger.Time
	PlanID        string
	Version       int32  // of the plan
	BillingPeriod string // MONTHLY or ANNUALLY
	Addons        []SubscribedAddon
	Overrides     []PriceOverride
	Charges       []PurchasedQuantity
	Entitlements  []EntitlementOverride
	// Anchor is the instant from which periods are counted while the span is in force; 0 means as before it.
	Anchor ledger.Time `json:",omitempty"`
	// Change says what a scheduled update changes, as the wire's ScheduleType; empty for a change that was made at once.
	Change string `json:",omitempty"`
}

// SubscribedAddon is an add-on of a subscription.
type SubscribedAddon struct {
	ID       string
	Version  int32
	Quantity int64
}

// PriceOverride replaces a price of the plan or of an add-on for one subscription. With FeatureID and CreditRate it is the
// feature's mapping to credits; with an Amount and no feature it is the price of one credit of CreditTypeID.
type PriceOverride struct {
	ID           string
	AddonID      string
	FeatureID    string
	CreditTypeID string
	Amount       *amount.Amount
	Currency     string
	BaseCharge   bool // replaces the base fee
	CountryCode  string
	BlockSize    *amount.Amount
	GrantCadence string
	CreditRate   *CreditRate
	Tiers        []PriceTier

	mapping *Mapping // compiled CreditRate
}

// PurchasedQuantity is how much of a feature or of credits a subscription buys.
type PurchasedQuantity struct {
	Type     EntitlementType
	ID       string // feature id or credit type id
	Quantity amount.Amount
}

// EntitlementOverride replaces an entitlement of the plan for one subscription.
type EntitlementOverride struct {
	EntitlementRef
	UsageLimit   *int64
	HasSoftLimit *bool
	Unlimited    *bool
	Reset        Reset
	Amount       *amount.Amount // of credits, per cadence
	Cadence      string
}

// SubscriptionFilter selects subscriptions; empty members select all.
type SubscriptionFilter struct {
	CustomerID   string
	PlanID       string
	ResourceID   string
	Statuses     []SubscriptionStatus
	PricingTypes []PricingType
	Created      TimeRange
}

// RowNumber orders subscriptions by creation.
func (s *Subscription) RowNumber() int64 { return s.No }

// byStart orders subscriptions by oldest start, then id (semantics 9.3).
func byStart(a, b *Subscription) int {
	return cmp.Or(cmp.Compare(a.StartAt, b.StartAt), cmp.Compare(a.ID, b.ID))
}

// InForce tells whether events of that instant belong to the subscription.
func (s *Subscription) InForce(at ledger.Time) bool {
	return s.StartAt <= at && (s.EndAt == 0 || at < s.EndAt)
}

// Live tells whether the subscription is in force or will be.
func (s *Subscription) Live(now ledger.Time) bool { return s.EndAt == 0 || now < s.EndAt }

// Status is the subscription's status at an instant.
func (s *Subscription) Status(now ledger.Time) SubscriptionStatus {
	switch {
	case !s.Live(now) && s.CanceledAt != 0:
		return SubscriptionCanceled
	case !s.Live(now):
		return SubscriptionExpired
	case now < s.StartAt:
		return SubscriptionNotStarted
	case s.inTrial(now):
		return SubscriptionInTrial
	}
	return SubscriptionActive
}

// Current is the latest span of terms, as the subscription itself has them.
func (s *Subscription) Current() *PlanSpan { return &s.Versions[len(s.Versions)-1] }

// terms is the span in force at an instant; before the start it is the first.
func (s *Subscription) terms(at ledger.Time) *PlanSpan {
	for i := len(s.Versions) - 1; i > 0; i-- {
		if s.Versions[i].From <= at {
			return &s.Versions[i]
		}
	}
	return &s.Versions[0]
}

// cancel ends a live subscription at an instant. It returns false if there was nothing to end.
func (s *Subscription) cancel(now ledger.Time, reason string) bool {
	if !s.Live(now) {
		return false
	}
	s.endAt(now)
	s.CanceledAt, s.CancelReason, s.UpdatedAt, s.RevokesAtEnd = now, reason, now, true
	return true
}

// endAt sets the end.
func (s *Subscription) endAt(at ledger.Time) {
	s.EndAt = at
	if at == s.PostedUntil {
		s.Changed = true // the boundary of this instant was posted, as if it went on
	}
}

// override is the mapping that the span's overrides give a feature, or nil.
func (p *PlanSpan) override(featureID string) *Mapping {
	for i := range p.Overrides {
		if o := &p.Overrides[i]; o.mapping != nil && o.FeatureID == featureID {
			return o.mapping
		}
	}
	return nil
}

// topUpOverride is the override of the price of a credit type, or nil. One that names no credit type means the only one
// that the plan sells.
func (p *PlanSpan) topUpOverride(creditTypeID string, plan *PackageVersion) *PriceOverride {
	for i := range p.Overrides {
		o := &p.Overrides[i]
		if o.Amount == nil || o.FeatureID != "" || o.AddonID != "" || o.BaseCharge {
			continue
		}
		if only, ok := plan.onlyTopUp(); o.CreditTypeID == creditTypeID || o.CreditTypeID == "" && ok && only == creditTypeID {
			return o
		}
	}
	return nil
}

// compile makes the credit rates of all overrides ready to price.
func (s *Subscription) compile() error {
	for i := range s.Versions {
		span := &s.Versions[i]
		for j := range span.Overrides {
			if err := span.Overrides[j].compile(span.Version); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *PriceOverride) compile(version int32) error {
	if o.CreditRate == nil {
		return nil
	}
	rate, err := o.CreditRate.compile()
	if err != nil {
		return err
	}
	o.mapping = &Mapping{ID: o.ID, FeatureID: o.FeatureID, CreditTypeID: o.CreditRate.CreditTypeID, Version: version, Rate: rate}
	return nil
}

// Subscription returns one subscription.
func (s *Service) Subscription(ctx context.Context, env, id string) (*Subscription, error) {
	var sub *Subscription
	err := s.store.View(ctx, func(tx Tx) (err error) {
		sub, err = tx.Subscription(ctx, env, id)
		return err
	})
	if err != nil {
		return nil, subscriptionMissing(err, id)
	}
	return sub, sub.compile()
}

// Subscriptions lists subscriptions, the newest first. Statuses are judged at the present instant.
func (s *Service) Subscriptions(ctx context.Context, env string, filter SubscriptionFilter, page Page) (List[*Subscription], error) {
	var rows []*Subscription
	err := s.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.Subscriptions(ctx, env, filter, s.clock(env), page)
		return err
	})
	if err != nil {
		return List[*Subscription]{}, fmt.Errorf("list subscriptions: %w", err)
	}
	return MakeList(page, rows), nil
}

func subscriptionMissing(err error, id string) error {
	if errors.Is(err, ErrMissing) {
		return missing("SubscriptionNotFound", "subscription", clip(id))
	}
	return err
}
