package api

import (
	"encoding/json"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
)

func (s *server) createTopUp(c *call) (any, error) {
	var in wire.TopUpCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	resource, err := resourceID("resourceId", in.ResourceID)
	if err != nil {
		return nil, err
	}
	if in.IdempotencyKey != nil {
		if err := keyText("idempotencyKey", *in.IdempotencyKey); err != nil {
			return nil, err
		}
	}
	return s.topUpData(c)(s.credits.BuyCredits(c.ctx, c.env, c.caller(), credits.NewTopUp{
		Customer: in.CustomerID, CreditType: in.CurrencyID, Resource: resource, Amount: in.Amount,
		PaymentMethod: value(in.PaymentMethodID), Metadata: in.Metadata, Key: value(in.IdempotencyKey), OwnKey: c.effectKey,
		Await: in.AwaitPaymentConfirmation == nil || *in.AwaitPaymentConfirmation,
	}))
}

// topUpData answers with a purchase.
func (s *server) topUpData(c *call) func(*credits.Bought, error) (any, error) {
	return func(b *credits.Bought, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		grants, err := s.grantsOut(c, []*credits.Grant{b.Grant})
		if err != nil {
			return nil, err
		}
		return wire.TopUpData{Data: wire.TopUp{Grant: grants[0], PaymentAttempt: attemptOut(b.Attempt), PaymentURL: grants[0].PaymentURL}}, nil
	}
}

func (s *server) listPaymentAttempts(c *call) (any, error) {
	q := c.query()
	filter := credits.AttemptFilter{
		Customer: q.text("customerId"), States: enums[wire.PaymentAttemptState, credits.AttemptState](q, "state"),
	}
	grant := q.text("grantId")
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	if grant != "" {
		id, err := engine.ParseGrantText(grant)
		if err != nil {
			return nil, credits.NotFound("CreditGrantNotFound", "the grant does not exist")
		}
		if _, err := s.credits.Grant(c.ctx, c.env, id); err != nil {
			return nil, err
		}
		filter.Grant = id
	}
	list, err := s.credits.PaymentAttempts(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, attemptOut)
	return wire.PaymentAttemptPage{Data: data, Pagination: pagination}, nil
}

func (s *server) getPaymentAttempt(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return attemptData(s.credits.PaymentAttempt(c.ctx, c.env, c.path("id")))
}

func (s *server) retryPaymentAttempt(c *call) (any, error) {
	return s.topUpData(c)(s.credits.RetryAttempt(c.ctx, c.env, c.caller(), c.path("id")))
}

// outcomes are what a person may say.
var outcomes = map[wire.PaymentOutcomeOutcome]credits.AttemptState{
	wire.PaymentOutcomeOutcomePaid: credits.AttemptPaid, wire.PaymentOutcomeOutcomeFailed: credits.AttemptFailed, wire.PaymentOutcomeOutcomeActionRequired: credits.AttemptActionRequired,
}

func (s *server) decidePaymentAttempt(c *call) (any, error) {
	var in wire.PaymentOutcome
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	o := credits.Outcome{
		State: outcomes[in.Outcome], Reference: value(in.Reference), FailureCode: value(in.FailureCode),
		FailureMessage: value(in.FailureMessage), ActionURL: value(in.ActionURL),
	}
	if in.Amount != nil {
		if o.State != credits.AttemptPaid {
			return nil, credits.Invalid("amount", "is for the outcome paid")
		}
		o.Money = *grantCostIn(in.Amount)
	}
	return attemptData(s.credits.SayOutcome(c.ctx, c.env, c.caller(), c.path("id"), o))
}

func attemptData(a *credits.PaymentAttempt, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.PaymentAttemptData{Data: attemptOut(a)}, nil
}

func attemptOut(a *credits.PaymentAttempt) wire.PaymentAttempt {
	out := wire.PaymentAttempt{
		ID: a.ID, Number: a.Number, CustomerID: a.Customer, CurrencyID: a.CreditType, ResourceID: orNull(a.Resource),
		Amount: a.Credits, Cost: moneyOut(a.Cost), PaymentCollectionMethod: wire.PaymentCollectionMethod(a.Method),
		Provider: a.Provider, PaymentMethodID: orNull(a.PaymentMethod), State: wire.PaymentAttemptState(a.State),
		Reference: orNull(a.Reference), ActionURL: orNull(a.ActionURL), FailureCode: orNull(a.FailureCode),
		FailureMessage: orNull(a.FailureMessage), ParkedReason: orNull(a.ParkedReason), Automatic: a.Automatic, Tries: a.Tries,
		CreatedAt: timeOut(a.CreatedAt), UpdatedAt: timeOut(a.UpdatedAt),
	}
	if a.GrantID != 0 {
		id := engine.GrantText(a.GrantID)
		out.GrantID = &id
	}
	return out
}

// receivePaymentNotice takes in what a provider says. There is no key: the path names the environment, and the signature
// over the body, as it was sent, proves who speaks.
func (s *server) receivePaymentNotice(c *call) (any, error) {
	env, err := s.credits.Environment(c.path("environment"))
	if err != nil {
		return nil, err
	}
	if !json.Valid(c.body) {
		return nil, credits.Invalid("", "the body must be JSON")
	}
	if err := s.credits.TakeNotice(c.ctx, env.ID, c.path("provider"), c.request.Header.Get, c.body); err != nil {
		return nil, err
	}
	return wire.PaymentNoticeData{Data: wire.PaymentNoticeReceipt{Received: true}}, nil
}

func (s *server) attachPaymentMethod(c *call) (any, error) {
	var in wire.PaymentMethodAttach
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var currency *string
	if in.BillingCurrency.IsSpecified() {
		none := ""
		if currency = &none; !in.BillingCurrency.IsNull() {
			given := in.BillingCurrency.MustGet()
			currency = &given
		}
	}
	return s.customerData(s.credits.AttachMethod(c.ctx, c.env, c.caller(), c.path("id"), in.PaymentMethodID, currency))
}

func (s *server) detachPaymentMethod(c *call) (any, error) {
	return s.customerData(s.credits.DetachMethod(c.ctx, c.env, c.caller(), c.path("id")))
}

func (s *server) listPaymentMethods(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	list, err := s.credits.PaymentMethods(c.ctx, c.env, c.path("id"))
	if err != nil {
		return nil, err
	}
	return wire.PaymentMethodList{Data: listOut(list, func(m *credits.StoredMethod) wire.CustomerPaymentMethod {
		return wire.CustomerPaymentMethod{
			ID: m.ID, Provider: m.Provider, IsDefault: m.Default, Method: *paymentMethodOut(&m.Method), CreatedAt: timeOut(m.CreatedAt),
		}
	})}, nil
}
