package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// sampleReport is a report with every part.
func sampleReport() *Report {
	r := &Report{
		Machine:   Machine{Processor: "Example CPU", Cores: 2, MemoryMB: 7900, System: "linux 6.1", FileSystem: "ext4", SyncMicros: 251.4, Go: "go1.26", Database: "SQLite"},
		Customers: 10_000, Rounds: 2, Seconds: 5, Servers: []string{Scrip, rival.Usual, rival.Floor},
		Stages:    []Stage{{}, {Preloaded: 5_000_000}},
		Sustained: &Sustained{Server: Scrip, Cell: largest, Seconds: 60, Measure: Measure{EventsPerSecond: 130_000, Latency: Latency{20, 40, 60, 90}}, SlowestTenth: 101_000},
		OpenLoop:  []OpenLoop{{Scrip, batch, half, 50_000, Latency{2, 9, 20, 31}}, {Scrip, batch, 30_000, 30_000, Latency{2, 8, 10, 12}}},
		Checks:    []Check{{Scrip, "nothing", 500, Latency{0.2, 0.5, 2, 3}}},
		Memory:    &Memory{Server: Scrip, Idle: 40e6, Loaded: 60e6, Pools: 10_000, PerPool: 2000, PerPoolLiveHeap: 800},
	}
	measure := func(rate float64) Measure {
		return Measure{EventsPerSecond: rate, Latency: Latency{1.5, 12, 50, 130}, Requests: 10, ServerMicros: 8.25, GeneratorMicros: 0.5}
	}
	for i, rates := range [][]float64{{100_000, 5000, 200_000}, {85_000, 1000, 200_000}} {
		for j, name := range r.Servers {
			r.Stages[i].add(name, batch, measure(rates[j]))
			r.Stages[i].add(name, batch, measure(rates[j]*1.02))
		}
	}
	r.Goals = r.goals()
	return r
}

func TestTable(t *testing.T) {
	// The table shows every figure, ratio and verdict, in columns.
	t.Parallel()
	const want = `
Example CPU, 2 cores, 8 GB, linux 6.1, ext4 (append and sync of 4 kB: 251 µs), go1.26, SQLite
From HTTP request to durable commit, load generator on the same cores; 10000 customers; medians of 2 interleaved rounds of 5s.

Events per second, clients × events in a request, starting with 0 events
           scrip  usual    floor  scrip/usual  scrip/floor
  8 × 100  101,000  5,050  202,000       20.0 ×       0.50 ×

Latency in ms: p50 / p99 / max of all rounds; processor time in µs per event: server + generator
                               scrip                            usual                            floor
  8 × 100  1.50 / 12.0 / 130; 8.25 + 0.50  1.50 / 12.0 / 130; 8.25 + 0.50  1.50 / 12.0 / 130; 8.25 + 0.50
`
	var out bytes.Buffer
	if err := sampleReport().WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut("\n"+out.String(), "\nEvents per second, clients × events in a request, starting with 5,000,000")
	if diff := cmp.Diff(squeeze(want), squeeze(got)); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	for _, line := range []string{
		"starting with 5,000,000 events", "Sustained for 60s, 4 × 1000, scrip: 130,000 events/s (slowest tenth 101,000), p50 / p99 / max 20.0 / 40.0 / 90.0 ms",
		"8 × 100 scrip 50 % 50,000 2.00 9.00 20.0 31.0", "8 × 100 scrip fixed 30,000 2.00 8.00 10.0 12.0", "nothing scrip 500 0.20 0.50 3.00",
		"Memory of scrip: idle 40.0 MB, with 10,000 pools loaded 60.0 MB; for a pool 2000 bytes resident, 800 bytes of live heap",
	} {
		if !strings.Contains(squeeze(out.String()), line) {
			t.Errorf("%q is missing in:\n%s", line, &out)
		}
	}
}

// squeeze makes one space of each run of spaces: how wide columns are is not what matters.
func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestTableWarns(t *testing.T) {
	// Figures without a disk are called worthless, and those of a busy machine too low.
	t.Parallel()
	r := sampleReport()
	r.Machine.FileSystem, r.Machine.Busy = "tmpfs", 0.31
	var out bytes.Buffer
	err := r.WriteTable(&out)
	if text := out.String(); err != nil || !strings.Contains(text, "worth nothing") || !strings.Contains(text, "used 31 % of the cores") {
		t.Errorf("%v:\n%s", err, text)
	}
}

func TestGoals(t *testing.T) {
	// Each goal compares the right figures and knows on which side of its limits it is.
	t.Parallel()
	want := map[string]string{
		"sustained, 4 × 1000":                    "130,000 pass",
		"against the usual service, 8 × 100":     "20.0 pass",
		"share of the floor, 8 × 100":            "0.50 aim",
		"preloaded against empty, 8 × 100":       "0.85 aim",
		"half load, p99, 8 × 100":                "9.00 pass",
		"half load, maximum, 8 × 100":            "31.0 pass",
		"entitlement check, p99, beside nothing": "0.50 aim",
		"memory, idle":                           "40.0 aim",
		"memory for a loaded pool":               "800 aim",
	}
	expectGoals(t, want, sampleReport().Goals)
}

// expectGoals compares what was reached with what should have been, by the names of the goals.
func expectGoals(t *testing.T, want map[string]string, goals []Goal) {
	t.Helper()
	got := map[string]string{}
	for _, g := range goals {
		got[g.Name] = figure(g.Reached) + " " + g.Verdict()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("goals (-want +got):\n%s", diff)
	}
}

func TestSeveralNodesAreComparedWithOne(t *testing.T) {
	// Nodes have a column and a ratio to one node, and a goal each.
	t.Parallel()
	r := sampleReport()
	for i, name := range NodeNames(Scrip, 2) {
		r.Servers = append(r.Servers, name)
		r.Stages[0].add(name, batch, Measure{EventsPerSecond: []float64{50_500, 98_980}[i], Requests: 12, Refused: 7 * i})
	}
	expectGoals(t, map[string]string{
		"scrip-2-nodes against one node, 8 × 100":  "0.50 missed",
		"scrip-2-routed against one node, 8 × 100": "0.98 aim",
	}, r.nodeGoals())
	var out bytes.Buffer
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"scrip usual floor scrip-2-nodes scrip-2-routed scrip/usual scrip/floor scrip-2-nodes/scrip scrip-2-routed/scrip",
		"8 × 100 101,000 5,050 202,000 50,500 98,980 20.0 × 0.50 × 0.50 × 0.98 ×",
		"scrip-2-routed at 8 × 100 answered 7 times that it could not yet, beside 12 requests that it took; each was sent again until taken.",
	} {
		if !strings.Contains(squeeze(out.String()), line) {
			t.Errorf("%q is missing in:\n%s", line, &out)
		}
	}
}

func TestGoalsOnPostgreSQL(t *testing.T) {
	// On PostgreSQL the goals are its own, with the stored function beside the client SQL.
	t.Parallel()
	r := sampleReport()
	r.Machine.Database = "PostgreSQL 15.8"
	r.Sustained.Cell = batch
	r.Stages[0].add(rival.Function, batch, Measure{EventsPerSecond: 10_000})
	want := map[string]string{
		"sustained, 8 × 100":                   "130,000 aim",
		"against the usual service, 8 × 100":   "20.0 missed",
		"against the stored function, 8 × 100": "10.1 pass",
		"share of the floor, 8 × 100":          "0.50 aim",
	}
	expectGoals(t, want, r.speedGoals())
}

func TestParseCell(t *testing.T) {
	// A cell is two numbers within the limits.
	t.Parallel()
	if got, err := ParseCell("64x1"); err != nil || got != single {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "64", "x", "0x1", "1x0", "1x1001", "5000x1", "-1x1", "1x1x1", "ax1"} {
		if got, err := ParseCell(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}
