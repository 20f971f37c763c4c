package api

import (
	"fmt"
	"testing"
	"time"
)

// grant makes a promotional grant for acme and returns its id.
func (a *testAPI) grant(amount string, more string) string {
	a.t.Helper()
	return a.ok("POST", "/api/v1/credits/grants",
		`{"customerId":"acme","currencyId":"credits","displayName":"Promo","grantType":"PROMOTIONAL","amount":`+amount+more+`}`).text("data.id")
}

// balance is the settled balance of acme's customer-wide pool.
func (a *testAPI) balance() string {
	a.t.Helper()
	return a.ok("GET", "/api/v1/credits/balances?customerId=acme&currencyId=credits", "").at("data.0.balance")
}

func TestGrantLifecycle(t *testing.T) {
	// A grant is created, read, changed, partly used and voided; what was used stays used (S2, S7).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	made := a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"credits","displayName":"Paid","grantType":"PAID",
		"amount":"100.5","cost":{"amount":49,"currency":"usd"},"expireAt":"2026-04-01T00:00:00Z","metadata":{"k":"v"},"comment":"c","reason":"deal"}`)
	made.want("data.amount", "100.5", "data.status", `"ACTIVE"`, "data.grantType", `"PAID"`, "data.cost.amount", "49",
		"data.paymentCollection", `"NOT_REQUIRED"`, "data.priority", "10", "data.consumedAmount", "0", "data.resourceId", "null",
		"data.metadata", `{"k":"v"}`, "data.expireAt", `"2026-04-01T00:00:00.000Z"`, "data.actor.type", `"API"`, "data.sourceType", "null")
	id := made.text("data.id")
	a.ok("GET", "/api/v1/credits/grants/"+id, "").want("data.remaining", "100.5")
	a.ok("PATCH", "/api/v1/credits/grants/"+id, `{"displayName":"New","priority":3,"expireAt":null,"comment":null}`).
		want("data.displayName", `"New"`, "data.priority", "3", "data.expireAt", "null", "data.comment", "null")
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":30,"idempotencyKey":"k"}`).
		want("data.credit.currentUsage", "30", "data.credit.usageLimit", "100.5", "data.duplicate", "false")
	a.ok("POST", "/api/v1/credits/grants/"+id+"/void", "").want("data.status", `"VOIDED"`, "data.consumedAmount", "30", "data.voidedAmount", "70.5")
	head := a.headHash()
	a.ok("POST", "/api/v1/credits/grants/"+id+"/void", "").want("data.status", `"VOIDED"`)
	a.refused(409, "GrantVoided", "", "PATCH", "/api/v1/credits/grants/"+id, `{"priority":1}`)
	if got := a.headHash(); got != head {
		t.Error("voiding again wrote a row")
	}
}

// headHash is the head of the hash chain of acme's pool: equal heads mean that nothing was written.
func (a *testAPI) headHash() string {
	a.t.Helper()
	return a.ok("GET", "/api/v1/credits/balances?customerId=acme&currencyId=credits", "").at("data.0.headHash")
}

func TestGrantIdempotencyKey(t *testing.T) {
	// The same key with the same content is the same grant; with other content it is refused.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	first := a.grant("10", `,"idempotencyKey":"g1"`)
	if again := a.grant("10", `,"idempotencyKey":"g1"`); again != first {
		t.Errorf("the repeat made %s beside %s", again, first)
	}
	a.refused(409, "IdempotencyMismatch", "idempotencyKey", "POST", "/api/v1/credits/grants",
		`{"customerId":"acme","currencyId":"credits","displayName":"Promo","grantType":"PROMOTIONAL","amount":11,"idempotencyKey":"g1"}`)
	if got := a.balance(); got != "10" {
		t.Errorf("balance is %s", got)
	}
}

func TestGrantUpdatedAt(t *testing.T) {
	// updatedAt moves with every change of the grant itself, also of what decides nothing, and not when it is read or burned.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	path := "/api/v1/credits/grants/" + a.grant("10", "")
	changed := func(at string, change func() answer) {
		t.Helper()
		a.clock.advance(time.Hour)
		change().want("data.updatedAt", at)
		a.clock.advance(time.Minute)
		a.ok("GET", path, "").want("data.updatedAt", at)
	}
	changed(`"2026-03-01T13:00:00.000Z"`, func() answer { return a.ok("PATCH", path, `{"metadata":{"a":"b"}}`) })
	changed(`"2026-03-01T14:01:00.000Z"`, func() answer { return a.ok("PATCH", path, `{"priority":3}`) })
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":1,"idempotencyKey":"k"}`)
	a.ok("PATCH", path, `{}`).want("data.updatedAt", `"2026-03-01T14:01:00.000Z"`)
	changed(`"2026-03-01T15:02:00.000Z"`, func() answer { return a.ok("POST", path+"/void", "") })
}

func TestBurnOrderOverHTTP(t *testing.T) {
	// Priority, then expiry, decide who pays; each grant touched has its row (S2).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	late := a.grant("10", "")
	early := a.grant("10", `,"expireAt":"2026-03-10T00:00:00Z"`)
	first := a.grant("5", `,"priority":0`)
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":17,"idempotencyKey":"k"}`)
	rows := a.ok("GET", "/api/v1/credits/ledger?customerId=acme&currencyId=credits&eventType=CREDITS_CONSUMED", "")
	rows.want("data.0.creditGrantId", `"`+late+`"`, "data.0.amount", "-2", "data.0.endBalance", "8",
		"data.1.creditGrantId", `"`+early+`"`, "data.1.amount", "-10", "data.2.creditGrantId", `"`+first+`"`, "data.2.amount", "-5", "data.3", "")
	if rows.at("data.0.prevHash") != rows.at("data.1.hash") || rows.at("data.0.txnId") != rows.at("data.1.txnId") {
		t.Error("rows of one transaction are not chained")
	}
}

func TestOverdraftAndSettlement(t *testing.T) {
	// Usage beyond the balance becomes an overdraft, and the next grant settles it with a pair of rows (S4, S5).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("10", "")
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":25,"idempotencyKey":"k"}`)
	a.ok("GET", "/api/v1/credits/grants?customerId=acme&currencyId=credits", "").
		want("data.0.grantType", `"OVERDRAFT"`, "data.0.amount", "0", "data.0.consumedAmount", "15", "data.0.displayName", `"Overdraft"`)
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=credits", "").
		want("data.isGranted", "false", "data.accessDeniedReason", `"InsufficientCredits"`, "data.usageLimit", "10", "data.currentUsage", "25")
	a.refused(402, "InsufficientCredits", "amount", "POST", "/api/v1/credits/consumption",
		`{"customerId":"acme","currencyId":"credits","amount":1,"idempotencyKey":"k2","requireBalance":true}`)
	a.grant("40", "")
	a.ok("GET", "/api/v1/credits/ledger?customerId=acme", "").
		want("data.0.eventType", `"CREDITS_CONSUMPTION_TRANSFER_TARGET"`, "data.1.eventType", `"CREDITS_CONSUMPTION_TRANSFER_SOURCE"`, "data.0.endBalance", "25")
	a.ok("GET", "/api/v1/credits/grants?customerId=acme", "").want("data.1.status", `"VOIDED"`, "data.0.consumedAmount", "15")
	a.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "25", "data.0.deficit", "0")
}

func TestScheduledAndExpiring(t *testing.T) {
	// Grants start and end by the clock, also when nobody asked in between, and the past can be asked for (S6).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	id := a.grant("10", `,"effectiveAt":"2026-03-02T00:00:00Z","expireAt":"2026-03-03T00:00:00Z"`)
	a.ok("GET", "/api/v1/credits/grants/"+id, "").want("data.status", `"SCHEDULED"`)
	a.clock.advance(24 * time.Hour)
	a.ok("GET", "/api/v1/credits/grants/"+id, "").want("data.status", `"ACTIVE"`)
	a.clock.advance(24 * time.Hour)
	a.ok("GET", "/api/v1/credits/grants/"+id, "").want("data.status", `"EXPIRED"`, "data.expiredAmount", "10")
	a.ok("GET", "/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_EXPIRED", "").
		want("data.0.amount", "-10", "data.0.timestamp", `"2026-03-03T00:00:00.000Z"`, "data.0.actor.type", `"SYSTEM"`)
	a.ok("GET", "/api/v1/credits/balances?customerId=acme&asOf=2026-03-02T12:00:00Z", "").
		want("data.0.balance", "10", "data.0.held", "null", "data.0.asOf", `"2026-03-02T12:00:00.000Z"`)
	a.refused(409, "GrantExpired", "", "POST", "/api/v1/credits/grants/"+id+"/void", "")
}

func TestResourcePools(t *testing.T) {
	// A resource's pool is apart from the customer's, and lists show one of them (S8, G3).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("10", "")
	mine := a.grant("7", `,"resourceId":"site-1"`)
	if got := a.ok("GET", "/api/v1/credits/grants?customerId=acme&resourceId=site-1", "").ids(); fmt.Sprint(got) != fmt.Sprint([]string{mine}) {
		t.Errorf("grants of the resource are %v", got)
	}
	if got := a.ok("GET", "/api/v1/credits/grants?customerId=acme&resourceId=", "").ids(); len(got) != 1 || got[0] == mine {
		t.Errorf("grants without a resource are %v", got)
	}
	a.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "10", "data.1.balance", "7", "data.2", "")
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=credits&resourceId=site-1", "").want("data.usageLimit", "7")
}

func TestGrantAndLedgerPaging(t *testing.T) {
	// Lists of many rows are the same forwards and backwards, without gaps or repeats, with and without a credit type (S13).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"images","displayName":"Images"}`)
	for i := range 9 {
		a.grant("1", fmt.Sprintf(`,"idempotencyKey":"g%d"`, i))
		a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"images","displayName":"I","amount":1}`)
	}
	for path, want := range map[string]int{
		"/api/v1/credits/grants?customerId=acme":                                     18,
		"/api/v1/credits/grants?customerId=acme&currencyId=credits":                  9,
		"/api/v1/credits/ledger?customerId=acme&currencyId=credits":                  9,
		"/api/v1/credits/ledger?customerId=acme":                                     18,
		"/api/v1/credits/ledger?customerId=acme&sourceType=GRANT":                    18,
		"/api/v1/credits/ledger?customerId=acme&actorType=SYSTEM":                    0,
		"/api/v1/credits/ledger?customerId=acme&sourceType=FEATURE":                  0,
		"/api/v1/credits/ledger?customerId=acme&startDate=" + "2027-01-01T00:00:00Z": 0,
	} {
		if got := a.walk(path); len(got) != want {
			t.Errorf("%s has %d rows, want %d", path, len(got), want)
		}
	}
	a.ok("GET", "/api/v1/credits/auto-recharge?customerId=acme&currencyId=credits", "").want("data.isEnabled", "false", "data.id", "null")
}

func TestGrantKeysOfManyShards(t *testing.T) {
	// A key is unique in its environment, also for customers of different shards; a request that was refused took none.
	t.Parallel()
	a := newShardedAPI(t, 4)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"credits","displayName":"Credits"}`)
	const grant = `{"customerId":"c%d","currencyId":"%s","displayName":"Promo","grantType":"PROMOTIONAL","amount":10,"idempotencyKey":"%s"}`
	for c := range 8 { // in all shards
		a.ok("POST", "/api/v1/customers", fmt.Sprintf(`{"id":"c%d"}`, c))
	}
	a.refused(404, "CurrencyNotFound", "", "POST", "/api/v1/credits/grants", fmt.Sprintf(grant, 7, "none", "k"))
	a.ok("POST", "/api/v1/credits/grants", fmt.Sprintf(grant, 0, "credits", "k"))
	a.ok("POST", "/api/v1/credits/grants", fmt.Sprintf(grant, 0, "credits", "k"))
	for c := 1; c < 8; c++ {
		a.refused(409, "IdempotencyMismatch", "idempotencyKey", "POST", "/api/v1/credits/grants", fmt.Sprintf(grant, c, "credits", "k"))
	}
}
