package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
)

// entrant is one server of a round, and what it must have taken so far.
type entrant struct {
	*run
	group
	name    string
	routing [][]uint32 // customers by node, nil when each request goes to the next node
	cost    int64      // of everything acknowledged, in thousandths of a credit
}

// field are the entrants of a round by name.
type field map[string]*entrant

// startAll starts every server on its own copy of its template. What it answers must be stopped also after a failure.
func (r *run) startAll(ctx context.Context) (field, error) {
	f := field{}
	for _, name := range r.Servers {
		e, err := r.enter(ctx, name)
		if e != nil {
			f[name] = e
		}
		if err != nil {
			return f, fmt.Errorf("start %s: %w", name, err)
		}
	}
	return f, nil
}

// stop stops the servers and removes their data.
func (f field) stop(ctx context.Context) error {
	var all error
	for _, e := range f {
		all = errors.Join(all, e.stop(ctx))
	}
	return all
}

// enter starts one server on a fresh copy of its template and lets it touch every customer. An entrant that it answers
// must be stopped, also when there is an error.
func (r *run) enter(ctx context.Context, name string) (*entrant, error) {
	e := &entrant{run: r, name: name, group: group{database: r.DatabasePID}}
	line := lineUpOf(name)
	var err error
	if e.routing, err = line.routing(r.Customers); err != nil {
		return nil, err
	}
	place, err := r.place(ctx, e)
	for len(e.nodes) < line.nodes && err == nil {
		var node *Server
		if node, err = r.Start(ctx, line.server, place); err == nil {
			e.nodes = append(e.nodes, node)
		}
	}
	if err != nil {
		return nil, errors.Join(err, e.stop(ctx))
	}
	return e, e.touch(ctx, r.Customers)
}

// place makes a copy of the template of an entrant, and notes what the template has consumed.
func (r *run) place(ctx context.Context, e *entrant) (Place, error) {
	template := r.subjects[e.name].template()
	if template == "" {
		return r.places.folder(e.placeName())
	}
	e.cost = r.costs[template]
	return r.places.copy(ctx, e.placeName(), templateName(template))
}

// placeName is under which name an entrant has its place.
func (e *entrant) placeName() string { return "round-" + e.name }

// stop stops the nodes and removes their data.
func (e *entrant) stop(ctx context.Context) error {
	return errors.Join(e.group.stop(ctx), e.places.remove(ctx, e.placeName()))
}

// touch reports one event of each customer, so that no server is measured while it still reads its customers from disk.
func (e *entrant) touch(ctx context.Context, customers int) error {
	r := random(seedOf(e.Seed, partTouch))
	at := []byte(e.now().UTC().Format(time.RFC3339))
	for first := 0; first < customers; first += preloadEvents {
		body := []byte(`{"events":[`)
		for i := first; i < min(first+preloadEvents, customers); i++ {
			d := draw{customer: uint64(i), input: 1000, output: 100, key: [2]uint64{r.next(), r.next()}}
			body = append(d.append(body, at), ',')
			e.cost += int64(d.output)
		}
		body = append(body[:len(body)-1], "]}"...)
		if err := e.send(ctx, body); err != nil {
			return err
		}
	}
	return nil
}

// send reports one body on a connection of its own.
func (e *entrant) send(ctx context.Context, body []byte) error {
	c, err := dial(ctx, e.first().Address)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.report(body)
}

// load waits until the server is idle, puts load on it, and compares what it acknowledged with what it says it holds.
func (e *entrant) load(ctx context.Context, p phase) (result, error) {
	e.settle(ctx)
	p.group, p.routing, p.customers = e.group, e.routing, e.Customers
	got, err := e.now.run(ctx, p)
	if err != nil {
		return got, err
	}
	e.cost += got.cost
	return got, e.verify(ctx)
}

// errLost says that a server holds something else than it acknowledged.
var errLost = errors.New("the server's totals differ from what it acknowledged")

// verify compares totals to the last digit.
func (e *entrant) verify(ctx context.Context) error {
	want := credits(e.cost)
	var got amount.Amount
	got, err := e.subjects[e.name].consumed(ctx, e.first(), e.Customers)
	if err == nil && got != want {
		err = fmt.Errorf("%w: it holds %s credits, acknowledged were %s", errLost, got, want)
	}
	return err
}
