package credits

import (
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// EventFilter selects events of an environment; empty members select all.
type EventFilter struct {
	Customer string
	Resource string
	Name     string
	Statuses []engine.EventStatus // as they are now: a released event is rated
	From     *ledger.Time         // happened at or after
	Through  *ledger.Time         // happened before
}

// StoredEvent is an event with what became of it.
type StoredEvent struct{ engine.EventRecord }

// Final is the entry that priced the event: its own, or the one that resolved it later.
func (e *StoredEvent) Final() *engine.Entry {
	if e.Resolved != nil {
		return e.Resolved
	}
	return e.Entry
}

// Status is what the event is now.
func (e *StoredEvent) Status() engine.EventStatus { return e.Final().Event.Status }

func (f *EventFilter) matches(e *engine.Entry) bool {
	ev := e.Event
	return (f.Resource == "" || f.Resource == ev.Resource) && (f.Name == "" || f.Name == ev.Name) &&
		(f.From == nil || ev.At >= *f.From) && (f.Through == nil || ev.At < *f.Through)
}

// waiting tells whether all events that the filter selects were not rated when they came: those are listed apart.
func (f *EventFilter) waiting() bool {
	return len(f.Statuses) > 0 && !slices.Contains(f.Statuses, engine.EventRated)
}

// EventPage asks for a part of the list of events. After and Before are cuts taken from EventList; Before wins when both are
// given. Limit is as in Page.
type EventPage struct {
	After, Before engine.Cut
	Limit         int
}

// EventList is one page of events, newest first. Next and Prev are the cuts to pass as EventPage.After and EventPage.Before;
// nil means that there is nothing in that direction.
type EventList struct {
	Items      []*StoredEvent
	Next, Prev engine.Cut
}

// EventPage lists events of an environment, newest first by arrival.
func (s *Service) EventPage(ctx context.Context, env string, filter EventFilter, page EventPage) (EventList, error) {
	q := engine.EventQuery{
		Environment: env, Customer: filter.Customer, Attention: filter.waiting(), Limit: Page{Limit: page.Limit}.Size() + 1,
		Match: func(e *engine.Entry) bool {
			return filter.matches(e) && !(filter.waiting() && e.Event.Status == engine.EventRated)
		},
	}
	from, up := page.After, false
	switch {
	case page.Before != nil:
		from, up = page.Before, true
	case from == nil:
		var err error
		if from, err = s.engine.Now(ctx); err != nil {
			return EventList{}, err
		}
	}
	items, end, err := s.eventsFrom(ctx, q, filter, from, up)
	if err != nil {
		return EventList{}, err
	}
	var back engine.Cut // to what the caller came from, if that was a page
	if len(items) > 0 && (up || page.After != nil) {
		back = from
	}
	if up {
		slices.Reverse(items)
		return EventList{Items: items, Next: back, Prev: end}, nil
	}
	return EventList{Items: items, Next: end, Prev: back}, nil
}

// eventsFrom reads a page going down or up from a cut, and the cut at its end if the list goes on there: one event beyond
// the page, which has room for one less than the query's limit, shows that.
func (s *Service) eventsFrom(ctx context.Context, q engine.EventQuery, filter EventFilter, from engine.Cut, up bool) ([]*StoredEvent, engine.Cut, error) {
	read, move := &q.Older, engine.Cut.Under
	if up {
		read, move = &q.Newer, engine.Cut.Over
	}
	*read = from
	var items []*StoredEvent
	for end := from; ; {
		records, more, err := s.Events(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		if up {
			slices.Reverse(records)
		}
		for _, r := range records {
			*read = move(*read, r.Position)
			switch {
			case !filter.keeps(r):
				continue
			case len(items) == q.Limit-1:
				return items, end, nil
			}
			items, end = append(items, &StoredEvent{r}), move(end, r.Position)
		}
		if !more {
			return items, nil, nil
		}
	}
}

// keeps tells whether the present status of an event is wanted.
func (f *EventFilter) keeps(r engine.EventRecord) bool {
	return len(f.Statuses) == 0 || slices.Contains(f.Statuses, (&StoredEvent{r}).Status())
}

// Where a mapping comes from, as on the wire.
const (
	FromPlan     = "PLAN"
	FromAddon    = "ADDON"
	FromOverride = "SUBSCRIPTION_OVERRIDE"
)

// Explanation says why an event burned what it burned under one mapping (semantics 9.2). What was removed from the
// catalogue since is nil or empty.
type Explanation struct {
	engine.Charge
	Feature *Feature
	Mapping *Mapping
	Source  string
	Inputs  []rating.Input
	Notes   []rating.Warning
}

// EventDetail is an event with its explanation and every row that it caused.
type EventDetail struct {
	StoredEvent
	Ratings []Explanation
	Lines   []*LedgerLine
}

// ExplainEvent returns an event with its explanation, or EventNotFound. Formulas and rates are those of the versions that
// priced the event; versions never change once they are published.
func (s *Service) ExplainEvent(ctx context.Context, env string, at engine.Position) (*EventDetail, error) {
	record, err := s.Event(ctx, env, at)
	if err != nil {
		return nil, err
	}
	d := &EventDetail{StoredEvent: StoredEvent{record}}
	cs, err := s.knownCustomer(ctx, env, record.Customer)
	if err != nil {
		return nil, err
	}
	final := d.Final()
	for i := range final.Event.Charges {
		if IsMeasurement(final.Event) {
			break // counted, not priced
		}
		d.Ratings = append(d.Ratings, s.Catalog(env).explain(cs, final.Event, &final.Event.Charges[i]))
	}
	for _, e := range []*engine.Entry{final, record.Reversed} {
		lines, err := s.linesOf(ctx, env, e)
		if err != nil {
			return nil, err
		}
		d.Lines = append(d.Lines, lines...)
	}
	return d, s.nameSources(ctx, env, d.Lines)
}

func (c *Catalog) explain(cs *CustomerState, ev *engine.Event, charge *engine.Charge) Explanation {
	x := Explanation{Charge: *charge}
	x.Feature, _ = c.Feature(charge.Feature)
	if cs == nil || charge.Mapping == "" {
		return x
	}
	for _, sub := range cs.Subscriptions {
		if sub.ID == charge.Subscription {
			x.Mapping, x.Source = c.mappingNamed(sub, charge)
		}
	}
	if x.Mapping != nil {
		if priced, err := x.Mapping.Rate.Price(charge.Units, ev.Dims); err == nil {
			x.Inputs, x.Notes = priced.Inputs, priced.Warnings
		}
	}
	return x
}

// mappingNamed finds the mapping that priced a charge among all that a subscription ever had.
func (c *Catalog) mappingNamed(sub *Subscription, charge *engine.Charge) (*Mapping, string) {
	fits := func(m *Mapping) bool { return m != nil && m.ID == charge.Mapping && m.Version == charge.Version }
	for i := range sub.Versions {
		span := &sub.Versions[i]
		for k := range span.Overrides {
			if m := span.Overrides[k].mapping; fits(m) {
				return m, FromOverride
			}
		}
		for _, addon := range span.Addons {
			if v, ok := c.versions[VersionRef{AddonRef(addon.ID), charge.Version}]; ok && fits(v.mappings[charge.Feature]) {
				return v.mappings[charge.Feature], FromAddon
			}
		}
		if v, ok := c.versions[VersionRef{PlanRef(span.PlanID), charge.Version}]; ok && fits(v.mappings[charge.Feature]) {
			return v.mappings[charge.Feature], FromPlan
		}
	}
	return nil, ""
}

// linesOf lists the rows of an entry, or none for nil.
func (s *Service) linesOf(ctx context.Context, env string, e *engine.Entry) ([]*LedgerLine, error) {
	if e == nil {
		return nil, nil
	}
	var lines []*LedgerLine
	for i := range e.Pools {
		p := &e.Pools[i]
		key := ledger.Key{Environment: env, Customer: e.Customer, Currency: p.Currency, Resource: p.Resource}
		rows := e.RowsOf(key)
		if len(rows) == 0 {
			continue
		}
		prev := [32]byte{}
		if first := rows[0].Seq; first > 1 {
			before, _, err := s.ledgerRows(ctx, engine.LedgerQuery{Pool: key, Before: first, Limit: 1})
			if err != nil {
				return nil, err
			}
			prev = before[0].Hash
		}
		for _, row := range rows {
			lines = append(lines, &LedgerLine{LedgerRow: engine.LedgerRow{Row: row, Prev: prev, Entry: e}, Key: key})
			prev = row.Hash
		}
	}
	return lines, nil
}
