package credits

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// CreditTypePayload is the data of messages about a credit type.
type CreditTypePayload struct {
	CreditType CreditTypeState  `json:"creditType"`
	Previous   *CreditTypeState `json:"previous,omitempty"`
}

// CreditTypeState is a credit type as messages show it.
type CreditTypeState struct {
	ID          string            `json:"id"`
	DisplayName string            `json:"displayName"`
	Description *string           `json:"description"`
	Symbol      *string           `json:"symbol"`
	Units       *UnitsPayload     `json:"units"`
	Metadata    map[string]string `json:"metadata"`
	CreatedAt   string            `json:"createdAt"`
	UpdatedAt   string            `json:"updatedAt"`
	ArchivedAt  *string           `json:"archivedAt"`
}

// CreditTypeData is the data of the messages about a credit type. Before is nil for a new one.
func CreditTypeData(c, before *CreditType) CreditTypePayload {
	data := CreditTypePayload{CreditType: creditTypeState(c)}
	if before != nil {
		old := creditTypeState(before)
		data.Previous = &old
	}
	return data
}

func creditTypeState(c *CreditType) CreditTypeState {
	metadata := c.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return CreditTypeState{
		ID: c.ID, DisplayName: c.DisplayName, Description: textOrNull(c.Description), Symbol: textOrNull(c.Symbol),
		Units: unitsPayload(c.Units), Metadata: metadata, CreatedAt: instant(c.CreatedAt), UpdatedAt: instant(c.UpdatedAt),
		ArchivedAt: instantOrNull(c.ArchivedAt),
	}
}

// EndpointStoppedPayload is the data of WebhookEndpointStopped: the notice that an endpoint is not told anything any more.
// It goes to the other endpoints.
type EndpointStoppedPayload struct {
	EndpointID   string  `json:"endpointId"`
	URL          string  `json:"url"`
	Description  *string `json:"description"`
	Reason       string  `json:"reason"` // GONE or FAILURES
	DisabledAt   string  `json:"disabledAt"`
	FailingSince *string `json:"failingSince"`
}

// EndpointStoppedData is the data of WebhookEndpointStopped.
func EndpointStoppedData(e *WebhookEndpoint) EndpointStoppedPayload {
	return EndpointStoppedPayload{
		EndpointID: e.ID, URL: e.URL, Description: textOrNull(e.Description), Reason: e.DisabledReason,
		DisabledAt: instant(e.DisabledAt), FailingSince: instantOrNull(e.Health.FailingSince),
	}
}

// EventQuarantinedPayload is the data of EventQuarantined.
type EventQuarantinedPayload struct {
	EventID        string  `json:"eventId"`
	CustomerID     string  `json:"customerId"`
	ResourceID     *string `json:"resourceId"`
	EventName      *string `json:"eventName"` // null for a direct consumption
	Timestamp      string  `json:"timestamp"`
	Reason         string  `json:"reason"` // the code that the API shows
	IdempotencyKey *string `json:"idempotencyKey"`
}

// QuarantineFacts are what an EventQuarantinedPayload is made of. Texts may be empty but the id, the customer and the reason.
type QuarantineFacts struct {
	EventID, Customer, Resource, Name, Reason, Key string
	At                                             ledger.Time // event time
}

// EventQuarantinedData is the data of EventQuarantined.
func EventQuarantinedData(f QuarantineFacts) EventQuarantinedPayload {
	return EventQuarantinedPayload{
		EventID: f.EventID, CustomerID: f.Customer, ResourceID: textOrNull(f.Resource), EventName: textOrNull(f.Name),
		Timestamp: instant(f.At), Reason: f.Reason, IdempotencyKey: textOrNull(f.Key),
	}
}

// ReservationExpiredPayload is the data of ReservationExpired.
type ReservationExpiredPayload struct {
	ReservationID  string          `json:"reservationId"`
	Customer       CustomerPayload `json:"customer"`
	ResourceID     *string         `json:"resourceId"`
	CreditCurrency CurrencyPayload `json:"creditCurrency"`
	Amount         amount.Amount   `json:"amount"`
	SettledAmount  amount.Amount   `json:"settledAmount"`
	OnExpiry       string          `json:"onExpiry"` // RELEASE or CAPTURE
	CreatedAt      string          `json:"createdAt"`
	ExpiresAt      string          `json:"expiresAt"`
}

// ReservationExpiredData is the data of ReservationExpired.
func ReservationExpiredData(c *Customer, t *CreditType, pool ledger.Key, h *ledger.Hold) ReservationExpiredPayload {
	onExpiry := "RELEASE"
	if h.Capture {
		onExpiry = "CAPTURE"
	}
	return ReservationExpiredPayload{
		ReservationID: h.ID, Customer: customerPayload(c), ResourceID: textOrNull(pool.Resource), CreditCurrency: currencyPayload(t),
		Amount: h.Amount, SettledAmount: h.Settled, OnExpiry: onExpiry, CreatedAt: instant(h.CreatedAt), ExpiresAt: instant(h.ExpiresAt),
	}
}

// RechargeAttemptedPayload is the data of RechargeAttempted.
type RechargeAttemptedPayload struct {
	ConfigurationID string          `json:"configurationId"`
	OperationID     string          `json:"operationId"`
	Customer        CustomerPayload `json:"customer"`
	CurrencyID      string          `json:"currencyId"`
	Status          string          `json:"status"` // SUCCESS or FAILED
	Amount          amount.Amount   `json:"amount"`
	Cost            MoneyPayload    `json:"cost"`
	GrantID         *string         `json:"grantId"`
	FailureReason   *string         `json:"failureReason"`
}

// RechargeAttempt are what a RechargeAttemptedPayload is made of. Failure is empty for a success, GrantID for a failure.
type RechargeAttempt struct {
	ConfigurationID, OperationID string
	Customer                     *Customer
	CreditType                   string
	Amount                       amount.Amount
	Cost                         ledger.Money
	GrantID, Failure             string
}

// RechargeAttemptedData is the data of RechargeAttempted.
func RechargeAttemptedData(a RechargeAttempt) RechargeAttemptedPayload {
	status := "SUCCESS"
	if a.Failure != "" {
		status = "FAILED"
	}
	return RechargeAttemptedPayload{
		ConfigurationID: a.ConfigurationID, OperationID: a.OperationID, Customer: customerPayload(a.Customer), CurrencyID: a.CreditType,
		Status: status, Amount: a.Amount, Cost: moneyPayload(a.Cost), GrantID: textOrNull(a.GrantID), FailureReason: textOrNull(a.Failure),
	}
}

// RechargeLimitPayload is the data of RechargeLimitExceeded.
type RechargeLimitPayload struct {
	ConfigurationID string          `json:"configurationId"`
	Customer        CustomerPayload `json:"customer"`
	CurrencyID      string          `json:"currencyId"`
	MaxSpend        MoneyPayload    `json:"maxSpend"`
	Spent           MoneyPayload    `json:"spent"`
	Percentage      amount.Amount   `json:"percentage"`
	Threshold       int             `json:"threshold"` // 80, 90 or 100
	PeriodEnd       string          `json:"periodEnd"`
	BlockedAttempt  bool            `json:"blockedAttempt"`
}

// RechargeLimit is what a RechargeLimitPayload is made of.
type RechargeLimit struct {
	ConfigurationID string
	Customer        *Customer
	CreditType      string
	MaxSpend, Spent ledger.Money
	Threshold       int
	PeriodEnd       ledger.Time
	BlockedAttempt  bool
}

// RechargeLimitData is the data of RechargeLimitExceeded.
func RechargeLimitData(l RechargeLimit) RechargeLimitPayload {
	return RechargeLimitPayload{
		ConfigurationID: l.ConfigurationID, Customer: customerPayload(l.Customer), CurrencyID: l.CreditType,
		MaxSpend: moneyPayload(l.MaxSpend), Spent: moneyPayload(l.Spent), Percentage: percentOf(l.Spent.Amount, l.MaxSpend.Amount),
		Threshold: l.Threshold, PeriodEnd: instant(l.PeriodEnd), BlockedAttempt: l.BlockedAttempt,
	}
}

// RechargeConfigurationPayload is the data of RechargeConfigured.
type RechargeConfigurationPayload struct {
	Customer  CustomerPayload        `json:"customer"`
	Before    *RechargeConfiguration `json:"before"` // null for a new one
	After     *RechargeConfiguration `json:"after"`  // null for one that was removed
	ChangedBy string                 `json:"changedBy"`
	Reason    *string                `json:"reason"`
}

// RechargeConfiguration is an automatic recharge as messages show it (semantics 12).
type RechargeConfiguration struct {
	ConfigurationID string        `json:"configurationId"`
	CurrencyID      string        `json:"currencyId"`
	IsEnabled       bool          `json:"isEnabled"`
	ThresholdType   string        `json:"thresholdType"`
	ThresholdValue  amount.Amount `json:"thresholdValue"`
	TargetBalance   amount.Amount `json:"targetBalance"`
	MaxSpend        *MoneyPayload `json:"maxSpend"`
}

// RechargeConfigurationData is the data of RechargeConfigured. The reason may be empty.
func RechargeConfigurationData(c *Customer, before, after *RechargeConfiguration, bySystem bool, reason string) RechargeConfigurationPayload {
	changedBy := "USER"
	if bySystem {
		changedBy = "SYSTEM"
	}
	return RechargeConfigurationPayload{Customer: customerPayload(c), Before: before, After: after, ChangedBy: changedBy, Reason: textOrNull(reason)}
}
