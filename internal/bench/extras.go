package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Rates and clients of the slow measurements.
const (
	checksPerSecond = 500 // a product that asks before each of its own requests
	checkClients    = 16
	openClients     = 64 // connections at a fixed rate; a request that finds none free waits, and its waiting counts
)

// half is the rate at which latencies are those of a server with room.
const half = 0.5

// besideCell is the cell whose half load runs beside the entitlement checks.
var besideCell = Cell{8, 100}

// extras measures the first server further, on a fresh copy of the data of the empty stage.
func (r *run) extras(ctx context.Context) (err error) {
	if len(r.Rates) == 0 && r.Sustained == 0 && !r.Checks && !r.Memory {
		return nil
	}
	main, err := r.enter(ctx, r.Servers[0])
	if main != nil {
		defer func() { err = errors.Join(err, main.stop(ctx)) }()
	}
	if err != nil {
		return err
	}
	if r.Memory && main.name == Scrip {
		if err := main.memory(ctx); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	if r.Checks && main.name == Scrip {
		if err := main.checks(ctx); err != nil {
			return fmt.Errorf("entitlement checks: %w", err)
		}
	}
	if err := main.openLoop(ctx); err != nil {
		return fmt.Errorf("at a fixed rate: %w", err)
	}
	if r.Sustained > 0 {
		return main.sustained(ctx)
	}
	return nil
}

// offering answers the phase that offers requests of a cell at a rate, whatever becomes of them: up to 1 a share of what
// the cell reached in the rounds, above that events a second.
func (e *entrant) offering(c Cell, rate float64, part uint64) phase {
	if rate <= 1 {
		rate *= e.report.Stages[0].rate(e.name, c)
	}
	return phase{
		clients: max(openClients, 2*c.Clients), seed: seedOf(e.Seed, part, uint64(c.Events)), do: reportOf(c.Events),
		warm: e.Warmup, length: e.Duration, rate: max(rate/float64(c.Events), 1),
	}
}

// Parts of a run that are no rounds, for seeds of their own.
const (
	partOpen = 1<<32 + iota
	partArrivals
	partChecks
	partSustained
	partTouch
	partGrowth
)

// partBits leaves room above the parts for the number of one of several.
const partBits = 40

// openLoop measures each cell's latency at each rate.
func (e *entrant) openLoop(ctx context.Context) error {
	for _, c := range e.Cells {
		for i, rate := range e.Rates {
			p := e.offering(c, rate, partOpen+uint64(i)<<partBits)
			got, err := e.load(ctx, p)
			if err != nil {
				return err
			}
			o := OpenLoop{Server: e.name, Cell: c, Asked: rate, EventsPerSecond: p.rate * float64(c.Events), Latency: latencyOf(got.samples)}
			e.report.OpenLoop = append(e.report.OpenLoop, o)
			e.say("%s, %s, %s events/s offered: p99 %s ms, max %s ms", c, e.name, count(o.EventsPerSecond), short(o.P99), short(o.Max))
		}
	}
	return nil
}

// checks measures entitlement checks alone, then beside half load.
func (e *entrant) checks(ctx context.Context) error {
	checks := phase{
		group: e.group, customers: e.Customers, clients: checkClients, seed: seedOf(e.Seed, partChecks), do: checkEntitlement,
		warm: e.Warmup, length: e.Duration, rate: checksPerSecond,
	}
	e.settle(ctx)
	alone, err := e.now.run(ctx, checks)
	if err != nil {
		return err
	}
	e.addCheck("nothing", alone)
	if e.report.Stages[0].find(e.name, besideCell) == nil {
		return nil
	}
	ended := make(chan error, 1)
	go func() {
		_, err := e.load(ctx, e.offering(besideCell, half, partChecks))
		ended <- err
	}()
	// The load must be there first and last until the checks are done; both warm up alike.
	beside, err := e.now.run(ctx, checks)
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	e.addCheck(besideCell.String()+" at half load", beside)
	return nil
}

// addCheck notes one measurement of checks.
func (e *entrant) addCheck(beside string, got result) {
	c := Check{Server: e.name, Beside: beside, PerSecond: checksPerSecond, Latency: latencyOf(got.samples)}
	e.report.Checks = append(e.report.Checks, c)
	e.say("entitlement checks beside %s: p50 %s ms, p99 %s ms", beside, short(c.P50), short(c.P99))
}

// sustainedParts are the parts of the long run of which the slowest is told.
const sustainedParts = 10

// sustained puts the largest batches on for long.
func (e *entrant) sustained(ctx context.Context) error {
	c := e.Cells[len(e.Cells)-1]
	got, err := e.load(ctx, phase{
		clients: c.Clients, seed: seedOf(e.Seed, partSustained), do: reportOf(c.Events), warm: e.Warmup, length: e.Sustained,
	})
	if err != nil {
		return fmt.Errorf("sustained: %w", err)
	}
	s := &Sustained{
		Server: e.name, Cell: c, Seconds: e.Sustained.Seconds(), Measure: measureOf(got, c, e.Sustained),
		SlowestTenth: slowest(got.samples, e.Sustained, sustainedParts, c.Events),
	}
	e.report.Sustained = s
	e.say("sustained for %s, %s, %s: %s events/s", e.Sustained.Round(time.Second), c, e.name, count(s.EventsPerSecond))
	return nil
}
