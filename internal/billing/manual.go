package billing

import (
	"context"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Manual is the built-in provider: it moves no money, and a person says what became of each attempt (W35).
type Manual struct{}

var _ Provider = Manual{}

// Name implements Provider.
func (Manual) Name() string { return credits.ProviderManual }

// Polls implements Provider.
func (Manual) Polls() time.Duration { return 0 }

func waiting() credits.Outcome { return credits.Outcome{State: credits.AttemptProcessing} }

// Charge implements Provider.
func (Manual) Charge(context.Context, *credits.Work, string) (credits.Outcome, error) {
	return waiting(), nil
}

// Invoice implements Provider.
func (Manual) Invoice(context.Context, *credits.Work, string) (credits.Outcome, error) {
	return waiting(), nil
}

// Lookup implements Provider.
func (Manual) Lookup(context.Context, *credits.PaymentAttempt, string) (Finding, error) {
	return Finding{Known: true, Outcome: waiting()}, nil
}

// Cancel implements Provider.
func (Manual) Cancel(context.Context, *credits.PaymentAttempt, string) (credits.Outcome, error) {
	return credits.Outcome{State: credits.AttemptCanceled}, nil
}

// Customer implements Provider.
func (Manual) Customer(context.Context, string, *credits.Customer) (string, error) { return "", nil }

// Attach implements Provider.
func (Manual) Attach(_ context.Context, _, methodID string) (credits.PaymentMethod, error) {
	return credits.PaymentMethod{Type: "CARD", BillingID: methodID}, nil
}

// Detach implements Provider.
func (Manual) Detach(context.Context, string) error { return nil }

// Methods implements Provider.
func (Manual) Methods(context.Context, string) ([]credits.PaymentMethod, error) { return nil, nil }

// Notice implements Provider.
func (Manual) Notice(context.Context, func(string) string, []byte) (Notice, error) {
	return Notice{}, ErrSignature
}
