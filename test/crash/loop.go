package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// The shape of a run.
const (
	workers     = 8
	customers   = 5 // fewer than workers, so that they meet in the same pools
	loadMin     = 50 * time.Millisecond
	loadMax     = 400 * time.Millisecond
	strikeMax   = 80 * time.Millisecond // kills during the start come this early
	strikeEvery = 10                    // one cycle in so many also has a kill during the start
	faultsShown = 20
)

// broken is the error of a server that broke its word, unlike one that could not be started.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

func brokenf(format string, values ...any) error { return broken{fmt.Errorf(format, values...)} }

// run is one run of the loop.
type run struct {
	options    process.Options
	random     *rand.Rand
	cycles     int
	checkEvery int // cycles between checks
	mix        []choice
	strike     func(context.Context) error // once in each cycle, under load
	steady     bool                        // the program itself is never struck: see client
	callMax    time.Duration               // of clients
	writtenMax time.Duration               // for a write after a strike; the test judges the measured time

	nodes    *process.Nodes
	target   target
	book     *book
	accounts map[string]*account
	pause    sync.RWMutex // held for reading by a worker during a step, for writing by a check
	slowest  time.Duration
	kills    int
}

func newRun(options process.Options, nodes int, seed uint64, cycles, checkEvery int) *run {
	r := &run{
		options: options, random: rand.New(rand.NewPCG(seed, 0)), cycles: cycles, checkEvery: checkEvery, mix: everything,
		callMax: callMax, writtenMax: outcomeMax, nodes: process.NewNodes(options, nodes), book: newBook(), accounts: map[string]*account{},
	}
	r.target = &turns{nodes: r.nodes}
	r.strike = r.killServer
	for i := range customers {
		r.accounts[fmt.Sprintf("customer-%d", i)] = newAccount()
	}
	return r
}

// execute runs all cycles and the checks, stops the server cleanly and verifies its data. It returns a broken when the
// server has not kept its word.
func (r *run) execute(ctx context.Context) error {
	defer func() { _ = r.nodes.Kill() }() // they have ended already unless something failed
	if err := r.begin(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := r.load(ctx)
	for cycle := 1; cycle <= r.cycles; cycle++ {
		if err := r.cycle(ctx, failed); err != nil {
			return fmt.Errorf("cycle %d: %w", cycle, err)
		}
		if cycle%r.checkEvery == 0 || cycle == r.cycles {
			if err := r.check(ctx); err != nil {
				return fmt.Errorf("cycle %d: %w", cycle, err)
			}
		}
	}
	r.pause.Lock() // no worker is in a step any more, and none begins another
	defer r.pause.Unlock()
	cancel()
	select {
	case err := <-failed:
		return err
	default:
		return r.finish(context.WithoutCancel(ctx))
	}
}

// begin starts the nodes. The first one makes the catalogue and the customers before there are others.
func (r *run) begin(ctx context.Context) error {
	for i := range r.nodes.Len() {
		if err := r.start(ctx, i); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		first := newClient(only(r.nodes.Node(0).URL))
		if err := setUp(ctx, first, append(r.customers(), bystander)); err != nil {
			return err
		}
	}
	return nil
}

// finish stops the nodes and verifies what they leave behind.
func (r *run) finish(ctx context.Context) error {
	if err := r.nodes.Stop(); err != nil {
		return broken{err}
	}
	if _, err := process.Verify(ctx, r.options); err != nil {
		return broken{err}
	}
	return nil
}

func (r *run) customers() []string { return slices.Sorted(maps.Keys(r.accounts)) }

// load starts the workers. The first one that fails sends its error.
func (r *run) load(ctx context.Context) <-chan error {
	failed := make(chan error, workers)
	for i := range workers {
		w := &worker{
			number: i, client: r.newClient(), book: r.book, customers: r.customers(), mix: r.mix,
			random: rand.New(rand.NewPCG(r.random.Uint64(), uint64(i))),
		}
		go func() {
			for ctx.Err() == nil {
				if err := r.step(ctx, w); err != nil {
					failed <- fmt.Errorf("client %d: %w", w.number, err)
					return
				}
			}
		}()
	}
	return failed
}

func (r *run) step(ctx context.Context, w *worker) error {
	r.pause.RLock()
	defer r.pause.RUnlock()
	if ctx.Err() != nil {
		return nil
	}
	return w.step(ctx)
}

func (r *run) newClient() *client {
	c := newClient(r.target)
	c.steady, c.http.Timeout = r.steady, r.callMax
	return c
}

// cycle lets the load run and strikes under it.
func (r *run) cycle(ctx context.Context, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-time.After(loadMin + time.Duration(r.random.Int64N(int64(loadMax-loadMin)))):
	}
	r.kills++
	return r.strike(ctx)
}

// killServer kills a node and starts it again.
func (r *run) killServer(ctx context.Context) error {
	i := r.random.IntN(r.nodes.Len())
	if err := r.nodes.Node(i).Kill(); err != nil {
		return broken{err}
	}
	if r.random.IntN(strikeEvery) == 0 {
		if err := process.Strike(r.options, time.Duration(r.random.Int64N(int64(strikeMax)))); err != nil {
			return err
		}
		r.kills++
	}
	return r.start(ctx, i)
}

// start starts a node and measures how long it takes until it is ready.
func (r *run) start(ctx context.Context, i int) error {
	took, err := r.nodes.Start(ctx, i)
	r.slowest = max(r.slowest, took)
	return err
}

// check waits until every request under way has an outcome and compares the book with the server.
func (r *run) check(ctx context.Context) error {
	r.pause.Lock()
	defer r.pause.Unlock()
	reader := &reader{client: r.newClient()}
	defer reader.client.http.CloseIdleConnections()
	var faults []string
	for _, customer := range r.customers() {
		effects, account := r.book.take(customer), r.accounts[customer]
		seen, err := reader.observe(ctx, customer, account, effects)
		if err != nil {
			return broken{err}
		}
		faults = append(faults, account.judge(customer, effects, r.book.wasRefused, seen)...)
	}
	r.book.count("check")
	return brokenBy(faults)
}

// brokenBy makes an error of what a check found.
func brokenBy(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	shown := faults[:min(len(faults), faultsShown)]
	return broken{errors.New(fmt.Sprintf("%d faults:\n  ", len(faults)) + strings.Join(shown, "\n  "))}
}
