package bench

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/bench/rival"
	pg "github.com/scrip-dev/scrip/test/postgres"
)

func TestRunMeasuresTheRivals(t *testing.T) {
	// A short run on the real rivals gives figures for every cell, empty and preloaded, and leaves nothing behind.
	t.Parallel()
	o := quick(t, nil, rival.Usual, rival.Batched, rival.Floor)
	o.Rounds, o.Preload, o.Rates = 2, 500, []float64{0.25, 300}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 500} {
		stage := report.Stages[i]
		if stage.Preloaded != want || len(stage.Figures) != 6 {
			t.Errorf("stage %d: %d events, %d figures", i, stage.Preloaded, len(stage.Figures))
		}
		for _, f := range stage.Figures {
			if len(f.Rounds) != 2 || f.Median.EventsPerSecond <= 0 || f.Median.P50 <= 0 || f.Median.Max < f.Median.P99 {
				t.Errorf("%s at %s: %+v", f.Server, f.Cell, f)
			}
		}
	}
	if len(report.OpenLoop) != 4 || report.OpenLoop[1].EventsPerSecond != 300 || report.OpenLoop[1].P999 < report.OpenLoop[1].P50 {
		t.Errorf("at fixed rates: %+v", report.OpenLoop)
	}
	left, err := os.ReadDir(o.Dir)
	if err != nil || len(left) != 1 { // the template of the last stage
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestRunMeasuresTheRivalsOnPostgreSQL(t *testing.T) {
	// A run on a PostgreSQL server measures every rival there on a database of its own, and drops them all.
	t.Parallel()
	server := pg.Database(t)
	o := quick(t, nil, rival.Usual, rival.Batched, rival.Function, rival.Floor)
	o.Database, o.Preload = server, 300
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range report.Stages {
		if len(stage.Figures) != 8 {
			t.Errorf("%d figures", len(stage.Figures))
		}
	}
	if !strings.HasPrefix(report.Machine.Database, "PostgreSQL ") {
		t.Errorf("measured on %q", report.Machine.Database)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var left int
	p := places{dir: o.Dir}
	err = db.QueryRow(`SELECT COUNT(*) FROM pg_database WHERE datname LIKE $1`, p.databaseName("%")).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d databases are left (%v)", left, err)
	}
}

func TestRunMeasuresScrip(t *testing.T) {
	// Scrip is set up over REST, measured in every way, and its figures survive a trip through JSON.
	t.Parallel()
	s := newStub()
	o := quick(t, s, Scrip, rival.Floor)
	o.Preload = 1500
	o.Cells = []Cell{{2, 1}, {2, 100}, besideCell}
	o.Rates, o.Checks, o.Memory, o.Sustained = []float64{half}, true, true, 200*time.Millisecond
	s.delay = time.Millisecond
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const stages, customers = 2, 30
	const prepared, subscribed = stages + 1, stages*customers + customers/fewerPools // with the sibling of the memory
	wantCalls := map[string]int{
		"POST /api/v1/credits/custom-currencies": prepared, "POST /api/v1/features": prepared, "PATCH /api/v1/features/completion": prepared,
		"POST /api/v1/products": prepared, "POST /api/v1/plans": prepared, "PATCH /api/v1/plans/pro": prepared,
		"POST /api/v1/plans/pro/publish": prepared, "POST /api/v1/customers/import": prepared,
		"POST /api/v1/subscriptions": subscribed, "POST /api/v1/credits/grants": subscribed * len(grants),
	}
	if diff := cmp.Diff(wantCalls, s.calls); diff != "" {
		t.Errorf("set-up (-want +got):\n%s", diff)
	}
	if report.Sustained.EventsPerSecond <= 0 || len(report.OpenLoop) != 3 || len(report.Checks) != 2 || report.Memory == nil {
		t.Errorf("extras: %+v", report)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*report, again); diff != "" {
		t.Errorf("after JSON (-before +after):\n%s", diff)
	}
}

func TestLostEventsEndTheRun(t *testing.T) {
	// A server that acknowledges an event and does not hold it fails the run, which still answers what it had measured.
	t.Parallel()
	s := newStub()
	s.drop = true
	report, err := Run(t.Context(), quick(t, s, rival.Floor, Scrip))
	if !errors.Is(err, errLost) {
		t.Fatalf("got %v", err)
	}
	if len(report.Stages) != 1 || len(report.Stages[0].Figures) != 1 {
		t.Errorf("measured before: %+v", report.Stages)
	}
	if err := report.WriteTable(&bytes.Buffer{}); err != nil {
		t.Error(err)
	}
}

func TestRefusedSetUpEndsTheRun(t *testing.T) {
	// A server that refuses a call of the set-up is named, with the call and the answer.
	t.Parallel()
	o := quick(t, nil, Scrip)
	o.Start = func(context.Context, string, Place) (*Server, error) {
		return serveHandler(http.NotFoundHandler()), nil
	}
	_, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "POST /api/v1/credits/custom-currencies answered 404") {
		t.Errorf("got %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	// Options that cannot be measured are refused before anything starts.
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"no_server":      func(o *Options) { o.Servers = nil },
		"unknown_server": func(o *Options) { o.Servers = []string{"mystery"} },
		"no_cell":        func(o *Options) { o.Cells = nil },
		"no_round":       func(o *Options) { o.Rounds = 0 },
		"no_time":        func(o *Options) { o.Duration = 0 },
		"no_customer":    func(o *Options) { o.Customers = 0 },
		"many_customers": func(o *Options) { o.Customers = customerMax + 1 },
		"preload":        func(o *Options) { o.Preload = -1 },
		"rate":           func(o *Options) { o.Rates = []float64{0.5, 0} },
	} {
		o := quick(t, nil, rival.Floor)
		change(&o)
		if report, err := Run(t.Context(), o); err == nil || report != nil {
			t.Errorf("%s: got %v, %v", name, report, err)
		}
	}
}

func TestFixedRateCountsWaiting(t *testing.T) {
	// At a fixed rate a request that had to wait for slow ones before it has waited since it was due.
	t.Parallel()
	s := newStub()
	s.delay = 20 * time.Millisecond
	server := serveHandler(s.handler())
	defer server.Stop(t.Context())
	p := phase{
		group: group{nodes: []*Server{server}}, customers: 5, clients: 1, seed: 1, do: reportOf(1), length: 400 * time.Millisecond, rate: 100,
	}
	got, err := clock(time.Now).run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	// One client can answer 20 of the about 40 requests in time; the last is due before 400 ms and done after 600.
	if l := latencyOf(got.samples); l.Max < 200 || len(got.samples) < 30 {
		t.Errorf("%d samples, %+v", len(got.samples), l)
	}
}

func TestLimitEndsAPhase(t *testing.T) {
	// A limit is kept exactly, and a phase with one does not wait for its time to pass.
	t.Parallel()
	s := newStub()
	server := serveHandler(s.handler())
	defer server.Stop(t.Context())
	p := phase{group: group{nodes: []*Server{server}}, customers: 5, clients: 3, seed: 1, do: reportOf(2), length: time.Hour, limit: 25}
	got, err := clock(time.Now).run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.all != 25 {
		t.Errorf("%d requests, want 25", got.all)
	}
	total, err := (&scrip{}).consumed(t.Context(), server, 5)
	if err != nil || total != credits(got.cost) {
		t.Errorf("the server holds %s (%v), the clients count %s", total, err, credits(got.cost))
	}
}

func TestStoppedRunEnds(t *testing.T) {
	// A run that is told to stop stops, and says so.
	t.Parallel()
	o := quick(t, nil, rival.Floor)
	o.Duration = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
