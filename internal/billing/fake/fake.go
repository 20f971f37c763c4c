// Package fake is a payment provider for tests. It keeps books of its own, one charge per idempotency key, and misbehaves
// on command: it loses answers before and after the effect, repeats, delays and forges its notices, and takes other amounts
// than it was asked for.
package fake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// Fault is how an answer gets lost.
type Fault uint8

// The faults of a call.
const (
	Answers       Fault = iota
	TimeoutBefore       // nothing was done, and nobody knows
	TimeoutAfter        // it was done, and nobody knows
	ErrorAfter          // it was done, and the answer is an error
)

// Act is how the provider treats one call, and the charge if the call is the first under its key.
type Act struct {
	Fault Fault
	State credits.AttemptState // PAID, FAILED, ACTION_REQUIRED or PROCESSING; empty means PAID
	Extra int64                // minor units taken beyond what was asked
	// Of the notices about the charge:
	Copies int           // how often each is sent; 0 means once, and a negative number never
	Delay  time.Duration // before it is sent
	Forged bool          // somebody sends one more that says PAID, with a signature of his own
}

// Charge is what the provider's books say about one key.
type Charge struct {
	Key       string
	Reference string
	State     credits.AttemptState
	Asked     credits.Money
	Taken     credits.Money // what the customer has paid
	Refunded  credits.Money
	Disputed  bool
	act       Act
}

// Message is a notice on its way.
type Message struct {
	At        time.Time // when it arrives at the earliest
	Signature string
	Body      []byte
}

// Provider is a fake provider. It is safe for concurrent use.
type Provider struct {
	now  func() time.Time
	plan func(key string, call int) Act

	mu     sync.Mutex
	books  map[string]*Charge
	keys   []string // in the order of their first effect
	calls  map[string]int
	outbox []Message
}

var _ billing.Provider = (*Provider)(nil)

// New returns a provider with empty books. Plan says how it treats the n-th call under a key, counted from 1; it is asked
// before the effect, and the call waits for it.
func New(now func() time.Time, plan func(key string, call int) Act) *Provider {
	return &Provider{now: now, plan: plan, books: map[string]*Charge{}, calls: map[string]int{}}
}

// errLost stands for an answer that did not arrive.
var errLost = errors.New("no answer")

// Name implements billing.Provider.
func (p *Provider) Name() string { return "fake" }

// Polls implements billing.Provider.
func (p *Provider) Polls() time.Duration { return 10 * time.Minute }

// Charge implements billing.Provider.
func (p *Provider) Charge(_ context.Context, w *credits.Work, key string) (credits.Outcome, error) {
	act := p.next(key)
	if act.Fault == TimeoutBefore {
		return credits.Outcome{}, errLost
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.charge(key, w.Attempt.Cost, act)
	if err != nil {
		return credits.Outcome{State: credits.AttemptFailed, FailureCode: "idempotency_error", FailureMessage: err.Error()}, nil
	}
	if act.Fault != Answers {
		return credits.Outcome{}, errLost
	}
	return c.outcome(), nil
}

// Invoice implements billing.Provider.
func (p *Provider) Invoice(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error) {
	return p.Charge(ctx, w, key)
}

func (p *Provider) next(key string) Act {
	p.mu.Lock()
	p.calls[key]++
	call := p.calls[key]
	p.mu.Unlock()
	return p.plan(key, call)
}

// charge is the effect: once per key, and only for the same money.
func (p *Provider) charge(key string, money credits.Money, act Act) (*Charge, error) {
	if c := p.books[key]; c != nil {
		if c.Asked != money {
			return nil, fmt.Errorf("the key %s was used for another amount", key)
		}
		return c, nil
	}
	c := &Charge{Key: key, Reference: fmt.Sprintf("ch_%d", len(p.books)+1), Asked: money, act: act}
	p.books[key] = c
	p.keys = append(p.keys, key)
	p.move(c, act.State)
	if act.Forged {
		p.forge(c)
	}
	return c, nil
}

// move brings a charge to a state and sends notices of it.
func (p *Provider) move(c *Charge, state credits.AttemptState) {
	if state == "" {
		state = credits.AttemptPaid
	}
	c.State = state
	if state == credits.AttemptPaid {
		minor, err := credits.MinorUnits(c.Asked)
		if err != nil {
			panic(err) // money that is asked for is whole minor units
		}
		c.Taken = credits.MoneyOf(minor+c.act.Extra, c.Asked.Currency)
	}
	p.send(c)
}

func (c *Charge) outcome() credits.Outcome {
	o := credits.Outcome{State: c.State, Reference: c.Reference}
	switch c.State {
	case credits.AttemptPaid:
		o.Money = c.Taken
	case credits.AttemptFailed:
		o.FailureCode = "card_declined"
	case credits.AttemptActionRequired:
		o.ActionURL = "https://pay.example/" + c.Reference
	}
	return o
}

// Lookup implements billing.Provider.
func (p *Provider) Lookup(_ context.Context, _ *credits.PaymentAttempt, key string) (billing.Finding, error) {
	act := p.next(key + " lookup")
	if act.Fault != Answers {
		return billing.Finding{}, errLost
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.books[key]
	if c == nil {
		return billing.Finding{}, nil
	}
	return billing.Finding{Known: true, Outcome: c.outcome(), Back: c.back()}, nil
}

func (c *Charge) back() credits.MoneyBack {
	return credits.MoneyBack{Refunded: c.Refunded, Disputed: c.Disputed}
}

// Cancel implements billing.Provider.
func (p *Provider) Cancel(_ context.Context, _ *credits.PaymentAttempt, key string) (credits.Outcome, error) {
	act := p.next(key + " cancel")
	if act.Fault == TimeoutBefore {
		return credits.Outcome{}, errLost
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.books[key]
	if c == nil { // nothing shall happen under this key any more
		c = &Charge{Key: key, State: credits.AttemptCanceled}
		p.books[key] = c
	}
	if c.State != credits.AttemptPaid {
		c.State = credits.AttemptCanceled
	}
	if act.Fault != Answers {
		return credits.Outcome{}, errLost
	}
	return c.outcome(), nil
}

// Customer implements billing.Provider.
func (p *Provider) Customer(_ context.Context, env string, c *credits.Customer) (string, error) {
	return "cus_" + env + "_" + c.ID, nil
}

// unknownMethod is a payment method that the provider does not know.
const unknownMethod = "pm_unknown"

// Attach implements billing.Provider.
func (p *Provider) Attach(_ context.Context, _, methodID string) (credits.PaymentMethod, error) {
	if methodID == unknownMethod {
		return credits.PaymentMethod{}, credits.Unprocessable("PaymentMethodNotFound", "paymentMethodId", "the provider does not know it")
	}
	return credits.PaymentMethod{Type: "CARD", BillingID: methodID, CardLast4Digits: "4242", CardExpiryMonth: 12, CardExpiryYear: 2030}, nil
}

// Detach implements billing.Provider.
func (p *Provider) Detach(context.Context, string) error { return nil }

// Methods implements billing.Provider.
func (p *Provider) Methods(context.Context, string) ([]credits.PaymentMethod, error) { return nil, nil }
