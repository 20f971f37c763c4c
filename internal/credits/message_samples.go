package credits

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Samples are what test messages carry: made-up objects that exist nowhere, through the same functions as real ones.

// sampleAt is when everything in samples has happened: 2026-03-01 12:00 UTC.
const sampleAt ledger.Time = 1_772_366_400_000_000

var sampleKey = ledger.Key{Customer: "customer-sample", Currency: "credits-sample"}

func sampleCustomer() *Customer {
	return &Customer{ID: sampleKey.Customer, Name: "Sample Customer", Email: "sample@example.com"}
}

func sampleCreditType() *CreditType {
	return &CreditType{ID: sampleKey.Currency, DisplayName: "Sample Credits", Units: &Units{"credit", "credits"}, CreatedAt: sampleAt, UpdatedAt: sampleAt}
}

// sampleGrant is a paid block of 100 of which so much was used.
func sampleGrant(used int64) *engine.GrantRecord {
	return &engine.GrantRecord{
		Grant: ledger.Grant{
			ID: 1, Type: ledger.Paid, Priority: GrantPriorityDefault, CreatedAt: sampleAt, EffectiveAt: sampleAt, ActivatedAt: sampleAt,
			ExpireAt: sampleAt + 30*day, Amount: amount.FromInt(100), Consumed: amount.FromInt(used),
			Cost: ledger.Money{Amount: amount.FromInt(10), Currency: currencyDefault},
		},
		Key:   sampleKey,
		Texts: engine.GrantTexts{Grant: 1, DisplayName: "Sample grant", Actor: ledger.Actor{Kind: ledger.ActorAPI, ID: "sample-key"}},
	}
}

func sampleGrantFacts(g *engine.GrantRecord, at ledger.Time) GrantFacts {
	return GrantFacts{Customer: sampleCustomer(), CreditType: sampleCreditType(), Grant: g, At: at}
}

// sampleBalance is a pool in which so much of 100 is left.
func sampleBalance(left int64, threshold *amount.Amount) BalancePayload {
	view := &engine.View{Key: sampleKey, Snapshot: engine.Snapshot{
		Balance: amount.FromInt(left), TotalGranted: amount.FromInt(100), TotalConsumed: amount.FromInt(100 - left),
	}}
	return BalanceData(BalanceFacts{
		Customer: sampleCustomer(), CreditType: sampleCreditType(), Pool: view, AlertBase: amount.FromInt(100), ThresholdPercent: threshold,
		TriggeringEventID: engine.Position(1).EventID(),
	})
}

// sampleOf is the data of a test message.
func sampleOf(t MessageType) any {
	switch t {
	case BalanceUsageLow:
		threshold := amount.FromInt(20)
		return sampleBalance(17, &threshold)
	case BalanceDepleted:
		return sampleBalance(0, nil)
	case EventQuarantined:
		return EventQuarantinedData(QuarantineFacts{EventID: engine.Position(1).EventID(), Customer: sampleKey.Customer,
			Name: "sample", Reason: "CustomerNotFound", Key: "sample-1", At: sampleAt})
	case ReservationExpired:
		return ReservationExpiredData(sampleCustomer(), sampleCreditType(), sampleKey, &ledger.Hold{ID: "reservation-sample",
			Amount: amount.FromInt(5), CreatedAt: sampleAt, ExpiresAt: sampleAt + hour})
	case CreditTypeCreated, CreditTypeUpdated, CreditTypeArchived, CreditTypeUnarchived:
		return sampleCreditTypeData(t)
	case RechargeAttempted, RechargeLimitExceeded, RechargeConfigured:
		return sampleRecharge(t)
	case WebhookEndpointStopped:
		return EndpointStoppedData(&WebhookEndpoint{ID: "whe_sample", URL: "https://example.com/hook", DisabledReason: DisabledByFailures,
			DisabledAt: sampleAt, Health: EndpointHealth{FailingSince: sampleAt - disableAfter}})
	}
	return sampleGrantData(t)
}

func sampleGrantData(t MessageType) any {
	switch t {
	case GrantUpdated:
		before := sampleGrant(0)
		before.Amount = amount.FromInt(80)
		return GrantUpdatedData(sampleGrantFacts(sampleGrant(0), sampleAt), before, sampleAt)
	case GrantUsageLow:
		return GrantUsageLowData(sampleGrantFacts(sampleGrant(83), sampleAt), amount.FromInt(80))
	case GrantDepleted:
		g := sampleGrant(100)
		g.DepletedAt = sampleAt
		return GrantData(sampleGrantFacts(g, sampleAt))
	case GrantExpired:
		g := sampleGrant(83)
		g.Expired, g.ExpiredAt = amount.FromInt(17), g.ExpireAt
		return GrantExpiredData(sampleGrantFacts(g, g.ExpireAt))
	case GrantVoided:
		g := sampleGrant(83)
		g.Voided, g.VoidedAt = amount.FromInt(17), sampleAt
		return GrantVoidedData(sampleGrantFacts(g, sampleAt), "sample")
	case GrantExpiring:
		return GrantExpiringData(sampleGrantFacts(sampleGrant(83), sampleAt+23*day), 7)
	}
	return GrantData(sampleGrantFacts(sampleGrant(0), sampleAt))
}

func sampleCreditTypeData(t MessageType) any {
	c, before := sampleCreditType(), sampleCreditType()
	switch t {
	case CreditTypeCreated:
		before = nil
	case CreditTypeUpdated:
		before.DisplayName = "Old Sample Credits"
	case CreditTypeArchived:
		c.ArchivedAt = sampleAt
	default:
		before.ArchivedAt = sampleAt
	}
	return CreditTypeData(c, before)
}

func sampleRecharge(t MessageType) any {
	usd := func(n int64) ledger.Money { return ledger.Money{Amount: amount.FromInt(n), Currency: currencyDefault} }
	switch t {
	case RechargeAttempted:
		return RechargeAttemptedData(RechargeAttempt{ConfigurationID: "recharge-sample", OperationID: "operation-sample",
			Customer: sampleCustomer(), CreditType: sampleKey.Currency, Amount: amount.FromInt(100), Cost: usd(10), GrantID: engine.GrantText(1)})
	case RechargeLimitExceeded:
		return RechargeLimitData(RechargeLimit{ConfigurationID: "recharge-sample", Customer: sampleCustomer(), CreditType: sampleKey.Currency,
			MaxSpend: usd(50), Spent: usd(40), Threshold: 80, PeriodEnd: sampleAt + 30*day})
	}
	limit := moneyPayload(usd(50))
	after := &RechargeConfiguration{ConfigurationID: "recharge-sample", CurrencyID: sampleKey.Currency, IsEnabled: true,
		ThresholdType: "CREDIT_AMOUNT", ThresholdValue: amount.FromInt(10), TargetBalance: amount.FromInt(100), MaxSpend: &limit}
	return RechargeConfigurationData(sampleCustomer(), nil, after, false, "")
}
