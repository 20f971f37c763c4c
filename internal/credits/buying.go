package credits

import (
	"context"
	"errors"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Cashier collects money and knows the providers. It is implemented by package billing.
type Cashier interface {
	// Provider names the provider of an environment for new attempts.
	Provider(env string) string
	// Collect works on one attempt, unless somebody else does, until its provider has given a first answer.
	Collect(ctx context.Context, env, attemptID string) error
	// Attach makes a payment method of the provider the customer's, and describes it. It fails with PaymentMethodNotFound.
	Attach(ctx context.Context, env string, customer *Customer, methodID string) (PaymentMethod, error)
	// Detach takes a payment method away from the customer at the provider.
	Detach(ctx context.Context, env string, customer *Customer, methodID string) error
	// Notice takes in a message of a provider whose signature is right.
	Notice(ctx context.Context, env, provider string, header func(name string) string, body []byte) error
}

// ProviderManual is the built-in provider: a person says what became of a charge or an invoice (semantics 11.3).
const ProviderManual = "manual"

// UseCashier says who collects money. Without it every outcome is said by a person. It is called before the first request.
func (s *Service) UseCashier(c Cashier) { s.cashier = c }

func (s *Service) provider(env string) string {
	if s.cashier == nil {
		return ProviderManual
	}
	return s.cashier.Provider(env)
}

// TakeNotice hands over what a provider says by itself. It fails with PaymentProviderNotFound, or when the signature is wrong
// or the notice could not be stored; then it is to be sent again.
func (s *Service) TakeNotice(ctx context.Context, env, provider string, header func(name string) string, body []byte) error {
	if s.cashier == nil {
		return NotFound("PaymentProviderNotFound", "no payment provider is configured")
	}
	return s.cashier.Notice(ctx, env, provider, header, body)
}

func (s *Service) paymentPolicy(env string) PaymentPolicy {
	var p PaymentPolicy
	if s.payments != nil {
		p = s.payments(env)
	}
	return p.withDefaults()
}

// NewTopUp is an order of credits at the price of the customer's plan (semantics 11.2).
type NewTopUp struct {
	Customer      string
	CreditType    string
	Resource      string
	Amount        amount.Amount
	PaymentMethod string // the provider's id of one of the customer's methods; empty means the default one
	Metadata      map[string]string
	Key           string // idempotency key, kept for ever; empty means that each call buys
	OwnKey        string // counts when Key is empty
	Await         bool   // wait, for a few seconds at most, until the provider has answered
}

// Bought is an order as its buyer sees it.
type Bought struct {
	Grant   *Grant
	Attempt *PaymentAttempt // the newest; nil when no money was needed
}

// BuyCredits buys credits by card within the bounds and at the price of a plan that the customer is subscribed to. The
// grant is PAYMENT_PENDING until the provider confirms. It fails with AmountOutOfRange, which names both bounds (W30),
// TopUpNotOffered, PaymentMethodNotFound, IdempotencyMismatch, or as CreateGrant does.
func (s *Service) BuyCredits(ctx context.Context, env string, by Caller, in NewTopUp) (*Bought, error) {
	cs, err := s.CustomerState(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	offer, err := s.Catalog(env).topUpFor(cs, in.CreditType, in.Resource, s.clock(env))
	if err != nil {
		return nil, err
	}
	cost, err := offer.TopUpPrice(in.Amount)
	if err != nil {
		return nil, rename(err, "quantity", "amount")
	}
	terms := orderTerms{
		grant: NewGrant{
			Customer: in.Customer, CreditType: in.CreditType, Resource: in.Resource, DisplayName: "Top-up", Amount: in.Amount,
			Type: ledger.Paid, Cost: &cost, Collection: CollectCharge, Metadata: in.Metadata, SourceType: SourcePrice,
			Life: offer.ExpireAfter, Key: in.Key, OwnKey: in.OwnKey,
		},
		paymentMethod: in.PaymentMethod,
	}
	return s.buy(ctx, env, by, cs, terms, in.Await)
}

// topUpFor is the offer that a customer has for a credit type at an instant: that of a subscription for the resource, else
// of one for the customer as a whole.
func (c *Catalog) topUpFor(cs *CustomerState, creditType, resource string, now ledger.Time) (*TopUp, error) {
	refused := c.refuseGrant(cs, creditType)
	if refused != nil {
		return nil, refused
	}
	err := topUpNotOffered(creditType, "the customer has no subscription to a plan that sells these credits")
	for _, wanted := range []string{resource, ""} {
		for _, sub := range cs.Subscriptions {
			if sub.ResourceID != wanted || sub.Status(now) != SubscriptionActive && sub.Status(now) != SubscriptionInTrial {
				continue
			}
			offer, why := c.TopUp(sub, creditType, now)
			if why == nil {
				return offer, nil
			}
			if !refuses(why) {
				return nil, why
			}
			err = why
		}
	}
	return nil, err
}

// rename gives an error's field another name.
func rename(err error, from, to string) error {
	var e *Error
	if !errors.As(err, &e) || e.Field != from {
		return err
	}
	renamed := *e
	renamed.Field = to
	return &renamed
}

// orderTerms is what startOrder needs to know.
type orderTerms struct {
	grant         NewGrant // with a Collection of CHARGE or INVOICE and a Cost above 0
	paymentMethod string
	policy        string // of an invoice; empty means the environment's
	daysUntilDue  int
	settled       bool // the invoice is paid already
	automatic     bool // of an automatic top-up: at most one in flight per pool

	also func(tx Tx, p *Order) error // in the transaction that starts the order, or nil
}

// buy starts an order, has its money collected or waits for whoever does, and answers how it stands.
func (s *Service) buy(ctx context.Context, env string, by Caller, cs *CustomerState, o orderTerms, await bool) (*Bought, error) {
	p, err := s.startOrder(ctx, env, by, cs, o)
	if err != nil {
		return nil, err
	}
	if p, err = s.ApplyPayment(ctx, env, p.ID); err != nil {
		return nil, err
	}
	if await {
		if err := s.awaitOutcome(ctx, env, p); err != nil {
			return nil, err
		}
	}
	return s.bought(ctx, env, p)
}

func (s *Service) bought(ctx context.Context, env string, p *Order) (*Bought, error) {
	attempts, err := s.attemptsOf(ctx, env, p.ID)
	if err != nil {
		return nil, err
	}
	grant, err := s.Grant(ctx, env, p.GrantID)
	if err != nil {
		return nil, err
	}
	return &Bought{Grant: grant, Attempt: attempts[len(attempts)-1]}, nil
}

// How long a call waits for a provider's answer, and how often it looks whether another one has it.
const (
	awaitMax  = 5 * time.Second
	awaitPoll = 50 * time.Millisecond
)

// awaitOutcome has an attempt worked on, or waits while somebody else does, until the provider has answered or the time is
// over. The order goes on whatever happens here.
func (s *Service) awaitOutcome(ctx context.Context, env string, p *Order) error {
	if s.cashier == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, awaitMax)
	defer cancel()
	for {
		attempts, err := s.attemptsOf(ctx, env, p.ID)
		if err != nil {
			return errorUnless(ctx, err)
		}
		last := attempts[len(attempts)-1]
		if last.State != AttemptPending {
			return nil
		}
		if err := s.cashier.Collect(ctx, env, last.ID); err != nil {
			return errorUnless(ctx, err)
		}
		select {
		case <-time.After(awaitPoll):
		case <-ctx.Done():
			return nil
		}
	}
}

// errorUnless is the error, unless the time of ctx is over.
func errorUnless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
