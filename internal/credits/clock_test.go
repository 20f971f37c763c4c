package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/postgres"
)

const day = 24 * 3600 * second

// duty is work that is planned by the test. What it does is noted with the instant at which it ran.
type duty struct {
	*world
	kind    string
	planned []ledger.Time
	ran     *[]string
	fails   error
	held    int // by another node, for so many runs
	then    func(at ledger.Time)
}

func (d *duty) Kind() string { return d.kind }

func (d *duty) Next(context.Context, string) (ledger.Time, error) {
	next := ledger.Never
	for _, at := range d.planned {
		next = min(next, at)
	}
	return next, nil
}

func (d *duty) Run(context.Context, string) (int, error) {
	if d.fails != nil {
		return 0, d.fails
	}
	if d.held > 0 {
		d.held--
		return 0, nil
	}
	now, done := d.Now(env), 0
	for i := 0; i < len(d.planned); i++ {
		at := d.planned[i]
		if at > now {
			continue
		}
		d.planned = slices.Delete(d.planned, i, i+1)
		i--
		done++
		*d.ran = append(*d.ran, fmt.Sprintf("%s %d at %d", d.kind, (at-start)/second, (now-start)/second))
		if d.then != nil {
			d.then(at)
		}
	}
	return done, nil
}

// advance moves the development environment's clock to an instant.
func (w *world) advance(to ledger.Time, hold bool) *credits.ClockAdvanced {
	w.t.Helper()
	return must[*credits.ClockAdvanced](w.t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: to, Hold: hold}))
}

func TestClock_steps(t *testing.T) {
	// An advance stands at every due instant, in order, and runs there what is due by then, also what that brings forth.
	t.Parallel()
	w := setup(t)
	var ran []string
	a := &duty{world: w, kind: "a", ran: &ran, planned: []ledger.Time{start - second, start + 3*second, start + 9*second, start + 11*second}}
	b := &duty{world: w, kind: "b", ran: &ran, planned: []ledger.Time{start + 3*second, start + 2*second}}
	b.then = func(at ledger.Time) {
		if at == start+3*second { // of this instant, and of a later one
			a.planned = append(a.planned, at, at+4*second)
		}
	}
	w.AddDue(a)
	w.AddDue(b)
	got := w.advance(start+10*second, true)
	want := []string{"a -1 at 0", "b 2 at 2", "a 3 at 3", "b 3 at 3", "a 3 at 3", "a 7 at 7", "a 9 at 9"}
	if diff := cmp.Diff(want, ran); diff != "" {
		t.Errorf("what ran (+):\n%s", diff)
	}
	counts := []credits.DueRan{{Kind: "boundaries"}, {Kind: "pools"}, {Kind: "automatic top-ups"}, {Kind: "a", Count: 5}, {Kind: "b", Count: 2}}
	if diff := cmp.Diff(counts, got.Ran); diff != "" || !got.Reached || got.Steps != 5 || got.Now != start+10*second || !got.Stands {
		t.Errorf("answer is %+v\n%s", got, diff)
	}
}

func TestClock_pools(t *testing.T) {
	// What comes due in pools on the way is posted at its own instant, whether the pool is in memory or not, and the balance
	// that stands at the target is that of the target.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.customer("ann")
	give := func(effective, expire ledger.Time) {
		t.Helper()
		must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, credits.Caller{Actor: actor}, credits.NewGrant{
			Customer: "ann", CreditType: "tokens", Amount: dec("10"), Type: ledger.Promotional, DisplayName: "g",
			EffectiveAt: effective, ExpireAt: expire}))
	}
	give(0, start+day)
	give(start+2*day, ledger.Never)
	w.restart() // nothing in memory
	w.advance(start+3*day, true)
	rows := w.rows("ann")
	want := []string{"GRANTED 10 at 0", "EXPIRED -10 at 1", "GRANTED 10 at 2"}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (+):\n%s", diff)
	}
}

func TestClock_forward_only(t *testing.T) {
	// A clock goes on from where it was put, never shows less, and cannot be moved back or out of bounds.
	t.Parallel()
	w := setup(t)
	if got := w.advance(start+day, true); got.Now != start+day || !got.Stands {
		t.Fatalf("clock is %+v", got)
	}
	w.tick(5 * second)
	if w.Now(env) != start+day || w.Now(credits.EnvironmentProduction) != start+5*second {
		t.Errorf("clocks show %d and %d", w.Now(env)-start, w.Now(credits.EnvironmentProduction)-start)
	}
	for name, in := range map[string]credits.ClockAdvance{
		"to":  {To: start + day - 1},
		"by":  {By: &credits.Span{Months: credits.ClockAheadMonths + 1}},
		"by ": {By: &credits.Span{Months: credits.ClockAheadMonths, Rest: 1}},
		"to ": {To: ledger.Never},
	} {
		_, err := w.AdvanceClock(w.ctx, env, actor, in)
		wantError(t, err, "InvalidArgumentError", name[:2])
	}
	must[credits.ClockView](t)(w.ReleaseClock(w.ctx, env, actor))
	w.tick(2 * second)
	if got := w.Now(env); got != start+day+2*second {
		t.Errorf("the released clock shows %d", got-start)
	}
	w.tick(-100 * second) // the wall clock is put right
	if got := w.Now(env); got != start+day {
		t.Errorf("the clock shows %d after the wall clock went back", got-start)
	}
	w.tick(100 * second)
	got := must[*credits.ClockAdvanced](t)(w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{By: &credits.Span{Months: 1, Rest: second}}))
	if got.Now != (credits.Span{Months: 1}).From(start+day+2*second)+second || got.Stands {
		t.Errorf("clock is %+v", got)
	}
	w.tick(second)
	w.restart()
	if now := w.Now(env); now != got.Now+second {
		t.Errorf("after a restart the clock shows %d, want %d", now, got.Now+second)
	}
}

func TestClocks_load(t *testing.T) {
	// The clocks that an engine is opened with show what is stored before anything else has read it.
	t.Parallel()
	w := setup(t)
	w.advance(start+day, true)
	clocks := credits.NewClocks(func(string) ledger.Time { return start })
	if err := clocks.Load(w.ctx, w.store); err != nil {
		t.Fatal(err)
	}
	if clocks.Now(env) != start+day || clocks.Now("") != start || clocks.Now(credits.EnvironmentProduction) != start {
		t.Errorf("clocks show %d, %d and %d", clocks.Now(env)-start, clocks.Now("")-start, clocks.Now(credits.EnvironmentProduction)-start)
	}
}

func TestClock_production(t *testing.T) {
	// The clock of a production environment cannot be changed.
	t.Parallel()
	w := setup(t)
	_, err := w.AdvanceClock(w.ctx, credits.EnvironmentProduction, actor, credits.ClockAdvance{To: start + day})
	wantError(t, err, "ClockNotMovable", "")
	_, err = w.ReleaseClock(w.ctx, credits.EnvironmentProduction, actor)
	wantError(t, err, "ClockNotMovable", "")
	_, err = w.AdvanceClock(w.ctx, "env_none", actor, credits.ClockAdvance{To: start + day})
	wantError(t, err, "EnvironmentNotFound", "")
}

func TestClock_work_fails(t *testing.T) {
	// When work fails on the way the clock stands there, also after a restart, and the next call goes on.
	t.Parallel()
	w := setup(t)
	var ran []string
	work := &duty{world: w, kind: "a", ran: &ran, planned: []ledger.Time{start + day, start + 2*day}}
	work.fails = errors.New("the provider is away")
	w.AddDue(work)
	if _, err := w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: start + 3*day}); !errors.Is(err, work.fails) {
		t.Fatalf("error is %v", err)
	}
	w.restart()
	w.tick(second)
	if got := w.Now(env); got != start+day {
		t.Fatalf("the clock shows %d", got-start)
	}
	work.fails = nil
	w.AddDue(work)
	if got := w.advance(start+3*day, false); got.Now != start+3*day || !got.Reached || len(ran) != 2 {
		t.Errorf("answer is %+v, ran %v", got, ran)
	}
}

func TestClock_waits_for_another_node(t *testing.T) {
	// Where another node does what is due, the clock waits for it before it moves on.
	t.Parallel()
	w := setup(t)
	var ran []string
	work := &duty{world: w, kind: "a", ran: &ran, planned: []ledger.Time{start + second, start + 2*second}, held: 3}
	w.AddDue(work)
	got := w.advance(start+3*second, true)
	if want := []string{"a 1 at 1", "a 2 at 2"}; !slices.Equal(ran, want) || !got.Reached {
		t.Errorf("ran %v, answer %+v", ran, got)
	}
}

func TestClock_work_without_end(t *testing.T) {
	// Work that is due and that nobody gets done ends the call; the clock stands there.
	t.Parallel()
	w := setup(t)
	w.AddDue(&duty{world: w, kind: "a", planned: []ledger.Time{start + second}, held: 1_000_000})
	_, err := w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: start + day})
	wantError(t, err, "Unavailable", "")
	if got := w.Now(env); got != start+second {
		t.Errorf("the clock shows %d", got-start)
	}
}

func TestClock_two_movers(t *testing.T) {
	// Whoever releases or moves a clock while it is being moved ends the other's call.
	t.Parallel()
	w := setup(t)
	var ran []string
	work := &duty{world: w, kind: "a", ran: &ran, planned: []ledger.Time{start + day, start + 2*day}}
	work.then = func(ledger.Time) { must[credits.ClockView](t)(w.ReleaseClock(w.ctx, env, actor)) }
	w.AddDue(work)
	_, err := w.AdvanceClock(w.ctx, env, actor, credits.ClockAdvance{To: start + 3*day})
	wantError(t, err, "ClockMovedMeanwhile", "")
	if got := w.Now(env); got != start+day || len(ran) != 1 {
		t.Errorf("the clock shows %d, ran %v", got-start, ran)
	}
}

func TestClock_limit(t *testing.T) {
	// A call that takes too long answers how far it came, and the next one goes on.
	t.Parallel()
	w := setup(t)
	var ran []string
	work := &duty{world: w, kind: "a", ran: &ran, planned: []ledger.Time{start + day, start + 2*day}}
	work.then = func(ledger.Time) { w.tick(60 * second) }
	w.AddDue(work)
	got := w.advance(start+3*day, false)
	if got.Reached || got.Steps != 1 || got.Now != start+day || !got.Stands || got.Target != start+3*day {
		t.Errorf("first answer is %+v", got)
	}
	for range 2 {
		got = w.advance(start+3*day, false)
	}
	if !got.Reached || got.Stands || len(ran) != 2 {
		t.Errorf("last answer is %+v, ran %v", got, ran)
	}
}

func TestNodes_clock(t *testing.T) {
	// The next request on another node is decided at the instant to which a node has moved the clock.
	t.Parallel()
	a, b := twoNodes(t)
	b.confirm()
	a.advance(start+day, true)
	b.confirm()
	if got := b.Now(env); got != start+day {
		t.Errorf("the other node's clock shows %d", got-start)
	}
	b.advance(start+2*day, false)
	b.tick(second)
	a.tick(second)
	a.confirm()
	if got := a.Now(env); got != start+2*day+second {
		t.Errorf("the first node's clock shows %d", got-start)
	}
	made := must[*credits.Environment](t)(a.CreateEnvironment(a.ctx, actor, "Staging", false))
	must[*credits.ClockAdvanced](t)(a.AdvanceClock(a.ctx, made.ID, actor, credits.ClockAdvance{To: start + 3*day, Hold: true}))
	b.confirm()
	if got := b.Now(made.ID); got != start+3*day {
		t.Errorf("the clock of an environment that was not known shows %d", got-start)
	}
}

func TestSpan(t *testing.T) {
	// Durations are read as ISO 8601 has them, months by the calendar; anything else is refused.
	t.Parallel()
	for text, want := range map[string]credits.Span{
		"P1M": {Months: 1}, "P1Y2M": {Months: 14}, "P2W1D": {Rest: 15 * day}, "PT1H": {Rest: 3600 * second},
		"P1DT1M1S": {Rest: day + 61*second}, "PT0S": {}, "P0D": {},
	} {
		if got, err := credits.ParseSpan("by", text); got != want || err != nil {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "1M", "P1", "P-1D", "P1.5D", "PT1D", "P1H", "p1m", "P1M ", "P1000000D", "P1D1M"} {
		if got, err := credits.ParseSpan("by", text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// rows lists the ledger of a customer, oldest first, with days since the start.
func (w *world) rows(customer string) []string {
	w.t.Helper()
	list := must[credits.List[*credits.LedgerLine]](w.t)(w.LedgerPage(w.ctx, env, credits.LedgerFilter{Customer: customer, CreditType: "tokens"}, credits.Page{Limit: 100}))
	var rows []string
	for _, r := range slices.Backward(list.Items) {
		rows = append(rows, fmt.Sprintf("%s %s at %d", r.Type, r.Amount, (r.PostedAt-start)/day))
	}
	return rows
}

func BenchmarkAdvance(b *testing.B) {
	// An advance passes this many due instants, in pools of a hundred customers.
	const customers, each = 100, 10
	w := open(b, postgres.Options(b))
	w.shop()
	for c := range customers {
		w.customer(fmt.Sprint("c", c))
	}
	steps := 0
	for b.Loop() {
		b.StopTimer()
		now := w.Now(env)
		for i := range customers * each {
			must[*credits.Grant](b)(w.CreateGrant(w.ctx, env, credits.Caller{Actor: actor}, credits.NewGrant{
				Customer: fmt.Sprint("c", i%customers), CreditType: "tokens", Amount: dec("1"), Type: ledger.Promotional, DisplayName: "g",
				ExpireAt: now + ledger.Time(i+1)*second}))
		}
		b.StartTimer()
		steps += w.advance(now+customers*each*second, true).Steps
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
