package credits

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// planned is a grant of a timeline, as text, so that differences can be read.
func planned(at time.Time, source string, credits *big.Rat, until time.Time) string {
	return fmt.Sprintf("%s %s +%s until %s", at.Format(time.RFC3339), source, credits.RatString(), until.Format(time.RFC3339))
}

// inTime is an instant as the standard library has it.
func inTime(t ledger.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

func ledgerTime(t time.Time) ledger.Time { return ledger.Time(t.UnixMicro()) }

// walk posts every boundary of a subscription up to an instant, and lists what it issued.
func walk(t interface{ Fatalf(string, ...any) }, c *Catalog, sub *Subscription, until ledger.Time) []string {
	var issued []string
	next := ledger.GrantID(1)
	for due := c.Due(sub); due < until; due = c.Due(sub) {
		if due <= sub.PostedUntil && !sub.Changed {
			t.Fatalf("boundary %s follows %s", inTime(due), inTime(sub.PostedUntil))
		}
		turn := c.turnAt(sub, due)
		var made []ledger.GrantID
		var rolled [][]ledger.GrantID
		for i := range turn.pools {
			for _, issue := range turn.pools[i].issues {
				source := issue.source.ID
				if issue.trial {
					source += " trial"
				}
				issued = append(issued, planned(inTime(due), source, issue.amount.Rat(), inTime(issue.expireAt)))
				made = append(made, next)
				next++
			}
			for range turn.pools[i].rolls {
				rolled = append(rolled, []ledger.GrantID{next})
				next++
			}
		}
		for _, p := range turn.purchases {
			issued = append(issued, planned(inTime(due), "bought for "+p.Cost.Amount.String(), p.Quantity.Rat(), time.Time{}))
		}
		sub.post(&turn, made, rolled)
	}
	return issued
}

// calendar is the naive model: it goes from day to day and asks of each whether a period begins on it.
type calendar struct {
	amounts  map[string]int64 // of plans and add-ons
	cadence  string
	policy   string
	start    time.Time
	trialEnd time.Time // zero without a trial
	trial    int64
	steps    []step
	end      time.Time // zero when it stays
}

// step is a change at an instant.
type step struct {
	at     time.Time
	plan   string // empty: as before
	addon  int    // 1 adds it, -1 removes it
	seats  int64  // of the add-on's quantity; 0 as before
	anchor bool   // count anew from here
	pause  int    // 1 pauses, -1 resumes
}

func daysIn(month time.Time) int {
	return time.Date(month.Year(), month.Month()+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1).Day()
}

// begins tells whether a period begins at this instant, counted from an anchor with the same time of day.
func (c *calendar) begins(anchor, day time.Time) bool {
	switch days := int(day.Sub(anchor).Hours() / 24); c.cadence {
	case "DAY":
		return days >= 0
	case "WEEK":
		return days >= 0 && days%7 == 0
	case "YEAR":
		return days >= 0 && day.Month() == anchor.Month() && day.Day() == min(anchor.Day(), daysIn(day))
	default:
		return days >= 0 && day.Day() == min(anchor.Day(), daysIn(day))
	}
}

// around looks for the period around an instant, day by day.
func (c *calendar) around(anchor, t time.Time) (from, to time.Time) {
	for day := anchor; ; day = day.AddDate(0, 0, 1) {
		if c.begins(anchor, day) {
			if day.After(t) {
				return from, day
			}
			from = day
		}
	}
}

// modelState is where the model stands on its way.
type modelState struct {
	*calendar
	instants   map[time.Time][]step
	plan       string
	addons     int64
	paused     bool
	anchor     time.Time
	periodFrom time.Time
	peak       map[string]int64 // what a source gave at most in the period
	out        []string
}

// run lists what is issued before an instant.
func (c *calendar) run(until time.Time) []string {
	m := &modelState{calendar: c, instants: map[time.Time][]step{}, plan: "p", anchor: c.start, peak: map[string]int64{}}
	for _, s := range c.steps {
		m.instants[s.at] = append(m.instants[s.at], s)
	}
	for day := c.start; day.Before(until); day = day.AddDate(0, 0, 1) {
		for _, t := range m.instantsOf(day) {
			m.visit(t)
		}
	}
	return slices.DeleteFunc(m.out, func(line string) bool { return line[:20] >= until.Format(time.RFC3339) })
}

// instantsOf lists where anything can happen in the 24 hours from an instant on: changes, and every anchor's time of day.
func (m *modelState) instantsOf(day time.Time) []time.Time {
	var today []time.Time
	next := day.AddDate(0, 0, 1)
	for _, t := range append([]time.Time{m.start, m.trialEnd}, keys(m.instants)...) {
		if !t.Before(day) && t.Before(next) {
			today = append(today, t)
		}
		turn := day.Add(t.Sub(day) % (24 * time.Hour))
		if turn.Before(day) {
			turn = turn.AddDate(0, 0, 1)
		}
		today = append(today, turn)
	}
	slices.SortFunc(today, time.Time.Compare)
	return slices.Compact(today)
}

// visit does what happens at an instant.
func (m *modelState) visit(now time.Time) {
	if !m.end.IsZero() && !now.Before(m.end) || now.Before(m.start) {
		return
	}
	if !m.trialEnd.IsZero() && now.Equal(m.trialEnd) {
		m.anchor = now
	}
	for _, s := range m.instants[now] {
		m.take(s)
	}
	from, to := m.start, m.trialEnd
	if !m.inTrial(now) {
		from, to = m.around(m.anchor, now)
	}
	if !from.Equal(m.periodFrom) {
		m.periodFrom, m.peak = from, map[string]int64{}
	}
	if !m.paused {
		m.issue(now, from, to)
	}
}

func (m *modelState) inTrial(now time.Time) bool {
	return !m.trialEnd.IsZero() && now.Before(m.trialEnd)
}

// take makes a change.
func (m *modelState) take(s step) {
	if s.plan != "" {
		m.plan = s.plan
	}
	switch s.addon {
	case 1:
		m.addons = 1
	case -1:
		m.addons = 0
	}
	if s.seats > 0 && m.addons > 0 {
		m.addons = s.seats
	}
	if s.anchor && !m.inTrial(s.at) {
		m.anchor = s.at
	}
	m.paused = s.pause == 1 || m.paused && s.pause == 0
}

// issue gives what is above what was given in the period.
func (m *modelState) issue(now, from, to time.Time) {
	have := map[string]int64{m.plan: m.amounts[m.plan], "x": m.amounts["x"] * m.addons}
	suffix := ""
	if m.inTrial(now) {
		have[m.plan], suffix = m.trial, " trial"
	}
	for _, source := range []string{"p", "q", "x"} {
		kept := map[string]string{"p": "plan", "q": "plan", "x": "x"}[source]
		more := have[source] - m.peak[kept]
		whole := now.Equal(from) || m.policy == MidCycleFull
		if more <= 0 || !whole && m.policy == MidCycleNextPeriod {
			continue
		}
		credits := big.NewRat(more, 1)
		if !whole {
			credits = halfUp(new(big.Rat).Mul(credits, big.NewRat(int64(to.Sub(now)), int64(to.Sub(from)))))
		}
		m.peak[kept] = have[source]
		if credits.Sign() > 0 {
			m.out = append(m.out, planned(now, source+suffix, credits, to))
		}
	}
}

func keys(m map[time.Time][]step) []time.Time {
	var list []time.Time
	for t := range m {
		list = append(list, t)
	}
	return list
}

// halfUp rounds to a whole number.
func halfUp(r *big.Rat) *big.Rat {
	twice := new(big.Rat).Add(new(big.Rat).Mul(r, big.NewRat(2, 1)), big.NewRat(1, 1))
	floor := new(big.Int).Div(twice.Num(), new(big.Int).Mul(twice.Denom(), big.NewInt(2)))
	return new(big.Rat).SetInt(floor)
}

// catalog is a real catalogue with the model's plans p and q and its add-on x.
func (c *calendar) catalog() *Catalog {
	in := &Records{}
	for i, id := range []string{"p", "q", "x"} {
		credits := amount.FromInt(c.amounts[id])
		e := PackageEntitlement{EntitlementRef: EntitlementRef{EntitlementCredit, "tokens"}, Behavior: "Increment", IsGranted: true,
			Amount: &credits, Cadence: c.cadence, MidCycle: c.policy}
		if c.trial > 0 {
			trial := amount.FromInt(c.trial)
			e.TrialAmount = &trial
		}
		kind := KindPlan
		if id == "x" {
			kind, e.TrialAmount = KindAddon, nil
		}
		in.Packages = append(in.Packages, &Package{No: int64(i), Kind: kind, ID: id, Published: 1})
		in.Versions = append(in.Versions, &PackageVersion{Kind: kind, PackageID: id, Version: 1, Status: PackagePublished,
			Entitlements: []PackageEntitlement{e}})
	}
	r, err := newRecords(in)
	if err != nil {
		panic(err)
	}
	return newCatalog(r)
}

// subscription is the row that the model's changes make.
func (c *calendar) subscription() *Subscription {
	sub := &Subscription{ID: "s", PlanID: "p", StartAt: ledgerTime(c.start), CreatedAt: ledgerTime(c.start),
		Versions: []PlanSpan{{From: ledgerTime(c.start), PlanID: "p", Version: 1, BillingPeriod: PeriodMonthly}}}
	if !c.trialEnd.IsZero() {
		sub.Trial = &Trial{EndAt: ledgerTime(c.trialEnd), EndBehavior: TrialConverts}
	}
	if !c.end.IsZero() {
		sub.EndAt = ledgerTime(c.end)
	}
	for _, s := range c.steps {
		span := *sub.Current()
		span.From, span.Addons, span.Anchor = ledgerTime(s.at), slices.Clone(span.Addons), 0
		if s.plan != "" {
			span.PlanID = s.plan
		}
		switch {
		case s.addon == 1:
			span.Addons = []SubscribedAddon{{ID: "x", Version: 1, Quantity: 1}}
		case s.addon == -1:
			span.Addons = nil
		}
		if s.seats > 0 && len(span.Addons) > 0 {
			span.Addons[0].Quantity = s.seats
		}
		if s.anchor && !sub.inTrial(ledgerTime(s.at)) {
			span.Anchor = ledgerTime(s.at)
		}
		switch n := len(sub.Pauses); {
		case s.pause == 1 && (n == 0 || sub.Pauses[n-1].To != 0):
			sub.Pauses = append(sub.Pauses, Pause{From: ledgerTime(s.at)})
		case s.pause == -1 && n > 0 && sub.Pauses[n-1].To == 0:
			sub.Pauses[n-1].To = ledgerTime(s.at)
		}
		sub.insertTerms(span)
	}
	return sub
}

func anyCalendar(t *rapid.T) *calendar {
	day := func(name string) time.Time {
		month := rapid.IntRange(0, 30).Draw(t, name+" month")
		first := time.Date(2027, time.Month(1+month), 1, 10, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, rapid.SampledFrom([]int{0, 9, 27, 28, 29, 30}).Draw(t, name+" day")%daysIn(first))
	}
	c := &calendar{
		amounts: map[string]int64{"p": rapid.Int64Range(1, 5000).Draw(t, "p"), "q": rapid.Int64Range(1, 5000).Draw(t, "q"), "x": rapid.Int64Range(1, 99).Draw(t, "x")},
		cadence: rapid.SampledFrom([]string{"DAY", "WEEK", "MONTH", "MONTH", "YEAR"}).Draw(t, "cadence"),
		policy:  rapid.SampledFrom([]string{MidCycleProrate, MidCycleProrate, MidCycleFull, MidCycleNextPeriod}).Draw(t, "policy"),
		start:   day("start"),
	}
	if rapid.Bool().Draw(t, "with trial") {
		c.trialEnd, c.trial = c.start.AddDate(0, 0, rapid.IntRange(1, 40).Draw(t, "trial")), rapid.Int64Range(1, 500).Draw(t, "trial credits")
	}
	if rapid.Bool().Draw(t, "ends") {
		c.end = c.start.AddDate(0, 0, rapid.IntRange(1, 500).Draw(t, "end"))
	}
	seen := map[time.Time]bool{c.start: true}
	near := rapid.IntRange(0, 600).Draw(t, "near")
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		on := rapid.OneOf(rapid.IntRange(0, 600), rapid.IntRange(near, near+25)).Draw(t, "on")
		s := step{at: c.start.AddDate(0, 0, on).Add(rapid.SampledFrom([]time.Duration{0, 0, 20*time.Hour + 15*time.Minute}).Draw(t, "hour"))}
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0, 5, 6:
			s.plan = rapid.SampledFrom([]string{"p", "q"}).Draw(t, "plan")
		case 1:
			s.addon = rapid.SampledFrom([]int{1, 1, -1}).Draw(t, "add-on")
		case 2:
			s.seats = rapid.Int64Range(1, 9).Draw(t, "quantity")
		case 3:
			s.anchor = true
		default:
			s.pause = rapid.SampledFrom([]int{1, -1}).Draw(t, "pause")
		}
		if !seen[s.at] {
			seen[s.at] = true
			c.steps = append(c.steps, s)
		}
	}
	slices.SortFunc(c.steps, func(a, b step) int { return cmp.Compare(a.at.UnixMicro(), b.at.UnixMicro()) })
	return c
}

func TestTimelineEqualsCalendar(t *testing.T) {
	// S10.2, S10.4, S10.5: whatever changes when, the boundaries issue what a model that walks from day to day issues.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyCalendar(t)
		until := c.start.AddDate(2, 3, 0)
		if c.cadence == "DAY" || c.cadence == "WEEK" {
			until = c.start.AddDate(0, 9, 0)
		}
		got := walk(t, c.catalog(), c.subscription(), ledgerTime(until))
		want := c.run(until)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("the model and the timeline differ:\n%s\n%+v", diff, c)
		}
	})
}
