package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/bench"
	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// benchOptions parses a command line of the bench and answers what would be measured.
func benchOptions(t *testing.T, args ...string) (bench.Options, error) {
	t.Helper()
	p := &program{env: noVariables, now: time.Now}
	if _, err := p.parse(append([]string{"bench"}, args...)); err != nil {
		t.Fatal(err)
	}
	return p.line.Bench.options(p)
}

func TestBenchFlags(t *testing.T) {
	// Without flags everything is measured; --quick shortens it whatever else is said; flags choose parts.
	t.Parallel()
	full := bench.Options{
		Servers: bench.Names, Cells: bench.Cells, Rounds: 3, Warmup: time.Second, Duration: 5 * time.Second, Customers: 10_000,
		Sustained: time.Minute, Rates: []float64{0.5}, Checks: true, Memory: true, Seed: 1,
	}
	tests := map[string]struct {
		args   []string
		change func(*bench.Options)
	}{
		"defaults": {nil, func(*bench.Options) {}},
		"quick": {[]string{"--quick", "--rounds=9"}, func(o *bench.Options) {
			o.Rounds, o.Duration, o.Warmup, o.Sustained, o.Customers = 1, time.Second, 250*time.Millisecond, 0, 500
		}},
		"growth": {[]string{"--growth=500"}, func(o *bench.Options) { o.Growth, o.Servers = 500, []string{bench.Scrip} }},
		"nodes": {[]string{"--only=scrip", "--nodes=2"}, func(o *bench.Options) {
			o.Servers = []string{bench.Scrip, "scrip-2-nodes", "scrip-2-routed"}
		}},
		"rates": {[]string{"--rates=0.25,0.9,20000"}, func(o *bench.Options) { o.Rates = []float64{0.25, 0.9, 20_000} }},
		"postgres": {[]string{"--database-url=postgres://host/name"}, func(o *bench.Options) {
			o.Database, o.Servers = "postgres://host/name", bench.PostgresNames
		}},
		"parts": {
			[]string{"--only", "scrip,floor", "--cells=8x100,1x5", "--rates=0", "--no-checks", "--no-memory", "--preload=7", "--seed=9", "--sustained=0s"},
			func(o *bench.Options) {
				o.Servers, o.Cells = []string{bench.Scrip, rival.Floor}, []bench.Cell{{Clients: 8, Events: 100}, {Clients: 1, Events: 5}}
				o.Rates, o.Checks, o.Memory, o.Preload, o.Seed, o.Sustained = nil, false, false, 7, 9, 0
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := benchOptions(t, test.args...)
			if err != nil || got.Now == nil || got.Start == nil || got.Progress == nil {
				t.Fatalf("got %+v, %v", got, err)
			}
			want := full
			test.change(&want)
			got.Now, got.Start, got.Progress = nil, nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := benchOptions(t, "--cells=8by100"); err == nil || !strings.Contains(err.Error(), "8by100") {
		t.Errorf("a wrong cell: %v", err)
	}
}

func TestBenchRefusesWhatItCannotMeasure(t *testing.T) {
	// A wrong name is told in one line, before anything is measured.
	t.Parallel()
	got := execute(t, noVariables, "bench", "--only=mystery", "--dir", t.TempDir())
	if got.Code != exitFailed || got.Stdout != "" || !strings.Contains(got.Stderr, `no server is called "mystery"`) {
		t.Errorf("got %+v", got)
	}
}

func TestBenchChildrenAreUnderstood(t *testing.T) {
	// The program understands the command lines with which it starts itself.
	t.Parallel()
	for _, at := range []bench.Place{{Dir: "folder"}, {Dir: "folder", URL: "postgres://host/name"}} {
		for _, name := range bench.PostgresNames {
			p := &program{env: noVariables}
			if _, err := p.parse(childArguments(name, at)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			rival, serve := &p.line.Bench, &p.line.Serve
			isRival := rival.Rival == name && rival.Dir == at.Dir && rival.DatabaseURL == at.URL
			isProduct := serve.Data == at.Dir && serve.DatabaseURL == at.URL && serve.Listen == "127.0.0.1:0"
			if isRival == isProduct || isProduct != (name == bench.Scrip) {
				t.Errorf("%s is started as %+v", name, p.line)
			}
		}
	}
}

func TestBenchRivalServes(t *testing.T) {
	// A rival prints where it listens, answers there with its key, and ends with its context; without a key it refuses.
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &firstLine{found: make(chan string, 1)}
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	env := variables(map[string]string{"SCRIP_API_KEY": "a key"})
	go func() { ended <- run(ctx, []string{"bench", "--rival=floor", "--dir", t.TempDir()}, env, out, &stderr) }()
	_, address, _ := strings.Cut(strings.TrimSpace(<-out.found), "floor listens on ")
	request, err := http.NewRequestWithContext(ctx, "GET", address+"/totals", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-KEY", "a key")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Body.Close() != nil {
		t.Errorf("got %+v, %v", answer, err)
	}
	cancel()
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if got := execute(t, noVariables, "bench", "--rival=floor"); got.Code != exitFailed || !strings.Contains(got.Stderr, "SCRIP_API_KEY") {
		t.Errorf("without a key: %+v", got)
	}
}

// firstLine hands on the first thing that is written.
type firstLine struct{ found chan string }

func (f *firstLine) Write(b []byte) (int, error) {
	select {
	case f.found <- string(b):
	default: // the test has what it wants
	}
	return len(b), nil
}
