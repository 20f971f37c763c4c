package engine_test

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"

	"github.com/scrip-dev/scrip/internal/engine"
)

// mergeWindow is small, so that many windows turn, and large enough that runs have several chunks and merges several
// commits.
const mergeWindow = 1100

// keyLoad burns under keys that are never used twice, and knows which entry took each.
type keyLoad struct {
	*faultBundle
	taken []engine.Position
}

func (l *keyLoad) op(n int) *burnOp {
	return &burnOp{customer: fmt.Sprint("c", n%7), key: fmt.Sprint(n), cost: 1, at: 1}
}

// burn takes so many new keys, repeating what failed, and opens the engine again when it is dead.
func (l *keyLoad) burn(t *testing.T, events int, dead func() bool) {
	t.Helper()
	const size = 250
	for end := len(l.taken) + events; len(l.taken) < end; {
		ops := make([]engine.Op, size)
		for i := range ops {
			ops[i] = &plainBurn{*l.op(len(l.taken) + i)}
		}
		if err := errors.Join(l.Do(t.Context(), ops...)...); err != nil {
			if dead() {
				l.reopen(t)
			}
			continue
		}
		for _, op := range ops {
			l.taken = append(l.taken, op.(*plainBurn).position)
		}
	}
}

// repeat uses keys again, every one or one in so many: each must be known, and name its entry (E2).
func (l *keyLoad) repeat(t *testing.T, every int) {
	t.Helper()
	var ops []engine.Op
	for n := len(l.taken) % every; n < len(l.taken); n += every {
		ops = append(ops, l.op(n))
	}
	l.do(t, ops...)
	for i, op := range ops {
		n := len(l.taken)%every + i*every
		if burn := op.(*burnOp); !burn.repeated || burn.position != l.taken[n] {
			t.Fatalf("key %d: repeated %v, entry %d, want %d", n, burn.repeated, burn.position.Ordinal(), l.taken[n].Ordinal())
		}
	}
}

// runs counts the runs that are in the tables.
func (l *keyLoad) runs(t *testing.T) int {
	t.Helper()
	rows, err := l.journal.Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

func never() bool { return false }

func TestKeysAcrossMerges(t *testing.T) {
	// E2, E5: every key is found while its run is merged again and again, over restarts, and the runs stay few.
	t.Parallel()
	l := &keyLoad{faultBundle: setupFaults(t, engine.Options{WindowEntries: mergeWindow})}
	for windows := range 11 {
		l.burn(t, mergeWindow, never)
		l.repeat(t, 10)
		if windows%3 == 0 {
			l.reopen(t)
			l.repeat(t, 10)
		}
	}
	if err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := l.runs(t), bits.OnesCount(uint((len(l.taken)-1)/mergeWindow)); got != want {
		t.Errorf("%d runs, want %d", got, want)
	}
	l.repeat(t, 1)
	l.verified(t)
}

// mergeSteps are the commits of a merge.
var mergeSteps = map[string]func(*engine.Commit) bool{
	"first_rows": func(c *engine.Commit) bool { return len(c.Runs) > 0 && !c.Runs[0].Complete },
	"rows": func(c *engine.Commit) bool {
		return len(c.Runs) == 0 && len(c.Chunks) > 0 && c.Chunks[len(c.Chunks)-1].Run >= 1<<32
	},
	"complete":  func(c *engine.Commit) bool { return len(c.Runs) > 0 && c.Runs[0].Complete && c.Runs[0].Run >= 1<<32 },
	"deletion":  func(c *engine.Commit) bool { return len(c.Stale) > 0 && !c.Stale[0].Last },
	"last_rows": func(c *engine.Commit) bool { return len(c.Stale) > 0 && c.Stale[0].Last },
}

// mergeAttempts is how often a step is waited for; nearly always the first two meet it.
const mergeAttempts = 8

func TestFailedMerge(t *testing.T) {
	// E2, E3, E5: a merge that fails at any step, whatever became of the commit, by an error or by a kill, loses no key and
	// leaves no row behind.
	t.Parallel()
	for step, matches := range mergeSteps {
		for fault, fail := range map[string]func(*engine.Commit, func() error) error{"before": failBefore, "after": failAfter} {
			for _, kill := range []bool{true, false} {
				if !kill && testing.Short() {
					continue
				}
				t.Run(fmt.Sprint(step, "/", fault, "/kill=", kill), func(t *testing.T) {
					t.Parallel()
					l := &keyLoad{faultBundle: setupFaults(t, engine.Options{WindowEntries: mergeWindow})}
					reached := 0
					for attempt := range mergeAttempts { // how merging falls into commits depends on how fast both go
						if failOnce(t, l, attempt%2, kill, matches, fail) {
							reached++
						}
						if attempt > 0 && reached > 0 {
							break
						}
					}
					if reached == 0 {
						t.Error("the step was never reached")
					}
					l.repeat(t, 7)
					l.verified(t)
				})
			}
		}
	}
}

// failOnce lets one commit that matches fail, after so many others, and with kill all that come after it until the engine
// is opened again. It tells whether there was one.
func failOnce(t *testing.T, l *keyLoad, after int, kill bool, matches func(*engine.Commit) bool, fail func(*engine.Commit, func() error) error) (failed bool) {
	t.Helper()
	// Commits of one shard come one at a time, so failed needs no lock.
	l.journal.commits(func(c *engine.Commit, commit func() error) error {
		switch {
		case failed && kill:
			return errDisk
		case failed || !matches(c):
			return commit()
		case after > 0:
			after--
			return commit()
		}
		failed = true
		return fail(c, commit)
	})
	l.burn(t, 6*mergeWindow, func() bool { return kill })
	if err := l.Checkpoint(t.Context()); err != nil { // all merges happen by now, and the fault if it was still to come
		l.reopen(t)
	}
	l.journal.commits(nil)
	return failed
}

func TestUnreadableRun(t *testing.T) {
	// A run that cannot be read to be merged keeps nobody from working, and is merged when it can be read again.
	t.Parallel()
	l := &keyLoad{faultBundle: setupFaults(t, engine.Options{WindowEntries: mergeWindow})}
	l.journal.noChunks.Store(true)
	l.burn(t, 6*mergeWindow, never)
	l.repeat(t, 7)
	if err := l.Checkpoint(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("checkpoint: %v", err)
	}
	if got := l.runs(t); got < 5 {
		t.Errorf("%d runs", got)
	}
	l.journal.noChunks.Store(false)
	l.burn(t, mergeWindow, never)
	l.repeat(t, 7)
	l.verified(t)
}
