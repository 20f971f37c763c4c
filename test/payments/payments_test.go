// Package payments_test attacks the collecting of money: a provider that misbehaves on command, processes that are killed at
// each step, and then the provider's books against the grants, attempt by attempt (I14).
package payments_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/billing/fake"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/postgres"
)

var (
	attemptsFlag = flag.Int("payments.attempts", 500, "how many attempts to collect money are made")
	seedFlag     = flag.Uint64("payments.seed", 1, "what happens to them")
)

func TestEverythingOnPostgres(t *testing.T) {
	// Money is collected alike on PostgreSQL.
	t.Parallel()
	postgres.Again(t, ".")
}

// storm is a random load on a world.
type storm struct {
	*world
	rng    *rand.Rand
	grants int
	kills  int
	lost   int // purchases that were killed on the way
}

func TestMoneyChargedIsMoneyOfGrants(t *testing.T) {
	// Whatever the provider does and wherever processes are killed, the money in the provider's books is the money of the
	// grants that are usable, attempt by attempt, and no attempt stays undecided.
	t.Parallel()
	wanted := *attemptsFlag
	if postgres.SecondRun() {
		wanted = min(wanted, 150) // what differs between databases is in the statements
	}
	var seen toll
	t.Run("storms", func(t *testing.T) {
		for part := range uint64(storms) {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				rage(t, *seedFlag+part, (wanted+storms-1)/storms, &seen)
			})
		}
	})
	if !t.Failed() && (seen.usable.Load() == 0 || seen.parked.Load() == 0 || seen.kills.Load() == 0 || seen.lost.Load() == 0) {
		t.Errorf("nothing was attacked: %d grants paid, %d parked, %d processes killed, %d purchases cut off",
			seen.usable.Load(), seen.parked.Load(), seen.kills.Load(), seen.lost.Load())
	}
}

// toll is what all storms did together.
type toll struct{ usable, parked, kills, lost atomic.Int64 }

// storms rage side by side, each on a database of its own: nearly all of their time they wait for the disk.
const storms = 5

func rage(t *testing.T, seed uint64, wanted int, seen *toll) {
	s := &storm{world: open(t), rng: rand.New(rand.NewPCG(seed, 14))}
	s.plan = s.act
	for i := range 10 {
		s.customer(fmt.Sprintf("c%d", i))
	}
	for len(s.attempts()) < wanted {
		for range 50 {
			s.buy()
		}
		for range 4 {
			s.round()
		}
		s.retry()
	}
	s.calm()
	s.judge(seen)
	t.Logf("seed %d: %d attempts, %d processes killed, %d purchases cut off", seed, len(s.attempts()), s.kills, s.lost)
}

// act is how the provider treats a call.
func (s *storm) act(string, int) fake.Act {
	states := []credits.AttemptState{credits.AttemptPaid, credits.AttemptPaid, credits.AttemptPaid, credits.AttemptFailed,
		credits.AttemptActionRequired, credits.AttemptProcessing}
	a := fake.Act{State: states[s.rng.IntN(len(states))], Copies: s.rng.IntN(12) - 1, Forged: s.rng.IntN(5) == 0}
	if s.rng.IntN(3) == 0 {
		a.Fault = fake.Fault(1 + s.rng.IntN(3))
	}
	if s.rng.IntN(4) == 0 {
		a.Delay = time.Duration(s.rng.IntN(3*24*60)) * time.Minute
	}
	if s.rng.IntN(25) == 0 {
		a.Extra = int64(s.rng.IntN(200)) - 100
	}
	return a
}

// buy buys something of one of a few prices, by a process that may be killed at any of its transactions.
func (s *storm) buy() {
	s.t.Helper()
	s.grants++
	if s.rng.IntN(4) == 0 {
		s.store.life = &life{left: 1 + s.rng.IntN(4), after: s.rng.IntN(2) == 0}
	}
	defer func() { s.store.life = &life{} }()
	customer := fmt.Sprintf("c%d", s.rng.IntN(10))
	credit := amount.FromInt(int64(1+s.rng.IntN(3)) * 100)
	var err error
	if s.rng.IntN(2) == 0 {
		_, err = s.BuyCredits(s.t.Context(), env, caller, credits.NewTopUp{Customer: customer, CreditType: "tokens", Amount: credit,
			Key: fmt.Sprint("buy ", s.grants)})
	} else {
		policies := []string{credits.InvoiceIssued, credits.InvoicePaid}
		_, err = s.CreateGrant(s.t.Context(), env, caller, credits.NewGrant{Customer: customer, CreditType: "tokens", DisplayName: "Sale",
			Amount: credit, Cost: &ledger.Money{Amount: amount.FromInt(30), Currency: "usd"}, Key: fmt.Sprint("buy ", s.grants),
			Collection: []string{credits.CollectCharge, credits.CollectInvoice}[s.rng.IntN(2)], Policy: policies[s.rng.IntN(2)]})
	}
	if errors.Is(err, errDead) {
		s.lost++
		return
	}
	must(s.t, err)
}

// round lets a process collect that may be killed at one of its steps, customers and banks act, and notices arrive.
func (s *storm) round() {
	s.t.Helper()
	l := &life{}
	if s.rng.IntN(2) == 0 {
		l.left, l.after = 1+s.rng.IntN(60), s.rng.IntN(2) == 0
	}
	if _, err := s.collector(l).Run(s.t.Context(), env); err != nil && !errors.Is(err, errDead) {
		s.t.Fatal(err)
	}
	if l.dead {
		s.kills++
	}
	for _, c := range s.provider.Books() {
		switch s.rng.IntN(20) {
		case 0, 1:
			s.provider.Settle(c.Key, s.rng.IntN(3) > 0)
		case 2:
			if s.rng.IntN(20) == 0 {
				s.provider.GiveBack(c.Key, int64(s.rng.IntN(3000)), s.rng.IntN(4) == 0)
			}
		}
	}
	s.deliver(s.collector(&life{}), s.rng.Shuffle)
	s.tick(time.Duration(1+s.rng.IntN(180)) * time.Minute)
}

// retry tries some failed payments again.
func (s *storm) retry() {
	s.t.Helper()
	for _, a := range s.attempts() {
		if a.State != credits.AttemptFailed || s.rng.IntN(4) != 0 {
			continue
		}
		_, err := s.RetryAttempt(s.t.Context(), env, caller, a.ID)
		var known *credits.Error
		if err != nil && (!errors.As(err, &known) || known.Code != "PaymentNotRetryable") {
			s.t.Fatal(err)
		}
	}
}

// calm lets the provider answer, everybody who must act does, and time pass until nothing is left to do.
func (s *storm) calm() {
	s.t.Helper()
	s.planMu.Lock()
	s.plan = func(string, int) fake.Act { return fake.Act{} }
	s.planMu.Unlock()
	for range 300 {
		if _, err := s.collector(&life{}).Run(s.t.Context(), env); err != nil {
			s.t.Fatal(err)
		}
		for _, c := range s.provider.Books() {
			s.provider.Settle(c.Key, true)
		}
		arrived := s.deliver(s.collector(&life{}), s.rng.Shuffle)
		next, err := s.NextAttempt(s.t.Context(), env)
		must(s.t, err)
		if arrived == 0 && s.provider.Underway() == 0 && next == ledger.Never && len(s.undecided()) == 0 {
			return
		}
		s.tick(12 * time.Hour)
	}
	for _, a := range s.undecided() {
		s.t.Errorf("attempt %s is still %s after %d tries", a.ID, a.State, a.Tries)
	}
}

// undecided are the attempts that are neither settled nor parked for a person.
func (s *storm) undecided() []*credits.PaymentAttempt {
	var list []*credits.PaymentAttempt
	for _, a := range s.attempts() {
		if a.State.Unsettled() && a.State != credits.AttemptParked {
			list = append(list, a)
		}
	}
	return list
}

// judge compares the provider's books with the grants.
func (s *storm) judge(seen *toll) {
	s.t.Helper()
	attempts := map[string]*credits.PaymentAttempt{}
	paidBy := map[ledger.GrantID]int{} // whole payments of what was asked
	var parked int
	for _, a := range s.attempts() {
		attempts[a.ID] = a
	}
	for _, c := range s.provider.Books() {
		a := attempts[c.Key]
		switch {
		case a == nil:
			s.t.Errorf("money was asked for under the key %s, which is no attempt", c.Key)
		case c.State == credits.AttemptPaid && c.Taken != a.Cost:
			parked++
			s.wantState(a, credits.AttemptParked)
		case c.State == credits.AttemptPaid:
			paidBy[a.GrantID]++
			s.wantState(a, credits.AttemptPaid)
		default:
			if a.State == credits.AttemptPaid || a.State == credits.AttemptParked {
				s.t.Errorf("attempt %s is %s, but its charge is %s", a.ID, a.State, c.State)
			}
		}
	}
	usable := s.judgeGrants(attempts, paidBy)
	seen.usable.Add(int64(usable))
	seen.parked.Add(int64(parked))
	seen.kills.Add(int64(s.kills))
	seen.lost.Add(int64(s.lost))
}

func (s *storm) wantState(a *credits.PaymentAttempt, want credits.AttemptState) {
	s.t.Helper()
	if a.State != want {
		s.t.Errorf("attempt %s of %s %s is %s, want %s", a.ID, a.Cost.Amount, a.Cost.Currency, a.State, want)
	}
}

// judgeGrants looks at each grant once, and says how many were paid.
func (s *storm) judgeGrants(attempts map[string]*credits.PaymentAttempt, paidBy map[ledger.GrantID]int) int {
	s.t.Helper()
	seen, usable := map[ledger.GrantID]bool{}, 0
	for _, a := range attempts {
		if seen[a.GrantID] {
			continue
		}
		seen[a.GrantID] = true
		g, err := s.Grant(s.t.Context(), env, a.GrantID)
		must(s.t, err)
		orders, err := s.OrdersOf(s.t.Context(), env, []*credits.Grant{g})
		must(s.t, err)
		o := orders[g.ID]
		if g.Cost != a.Cost {
			s.t.Errorf("grant %d costs %s, its attempt %s", g.ID, g.Cost.Amount, a.Cost.Amount)
		}
		paid := paidBy[g.ID]
		switch late := has(o.Flags, credits.FlagPaidAfterExpiry); {
		case paid > 1:
			s.t.Errorf("grant %d was paid %d times", g.ID, paid)
		case paid == 1 && !late && (g.Payment != ledger.PaymentPaid || g.ActivatedAt == 0):
			s.t.Errorf("grant %d was paid, and is %s %s", g.ID, g.Status, g.Payment)
		case paid == 0 && g.Payment == ledger.PaymentPaid:
			s.t.Errorf("grant %d says that it was paid, and was not", g.ID)
		case paid == 0 && g.ActivatedAt != 0 && o.Policy != credits.InvoiceIssued:
			s.t.Errorf("grant %d is usable, and was not paid", g.ID)
		}
		usable += paid
	}
	return usable
}

func has(list []string, wanted string) bool {
	for _, v := range list {
		if v == wanted {
			return true
		}
	}
	return false
}
