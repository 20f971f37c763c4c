package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// consumptionsMax is how many consumptions one batch may hold (wire reference 4.5).
const consumptionsMax = 1000

func (s *server) consumeCredits(c *call) (any, error) {
	var in wire.Consumption
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	what, err := consumptionIn(&in)
	if err != nil {
		return nil, err
	}
	done, err := s.credits.Consume(c.ctx, c.env, c.caller(), what)
	if err != nil {
		return nil, err
	}
	wallet, err := s.wallet(c, what)
	if err != nil {
		return nil, err
	}
	id := done.Position.EventID()
	return wire.ConsumptionResultData{Data: wire.ConsumptionResult{
		Amount: what.Amount, CurrencyID: what.CreditType, CustomerID: what.Customer, ResourceID: orNull(what.Resource),
		Timestamp: timeOut(done.At), EventID: &id, Duplicate: &done.Duplicate, Credit: wallet,
	}}, nil
}

// wallet is the pool after a consumption.
func (s *server) wallet(c *call, what credits.Consumption) (*wire.ConsumptionWallet, error) {
	key := ledger.Key{Environment: c.env, Customer: what.Customer, Currency: what.CreditType, Resource: what.Resource}
	view, err := s.credits.Pool(c.ctx, key)
	if err != nil {
		return nil, err
	}
	return &wire.ConsumptionWallet{
		CurrencyID: what.CreditType, CurrentUsage: view.TotalGranted.Sub(view.Available), UsageLimit: view.TotalGranted,
		Timestamp: timeOut(view.PostedAt),
	}, nil
}

// consumeCreditsAsync takes many consumptions. What cannot be accepted is kept in quarantine, and the answer is the same
// empty one.
func (s *server) consumeCreditsAsync(c *call) (any, error) {
	var in wire.ConsumptionBatch
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Consumptions); n == 0 || n > consumptionsMax {
		return nil, credits.Invalid("consumptions", fmt.Sprintf("must have 1 to %d items", consumptionsMax))
	}
	items := make([]credits.Consumption, len(in.Consumptions))
	for i := range in.Consumptions {
		var err error
		if items[i], err = consumptionIn(&in.Consumptions[i]); err != nil {
			return nil, within(itemOf("consumptions", i), err)
		}
	}
	if err := s.credits.ConsumeAll(c.ctx, c.env, c.caller(), items); err != nil {
		return nil, err
	}
	return wire.Accepted{}, nil
}

func consumptionIn(in *wire.Consumption) (credits.Consumption, error) {
	resource, resourceErr := resourceID("resourceId", in.ResourceID)
	dims, dimsErr := dimsIn("dimensions", in.Dimensions)
	err := firstError(
		customerID("customerId", in.CustomerID), slugID("currencyId", in.CurrencyID),
		keyText("idempotencyKey", in.IdempotencyKey), resourceErr, dimsErr,
	)
	if err == nil && in.FeatureID != nil {
		err = slugID("featureId", *in.FeatureID)
	}
	return credits.Consumption{
		Customer: in.CustomerID, CreditType: in.CurrencyID, Resource: resource, Amount: in.Amount, Key: in.IdempotencyKey,
		At: givenTime(in.CreatedAt), Dims: dims, Feature: value(in.FeatureID), RequireBalance: value(in.RequireBalance),
	}, err
}
