package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How servers are grown.
const (
	growthPoints = 10             // steps, and one measurement more than that
	growthRival  = 10             // a rival grows to this part only: it would take hours
	growthMax    = 24 * time.Hour // for one step
)

// growthCells are measured at each point.
var growthCells = []Cell{largest, batch}

// Growth is how one server's throughput followed the size of its tables.
type Growth struct {
	Server string      `json:"server"`
	Points []Point     `json:"points"`
	Pages  []Page      `json:"ledgerPages,omitempty"`
	Pools  []GrantPool `json:"grantPools,omitempty"`
}

// Point is what a server did with so many events in it.
type Point struct {
	Events  int       `json:"events"`
	Figures []Figures `json:"figures"`
}

// growth grows every server that keeps tables, one after the other, and measures it on the way.
func (r *run) growth(ctx context.Context) error {
	if err := r.prepare(ctx, 0); err != nil {
		return err
	}
	for _, name := range r.Servers {
		if r.subjects[name].template() == "" {
			continue // a file does not grow slow
		}
		if err := r.grow(ctx, name); err != nil {
			return fmt.Errorf("growth of %s: %w", name, err)
		}
	}
	return nil
}

// grow grows one server.
func (r *run) grow(ctx context.Context, name string) (err error) {
	e, err := r.enter(ctx, name)
	if e != nil {
		defer func() { err = errors.Join(err, e.stop(ctx)) }()
	}
	if err != nil {
		return err
	}
	r.report.Growth = append(r.report.Growth, Growth{Server: name})
	g := &r.report.Growth[len(r.report.Growth)-1]
	target := r.Growth
	if lineUpOf(name).server != Scrip {
		target /= growthRival
	}
	held := r.Customers // from touching them
	for i := range growthPoints + 1 {
		if held, err = e.fill(ctx, held, target/growthPoints*i, uint64(i)); err != nil {
			return err
		}
		g.Points = append(g.Points, Point{Events: held})
		if held, err = e.measurePoint(ctx, &g.Points[i], held, uint64(i)); err != nil {
			return err
		}
	}
	if name != Scrip {
		return nil
	}
	if g.Pages, err = e.ledgerPages(ctx); err != nil {
		return fmt.Errorf("ledger pages: %w", err)
	}
	g.Pools, err = e.grantPools(ctx)
	return err
}

// fill loads events until the server holds at least so many, and answers how many it holds.
func (e *entrant) fill(ctx context.Context, held, want int, step uint64) (int, error) {
	if want <= held {
		return held, nil
	}
	got, err := e.load(ctx, phase{
		clients: 4, seed: seedOf(e.Seed, partGrowth, step), do: reportOf(preloadEvents), length: growthMax,
		limit: int64(want-held+preloadEvents-1) / preloadEvents,
	})
	return held + int(got.all)*preloadEvents, err
}

// measurePoint measures the cells, whose events the server holds afterwards too.
func (e *entrant) measurePoint(ctx context.Context, p *Point, held int, step uint64) (int, error) {
	for i, c := range growthCells {
		got, err := e.load(ctx, phase{
			clients: c.Clients, seed: seedOf(e.Seed, partGrowth, step, uint64(i)), do: reportOf(c.Events), warm: e.Warmup, length: e.Duration,
		})
		if err != nil {
			return held, err
		}
		held += int(got.all) * c.Events
		m := measureOf(got, c, e.Duration)
		p.Figures = append(p.Figures, Figures{Server: e.name, Cell: c, Rounds: []Measure{m}, Median: m})
		e.say("%s with %s events, %s: %s events/s", e.name, count(float64(p.Events)), c, count(m.EventsPerSecond))
	}
	return held, nil
}

// rate answers the events per second in a cell, or 0 when it was not measured.
func (p *Point) rate(c Cell) float64 {
	for _, f := range p.Figures {
		if f.Cell == c {
			return f.Median.EventsPerSecond
		}
	}
	return 0
}
