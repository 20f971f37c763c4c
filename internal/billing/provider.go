package billing

import (
	"context"
	"errors"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Provider moves money. An error of a call says that its effect is not known; a definite no is an Outcome. All calls may be
// repeated.
type Provider interface {
	// Name is how attempts and settings call it.
	Name() string
	// Polls tells how long after its last answer an unsettled attempt is looked up again; 0 means never, because somebody
	// says what became of it.
	Polls() time.Duration
	// Charge asks for the money of an attempt by its payment method, or by a page where the customer can pay
	// (ACTION_REQUIRED). Under the same key it charges once, for as long as KeyLife.
	Charge(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error)
	// Invoice writes and sends an invoice for an attempt, once per key.
	Invoice(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error)
	// Lookup finds what became of an attempt, by its key and, if it is known, its reference.
	Lookup(ctx context.Context, a *credits.PaymentAttempt, key string) (Finding, error)
	// Cancel makes sure that no money moves any more by an attempt, and says where it stands then: PAID if it was too late.
	Cancel(ctx context.Context, a *credits.PaymentAttempt, key string) (credits.Outcome, error)
	// Customer returns the provider's id of a customer, made if there is none; empty if the provider has no customers.
	Customer(ctx context.Context, env string, c *credits.Customer) (string, error)
	// Attach makes a payment method that of a customer, and describes it. A *credits.Error is a definite no.
	Attach(ctx context.Context, billingID, methodID string) (credits.PaymentMethod, error)
	// Detach takes a payment method from its customer.
	Detach(ctx context.Context, methodID string) error
	// Methods lists the payment methods of a customer.
	Methods(ctx context.Context, billingID string) ([]credits.PaymentMethod, error)
	// Notice reads a message that the provider sent by itself. It fails with ErrSignature when it is not the provider's, and
	// with ErrMalformed when it cannot be read.
	Notice(ctx context.Context, header func(name string) string, body []byte) (Notice, error)
}

// KeyLife is how long a provider is relied on to know an idempotency key again. What it does not know of by then, it will
// not be asked for under that key.
const KeyLife = 20 * time.Hour

// Errors of Provider.Notice.
var (
	ErrSignature = errors.New("the signature is missing, wrong or too old")
	ErrMalformed = errors.New("the notice cannot be read")
)

// Finding is what a provider knows of an attempt.
type Finding struct {
	Known   bool
	Outcome credits.Outcome
	Back    credits.MoneyBack
}

// Notice is what a provider says by itself. Members that are nil say nothing; a notice about something else has no Attempt.
type Notice struct {
	Attempt string
	Outcome *credits.Outcome
	Back    *credits.MoneyBack
}
