package payments_test

import (
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/billing/fake"
	"github.com/scrip-dev/scrip/internal/credits"
)

func TestFrozenCollectorChargesNothingTwice(t *testing.T) {
	// A process that freezes while it calls the provider loses its attempt to another one. When it wakes, its call has no second
	// effect and what it brings back is refused.
	t.Parallel()
	w := open(t)
	w.customer("ann")
	frozen, thaw := make(chan struct{}), make(chan struct{})
	w.provider = fake.New(w.wall, func(key string, call int) fake.Act {
		if call == 1 && !strings.Contains(key, " ") {
			close(frozen)
			<-thaw
			return fake.Act{State: credits.AttemptFailed} // it would, if its effect were the first
		}
		return fake.Act{}
	})
	bought, err := w.BuyCredits(t.Context(), env, caller, credits.NewTopUp{Customer: "ann", CreditType: "tokens", Amount: amount.FromInt(100)})
	must(t, err)
	slept := make(chan error)
	go func() { slept <- w.collector(&life{}).Collect(t.Context(), env, bought.Attempt.ID) }()
	<-frozen
	must(t, w.collector(&life{}).Collect(t.Context(), env, bought.Attempt.ID))
	if a := w.attempts()[0]; a.State != credits.AttemptPending {
		t.Fatalf("the attempt is %s while its lease lasts", a.State)
	}
	w.tick(2 * time.Minute)
	must(t, w.collector(&life{}).Collect(t.Context(), env, bought.Attempt.ID))
	close(thaw)
	must(t, <-slept)
	books := w.provider.Books()
	if len(books) != 1 || books[0].Key != bought.Attempt.ID || books[0].State != credits.AttemptPaid {
		t.Errorf("the provider's books hold %+v, want one paid charge", books)
	}
	if a := w.attempts()[0]; a.State != credits.AttemptPaid || a.Fence < 2 {
		t.Errorf("the attempt is %s under fence %d", a.State, a.Fence)
	}
}

func TestCollectorOfAnUnknownKeyGivesUp(t *testing.T) {
	// What the provider does not know of when it may have forgotten the key has failed, and is not charged anew.
	t.Parallel()
	w := open(t)
	w.customer("ann")
	w.plan = func(string, int) fake.Act { return fake.Act{Fault: fake.TimeoutBefore} }
	bought, err := w.BuyCredits(t.Context(), env, caller, credits.NewTopUp{Customer: "ann", CreditType: "tokens", Amount: amount.FromInt(100)})
	must(t, err)
	must(t, w.collector(&life{}).Collect(t.Context(), env, bought.Attempt.ID))
	w.tick(24 * time.Hour)
	w.plan = func(string, int) fake.Act { return fake.Act{} }
	_, err = w.collector(&life{}).Run(t.Context(), env)
	must(t, err)
	if a := w.attempts()[0]; a.State != credits.AttemptFailed || a.FailureCode != "NEVER_CHARGED" || len(w.provider.Books()) != 0 {
		t.Errorf("the attempt is %s %s, with %d charges", a.State, a.FailureCode, len(w.provider.Books()))
	}
}
