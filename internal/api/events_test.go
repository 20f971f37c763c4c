package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// tokens adds to the catalogue a plan "pro" that prices LLM requests by a formula, and subscribes acme to it.
func (a *testAPI) tokens() {
	a.t.Helper()
	a.catalog()
	a.ok("POST", "/api/v1/features", `{"id":"tokens","displayName":"Tokens","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	a.ok("PATCH", "/api/v1/features/tokens", `{"meter":{"aggregation":{"function":"SUM","field":"output_tokens"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"llm"}]}]}}`)
	a.ok("POST", "/api/v1/products", `{"id":"ai","displayName":"AI"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"pro","displayName":"Pro","productId":"ai"}`)
	a.ok("PATCH", "/api/v1/plans/pro", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED","featureId":"tokens",
		"pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":1,
			"costFormula":"(input_tokens * 0.5 + output_tokens * 1.5) / 1000"}}]}]}}`)
	a.ok("POST", "/api/v1/plans/pro/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub-ai","customerId":"acme","planId":"pro"}`)
}

const llmEvent = `{"customerId":"acme","eventName":"llm","idempotencyKey":"e1","dimensions":{"input_tokens":1000,"output_tokens":200,"userId":"u1"}}`

func TestEventIsExplained(t *testing.T) {
	// An event burns what the estimate said, and its explanation holds the formula, the inputs and the rows (S9, S10).
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	a.grant("0.5", `,"priority":1`)
	a.grant("100", "")
	before := a.headHash()
	a.ok("POST", "/api/v1/events/estimate", `{"customerId":"acme","eventName":"llm","dimensions":{"input_tokens":1000,"output_tokens":200}}`).
		want("data.estimates.0.estimatedCost", "0.8", "data.estimates.0.currentBalance", "100.5", "data.estimates.0.balanceAfterEstimate", "99.7",
			"data.estimates.0.wouldOverdraft", "false", "data.estimates.0.breakdown.0.featureId", `"tokens"`, "data.warnings", "[]")
	if a.headHash() != before {
		t.Error("the estimate wrote something")
	}
	result := a.ok("POST", "/api/v1/events/report", `{"events":[`+llmEvent+`]}`)
	result.want("data.0.status", `"RATED"`, "data.0.duplicate", "false", "data.0.burns.0.cost", "0.8", "data.0.burns.0.balance", "99.7")
	detail := a.ok("GET", "/api/v1/events/"+result.text("data.0.eventId"), "")
	detail.want("data.event.kind", `"EVENT"`, "data.event.dimensions.input_tokens", "1000", "data.event.dimensions.userId", `"u1"`,
		"data.ratings.0.formula", `"(input_tokens * 0.5 + output_tokens * 1.5) / 1000"`, "data.ratings.0.rate", "null",
		"data.ratings.0.source", `"PLAN"`, "data.ratings.0.mappingVersion", "1", "data.ratings.0.subscriptionId", `"sub-ai"`,
		"data.ratings.0.units", "200", "data.ratings.0.cost", "0.8", "data.ratings.0.inputs.0.value", `"1000"`,
		"data.ratings.0.meter.aggregation.function", `"SUM"`, "data.rows.0.amount", "-0.5", "data.rows.1.amount", "-0.3",
		"data.rows.1.sourceName", `"Tokens"`, "data.rows.1.endBalance", "99.7", "data.rows.2", "")
	if detail.at("data.rows.1.prevHash") != detail.at("data.rows.0.hash") || detail.at("data.rows.0.prevHash") != before {
		t.Error("the rows of the explanation are not chained to those before")
	}
}

func TestEventDuplicates(t *testing.T) {
	// A repeated key burns once; other dimensions are noticed and the first event stays (S3).
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	a.grant("100", "")
	first := a.ok("POST", "/api/v1/events/report", `{"events":[`+llmEvent+`]}`).text("data.0.eventId")
	head := a.headHash()
	a.ok("POST", "/api/v1/events", `{"events":[`+llmEvent+`,`+llmEvent+`]}`).want("data", "{}")
	a.ok("POST", "/api/v1/events/report", `{"events":[`+strings.Replace(llmEvent, "200", "999", 1)+`]}`).
		want("data.0.duplicate", "true", "data.0.mismatch", "true", "data.0.eventId", `"`+first+`"`, "data.0.burns.0.cost", "0.8", "data.0.burns.0.balance", "99.2")
	if a.headHash() != head {
		t.Error("a duplicate burned")
	}
}

func TestConsumptionDuplicates(t *testing.T) {
	// A direct consumption acts once per key, strictly or not (S3).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("100", "")
	one := `{"customerId":"acme","currencyId":"credits","amount":7.5,"idempotencyKey":"k","dimensions":{"a":1}}`
	id := a.ok("POST", "/api/v1/credits/consumption", one).text("data.eventId")
	a.ok("POST", "/api/v1/credits/consumption", one).want("data.duplicate", "true", "data.eventId", `"`+id+`"`, "data.amount", "7.5")
	a.refused(409, "IdempotencyMismatch", "idempotencyKey", "POST", "/api/v1/credits/consumption", strings.Replace(one, "7.5", "8", 1))
	a.ok("GET", "/api/v1/events/"+id, "").want("data.event.kind", `"CONSUMPTION"`, "data.event.eventName", "null", "data.ratings.0.mappingId", "null")
	if got := a.balance(); got != "92.5" {
		t.Errorf("balance is %s", got)
	}
}

func TestAsyncBatch(t *testing.T) {
	// A thousand items with duplicates are taken once each; one that breaks the contract refuses the whole batch
	// before anything happens (S11).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("2000", "")
	item := func(i int, amount string) string {
		return fmt.Sprintf(`{"customerId":"acme","currencyId":"credits","amount":%s,"idempotencyKey":"k%d"}`, amount, i%900)
	}
	var items []string
	for i := range 1000 {
		items = append(items, item(i, "1"))
	}
	bad := append([]string{}, items...)
	bad[500] = item(500, "0")
	a.refused(400, "InvalidArgumentError", "consumptions[500].amount", "POST", "/api/v1/credits/consumption/async", `{"consumptions":[`+strings.Join(bad, ",")+`]}`)
	if got := a.balance(); got != "2000" {
		t.Errorf("a refused batch took credits: %s", got)
	}
	a.ok("POST", "/api/v1/credits/consumption/async", `{"consumptions":[`+strings.Join(items, ",")+`]}`).want("data", "{}")
	if got := a.balance(); got != "1100" {
		t.Errorf("balance is %s", got)
	}
}

func TestReleasedEventIsUsage(t *testing.T) {
	// An event that was released counts as usage like any other, and one that waits or was dropped does not.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", "/api/v1/events", `{"events":[{"customerId":"later","eventName":"call","idempotencyKey":"a"},
		{"customerId":"later","eventName":"call","idempotencyKey":"b"},{"customerId":"later","eventName":"call","idempotencyKey":"c"}]}`)
	a.ok("POST", "/api/v1/customers", `{"id":"later"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"customerId":"later","planId":"basic"}`)
	page := a.ok("GET", "/api/v1/events?status=QUARANTINED", "")
	a.ok("POST", "/api/v1/events/"+page.text("data.0.id")+"/release", "")
	a.ok("POST", "/api/v1/events/"+page.text("data.1.id")+"/drop", "")
	a.ok("GET", "/api/v1/usage/later/history/calls?startDate=2026-03-01T00:00:00Z", "").want("data.series.0.points.0.value", "1")
}

func TestEventsOfManyShards(t *testing.T) {
	// The events of an environment are one list, newest first, whatever shards their customers are in: the same forwards and
	// backwards, filtered by status too, and undisturbed by what arrives meanwhile.
	t.Parallel()
	a := newShardedAPI(t, 4)
	a.catalog()
	report := func(customer string) string {
		t.Helper()
		a.clock.advance(time.Second)
		return a.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"`+customer+`","eventName":"call","idempotencyKey":"`+a.clock.Now().String()+`"}]}`).
			text("data.0.eventId")
	}
	var all, waiting []string
	for i := range 24 {
		id := report([]string{"acme", "nobody", "a", "b", "c", "d"}[i%6])
		all = append([]string{id}, all...)
		if i%6 != 0 {
			waiting = append([]string{id}, waiting...)
		}
	}
	for path, want := range map[string][]string{"": all, "?status=QUARANTINED": waiting, "?status=QUARANTINED,RATED": all} {
		if got := a.walk("/api/v1/events" + path); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s lists %v, want %v", path, got, want)
		}
	}
	for _, id := range []string{waiting[0], waiting[5]} {
		a.ok("POST", "/api/v1/events/"+id+"/drop", "")
		waiting = slices.DeleteFunc(waiting, func(other string) bool { return other == id })
	}
	if got := a.walk("/api/v1/events?status=QUARANTINED"); fmt.Sprint(got) != fmt.Sprint(waiting) {
		t.Errorf("waiting are %v, want %v", got, waiting)
	}
	first := a.ok("GET", "/api/v1/events?limit=10", "")
	late := report("late")
	second := a.ok("GET", "/api/v1/events?limit=10&after="+first.text("pagination.next"), "")
	if got := append(first.ids(), second.ids()...); fmt.Sprint(got) != fmt.Sprint(all[:20]) {
		t.Errorf("two pages are %v, want %v", got, all[:20])
	}
	if got := a.ok("GET", "/api/v1/events?limit=1", "").ids(); got[0] != late {
		t.Errorf("the newest is %v, want %s", got, late)
	}
	a.refused(400, "InvalidArgumentError", "after", "GET", "/api/v1/events?customerId=a&after="+first.text("pagination.next"), "")
}

func TestReleasedLongAfter(t *testing.T) {
	// An event that a person lets in long after its usage period burns what it would have burned in time: the blocks of the
	// period go on from where they were (semantics 8.3).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.blocks()
	report := func(key, bytes, at string) answer {
		t.Helper()
		return a.ok("POST", "/api/v1/events/report", `{"events":[{"customerId":"acme","eventName":"sent","idempotencyKey":"`+key+`",
			"timestamp":"`+at+`","dimensions":{"bytes":`+bytes+`}}]}`)
	}
	report("a", "400", "2026-03-01T12:00:00Z").want("data.0.burns.0.cost", "1")
	a.clock.advance(70 * 24 * time.Hour)
	report("b", "400", "2026-05-10T12:00:00Z").want("data.0.burns.0.cost", "1")
	for i, late := range []struct{ bytes, cost string }{{"500", "0"}, {"200", "1"}, {"900", "0"}} {
		id := report(fmt.Sprint("late", i), late.bytes, "2026-03-20T00:00:00Z").want("data.0.reason", `"TimestampTooOld"`).text("data.0.eventId")
		a.ok("POST", "/api/v1/events/"+id+"/release", "").want("data.event.burns.0.cost", late.cost)
	}
}

// blocks adds to the catalogue plan "blocks", in which every begun thousand of bytes costs a credit, and subscribes acme to it.
func (a *testAPI) blocks() {
	a.t.Helper()
	a.ok("POST", "/api/v1/features", `{"id":"bytes","displayName":"Bytes","featureType":"NUMBER","meterType":"INCREMENTAL",
		"unitTransformation":{"divide":1000,"round":"UP"}}`)
	a.ok("PATCH", "/api/v1/features/bytes", `{"meter":{"aggregation":{"function":"SUM","field":"bytes"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"sent"}]}]}}`)
	a.ok("POST", "/api/v1/products", `{"id":"b","displayName":"B"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"blocks","displayName":"Blocks","productId":"b"}`)
	a.ok("PATCH", "/api/v1/plans/blocks", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED",
		"featureId":"bytes","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":1}}]}]}}`)
	a.ok("POST", "/api/v1/plans/blocks/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub-blocks","customerId":"acme","planId":"blocks"}`)
}

func TestAsyncQuarantine(t *testing.T) {
	// An item of a batch that cannot be accepted waits in quarantine and fails nothing else. Its key is taken; released, it
	// burns what was asked for, once.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("100", "")
	item := func(key, customer, currency, more string) string {
		return `{"customerId":"` + customer + `","currencyId":"` + currency + `","amount":7,"idempotencyKey":"` + key + `"` + more + `}`
	}
	batch := `{"consumptions":[` + strings.Join([]string{
		item("good", "acme", "credits", ""), item("who", "later", "credits", ""), item("what", "acme", "coins", ""),
		item("why", "acme", "credits", `,"featureId":"nothing"`), item("soon", "acme", "credits", `,"createdAt":"2026-03-01T13:00:00Z"`),
		item("old", "acme", "credits", `,"createdAt":"2025-12-01T00:00:00Z"`),
	}, ",") + `]}`
	a.ok("POST", "/api/v1/credits/consumption/async", batch).want("data", "{}")
	a.ok("POST", "/api/v1/credits/consumption/async", batch).want("data", "{}")
	if got := a.balance(); got != "93" {
		t.Errorf("balance is %s", got)
	}
	page := a.ok("GET", "/api/v1/events?status=QUARANTINED", "")
	page.want("data.0.reason", `"TimestampTooOld"`, "data.1.reason", `"TimestampInFuture"`, "data.2.reason", `"FeatureNotFound"`,
		"data.3.reason", `"CurrencyNotFound"`, "data.4.reason", `"CustomerNotFound"`, "data.4.kind", `"CONSUMPTION"`,
		"data.4.idempotencyKey", `"who"`, "data.4.burns", "[]", "data.5", "")
	who, old := page.text("data.4.id"), page.text("data.0.id")
	a.refused(409, "EventNotRated", "idempotencyKey", "POST", "/api/v1/credits/consumption", item("who", "later", "credits", ""))
	a.refused(422, "CustomerNotFound", "", "POST", "/api/v1/events/"+who+"/release", "")
	a.ok("GET", "/api/v1/events/"+who, "").want("data.ratings.0.units", "7", "data.ratings.0.cost", "0", "data.rows", "[]")
	a.ok("POST", "/api/v1/customers", `{"id":"later"}`)
	for range 2 {
		a.ok("POST", "/api/v1/events/"+who+"/release", "").want("data.event.status", `"RATED"`, "data.event.burns.0.cost", "7",
			"data.rows.0.amount", "-7", "data.rows.0.sourceType", `"CONSUMPTION"`, "data.rows.1", "")
	}
	a.ok("POST", "/api/v1/credits/consumption", item("who", "later", "credits", "")).want("data.duplicate", "true", "data.eventId", `"`+who+`"`)
	a.ok("POST", "/api/v1/events/"+who+"/reverse", `{"reason":"r"}`)
	a.ok("GET", "/api/v1/credits/balances?customerId=later", "").want("data.0.balance", "0")
	a.ok("POST", "/api/v1/events/"+old+"/drop", "").want("data.event.status", `"DROPPED"`, "data.event.burns", "[]", "data.rows", "[]")
	a.refused(409, "EventNotRated", "idempotencyKey", "POST", "/api/v1/credits/consumption", item("old", "acme", "credits", ""))
}

func TestQuarantine(t *testing.T) {
	// An event of an unknown customer waits, and is released or dropped once by a person.
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	late := strings.ReplaceAll(llmEvent, "acme", "later")
	a.ok("POST", "/api/v1/events", `{"events":[`+late+`,`+strings.Replace(late, "e1", "e2", 1)+`]}`)
	page := a.ok("GET", "/api/v1/events?status=QUARANTINED", "")
	page.want("data.0.reason", `"CustomerNotFound"`, "data.0.idempotencyKey", `"e2"`, "data.1.idempotencyKey", `"e1"`, "data.2", "")
	first, second := page.text("data.1.id"), page.text("data.0.id")
	a.refused(422, "CustomerNotFound", "", "POST", "/api/v1/events/"+first+"/release", "")
	a.refused(409, "EventNotUnmapped", "", "POST", "/api/v1/events/"+first+"/rerate", "")
	a.ok("POST", "/api/v1/customers", `{"id":"later"}`)
	a.ok("POST", "/api/v1/subscriptions", `{"id":"sub-later","customerId":"later","planId":"pro","startDate":"2026-02-01T00:00:00Z"}`)
	a.ok("POST", "/api/v1/events/"+first+"/release", `{"reason":"customer was late"}`).
		want("data.event.status", `"RATED"`, "data.event.burns.0.cost", "0.8", "data.rows.0.reason", `"customer was late"`)
	a.ok("POST", "/api/v1/events/"+first+"/release", "").want("data.event.status", `"RATED"`, "data.rows.1", "")
	a.ok("POST", "/api/v1/events/"+second+"/drop", "").want("data.event.status", `"DROPPED"`, "data.rows", "[]")
	a.ok("GET", "/api/v1/events?status=QUARANTINED", "").want("data", "[]")
	a.ok("GET", "/api/v1/events?status=DROPPED&customerId=later", "").want("data.0.id", `"`+second+`"`, "data.1", "")
	a.ok("GET", "/api/v1/customers/later/entitlements/check?currencyId=credits", "").want("data.currentUsage", "0.8")
}

func TestUnmappedAndRerate(t *testing.T) {
	// An event that no meter knows is kept, and rated again on request when the catalogue has learned of it.
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	event := strings.Replace(llmEvent, `"llm"`, `"image"`, 1)
	id := a.ok("POST", "/api/v1/events/report", `{"events":[`+event+`]}`).
		want("data.0.status", `"UNMAPPED"`, "data.0.reason", `"NoMatchingMeter"`, "data.0.burns", "[]").text("data.0.eventId")
	a.ok("GET", "/api/v1/events/"+id, "").want("data.ratings", "[]", "data.rows", "[]")
	a.refused(409, "EventNotRated", "", "POST", "/api/v1/events/"+id+"/reverse", `{"reason":"x"}`)
	a.refused(422, "NoMatchingMeter", "", "POST", "/api/v1/events/"+id+"/rerate", "")
	a.ok("PATCH", "/api/v1/features/calls", `{"meter":{"aggregation":{"function":"COUNT"},
		"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"image"}]}]}}`)
	a.ok("POST", "/api/v1/events/"+id+"/rerate", "").want("data.event.status", `"RATED"`, "data.event.burns.0.cost", "1", "data.ratings.0.rate", "1")
}

func TestRejectedEvents(t *testing.T) {
	// The richer report rejects what lies in the future; the compatible one keeps it in quarantine. Old events wait in both.
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	event := func(key, at string) string {
		return fmt.Sprintf(`{"customerId":"acme","eventName":"llm","idempotencyKey":%q,"timestamp":%q}`, key, at)
	}
	a.ok("POST", "/api/v1/events/report", `{"events":[`+event("a", "2026-03-01T12:06:00Z")+`,`+event("b", "2026-01-01T00:00:00Z")+`,`+event("c", "1970-01-01T00:00:00Z")+`]}`).
		want("data.0.status", `"REJECTED"`, "data.0.reason", `"TimestampInFuture"`, "data.0.eventId", "null",
			"data.1.status", `"QUARANTINED"`, "data.1.reason", `"TimestampTooOld"`, "data.2.status", `"QUARANTINED"`)
	a.ok("POST", "/api/v1/events", `{"events":[`+event("a", "2026-03-01T12:06:00Z")+`]}`)
	a.ok("GET", "/api/v1/events", "").want("data.0.reason", `"TimestampInFuture"`, "data.3", "")
}

func TestReverse(t *testing.T) {
	// A reversal gives back what the event burned, once (W31 in short).
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	a.grant("100", "")
	id := a.ok("POST", "/api/v1/events/report", `{"events":[`+llmEvent+`]}`).text("data.0.eventId")
	a.refused(400, "InvalidArgumentError", "reason", "POST", "/api/v1/events/"+id+"/reverse", `{"reason":" "}`)
	for range 2 {
		a.ok("POST", "/api/v1/events/"+id+"/reverse", `{"reason":"wrong customer"}`).
			want("data.rows.1.eventType", `"CREDITS_CONSUMPTION_REVERSED"`, "data.rows.1.amount", "0.8", "data.rows.1.reason", `"wrong customer"`, "data.rows.2", "")
	}
	if got := a.balance(); got != "100" {
		t.Errorf("balance is %s", got)
	}
	a.ok("GET", "/api/v1/events/"+id, "").want("data.event.reversedAt", `"2026-03-01T12:00:00.000Z"`)
}

func TestUsageSeries(t *testing.T) {
	// The chart adds up to what was consumed, by feature and by dimension, and pages inside data (S12, W33 in short).
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	a.grant("100", "")
	for i, user := range []string{"u1", "u2", "u1", "u3"} {
		a.ok("POST", "/api/v1/events", fmt.Sprintf(`{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"k%d","dimensions":{"userId":%q}}]}`, i, user))
		a.clock.advance(time.Hour)
	}
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":0.5,"idempotencyKey":"direct"}`)
	a.ok("GET", "/api/v1/credits/usage?customerId=acme&timeRange=LAST_DAY", "").want("data.currency.currencyId", `"credits"`,
		"data.series.0.featureId", `"calls"`, "data.series.0.featureName", `"Calls"`, "data.series.0.totalCredits", "4",
		"data.series.0.eventCount", "4", "data.series.0.points.22.value", "1", "data.series.0.points.23.value", "0", "data.series.0.points.24", "",
		"data.series.1.featureId", "null", "data.series.1.totalCredits", "0.5", "data.series.2", "")
	grouped := "/api/v1/credits/usage?customerId=acme&currencyId=credits&groupBy=userId&startDate=2026-03-01T00:00:00Z"
	a.ok("GET", grouped, "").want("data.series.0.totalCredits", "2", "data.series.0.tags", `[{"key":"userId","value":"u1"}]`, "data.series.0.featureId", "null",
		"data.series.3.tags.0.value", `"(none)"`, "data.series.4", "")
	page := a.ok("GET", grouped+"&limit=3", "").want("data.series.3", "", "data.pagination.prev", "null")
	a.ok("GET", grouped+"&limit=3&after="+page.text("data.pagination.next"), "").
		want("data.series.0.totalCredits", "0.5", "data.series.1", "", "data.pagination.next", "null")
	for timeRange, buckets := range map[string]int{"LAST_WEEK": 7, "LAST_MONTH": 30, "LAST_YEAR": 12} {
		a.ok("GET", "/api/v1/credits/usage?customerId=acme&timeRange="+timeRange, "").
			want(fmt.Sprintf("data.series.0.points.%d.value", buckets-1), "4", fmt.Sprintf("data.series.0.points.%d", buckets), "")
	}
	a.ok("POST", "/api/v1/customers", `{"id":"idle"}`)
	a.ok("GET", "/api/v1/credits/usage?customerId=idle", "").want("data.currency", "null", "data.series", "[]")
}

func TestEventListPaging(t *testing.T) {
	// Events are listed newest first, whole and by customer, without gaps or repeats (S13).
	t.Parallel()
	a := newTestAPI(t)
	a.tokens()
	for i := range 7 {
		a.ok("POST", "/api/v1/events", fmt.Sprintf(`{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"k%d"},{"customerId":"nobody","eventName":"call","idempotencyKey":"k%d"}]}`, i, i))
	}
	for query, want := range map[string]int{"": 14, "?customerId=acme": 7, "?status=QUARANTINED": 7, "?status=RATED,QUARANTINED": 14, "?status=RATED": 7, "?customerId=nobody&status=RATED": 0, "?eventName=x": 0, "?endDate=2026-01-01T00:00:00Z": 0, "?status=REJECTED": 0} {
		if got := a.walk("/api/v1/events" + query); len(got) != want {
			t.Errorf("%q lists %d events, want %d", query, len(got), want)
		}
	}
}
