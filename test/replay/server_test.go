package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// exact is a JSON number, read from its text.
type exact struct{ *big.Rat }

// UnmarshalJSON takes plain decimals only, as the API promises to write them.
func (e *exact) UnmarshalJSON(text []byte) error {
	if bytes.ContainsAny(text, `eE"`) {
		return fmt.Errorf("%s is not in plain notation", text)
	}
	value, ok := new(big.Rat).SetString(string(text))
	if !ok {
		return fmt.Errorf("%s is not a number", text)
	}
	e.Rat = value
	return nil
}

// reader reads what a server has.
type reader struct {
	t    *testing.T
	base string
}

// get decodes the answer to a GET.
func (r *reader) get(path string, query url.Values, result any) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.base+path+"?"+query.Encode(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("X-API-KEY", process.APIKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		r.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s?%s: %s: %s", path, query.Encode(), response.Status, &body)
	}
	if err := json.Unmarshal(body.Bytes(), result); err != nil {
		r.t.Fatalf("GET %s: %v in %s", path, err, &body)
	}
}

// page is one page of a list.
type page[T any] struct {
	Data       []T
	Pagination struct{ Next *string }
}

// all reads a list to its end. A server that goes on for ever is stopped by the test's own limit.
func all[T any](r *reader, path string, query url.Values) []T {
	r.t.Helper()
	query.Set("limit", "100")
	var items []T
	for {
		var p page[T]
		r.get(path, query, &p)
		items = append(items, p.Data...)
		if p.Pagination.Next == nil {
			return items
		}
		query.Set("after", *p.Pagination.Next)
	}
}

// balanceOf is one pool.
type balanceOf struct {
	Balance       exact
	Held          exact
	Available     exact
	TotalGranted  exact
	TotalConsumed exact
	Deficit       exact
	Seq           int
	HeadHash      string
}

func (r *reader) balance(customer string) balanceOf {
	r.t.Helper()
	balances := all[balanceOf](r, "/api/v1/credits/balances", url.Values{"customerId": {customer}, "currencyId": {creditType}})
	if len(balances) != 1 {
		r.t.Fatalf("%s has %d pools, want 1", customer, len(balances))
	}
	return balances[0]
}

// checkOf is the answer of an entitlement check.
type checkOf struct {
	IsGranted    bool
	UsageLimit   exact
	CurrentUsage exact
	Remaining    exact
}

func (r *reader) check(customer string) checkOf {
	r.t.Helper()
	var answer struct{ Data checkOf }
	r.get("/api/v1/customers/"+customer+"/entitlements/check", url.Values{"currencyId": {creditType}}, &answer)
	return answer.Data
}

// ledgerRow is one row of the ledger.
type ledgerRow struct {
	Seq       int
	EventType string
	EventID   *string
	FeatureID *string
	Amount    exact
	Hash      string
}

func (r *reader) ledger(customer string) []ledgerRow {
	r.t.Helper()
	return all[ledgerRow](r, "/api/v1/credits/ledger", url.Values{"customerId": {customer}, "currencyId": {creditType}})
}

// storedEvent is one event as the server keeps it.
type storedEvent struct {
	ID             string
	IdempotencyKey string
	Timestamp      time.Time
	Status         string
	Burns          []struct {
		FeatureID string
		Cost      exact
	}
}

func (r *reader) events(customer string) []storedEvent {
	r.t.Helper()
	return all[storedEvent](r, "/api/v1/events", url.Values{"customerId": {customer}})
}

// series is one line of the usage chart.
type series struct {
	FeatureID    string
	TotalCredits exact
	EventCount   int
	Points       []struct {
		Timestamp  time.Time
		Value      exact
		EventCount int
	}
}

// usage reads the chart of the last day, which has one bucket an hour.
func (r *reader) usage(customer string) []series {
	r.t.Helper()
	var answer struct {
		Data struct{ Series []series }
	}
	r.get("/api/v1/credits/usage", url.Values{
		"customerId": {customer}, "currencyId": {creditType}, "timeRange": {"LAST_DAY"},
	}, &answer)
	return answer.Data.Series
}
