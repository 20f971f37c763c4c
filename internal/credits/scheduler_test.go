package credits_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

// chore is work that a test makes fail, or wait until the scheduler stops.
type chore struct {
	kind string
	mu   sync.Mutex
	runs map[string]int // by environment
	errs map[string]error
	hang bool
}

func (c *chore) Kind() string { return c.kind }

func (c *chore) Next(context.Context, string) (ledger.Time, error) { return ledger.Never, nil }

func (c *chore) Run(ctx context.Context, environment string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[environment]++
	if c.hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return 0, c.errs[environment]
}

// fail makes the work fail in an environment from now on, or succeed.
func (c *chore) fail(environment string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs[environment] = err
}

func TestSchedule(t *testing.T) {
	// Every kind of work runs each second in every environment, whatever fails or waits elsewhere. A failure is logged when
	// it begins and when it ends. When the scheduler is told to stop it ends what is under way, and that is no failure.
	t.Parallel()
	w := open(t, store.Options{Dir: t.TempDir()}) // nothing is asked of the other database in a bubble
	o := w.options()
	o.Engine = nil
	service := must[*credits.Service](t)(credits.New(w.ctx, o))
	work := &chore{kind: "chores", runs: map[string]int{}, errs: map[string]error{}}
	stuck := &chore{kind: "stuck", runs: map[string]int{}, hang: true}
	service.AddDue(stuck)
	service.AddDue(work)
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			service.Schedule(ctx, slog.New(slog.NewTextHandler(&out, nil)))
			close(ended)
		}()
		seconds := func(n int) {
			time.Sleep(time.Duration(n) * time.Second)
			synctest.Wait()
		}
		seconds(2)
		work.fail(env, errors.New("no luck"))
		seconds(3)
		work.fail(env, nil)
		seconds(2)
		stop()
		<-ended
	})
	want := map[string]int{env: 7, credits.EnvironmentProduction: 7}
	if diff := cmp.Diff(want, work.runs); diff != "" {
		t.Errorf("runs (+):\n%s", diff)
	}
	if stuck.runs[env] != 1 {
		t.Errorf("the stuck work began %d times", stuck.runs[env])
	}
	log := out.String()
	if strings.Count(log, "\n") != 2 || strings.Count(log, "no luck") != 1 || strings.Count(log, "succeeds again") != 1 {
		t.Errorf("log is\n%s", log)
	}
}

func TestNodes_scheduler_that_was_frozen(t *testing.T) {
	// A node that is frozen between seeing what is due and doing it changes nothing when it goes on: the other node has done
	// it, and the rows are the same.
	t.Parallel()
	a, b := twoNodes(t)
	a.shop()
	a.customer("ann")
	must[*credits.Grant](t)(a.CreateGrant(a.ctx, env, credits.Caller{Actor: actor}, credits.NewGrant{
		Customer: "ann", CreditType: "tokens", Amount: dec("10"), Type: ledger.Promotional, DisplayName: "g", ExpireAt: start + day}))
	for _, w := range []*world{a, b} {
		w.confirm()
		w.tick(2 * day)
	}
	if next := must[ledger.Time](t)(a.engine.NextDue(a.ctx, env)); next != start+day {
		t.Fatalf("due at %d", next-start)
	}
	if n := must[int](t)(b.Sweep(b.ctx, env)); n != 1 {
		t.Fatalf("the other node opened %d pools", n)
	}
	if n := must[int](t)(a.Sweep(a.ctx, env)); n != 0 {
		t.Errorf("the frozen node opened %d pools", n)
	}
	want := []string{"GRANTED 10 at 0", "EXPIRED -10 at 1"}
	if rows := a.rows("ann"); !slices.Equal(rows, want) {
		t.Errorf("rows are %v", rows)
	}
}
