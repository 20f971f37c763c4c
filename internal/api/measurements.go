package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// reportUsage records measurements. They burn no credits: events do.
func (s *server) reportUsage(c *call) (any, error) {
	var in wire.UsageReport
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Usages); n == 0 || n > usagesMax {
		return nil, credits.Invalid("usages", fmt.Sprintf("must have 1 to %d items", usagesMax))
	}
	items := make([]credits.Measurement, len(in.Usages))
	for i := range in.Usages {
		var err error
		if items[i], err = measurementIn(&in.Usages[i]); err != nil {
			return nil, within(itemOf("usages", i), err)
		}
		if items[i].Key == "" && c.effectKey != "" {
			items[i].Key = fmt.Sprintf("\x00%s %d", c.effectKey, i) // a NUL begins the keys that no caller chose
		}
	}
	done, err := s.credits.RecordMeasurements(c.ctx, c.env, c.caller(), items)
	if err != nil {
		return nil, err
	}
	out := wire.UsageMeasurementList{Data: make([]wire.UsageMeasurement, len(done))}
	for i := range done {
		out.Data[i] = measurementOut(&items[i], &done[i])
	}
	return out, nil
}

func measurementIn(in *wire.UsageInput) (credits.Measurement, error) {
	resource, resourceErr := resourceID("resourceId", in.ResourceID)
	dims, dimsErr := dimsIn("dimensions", in.Dimensions)
	err := firstError(checkValue(in.Value), resourceErr, dimsErr)
	if err == nil && in.IdempotencyKey != nil {
		err = keyText("idempotencyKey", *in.IdempotencyKey)
	}
	return credits.Measurement{
		Customer: in.CustomerID, Feature: in.FeatureID, Resource: resource, Value: in.Value,
		Set: value(in.UpdateBehavior) == wire.UpdateBehaviorSET, At: givenTime(in.CreatedAt), Dims: dims, Key: value(in.IdempotencyKey),
	}, err
}

func measurementOut(in *credits.Measurement, m *credits.Measured) wire.UsageMeasurement {
	out := wire.UsageMeasurement{
		ID: m.Position.EventID(), CustomerID: in.Customer, FeatureID: in.Feature, ResourceID: orNull(in.Resource), Value: in.Value,
		CreatedAt: timeOut(m.CreatedAt), Timestamp: timeOut(m.At), CurrentUsage: m.Usage,
	}
	if m.Window.Resets() {
		out.UsagePeriodStart, out.UsagePeriodEnd = timeOrNull(m.Window.From), timeOrNull(m.Window.To)
		out.NextResetDate = out.UsagePeriodEnd
	}
	return out
}

func (s *server) getUsageHistory(c *call) (any, error) {
	q := c.query()
	ask := credits.HistoryQuery{
		Customer: c.path("customerId"), Feature: c.path("featureId"), Resource: q.text("resourceId"),
		Through: q.time("endDate"), GroupBy: q.text("groupBy"),
	}
	from := q.time("startDate")
	if from == nil {
		q.fail("startDate", "is required")
	}
	if err := q.done(); err != nil {
		return nil, err
	}
	ask.From = *from
	history, err := s.credits.UsageHistory(c.ctx, c.env, ask)
	if err != nil {
		return nil, err
	}
	return wire.UsageHistoryData{Data: wire.UsageHistory{
		Markers: listOut(history.Resets, func(at ledger.Time) wire.UsageMarker {
			return wire.UsageMarker{Timestamp: timeOut(at), Type: wire.UsageMarkerTypePERIODICRESET}
		}),
		Series: listOut(history.Series, func(series credits.HistorySeries) wire.UsageHistorySeries {
			return wire.UsageHistorySeries{Points: listOut(series.Points, historyPointOut), Tags: listOut(series.Tags, tagOut)}
		}),
	}}, nil
}

func historyPointOut(p credits.HistoryPoint) wire.UsageHistoryPoint {
	return wire.UsageHistoryPoint{IsResetPoint: p.Reset, Timestamp: timeOut(p.At), Value: p.Value}
}
