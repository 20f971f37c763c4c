package model

import (
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"
)

// Balance implements Subject.
func (m *Model) Balance(key Pool) Balance {
	p := m.replayed.pool(key)
	granted, consumed := zero, p.deficit()
	for _, g := range p.grants {
		if g.kind != Overdraft && g.statusAt(m.replayed.now) == "ACTIVE" {
			granted, consumed = add(granted, g.amount), add(consumed, g.consumed)
		}
	}
	return Balance{
		Settled: decimal(p.balance()), Held: decimal(p.held()), Available: decimal(p.available()),
		TotalGranted: decimal(granted), TotalConsumed: decimal(consumed),
	}
}

// Grants implements Subject.
func (m *Model) Grants(key Pool) []Grant {
	p := m.replayed.pool(key)
	var list []Grant
	for _, g := range p.grants {
		list = append(list, Grant{
			Ref: g.ref, Kind: g.kind, Status: g.statusAt(m.replayed.now), Amount: decimal(g.amount),
			Consumed: decimal(g.consumed), Expired: decimal(g.expired), Voided: decimal(g.voided),
			Remaining: decimal(g.remaining()), Held: decimal(p.pinned(g)), Depleted: g.depleted,
		})
	}
	return list
}

// Rows implements Subject.
func (m *Model) Rows(key Pool, f RowFilter) []Row {
	var list []Row
	for _, r := range m.replayed.pool(key).rows {
		v := r.view()
		if f.Keeps(v) {
			list = append(list, v)
		}
	}
	return list
}

func (r *row) view() Row {
	v := Row{
		Txn: strconv.Itoa(r.txn), PostedAt: r.posted, Type: r.typ, Grant: r.grant.ref, Amount: decimal(r.amount),
		End: decimal(r.end), Event: r.event, EventAt: r.eventAt, Feature: r.feature, Version: r.version,
	}
	if r.money.Sign() != 0 {
		v.Money = Money{decimal(r.money), r.currency}
	}
	return v
}

// Keeps says whether a row passes the filter.
func (f RowFilter) Keeps(r Row) bool {
	return (f.Type == "" || f.Type == r.Type) && (f.Grant == "" || f.Grant == r.Grant) &&
		(f.Feature == "" || f.Feature == r.Feature) &&
		(f.From.IsZero() || !r.PostedAt.Before(f.From)) && (f.To.IsZero() || r.PostedAt.Before(f.To))
}

// Check implements Subject.
func (m *Model) Check(q CheckQuery) Access {
	b := m.Balance(q.Pool)
	remaining := number(b.Available)
	ok := remaining.Sign() > 0
	if q.Requested != "" {
		ok = remaining.Cmp(number(q.Requested)) >= 0
	}
	a := Access{
		Granted: ok || q.Soft, Limit: b.TotalGranted, Remaining: b.Available,
		Current: decimal(sub(number(b.TotalGranted), remaining)),
	}
	if !a.Granted {
		a.Reason = Insufficient
	}
	return a
}

// Estimate implements Subject.
func (m *Model) Estimate(events []ReportEvent) Cost {
	w := newWorld()
	for _, c := range m.commands {
		w.do(c)
	}
	total := zero
	for _, e := range events {
		at := e.At
		if at.IsZero() {
			at = w.now
		}
		priced := w.price(e, at)
		priced.remember()
		for _, c := range priced.costs {
			total = add(total, c.credits)
		}
	}
	p := w.pool(Pool{Currency: DefaultCurrency})
	return Cost{
		Total: decimal(total), Balance: decimal(p.balance()), After: decimal(sub(p.balance(), total)),
		Overdraft: total.Cmp(p.available()) > 0,
	}
}

// Usage implements Subject.
func (m *Model) Usage(q UsageQuery) []Series {
	return UsageOf(m.Rows(q.Pool, RowFilter{}), q, m.replayed.now)
}

// NoFeature is the id of the series of usage under no feature.
const NoFeature = "(none)"

// UsageOf computes usage series from the rows of a pool, by reading all of them.
func UsageOf(rows []Row, q UsageQuery, now time.Time) []Series {
	starts, end := buckets(q, now)
	byFeature := map[string]*series{}
	for _, r := range rows {
		at := r.EventAt
		if at.IsZero() {
			at = r.PostedAt
		}
		i := bucketOf(starts, end, at)
		if i < 0 || r.Type != "CONSUMED" && r.Type != "CONSUMPTION_REVERSED" {
			continue
		}
		id := r.Feature
		if id == "" {
			id = NoFeature
		}
		if byFeature[id] == nil {
			byFeature[id] = newSeries(len(starts))
		}
		byFeature[id].count(i, r)
	}
	var list []Series
	for _, id := range slices.Sorted(maps.Keys(byFeature)) {
		list = append(list, byFeature[id].view(id, starts))
	}
	return list
}

type series struct {
	values []*big.Rat
	events []map[string]bool
}

func newSeries(n int) *series {
	s := &series{}
	for range n {
		s.values = append(s.values, zero)
		s.events = append(s.events, map[string]bool{})
	}
	return s
}

func (s *series) count(i int, r Row) {
	s.values[i] = sub(s.values[i], number(r.Amount))
	if r.Type == "CONSUMED" && r.Event != "" {
		s.events[i][r.Event+" "+r.EventAt.String()] = true
	}
}

func (s *series) view(id string, starts []time.Time) Series {
	total, events := zero, 0
	v := Series{ID: id}
	for i, at := range starts {
		total, events = add(total, s.values[i]), events+len(s.events[i])
		v.Points = append(v.Points, Point{at, decimal(s.values[i]), len(s.events[i])})
	}
	v.Total, v.Events = decimal(total), events
	return v
}

// bucketOf finds the bucket of an instant, -1 outside the window.
func bucketOf(starts []time.Time, end, at time.Time) int {
	if !at.Before(end) {
		return -1
	}
	for i := len(starts) - 1; i >= 0; i-- {
		if !at.Before(starts[i]) {
			return i
		}
	}
	return -1
}

// buckets gives the starts of the buckets of a query and the end of the last one (semantics 14).
func buckets(q UsageQuery, now time.Time) ([]time.Time, time.Time) {
	step, count, from := byHour, 24, now
	switch q.Range {
	case "LAST_DAY":
	case "LAST_WEEK":
		step, count = byDay, 7
	case "LAST_MONTH":
		step, count = byDay, 30
	case "LAST_YEAR":
		step, count = byMonth, 12
	default:
		return bucketsBetween(q.From, q.To)
	}
	from = step(now, 1-count)
	var starts []time.Time
	for i := range count {
		starts = append(starts, step(from, i))
	}
	return starts, step(from, count)
}

func bucketsBetween(from, to time.Time) ([]time.Time, time.Time) {
	step := byMonth
	switch length := to.Sub(from); {
	case length <= 3*24*time.Hour:
		step = byHour
	case length <= 92*24*time.Hour:
		step = byDay
	}
	var starts []time.Time
	for at := step(from, 0); at.Before(to); at = step(at, 1) {
		starts = append(starts, at)
	}
	return starts, to
}

// byHour, byDay and byMonth give the start of the bucket n after the one of t.
func byHour(t time.Time, n int) time.Time {
	return t.Truncate(time.Hour).Add(time.Duration(n) * time.Hour)
}

func byDay(t time.Time, n int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+n, 0, 0, 0, 0, time.UTC)
}

func byMonth(t time.Time, n int) time.Time {
	return time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}
