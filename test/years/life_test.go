package years

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// counters prove that rare things happened, and tell what happened last.
type counters struct {
	mu   sync.Mutex
	of   map[string]int
	last []string
}

// story is how many of the last things a failure tells.
const story = 30

func (c *counters) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[name] += n
	c.last = append(c.last, name)
	c.last = c.last[max(0, len(c.last)-story):]
}

// life is the world of one seed: a real installation and the model beside it.
type life struct {
	*installation
	random    *rand.Rand
	seen      *counters
	shop      *shop
	now       time.Time
	testClock bool // the scheduler runs on time, by the test clock
	steady    bool // one customer keeps a yearly plan that it has since a leap day
	customers []*customer
	node      *node // that serves the operation under way
}

// customer is one of the model's, with at most one contract at a time.
type customer struct {
	id       string
	account  *account
	contract *contract // the newest, or nil
	count    int       // of contracts
}

func (l *life) chance(percent int) bool { return l.random.IntN(100) < percent }

func (l *life) between(low, high int64) int64 { return low + l.random.Int64N(high-low+1) }

func pick[T any](l *life, from ...T) T { return from[l.random.IntN(len(from))] }

// anyRules are the entitlement of a plan or add-on.
func (l *life) anyRules(plan bool) *rules {
	r := &rules{amounts: []amountFrom{{l.now, l.between(20, 900)}}, cadence: pick(l, "WEEK", "MONTH", "MONTH", "MONTH", "YEAR"),
		policy: pick(l, "", "", "PRORATE", "FULL", "NEXT_PERIOD")}
	if !plan {
		r.amounts[0].amount = l.between(1, 1500)
		if l.chance(12) {
			r.cadence = "DAY"
		}
	}
	if l.chance(40) {
		r.trial = l.between(1, 300)
	}
	r.seats = plan && l.chance(30)
	r.forgives = l.chance(50)
	switch r.carries = l.chance(45); {
	case !r.carries:
		r.value = pick[int64](l, 0, 0, 2)
	case l.chance(50):
		r.cap = l.between(1, 300)
	case l.chance(60):
		r.percent = pick[int64](l, 50, 25, 10)
	}
	r.periods = int(l.between(1, 3))
	return r
}

func (l *life) anyShop() *shop {
	return &shop{billing: pick(l, "MONTH", "YEAR"), block: pick(l, "", "MONTHLY", "BEGINNING_OF_BILLING_PERIOD"), life: pick(l, 0, 45, 200),
		packages: map[string]*rules{"p": l.anyRules(true), "q": l.anyRules(true), "x": l.anyRules(false), "o": l.anyRules(false)}}
}

// next is the next instant after another at which something may happen to a customer.
func (c *customer) next(after time.Time) time.Time {
	var list []time.Time
	for _, l := range c.account.lots {
		if !l.gone {
			list = append(list, l.begins, l.ends)
		}
	}
	if k := c.contract; k != nil && !k.ended(after) {
		list = append(list, k.start, k.end, k.trialEnd)
		for _, p := range k.pauses {
			list = append(list, p.from, p.to)
		}
		for _, s := range k.spans {
			list = append(list, s.from)
		}
		for _, blocks := range k.blocks {
			for _, b := range blocks {
				list = append(list, b.to)
			}
		}
		anchor := k.anchor(after)
		days := max(0, int(after.Sub(anchor)/(24*time.Hour)))
		list = append(list, anchor.AddDate(0, 0, days), anchor.AddDate(0, 0, days+1))
	}
	list = slices.DeleteFunc(list, func(t time.Time) bool { return !t.After(after) })
	if len(list) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(list, time.Time.Compare)
}

// live lets a customer of the model live from one instant to another.
func (c *customer) live(from, to time.Time, seen *counters) {
	for t := c.next(from); !t.IsZero() && !t.After(to); t = c.next(t) {
		c.visit(t, seen)
	}
}

func (c *customer) visit(t time.Time, seen *counters) {
	if c.contract != nil {
		c.contract.visit(c.account, t, seen)
	}
	c.account.expire(t)
	c.account.activate(t)
	c.account.settle()
}

// pass lets time pass, on the model, on the clock, and, if it runs now, for the scheduler.
func (l *life) pass(to time.Time) {
	l.t.Helper()
	for _, c := range l.customers {
		c.live(l.now, to, l.seen)
	}
	late := to.Sub(l.now)
	l.now = to
	l.seen.add(to.Format(time.RFC3339), 0)
	l.node = l.nodes[l.random.IntN(len(l.nodes))]
	if l.testClock {
		must(l.t, l.node.Confirm(l.t.Context()))
		l.node.advance(to, true)
		l.seen.add("on time", 1)
	} else {
		l.wall.Store(to.UnixMicro())
		if l.chance(40) {
			must(l.t, l.node.Confirm(l.t.Context()))
			l.node.advance(to, false)
			l.seen.add("scheduler late", 1)
			if late > 14*24*time.Hour {
				l.seen.add("scheduler weeks late", 1)
			}
		}
	}
	if l.chance(2) {
		l.node.start(l.node.store)
		l.seen.add("restarted", 1)
	}
	must(l.t, l.node.Confirm(l.t.Context()))
}

// anyGap is when the next thing happens.
func (l *life) anyGap(c *customer) time.Time {
	if l.chance(15) {
		if next := c.next(l.now); !next.IsZero() {
			l.seen.add("at a boundary", 1)
			return next
		}
	}
	gap := pick(l, time.Duration(l.between(1, 7200))*time.Second, time.Duration(l.between(1, 400))*time.Hour,
		time.Duration(l.between(1, 30*86400))*time.Second, time.Duration(l.between(5, 60))*24*time.Hour)
	return l.now.Add(gap)
}

// keeps tells whether a customer never changes its contract.
func (l *life) keeps(c *customer) bool { return l.steady && c.id == "c1" }

// subscribe begins a contract, now or later.
func (l *life) subscribe(c *customer) {
	l.t.Helper()
	s := &span{from: l.now, plan: pick(l, "p", "q"), addons: map[string]int64{}, seats: l.between(1, 6)}
	k := &contract{shop: l.shop, days: &calendar{map[calendarKey]time.Time{}}, start: l.now, spans: []*span{s}, blocks: map[string][]*block{}}
	if l.chance(20) && !l.keeps(c) {
		k.start = l.now.Add(time.Duration(l.between(1, 40*86400)) * time.Second)
		l.seen.add("future start", 1)
	}
	s.from = k.start
	if l.chance(40) {
		s.quantity = l.between(buyLeast, buyMost)
	}
	c.count++
	start := instant(k.start)
	in := credits.NewSubscription{ID: fmt.Sprintf("%s-%d", c.id, c.count), CustomerID: c.id, PlanID: s.plan, StartAt: &start,
		BillingPeriod: map[string]string{"MONTH": credits.PeriodMonthly, "YEAR": credits.PeriodAnnually}[l.shop.billing], Charges: s.charges()}
	if l.chance(30) && !l.keeps(c) {
		k.trialEnd = k.start.Add(time.Duration(l.between(1, 40*86400)) * time.Second)
		until := instant(k.trialEnd)
		in.Trial = &credits.TrialWish{IsTrial: true, EndBehavior: credits.TrialConverts, EndAt: &until}
		if k.trialStops = l.chance(35); k.trialStops {
			in.Trial.EndBehavior, k.end = credits.TrialCancels, k.trialEnd
			l.seen.add("trial stops", 1)
		} else {
			l.seen.add("trial converts", 1)
		}
	}
	sub, err := l.node.ProvisionSubscription(l.t.Context(), env, caller.Actor, in)
	must(l.t, err)
	must(l.t, l.node.GrantPurchases(l.t.Context(), env, sub))
	c.contract = k
	c.visit(l.now, l.seen)
}

func (s *span) charges() []credits.PurchasedQuantity {
	list := []credits.PurchasedQuantity{{Type: credits.EntitlementFeature, ID: "seats", Quantity: exact(credit(s.seats))}}
	if s.quantity > 0 {
		list = append(list, credits.PurchasedQuantity{Type: credits.EntitlementCredit, ID: "tokens", Quantity: exact(credit(s.quantity))})
	}
	return list
}

func (s *span) list() []credits.SubscribedAddon {
	list := []credits.SubscribedAddon{}
	for _, id := range slices.Sorted(maps.Keys(s.addons)) {
		list = append(list, credits.SubscribedAddon{ID: id, Quantity: s.addons[id]})
	}
	return list
}

// use burns credits, by an event where a plan prices it.
func (l *life) use(c *customer) {
	l.t.Helper()
	key := fmt.Sprintf("use-%d", l.ids.Add(1))
	k := c.contract
	if k != nil && !l.now.Before(k.start) && !k.ended(l.now) && l.chance(50) {
		got, err := l.node.RecordEvents(l.t.Context(), env, caller, []credits.ReportedEvent{{Customer: c.id, Name: "call", Key: key, At: instant(l.now)}}, true)
		must(l.t, err)
		if len(got[0].Burns) != 1 {
			l.t.Fatalf("the event became %+v", got[0])
		}
		c.account.burn(credit(rates[k.terms(l.now).plan]))
		l.seen.add("event", 1)
		return
	}
	quantity := big.NewRat(l.between(1, 400*4), 4)
	_, err := l.node.Consume(l.t.Context(), env, caller, credits.Consumption{Customer: c.id, CreditType: "tokens", Amount: exact(quantity), Key: key})
	must(l.t, err)
	c.account.burn(quantity)
}

// give makes a promotional grant, which may begin later.
func (l *life) give(c *customer) {
	l.t.Helper()
	g := &lot{source: "", given: credit(l.between(1, 300)), begins: l.now, ends: l.now.AddDate(0, 0, int(l.between(20, 300)))}
	if l.chance(50) {
		g.begins = l.now.Add(time.Duration(l.between(1, 15*86400)) * time.Second)
		l.seen.add("scheduled grant", 1)
	}
	_, err := l.node.CreateGrant(l.t.Context(), env, caller, credits.NewGrant{Customer: c.id, CreditType: "tokens", Amount: exact(g.given),
		Type: ledger.Promotional, DisplayName: "gift", EffectiveAt: instant(g.begins), ExpireAt: instant(g.ends)})
	must(l.t, err)
	c.account.add(l.now, "GRANTED", g)
	c.account.settle()
}
