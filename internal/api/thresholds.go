package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

// poolAsked reads which pool is meant, or with no parameter the environment.
func poolAsked(q *query) credits.ThresholdRef {
	return credits.ThresholdRef{Customer: q.text("customerId"), Currency: q.text("currencyId"), Resource: q.text("resourceId")}
}

func thresholdRef(q *query) (credits.ThresholdRef, error) { return poolAsked(q), q.done() }

func (s *server) getThresholds(c *call) (any, error) {
	of, err := thresholdRef(c.query())
	if err != nil {
		return nil, err
	}
	return s.thresholdsData(c, of)
}

func (s *server) setThresholds(c *call) (any, error) {
	of, err := thresholdRef(c.query())
	if err != nil {
		return nil, err
	}
	var in wire.ThresholdsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	_, err = s.credits.SetThresholds(c.ctx, c.env, c.actor(), credits.ThresholdSet{
		ThresholdRef: of, Remaining: in.RemainingPercentages, Amounts: in.RemainingAmounts, Consumed: in.ConsumedPercentages,
	})
	if err != nil {
		return nil, err
	}
	return s.thresholdsData(c, of)
}

func (s *server) removeThresholds(c *call) (any, error) {
	of, err := thresholdRef(c.query())
	if err != nil {
		return nil, err
	}
	if err := s.credits.RemoveThresholds(c.ctx, c.env, c.actor(), of); err != nil {
		return nil, err
	}
	return s.thresholdsData(c, of)
}

// thresholdsData answers with what applies.
func (s *server) thresholdsData(c *call, of credits.ThresholdRef) (any, error) {
	set, own, err := s.credits.Thresholds(c.ctx, c.env, of)
	if err != nil {
		return nil, err
	}
	return wire.ThresholdsData{Data: wire.Thresholds{
		RemainingPercentages: set.Remaining, RemainingAmounts: set.Amounts, ConsumedPercentages: set.Consumed, IsOwn: own,
		UpdatedAt: timeOrNull(set.UpdatedAt),
	}}, nil
}
