package bench

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// Page is how long pages of the ledger took.
type Page struct {
	What string `json:"what"`
	Latency
}

// How ledger pages are read.
const (
	pageCustomers = 50  // whose ledgers are read
	pageRows      = 100 // rows of a page, the most there may be
	pagesMax      = 200 // of one ledger: 20,000 rows are deep enough
)

// ledgerPages reads the first page of some ledgers, then later ones to the end or to great depth, then
// the first page under two filters.
func (e *entrant) ledgerPages(ctx context.Context) ([]Page, error) {
	e.settle(ctx)
	c, err := dial(ctx, e.first().Address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var first, deepest, filtered []sample
	for i := range min(pageCustomers, e.Customers) {
		path := fmt.Sprintf("/api/v1/credits/ledger?customerId=%s&currencyId=%s&limit=%d", customerID(i), rival.Currency, pageRows)
		next, took, err := e.page(c, path)
		if err != nil {
			return nil, err
		}
		first = append(first, sample{took: took})
		for pages := 1; next != "" && pages < pagesMax; pages++ {
			if next, took, err = e.page(c, path+"&after="+url.QueryEscape(next)); err != nil {
				return nil, err
			}
		}
		deepest = append(deepest, sample{took: took})
		if _, took, err = e.page(c, path+"&eventType=CREDITS_CONSUMED&featureId=completion"); err != nil {
			return nil, err
		}
		filtered = append(filtered, sample{took: took})
	}
	pages := []Page{{"first page", latencyOf(first)}, {"deepest page", latencyOf(deepest)}, {"two filters", latencyOf(filtered)}}
	for _, p := range pages {
		e.say("ledger, %s: p50 %s ms, max %s ms", p.What, short(p.P50), short(p.Max))
	}
	return pages, nil
}

// page reads one page, and answers the cursor of the next one and how long it took.
func (e *entrant) page(c *conn, path string) (next string, took time.Duration, err error) {
	var answer struct {
		Data       []struct{} `json:"data"`
		Pagination struct {
			Next *string `json:"next"`
		} `json:"pagination"`
	}
	begin := e.now()
	err = c.get(path, &answer)
	took = e.now().Sub(begin)
	if err == nil && len(answer.Data) == 0 {
		err = fmt.Errorf("GET %s answered an empty page", path)
	}
	if answer.Pagination.Next != nil {
		next = *answer.Pagination.Next
	}
	return next, took, err
}
