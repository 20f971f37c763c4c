package api

import (
	"strings"
	"testing"
)

func TestLedgerRefusals(t *testing.T) {
	// Bad input for whatever moves credits is refused with its status, code and field, and changes nothing.
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	grant := a.grant("100", "")
	a.ok("POST", "/api/v1/customers", `{"id":"gone"}`)
	a.ok("POST", "/api/v1/customers/gone/archive", "")
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"old","displayName":"Old"}`)
	a.ok("POST", "/api/v1/credits/custom-currencies/old/archive", "")
	const invalid = "InvalidArgumentError"
	const g, use, ev, events = "/api/v1/credits/grants", "/api/v1/credits/consumption", `"eventName":"llm","idempotencyKey":"x"`, "/api/v1/events"
	const reserve = "/api/v1/credits/reservations"
	const who = `"customerId":"acme","currencyId":"credits"`
	const who2 = who + `,"displayName":"D"`
	check := "/api/v1/customers/acme/entitlements/check"
	long := strings.Repeat("x", 256)
	head, held := a.headHash(), a.ok("GET", "/api/v1/events", "").ids()
	for _, c := range []struct {
		status             int
		code, field        string
		method, path, body string
	}{
		{400, invalid, "amount", "POST", g, `{` + who2 + `}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":0}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":-1}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":1e15}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":0.0000000001}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":"ten"}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":null}`},
		{400, invalid, "grantType", "POST", g, `{` + who2 + `,"amount":1,"grantType":"RECURRING"}`},
		{400, invalid, "priority", "POST", g, `{` + who2 + `,"amount":1,"priority":101}`},
		{400, invalid, "priority", "POST", g, `{` + who2 + `,"amount":1,"priority":4294967296}`},
		{400, invalid, "cost", "POST", g, `{` + who2 + `,"amount":1,"grantType":"PROMOTIONAL","cost":{"amount":1,"currency":"usd"}}`},
		{400, invalid, "cost.currency", "POST", g, `{` + who2 + `,"amount":1,"cost":{"amount":1,"currency":"USD"}}`},
		{422, "CostMismatch", "costBasis", "POST", g, `{` + who2 + `,"amount":10,"grantType":"PAID","cost":{"amount":1,"currency":"usd"},"costBasis":1}`},
		{400, invalid, "expireAt", "POST", g, `{` + who2 + `,"amount":1,"expireAt":"2026-02-01T00:00:00Z"}`},
		{400, invalid, "expireAt", "POST", g, `{` + who2 + `,"amount":1,"expireAt":"tomorrow"}`},
		{400, invalid, "expireAt", "POST", g, `{` + who2 + `,"amount":1,"effectiveAt":"2026-04-01T00:00:00Z","expireAt":"2026-04-01T00:00:00Z"}`},
		{400, invalid, "displayName", "POST", g, `{` + who + `,"amount":1,"displayName":" "}`},
		{400, invalid, "comment", "POST", g, `{` + who2 + `,"amount":1,"comment":"` + long + `"}`},
		{400, invalid, "resourceId", "POST", g, `{` + who2 + `,"amount":1,"resourceId":"a b"}`},
		{400, invalid, "idempotencyKey", "POST", g, `{` + who2 + `,"amount":1,"idempotencyKey":""}`},
		{400, invalid, "surprise", "POST", g, `{` + who2 + `,"amount":1,"surprise":1}`},
		{400, invalid, "amount", "POST", g, `{` + who2 + `,"amount":1,"amount":2}`},
		{400, invalid, "metadata.k", "POST", g, `{` + who2 + `,"amount":1,"metadata":{"k":1}}`},
		{404, "CustomerNotFound", "", "POST", g, `{"customerId":"no","currencyId":"credits","displayName":"D","amount":1}`},
		{404, "CurrencyNotFound", "", "POST", g, `{"customerId":"acme","currencyId":"no","displayName":"D","amount":1}`},
		{409, "CustomerIsArchived", "", "POST", g, `{"customerId":"gone","currencyId":"credits","displayName":"D","amount":1}`},
		{409, "CreditTypeArchived", "", "POST", g, `{"customerId":"acme","currencyId":"old","displayName":"D","amount":1}`},
		{404, "CreditGrantNotFound", "", "GET", g + "/cred-grant-0000000000zzz", ""},
		{404, "CreditGrantNotFound", "", "POST", g + "/x/void", ""},
		{400, invalid, "amount", "PATCH", g + "/" + grant, `{"amount":0}`},
		{400, invalid, "effectiveAt", "PATCH", g + "/" + grant, `{"effectiveAt":"2026-05-01T00:00:00Z"}`},
		{400, invalid, "customerId", "GET", g, ""},
		{404, "CustomerNotFound", "", "GET", g + "?customerId=no", ""},
		{400, invalid, "after", "GET", g + "?customerId=acme&after=x", ""},
		{400, invalid, "limit", "GET", g + "?customerId=acme&limit=101", ""},
		{400, invalid, "createdAt[gte]", "GET", g + "?customerId=acme&createdAt[gte]=yesterday", ""},
		{400, invalid, "eventType", "GET", "/api/v1/credits/ledger?customerId=acme&eventType=NOPE", ""},
		{400, invalid, "grantId", "GET", "/api/v1/credits/ledger?customerId=acme&grantId=7", ""},
		{400, invalid, "kind", "GET", "/api/v1/credits/ledger?customerId=acme&kind=x", ""},
		{400, invalid, "groupBy", "GET", "/api/v1/credits/usage?customerId=acme&currencyId=credits&groupBy=a,b,c,d", ""},
		{400, invalid, "groupBy", "GET", "/api/v1/credits/usage?customerId=acme&groupBy=a.b", ""},
		{400, invalid, "timeRange", "GET", "/api/v1/credits/usage?customerId=acme&timeRange=LAST_HOUR", ""},
		{400, invalid, "endDate", "GET", "/api/v1/credits/usage?customerId=acme&currencyId=credits&startDate=2026-02-01T00:00:00Z&endDate=2026-01-01T00:00:00Z", ""},
		{400, invalid, "asOf", "GET", "/api/v1/credits/balances?customerId=acme&asOf=2030-01-01T00:00:00Z", ""},
		{400, invalid, "amount", "POST", use, `{` + who + `,"amount":0,"idempotencyKey":"k"}`},
		{400, invalid, "idempotencyKey", "POST", use, `{` + who + `,"amount":1}`},
		{400, invalid, "idempotencyKey", "POST", use, `{` + who + `,"amount":1,"idempotencyKey":"` + long + `"}`},
		{400, "TimestampInFuture", "createdAt", "POST", use, `{` + who + `,"amount":1,"idempotencyKey":"k","createdAt":"2026-03-02T00:00:00Z"}`},
		{400, "TimestampTooOld", "createdAt", "POST", use, `{` + who + `,"amount":1,"idempotencyKey":"k","createdAt":"1970-01-01T00:00:00Z"}`},
		{400, invalid, "dimensions.a", "POST", use, `{` + who + `,"amount":1,"idempotencyKey":"k","dimensions":{"a":[1]}}`},
		{404, "FeatureNotFound", "", "POST", use, `{` + who + `,"amount":1,"idempotencyKey":"k","featureId":"no"}`},
		{400, invalid, "consumptions", "POST", use + "/async", `{"consumptions":[]}`},
		{400, invalid, "consumptions[0].resourceId", "POST", use + "/async", `{"consumptions":[{` + who + `,"amount":1,"idempotencyKey":"k","resourceId":""}]}`},
		{404, "CustomerNotFound", "consumptions[1]", "POST", use + "/async", `{"consumptions":[{` + who + `,"amount":1,"idempotencyKey":"k"},{"customerId":"no","currencyId":"credits","amount":1,"idempotencyKey":"k"}]}`},
		{400, invalid, "events", "POST", events, `{"events":[]}`},
		{400, invalid, "events[1].customerId", "POST", events, `{"events":[{"customerId":"acme",` + ev + `},{` + ev + `}]}`},
		{400, invalid, "events[0].customerId", "POST", events, `{"events":[{"customerId":"a b",` + ev + `}]}`},
		{400, invalid, "events[0].eventName", "POST", events, `{"events":[{"customerId":"acme","eventName":"","idempotencyKey":"x"}]}`},
		{400, invalid, "events[0].timestamp", "POST", events, `{"events":[{"customerId":"acme",` + ev + `,"timestamp":"2026-02-30T00:00:00Z"}]}`},
		{400, invalid, "events[0].timestamp", "POST", events, `{"events":[{"customerId":"acme",` + ev + `,"timestamp":1}]}`},
		{400, invalid, "events[0].dimensions.a", "POST", events, `{"events":[{"customerId":"acme",` + ev + `,"dimensions":{"a":null}}]}`},
		{400, invalid, "events[0].dimensions", "POST", events, `{"events":[{"customerId":"acme",` + ev + `,"dimensions":{"":1}}]}`},
		{400, invalid, "events[0].dimensions.a", "POST", events, `{"events":[{"customerId":"acme",` + ev + `,"dimensions":{"a":1,"a":2}}]}`},
		{400, invalid, "events[0].customerid", "POST", events, `{"events":[{"customerid":"acme",` + ev + `}]}`},
		{400, invalid, "", "POST", events, `{"events":[]} {}`},
		{404, "EventNotFound", "", "GET", events + "/evt_x", ""},
		{404, "EventNotFound", "", "POST", events + "/evt_0000000000zzz/reverse", `{"reason":"r"}`},
		{400, invalid, "reason", "POST", events + "/evt_0000000000001/reverse", `{}`},
		{400, invalid, "status", "GET", events + "?status=NEW", ""},
		{404, "CustomerNotFound", "", "POST", events + "/estimate", `{"customerId":"no","eventName":"llm"}`},
		{400, invalid, "eventName", "POST", events + "/estimate", `{"customerId":"acme"}`},
		{400, invalid, "ttlSeconds", "POST", reserve, `{` + who + `,"amount":1,"reservationId":"r","ttlSeconds":86401}`},
		{400, invalid, "expiresAt", "POST", reserve, `{` + who + `,"amount":1,"reservationId":"r","expiresAt":"2026-03-03T00:00:00Z"}`},
		{400, invalid, "ttlSeconds", "POST", reserve, `{` + who + `,"amount":1,"reservationId":"r","ttlSeconds":1,"expiresAt":"2026-03-01T13:00:00Z"}`},
		{400, invalid, "amount", "POST", reserve, `{` + who + `,"amount":0,"reservationId":"r"}`},
		{400, invalid, "reservationId", "POST", reserve, `{` + who + `,"amount":1,"reservationId":""}`},
		{404, "ReservationNotFound", "", "POST", reserve + "/r/release", `{` + who + `}`},
		{400, invalid, "amount", "POST", reserve + "/r/settle", `{` + who + `,"amount":-1}`},
		{400, invalid, "featureId", "GET", check, ""},
		{400, invalid, "currencyId", "GET", check + "?featureId=calls&currencyId=credits", ""},
		{400, invalid, "requestedUsage", "GET", check + "?currencyId=credits&requestedUsage=-1", ""},
		{400, invalid, "requestedUsage", "GET", check + "?currencyId=credits&requestedUsage=many", ""},
		{400, invalid, "reservationId", "GET", check + "?currencyId=credits&reserveAmount=1", ""},
		{400, invalid, "reserveAmount", "GET", check + "?currencyId=credits&reservationId=r", ""},
		{400, invalid, "currencyId", "GET", check + "?featureId=calls&reservationId=r&reserveAmount=1", ""},
		{400, invalid, "usages", "POST", "/api/v1/usage", `{"usages":[]}`},
		{400, invalid, "usages[0].value", "POST", "/api/v1/usage", `{"usages":[{"customerId":"acme","featureId":"calls","value":1.5}]}`},
		{400, invalid, "usages[0].value", "POST", "/api/v1/usage", `{"usages":[{"customerId":"acme","featureId":"calls","value":9007199254740992}]}`},
		{404, "FeatureNotFound", "usages[0]", "POST", "/api/v1/usage", `{"usages":[{"customerId":"acme","featureId":"no","value":1}]}`},
		{400, invalid, "startDate", "GET", "/api/v1/usage/acme/history/calls", ""},
		{404, "FeatureNotFound", "", "GET", "/api/v1/usage/acme/history/no?startDate=2026-01-01T00:00:00Z", ""},
		{404, "CurrencyNotFound", "", "GET", "/api/v1/credits/auto-recharge?customerId=acme&currencyId=no", ""},
	} {
		a.refused(c.status, c.code, c.field, c.method, c.path, c.body)
	}
	if a.headHash() != head {
		t.Error("a refused request wrote a row")
	}
	if got := a.ok("GET", "/api/v1/events", "").ids(); len(got) != len(held) {
		t.Errorf("a refused request stored an event: %v", got)
	}
	a.refused(404, "CreditGrantNotFound", "", "GET", g+"/"+grant, "", "X-Api-Key", a.foreign)
	a.refused(404, "CustomerNotFound", "", "GET", "/api/v1/credits/ledger?customerId=acme", "", "X-Api-Key", a.foreign)
}
