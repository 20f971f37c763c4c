package stripe

import (
	"context"
	"encoding/json"
	"errors"

	api "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// Notice implements billing.Provider. The signature is over the body as it was sent and no older than five minutes. What
// kind of event it is, is looked at only then; kinds that say nothing about an attempt are accepted and forgotten.
func (p *Provider) Notice(ctx context.Context, header func(string) string, body []byte) (billing.Notice, error) {
	event, err := webhook.ConstructEventWithOptions(body, header("Stripe-Signature"), p.secret, webhook.ConstructEventOptions{
		Tolerance: webhook.DefaultTolerance, IgnoreAPIVersionMismatch: true,
	})
	switch {
	case errors.Is(err, webhook.ErrInvalidHeader), errors.Is(err, webhook.ErrNoValidSignature), errors.Is(err, webhook.ErrNotSigned),
		errors.Is(err, webhook.ErrTooOld):
		return billing.Notice{}, billing.ErrSignature
	case err != nil || event.Data == nil:
		return billing.Notice{}, billing.ErrMalformed
	}
	return p.read(ctx, &event)
}

func (p *Provider) read(ctx context.Context, event *api.Event) (billing.Notice, error) {
	switch event.Type {
	case api.EventTypePaymentIntentSucceeded, api.EventTypePaymentIntentPaymentFailed, api.EventTypePaymentIntentProcessing,
		api.EventTypePaymentIntentCanceled, api.EventTypePaymentIntentRequiresAction:
		return read(event, intentNotice)
	case api.EventTypeCheckoutSessionCompleted, api.EventTypeCheckoutSessionExpired, api.EventTypeCheckoutSessionAsyncPaymentSucceeded:
		return read(event, func(s *api.CheckoutSession) billing.Notice { return notice(s.Metadata, sessionState(s)) })
	case api.EventTypeInvoicePaid, api.EventTypeInvoiceVoided, api.EventTypeInvoiceMarkedUncollectible:
		return read(event, func(i *api.Invoice) billing.Notice { return notice(i.Metadata, invoiceState(i)) })
	case api.EventTypeChargeRefunded:
		return read(event, func(c *api.Charge) billing.Notice {
			back := chargeBack(c)
			return billing.Notice{Attempt: c.Metadata[attemptKey], Back: &back}
		})
	case api.EventTypeChargeDisputeCreated:
		return p.disputed(ctx, event)
	}
	return billing.Notice{}, nil
}

// read decodes the object of an event.
func read[T any](event *api.Event, notice func(*T) billing.Notice) (billing.Notice, error) {
	object := new(T)
	if err := json.Unmarshal(event.Data.Raw, object); err != nil {
		return billing.Notice{}, billing.ErrMalformed
	}
	return notice(object), nil
}

func notice(metadata map[string]string, o credits.Outcome) billing.Notice {
	return billing.Notice{Attempt: metadata[attemptKey], Outcome: &o}
}

// intentNotice leaves to the page what a page's payment intent says before it has succeeded: the customer may try again.
func intentNotice(intent *api.PaymentIntent) billing.Notice {
	if intent.Metadata[pageKey] != "" && intent.Status != api.PaymentIntentStatusSucceeded {
		return billing.Notice{}
	}
	return notice(intent.Metadata, intentState(intent))
}

// disputed finds the attempt by the payment intent: a dispute carries no metadata of it.
func (p *Provider) disputed(ctx context.Context, event *api.Event) (billing.Notice, error) {
	var d api.Dispute
	if err := json.Unmarshal(event.Data.Raw, &d); err != nil {
		return billing.Notice{}, billing.ErrMalformed
	}
	if d.PaymentIntent == nil {
		return billing.Notice{}, nil
	}
	intent, err := p.client.V1PaymentIntents.Retrieve(ctx, d.PaymentIntent.ID, nil)
	if err != nil {
		return billing.Notice{}, err
	}
	return billing.Notice{Attempt: intent.Metadata[attemptKey], Back: &credits.MoneyBack{Disputed: true}}, nil
}
