package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/cluster"
)

// Options say what to measure. There are no defaults here; cmd has them.
type Options struct {
	Dir       string   // an empty folder on the disk to measure; what is in it afterwards is of no use
	Database  string   // a PostgreSQL server to make databases on; empty for SQLite
	Servers   []string // of Names, or PostgresNames and their NodeNames; the first is the one that the long and the slow measurements look at
	Cells     []Cell
	Rounds    int           // at least 1
	Warmup    time.Duration // before each cell
	Duration  time.Duration // of each cell
	Customers int           // each is a pool; at most a million
	Preload   int           // if above 0, everything is measured again on servers that hold so many events
	Growth    int           // if above 0, nothing is measured but how servers fare while they grow to so many events
	Sustained time.Duration // of the long run; 0 for none
	Rates     []float64     // offered to each cell to measure latencies: up to 1 a share of what it reached, else events a second
	Checks    bool          // measure entitlement checks; only Scrip answers them
	Memory    bool          // measure memory; only Scrip's
	Seed      uint64
	// DatabasePID is the first process of the PostgreSQL server when it runs on this machine, else 0.
	DatabasePID int
	Now         func() time.Time
	Start       Starter
	Progress    func(line string) // called with what has just been done
}

// validate refuses options that cannot be measured.
func (o *Options) validate() error {
	switch {
	case len(o.Servers) == 0:
		return errors.New("no server to measure")
	case len(o.Cells) == 0:
		return errors.New("no cell to measure")
	case o.Rounds < 1:
		return errors.New("at least one round is needed")
	case o.Duration < 100*time.Millisecond || o.Warmup < 0 || o.Sustained < 0:
		return errors.New("a cell takes at least 100ms")
	case o.Customers < 1 || o.Customers > customerMax:
		return fmt.Errorf("customers: want 1 to %d", customerMax)
	case slices.ContainsFunc(o.Rates, func(rate float64) bool { return !(rate > 0) }):
		return errors.New("rates: want shares up to 1, or events a second")
	case o.Preload < 0 || o.Growth < 0:
		return errors.New("preload and growth: want 0 or more events")
	}
	return nil
}

// run is one run under way.
type run struct {
	Options
	now      clock
	places   *places
	subjects map[string]subject
	report   *Report
	// costs are what the preloaded events of each template cost, in thousandths of a credit.
	costs map[string]int64
}

// Run measures. On a failure it answers what was measured before, and the error; a server that lost an event is a failure.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	r := &run{Options: o, now: o.Now, places: &places{dir: o.Dir, server: o.Database}, subjects: map[string]subject{}}
	for _, name := range o.Servers {
		s, err := r.subjectOf(name)
		if err != nil {
			return nil, err
		}
		r.subjects[name] = s
	}
	machine, err := r.machine(ctx)
	if err != nil {
		return nil, err
	}
	r.report = &Report{
		Machine: machine, StartedAt: r.now().UTC(), Seed: o.Seed, Customers: o.Customers, Rounds: o.Rounds,
		Seconds: o.Duration.Seconds(), Servers: o.Servers,
	}
	err = errors.Join(r.measure(ctx), r.places.removeAll(ctx))
	r.report.Goals = r.report.goals()
	return r.report, err
}

// machine describes where the run takes place, and the database server.
func (r *run) machine(ctx context.Context) (Machine, error) {
	m, err := r.now.describe(ctx, r.Dir)
	m.Database = "SQLite"
	if err == nil && r.Database != "" {
		m.Database, err = cluster.Describe(ctx, r.Database)
	}
	return m, err
}

// measure runs every part in turn.
func (r *run) measure(ctx context.Context) error {
	if r.Growth > 0 {
		return r.growth(ctx)
	}
	if err := r.stage(ctx, 0); err != nil {
		return err
	}
	if err := r.extras(ctx); err != nil {
		return err
	}
	if r.Preload == 0 {
		return nil
	}
	return r.stage(ctx, r.Preload)
}

// stage measures all cells in rounds, each round on fresh copies of the same data.
func (r *run) stage(ctx context.Context, preload int) error {
	if err := r.prepare(ctx, preload); err != nil {
		return err
	}
	r.report.Stages = append(r.report.Stages, Stage{Preloaded: preload})
	stage := &r.report.Stages[len(r.report.Stages)-1]
	for round := range r.Rounds {
		if err := r.round(ctx, stage, round); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	return nil
}

// templateName is the name of the place of a template.
func templateName(template string) string { return "template-" + template }

// prepare makes the templates of a stage, in place of those of the stage before.
func (r *run) prepare(ctx context.Context, preload int) error {
	r.costs = map[string]int64{}
	for _, name := range r.Servers {
		template := r.subjects[name].template()
		if _, done := r.costs[template]; done || template == "" {
			continue
		}
		begin := r.now()
		if err := r.prepareOne(ctx, r.subjects[name], preload); err != nil {
			return fmt.Errorf("prepare %s: %w", template, err)
		}
		r.say("prepared %s with %d customers and %d events in %s", template, r.Customers, preload, r.now().Sub(begin).Round(time.Millisecond))
	}
	return nil
}

// prepareOne makes the template of a subject.
func (r *run) prepareOne(ctx context.Context, s subject, preload int) error {
	name := templateName(s.template())
	if err := r.places.remove(ctx, name); err != nil {
		return err
	}
	place, err := r.places.fresh(ctx, name)
	if err != nil {
		return err
	}
	r.costs[s.template()], err = s.prepare(ctx, place, content{r.Customers, preload, seedOf(r.Seed, uint64(preload))})
	return err
}

// round measures every cell on every server once. The order of the servers turns with the rounds.
func (r *run) round(ctx context.Context, stage *Stage, round int) (err error) {
	field, err := r.startAll(ctx)
	defer func() { err = errors.Join(err, field.stop(ctx)) }()
	if err != nil {
		return err
	}
	order := slices.Concat(r.Servers[round%len(r.Servers):], r.Servers[:round%len(r.Servers)])
	for number, cell := range r.Cells {
		for _, name := range order {
			seed := seedOf(r.Seed, uint64(stage.Preloaded), uint64(round), uint64(number), uint64(slices.Index(r.Servers, name)))
			m, err := r.cell(ctx, field[name], cell, seed)
			if err != nil {
				return fmt.Errorf("%s at %s: %w", name, cell, err)
			}
			stage.add(name, cell, m)
			r.say("round %d of %d, %s, %s: %s events/s, p99 %s ms", round+1, r.Rounds, cell, name, count(m.EventsPerSecond), short(m.P99))
		}
	}
	return nil
}

// cell measures one server once and checks that it lost nothing.
func (r *run) cell(ctx context.Context, e *entrant, c Cell, seed uint64) (Measure, error) {
	got, err := e.load(ctx, phase{clients: c.Clients, seed: seed, do: reportOf(c.Events), warm: r.Warmup, length: r.Duration})
	return measureOf(got, c, r.Duration), err
}

// say tells the user what has been done.
func (r *run) say(format string, values ...any) { r.Progress(fmt.Sprintf(format, values...)) }
