package served

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

type revenueReport struct {
	Lines []struct {
		Currency        string      `json:"currency"`
		CurrencyID      string      `json:"currencyId"`
		OpeningDeferred json.Number `json:"openingDeferred"`
		Granted         json.Number `json:"granted"`
		Recognised      json.Number `json:"recognised"`
		Breakage        json.Number `json:"breakage"`
		Voided          json.Number `json:"voided"`
		ClosingDeferred json.Number `json:"closingDeferred"`
	} `json:"lines"`
}

const revenuePath = "/api/v1/revenue/months/"

// Revenue implements model.Subject.
func (w *World) Revenue() []model.RevenueLine {
	w.build()
	var lines []model.RevenueLine
	for _, month := range w.months() {
		lines = append(lines, w.revenueOf(month)...)
	}
	return lines
}

// months lists the months of the story, as the server has them. Those before the story were empty.
func (w *World) months() []string {
	var months []string
	for at := w.began; ; at = at.AddDate(0, 1, 0) {
		month := at.Format("2006-01")
		if month > w.now.Format("2006-01") {
			return months
		}
		months = append(months, month)
	}
}

func (w *World) revenueOf(month string) []model.RevenueLine {
	var got revenueReport
	w.must("GET", revenuePath+month, nil, &got)
	var lines []model.RevenueLine
	for _, l := range got.Lines {
		lines = append(lines, model.RevenueLine{
			Month: month, Currency: l.Currency, CreditType: l.CurrencyID, Opening: l.OpeningDeferred.String(), Granted: l.Granted.String(),
			Recognised: l.Recognised.String(), Breakage: l.Breakage.String(), Voided: l.Voided.String(), Closing: l.ClosingDeferred.String(),
		})
	}
	return lines
}

// verifyRevenue: what is deferred per grant at the end of each month adds up to its closing figures.
func (w *World) verifyRevenue() error {
	type deferred struct {
		Currency   string      `json:"currency"`
		CurrencyID string      `json:"currencyId"`
		Deferred   json.Number `json:"deferred"`
	}
	for _, month := range w.months() {
		left := map[string]string{}
		for _, l := range w.revenueOf(month) {
			if l.Closing != "0" {
				left[l.Currency+"/"+l.CreditType] = l.Closing
			}
		}
		sums := map[string]string{}
		for _, g := range list[deferred](&w.client, revenuePath+month+"/grants", url.Values{}) {
			key := g.Currency + "/" + g.CurrencyID
			sum := number(g.Deferred.String())
			if sums[key] != "" {
				sum = sum.Add(number(sums[key]))
			}
			sums[key] = sum.String()
		}
		if fmt.Sprint(left) != fmt.Sprint(sums) {
			return fmt.Errorf("at the end of %s %v is deferred, the grants say %v", month, left, sums)
		}
	}
	return nil
}

// monthStart is the first instant of the month of an instant.
func monthStart(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
