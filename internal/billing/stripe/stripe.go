// Package stripe collects money through Stripe. Everything it makes there carries the attempt's id as metadata, so that an
// attempt is found again whatever was lost, and every call that makes something has an idempotency key made of that id.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	api "github.com/stripe/stripe-go/v85"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// attemptKey is the metadata in which objects at Stripe name the attempt they are for, and pageKey marks those that a
// checkout page makes.
const (
	attemptKey = "scrip_attempt"
	pageKey    = "scrip_page"
)

// Polls is how long after its last answer an attempt is looked up; notices usually come first.
const polls = 10 * time.Minute

// Options says how to reach an account. All but URL and Client are required.
type Options struct {
	Key       string // secret key of the account
	Secret    string // of the endpoint that sends notices
	ReturnURL string // where checkout pages send the customer afterwards
	URL       string // of another server than Stripe's, in tests
	Client    *http.Client
}

// Provider is an account at Stripe.
type Provider struct {
	client    *api.Client
	secret    string
	returnURL string
}

var _ billing.Provider = (*Provider)(nil)

// New returns a provider. It calls nobody.
func New(o Options) *Provider {
	none := int64(0)
	quiet := false
	config := &api.BackendConfig{
		HTTPClient: o.Client, MaxNetworkRetries: &none, EnableTelemetry: &quiet,
		LeveledLogger: &api.LeveledLogger{Level: api.LevelNull}, // its messages may hold what a customer has sent
	}
	if o.URL != "" {
		config.URL = &o.URL
	}
	return &Provider{
		client: api.NewClient(o.Key, api.WithBackends(api.NewBackendsWithConfig(config))), secret: o.Secret, returnURL: o.ReturnURL,
	}
}

// Name implements billing.Provider.
func (p *Provider) Name() string { return "stripe" }

// Polls implements billing.Provider.
func (p *Provider) Polls() time.Duration { return polls }

func metadata(a *credits.PaymentAttempt) map[string]string {
	return map[string]string{attemptKey: a.ID}
}

// keyed are the parameters of a call that makes something: once per key and kind.
func keyed(key, kind string) api.Params {
	full := key + " " + kind
	return api.Params{IdempotencyKey: &full}
}

// Charge implements billing.Provider: by the stored payment method, without the customer, or by a page.
func (p *Provider) Charge(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error) {
	a := w.Attempt
	if a.PaymentMethod == "" {
		return p.page(ctx, w, key)
	}
	minor, err := credits.MinorUnits(a.Cost)
	if err != nil {
		return failed("amount_invalid", err.Error()), nil
	}
	intent, err := p.client.V1PaymentIntents.Create(ctx, &api.PaymentIntentCreateParams{
		Params: keyed(key, "charge"), Amount: &minor, Currency: &a.Cost.Currency, Customer: &w.Customer.BillingID,
		PaymentMethod: &a.PaymentMethod, Confirm: api.Bool(true), OffSession: api.Bool(true), Metadata: metadata(a),
		Description: api.String(w.Order.Grant.DisplayName),
	})
	if err != nil {
		return p.refused(ctx, w, key, err)
	}
	return p.intentOutcome(ctx, w, key, intent)
}

// refused tells a definite no from an unknown result. A bank that wants to see the customer gets a page.
func (p *Provider) refused(ctx context.Context, w *credits.Work, key string, err error) (credits.Outcome, error) {
	var e *api.Error
	if !errors.As(err, &e) {
		return credits.Outcome{}, err
	}
	switch {
	case e.Code == api.ErrorCodeAuthenticationRequired && e.PaymentIntent != nil:
		if err := p.cancelIntent(ctx, e.PaymentIntent.ID); err != nil {
			return credits.Outcome{}, err
		}
		return p.page(ctx, w, key)
	case e.Type == api.ErrorTypeCard, e.Type == api.ErrorTypeInvalidRequest:
		return failed(code(e), e.Msg), nil
	}
	return credits.Outcome{}, err
}

// code is why a card was declined, as closely as Stripe says.
func code(e *api.Error) string {
	if e.DeclineCode != "" {
		return string(e.DeclineCode)
	}
	if e.Code != "" {
		return string(e.Code)
	}
	return string(e.Type)
}

func failed(code, message string) credits.Outcome {
	return credits.Outcome{State: credits.AttemptFailed, FailureCode: code, FailureMessage: message}
}

// intentOutcome is intentState, with a page for a customer who must act and is not told where.
func (p *Provider) intentOutcome(ctx context.Context, w *credits.Work, key string, intent *api.PaymentIntent) (credits.Outcome, error) {
	o := intentState(intent)
	if o.State != credits.AttemptActionRequired || o.ActionURL != "" {
		return o, nil
	}
	if err := p.cancelIntent(ctx, intent.ID); err != nil {
		return credits.Outcome{}, err
	}
	return p.page(ctx, w, key)
}

// intentState is what a payment intent says.
func intentState(intent *api.PaymentIntent) credits.Outcome {
	o := credits.Outcome{State: credits.AttemptProcessing, Reference: intent.ID}
	switch intent.Status {
	case api.PaymentIntentStatusSucceeded:
		o.State, o.Money = credits.AttemptPaid, credits.MoneyOf(intent.AmountReceived, string(intent.Currency))
	case api.PaymentIntentStatusRequiresAction:
		o.State = credits.AttemptActionRequired
		if intent.NextAction != nil && intent.NextAction.RedirectToURL != nil {
			o.ActionURL = intent.NextAction.RedirectToURL.URL
		}
	case api.PaymentIntentStatusRequiresPaymentMethod, api.PaymentIntentStatusRequiresConfirmation, api.PaymentIntentStatusCanceled:
		o.State, o.FailureCode = credits.AttemptFailed, string(intent.Status)
		if e := intent.LastPaymentError; e != nil {
			o.FailureCode, o.FailureMessage = code(e), e.Msg
		}
	}
	return o
}

// page makes a checkout page where the customer can pay.
func (p *Provider) page(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error) {
	a := w.Attempt
	minor, err := credits.MinorUnits(a.Cost)
	if err != nil {
		return failed("amount_invalid", err.Error()), nil
	}
	marked := metadata(a)
	marked[pageKey] = "yes"
	session, err := p.client.V1CheckoutSessions.Create(ctx, &api.CheckoutSessionCreateParams{
		Params: keyed(key, "page"), Mode: api.String("payment"), Customer: &w.Customer.BillingID, SuccessURL: &p.returnURL,
		CancelURL: &p.returnURL, ClientReferenceID: &a.ID, Metadata: marked,
		PaymentIntentData: &api.CheckoutSessionCreatePaymentIntentDataParams{Metadata: marked},
		LineItems: []*api.CheckoutSessionCreateLineItemParams{{Quantity: api.Int64(1), PriceData: &api.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: &a.Cost.Currency, UnitAmount: &minor,
			ProductData: &api.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: api.String(w.Order.Grant.DisplayName)},
		}}},
	})
	if err != nil {
		return refusedPlainly(err)
	}
	return sessionState(session), nil
}

// refusedPlainly tells a definite no from an unknown result.
func refusedPlainly(err error) (credits.Outcome, error) {
	var e *api.Error
	if errors.As(err, &e) && (e.Type == api.ErrorTypeInvalidRequest || e.Type == api.ErrorTypeCard) {
		return failed(code(e), e.Msg), nil
	}
	return credits.Outcome{}, err
}

// sessionState is what a checkout page says.
func sessionState(session *api.CheckoutSession) credits.Outcome {
	o := credits.Outcome{State: credits.AttemptActionRequired, Reference: session.ID, ActionURL: session.URL}
	switch {
	case session.PaymentStatus == api.CheckoutSessionPaymentStatusPaid && session.Status != api.CheckoutSessionStatusOpen:
		o.State, o.ActionURL, o.Money = credits.AttemptPaid, "", credits.MoneyOf(session.AmountTotal, string(session.Currency))
	case session.Status == api.CheckoutSessionStatusComplete:
		o.State, o.ActionURL = credits.AttemptProcessing, ""
	case session.Status == api.CheckoutSessionStatusExpired:
		o.State, o.ActionURL, o.FailureCode = credits.AttemptFailed, "", "page_expired"
	}
	return o
}

// Invoice implements billing.Provider: an invoice with one line, made final and sent.
func (p *Provider) Invoice(ctx context.Context, w *credits.Work, key string) (credits.Outcome, error) {
	a := w.Attempt
	minor, err := credits.MinorUnits(a.Cost)
	if err != nil {
		return failed("amount_invalid", err.Error()), nil
	}
	invoice, err := p.client.V1Invoices.Create(ctx, &api.InvoiceCreateParams{
		Params: keyed(key, "invoice"), Customer: &w.Customer.BillingID, Currency: &a.Cost.Currency, AutoAdvance: api.Bool(false),
		CollectionMethod: api.String("send_invoice"), DaysUntilDue: api.Int64(int64(a.DaysUntilDue)), Metadata: metadata(a),
		PendingInvoiceItemsBehavior: api.String("exclude"),
	})
	if err != nil {
		return refusedPlainly(err)
	}
	_, err = p.client.V1InvoiceItems.Create(ctx, &api.InvoiceItemCreateParams{
		Params: keyed(key, "line"), Customer: &w.Customer.BillingID, Invoice: &invoice.ID, Amount: &minor, Currency: &a.Cost.Currency,
		Description: api.String(fmt.Sprintf("%s: %s %s", w.Order.Grant.DisplayName, a.Credits, a.CreditType)), Metadata: metadata(a),
	})
	if err != nil {
		return refusedPlainly(err)
	}
	if _, err = p.client.V1Invoices.FinalizeInvoice(ctx, invoice.ID, &api.InvoiceFinalizeInvoiceParams{Params: keyed(key, "final")}); err != nil {
		return refusedPlainly(err)
	}
	sent, err := p.client.V1Invoices.SendInvoice(ctx, invoice.ID, &api.InvoiceSendInvoiceParams{Params: keyed(key, "send")})
	if err != nil {
		return refusedPlainly(err)
	}
	return invoiceState(sent), nil
}

// invoiceState is what an invoice says.
func invoiceState(i *api.Invoice) credits.Outcome {
	o := credits.Outcome{State: credits.AttemptProcessing, Reference: i.ID, ActionURL: i.HostedInvoiceURL}
	switch i.Status {
	case api.InvoiceStatusPaid:
		o.State, o.ActionURL, o.Money = credits.AttemptPaid, "", credits.MoneyOf(i.AmountPaid, string(i.Currency))
	case api.InvoiceStatusVoid, api.InvoiceStatusUncollectible:
		o.State, o.ActionURL, o.FailureCode = credits.AttemptFailed, "", strings.ToLower(string(i.Status))
	}
	return o
}
