package api

// badCredits are rows about what moves credits that need a real grant, something archived, or a body of their own.
func (w *badWorld) badCredits() []badInput {
	const grants, check = "/api/v1/credits/grants", "/api/v1/customers/acme/entitlements/check"
	grant := grants + "/" + w.grantID
	return []badInput{
		{"grant/to an archived customer", with("grant", "customerId", `"gone"`), "409 CustomerIsArchived"},
		{"grant/of an archived currency", with("grant", "currencyId", `"old"`), "409 CreditTypeArchived"},
		{"grant/long comment", with("grant", "comment", quoted("c", 256)), invalid + "comment"},
		{"grant/empty key", with("grant", "idempotencyKey", `""`), invalid + "idempotencyKey"},
		{"grant/that nobody has", get(grants + "/cred-grant-0000000000zzz"), "404 CreditGrantNotFound"},
		{"grant/void of what is no grant", request{"POST", grants + "/x/void", "", nil}, "404 CreditGrantNotFound"},
		{"grant/lowered to nothing", request{"PATCH", grant, `{"amount":0}`, nil}, invalid + "amount"},
		{"grant/start moved after it started", request{"PATCH", grant, `{"effectiveAt":"2026-05-01T00:00:00Z"}`, nil}, invalid + "effectiveAt"},
		{"grant/list of nobody", get(grants), invalid + "customerId"},
		{"grant/list since yesterday", get(grants + "?customerId=acme&createdAt[gte]=yesterday"), invalid + "createdAt[gte]"},
		{"grant/list with an unknown bound", get(grants + "?customerId=acme&createdAt[eq]=2026-01-01T00:00:00Z"), invalid + "createdAt[eq]"},
		{"consumption/of an archived customer", with("consumption", "customerId", `"gone"`), "409 CustomerIsArchived"},
		{"consumption/of an unknown currency", with("consumption", "currencyId", `"nothing"`), "404 CurrencyNotFound"},
		{"consumption/for an unknown feature", with("consumption", "featureId", `"nothing"`), "404 FeatureNotFound"},
		{"consumption/for no feature", with("consumption", "featureId", `""`), invalid + "featureId"},
		{"consumption/without a key", with("consumption", "idempotencyKey", ""), invalid + "idempotencyKey"},
		{"consumption/long key", with("consumption", "idempotencyKey", quoted("k", 256)), invalid + "idempotencyKey"},
		{"consumption/at the epoch", with("consumption", "createdAt", `"1970-01-01T00:00:00Z"`), "400 TimestampTooOld createdAt"},
		{"consumption/list as a dimension", with("consumption", "dimensions", `{"a":[1]}`), invalid + "dimensions.a"},
		{"consumptions/bad customer", with("consumptions", "customerId", `"a b"`), invalid + "consumptions[0].customerId"},
		{"consumptions/bad currency", with("consumptions", "currencyId", `"a b"`), invalid + "consumptions[0].currencyId"},
		{"consumptions/bad resource", with("consumptions", "resourceId", `""`), invalid + "consumptions[0].resourceId"},
		{"reservation/empty id", with("reservation", "reservationId", `""`), invalid + "reservationId"},
		{"reservation/release of none", request{"POST", "/api/v1/credits/reservations/none/release", `{"customerId":"acme","currencyId":"credits"}`, nil}, "404 ReservationNotFound"},
		{"reservation/settle with an empty key", with("settle", "idempotencyKey", `""`), invalid + "idempotencyKey"},
		{"event/trailing data", raw("event", `{"events":[]} {}`), invalid},
		{"event/status of none", get("/api/v1/events?status=NEW"), invalid + "status"},
		{"event/reversal of none", request{"POST", "/api/v1/events/evt_0000000000zzz/reverse", `{"reason":"r"}`, nil}, "404 EventNotFound"},
		{"estimate/unknown customer", with("estimate", "customerId", `"nobody"`), "404 CustomerNotFound"},
		{"estimate/without a name", with("estimate", "eventName", ""), invalid + "eventName"},
		{"check/of two things", get(check + "?featureId=calls&currencyId=credits"), invalid + "currencyId"},
		{"check/usage below zero", get(check + "?currencyId=credits&requestedUsage=-1"), invalid + "requestedUsage"},
		{"check/usage as text", get(check + "?currencyId=credits&requestedUsage=many"), invalid + "requestedUsage"},
		{"check/reservation of nothing", get(check + "?currencyId=credits&reservationId=r"), invalid + "reserveAmount"},
		{"check/reservation by feature", get(check + "?featureId=calls&reservationId=r&reserveAmount=1"), invalid + "currencyId"},
		{"usage/history of an unknown feature", get("/api/v1/usage/acme/history/no?startDate=2026-01-01T00:00:00Z"), "404 FeatureNotFound"},
		{"auto-recharge/unknown currency", get("/api/v1/credits/auto-recharge?customerId=acme&currencyId=no"), "404 CurrencyNotFound"},
		{"query/of a POST", request{"POST", "/api/v1/customers?dryRun=true", `{"id":"new"}`, nil}, invalid + "dryRun"},
		{"query/of a DELETE", request{"DELETE", "/api/v1/plans/draft/draft?force=1", "", nil}, invalid + "force"},
	}
}
