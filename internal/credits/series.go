package credits

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Ranges of a usage query (semantics 14).
const (
	LastDay   = "LAST_DAY"
	LastWeek  = "LAST_WEEK"
	LastMonth = "LAST_MONTH"
	LastYear  = "LAST_YEAR"
)

// groupKeysMax is how many dimensions a query may group by.
const groupKeysMax = 3

// noValue stands for a dimension that an event did not carry.
const noValue = "(none)"

// UsageQuery asks where the credits of a pool went, by event time (semantics 14).
type UsageQuery struct {
	Pool    ledger.Key
	Range   string       // LAST_DAY, LAST_WEEK, LAST_MONTH (also when empty) or LAST_YEAR
	From    *ledger.Time // instead of Range; moved down to the start of its bucket
	Through *ledger.Time // end, excluded; now when nil; moved up to the end of its bucket
	GroupBy []string     // dimension keys; by feature when empty
}

// UsageSeries is one line of the chart. Every bucket of the window is present.
type UsageSeries struct {
	Feature string // empty when grouped by dimensions, or for consumption without a feature
	Tags    []Tag
	Total   amount.Amount
	Events  uint64
	Points  []UsagePoint
}

// Tag is one dimension and its value.
type Tag struct{ Key, Value string }

// UsagePoint is one bucket.
type UsagePoint struct {
	At      ledger.Time // its start
	Credits amount.Amount
	Events  uint64
}

// Usage returns the series of a window, the largest total first. Consumption less reversals, overdraft included; grants,
// transfers and expiry do not count.
func (s *Service) Usage(ctx context.Context, q UsageQuery) ([]UsageSeries, error) {
	if _, err := s.Pool(ctx, q.Pool); err != nil {
		return nil, err
	}
	if len(q.GroupBy) > groupKeysMax {
		return nil, invalidf("groupBy", "at most %d dimensions are allowed", groupKeysMax)
	}
	starts, err := q.buckets(s.clock(q.Pool.Environment))
	if err != nil {
		return nil, err
	}
	chart := newChart(starts)
	if len(q.GroupBy) > 0 {
		err = s.usageByDimension(ctx, q, chart)
	} else {
		err = s.usageByFeature(ctx, q, chart)
	}
	return chart.result(), err
}

func (s *Service) usageByFeature(ctx context.Context, q UsageQuery, c *chart) error {
	cells, err := s.engine.Usage(ctx, q.Pool, c.fromHour(), c.toHour())
	for _, cell := range cells {
		c.add(cell.Feature, UsageSeries{Feature: cell.Feature}, ledger.Time(cell.Hour)*hourMicros, cell.Credits, cell.Events)
	}
	return err
}

func (s *Service) usageByDimension(ctx context.Context, q UsageQuery, c *chart) error {
	return s.engine.UsageEntries(ctx, q.Pool, c.fromHour(), c.toHour(), func(e *engine.Entry, rows []engine.LedgerRow) {
		tags := tagsOf(e, q.GroupBy)
		name := ""
		for _, t := range tags {
			name += t.Value + "\x00"
		}
		counted := false
		for i := range rows {
			row := &rows[i]
			if row.Type != ledger.Consumed && row.Type != ledger.ConsumptionReversed {
				continue
			}
			at := row.PostedAt
			if row.Cause.EventAt != 0 {
				at = row.Cause.EventAt
			}
			events := uint64(0)
			if row.Type == ledger.Consumed && e.Event != nil && !counted {
				events, counted = 1, true
			}
			c.add(name, UsageSeries{Tags: tags}, at, row.Amount.Neg(), events)
		}
	})
}

func tagsOf(e *engine.Entry, keys []string) []Tag {
	tags := make([]Tag, len(keys))
	for i, key := range keys {
		tags[i] = Tag{Key: key, Value: noValue}
		if e.Event == nil {
			continue
		}
		if d, ok := e.Event.Dims.Get(key); ok {
			tags[i].Value = d.Text
		}
	}
	return tags
}

const hourMicros = ledger.Time(3600 * 1e6)

// chart collects series over the buckets of a window. starts has one more member than there are buckets: the end.
type chart struct {
	starts []ledger.Time
	series map[string]*UsageSeries
}

func newChart(starts []ledger.Time) *chart {
	return &chart{starts: starts, series: map[string]*UsageSeries{}}
}

func (c *chart) fromHour() int64 { return int64(c.starts[0] / hourMicros) }
func (c *chart) toHour() int64   { return int64(c.starts[len(c.starts)-1] / hourMicros) }

func (c *chart) add(name string, empty UsageSeries, at ledger.Time, credits amount.Amount, events uint64) {
	i, exact := slices.BinarySearch(c.starts, at)
	if !exact {
		i--
	}
	if i < 0 || i >= len(c.starts)-1 {
		return
	}
	s := c.series[name]
	if s == nil {
		s = &empty
		for _, start := range c.starts[:len(c.starts)-1] {
			s.Points = append(s.Points, UsagePoint{At: start})
		}
		c.series[name] = s
	}
	p := &s.Points[i]
	p.Credits, p.Events = p.Credits.Add(credits), p.Events+events
	s.Total, s.Events = s.Total.Add(credits), s.Events+events
}

func (c *chart) result() []UsageSeries {
	list := make([]UsageSeries, 0, len(c.series))
	for _, s := range c.series {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b UsageSeries) int {
		return cmp.Or(b.Total.Cmp(a.Total), strings.Compare(a.Feature, b.Feature), compareTags(a.Tags, b.Tags))
	})
	return list
}

func compareTags(a, b []Tag) int {
	return slices.CompareFunc(a, b, func(x, y Tag) int { return strings.Compare(x.Value, y.Value) })
}

// bucketsMax bounds what one query may return: two years of days, or a hundred years of months.
const bucketsMax = 1200

// buckets returns the starts of the window's buckets and its end, aligned to UTC.
func (q *UsageQuery) buckets(now ledger.Time) ([]ledger.Time, error) {
	if q.From != nil {
		return q.chosen(now)
	}
	last := time.UnixMicro(int64(now)).UTC()
	switch q.Range {
	case LastDay:
		return ending(last.Truncate(time.Hour), 24, stepHour), nil
	case LastWeek:
		return ending(dayOf(last), 7, stepDay), nil
	case LastMonth, "":
		return ending(dayOf(last), 30, stepDay), nil
	case LastYear:
		return ending(monthOf(last), 12, stepMonth), nil
	}
	return nil, oneOf("timeRange", q.Range, LastDay, LastWeek, LastMonth, LastYear)
}

// chosen is the window of explicit dates: hours up to three days, days up to ninety-two, months beyond.
func (q *UsageQuery) chosen(now ledger.Time) ([]ledger.Time, error) {
	through := now + 1 // what happens now counts, also at the very end of a bucket
	if q.Through != nil {
		through = *q.Through
	}
	if through <= *q.From {
		return nil, Invalid("endDate", "must be after startDate")
	}
	from, length := time.UnixMicro(int64(*q.From)).UTC(), time.Duration(through-*q.From)*time.Microsecond
	start, step := monthOf(from), stepMonth
	switch {
	case length <= 3*24*time.Hour:
		start, step = from.Truncate(time.Hour), stepHour
	case length <= 92*24*time.Hour:
		start, step = dayOf(from), stepDay
	}
	starts := []ledger.Time{ledger.Time(start.UnixMicro())}
	for n := 1; starts[len(starts)-1] < through; n++ {
		if n > bucketsMax {
			return nil, invalidf("startDate", "the window has more than %d months", bucketsMax)
		}
		starts = append(starts, ledger.Time(step(start, n).UnixMicro()))
	}
	return starts, nil
}

// ending lists n buckets of which the last one starts at last, and the end.
func ending(last time.Time, n int, step func(time.Time, int) time.Time) []ledger.Time {
	starts := make([]ledger.Time, n+1)
	for i := range starts {
		starts[i] = ledger.Time(step(last, i-n+1).UnixMicro())
	}
	return starts
}

func stepHour(t time.Time, n int) time.Time  { return t.Add(time.Duration(n) * time.Hour) }
func stepDay(t time.Time, n int) time.Time   { return t.AddDate(0, 0, n) }
func stepMonth(t time.Time, n int) time.Time { return t.AddDate(0, n, 0) } // t is the first of a month

func dayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func monthOf(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }
