package years

import (
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/fake"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// freezer is the database of a node that can be frozen at a step: then nothing of the node goes on.
type freezer struct {
	credits.Store
	mu     sync.Mutex // held while the node is frozen
	at     string     // the function at whose transaction it freezes; empty means never
	after  bool       // when that transaction is committed
	frozen chan struct{}
	thaw   chan struct{}
}

// arm says where the node freezes next.
func (f *freezer) arm(at string, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.after, f.frozen, f.thaw = at, after, make(chan struct{}), make(chan struct{})
}

func (f *freezer) step(after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == "" || f.after != after || !strings.Contains(string(debug.Stack()), f.at+"(") {
		return
	}
	f.at = ""
	close(f.frozen)
	<-f.thaw
}

func (f *freezer) Update(ctx context.Context, fn func(credits.Tx) error) error {
	f.step(false)
	defer f.step(true)
	return f.Store.Update(ctx, fn)
}

func (f *freezer) View(ctx context.Context, fn func(credits.Tx) error) error {
	f.step(false)
	return f.Store.View(ctx, fn)
}

// pair is two nodes that collect money from one provider.
type pair struct {
	*life
	freezer  *freezer // of the first node
	provider *fake.Provider
	stop     []func()
}

// where a node freezes in the middle of due work.
var where = []struct {
	at    string
	after bool
}{
	{"postBoundary", false},     // credits moved, not noted in the row
	{"postBoundary", true},      // noted, and nothing else done
	{"forgetPurchases", false},  // a bought block granted, still owed in the row
	{"ClaimAttempts", true},     // a payment claimed, not begun
	{"BeginCall", true},         // begun, and the provider not called yet
	{"RecordOutcome", false},    // charged, and nobody knows
	{"applyPayment", false},     // known, and the credits not usable yet
	{"Rest", false},             // usable, and still claimed
	{"dueSubscriptions", false}, // what is due is about to be read
}

func TestFrozenNode(t *testing.T) {
	// A node that freezes anywhere in the middle of due work loses it to another one. When it goes on, every boundary, every
	// expiry and every charge has still happened once.
	t.Parallel()
	p := openPair(t)
	for _, w := range where {
		t.Logf("frozen at %s, after it: %t", w.at, w.after)
		p.round(w.at, w.after)
	}
	p.judge()
}

func openPair(t *testing.T) *pair {
	t.Helper()
	o := store.Options{URL: postgres.Database(t)}
	l := &life{seen: &counters{of: map[string]int{}}, now: time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC)}
	l.installation = install(t, l.now, o, o)
	p := &pair{life: l, freezer: &freezer{Store: l.nodes[0].store}}
	wall := func() time.Time { return time.UnixMicro(p.wall.Load()).UTC() }
	p.provider = fake.New(wall, func(string, int) fake.Act { return fake.Act{} })
	l.nodes[0].start(p.freezer)
	l.nodes[1].start(l.nodes[1].store)
	for _, n := range l.nodes {
		collector := billing.New(billing.Options{Books: n.Service, Now: wall, Providers: func(string) []billing.Provider { return []billing.Provider{p.provider} }})
		n.UseCashier(collector)
		n.AddDue(collector)
	}
	l.shop = &shop{billing: "MONTH", block: "BEGINNING_OF_BILLING_PERIOD", packages: map[string]*rules{}}
	for _, id := range []string{"p", "q", "x", "o"} {
		l.shop.packages[id] = &rules{amounts: []amountFrom{{l.now, 100}}, cadence: "WEEK", carries: true, cap: 30, periods: 2}
	}
	l.nodes[1].stock(l.shop)
	must(t, l.nodes[0].Confirm(t.Context()))
	l.node = l.nodes[1]
	for i := range 4 {
		p.enroll(fmt.Sprintf("c%d", i))
	}
	return p
}

// enroll makes a customer that buys a block per month and holds a gift that expires.
func (p *pair) enroll(id string) {
	p.t.Helper()
	ctx, c := p.t.Context(), &customer{id: id, account: &account{deficit: new(big.Rat)}}
	_, err := p.node.ProvisionCustomer(ctx, env, caller.Actor, credits.NewCustomer{ID: id})
	must(p.t, err)
	terms := &span{from: p.now, plan: "p", addons: map[string]int64{}, seats: 1, quantity: 50}
	c.contract = &contract{shop: p.shop, days: &calendar{map[calendarKey]time.Time{}}, start: p.now, spans: []*span{terms}, blocks: map[string][]*block{}}
	sub, err := p.node.ProvisionSubscription(ctx, env, caller.Actor, credits.NewSubscription{ID: id + "-1", CustomerID: id, PlanID: "p", Charges: terms.charges()})
	must(p.t, err)
	must(p.t, p.node.GrantPurchases(ctx, env, sub))
	c.visit(p.now, p.seen)
	for week := range 60 {
		g := &lot{given: credit(3), ends: p.now.AddDate(0, 0, 7*week+3)}
		_, err := p.node.CreateGrant(ctx, env, caller, credits.NewGrant{Customer: id, CreditType: "tokens", Amount: exact(g.given),
			Type: ledger.Promotional, DisplayName: "gift", ExpireAt: instant(g.ends)})
		must(p.t, err)
		c.account.add(p.now, "GRANTED", g)
	}
	p.customers = append(p.customers, c)
}

// round lets a month pass in which the first node freezes.
func (p *pair) round(at string, after bool) {
	p.t.Helper()
	for _, c := range p.customers {
		_, err := p.node.BuyCredits(p.t.Context(), env, caller, credits.NewTopUp{Customer: c.id, CreditType: "tokens", Amount: exact(credit(20))})
		must(p.t, err)
	}
	p.wall.Add((31 * 24 * time.Hour).Microseconds())
	p.freezer.arm(at, after)
	p.run(p.nodes[0])
	select {
	case <-p.freezer.frozen:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("never came to %s", at)
	}
	p.run(p.nodes[1])
	for deadline := time.Now().Add(30 * time.Second); !p.done(); time.Sleep(100 * time.Millisecond) {
		p.wall.Add((40 * time.Second).Microseconds()) // leases end
		if time.Now().After(deadline) {
			p.t.Fatalf("the other node did not get done while one is frozen at %s", at)
		}
	}
	close(p.freezer.thaw)
	time.Sleep(1500 * time.Millisecond) // the thawed node goes on, and looks for work once more
	for _, stop := range p.stop {
		stop()
	}
	p.stop = nil
	p.node = p.nodes[1]
	must(p.t, p.node.Confirm(p.t.Context()))
}

// run starts the scheduler of a node.
func (p *pair) run(n *node) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { n.Schedule(ctx, slog.New(slog.DiscardHandler)) })
	p.stop = append(p.stop, func() { cancel(); wait.Wait() })
}

// done tells whether nothing is due any more, by the rows.
func (p *pair) done() bool {
	p.t.Helper()
	now, ctx := ledger.Time(p.wall.Load()), p.t.Context()
	var due []credits.DueSubscription
	must(p.t, p.nodes[1].store.View(ctx, func(tx credits.Tx) (err error) {
		due, err = tx.DueSubscriptions(ctx, env, now, credits.DueSubscription{}, 1)
		return err
	}))
	next, err := p.nodes[1].engine.NextDue(ctx, env)
	must(p.t, err)
	unpaid := slices.ContainsFunc(p.attempts(), func(a *credits.PaymentAttempt) bool { return a.State != credits.AttemptPaid })
	return len(due) == 0 && next > now && !unpaid
}

func (p *pair) attempts() []*credits.PaymentAttempt {
	p.t.Helper()
	list, err := p.nodes[1].PaymentAttempts(p.t.Context(), env, credits.AttemptFilter{}, credits.Page{Limit: 100})
	must(p.t, err)
	return list.Items
}

// judge compares what was posted with the calendar, and the provider's books with what became usable.
func (p *pair) judge() {
	p.t.Helper()
	topUp := "GRANTED 20 PRICE"
	usable := 0
	posted := p.posted()
	end := time.UnixMicro(p.wall.Load()).UTC()
	for _, c := range p.customers {
		c.live(p.now, end, p.seen)
		got := slices.DeleteFunc(posted[c.id], func(row string) bool { return strings.HasSuffix(row, topUp) })
		usable += len(posted[c.id][len(got):])
		want := c.account.rows
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			p.t.Errorf("%s: posted (+) is not what the calendar says (-):\n%s", c.id, clip(diff))
		}
	}
	attempts, charges := len(p.attempts()), p.provider.Books()
	if want := len(where) * len(p.customers); attempts != want || usable != want || len(charges) != want {
		p.t.Errorf("%d attempts, %d charges, %d top-ups usable; want %d of each", attempts, len(charges), usable, want)
	}
	p.verify()
}
