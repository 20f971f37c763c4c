package years

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

var (
	seedsFlag = flag.Int("years.seeds", 50, "how many worlds live for three years each")
	firstFlag = flag.Uint64("years.first", 1, "the first seed")
)

type ledgerTime = ledger.Time

// rare is what must have happened in a run of fifty seeds.
var rare = []string{"31st clamped", "leap day clamped", "cadence DAY", "cadence WEEK", "cadence MONTH", "cadence YEAR", "cadence ", "seats",
	"prorated", "carried over", "forgiven", "deficit carried", "cut short", "revoked", "bought once", "bought MONTH", "bought YEAR",
	"trial stops", "trial converts", "future start", "upgrade", "downgrade", "add-on x", "add-on o", "add-on removed", "change at the period's end",
	"scheduled change", "anchor moved", "cancel IMMEDIATE", "cancel END_OF_BILLING_PERIOD", "cancel SPECIFIC_DATE", "end taken back",
	"paused", "resumed", "top-up", "scheduled grant", "event", "published for all", "at a boundary", "on time", "compared on time", "scheduler late",
	"scheduler weeks late", "restarted"}

func TestYears(t *testing.T) {
	// For years, whatever customers do and however late the scheduler is: every issuance, expiry, roll-over and forgiveness is
	// posted once, with the instant and the amount of a calendar on paper, and the books add up.
	t.Parallel()
	seen := &counters{of: map[string]int{}}
	for i := range *seedsFlag {
		seed := *firstFlag + uint64(i)
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			live(t, seed, seen, postgres.Options(t))
		}) {
			t.Fatalf("again with: go test ./test/years -run '^TestYears$' -years.first=%d -years.seeds=1", seed)
		}
	}
	wantRare(t, seen)
}

func TestYears_nodes(t *testing.T) {
	// The same with two nodes over one database, each of which serves and runs what is due.
	t.Parallel()
	seen := &counters{of: map[string]int{}}
	for i := range uint64(4) {
		o := store.Options{URL: postgres.Database(t)}
		live(t, *firstFlag+1000+i, seen, o, o)
	}
}

func wantRare(t *testing.T, seen *counters) {
	t.Helper()
	maps.DeleteFunc(seen.of, func(_ string, n int) bool { return n == 0 })
	t.Logf("seen: %v", seen.of)
	if *seedsFlag < 50 {
		return
	}
	for _, name := range rare {
		if seen.of[name] == 0 {
			t.Errorf("%q never happened", name)
		}
	}
}

// live is the whole story of one seed.
func live(t *testing.T, seed uint64, seen *counters, options ...store.Options) {
	t.Helper()
	l := &life{random: rand.New(rand.NewPCG(seed, 3)), seen: seen}
	leap := time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)
	l.now = pick(l, time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC), leap, leap.Add(time.Hour),
		time.Date(2027, 3, 31, 23, 59, 59, 0, time.UTC), time.Date(2027, time.Month(l.between(1, 12)), int(l.between(1, 28)), 5, 6, 7, 0, time.UTC))
	if seed%5 == 0 {
		l.now = leap
	}
	end := l.now.AddDate(3, 0, 0)
	l.testClock = l.chance(40)
	l.installation = install(t, l.now, options...)
	l.node = l.nodes[0]
	l.shop = l.anyShop()
	if l.steady = seed%5 == 0; l.steady {
		l.shop.packages["p"].cadence, l.shop.packages["q"].cadence = "YEAR", "YEAR"
	}
	l.node.stock(l.shop)
	for i := range 2 {
		c := &customer{id: fmt.Sprintf("c%d", i), account: &account{deficit: new(big.Rat)}}
		_, err := l.node.ProvisionCustomer(t.Context(), env, caller.Actor, credits.NewCustomer{ID: c.id})
		must(t, err)
		must(t, l.nodes[len(l.nodes)-1].Confirm(t.Context()))
		l.customers = append(l.customers, c)
		l.subscribe(c)
	}
	for l.now.Before(end) {
		c := pick(l, l.customers...)
		l.pass(l.anyGap(c))
		if l.testClock && l.chance(10) {
			l.compare() // before anybody asks: the scheduler alone has posted everything
			l.seen.add("compared on time", 1)
		}
		l.act(c)
		l.check(c)
	}
	l.pass(l.now.AddDate(0, 0, 1))
	l.settleAll()
	l.compare()
	l.verify()
}

// act does one thing.
func (l *life) act(c *customer) {
	l.t.Helper()
	k := c.contract
	switch n := l.random.IntN(100); {
	case n < 40:
		l.use(c)
	case n < 47:
		l.give(c)
	case k.ended(l.now):
		l.subscribe(c)
	case l.keeps(c):
		l.buy(c)
	case n < 72:
		l.change(c)
	case n < 80:
		l.rest(c)
	case n < 86:
		l.cancel(c)
	case n < 97:
		l.buy(c)
	default:
		l.publish()
	}
}

// check compares the balance of a customer, after each thing that happened. Verify holds each pool to the invariants of the
// ledger after each entry, at the end.
func (l *life) check(c *customer) {
	l.t.Helper()
	list, err := l.node.Balances(l.t.Context(), env, credits.PoolFilter{Customer: c.id})
	must(l.t, err)
	got := new(big.Rat)
	for _, v := range list {
		got.Add(got, v.Balance.Rat())
	}
	if want := c.account.balance(); got.Cmp(want) != 0 {
		l.compare()
		l.t.Fatalf("%s has %s at %s, want %s", c.id, got.RatString(), l.now, want.RatString())
	}
}

// settleAll brings every customer up to now, as a scheduler does at last.
func (l *life) settleAll() {
	l.t.Helper()
	l.node.advance(l.now, l.testClock)
	for _, n := range l.nodes {
		must(l.t, n.Confirm(l.t.Context()))
	}
}

// compare compares what is posted of each customer with the model.
func (l *life) compare() {
	l.t.Helper()
	posted := l.posted()
	for _, c := range l.customers {
		want, got := slices.Clone(c.account.rows), posted[c.id]
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			l.t.Errorf("%s: posted (+) is not what the calendar says (-):\n%s", c.id, clip(diff))
		}
	}
	if l.t.Failed() {
		l.t.Logf("last: %v", l.seen.last)
		l.t.FailNow()
	}
}

func clip(text string) string { return text[:min(len(text), 4000)] }

// compared are the kinds of rows that the calendar foretells.
var compared = []ledger.RowType{ledger.Granted, ledger.ExpiredRow, ledger.VoidedRow, ledger.Updated, ledger.RolledIn, ledger.RolledOut}

// posted reads from the journal what was posted, by customer.
func (l *life) posted() map[string][]string {
	l.t.Helper()
	rows, source, last := map[string][]string{}, map[ledger.GrantID]string{}, map[string]ledger.Time{}
	err := engine.Entries(l.t.Context(), l.nodes[0].store.Journal(), engine.NewPosition(0, 1), func(e *engine.Entry) error {
		for _, text := range e.Texts {
			source[text.Grant] = text.SourceType
		}
		for _, p := range e.Pools {
			for i := range p.Facts {
				f := &p.Facts[i]
				if f.Kind == ledger.FactGrant && f.Grant.Type == ledger.Overdraft {
					source[f.Grant.ID] = "OVERDRAFT"
				}
				if f.Kind != ledger.FactRow {
					continue
				}
				if f.Row.PostedAt < last[e.Customer] {
					return errors.New("time goes back")
				}
				last[e.Customer] = f.Row.PostedAt
				if slices.Contains(compared, f.Row.Type) && !f.Row.Amount.IsZero() {
					rows[e.Customer] = append(rows[e.Customer], line(moment(f.Row.PostedAt), f.Row.Type.String(), f.Row.Amount.Rat(), source[f.Row.Grant]))
				}
			}
		}
		return nil
	})
	must(l.t, err)
	return rows
}

// verify recomputes the whole database.
func (l *life) verify() {
	l.t.Helper()
	for _, n := range l.nodes {
		n.engine.Close()
	}
	s := l.nodes[0].store
	_, err := engine.Verify(context.WithoutCancel(l.t.Context()), s.Journal(), 1)
	_, money := credits.VerifyRevenue(l.t.Context(), s, s.Journal(), 1)
	must(l.t, cmp.Or(err, money))
}
