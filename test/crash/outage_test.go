package crash

import (
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

var outagesFlag = flag.Int("crash.outages", 12, "how often the database is struck")

// nodesOnPostgres is how many nodes share the database.
const nodesOnPostgres = 2

// healMax fails the test; the promise is 2 seconds on a machine that has nothing else to do.
const healMax = 5 * time.Second

func TestProgramOutlivesItsDatabase(t *testing.T) {
	// However the database of two nodes is struck, requests meanwhile get 503 and nothing else, both go on by themselves soon
	// after, and every acknowledged effect is there exactly once.
	n := *outagesFlag
	if testing.Short() {
		n = min(n, shortCycles)
	}
	r, o := newOutages(t, n, nil)
	err := r.execute(t.Context())
	report(t, r)
	t.Logf("slowest recovery %v", o.slowest.Round(time.Millisecond))
	if err != nil {
		t.Fatalf("%v\nrepeat with: go test ./test/crash -count=1 -run %s -crash.outages=%d -crash.seed=%d", err, t.Name(), n, *seedFlag)
	}
	if o.slowest > healMax {
		t.Errorf("the slowest recovery took %v, more than %v", o.slowest, healMax)
	}
}

func TestUnsafeCommitsAreFound(t *testing.T) {
	// The check is able to fail: commits that a crash of the database can take back are caught.
	r, o := newOutages(t, plantedCycles, unsafeCommits)
	r.checkEvery, o.kinds = 1, outageKinds[:1]
	err := r.execute(t.Context())
	report(t, r)
	if !errors.As(err, &broken{}) {
		t.Fatalf("%d crashes of a database that answers before it has written were not caught: %v", r.kills, err)
	}
	t.Logf("caught: %v", err)
}

func newOutages(t *testing.T, n int, bug []process.Change) (*run, *outages) {
	t.Helper()
	o := &outages{cluster: postgres.Private(t), kinds: outageKinds}
	o.run = newRun(process.Options{Path: plant(t, bug), URL: o.cluster.URL, Key: process.APIKey}, nodesOnPostgres, *seedFlag, n, len(outageKinds))
	o.run.strike, o.run.steady = o.strike, true
	return o.run, o
}

func TestKilledServerKeepsItsWordOnPostgres(t *testing.T) {
	// As on SQLite, with two nodes of which one is killed. What it had sent may still become durable afterwards.
	cycles := *cyclesFlag / 4
	if testing.Short() {
		cycles = min(cycles, shortCycles)
	}
	r := newRun(process.Options{Path: plant(t, nil), URL: postgres.Database(t), Key: process.APIKey}, nodesOnPostgres, *seedFlag, cycles, checkEvery)
	err := r.execute(t.Context())
	report(t, r)
	if err != nil {
		t.Fatalf("%v\nrepeat with: go test ./test/crash -count=1 -run %s -crash.cycles=%d -crash.seed=%d", err, t.Name(), *cyclesFlag, *seedFlag)
	}
	if r.slowest > startMax {
		t.Errorf("the slowest start took %v until the server was ready, more than %v", r.slowest, startMax)
	}
}
