package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func (s *server) getAutoRecharge(c *call) (any, error) {
	q := c.query()
	pool := rechargedPool(c, q)
	if err := q.done(); err != nil {
		return nil, err
	}
	return autoRechargeData(s.credits.AutoRecharge(c.ctx, pool))
}

// rechargedPool is the pool that a query names.
func rechargedPool(c *call, q *query) ledger.Key {
	return ledger.Key{Environment: c.env, Customer: q.required("customerId"), Currency: q.required("currencyId"), Resource: q.text("resourceId")}
}

func (s *server) setAutoRecharge(c *call) (any, error) {
	var in wire.AutoRechargeInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	resource, err := resourceID("resourceId", in.ResourceID)
	if err != nil {
		return nil, err
	}
	if in.PaymentMethodID != nil && *in.PaymentMethodID == "" {
		return nil, credits.Invalid("paymentMethodId", "must not be empty; leave it away for the customer's default one")
	}
	set := credits.NewRecharge{Life: credits.RechargeLifeYear, Rule: credits.RechargeRule{
		Enabled: in.IsEnabled, ThresholdType: credits.ThresholdCredits, Threshold: in.ThresholdValue, Target: in.TargetBalance,
		SpendMax: in.MaxSpendLimit, PaymentMethod: value(in.PaymentMethodID),
	}}
	if in.ThresholdType != nil {
		set.Rule.ThresholdType = string(*in.ThresholdType)
	}
	if in.GrantExpirationPeriod != nil {
		set.Life = string(*in.GrantExpirationPeriod)
	}
	pool := ledger.Key{Environment: c.env, Customer: in.CustomerID, Currency: in.CurrencyID, Resource: resource}
	return autoRechargeData(s.credits.SetAutoRecharge(c.ctx, c.caller(), pool, set))
}

func autoRechargeData(a *credits.AutoRecharge, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.AutoRechargeData{Data: wire.AutoRecharge{
		ID: orNull(a.ID), CustomerID: a.Customer, CurrencyID: a.CreditType, ResourceID: orNull(a.Resource),
		IsEnabled: a.Rule.Enabled, ThresholdType: wire.AutoRechargeThresholdType(a.Rule.ThresholdType), ThresholdValue: a.Rule.Threshold,
		TargetBalance: a.Rule.Target, MaxSpendLimit: a.Rule.SpendMax, GrantExpirationPeriod: wire.AutoRechargeLife(a.LifeName()),
		PaymentMethodID: orNull(a.Rule.PaymentMethod), State: new(wire.AutoRechargeState(a.State)), Spent: &a.Spent,
		Currency: orNull(a.Currency), CreatedAt: timeOrNull(a.CreatedAt), UpdatedAt: timeOrNull(a.UpdatedAt),
	}}, nil
}

func (s *server) listAutoRechargeOperations(c *call) (any, error) {
	q := c.query()
	pool, page := rechargedPool(c, q), q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.RechargeOperations(c.ctx, pool, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, rechargeOperationOut)
	return wire.AutoRechargeOperationPage{Data: data, Pagination: pagination}, nil
}

func rechargeOperationOut(a *credits.PaymentAttempt) wire.AutoRechargeOperation {
	out := wire.AutoRechargeOperation{
		ID: a.ID, Status: wire.AutoRechargeOperationStatusFAILED, Amount: a.Credits, Cost: moneyOut(a.Cost),
		CreatedAt: timeOut(a.CreatedAt), UpdatedAt: timeOut(a.UpdatedAt),
	}
	switch {
	case a.State.Unsettled():
		out.Status = wire.AutoRechargeOperationStatusINPROGRESS
	case a.State == credits.AttemptPaid:
		out.Status = wire.AutoRechargeOperationStatusSUCCESS
	case a.FailureCode != "":
		out.FailureReason = &a.FailureCode
	default:
		out.FailureReason = new(string(a.State))
	}
	if a.GrantID != 0 {
		out.GrantID = new(engine.GrantText(a.GrantID))
	}
	return out
}
