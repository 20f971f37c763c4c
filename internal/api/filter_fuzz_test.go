package api

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
)

// serve sends a request of a fuzz target. The body is not checked against the contract: rubbish is what it is about.
func (a *testAPI) serve(t *testing.T, method, path, query, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.URL.RawQuery = query
	r.Header.Set("X-Api-Key", a.key)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	a.handler.ServeHTTP(rec, r)
	got := answer{t: t, status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
	if got.status >= 500 || !json.Valid(got.body) {
		t.Errorf("%s %s?%q %q → %d %s", method, path, query, body, got.status, got.body)
	}
	return got
}

func FuzzMeterBody(f *testing.F) {
	// Whatever meter a body describes, it is refused with the place of the mistake, or kept as it can be written again. A meter
	// that is kept never counts an event that no condition names.
	a := newTestAPI(f)
	a.ok("POST", "/api/v1/features", `{"id":"calls","displayName":"Calls","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	f.Add(`{"aggregation":{"function":"COUNT"},"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"x"}]}]}`)
	f.Add(`{"aggregation":{"function":"SUM","field":"n"},"filters":[{"conditions":[{"field":"event_name","operation":"IN","values":["a","b"]},
		{"field":"n","operation":"GREATER_THAN","value":"1e3"}]},{"conditions":[{"field":"eventName","operation":"STARTS_WITH","value":"x"}]}]}`)
	f.Add(`{"aggregation":{"function":"UNIQUE","field":"u"},"filters":[{"conditions":[{"field":"eventName","operation":"IS_NOT_NULL"},{"field":"u","operation":"NOT_EQUALS","value":""}]}]}`)
	f.Add(`{"aggregation":{"function":"MAX"},"filters":[{"conditions":[]}]}`)
	f.Fuzz(func(t *testing.T, meter string) {
		const path = "/api/v1/features/calls"
		got := a.serve(t, "PATCH", path, "", `{"meter":`+meter+`}`)
		if got.status != 200 {
			if got.text("field") == "" && got.text("code") == "" {
				t.Errorf("%q → %d %s", meter, got.status, got.body)
			}
			return
		}
		kept := got.at("data.meter")
		if again := a.serve(t, "PATCH", path, "", `{"meter":`+kept+`}`); again.status != 200 || again.at("data.meter") != kept {
			t.Errorf("%q is kept as %s, and that as %d %s", meter, kept, again.status, again.body)
		}
		feature, err := a.credits.Feature(a.environment(t), "calls")
		if err != nil || feature.Meter == nil {
			return
		}
		for _, group := range feature.Meter.Groups {
			named := false
			for _, c := range group {
				named = named || c.Field == "eventName" || c.Field == "event_name"
			}
			if !named {
				t.Errorf("%q is kept with a group that does not look at the event's name", meter)
			}
		}
	})
}

// environment is that of the test's key.
func (a *testAPI) environment(t *testing.T) string {
	t.Helper()
	key, err := a.credits.Authenticate(t.Context(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return key.Environment
}

// ledgerWorld is a server with rows of several types, actors, credit types and resources, at several times.
func ledgerWorld(f *testing.F) *testAPI {
	f.Helper()
	a := newTestAPI(f)
	a.catalog()
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"images","displayName":"Images"}`)
	a.grant("10", `,"expireAt":"2026-03-01T13:30:00Z"`)
	a.grant("5", `,"resourceId":"site"`)
	voided := a.grant("3", "")
	for range 3 {
		a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"images","displayName":"I","amount":1}`)
		a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"images","amount":2,"idempotencyKey":"`+a.clock.Now().String()+`"}`)
		a.ok("POST", "/api/v1/events", `{"events":[{"customerId":"acme","eventName":"call","idempotencyKey":"`+a.clock.Now().String()+`"}]}`)
		a.clock.advance(time.Hour)
	}
	a.ok("POST", "/api/v1/credits/grants/"+voided+"/void", "")
	return a
}

// ledgerRow is what the filters of a ledger look at.
type ledgerRow struct {
	ID, EventType, CreditCurrencyID, CreditGrantID, FeatureID, ResourceID, SourceType string
	Timestamp                                                                         time.Time
	Actor                                                                             struct{ Type string }
}

func rowsOf(t testing.TB, a answer) []ledgerRow {
	t.Helper()
	var page struct{ Data []ledgerRow }
	if err := json.Unmarshal(a.body, &page); err != nil {
		t.Fatal(err)
	}
	return page.Data
}

func FuzzLedgerQuery(f *testing.F) {
	// Whatever a query asks of a ledger, it is refused, or answered with exactly the rows that it describes.
	a := ledgerWorld(f)
	all := rowsOf(f, a.ok("GET", "/api/v1/credits/ledger?customerId=acme&limit=100", ""))
	all = append(all, rowsOf(f, a.ok("GET", "/api/v1/credits/ledger?customerId=acme&resourceId=site&limit=100", ""))...)
	f.Add("customerId=acme&limit=100")
	f.Add("customerId=acme&limit=100&currencyId=images&eventType=CREDITS_GRANTED,CREDITS_CONSUMED")
	f.Add("customerId=acme&limit=100&sourceType=FEATURE&featureId=calls&actorType=API")
	f.Add("customerId=acme&limit=100&resourceId=site&grantId=" + all[len(all)-1].CreditGrantID)
	f.Add("customerId=acme&limit=100&startDate=2026-03-01T12:30:00Z&endDate=2026-03-01T14:30:00.5%2B00:30")
	f.Add("customerId=acme&limit=100&eventType=CREDITS_EXPIRED&actorType=SYSTEM&sourceType=GRANT")
	f.Add("customerId=acme&customerId=acme&eventType=&after=x&limit=0")
	f.Fuzz(func(t *testing.T, raw string) {
		got := a.serve(t, "GET", "/api/v1/credits/ledger", raw, "")
		q, err := url.ParseQuery(raw)
		if got.status != 200 {
			return
		}
		if err != nil || q.Get("after") != "" || q.Get("before") != "" {
			t.Fatalf("%q was accepted", raw)
		}
		want := slices.DeleteFunc(slices.Clone(all), func(r ledgerRow) bool { return !selects(q, r) })
		if limit := first(q, "limit"); limit != "100" {
			return
		}
		ids := func(rows []ledgerRow) (ids []string) {
			for _, r := range rows {
				ids = append(ids, r.ID)
			}
			return ids
		}
		if rows := rowsOf(t, got); !slices.Equal(ids(rows), ids(want)) {
			t.Errorf("%q → %v, want %v", raw, ids(rows), ids(want))
		}
	})
}

// first is the value of a parameter; empty ones count as absent.
func first(q url.Values, name string) string {
	for _, v := range q[name] {
		if v != "" {
			return v
		}
	}
	return ""
}

// selects tells whether an accepted query asks for a row.
func selects(q url.Values, r ledgerRow) bool {
	is := func(name, value string) bool { return first(q, name) == "" || first(q, name) == value }
	types := strings.Split(strings.Join(q["eventType"], ","), ",")
	types = slices.DeleteFunc(types, func(s string) bool { return s == "" })
	from, hasFrom := strictjson.ParseTime(first(q, "startDate"))
	to, hasTo := strictjson.ParseTime(first(q, "endDate"))
	return is("currencyId", r.CreditCurrencyID) && first(q, "resourceId") == r.ResourceID && is("grantId", r.CreditGrantID) &&
		is("featureId", r.FeatureID) && is("sourceType", r.SourceType) && is("actorType", r.Actor.Type) &&
		(len(types) == 0 || slices.Contains(types, r.EventType)) &&
		(!hasFrom || !r.Timestamp.Before(from.Truncate(time.Microsecond))) && (!hasTo || r.Timestamp.Before(to.Truncate(time.Microsecond)))
}
