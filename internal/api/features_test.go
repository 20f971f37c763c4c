package api

import (
	"slices"
	"testing"
)

const featuresPath = "/api/v1/features"

func TestFeatures(t *testing.T) {
	// A feature is made with every member, gets a meter, changes, and is archived and brought back.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", featuresPath, `{"id":"tokens","displayName":"Tokens","featureType":"NUMBER","meterType":"INCREMENTAL","description":"d","featureUnits":"token",
		"featureUnitsPlural":"tokens","metadata":{"k":"v"},"unitTransformation":{"divide":1000,"round":"UP","featureUnits":"k","featureUnitsPlural":"ks"}}`).
		want("data.featureStatus", `"ACTIVE"`, "data.meterType", `"INCREMENTAL"`, "data.enumConfiguration", "null", "data.unitTransformation.divide", "1000",
			"data.unitTransformation.round", `"UP"`, "data.featureUnitsPlural", `"tokens"`, "data.meter", "")
	a.ok("POST", featuresPath, `{"id":"on","displayName":"On","featureType":"BOOLEAN","unitTransformation":null}`).
		want("data.meterType", `"None"`, "data.description", "null", "data.featureUnits", "null", "data.unitTransformation", "null", "data.metadata", "{}")
	a.ok("POST", featuresPath, `{"id":"tier","displayName":"Tier","featureType":"ENUM","featureStatus":"NEW","enumConfiguration":[{"displayName":"Gold","value":"gold"}]}`).
		want("data.enumConfiguration", `[{"displayName":"Gold","value":"gold"}]`, "data.featureStatus", `"NEW"`)
	meter := `{"aggregation":{"field":"n","function":"SUM"},"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"use"},` +
		`{"field":"model","operation":"IN","values":["a","b"]},{"field":"x","operation":"IS_NULL"}]}]}`
	a.ok("PATCH", featuresPath+"/tokens", `{"meter":`+meter+`}`).want("data.meter", meter)
	a.ok("GET", featuresPath+"/tokens", "").want("data.meter", meter, "data.description", `"d"`)
	a.ok("PATCH", featuresPath+"/tokens", `{"displayName":"T","description":"","unitTransformation":null,"metadata":{},"featureUnits":"x"}`).
		want("data.displayName", `"T"`, "data.description", "null", "data.unitTransformation", "null", "data.metadata", "{}", "data.meter", meter)
	a.ok("PATCH", featuresPath+"/tier", `{"enumConfiguration":[]}`).want("data.enumConfiguration", "[]")
	a.ok("POST", featuresPath+"/on/archive", "").want("data.featureStatus", `"SUSPENDED"`)
	list := func(query string, want ...string) {
		t.Helper()
		if got := a.ok("GET", featuresPath+query, "").ids(); !slices.Equal(got, want) {
			t.Errorf("%q lists %v, want %v", query, got, want)
		}
	}
	list("", "tier", "on", "tokens")
	list("?status=SUSPENDED", "on")
	list("?status=NEW&status=ACTIVE", "tier", "tokens")
	list("?featureType=NUMBER,ENUM", "tier", "tokens")
	list("?meterType=None", "tier", "on")
	list("?id=tier", "tier")
	list("?createdAt[gt]=2026-03-01T12:00:00Z")
	list("?createdAt[lte]=2026-03-01T13:00:00%2B01:00", "tier", "on", "tokens")
	a.ok("POST", featuresPath+"/on/unarchive", "").want("data.featureStatus", `"ACTIVE"`)
	if got := a.walk(featuresPath); !slices.Equal(got, []string{"tier", "on", "tokens"}) {
		t.Errorf("walked %v", got)
	}
}

func TestFeatureRefusals(t *testing.T) {
	// What a feature or a meter cannot be is refused with the path of the member.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	const bad = "InvalidArgumentError"
	for body, field := range map[string]string{
		`{"id":"a","displayName":"A"}`:                                                                               "featureType",
		`{"id":"a","displayName":"A","featureType":"number"}`:                                                        "featureType",
		`{"id":"a","displayName":"A","featureType":null}`:                                                            "featureType",
		`{"id":"a","displayName":"A","featureType":"NUMBER","description":null}`:                                     "description",
		`{"id":"a","displayName":"A","featureType":"BOOLEAN","enumConfiguration":[{"displayName":"x","value":"y"}]}`: "enumConfiguration",
		`{"id":"a","displayName":"A","featureType":"NUMBER","unitTransformation":{"divide":0}}`:                      "unitTransformation.divide",
		`{"id":"a","displayName":"A","featureType":"NUMBER","unitTransformation":{"divide":1.5}}`:                    "unitTransformation.divide",
		`{"id":"a","displayName":"A","featureType":"NUMBER","unitTransformation":{"divide":1,"round":"up"}}`:         "unitTransformation.round",
		`{"id":"a","displayName":"A","featureType":"NUMBER","meter":{}}`:                                             "meter",
		`{"id":"a","displayName":"A","featureType":"ENUM","enumConfiguration":[{"value":"x"}]}`:                      "enumConfiguration[0].displayName",
	} {
		a.refused(400, bad, field, "POST", featuresPath, body)
	}
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", featuresPath, `{"id":"calls","displayName":"A","featureType":"NUMBER"}`)
	patch := func(field, body string) {
		t.Helper()
		a.refused(400, bad, field, "PATCH", featuresPath+"/calls", body)
	}
	patch("featureType", `{"featureType":"NUMBER"}`)
	patch("displayName", `{"displayName":null}`)
	patch("meter", `{"meter":null}`)
	patch("meter.filters", `{"meter":{"aggregation":{"function":"COUNT"}}}`)
	patch("meter.aggregation.function", `{"meter":{"aggregation":{"function":"MEDIAN"},"filters":[]}}`)
	patch("meter.filters[0].conditions[0].operation", `{"meter":{"aggregation":{"function":"COUNT"},"filters":[{"conditions":[{"field":"eventName","operation":"LIKE"}]}]}}`)
	patch("meter.filters[0].conditions[0].value", `{"meter":{"aggregation":{"function":"COUNT"},"filters":[{"conditions":[{"field":"eventName","operation":"IN","value":"a","values":["b"]}]}]}}`)
	a.refused(404, "FeatureNotFound", "", "GET", featuresPath+"/none", "")
	a.refused(404, "FeatureNotFound", "", "PATCH", featuresPath+"/none", `{}`)
	a.refused(409, "FeatureInUse", "", "POST", featuresPath+"/calls/archive", "")
}
