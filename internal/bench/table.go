package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// busyMax is the share of the cores that others may use before figures are called into question.
const busyMax = 0.05

// WriteTable prints the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.line("%s", r.Machine)
	if r.Machine.inMemory() {
		t.line("The data is in memory: no sync reaches a disk, so these figures are worth nothing. Choose another --dir.")
	}
	if r.Machine.Busy > busyMax {
		t.line("Something else used %.0f %% of the cores before the run: these figures are too low. Measure on a quiet machine.", 100*r.Machine.Busy)
	}
	t.line("From HTTP request to durable commit, load generator on the same cores; %d customers; %s of %gs.", r.Customers, r.rounds(), r.Seconds)
	for i := range r.Stages {
		r.writeStage(t, &r.Stages[i])
	}
	r.writeExtras(t)
	r.writeGrowth(t)
	r.writeGoals(t)
	return t.w.Flush()
}

// rounds says what the figures are of.
func (r *Report) rounds() string {
	if len(r.Stages) == 0 {
		return "single measurements"
	}
	return fmt.Sprintf("medians of %d interleaved rounds", r.Rounds)
}

// table aligns cells that are separated by bars.
type table struct{ w *tabwriter.Writer }

// line prints a line of its own and ends the table above it.
func (t *table) line(format string, values ...any) { fmt.Fprintf(t.w, format+"\n", values...) }

// row prints a row of a table. The writer's error shows when it is flushed.
func (t *table) row(cells ...string) { fmt.Fprintf(t.w, "%s\t\n", strings.Join(cells, "\t")) }

// writeStage prints rates and ratios, then latencies.
func (r *Report) writeStage(t *table, s *Stage) {
	t.line("\nEvents per second, clients × events in a request, starting with %s events", count(float64(s.Preloaded)))
	pairs := r.comparisons()
	head := append([]string{""}, r.Servers...)
	for _, pair := range pairs {
		head = append(head, pair.over+"/"+pair.under)
	}
	t.row(head...)
	for _, c := range r.cells(s) {
		row := []string{c.String()}
		for _, name := range r.Servers {
			row = append(row, count(s.rate(name, c)))
		}
		for _, pair := range pairs {
			row = append(row, times(ratio(s.rate(pair.over, c), s.rate(pair.under, c))))
		}
		t.row(row...)
	}
	t.line("\nLatency in ms: p50 / p99 / max of all rounds; processor time in µs per event: server + generator")
	t.row(append([]string{""}, r.Servers...)...)
	for _, c := range r.cells(s) {
		row := []string{c.String()}
		for _, name := range r.Servers {
			row = append(row, s.find(name, c).waiting())
		}
		t.row(row...)
	}
	for _, f := range s.Figures {
		if f.Median.Refused > 0 {
			t.line("%s at %s answered %s times that it could not yet, beside %s requests that it took; each was sent again until taken.",
				f.Server, f.Cell, count(float64(f.Median.Refused)), count(float64(f.Median.Requests)))
		}
	}
}

// comparison is a ratio of two servers.
type comparison struct{ over, under string }

// comparisons are those of Scrip with every rival, and of its several nodes with one.
func (r *Report) comparisons() []comparison {
	if !slices.Contains(r.Servers, Scrip) {
		return nil
	}
	var all []comparison
	for _, name := range r.Servers {
		switch {
		case name == Scrip:
		case lineUpOf(name).server == Scrip:
			all = append(all, comparison{name, Scrip})
		default:
			all = append(all, comparison{Scrip, name})
		}
	}
	return all
}

// waiting prints latencies and processor time.
func (f *Figures) waiting() string {
	if f == nil {
		return "-"
	}
	m := f.Median
	return fmt.Sprintf("%s / %s / %s; %s + %s", short(m.P50), short(m.P99), short(m.Max), short(m.ServerMicros), short(m.GeneratorMicros))
}

// cells answers the cells of a stage in the order in which they were measured.
func (r *Report) cells(s *Stage) []Cell {
	var all []Cell
	for _, f := range s.Figures {
		if !slices.Contains(all, f.Cell) {
			all = append(all, f.Cell)
		}
	}
	return all
}

// writeExtras prints the measurements of one server alone.
func (r *Report) writeExtras(t *table) {
	if s := r.Sustained; s != nil {
		t.line("\nSustained for %gs, %s, %s: %s events/s (slowest tenth %s), p50 / p99 / max %s / %s / %s ms", s.Seconds, s.Cell, s.Server,
			count(s.EventsPerSecond), count(s.SlowestTenth), short(s.P50), short(s.P99), short(s.Max))
	}
	if len(r.OpenLoop) > 0 {
		t.line("\nLatency in ms at fixed rates, requests arriving at random moments, from when a request was due")
		t.row("", "server", "offered", "events/s", "p50", "p99", "p99.9", "max")
		for _, o := range r.OpenLoop {
			t.row(o.Cell.String(), o.Server, o.asked(), count(o.EventsPerSecond), short(o.P50), short(o.P99), short(o.P999), short(o.Max))
		}
	}
	if len(r.Checks) > 0 {
		t.line("\nEntitlement checks in ms, from when a check was due")
		t.row("beside", "server", "checks/s", "p50", "p99", "max")
		for _, c := range r.Checks {
			t.row(c.Beside, c.Server, count(c.PerSecond), short(c.P50), short(c.P99), short(c.Max))
		}
	}
	if m := r.Memory; m != nil {
		t.line("\nMemory of %s: idle %s, with %s pools loaded %s; for a pool %.0f bytes resident, %.0f bytes of live heap", m.Server,
			megabytes(m.Idle), count(float64(m.Pools)), megabytes(m.Loaded), m.PerPool, m.PerPoolLiveHeap)
	}
}

// asked prints what rate was asked for.
func (o *OpenLoop) asked() string {
	if o.Asked > 1 {
		return "fixed"
	}
	return fmt.Sprintf("%.0f %%", 100*o.Asked)
}

// writeGoals prints what was promised.
func (r *Report) writeGoals(t *table) {
	if len(r.Goals) == 0 {
		return
	}
	t.line("\nGoals, set for two cores")
	t.row("", "reached", "pass", "aim", "unit", "")
	for _, g := range r.Goals {
		t.row(g.Name, figure(g.Reached), figure(g.Pass), figure(g.Aim), g.Unit, g.Verdict())
	}
}

// figure prints a number of any size.
func figure(value float64) string {
	if value >= 1000 {
		return count(value)
	}
	return short(value)
}

// count prints a whole number with commas between thousands.
func count(value float64) string {
	digits := fmt.Sprintf("%.0f", value)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// short prints a number with about three digits.
func short(value float64) string {
	switch {
	case value >= 100:
		return count(value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// times prints a ratio, or a dash for none.
func times(value float64) string {
	if value == 0 {
		return "-"
	}
	return short(value) + " ×"
}
