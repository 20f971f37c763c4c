package api

import (
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// getCreditUsage charts what burned credits. Without a credit type it is that of the customer's only pool, if there is one
// only; otherwise the chart is empty, because credits of two types do not add up.
func (s *server) getCreditUsage(c *call) (any, error) {
	q := c.query()
	customer, currency, resource := q.required("customerId"), q.text("currencyId"), q.text("resourceId")
	usage := credits.UsageQuery{
		Range: enum[wire.TimeRange, string](q, "timeRange"), From: q.time("startDate"), Through: q.time("endDate"),
		GroupBy: groupKeys(q),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	currency, err := s.onlyCurrency(c, credits.PoolFilter{Customer: customer, CreditType: currency, Resource: resource})
	if err != nil {
		return nil, err
	}
	out := wire.CreditUsage{Series: []wire.CreditUsageSeries{}}
	if currency == "" {
		return wire.CreditUsageData{Data: out}, nil
	}
	usage.Pool = ledger.Key{Environment: c.env, Customer: customer, Currency: currency, Resource: resource}
	series, err := s.credits.Usage(c.ctx, usage)
	if err != nil {
		return nil, err
	}
	out.Currency = s.usageCurrency(c.env, currency)
	list := pageOfPlaces(series, page)
	grouped := len(usage.GroupBy) > 0
	out.Series, out.Pagination = paged(q, list, func(p place[credits.UsageSeries]) wire.CreditUsageSeries {
		return s.seriesOut(c.env, &p.value, grouped)
	})
	return wire.CreditUsageData{Data: out}, nil
}

// groupKeys reads dimension keys, which are letters, digits and _ $ - only.
func groupKeys(q *query) []string {
	keys := q.texts("groupBy")
	for _, key := range keys {
		for _, r := range key {
			if !strings.ContainsRune("_$-", r) && !isSlug(string(r), "") {
				q.fail("groupBy", "must be dimension keys of letters, digits, _ $ and -, separated by commas")
			}
		}
	}
	return keys
}

// onlyCurrency is the credit type asked for, or the only one of the customer's pools, or empty.
func (s *server) onlyCurrency(c *call, filter credits.PoolFilter) (string, error) {
	if filter.CreditType != "" {
		return filter.CreditType, nil
	}
	pools, err := s.credits.Balances(c.ctx, c.env, filter)
	if err != nil || len(pools) != 1 {
		return "", err
	}
	return pools[0].Key.Currency, nil
}

func (s *server) usageCurrency(env, id string) *wire.CreditUsageCurrency {
	out := &wire.CreditUsageCurrency{CurrencyID: id}
	if t, ok := s.credits.Catalog(env).CreditType(id); ok {
		out.DisplayName, out.Symbol = t.DisplayName, orNull(t.Symbol)
		if t.Units != nil {
			out.Singular, out.Plural = orNull(t.Units.Singular), orNull(t.Units.Plural)
		}
	}
	return out
}

func (s *server) seriesOut(env string, series *credits.UsageSeries, grouped bool) wire.CreditUsageSeries {
	out := wire.CreditUsageSeries{
		EventCount: int64(series.Events), TotalCredits: series.Total,
		Points: listOut(series.Points, func(p credits.UsagePoint) wire.CreditUsagePoint {
			return wire.CreditUsagePoint{EventCount: int64(p.Events), Timestamp: timeOut(p.At), Value: p.Credits}
		}),
	}
	if grouped {
		out.Tags = listOut(series.Tags, tagOut)
		return out
	}
	out.FeatureID = orNull(series.Feature)
	if f, ok := s.credits.Catalog(env).Feature(series.Feature); ok {
		out.FeatureName = &f.DisplayName
	}
	return out
}

func tagOut(t credits.Tag) wire.Tag { return wire.Tag{Key: t.Key, Value: t.Value} }

// usagesMax is how many measurements one report may hold (wire reference 5.3).
const usagesMax = 100

// valueMax is the largest measurement: what a JSON number carries exactly everywhere.
const valueMax = 1<<53 - 1

func checkValue(value int64) error {
	if value < -valueMax || value > valueMax {
		return credits.Invalid("value", fmt.Sprintf("must be from %d to %d", -valueMax, valueMax))
	}
	return nil
}
