package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// Scrip is the name of the measured product among the servers.
const Scrip = "scrip"

// Names are all servers on SQLite, and PostgresNames those on PostgreSQL, in the order of the tables. The floor is a file
// beside either.
var (
	Names         = []string{Scrip, rival.Usual, rival.Batched, rival.Floor}
	PostgresNames = []string{Scrip, rival.Usual, rival.Batched, rival.Function, rival.Floor}
)

// names are the servers there can be.
func (o *Options) names() []string {
	if o.Database != "" {
		return PostgresNames
	}
	return Names
}

// grants are what each customer starts with, in thousandths of a credit: a welcome gift that is used up early, so that burns
// move from one grant to the next, and more than any run can burn.
var grants = []int64{5_000, 1_000_000_000_000}

// content is what a server starts with.
type content struct {
	customers int
	preload   int // events recorded before anything is measured
	seed      uint64
}

// subject knows how to fill a server and what to ask it.
type subject interface {
	// template names what prepare makes: subjects with the same name share it. Empty means nothing to prepare.
	template() string
	// prepare fills an empty place and answers the cost of the preloaded events in thousandths of a credit.
	prepare(ctx context.Context, at Place, c content) (cost int64, err error)
	// consumed answers the credits that the server says were consumed by all customers.
	consumed(ctx context.Context, s *Server, customers int) (amount.Amount, error)
}

// subjectOf answers the subject with one of the names.
func (r *run) subjectOf(name string) (subject, error) {
	line := lineUpOf(name)
	if err := line.validate(r.Database); err != nil {
		return nil, err
	}
	switch name = line.server; {
	case name == Scrip:
		return &scrip{start: r.Start, now: r.now}, nil
	case slices.Contains(r.names(), name):
		return &other{name: name, now: r.now}, nil
	}
	return nil, fmt.Errorf("no server is called %q; there are %v", name, r.names())
}

// other is a rival.
type other struct {
	name string
	now  clock
}

func (o *other) template() string {
	if o.name == rival.Floor {
		return "" // it starts with an empty file
	}
	return rival.Usual // all forms keep the same tables
}

// prepare writes the tables directly: over HTTP five million events would take the usual service an hour.
func (o *other) prepare(ctx context.Context, at Place, c content) (int64, error) {
	names := make([]string, c.customers)
	for i := range names {
		names[i] = customerID(i)
	}
	var cost int64
	events := func(yield func(rival.Event) bool) {
		for e := range newSource(c.seed, c.customers).events(c.preload, o.now().UTC()) {
			cost += e.Units * rival.RatePerUnit
			if !yield(e) {
				return
			}
		}
	}
	start := rival.Content{Customers: names, Grants: grants, Events: events, Now: o.now}
	if at.URL != "" {
		err := rival.PreparePostgres(ctx, at.URL, start)
		return cost, err
	}
	err := rival.Prepare(ctx, at.Dir, start)
	return cost, err
}

func (o *other) consumed(ctx context.Context, s *Server, _ int) (amount.Amount, error) {
	c, err := dial(ctx, s.Address)
	if err != nil {
		return amount.Zero, err
	}
	defer c.Close()
	var totals rival.Totals
	if err := c.get("/totals", &totals); err != nil {
		return amount.Zero, err
	}
	return credits(totals.Consumed), nil
}

// credits answers thousandths of a credit as an amount.
func credits(thousandths int64) amount.Amount {
	a, ok := amount.MulDiv(amount.FromInt(thousandths), amount.FromInt(1), amount.FromInt(1000), 3)
	if !ok {
		panic("bench: more credits than there are") // a run cannot make 10^18
	}
	return a
}
