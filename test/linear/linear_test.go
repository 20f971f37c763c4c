package linear

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

var (
	opsFlag  = flag.Int("linear.ops", 20_000, "how many operations are sent")
	seedFlag = flag.Uint64("linear.seed", 1, "seed of the load and of what is struck")
)

const (
	// roundOps is how many operations are checked at once.
	roundOps = 20_000
	nodesMin = 2
	nodesMax = 5
	shortOps = 2000
)

func TestLinearizable(t *testing.T) {
	// E6, I5: what clients see of several nodes, of which some are killed, over a database that is restarted, is what they
	// could have seen of one that does one thing after another.
	t.Parallel()
	ops := *opsFlag
	if testing.Short() {
		ops = min(ops, shortOps)
	}
	r := newRun(t, build(t))
	err := r.execute(t.Context(), ops)
	r.report(t)
	if err != nil {
		t.Fatalf("%v\nrepeat with: go test ./test/linear -count=1 -run %s -linear.ops=%d -linear.seed=%d", err, t.Name(), ops, *seedFlag)
	}
	if r.chaos.kills == 0 {
		t.Error("no node was killed: the run is too short to show anything")
	}
	finish(t, r.cluster, r.options)
}

// run is one run of the check.
type run struct {
	options process.Options
	cluster *cluster
	chaos   *chaos

	operations, open int
	sending          time.Duration
	checking         time.Duration
}

func newRun(t *testing.T, path string) *run {
	t.Helper()
	database := postgres.Private(t)
	r := &run{options: process.Options{Path: path, URL: database.URL, Key: process.APIKey}}
	prepare(t, r.options)
	random := rand.New(rand.NewPCG(*seedFlag, 0))
	r.cluster = start(t, r.options, nodesMin+random.IntN(nodesMax-nodesMin+1))
	r.chaos = &chaos{nodes: r.cluster.nodes, database: database, random: random}
	return r
}

// execute sends operations under strikes, and checks each round of them.
func (r *run) execute(ctx context.Context, operations int) error {
	for n := 0; n*roundOps < operations; n++ {
		began := time.Now()
		round := newRound(r.cluster, fmt.Sprint("round-", n), min(roundOps, operations-n*roundOps))
		if err := r.struck(ctx, func(ctx context.Context) error { return round.run(ctx, *seedFlag+uint64(n)) }); err != nil {
			return fmt.Errorf("round %d: %w", n, err)
		}
		done, open := round.history.size()
		r.operations, r.open = r.operations+done, r.open+open
		sent := time.Now()
		err := round.history.check()
		r.sending, r.checking = r.sending+sent.Sub(began), r.checking+time.Since(sent)
		if err != nil {
			return fmt.Errorf("round %d: %w", n, err)
		}
	}
	return nil
}

// struck runs load while nodes and database are struck.
func (r *run) struck(ctx context.Context, load func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	calm, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		err := r.chaos.run(calm)
		if err != nil {
			cancel(err)
		}
		ended <- err
	}()
	err := load(ctx)
	stop()
	if struck := <-ended; struck != nil {
		err = struck
	}
	cancel(nil)
	return err
}

// report logs what a run has done.
func (r *run) report(t *testing.T) {
	t.Helper()
	t.Logf("%d operations, %d of them open, on %d nodes in %v, checked in %v; %d nodes killed, %d frozen, %d outages of the database",
		r.operations, r.open, r.cluster.nodes.Len(), r.sending.Round(time.Millisecond), r.checking.Round(time.Millisecond),
		r.chaos.kills, r.chaos.freezes, r.chaos.outages)
}
