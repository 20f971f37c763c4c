package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Notice implements credits.Cashier. What concerns no attempt of ours is accepted and forgotten, so that the provider does
// not send it again; what could not be stored fails, so that it does.
func (c *Collector) Notice(ctx context.Context, env, provider string, header func(string) string, body []byte) error {
	p := c.named(env, provider)
	if p == nil {
		return credits.NotFound("PaymentProviderNotFound", fmt.Sprintf("the payment provider %s is not configured in this environment", provider))
	}
	n, err := p.Notice(ctx, header, body)
	switch {
	case errors.Is(err, ErrSignature):
		return credits.Unauthorized("the notice is not signed as it must be")
	case errors.Is(err, ErrMalformed):
		return credits.Invalid("", "the notice cannot be read")
	case err != nil:
		return unavailable(err)
	case n.Attempt == "":
		return nil
	}
	err = c.confirm(ctx, env, n)
	var known *credits.Error
	if errors.As(err, &known) && known.Kind == credits.KindNotFound {
		return nil
	}
	return err
}

func (c *Collector) confirm(ctx context.Context, env string, n Notice) error {
	if n.Outcome != nil {
		if _, err := c.books.ConfirmPayment(ctx, env, n.Attempt, *n.Outcome); err != nil {
			return err
		}
	}
	if n.Back != nil {
		return c.books.ConfirmMoneyBack(ctx, env, n.Attempt, *n.Back)
	}
	return nil
}

// Attach implements credits.Cashier.
func (c *Collector) Attach(ctx context.Context, env string, customer *credits.Customer, methodID string) (credits.PaymentMethod, error) {
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	p := c.first(env)
	w := &credits.Work{Customer: customer}
	copied := *customer
	w.Customer = &copied
	if err := c.connect(ctx, env, p, w); err != nil {
		return credits.PaymentMethod{}, unavailable(err)
	}
	method, err := p.Attach(ctx, w.Customer.BillingID, methodID)
	return method, unavailable(err)
}

// Detach implements credits.Cashier.
func (c *Collector) Detach(ctx context.Context, env string, _ *credits.Customer, methodID string) error {
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	return unavailable(c.first(env).Detach(ctx, methodID))
}

// unavailable is what a caller hears of a provider that did not answer.
func unavailable(err error) error {
	var known *credits.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("%w: %w", credits.Unavailable("the payment provider does not answer now; try again"), err)
}
