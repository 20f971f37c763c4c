package credits

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// The payloads of messages (semantics 16.3), made of domain values. api/webhooks.yaml describes them; a test compares.

// percentDigits is the precision of percentages in payloads. Thresholds are compared exactly.
const percentDigits = 2

// CustomerPayload names a customer.
type CustomerPayload struct {
	ID    string  `json:"id"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

// CurrencyPayload names a credit type.
type CurrencyPayload struct {
	ID          string        `json:"id"`
	DisplayName string        `json:"displayName"`
	Units       *UnitsPayload `json:"units"`
}

// UnitsPayload is what one credit and several are called.
type UnitsPayload struct {
	Singular string `json:"singular"`
	Plural   string `json:"plural"`
}

// MoneyPayload is an amount of money in major units.
type MoneyPayload struct {
	Amount   amount.Amount `json:"amount"`
	Currency string        `json:"currency"`
}

// ActorPayload is who caused something.
type ActorPayload struct {
	ID   *string `json:"id"`
	Type string  `json:"type"`
}

func customerPayload(c *Customer) CustomerPayload {
	return CustomerPayload{ID: c.ID, Name: textOrNull(c.Name), Email: textOrNull(c.Email)}
}

func currencyPayload(c *CreditType) CurrencyPayload {
	return CurrencyPayload{ID: c.ID, DisplayName: c.DisplayName, Units: unitsPayload(c.Units)}
}

func unitsPayload(u *Units) *UnitsPayload {
	if u == nil {
		return nil
	}
	return &UnitsPayload{Singular: u.Singular, Plural: u.Plural}
}

// moneyPayload is a price; what costs nothing is 0 of the default currency, as in the API.
func moneyPayload(m ledger.Money) MoneyPayload {
	if m.Currency == "" {
		m.Currency = currencyDefault
	}
	return MoneyPayload{Amount: m.Amount, Currency: m.Currency}
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// BalancePayload is the data of messages about a pool's balance.
type BalancePayload struct {
	Customer                   CustomerPayload `json:"customer"`
	ResourceID                 *string         `json:"resourceId"`
	CreditCurrency             CurrencyPayload `json:"creditCurrency"`
	TotalGranted               amount.Amount   `json:"totalGranted"`
	TotalConsumed              amount.Amount   `json:"totalConsumed"`
	RemainingBalance           amount.Amount   `json:"remainingBalance"`
	RemainingBalancePercentage amount.Amount   `json:"remainingBalancePercentage"`
	UsagePercentage            amount.Amount   `json:"usagePercentage"`
	ThresholdPercentage        *amount.Amount  `json:"thresholdPercentage,omitempty"`
	ThresholdAmount            *amount.Amount  `json:"thresholdAmount,omitempty"`
	AlertBase                  amount.Amount   `json:"alertBase"`
	TriggeringEventID          *string         `json:"triggeringEventId"`
	IsOverdrawn                bool            `json:"isOverdrawn"`
}

// BalanceFacts are what a BalancePayload is made of. At most one threshold is set, and none for depletion.
type BalanceFacts struct {
	Customer          *Customer
	CreditType        *CreditType
	Pool              *engine.View  // at the end of the transaction that crossed the threshold
	AlertBase         amount.Amount // semantics 16.2
	ThresholdPercent  *amount.Amount
	ThresholdAmount   *amount.Amount
	TriggeringEventID string // or empty
}

// BalanceData is the data of BalanceUsageLow and BalanceDepleted.
func BalanceData(f BalanceFacts) BalancePayload {
	remaining := percentOf(f.Pool.Balance, f.AlertBase)
	used := amount.FromInt(100).Sub(amount.Max(remaining, amount.Zero))
	return BalancePayload{
		Customer: customerPayload(f.Customer), ResourceID: textOrNull(f.Pool.Key.Resource), CreditCurrency: currencyPayload(f.CreditType),
		TotalGranted: f.Pool.TotalGranted, TotalConsumed: f.Pool.TotalConsumed, RemainingBalance: f.Pool.Balance,
		RemainingBalancePercentage: remaining, UsagePercentage: amount.Max(used, amount.Zero), ThresholdPercentage: f.ThresholdPercent,
		ThresholdAmount: f.ThresholdAmount, AlertBase: f.AlertBase, TriggeringEventID: textOrNull(f.TriggeringEventID),
		IsOverdrawn: f.Pool.Balance.Sign() < 0,
	}
}

// percentOf is a share in percent, 0 of nothing.
func percentOf(part, whole amount.Amount) amount.Amount {
	if whole.Sign() <= 0 {
		return amount.Zero
	}
	percent, ok := amount.MulDiv(part, amount.FromInt(100), whole, percentDigits)
	if !ok {
		return amount.Zero
	}
	return percent
}

// GrantPayload is a grant as messages show it: the members that the API gives it (semantics 4.2).
type GrantPayload struct {
	ID                      string            `json:"id"`
	CustomerID              string            `json:"customerId"`
	ResourceID              *string           `json:"resourceId"`
	CurrencyID              string            `json:"currencyId"`
	DisplayName             string            `json:"displayName"`
	Comment                 *string           `json:"comment"`
	Reason                  *string           `json:"reason"`
	GrantType               string            `json:"grantType"`
	Status                  string            `json:"status"`
	Priority                int32             `json:"priority"`
	Amount                  amount.Amount     `json:"amount"`
	ConsumedAmount          amount.Amount     `json:"consumedAmount"`
	ExpiredAmount           amount.Amount     `json:"expiredAmount"`
	VoidedAmount            amount.Amount     `json:"voidedAmount"`
	HeldAmount              amount.Amount     `json:"heldAmount"`
	Remaining               amount.Amount     `json:"remaining"`
	Cost                    MoneyPayload      `json:"cost"`
	PaymentCollection       string            `json:"paymentCollection"`
	PaymentCollectionMethod *string           `json:"paymentCollectionMethod"`
	SourceType              *string           `json:"sourceType"`
	SourceID                *string           `json:"sourceId"`
	Metadata                map[string]string `json:"metadata"`
	Actor                   ActorPayload      `json:"actor"`
	CreatedAt               string            `json:"createdAt"`
	EffectiveAt             string            `json:"effectiveAt"`
	ExpireAt                *string           `json:"expireAt"`
	ActivatedAt             *string           `json:"activatedAt"`
	DepletedAt              *string           `json:"depletedAt"`
	ExpiredAt               *string           `json:"expiredAt"`
	VoidedAt                *string           `json:"voidedAt"`
}

func grantPayload(g *engine.GrantRecord, at ledger.Time) GrantPayload {
	metadata := g.Texts.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	named := Grant{GrantRecord: *g}
	return GrantPayload{
		ID: engine.GrantText(g.ID), CustomerID: g.Key.Customer, ResourceID: textOrNull(g.Key.Resource), CurrencyID: g.Key.Currency,
		DisplayName: named.Name(), Comment: textOrNull(g.Texts.Comment), Reason: textOrNull(g.Texts.Reason),
		GrantType: g.Type.String(), Status: g.Grant.Status(at).String(), Priority: g.Priority,
		Amount: g.Amount, ConsumedAmount: g.Consumed, ExpiredAmount: g.Expired, VoidedAmount: g.Voided, HeldAmount: g.Held,
		Remaining: g.Remaining(), Cost: moneyPayload(g.Cost), PaymentCollection: g.Payment.String(),
		PaymentCollectionMethod: textOrNull(g.Texts.CollectionMethod), SourceType: textOrNull(g.Texts.SourceType),
		SourceID: textOrNull(g.Texts.SourceID), Metadata: metadata, Actor: actorPayload(g.Texts.Actor),
		CreatedAt: instant(g.CreatedAt), EffectiveAt: instant(g.EffectiveAt), ExpireAt: instantOrNull(g.ExpireAt),
		ActivatedAt: instantOrNull(g.ActivatedAt), DepletedAt: instantOrNull(g.DepletedAt), ExpiredAt: instantOrNull(g.ExpiredAt),
		VoidedAt: instantOrNull(g.VoidedAt),
	}
}

func actorPayload(a ledger.Actor) ActorPayload {
	return ActorPayload{ID: textOrNull(a.ID), Type: a.Kind.String()}
}

// GrantMessagePayload is the data of messages about one grant. Which of the last five members it has depends on the type.
type GrantMessagePayload struct {
	Grant               GrantPayload    `json:"grant"`
	Customer            CustomerPayload `json:"customer"`
	CreditCurrency      CurrencyPayload `json:"creditCurrency"`
	Previous            *GrantPrevious  `json:"previous,omitempty"`
	ThresholdPercentage *amount.Amount  `json:"thresholdPercentage,omitempty"`
	UnusedAmount        *amount.Amount  `json:"unusedAmount,omitempty"`
	VoidReason          *string         `json:"voidReason,omitempty"`
	ExpiresInDays       *int            `json:"expiresInDays,omitempty"`
}

// GrantPrevious holds what an update has changed, as it was before; members that stayed are absent.
type GrantPrevious struct {
	Amount            *amount.Amount    `json:"amount,omitempty"`
	ConsumedAmount    *amount.Amount    `json:"consumedAmount,omitempty"`
	Cost              *MoneyPayload     `json:"cost,omitempty"`
	EffectiveAt       *string           `json:"effectiveAt,omitempty"`
	ExpireAt          *string           `json:"expireAt,omitempty"` // empty when it did not expire
	Status            *string           `json:"status,omitempty"`
	PaymentCollection *string           `json:"paymentCollection,omitempty"`
	DisplayName       *string           `json:"displayName,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

// GrantFacts are what a GrantMessagePayload is made of.
type GrantFacts struct {
	Customer   *Customer
	CreditType *CreditType
	Grant      *engine.GrantRecord // at the end of the transaction
	At         ledger.Time         // of the occurrence; decides the status
}

// GrantData is the data of GrantGranted and GrantDepleted.
func GrantData(f GrantFacts) GrantMessagePayload {
	return GrantMessagePayload{
		Grant: grantPayload(f.Grant, f.At), Customer: customerPayload(f.Customer), CreditCurrency: currencyPayload(f.CreditType),
	}
}

// GrantUpdatedData is the data of GrantUpdated. Before is the grant at the end of the transaction before.
func GrantUpdatedData(f GrantFacts, before *engine.GrantRecord, beforeAt ledger.Time) GrantMessagePayload {
	data := GrantData(f)
	old := grantPayload(before, beforeAt)
	data.Previous = &GrantPrevious{
		Amount: changedFrom(old.Amount, data.Grant.Amount), ConsumedAmount: changedFrom(old.ConsumedAmount, data.Grant.ConsumedAmount),
		Cost: changedFrom(old.Cost, data.Grant.Cost), EffectiveAt: changedFrom(old.EffectiveAt, data.Grant.EffectiveAt),
		ExpireAt: changedFrom(textOf(old.ExpireAt), textOf(data.Grant.ExpireAt)), Status: changedFrom(old.Status, data.Grant.Status),
		PaymentCollection: changedFrom(old.PaymentCollection, data.Grant.PaymentCollection),
		DisplayName:       changedFrom(old.DisplayName, data.Grant.DisplayName),
	}
	if !sameMetadata(old.Metadata, data.Grant.Metadata) {
		data.Previous.Metadata = old.Metadata
	}
	return data
}

// GrantUsageLowData is the data of GrantUsageLow. Threshold is a percentage consumed.
func GrantUsageLowData(f GrantFacts, threshold amount.Amount) GrantMessagePayload {
	data := GrantData(f)
	data.ThresholdPercentage = &threshold
	return data
}

// GrantExpiredData is the data of GrantExpired. The unused amount is what expired, 0 when nothing was left.
func GrantExpiredData(f GrantFacts) GrantMessagePayload {
	data := GrantData(f)
	data.UnusedAmount = &f.Grant.Expired
	return data
}

// GrantVoidedData is the data of GrantVoided. The reason may be empty.
func GrantVoidedData(f GrantFacts, reason string) GrantMessagePayload {
	data := GrantData(f)
	data.VoidReason = &reason
	return data
}

// GrantExpiringData is the data of GrantExpiring, so many days before the expiry. The unused amount is what is left.
func GrantExpiringData(f GrantFacts, days int) GrantMessagePayload {
	data := GrantData(f)
	left := f.Grant.Remaining()
	data.ExpiresInDays, data.UnusedAmount = &days, &left
	return data
}

// changedFrom is the old value if the new one is another.
func changedFrom[T comparable](old, now T) *T {
	if old == now {
		return nil
	}
	return &old
}

func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func sameMetadata(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if other, ok := b[key]; !ok || other != value {
			return false
		}
	}
	return true
}
