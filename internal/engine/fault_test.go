package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// faulty is a real journal whose commits and reads can be made to fail or wait.
type faulty struct {
	engine.Journal
	onCommit atomic.Pointer[func(c *engine.Commit, commit func() error) error]
	onOwner  atomic.Pointer[func() error]
	onChunks atomic.Pointer[func()] // after chunks of keys were read to be merged
	noChunks atomic.Bool            // they cannot be read
}

func (f *faulty) KeyChunks(ctx context.Context, shard uint16, run engine.RunID, from, limit int) ([]engine.KeyChunkRow, error) {
	if f.noChunks.Load() {
		return nil, errDisk
	}
	rows, err := f.Journal.KeyChunks(ctx, shard, run, from, limit)
	if hook := f.onChunks.Load(); hook != nil {
		(*hook)()
	}
	return rows, err
}

func (f *faulty) Commit(ctx context.Context, c *engine.Commit) error {
	return f.hooked(c, func() error { return f.Journal.Commit(ctx, c) })
}

func (f *faulty) hooked(c *engine.Commit, commit func() error) error {
	if hook := f.onCommit.Load(); hook != nil {
		return (*hook)(c, commit)
	}
	return commit()
}

func (f *faulty) Lock(ctx context.Context, shard uint16, next engine.Position) (*engine.Lock, error) {
	lock, err := f.Journal.Lock(ctx, shard, next)
	if err == nil {
		lock.LockHolder = &faultyLock{LockHolder: lock.LockHolder, journal: f}
	}
	return lock, err
}

// faultyLock is a lock of a faulty journal.
type faultyLock struct {
	engine.LockHolder
	journal *faulty
}

func (l *faultyLock) Commit(ctx context.Context, c *engine.Commit) error {
	ended := false
	err := l.journal.hooked(c, func() error {
		ended = true
		return l.LockHolder.Commit(ctx, c)
	})
	if !ended {
		l.Release()
	}
	return err
}

func (f *faulty) Owner(ctx context.Context, shard uint16, key ledger.Key) (engine.OwnerRow, bool, error) {
	if hook := f.onOwner.Load(); hook != nil {
		if err := (*hook)(); err != nil {
			return engine.OwnerRow{}, false, err
		}
	}
	return f.Journal.Owner(ctx, shard, key)
}

// commits makes every commit go through hook; nil heals the journal.
func (f *faulty) commits(hook func(c *engine.Commit, commit func() error) error) {
	if hook == nil {
		f.onCommit.Store(nil)
		return
	}
	f.onCommit.Store(&hook)
}

var errDisk = errors.New("the disk has failed")

// failBefore writes nothing; failAfter writes and says that it failed, as when the answer to COMMIT is lost.
func failBefore(*engine.Commit, func() error) error { return errDisk }

func failAfter(_ *engine.Commit, commit func() error) error {
	if err := commit(); err != nil {
		return err
	}
	return errDisk
}

func failConflict(*engine.Commit, func() error) error { return engine.ErrConflict }

// faultBundle is a bundle over a faulty journal.
type faultBundle struct {
	*bundle
	journal  *faulty
	options  engine.Options
	database store.Options
}

func setupFaults(t testing.TB, o engine.Options) *faultBundle {
	t.Helper()
	b := &faultBundle{bundle: &bundle{clock: &atomic.Int64{}}, options: o, database: postgres.Options(t)}
	b.clock.Store(1_800_000_000_000_000)
	if err := b.open(t); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *faultBundle) open(t testing.TB) error {
	t.Helper()
	st, err := store.Open(t.Context(), b.database)
	if err != nil {
		t.Fatal(err)
	}
	b.store, b.journal = st, &faulty{Journal: st.Journal()}
	o := b.options
	if o.Thresholds == nil {
		o.Thresholds = watched
	}
	o.Journal, o.Clock = b.journal, func(string) ledger.Time { return ledger.Time(b.clock.Load()) }
	b.Engine, err = engine.Open(context.Background(), o)
	return err
}

func (b *faultBundle) reopen(t testing.TB) {
	t.Helper()
	b.close(t)
	if err := b.open(t); err != nil {
		t.Fatal(err)
	}
}

// verified checks the whole journal and that its derived rows are what a rebuild makes of it (E5). It closes the bundle.
func (b *faultBundle) verified(t testing.TB) *engine.Report {
	t.Helper()
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := engine.Verify(t.Context(), b.journal, b.options.Shards)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Sorted(slices.Values(dump(t, b.store)))
	for shard := range max(b.options.Shards, 1) {
		if err := b.journal.DropDerived(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
	}
	b.reopen(t)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, slices.Sorted(slices.Values(dump(t, b.store)))); diff != "" {
		t.Errorf("rebuilt rows differ (-before +after):\n%s", diff)
	}
	b.close(t)
	return report
}

func (b *faultBundle) one(t testing.TB, op engine.Op) error {
	t.Helper()
	return b.Do(t.Context(), op)[0]
}

func TestFailedCommit(t *testing.T) {
	// E3: after a failed commit, whatever became of it, the caller is told so, and repeating the request acts once.
	t.Parallel()
	for name, hook := range map[string]func(*engine.Commit, func() error) error{
		"before": failBefore, "after": failAfter, "conflict": failConflict,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupFaults(t, engine.Options{WindowEntries: 8})
			b.do(t, &grantOp{customer: "c", amount: 100, expire: ledger.Never})
			for n := range 40 {
				op := &burnOp{customer: "c", key: fmt.Sprint(n), cost: 1, at: 1}
				if n%3 == 0 {
					b.journal.commits(hook)
					if err := b.one(t, op); !errors.Is(err, engine.ErrUnavailable) {
						t.Fatalf("burn %d: %v", n, err)
					}
					b.journal.commits(nil)
				}
				b.do(t, op)
				view, err := b.View(t.Context(), key("c"), 0)
				if err != nil || view.Balance != amount.FromInt(int64(99-n)) {
					t.Fatalf("after burn %d: %+v, %v", n, view, err)
				}
			}
			if report := b.verified(t); report.Rows != 41 {
				t.Errorf("%d rows", report.Rows)
			}
		})
	}
}

func TestRandomFaults(t *testing.T) {
	// Commits fail at random, with pieces of windows in them; nothing is lost, nothing is done twice, derived rows are right.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 50, OwnersMax: 8})
	random := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	b.journal.commits(func(c *engine.Commit, commit func() error) error {
		mu.Lock()
		kind := random.IntN(24)
		mu.Unlock()
		switch kind {
		case 0:
			return failBefore(c, commit)
		case 1:
			return failAfter(c, commit)
		}
		return commit()
	})
	var wait sync.WaitGroup
	var burned atomic.Int64
	for caller := range 4 {
		wait.Go(func() {
			for n := range 60 {
				ops := make([]engine.Op, 10)
				for i := range ops {
					ops[i] = &burnOp{customer: fmt.Sprint("c", (n*7+i)%40), key: fmt.Sprint(caller, n, i), cost: 1, at: 1}
				}
				for b.Do(context.Background(), ops...)[0] != nil {
				}
				burned.Add(int64(len(ops)))
				if n%20 == 0 {
					_ = b.Checkpoint(context.Background()) // may fail
				}
			}
		})
	}
	wait.Wait()
	b.journal.commits(nil)
	report := b.verified(t)
	if got := report.Balance[env+"/tokens"]; got != amount.FromInt(-burned.Load()) {
		t.Errorf("balance %s, want -%d", got, burned.Load())
	}
}

func TestFailedCheckpoint(t *testing.T) {
	// A checkpoint that fails loses nothing: what it would have written is written by the next one.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 10})
	grants := make([]*grantOp, 25)
	for i := range grants {
		grants[i] = &grantOp{customer: fmt.Sprint("c", i%3), amount: 100, expire: ledger.Never}
		b.do(t, grants[i])
	}
	b.journal.commits(failBefore)
	if err := b.Checkpoint(t.Context()); err == nil {
		t.Fatal("the checkpoint did not fail")
	}
	b.journal.commits(nil)
	b.do(t, &burnOp{customer: "c0", key: "k", cost: 1, at: 1})
	for _, g := range grants {
		if _, ok, err := b.GrantByID(t.Context(), env, g.id, 0); !ok || err != nil {
			t.Errorf("grant %d: %v, %v", g.id, ok, err)
		}
	}
	b.verified(t)
}

func TestReadsWhileWritesFail(t *testing.T) {
	// When derived state cannot be written in a pause, the writer does not try again and again, and reads go on.
	t.Parallel()
	const window = 200 // of as many pools: more than goes out with one commit
	b := setupFaults(t, engine.Options{WindowEntries: window})
	var failed atomic.Int64
	tried := make(chan struct{}, 1000)
	b.journal.commits(func(c *engine.Commit, commit func() error) error {
		if len(c.Blocks) > 0 {
			return commit()
		}
		failed.Add(1)
		tried <- struct{}{}
		return errDisk
	})
	for n := range window + 1 {
		b.do(t, &burnOp{customer: fmt.Sprint("c", n), key: "k", cost: 1, at: 1})
	}
	<-tried // in the pause after the last one
	b.journal.commits(func(c *engine.Commit, commit func() error) error { failed.Add(1); return errDisk })
	for range 5 {
		rows, _, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c7"), Limit: 100})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	}
	if got := failed.Load(); got != 1 {
		t.Errorf("%d commits were tried", got)
	}
	b.journal.commits(nil)
	b.do(t, &burnOp{customer: "c", key: "x", cost: 1, at: 1})
	b.verified(t)
}

func TestJournalCannotBeRead(t *testing.T) {
	// An operation whose pool cannot be read does nothing and says that it may be repeated; others are not touched by it.
	t.Parallel()
	b := setupFaults(t, engine.Options{})
	b.do(t, &burnOp{customer: "known", key: "k", cost: 1, at: 1})
	unreadable := func() error { return errDisk }
	b.journal.onOwner.Store(&unreadable)
	errs := b.Do(t.Context(),
		&burnOp{customer: "new", key: "k", cost: 1, at: 1}, &burnOp{customer: "known", key: "l", cost: 1, at: 1})
	if !errors.Is(errs[0], engine.ErrUnavailable) || !errors.Is(errs[0], errDisk) || errs[1] != nil {
		t.Errorf("errors %v", errs)
	}
	b.journal.onOwner.Store(nil)
	b.do(t, &burnOp{customer: "new", key: "k", cost: 1, at: 1})
	if report := b.verified(t); report.Entries != 3 {
		t.Errorf("%d entries", report.Entries)
	}
}

// brokenOp breaks the rules of Op in one way.
type brokenOp struct {
	burnOp
	decide func(tx *engine.Tx) error
}

func (o *brokenOp) Decide(tx *engine.Tx) error { return o.decide(tx) }

func TestBrokenOperation(t *testing.T) {
	// An operation that panics, or changes something and then does not record it, changes nothing, and the shard goes on.
	t.Parallel()
	burned := func(tx *engine.Tx) {
		tx.Entry().Kind = engine.ConsumeEntry
		if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
			panic(err)
		}
		if err := tx.Pool(0).Burn(tx.Ledger(0), amount.FromInt(5), ledger.Charge{}); err != nil {
			panic(err)
		}
	}
	advanced := func(tx *engine.Tx) {
		tx.Advance(&engine.Charge{Charge: ledger.Charge{Feature: "chat"}, Meter: &engine.MeterUse{
			Period: 1, Meter: &rating.Meter{Aggregation: rating.Max}, Measure: rating.Measurement{Units: amount.FromInt(9)},
		}})
	}
	for name, decide := range map[string]func(tx *engine.Tx) error{
		"panics":                 func(tx *engine.Tx) error { burned(tx); panic("bug") },
		"burns_and_fails":        func(tx *engine.Tx) error { burned(tx); return errDisk },
		"burns_without_a_record": func(tx *engine.Tx) error { burned(tx); tx.Entry().Kind = 0; return nil },
		"counts_and_fails":       func(tx *engine.Tx) error { advanced(tx); return errDisk },
		"counts_without_record":  func(tx *engine.Tx) error { advanced(tx); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupFaults(t, engine.Options{})
			b.do(t, &grantOp{customer: "c", amount: 100, expire: ledger.Never})
			op := &brokenOp{burnOp: burnOp{customer: "c", key: "broken"}, decide: decide}
			if err := b.one(t, op); !errors.Is(err, engine.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			view, err := b.View(t.Context(), key("c"), 0)
			if err != nil || view.Balance != amount.FromInt(100) {
				t.Errorf("view %+v, %v", view, err)
			}
			b.do(t, &burnOp{customer: "c", key: "k", cost: 1, at: 1})
			if report := b.verified(t); report.Entries != 2 {
				t.Errorf("%d entries", report.Entries)
			}
		})
	}
}

func TestDamagedDerivedState(t *testing.T) {
	// A start refuses derived state that lacks a key run (E2) or is ahead of the journal, instead of going on with holes.
	t.Parallel()
	for name, damage := range map[string]string{
		"lost_run":       `DELETE FROM key_runs WHERE run = (SELECT MAX(run) FROM key_runs)`,
		"lost_last_run":  `DELETE FROM key_runs WHERE run = (SELECT MIN(run) FROM key_runs)`,
		"incomplete_run": `UPDATE key_runs SET complete = FALSE`,
		"unknown_run":    `UPDATE key_runs SET run = -1 WHERE run = (SELECT MAX(run) FROM key_runs)`,
		"lost_filter":    `DELETE FROM key_filters`,
		"empty_filter":   `UPDATE key_filters SET bits = ''`,
		"ahead":          `UPDATE checkpoints SET windows = windows + 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupFaults(t, engine.Options{WindowEntries: 8})
			for n := range 30 {
				b.do(t, &burnOp{customer: "c", key: fmt.Sprint(n), cost: 1, at: 1})
			}
			if err := b.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := b.store.Writer().ExecContext(t.Context(), damage); err != nil {
				t.Fatal(err)
			}
			b.close(t)
			if err := b.open(t); err == nil {
				b.Engine.Close()
				t.Error("it was accepted")
			}
			if err := b.store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
