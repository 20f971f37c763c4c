package bench

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// GrantPool is what burning costs in one pool with so many open grants.
type GrantPool struct {
	Grants         int     `json:"openGrants"`
	MicrosPerEvent float64 `json:"microsPerEvent"`
}

// Pools of many grants, and how they are burned from: by one client, so that time is the server's.
var (
	grantCounts = []int{10, 10_000}
	grantCell   = Cell{1, 100}
)

// grantPools makes a new customer for each number of grants and burns from its pool alone.
func (e *entrant) grantPools(ctx context.Context) ([]GrantPool, error) {
	var all []GrantPool
	for i, grants := range grantCounts {
		customer := e.Customers + i
		if err := e.openPool(ctx, customer, grants); err != nil {
			return all, fmt.Errorf("make %d grants: %w", grants, err)
		}
		e.settle(ctx)
		got, err := e.now.run(ctx, phase{
			group: e.group, routing: [][]uint32{{uint32(customer)}}, customers: customer + 1, clients: grantCell.Clients,
			seed: seedOf(e.Seed, partGrowth, uint64(customer)), do: reportOf(grantCell.Events), warm: e.Warmup, length: e.Duration,
		})
		if err != nil {
			return all, err
		}
		if err := e.verifyPool(ctx, customer, got.cost); err != nil {
			return all, err
		}
		p := GrantPool{grants, ratio(1e6, measureOf(got, grantCell, e.Duration).EventsPerSecond)}
		all = append(all, p)
		e.say("a pool with %d open grants: %s µs an event", p.Grants, short(p.MicrosPerEvent))
	}
	return all, nil
}

// openPool makes a customer with a subscription and so many grants.
func (e *entrant) openPool(ctx context.Context, customer, grants int) error {
	c, err := dial(ctx, e.first().Address)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, one := range []call{importOf(customer, customer+1), subscribe(customer)} {
		if err := c.must(one); err != nil {
			return err
		}
	}
	return concurrently(ctx, e.first(), grants, func(c *conn, i int) error {
		return c.must(grantOf(customer, i%100, 1_000_000_000))
	})
}

// verifyPool compares what the pool says was consumed with what was acknowledged.
func (e *entrant) verifyPool(ctx context.Context, customer int, cost int64) error {
	c, err := dial(ctx, e.first().Address)
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := consumedBy(c, customer)
	if err == nil && got != credits(cost) {
		err = fmt.Errorf("%w: the pool of %s holds %s credits of %s, acknowledged were %s", errLost, customerID(customer), got, rival.Currency, credits(cost))
	}
	return err
}
