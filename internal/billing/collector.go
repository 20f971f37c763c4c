package billing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Limits of the work on attempts.
const (
	callMax     = 30 * time.Second // for one call of a provider; less than the lease of an attempt
	atOnce      = 4                // attempts worked on side by side, so that a slow call delays few others
	roundsMax   = 250              // batches in one Run, so that one environment does not keep the others waiting
	lapsingMax  = 100              // orders given up in one transaction's list
	putOffFirst = 2 * time.Second  // before the first repeat after an unknown result
	putOffMost  = 5 * time.Minute  // before any later one
	pollsMost   = 6 * time.Hour    // between two looks at what an attempt has come to
	orphanWait  = time.Hour        // before an attempt is looked at again whose provider is not configured
)

// Books are the rows of package credits as the collector needs them. They are implemented by *credits.Service.
type Books interface {
	ClaimAttempts(ctx context.Context, env string, most int) ([]*credits.Work, error)
	ClaimAttempt(ctx context.Context, env, id string) (*credits.Work, error)
	NextAttempt(ctx context.Context, env string) (credits.Time, error)
	BeginCall(ctx context.Context, env string, w *credits.Work) error
	RecordOutcome(ctx context.Context, env string, w *credits.Work, o credits.Outcome) error
	RecordMoneyBack(ctx context.Context, env string, w *credits.Work, b credits.MoneyBack) error
	ApplyPayment(ctx context.Context, env, orderID string) (*credits.Order, error)
	CloseAttempt(ctx context.Context, env string, w *credits.Work) error
	PutOff(ctx context.Context, env string, w *credits.Work, wait time.Duration) error
	Rest(ctx context.Context, env string, w *credits.Work, wait time.Duration) error
	ConfirmPayment(ctx context.Context, env, attemptID string, o credits.Outcome) (*credits.PaymentAttempt, error)
	ConfirmMoneyBack(ctx context.Context, env, attemptID string, b credits.MoneyBack) error
	LapseUnpaid(ctx context.Context, env string, most int) (int, error)
	SetBillingID(ctx context.Context, env, customerID, billingID string) (string, error)
}

var (
	_ Books           = (*credits.Service)(nil)
	_ credits.Cashier = (*Collector)(nil)
)

// Options is what a Collector is made of. Log may be nil.
type Options struct {
	Books Books
	// Providers are those of an environment: the first one gets new attempts, the others finish what they began. Manual is
	// always there.
	Providers func(env string) []Provider
	// Now is the installation's clock.
	Now func() time.Time
	Log *slog.Logger
}

// Collector works on payment attempts. It is safe for concurrent use, on several nodes at a time.
type Collector struct {
	books     Books
	providers func(env string) []Provider
	now       func() time.Time
	log       *slog.Logger
}

// New returns a collector.
func New(o Options) *Collector {
	c := &Collector{books: o.Books, providers: o.Providers, now: o.Now, log: o.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Provider implements credits.Cashier.
func (c *Collector) Provider(env string) string { return c.first(env).Name() }

func (c *Collector) first(env string) Provider {
	if c.providers != nil {
		if list := c.providers(env); len(list) > 0 {
			return list[0]
		}
	}
	return Manual{}
}

// named returns a provider of an environment by its name, or nil.
func (c *Collector) named(env, name string) Provider {
	if c.providers != nil {
		for _, p := range c.providers(env) {
			if p.Name() == name {
				return p
			}
		}
	}
	if name == credits.ProviderManual {
		return Manual{}
	}
	return nil
}

// Next is when there is work in an environment again, by its clock; the end of all time if there is none.
func (c *Collector) Next(ctx context.Context, env string) (credits.Time, error) {
	return c.books.NextAttempt(ctx, env)
}

// Kind names the work, for the scheduler's answers and logs.
func (c *Collector) Kind() string { return "payments" }

// Run does the work that is due in an environment: attempts, then orders that were not paid in time. It says how many
// pieces it did. What fails is put off and logged; the error is of the rows only.
func (c *Collector) Run(ctx context.Context, env string) (int, error) {
	done := 0
	for range roundsMax {
		work, err := c.books.ClaimAttempts(ctx, env, atOnce)
		if err != nil {
			return done, err
		}
		if len(work) == 0 {
			break
		}
		var wait sync.WaitGroup
		for _, w := range work {
			wait.Go(func() { c.attend(ctx, env, w) })
		}
		wait.Wait()
		done += len(work)
	}
	for range roundsMax {
		n, err := c.books.LapseUnpaid(ctx, env, lapsingMax)
		if done += n; n < lapsingMax || err != nil {
			return done, err
		}
	}
	return done, nil
}

// Collect implements credits.Cashier.
func (c *Collector) Collect(ctx context.Context, env, attemptID string) error {
	w, err := c.books.ClaimAttempt(ctx, env, attemptID)
	if err != nil || w == nil {
		return err
	}
	c.attend(ctx, env, w)
	return nil
}

// attend works on a claimed attempt, and puts it off when that comes to nothing. Work that was taken over is dropped.
func (c *Collector) attend(ctx context.Context, env string, w *credits.Work) {
	wait, err := c.work(ctx, env, w)
	if err == nil {
		err = c.books.Rest(ctx, env, w, wait)
	}
	if err == nil || errors.Is(err, credits.ErrFenced) {
		return
	}
	c.log.WarnContext(ctx, "payment attempt put off", "environment", env, "attempt", w.Attempt.ID, "tries", w.Attempt.Tries, "error", err)
	if err := c.books.PutOff(ctx, env, w, putOff(w.Attempt.Tries)); err != nil && !errors.Is(err, credits.ErrFenced) {
		c.log.WarnContext(ctx, "payment attempt waits for the end of its lease", "environment", env, "attempt", w.Attempt.ID, "error", err)
	}
}

// putOff doubles the wait with every try.
func putOff(tries int) time.Duration {
	wait := putOffFirst
	for range tries - 1 {
		if wait *= 2; wait >= putOffMost {
			return putOffMost
		}
	}
	return wait
}

// work brings an attempt as far as it goes now, and tells when it is to be looked at again. Each step can be repeated.
func (c *Collector) work(ctx context.Context, env string, w *credits.Work) (time.Duration, error) {
	if order, err := c.books.ApplyPayment(ctx, env, w.Order.ID); err != nil {
		if order != nil && order.State == credits.OrderRefused {
			return 0, credits.ErrFenced // its attempts were closed with it
		}
		return 0, err
	}
	p := c.named(env, w.Attempt.Provider)
	if p == nil {
		c.log.WarnContext(ctx, "no such payment provider is configured", "environment", env, "provider", w.Attempt.Provider, "attempt", w.Attempt.ID)
		return orphanWait, nil
	}
	if err := c.advance(ctx, env, p, w); err != nil {
		return 0, err
	}
	_, err := c.books.ApplyPayment(ctx, env, w.Order.ID)
	return c.patience(p, w.Attempt), err
}

// patience is when an unsettled attempt is looked up again: the longer it has waited, the later.
func (c *Collector) patience(p Provider, a *credits.PaymentAttempt) time.Duration {
	if p.Polls() == 0 {
		return 0
	}
	return max(p.Polls(), min(c.now().Sub(time.UnixMicro(int64(a.CalledAt)))/4, pollsMost))
}

// advance asks the provider for what is not known. Whoever may have been called before is asked before it is called again.
func (c *Collector) advance(ctx context.Context, env string, p Provider, w *credits.Work) error {
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	switch a := w.Attempt; {
	case a.State == credits.AttemptCanceled && !a.Closed:
		return c.cancel(ctx, env, p, w)
	case !a.State.Unsettled() || a.State == credits.AttemptParked:
		return nil
	case a.Tries > 0:
		return c.ask(ctx, env, p, w)
	}
	return c.call(ctx, env, p, w)
}

// key is the idempotency key of an attempt.
func key(a *credits.PaymentAttempt) string { return a.ID }

// ask finds out what became of an earlier call. If the provider knows of none, it is called again under the same key, or,
// when it may have forgotten the key, the attempt has failed.
func (c *Collector) ask(ctx context.Context, env string, p Provider, w *credits.Work) error {
	f, err := p.Lookup(ctx, w.Attempt, key(w.Attempt))
	switch {
	case err != nil:
		return err
	case f.Known && f.Outcome.State == w.Attempt.State && f.Outcome.ActionURL == w.Attempt.ActionURL:
		return nil // nothing new
	case f.Known:
		if err := c.books.RecordOutcome(ctx, env, w, f.Outcome); err != nil {
			return err
		}
		return c.takeBack(ctx, env, w, f.Back)
	case w.Attempt.State == credits.AttemptPending && c.now().Sub(time.UnixMicro(int64(w.Attempt.CalledAt))) < KeyLife:
		return c.call(ctx, env, p, w)
	}
	return c.books.RecordOutcome(ctx, env, w, credits.Outcome{
		State: credits.AttemptFailed, FailureCode: "NEVER_CHARGED", FailureMessage: "the provider never heard of it",
	})
}

func (c *Collector) takeBack(ctx context.Context, env string, w *credits.Work, b credits.MoneyBack) error {
	if b.Refunded.Amount.IsZero() && !b.Disputed {
		return nil
	}
	return c.books.RecordMoneyBack(ctx, env, w, b)
}

// call asks the provider for the money. Before a later attempt, the earlier ones are closed at the provider, so that only
// one of them can be paid.
func (c *Collector) call(ctx context.Context, env string, p Provider, w *credits.Work) error {
	if err := c.closeEarlier(ctx, env, w); err != nil {
		return err
	}
	if err := c.connect(ctx, env, p, w); err != nil {
		return err
	}
	if err := c.books.BeginCall(ctx, env, w); err != nil {
		return err
	}
	ask := p.Charge
	if w.Attempt.Method == credits.CollectInvoice {
		ask = p.Invoice
	}
	o, err := ask(ctx, w, key(w.Attempt))
	if err != nil {
		return err
	}
	return c.books.RecordOutcome(ctx, env, w, o)
}

// connect makes sure that the provider knows the customer.
func (c *Collector) connect(ctx context.Context, env string, p Provider, w *credits.Work) error {
	if w.Customer.BillingID != "" {
		return nil
	}
	id, err := p.Customer(ctx, env, w.Customer)
	if err != nil || id == "" {
		return err
	}
	w.Customer.BillingID, err = c.books.SetBillingID(ctx, env, w.Customer.ID, id)
	return err
}

// closeEarlier closes earlier attempts that failed. If one of them was paid after all, this one is given up.
func (c *Collector) closeEarlier(ctx context.Context, env string, w *credits.Work) error {
	for _, other := range w.Others {
		p := c.named(env, other.Provider)
		if other.Number >= w.Attempt.Number || other.Tries == 0 || p == nil {
			continue
		}
		o, err := p.Cancel(ctx, other, key(other))
		if err != nil {
			return err
		}
		if o.State != credits.AttemptPaid {
			continue
		}
		if _, err := c.books.ConfirmPayment(ctx, env, other.ID, o); err != nil {
			return err
		}
		return credits.ErrFenced
	}
	return nil
}

// cancel tells the provider that an attempt was given up. Money that has moved already is taken note of.
func (c *Collector) cancel(ctx context.Context, env string, p Provider, w *credits.Work) error {
	if w.Attempt.Tries > 0 {
		o, err := p.Cancel(ctx, w.Attempt, key(w.Attempt))
		if err != nil {
			return err
		}
		if o.State == credits.AttemptPaid {
			return c.books.RecordOutcome(ctx, env, w, o)
		}
	}
	return c.books.CloseAttempt(ctx, env, w)
}
