package credits

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// historyChart turns single uses into the counter of each day.
type historyChart struct {
	days    []ledger.Time // with the end of the last
	windows []UsageWindow // around the end of each day
	series  map[string]*HistorySeries
}

func newHistoryChart(days []ledger.Time, window func(ledger.Time) UsageWindow) *historyChart {
	c := &historyChart{days: days, series: map[string]*HistorySeries{}}
	for _, end := range days[1:] {
		c.windows = append(c.windows, window(end-1))
	}
	return c
}

// add counts a use on its day, unless its period was over at the end of that day. What was used before the first day
// counts on the first. Until history, points hold what each day added.
func (c *historyChart) add(u usedUnit, tags []Tag) {
	name := ""
	for _, t := range tags {
		name += t.Value
	}
	s := c.series[name]
	if s == nil {
		s = c.empty(tags)
		c.series[name] = s
	}
	day, exact := slices.BinarySearch(c.days, u.at)
	if !exact {
		day = max(day-1, 0)
	}
	if u.at >= c.windows[day].From {
		s.Points[day].Value = s.Points[day].Value.Add(u.units)
	}
}

// accumulate turns what each day added into the counter at its end.
func (c *historyChart) accumulate(points []HistoryPoint) {
	for i := 1; i < len(points); i++ {
		if c.windows[i].From == c.windows[i-1].From {
			points[i].Value = points[i].Value.Add(points[i-1].Value)
		}
	}
}

func (c *historyChart) empty(tags []Tag) *HistorySeries {
	s := &HistorySeries{Tags: tags, Points: make([]HistoryPoint, len(c.windows))}
	for i, w := range c.windows {
		s.Points[i] = HistoryPoint{At: c.days[i], Value: amount.Zero, Reset: c.resetOn(i, w)}
	}
	return s
}

// resetOn tells whether a period began on a day.
func (c *historyChart) resetOn(i int, w UsageWindow) bool { return w.Resets() && w.From >= c.days[i] }

// history lists the series by their tags. An undivided counter has one series even if nothing was used.
func (c *historyChart) history(whole bool) *History {
	h := &History{Resets: []ledger.Time{}, Series: []HistorySeries{}}
	for i, w := range c.windows {
		if c.resetOn(i, w) {
			h.Resets = append(h.Resets, w.From)
		}
	}
	if whole && len(c.series) == 0 {
		c.series[""] = c.empty([]Tag{})
	}
	for _, s := range c.series {
		c.accumulate(s.Points)
		h.Series = append(h.Series, *s)
	}
	slices.SortFunc(h.Series, func(a, b HistorySeries) int { return compareTags(a.Tags, b.Tags) })
	return h
}
