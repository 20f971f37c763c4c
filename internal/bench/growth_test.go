package bench

import (
	"bytes"
	"encoding/xml"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGrowth(t *testing.T) {
	// Scrip is measured at every step of its growth, then its pages and large pools; a floor has no tables to grow.
	t.Parallel()
	o := quick(t, newStub(), Scrip, rival.Floor)
	const target = 20_000
	o.Growth, o.Warmup = target, 0
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Growth) != 1 || len(report.Stages) != 0 || report.Empty() {
		t.Fatalf("grown: %+v", report.Growth)
	}
	g := &report.Growth[0]
	if len(g.Points) != growthPoints+1 || g.Points[growthPoints].Events < target {
		t.Errorf("%d points: %+v", len(g.Points), g.Points)
	}
	for i, p := range g.Points {
		if len(p.Figures) != len(growthCells) || i > 0 && p.Events <= g.Points[i-1].Events {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if len(g.Pages) != 3 || len(g.Pools) != len(grantCounts) {
		t.Errorf("pages %+v, pools %+v", g.Pages, g.Pools)
	}
}

// sampleGrowth is a report of a run that grew two servers.
func sampleGrowth() *Report {
	r := &Report{Machine: Machine{Processor: "Example CPU", Cores: 2, Database: "SQLite"}, Customers: 1000, Seconds: 5, Servers: []string{Scrip, rival.Usual}}
	for _, name := range r.Servers {
		g := Growth{Server: name}
		for i := range 5 {
			p := Point{Events: i * 2_500_000}
			for j, c := range growthCells {
				rate := float64(120_000 - 20_000*j - 4000*i)
				if name == rival.Usual {
					p.Events, rate = i*250_000, 9000/float64(i+1)
				}
				p.Figures = append(p.Figures, Figures{Server: name, Cell: c, Median: Measure{EventsPerSecond: rate}})
			}
			g.Points = append(g.Points, p)
		}
		r.Growth = append(r.Growth, g)
	}
	r.Growth[0].Pages = []Page{{"first page", Latency{1, 2, 3, 4}}, {"two filters", Latency{2, 30, 31, 32}}}
	r.Growth[0].Pools = []GrantPool{{10, 12}, {10_000, 36}}
	r.Goals = r.goals()
	return r
}

func TestPlot(t *testing.T) {
	// The same report always gives the same picture, that of testdata/growth.svg; it is an XML document.
	t.Parallel()
	var out bytes.Buffer
	if err := sampleGrowth().WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/growth.svg"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("picture (-want +got), -update to accept it:\n%s", diff)
	}
	if err := xml.Unmarshal(out.Bytes(), new(struct{})); err != nil {
		t.Error(err)
	}
	if err := new(Report).WriteSVG(&out); err != nil {
		t.Error(err) // nothing to draw is a plot without lines
	}
}

func TestTickStep(t *testing.T) {
	// Ticks are round numbers, and few.
	t.Parallel()
	for top, want := range map[float64]float64{0: 1, 1: 0.2, 7: 2, 10_000_000: 2_000_000, 120_000: 50_000, 480: 100} {
		if got := tickStep(top); math.Abs(got-want) > want*1e-9 {
			t.Errorf("up to %v: got %v, want %v", top, got, want)
		}
	}
}

func TestGrowthTable(t *testing.T) {
	// The table shows every point with its ratio to the first, and the goals about size.
	t.Parallel()
	r := sampleGrowth()
	var out bytes.Buffer
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"1000 customers; single measurements of 5s.", "10,000,000 104,000 0.87 × 84,000 0.84 ×", "1,000,000 1,800 0.20 × 1,800 0.20 ×",
		"two filters 2.00 30.0 32.0", "A pool with 10,000 open grants: 36.0 µs an event, 1 × 100.",
	} {
		if !strings.Contains(squeeze(out.String()), line) {
			t.Errorf("%q is missing in:\n%s", line, &out)
		}
	}
	expectGoals(t, map[string]string{
		"10,000,000 events against few, 4 × 1000": "0.87 aim", "10,000,000 events against few, 8 × 100": "0.84 aim",
		"ledger, first page, p99": "2.00 aim", "ledger, two filters, p99": "30.0 missed",
		"time of an event with 10,000 open grants against 10": "3.00 pass",
	}, r.Goals)
}
