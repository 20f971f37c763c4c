package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	api "github.com/stripe/stripe-go/v85"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// Lookup implements billing.Provider: by the reference, or by the metadata of what was made for the attempt. Stripe's
// search may be an hour behind; until then the same idempotency key finds what was made.
func (p *Provider) Lookup(ctx context.Context, a *credits.PaymentAttempt, _ string) (billing.Finding, error) {
	switch {
	case strings.HasPrefix(a.Reference, "cs_"):
		session, err := p.client.V1CheckoutSessions.Retrieve(ctx, a.Reference, nil)
		if err != nil {
			return billing.Finding{}, err
		}
		return billing.Finding{Known: true, Outcome: sessionState(session)}, nil
	case a.Method == credits.CollectInvoice:
		return p.lookupInvoice(ctx, a)
	}
	return p.lookupIntent(ctx, a)
}

func query(a *credits.PaymentAttempt) api.SearchParams {
	return api.SearchParams{Query: fmt.Sprintf("metadata['%s']:'%s'", attemptKey, a.ID)}
}

func (p *Provider) lookupIntent(ctx context.Context, a *credits.PaymentAttempt) (billing.Finding, error) {
	if a.Reference != "" {
		intent, err := p.client.V1PaymentIntents.Retrieve(ctx, a.Reference, expandCharge())
		return intentFinding(intent), err
	}
	for intent, err := range p.client.V1PaymentIntents.Search(ctx, &api.PaymentIntentSearchParams{SearchParams: query(a)}).All(ctx) {
		if err != nil {
			return billing.Finding{}, err
		}
		if intent.Metadata[attemptKey] == a.ID && intent.Metadata[pageKey] == "" && intent.Status != api.PaymentIntentStatusCanceled {
			return intentFinding(intent), nil
		}
	}
	return billing.Finding{}, nil
}

func expandCharge() *api.PaymentIntentRetrieveParams {
	return &api.PaymentIntentRetrieveParams{Expand: []*string{api.String("latest_charge")}}
}

func intentFinding(intent *api.PaymentIntent) billing.Finding {
	if intent == nil {
		return billing.Finding{}
	}
	f := billing.Finding{Known: true, Outcome: intentState(intent)}
	if c := intent.LatestCharge; c != nil && c.Currency != "" {
		f.Back = chargeBack(c)
	}
	return f
}

func chargeBack(c *api.Charge) credits.MoneyBack {
	return credits.MoneyBack{Refunded: credits.MoneyOf(c.AmountRefunded, string(c.Currency)), Disputed: c.Disputed}
}

func (p *Provider) lookupInvoice(ctx context.Context, a *credits.PaymentAttempt) (billing.Finding, error) {
	if a.Reference != "" {
		invoice, err := p.client.V1Invoices.Retrieve(ctx, a.Reference, nil)
		if err != nil {
			return billing.Finding{}, err
		}
		return billing.Finding{Known: true, Outcome: invoiceState(invoice)}, nil
	}
	for invoice, err := range p.client.V1Invoices.Search(ctx, &api.InvoiceSearchParams{SearchParams: query(a)}).All(ctx) {
		if err != nil {
			return billing.Finding{}, err
		}
		if invoice.Metadata[attemptKey] == a.ID && invoice.Status != api.InvoiceStatusDraft { // a draft is gone on with
			return billing.Finding{Known: true, Outcome: invoiceState(invoice)}, nil
		}
	}
	return billing.Finding{}, nil
}

// Cancel implements billing.Provider.
func (p *Provider) Cancel(ctx context.Context, a *credits.PaymentAttempt, key string) (credits.Outcome, error) {
	f, err := p.Lookup(ctx, a, key)
	o := f.Outcome
	switch {
	case err != nil || o.State == credits.AttemptPaid:
		return o, err
	case !f.Known || o.Reference == "":
		return credits.Outcome{State: credits.AttemptCanceled}, nil
	case strings.HasPrefix(o.Reference, "cs_"):
		if o.State == credits.AttemptActionRequired {
			_, err = p.client.V1CheckoutSessions.Expire(ctx, o.Reference, nil)
		}
	case a.Method == credits.CollectInvoice:
		if o.State == credits.AttemptProcessing {
			_, err = p.client.V1Invoices.VoidInvoice(ctx, o.Reference, nil)
		}
	default:
		err = p.cancelIntent(ctx, o.Reference)
	}
	return credits.Outcome{State: credits.AttemptCanceled, Reference: o.Reference}, err
}

// cancelIntent makes sure that nobody can pay a payment intent any more. One that is over cannot be canceled, which is
// fine unless it succeeded; then the next look finds the money.
func (p *Provider) cancelIntent(ctx context.Context, id string) error {
	_, err := p.client.V1PaymentIntents.Cancel(ctx, id, nil)
	var e *api.Error
	if errors.As(err, &e) && e.Code == api.ErrorCodePaymentIntentUnexpectedState {
		return nil
	}
	return err
}

// Customer implements billing.Provider.
func (p *Provider) Customer(ctx context.Context, env string, c *credits.Customer) (string, error) {
	params := &api.CustomerCreateParams{
		Params:   keyed("customer "+env+" "+c.ID, "create"),
		Metadata: map[string]string{"scrip_customer": c.ID, "scrip_environment": env},
	}
	if c.Name != "" {
		params.Name = &c.Name
	}
	if c.Email != "" {
		params.Email = &c.Email
	}
	made, err := p.client.V1Customers.Create(ctx, params)
	if err != nil {
		return "", err
	}
	return made.ID, nil
}

// Attach implements billing.Provider.
func (p *Provider) Attach(ctx context.Context, billingID, methodID string) (credits.PaymentMethod, error) {
	method, err := p.client.V1PaymentMethods.Attach(ctx, methodID, &api.PaymentMethodAttachParams{Customer: &billingID})
	if err != nil {
		return credits.PaymentMethod{}, methodError(err)
	}
	return methodOf(method), nil
}

// methodError is a definite no as a caller hears it.
func methodError(err error) error {
	var e *api.Error
	if errors.As(err, &e) && (e.Type == api.ErrorTypeInvalidRequest || e.Type == api.ErrorTypeCard || e.HTTPStatusCode == http.StatusNotFound) {
		return credits.Unprocessable("PaymentMethodNotFound", "paymentMethodId", "Stripe does not accept this payment method: "+code(e))
	}
	return err
}

func methodOf(m *api.PaymentMethod) credits.PaymentMethod {
	out := credits.PaymentMethod{Type: "BANK", BillingID: m.ID}
	switch m.Type {
	case api.PaymentMethodTypeCard:
		out.Type = "CARD"
		if m.Card != nil {
			out.CardLast4Digits, out.CardExpiryMonth, out.CardExpiryYear = m.Card.Last4, int(m.Card.ExpMonth), int(m.Card.ExpYear)
		}
	case api.PaymentMethodTypeCashApp:
		out.Type = "CASH_APP"
	}
	return out
}

// Detach implements billing.Provider.
func (p *Provider) Detach(ctx context.Context, methodID string) error {
	_, err := p.client.V1PaymentMethods.Detach(ctx, methodID, nil)
	return methodError(err)
}

// Methods implements billing.Provider.
func (p *Provider) Methods(ctx context.Context, billingID string) ([]credits.PaymentMethod, error) {
	var list []credits.PaymentMethod
	for m, err := range p.client.V1Customers.ListPaymentMethods(ctx, &api.CustomerListPaymentMethodsParams{Customer: &billingID}).All(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, methodOf(m))
	}
	return list, nil
}
