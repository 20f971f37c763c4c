package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// request does one request on a connection and answers the thousandths of a credit that it had acknowledged.
type request func(c *conn, s *source, now time.Time) (cost int64, err error)

// reportOf answers the request that reports events.
func reportOf(events int) request {
	return func(c *conn, s *source, now time.Time) (int64, error) {
		body, cost := s.batch(events, now)
		return cost, c.report(body)
	}
}

// phase is load on one server.
type phase struct {
	group
	routing   [][]uint32 // customers by node, nil when each request goes to the next node
	customers int
	clients   int
	seed      uint64
	do        request
	warm      time.Duration // not measured
	length    time.Duration // measured, after warm
	rate      float64       // requests a second at random moments; 0 means each client sends as soon as it has its answer
	limit     int64         // requests after which to stop, 0 for none
}

// result is what a phase brought.
type result struct {
	samples []sample // of the measured time
	all     int64    // requests acknowledged, warming up included
	refused int      // answers in the measured time that told to try again later
	cost    int64    // what those cost, in thousandths of a credit
	cpu     usageSpan
}

// usageSpan is the processor time that passed in the measured time.
type usageSpan struct{ server, generator time.Duration }

// clock is what the package reads time from.
type clock func() time.Time

// run puts the load on and waits for every answer. The first failure ends it.
func (now clock) run(ctx context.Context, p phase) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := now()
	pace := &pace{
		phase: p, now: now, begin: begin, start: begin.Add(p.warm), end: begin.Add(p.warm + p.length),
		arrivals: arrivals{random: random(seedOf(p.seed, partArrivals)), rate: p.rate},
	}
	parts := make([]result, p.clients)
	var clients sync.WaitGroup
	for i := range p.clients {
		clients.Go(func() {
			var err error
			if parts[i], err = pace.client(ctx, uint64(i)); err != nil {
				cancel(err)
			}
		})
	}
	cpu := make(chan usageSpan, 1)
	watching, stop := context.WithCancel(ctx)
	go func() { cpu <- pace.watch(watching) }()
	clients.Wait()
	stop() // a limit can end a phase early
	if err := context.Cause(ctx); err != nil {
		return result{}, err
	}
	return merge(parts, <-cpu), nil
}

// merge adds up the clients.
func merge(parts []result, cpu usageSpan) result {
	total := result{cpu: cpu}
	for _, part := range parts {
		total.samples = append(total.samples, part.samples...)
		total.all += part.all
		total.refused += part.refused
		total.cost += part.cost
	}
	return total
}

// pace decides when the clients of a phase send.
type pace struct {
	phase
	now               clock
	begin, start, end time.Time
	arrivals          arrivals
	sent              atomic.Int64
}

// client sends requests, one after the other and to one node after the other, until the phase is over.
func (p *pace) client(ctx context.Context, id uint64) (result, error) {
	var r result
	nodes, err := p.connect(ctx)
	defer func() {
		for _, c := range nodes {
			_ = c.Close() // every answer has been read
		}
	}()
	if err != nil {
		return r, err
	}
	s := newSource(seedOf(p.seed, id), p.customers)
	for turn := int(id); ; turn++ {
		due, more := p.next(ctx)
		if !more {
			return r, nil
		}
		node := turn % len(nodes)
		if p.routing != nil {
			s.among = p.routing[node]
		}
		cost, err := p.do(nodes[node], s, p.now())
		refused := nodes[node].takeRefused()
		if err != nil {
			return r, err
		}
		done := p.now()
		r.all++
		r.cost += cost
		if p.measured(due, done) {
			r.refused += refused
			r.samples = append(r.samples, sample{done.Sub(p.start), done.Sub(due)})
		}
	}
}

// connect makes a connection to each node. Where there are several, one may ask for patience while it meets another.
func (p *pace) connect(ctx context.Context) ([]*conn, error) {
	var all []*conn
	for _, node := range p.nodes {
		c, err := dial(ctx, node.Address)
		if err != nil {
			return all, err
		}
		all = append(all, c)
		c.patient = len(p.nodes) > 1
		if err := c.SetDeadline(p.end.Add(requestMax)); err != nil {
			return all, err
		}
	}
	return all, nil
}

// measured reports whether a request counts. At a fixed rate those that were due in the measured time count, however late
// they were answered; otherwise those answered in it.
func (p *pace) measured(due, done time.Time) bool {
	moment := done
	if p.rate > 0 {
		moment = due
	}
	return !moment.Before(p.start) && moment.Before(p.end)
}

// next waits for the moment of the next request and answers when it was due. Without a rate that is now.
func (p *pace) next(ctx context.Context) (due time.Time, more bool) {
	number := p.sent.Add(1) - 1
	if ctx.Err() != nil || p.limit > 0 && number >= p.limit {
		return due, false
	}
	due = p.now()
	if p.rate > 0 {
		due = p.begin.Add(p.arrivals.next())
		if wait := due.Sub(p.now()); wait > 0 {
			sleep(wait)
		}
	}
	return due, due.Before(p.end)
}

// watch reads how much processor time the measured time takes.
func (p *pace) watch(ctx context.Context) usageSpan {
	p.sleepUntil(ctx, p.start)
	server, generator := p.cpuTime(), cpuTime(ownPID)
	p.sleepUntil(ctx, p.end)
	return usageSpan{p.cpuTime() - server, cpuTime(ownPID) - generator}
}

// sleepUntil waits for a moment or the end of ctx.
func (p *pace) sleepUntil(ctx context.Context, moment time.Time) { pause(ctx, moment.Sub(p.now())) }
