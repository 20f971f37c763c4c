package crash

import (
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

var freezesFlag = flag.Int("crash.freezes", 3, "how often a node is frozen")

// freezeLengths are shorter than the database waits for an idle transaction, about as long, and much longer.
var freezeLengths = []time.Duration{6 * time.Second, 15 * time.Second, time.Second}

// blockedMax fails the test. The database ends an idle transaction after 5 seconds; the rest is for a busy machine.
const blockedMax = 10 * time.Second

func TestFrozenNode(t *testing.T) {
	// A node that is stopped while it holds the lock of the shard blocks the other for 5 seconds at most, and does nothing
	// stale when it wakes: what was acknowledged meanwhile is there exactly once.
	t.Parallel()
	n := *freezesFlag
	if testing.Short() {
		n = 1
	}
	r, f := newFreezes(t, n, nil)
	err := r.execute(t.Context())
	report(t, r)
	t.Logf("%d of %d freezes held the lock; the other node wrote again after at most %v", f.caught, r.kills, f.slowest.Round(time.Millisecond))
	if err != nil {
		t.Fatalf("%v\nrepeat with: go test ./test/crash -count=1 -run %s -crash.freezes=%d -crash.seed=%d", err, t.Name(), n, *seedFlag)
	}
	if f.caught == 0 {
		t.Error("no freeze caught a node with a lock: the test shows nothing")
	}
	if f.slowest > blockedMax {
		t.Errorf("the other node was blocked for %v, more than %v", f.slowest, blockedMax)
	}
}

func TestEndlessLockIsFound(t *testing.T) {
	// The check is able to fail: a node that keeps its lock while it is frozen is caught.
	t.Parallel()
	r, f := newFreezes(t, endlessFreezes, endlessLocks)
	f.lengths = []time.Duration{blockedMax + 5*time.Second}
	r.writtenMax = blockedMax
	err := r.execute(t.Context())
	if !errors.As(err, &broken{}) {
		t.Fatalf("a lock without end was not found: %v", err)
	}
	t.Logf("caught: %v", err)
}

// endlessFreezes is how many freezes that search gets: one may catch a node between two locks.
const endlessFreezes = 5

func newFreezes(t *testing.T, n int, bug []process.Change) (*run, *freezes) {
	t.Helper()
	// With one shard every writer waits for the lock that a frozen node holds.
	options := process.Options{Path: plant(t, bug), URL: postgres.Database(t), Key: process.APIKey, Env: []string{"SCRIP_SHARDS=1"}}
	r := newRun(options, nodesOnPostgres, *seedFlag, n, 1)
	f := &freezes{run: r, lengths: freezeLengths}
	r.strike, r.callMax, r.mix = f.strike, impatient, unrefused
	return r, f
}
