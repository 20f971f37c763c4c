package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// scrip is the product, spoken to as its users do.
type scrip struct {
	start Starter
	now   clock
}

// How the product is filled and asked.
const (
	importSize    = 1000 // customers in one import, the most there may be
	setupClients  = 64   // enough to share commits
	preloadEvents = 1000 // events in a request
	preloadMax    = 2 * time.Hour
)

// call is one request of the set-up.
type call struct{ method, path, body string }

// catalogue is one credit type, one metered feature and one plan that charges for it.
var catalogue = []call{
	{"POST", "/api/v1/credits/custom-currencies", `{"id":"` + rival.Currency + `","displayName":"AI tokens"}`},
	{"POST", "/api/v1/features", `{"id":"completion","displayName":"Completion","featureType":"NUMBER","meterType":"INCREMENTAL"}`},
	{"PATCH", "/api/v1/features/completion", `{"meter":{"aggregation":{"function":"SUM","field":"` + rival.UnitsDimension + `"},` +
		`"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"` + rival.EventName + `"}]}]}}`},
	{"POST", "/api/v1/products", `{"id":"assistant","displayName":"Assistant"}`},
	{"POST", "/api/v1/plans", `{"id":"pro","displayName":"Pro","productId":"assistant"}`},
	{"PATCH", "/api/v1/plans/pro", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED","featureId":"completion",` +
		`"pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"` + rival.Currency + `","amount":0.001}}]}]}}`},
	{"POST", "/api/v1/plans/pro/publish", `{"migrationType":"NEW_CUSTOMERS"}`},
}

func (s *scrip) template() string { return Scrip }

// prepare sets everything up over REST and preloads with the largest batches.
func (s *scrip) prepare(ctx context.Context, at Place, c content) (cost int64, err error) {
	server, err := s.start(ctx, Scrip, at)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop(ctx)) }()
	if err := s.setUp(ctx, server, c.customers); err != nil {
		return 0, err
	}
	if c.preload == 0 {
		return 0, nil
	}
	r, err := s.now.run(ctx, phase{
		group: group{nodes: []*Server{server}}, customers: c.customers, clients: 4, seed: c.seed, do: reportOf(preloadEvents), length: preloadMax,
		limit: int64(math.Ceil(float64(c.preload) / preloadEvents)),
	})
	return r.cost, err
}

// setUp makes the catalogue and the customers, each with a subscription and its grants.
func (s *scrip) setUp(ctx context.Context, server *Server, customers int) error {
	c, err := dial(ctx, server.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, one := range catalogue {
		if err := c.must(one); err != nil {
			return err
		}
	}
	for first := 0; first < customers; first += importSize {
		if err := c.must(importOf(first, min(first+importSize, customers))); err != nil {
			return err
		}
	}
	// A pass for each kind of call, so that the grants, which share commits, do not wait behind subscriptions, which do not.
	err = concurrently(ctx, server, customers, func(c *conn, i int) error { return c.must(subscribe(i)) })
	if err != nil {
		return err
	}
	return concurrently(ctx, server, customers, func(c *conn, i int) error {
		for priority, thousandths := range grants {
			if err := c.must(grantOf(i, priority, thousandths)); err != nil {
				return err
			}
		}
		return nil
	})
}

// importOf brings in the customers from first up to end.
func importOf(first, end int) call {
	body := []byte(`{"customers":[`)
	for i := first; i < end; i++ {
		if i > first {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"id":%q,"name":"Customer %d","email":null}`, customerID(i), i)
	}
	return call{"POST", "/api/v1/customers/import", string(append(body, "]}"...))}
}

// subscribe puts a customer on the plan.
func subscribe(i int) call {
	return call{"POST", "/api/v1/subscriptions", fmt.Sprintf(`{"customerId":%q,"planId":"pro","billingPeriod":"MONTHLY"}`, customerID(i))}
}

// grantOf gives a customer a grant.
func grantOf(i, priority int, thousandths int64) call {
	return call{"POST", "/api/v1/credits/grants", fmt.Sprintf(
		`{"customerId":%q,"currencyId":%q,"displayName":"Grant %d","grantType":"PROMOTIONAL","amount":%s,"priority":%d}`,
		customerID(i), rival.Currency, priority, credits(thousandths), priority)}
}

// must sends a call of the set-up, which has to succeed.
func (c *conn) must(one call) error {
	status, answer, err := c.do(one.method, one.path, []byte(one.body))
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("%s %s answered %d: %.300s", one.method, one.path, status, answer)
	}
	return err
}

// concurrently calls do for each number below n, over a few connections. The first failure ends it.
func concurrently(ctx context.Context, server *Server, n int, do func(c *conn, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var clients sync.WaitGroup
	for range setupClients {
		clients.Go(func() {
			c, err := dial(ctx, server.Address)
			if err != nil {
				cancel(err)
				return
			}
			defer c.Close()
			for i := int(next.Add(1) - 1); i < n && ctx.Err() == nil; i = int(next.Add(1) - 1) {
				if err := do(c, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	clients.Wait()
	return context.Cause(ctx)
}

// balances is a page of pool balances, as far as it matters here.
type balances struct {
	Data []struct {
		TotalConsumed amount.Amount `json:"totalConsumed"`
	} `json:"data"`
}

// consumed asks for the balance of every customer.
func (s *scrip) consumed(ctx context.Context, server *Server, customers int) (amount.Amount, error) {
	var mu sync.Mutex
	var total amount.Amount
	err := concurrently(ctx, server, customers, func(c *conn, i int) error {
		one, err := consumedBy(c, i)
		mu.Lock()
		defer mu.Unlock()
		total = total.Add(one)
		return err
	})
	return total, err
}

// consumedBy asks for the balances of one customer.
func consumedBy(c *conn, i int) (amount.Amount, error) {
	var page balances
	var total amount.Amount
	if err := c.get("/api/v1/credits/balances?customerId="+customerID(i), &page); err != nil {
		return total, err
	}
	for _, pool := range page.Data {
		total = total.Add(pool.TotalConsumed)
	}
	return total, nil
}

// checkEntitlement is the request that asks whether a customer has credits.
func checkEntitlement(c *conn, s *source, _ time.Time) (int64, error) {
	var answer struct {
		Data struct {
			IsGranted bool `json:"isGranted"`
		} `json:"data"`
	}
	path := "/api/v1/customers/" + customerID(s.customer()) + "/entitlements/check?currencyId=" + rival.Currency
	if err := c.get(path, &answer); err != nil {
		return 0, err
	}
	if !answer.Data.IsGranted {
		return 0, fmt.Errorf("GET %s denies a customer with credits: %.300s", path, c.answer)
	}
	return 0, nil
}
