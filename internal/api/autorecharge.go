package api

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// getAutoRecharge answers the defaults: nothing can be configured yet.
func (s *server) getAutoRecharge(c *call) (any, error) {
	q := c.query()
	customer, currency := q.required("customerId"), q.required("currencyId")
	if err := q.done(); err != nil {
		return nil, err
	}
	if _, err := s.credits.Pool(c.ctx, ledger.Key{Environment: c.env, Customer: customer, Currency: currency}); err != nil {
		return nil, err
	}
	return wire.AutoRechargeData{Data: wire.AutoRecharge{
		CustomerID: customer, CurrencyID: currency,
		GrantExpirationPeriod: wire.AutoRechargeGrantExpirationPeriodN1YEAR,
		ThresholdType:         wire.AutoRechargeThresholdTypeCREDITAMOUNT,
		ThresholdValue:        amount.Zero, TargetBalance: amount.Zero,
	}}, nil
}
