package ledger

// String gives the name used in the hash chain and in exports, for example "CONSUMED".
func (t RowType) String() string { return name(rowTypeNames[:], int(t)) }

// String gives the name of semantics 4.1, for example "PROMOTIONAL".
func (t GrantType) String() string { return name(grantTypeNames[:], int(t)) }

// String gives the name of semantics 4.3, for example "PAYMENT_PENDING".
func (s Status) String() string { return name(statusNames[:], int(s)) }

// String gives the name of semantics 11.3, for example "ACTION_REQUIRED".
func (p Payment) String() string { return name(paymentNames[:], int(p)) }

// String gives the name of semantics 13.2, for example "SYSTEM".
func (k ActorKind) String() string { return name(actorNames[:], int(k)) }

// String gives the end of a hold, for example "RELEASED".
func (e HoldEnd) String() string { return name(holdEndNames[:], int(e)) }

var (
	rowTypeNames = [...]string{"", "GRANTED", "CONSUMED", "EXPIRED", "VOIDED", "UPDATED", "TRANSFER_SOURCE",
		"TRANSFER_TARGET", "EXPIRY_REVERSED", "CONSUMPTION_REVERSED", "ROLLED_IN", "ROLLED_OUT"}
	grantTypeNames = [...]string{"", "PROMOTIONAL", "PAID", "RECURRING", "OVERDRAFT"}
	statusNames    = [...]string{"", "VOIDED", "EXPIRED", "PAYMENT_PENDING", "SCHEDULED", "ACTIVE"}
	paymentNames   = [...]string{"NOT_REQUIRED", "PROCESSING", "FAILED", "ACTION_REQUIRED", "PAID"}
	actorNames     = [...]string{"SYSTEM", "ADMIN", "API", "CUSTOMER"}
	holdEndNames   = [...]string{"OPEN", "SETTLED", "RELEASED", "EXPIRED", "CAPTURED"}
)

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "UNKNOWN"
	}
	return names[i]
}
