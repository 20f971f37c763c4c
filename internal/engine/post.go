package engine

import (
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// freshGrant is a grant whose row is still to be written.
type freshGrant struct {
	at    Position // of the entry that changed it last
	state ledger.Grant
	final bool
	texts *GrantTexts // nil when the stored texts stay
}

// post adds an entry to the postings of one pool: where it is, what it consumed, and which grants it made or ended. The
// facts must be part of the pool already.
func (s *shard) post(pool *openPool, e *Entry, p *PoolFacts) {
	o := pool.owner
	s.touch(o, e.Position)
	var rows int
	var firstSeq uint64
	grants := false
	for i := range p.Facts {
		f := &p.Facts[i]
		if f.Kind != ledger.FactRow {
			grants = grants || f.Kind == ledger.FactGrant
			continue
		}
		if rows == 0 {
			firstSeq = f.Row.Seq
		}
		rows++
	}
	o.page.add(e.Position, firstSeq, rows)
	o.page.use(e, p)
	if (grants || len(pool.tx.Ended) > 0 || len(e.Texts) > 0) && !pool.ahead {
		s.noteGrants(pool, e)
	}
}

// touch marks an owner as changed by the entry and gives it a page, and a number if it is new.
func (s *shard) touch(o *owner, at Position) {
	if o.no == 0 {
		s.nextOwner++
		o.no = s.nextOwner
		if o.pool != nil {
			customer := customerOf(o.key())
			s.unsaved[customer] = append(s.unsaved[customer], o.key())
		}
	}
	s.nextOwner = max(s.nextOwner, o.no)
	o.asOf = max(o.asOf, at)
	if o.page == nil {
		o.page = &page{last: s.windows.start(s.id, s.window)}
	}
	if !o.dirty {
		o.dirty = true
		s.dirty = append(s.dirty, o)
	}
	if o.flight != s.flights {
		o.flight = s.flights
		s.changed = append(s.changed, o)
	}
}

// use adds the entry's consumption to the usage of the page, under the event's time.
func (p *page) use(e *Entry, facts *PoolFacts) {
	counted := ""
	first := true
	for i := range facts.Facts {
		f := &facts.Facts[i]
		if f.Kind != ledger.FactRow {
			continue
		}
		row := &f.Row
		if row.Type != ledger.Consumed && row.Type != ledger.ConsumptionReversed {
			continue
		}
		events := uint64(0)
		if row.Type == ledger.Consumed && e.Event != nil && (first || row.Charge.Feature != counted) {
			events, counted, first = 1, row.Charge.Feature, false
		}
		p.consume(row.Charge.Feature, usageTime(row), row.Amount.Neg(), events)
	}
}

// usageTime is the instant under which a row counts: the event's, or the posting's when no event is behind it.
func usageTime(row *ledger.Row) ledger.Time {
	if row.Cause != nil && row.Cause.EventAt != 0 {
		return row.Cause.EventAt
	}
	return row.PostedAt
}

// noteGrants marks the rows of grants that the entry made, gave new texts, or ended.
func (s *shard) noteGrants(p *openPool, e *Entry) {
	o := p.owner
	if o.fresh == nil {
		o.fresh = map[ledger.GrantID]*freshGrant{}
	}
	for i := range p.tx.Facts {
		if f := &p.tx.Facts[i]; f.Kind == ledger.FactGrant {
			s.noteGrant(o, f.Grant, e.Position)
		}
	}
	for i := range p.tx.Ended {
		s.noteGrant(o, &p.tx.Ended[i], e.Position)
	}
	for i := range e.Texts {
		texts := e.Texts[i]
		if g, open := o.pool.Grant(texts.Grant); open {
			s.noteGrant(o, g, e.Position) // perhaps nothing but its texts changed
		}
		if g := o.fresh[texts.Grant]; g != nil {
			g.texts = &texts
		}
	}
}

func (s *shard) noteGrant(o *owner, state *ledger.Grant, at Position) {
	g := o.fresh[state.ID]
	if g == nil {
		g = &freshGrant{}
		o.fresh[state.ID] = g
		s.freshGrants[state.ID] = o.key()
	}
	g.at, g.state, g.final = at, *state, isFinal(state)
}

func isFinal(g *ledger.Grant) bool { return g.VoidedAt != 0 || g.ExpiredAt != 0 }

// postCustomer notes that an event moved its customer's meters, and adds it to the customer's postings unless a pool's
// postings lead to it: see eventRefs, which reads both. One that waits for a person joins the environment's attention list.
// An event that was resolved later is listed once, where it was reported.
func (s *shard) postCustomer(ctx context.Context, e *Entry, customer *owner) error {
	if e.Event == nil {
		return nil
	}
	if e.Event.metered() {
		s.touch(customer, e.Position)
	}
	if e.Kind == ResolveEntry {
		return nil
	}
	if !e.listedByPool() {
		s.touch(customer, e.Position)
		customer.page.add(e.Position, 0, 0)
	}
	if e.Event.Status == EventRated {
		return nil
	}
	attention, err := s.customer(ctx, e.Environment, "")
	if err != nil {
		return err
	}
	s.touch(attention, e.Position)
	attention.page.add(e.Position, 0, 0)
	return nil
}

// metered tells whether the event moved a cumulative meter.
func (ev *Event) metered() bool {
	return slices.ContainsFunc(ev.Charges, func(c Charge) bool { return c.Meter != nil })
}

// listedByPool tells whether the event is in the postings of a pool for the customer as a whole, as nearly all are. A
// customer has few such pools; for resources there may be thousands, which a list of events should not have to open.
func (e *Entry) listedByPool() bool { return len(e.Pools) > 0 && e.Event.Resource == "" }
