package credits

import "slices"

// MessageType says what a message tells. The text is the canonical name (semantics 16.1).
type MessageType string

// The types of message. Each is told exactly once for what semantics 16.1 names beside it; the last one is ours.
const (
	BalanceUsageLow        MessageType = "credits.balance.usage_low"
	BalanceDepleted        MessageType = "credits.balance.depleted"
	GrantGranted           MessageType = "credits.granted"
	GrantUpdated           MessageType = "credits.grant.updated"
	GrantUsageLow          MessageType = "credits.grant.usage_low"
	GrantDepleted          MessageType = "credits.grant.depleted"
	GrantExpired           MessageType = "credits.expired"
	GrantVoided            MessageType = "credits.grant.voided"
	GrantExpiring          MessageType = "credits.grant.expiring"
	EventQuarantined       MessageType = "credits.event.quarantined"
	ReservationExpired     MessageType = "credits.reservation.expired"
	CreditTypeCreated      MessageType = "credit_type.created"
	CreditTypeUpdated      MessageType = "credit_type.updated"
	CreditTypeArchived     MessageType = "credit_type.archived"
	CreditTypeUnarchived   MessageType = "credit_type.unarchived"
	RechargeAttempted      MessageType = "automatic_recharge.operation.attempted"
	RechargeLimitExceeded  MessageType = "credits.automatic_recharge_limit_exceeded"
	RechargeConfigured     MessageType = "automatic_recharge.configuration.changed"
	WebhookEndpointStopped MessageType = "webhook_endpoint.disabled"
)

// messageTypes are all types.
var messageTypes = []MessageType{
	BalanceUsageLow, BalanceDepleted, GrantGranted, GrantUpdated, GrantUsageLow, GrantDepleted, GrantExpired, GrantVoided,
	GrantExpiring, EventQuarantined, ReservationExpired, CreditTypeCreated, CreditTypeUpdated, CreditTypeArchived,
	CreditTypeUnarchived, RechargeAttempted, RechargeLimitExceeded, RechargeConfigured, WebhookEndpointStopped,
}

// MessageTypes lists all types of message.
func MessageTypes() []MessageType { return slices.Clone(messageTypes) }

// Dialect is the set of names by which an endpoint knows messages (semantics 16.1).
type Dialect string

// The dialects. Types without a name of their own in a dialect keep the canonical one.
const (
	DialectSeed      Dialect = "SEED"
	DialectSkills    Dialect = "SKILLS"
	DialectReference Dialect = "REFERENCE"
)

// aliases are the names that a dialect has instead of canonical ones.
var aliases = map[Dialect]map[MessageType]string{
	DialectSkills: {
		BalanceUsageLow: "credit.balance.low", BalanceDepleted: "credit.balance.depleted", GrantGranted: "credit.grant.created",
		GrantUpdated: "credit.grant.updated", GrantUsageLow: "credit.grant.balance_low", GrantDepleted: "credit.grant.depleted",
		GrantExpired: "credit.grant.expired",
	},
	DialectReference: {
		BalanceUsageLow: "credit_balance.low", BalanceDepleted: "credit_balance.depleted", GrantGranted: "credit_grant.created",
		GrantUpdated: "credit_grant.updated", GrantUsageLow: "credit_grant.balance.low", GrantDepleted: "credit_grant.depleted",
		GrantExpired: "credit_grant.expired",
	},
}

// NameIn is what a dialect calls the type.
func (t MessageType) NameIn(d Dialect) string {
	if alias, ok := aliases[d][t]; ok {
		return alias
	}
	return string(t)
}

// ParseMessageType finds the type that a name means in any dialect; false when it means none.
func ParseMessageType(name string) (MessageType, bool) {
	if slices.Contains(messageTypes, MessageType(name)) {
		return MessageType(name), true
	}
	for _, names := range aliases {
		for t, alias := range names {
			if alias == name {
				return t, true
			}
		}
	}
	return "", false
}

func validDialect(field string, d Dialect) error {
	return oneOf(field, string(d), string(DialectSeed), string(DialectSkills), string(DialectReference))
}

// parseMessageTypes reads a filter of names, in any dialect, without repeats.
func parseMessageTypes(field string, names []string) ([]MessageType, error) {
	types := []MessageType{}
	for i, name := range names {
		t, ok := ParseMessageType(name)
		if !ok {
			return nil, invalidf(item(field, i), "%q is not a type of message; see api/webhooks.yaml", clip(name))
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types, nil
}
