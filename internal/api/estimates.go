package api

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func (s *server) estimateEvent(c *call) (any, error) {
	var in wire.EventEstimate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	resource, resourceErr := resourceID("resourceId", in.ResourceID)
	dims, dimsErr := dimsIn("dimensions", in.Dimensions)
	if err := firstError(keyText("eventName", in.EventName), resourceErr, dimsErr); err != nil {
		return nil, err
	}
	if _, err := s.credits.Customer(c.ctx, c.env, in.CustomerID); err != nil {
		return nil, err
	}
	estimate, err := s.credits.EstimateEvent(c.ctx, c.env, credits.ReportedEvent{
		Customer: in.CustomerID, Name: in.EventName, Resource: resource, Dims: dims,
	})
	return s.estimateData(c, in.CustomerID, resource, estimate, err)
}

func (s *server) estimateUsage(c *call) (any, error) {
	var in wire.UsageEstimate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	resource, resourceErr := resourceID("resourceId", in.ResourceID)
	dims, dimsErr := dimsIn("dimensions", in.Dimensions)
	if err := firstError(checkValue(in.Value), resourceErr, dimsErr); err != nil {
		return nil, err
	}
	units := amount.FromInt(in.Value)
	if value(in.UpdateBehavior) == wire.UpdateBehaviorSET {
		used, err := s.credits.UsageNow(c.ctx, c.env, in.CustomerID, resource, in.FeatureID)
		if err != nil {
			return nil, err
		}
		units = units.Sub(used)
	}
	key := ledger.Key{Environment: c.env, Customer: in.CustomerID, Resource: resource}
	estimate, err := s.credits.EstimateUsage(c.ctx, key, in.FeatureID, amount.Max(units, amount.Zero), dims)
	return s.estimateData(c, in.CustomerID, resource, estimate, err)
}

func (s *server) estimateData(c *call, customer, resource string, e *credits.Estimate, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := wire.CostEstimate{
		Estimates: listOut(e.Lines, estimateOut), Warnings: []wire.EstimateWarning{},
	}
	switch {
	case e.Status == engine.EventQuarantined && e.Reason == credits.ReasonCustomerArchived:
		return nil, credits.Conflict(e.Reason, "the customer is archived; unarchive it first")
	case e.Status == engine.EventQuarantined:
		return nil, credits.Unprocessable(e.Reason, "", "the event has no price: "+e.Reason+" "+e.Detail)
	case e.Reason == credits.ReasonNoMeter:
		out.Warnings = append(out.Warnings, wire.EstimateWarningFEATURENOTFOUND)
	case e.Reason == credits.ReasonNoMapping:
		out.Warnings = append(out.Warnings, wire.EstimateWarningFEATURENOTCREDITBASED)
	}
	scoped, err := s.credits.ScopedElsewhere(c.ctx, c.env, customer, resource)
	if scoped && e.Reason != "" {
		out.Warnings = append(out.Warnings, wire.EstimateWarningRESOURCESCOPEDSUBSCRIPTIONEXISTS)
	}
	return wire.CostEstimateData{Data: out}, err
}

func estimateOut(line credits.EstimateLine) wire.CurrencyEstimate {
	return wire.CurrencyEstimate{
		CurrencyID: line.CreditType, EstimatedCost: line.Cost, CurrentBalance: line.Balance,
		BalanceAfterEstimate: line.After, WouldOverdraft: line.After.Sign() < 0,
		Breakdown: listOut(line.Charges, func(charge engine.Charge) wire.FeatureEstimate {
			return wire.FeatureEstimate{Cost: charge.Cost, FeatureID: charge.Feature}
		}),
	}
}
