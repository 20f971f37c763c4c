package api

import (
	"strings"
	"testing"
)

// thresholdsOf is a form of thresholds for one pool.
func thresholdsOf(query string) request {
	r := with("thresholds")
	r.path += query
	return r
}

// badThresholds are bad inputs about thresholds.
var badThresholds = []badInput{
	{"thresholds/percent of zero", with("thresholds", "remainingPercentages", "[50,0]"), invalid + "remainingPercentages"},
	{"thresholds/percent above all", with("thresholds", "remainingPercentages", "[100.01]"), invalid + "remainingPercentages"},
	{"thresholds/negative percent", with("thresholds", "consumedPercentages", `["-5"]`), invalid + "consumedPercentages"},
	{"thresholds/fine percent", with("thresholds", "remainingPercentages", "[33.333]"), invalid + "remainingPercentages"},
	{"thresholds/the same twice", with("thresholds", "remainingPercentages", `[50,"50.00"]`), invalid + "remainingPercentages"},
	{"thresholds/negative amount", with("thresholds", "remainingAmounts", "[-1]"), invalid + "remainingAmounts"},
	{"thresholds/amount too large", with("thresholds", "remainingAmounts", "[1e15]"), invalid + "remainingAmounts[0]"},
	{"thresholds/too many", with("thresholds", "remainingAmounts", "["+strings.Repeat("1,", 20)+"1]"), invalid + "remainingPercentages"},
	{"thresholds/text", with("thresholds", "remainingPercentages", `["half"]`), invalid + "remainingPercentages[0]"},
	{"thresholds/no list", with("thresholds", "remainingPercentages", "50"), invalid + "remainingPercentages"},
	{"thresholds/unknown member", with("thresholds", "percent", "[50]"), invalid + "percent"},
	{"thresholds/a customer without a credit type", thresholdsOf("?customerId=acme"), invalid + "currencyId"},
	{"thresholds/a credit type without a customer", thresholdsOf("?currencyId=credits"), invalid + "customerId"},
	{"thresholds/a resource without a customer", get("/api/v1/credits/thresholds?resourceId=r"), invalid + "customerId"},
	{"thresholds/unknown customer", thresholdsOf("?customerId=nobody&currencyId=credits"), "404 CustomerNotFound"},
	{"thresholds/unknown credit type", thresholdsOf("?customerId=acme&currencyId=gold"), "404 CurrencyNotFound"},
	{"thresholds/bad resource", thresholdsOf("?customerId=acme&currencyId=credits&resourceId=a%20b"), invalid + "resourceId"},
	{"thresholds/unknown parameter", thresholdsOf("?pool=1"), invalid + "pool"},
	{"thresholds/none to remove", request{method: "DELETE", path: "/api/v1/credits/thresholds?customerId=acme&currencyId=credits"}, "404 ThresholdsNotFound"},
}

func TestThresholds(t *testing.T) {
	// Pools follow the environment's thresholds until they have their own; a change takes effect with the next transaction.
	t.Parallel()
	const path, pool = "/api/v1/credits/thresholds", "/api/v1/credits/thresholds?customerId=acme&currencyId=credits"
	a := newTestAPI(t)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"credits","displayName":"Credits"}`)
	a.ok("POST", "/api/v1/customers", `{"id":"acme"}`)
	a.ok("GET", path, "").want("data.remainingPercentages", "[80,50,20]", "data.remainingAmounts", "[]", "data.consumedPercentages", "[80]",
		"data.isOwn", "false", "data.updatedAt", "null")
	a.ok("PUT", path, `{"remainingPercentages":["10",25.5],"consumedPercentages":[]}`).
		want("data.remainingPercentages", "[25.5,10]", "data.consumedPercentages", "[]", "data.isOwn", "true")
	a.ok("GET", pool, "").want("data.remainingPercentages", "[25.5,10]", "data.isOwn", "false")
	a.ok("PUT", pool, `{"remainingAmounts":[40]}`).want("data.remainingPercentages", "[]", "data.remainingAmounts", "[40]", "data.isOwn", "true")
	a.ok("GET", pool+"&resourceId=r1", "").want("data.isOwn", "false")
	a.ok("DELETE", pool, "").want("data.remainingPercentages", "[25.5,10]", "data.isOwn", "false")
	a.ok("DELETE", path, "").want("data.remainingPercentages", "[80,50,20]", "data.isOwn", "false")
	a.refused(404, "ThresholdsNotFound", "", "DELETE", path, "")
	var changes int
	row := a.store.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit WHERE action LIKE 'thresholds.%' AND actor_id <> ''`)
	if err := row.Scan(&changes); err != nil || changes != 4 {
		t.Errorf("%d changes in the audit trail, %v", changes, err)
	}
}
