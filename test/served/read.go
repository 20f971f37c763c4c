package served

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

// balance is a pool as REST shows it.
type balance struct {
	ResourceID    *string     `json:"resourceId"`
	Balance       json.Number `json:"balance"`
	Held          json.Number `json:"held"`
	Available     json.Number `json:"available"`
	TotalGranted  json.Number `json:"totalGranted"`
	TotalConsumed json.Number `json:"totalConsumed"`
}

// noBalance is that of a pool that nothing has happened to. REST does not list such pools.
var noBalance = model.Balance{Settled: "0", Held: "0", Available: "0", TotalGranted: "0", TotalConsumed: "0"}

// Balance implements model.Subject. Unlike other reads it is asked for while the story still tells of the catalogue, and
// must not open the world then.
func (w *World) Balance(p model.Pool) model.Balance {
	if !w.built {
		return noBalance
	}
	for _, b := range list[balance](&w.client, "/api/v1/credits/balances", query(customer, p)) {
		if text(b.ResourceID) == p.Resource {
			return model.Balance{
				Settled: b.Balance.String(), Held: b.Held.String(), Available: b.Available.String(),
				TotalGranted: b.TotalGranted.String(), TotalConsumed: b.TotalConsumed.String(),
			}
		}
	}
	return noBalance
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// row is a ledger row as REST shows it.
type row struct {
	Seq              int64       `json:"seq"`
	TxnID            string      `json:"txnId"`
	Timestamp        time.Time   `json:"timestamp"`
	EventType        string      `json:"eventType"`
	CreditGrantID    string      `json:"creditGrantId"`
	CreditCurrencyID string      `json:"creditCurrencyId"`
	Amount           json.Number `json:"amount"`
	StartBalance     json.Number `json:"startBalance"`
	EndBalance       json.Number `json:"endBalance"`
	EventID          *string     `json:"eventId"`
	EventTimestamp   *time.Time  `json:"eventTimestamp"`
	FeatureID        *string     `json:"featureId"`
	MappingVersion   *int        `json:"mappingVersion"`
	Money            *money      `json:"money"`
	Hash             string      `json:"hash"`
	PrevHash         string      `json:"prevHash"`
}

// rowTypes are the names of rows that REST writes differently, without the prefix.
var rowTypes = map[string]string{
	"CONSUMPTION_TRANSFER_SOURCE": "TRANSFER_SOURCE", "CONSUMPTION_TRANSFER_TARGET": "TRANSFER_TARGET",
}

const rowPrefix = "CREDITS_"

// typeOnWire is the inverse of rowTypes.
func typeOnWire(name string) string {
	for wire, ours := range rowTypes {
		if ours == name {
			return rowPrefix + wire
		}
	}
	return rowPrefix + name
}

// Rows implements model.Subject. The chain of all rows of the pool is checked whenever they are read without a filter.
func (w *World) Rows(p model.Pool, f model.RowFilter) []model.Row {
	w.build()
	names := w.namesIn(p)
	q := query(customer, p)
	if f.Type != "" {
		q.Set("eventType", typeOnWire(f.Type))
	}
	if f.Grant != "" {
		q.Set("grantId", w.find(f.Grant, p).id)
	}
	if f.Feature != "" {
		w.needFeature(f.Feature)
		q.Set("featureId", f.Feature)
	}
	if !f.From.IsZero() {
		q.Set("startDate", instant(f.From))
	}
	if !f.To.IsZero() {
		q.Set("endDate", instant(f.To))
	}
	rows := list[row](&w.client, "/api/v1/credits/ledger", q)
	slices.Reverse(rows)
	if f == (model.RowFilter{}) {
		checkChain(rows)
	}
	var out []model.Row
	for i := range rows {
		out = append(out, w.row(&rows[i], names))
	}
	return out
}

// checkChain panics unless rows are numbered without gaps and each continues the one before.
func checkChain(rows []row) {
	before := row{EndBalance: "0", Hash: strings.Repeat("0", 64)}
	for i, r := range rows {
		if r.Seq != int64(i)+1 || r.StartBalance != before.EndBalance || r.PrevHash != before.Hash {
			panic(fmt.Sprintf("row %+v does not continue %+v", r, before))
		}
		before = r
	}
}

// row translates a row. What the server calls an event although nobody reported it, a settle that came after the
// reservation had timed out, has no event in the story.
func (w *World) row(r *row, names map[string]string) model.Row {
	name, _ := strings.CutPrefix(r.EventType, rowPrefix)
	if ours, ok := rowTypes[name]; ok {
		name = ours
	}
	out := model.Row{
		Txn: r.TxnID, PostedAt: r.Timestamp.UTC(), Type: name, Grant: names[r.CreditGrantID], Amount: r.Amount.String(),
		End: r.EndBalance.String(), Feature: text(r.FeatureID), Event: w.keys[text(r.EventID)],
	}
	if out.Event != "" && r.EventTimestamp != nil {
		out.EventAt = r.EventTimestamp.UTC()
	}
	if r.MappingVersion != nil {
		out.Version = w.version(*r.MappingVersion)
	}
	if r.Money != nil && r.Money.Amount != "0" {
		out.Money = r.Money.model()
	}
	return out
}

// chart is the answer to a usage query.
type chart struct {
	Series []series `json:"series"`
}

type series struct {
	FeatureID    *string     `json:"featureId"`
	TotalCredits json.Number `json:"totalCredits"`
	EventCount   int         `json:"eventCount"`
	Points       []struct {
		Timestamp  time.Time   `json:"timestamp"`
		Value      json.Number `json:"value"`
		EventCount int         `json:"eventCount"`
	} `json:"points"`
}

// Usage implements model.Subject.
func (w *World) Usage(q model.UsageQuery) []model.Series {
	w.build()
	v := query(customer, q.Pool)
	if q.Range != "" {
		v.Set("timeRange", q.Range)
	}
	if !q.From.IsZero() {
		v.Set("startDate", instant(q.From))
		v.Set("endDate", instant(q.To))
	}
	var got chart
	w.must(http.MethodGet, "/api/v1/credits/usage?"+v.Encode(), nil, &got)
	var out []model.Series
	for _, s := range got.Series {
		line := model.Series{ID: text(s.FeatureID), Total: s.TotalCredits.String(), Events: s.EventCount}
		for _, p := range s.Points {
			line.Points = append(line.Points, model.Point{At: p.Timestamp.UTC(), Value: p.Value.String(), Events: p.EventCount})
		}
		if line.ID == "" {
			line.ID = model.NoFeature
			w.forgetLateSettles(q, &line)
		}
		out = append(out, line)
	}
	slices.SortFunc(out, func(a, b model.Series) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// forgetLateSettles takes the settles that came after their reservation had timed out off the number of events: REST counts
// them as the events as which they burn, the model does not.
func (w *World) forgetLateSettles(asked model.UsageQuery, s *model.Series) {
	q := query(customer, asked.Pool)
	q.Set("eventType", typeOnWire("CONSUMED"))
	seen := map[string]bool{}
	for _, r := range list[row](&w.client, "/api/v1/credits/ledger", q) {
		id := text(r.EventID)
		if id == "" || w.keys[id] != "" || seen[id] || !asked.To.IsZero() && !r.EventTimestamp.Before(asked.To) {
			continue
		}
		seen[id] = true
		for i := len(s.Points) - 1; i >= 0; i-- {
			if !r.EventTimestamp.Before(s.Points[i].At) {
				s.Points[i].Events--
				s.Events--
				break
			}
		}
	}
}

// access is the answer to a check.
type access struct {
	IsGranted          bool        `json:"isGranted"`
	AccessDeniedReason *string     `json:"accessDeniedReason"`
	CurrentUsage       json.Number `json:"currentUsage"`
	UsageLimit         json.Number `json:"usageLimit"`
	Remaining          json.Number `json:"remaining"`
	HasSoftLimit       bool        `json:"hasSoftLimit"`
}

// Check implements model.Subject.
func (w *World) Check(q model.CheckQuery) model.Access {
	w.build()
	v := query(customer, q.Pool)
	v.Del("customerId")
	if q.Requested != "" {
		v.Set("requestedUsage", q.Requested)
	}
	var got access
	ask := func() {
		w.must(http.MethodGet, "/api/v1/customers/"+customer+"/entitlements/check?"+v.Encode(), nil, &got)
	}
	if q.Soft {
		w.softly(q.Pool, ask)
	} else {
		ask()
	}
	if got.HasSoftLimit != q.Soft {
		panic(fmt.Sprintf("the check %+v has the soft limit %t", q, got.HasSoftLimit))
	}
	return model.Access{
		Granted: got.IsGranted, Reason: text(got.AccessDeniedReason), Limit: got.UsageLimit.String(),
		Current: got.CurrentUsage.String(), Remaining: got.Remaining.String(),
	}
}

// estimate is the answer to an estimate.
type estimate struct {
	Estimates []struct {
		CurrencyID           string      `json:"currencyId"`
		EstimatedCost        json.Number `json:"estimatedCost"`
		CurrentBalance       json.Number `json:"currentBalance"`
		BalanceAfterEstimate json.Number `json:"balanceAfterEstimate"`
		WouldOverdraft       bool        `json:"wouldOverdraft"`
	} `json:"estimates"`
}

// Estimate implements model.Subject, for one event that happens now.
func (w *World) Estimate(events []model.ReportEvent) model.Cost {
	w.build()
	body := object{"customerId": customer, "eventName": events[0].Name, "dimensions": dimensions(events[0].Dims)}
	if events[0].Resource != "" {
		body["resourceId"] = events[0].Resource
	}
	var got estimate
	w.must(http.MethodPost, "/api/v1/events/estimate", body, &got)
	for _, e := range got.Estimates {
		if e.CurrencyID == model.DefaultCurrency {
			return model.Cost{
				Total: e.EstimatedCost.String(), Balance: e.CurrentBalance.String(), After: e.BalanceAfterEstimate.String(),
				Overdraft: e.WouldOverdraft,
			}
		}
	}
	settled := w.Balance(model.Pool{Currency: model.DefaultCurrency}).Settled
	return model.Cost{Total: "0", Balance: settled, After: settled}
}
