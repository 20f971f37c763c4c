package api

import (
	"strings"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/rating"
)

// eventStatuses are the wire's names of what became of an event.
var eventStatuses = map[engine.EventStatus]wire.EventStatus{
	engine.EventRated: wire.EventStatusRATED, engine.EventUnmapped: wire.EventStatusUNMAPPED,
	engine.EventQuarantined: wire.EventStatusQUARANTINED, engine.EventDropped: wire.EventStatusDROPPED,
}

// listEvents lists events, the newest first. Without a resource it lists those of all.
func (s *server) listEvents(c *call) (any, error) {
	q := c.query()
	filter := credits.EventFilter{
		Customer: q.text("customerId"), Resource: q.text("resourceId"), Name: q.text("eventName"),
	}
	filter.From, filter.Through = q.dates()
	wanted := enums[wire.EventStatus, string](q, "status")
	for status, name := range eventStatuses {
		for _, w := range wanted {
			if string(name) == w {
				filter.Statuses = append(filter.Statuses, status)
			}
		}
	}
	page := credits.EventPage{After: q.cut("after"), Before: q.cut("before"), Limit: q.limit()}
	if err := q.done(); err != nil {
		return nil, err
	}
	if len(wanted) > 0 && len(filter.Statuses) == 0 { // REJECTED only: those are not stored
		return wire.EventPage{Data: []wire.Event{}}, nil
	}
	list, err := s.credits.EventPage(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	return wire.EventPage{Data: listOut(list.Items, eventOut), Pagination: q.cutPagination(list.Next, list.Prev)}, nil
}

func (s *server) getEvent(c *call) (any, error) {
	at, err := c.eventPosition()
	if err := firstError(c.query().done(), err); err != nil {
		return nil, err
	}
	return s.eventDetail(c, at)
}

// eventPosition reads the id in the path. What is no id names no event.
func (c *call) eventPosition() (engine.Position, error) {
	at, err := engine.ParseEventID(c.path("id"))
	if err != nil {
		return 0, credits.NotFound("EventNotFound", "the event does not exist")
	}
	return at, nil
}

func (s *server) reverseEvent(c *call) (any, error) {
	at, err := c.eventPosition()
	if err != nil {
		return nil, err
	}
	var in wire.EventReversal
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if strings.TrimSpace(in.Reason) == "" {
		return nil, credits.Invalid("reason", "is required and must not be blank")
	}
	_, err = s.credits.Reverse(c.ctx, c.env, c.caller(), credits.Reversal{Event: at, Reason: in.Reason, ReplaceExpired: value(in.ReplaceExpired)})
	if err != nil {
		return nil, err
	}
	return s.eventDetail(c, at)
}

func (s *server) releaseEvent(c *call) (any, error) { return s.resolve(c, credits.ReleaseEvent) }
func (s *server) rerateEvent(c *call) (any, error)  { return s.resolve(c, credits.RerateEvent) }
func (s *server) dropEvent(c *call) (any, error)    { return s.resolve(c, credits.DropEvent) }

func (s *server) resolve(c *call, how credits.Resolution) (any, error) {
	at, err := c.eventPosition()
	if err != nil {
		return nil, err
	}
	var in wire.EventDecision
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	if _, err := s.credits.Resolve(c.ctx, c.env, c.caller(), at, how, value(in.Reason)); err != nil {
		return nil, err
	}
	return s.eventDetail(c, at)
}

func (s *server) eventDetail(c *call, at engine.Position) (any, error) {
	d, err := s.credits.ExplainEvent(c.ctx, c.env, at)
	if err != nil {
		return nil, err
	}
	return wire.EventDetailData{Data: wire.EventDetail{
		Event:   eventOut(&d.StoredEvent),
		Ratings: listOut(d.Ratings, ratingOut),
		Rows:    listOut(d.Lines, lineOut),
	}}, nil
}

func eventOut(e *credits.StoredEvent) wire.Event {
	ev := e.Final().Event
	out := wire.Event{
		ID: e.Position.EventID(), Kind: wire.EventKindEVENT, CustomerID: e.Customer, ResourceID: orNull(ev.Resource),
		EventName: orNull(ev.Name), Timestamp: timeOut(ev.At), ReceivedAt: timeOut(e.At), Dimensions: dimsOut(ev.Dims),
		Status: eventStatuses[ev.Status], Reason: orNull(ev.Reason), Warnings: warningsOut(ev.Warnings),
		Burns: make([]wire.EventBurn, 0, len(ev.Charges)),
	}
	switch {
	case e.Kind == engine.ConsumeEntry:
		out.Kind = wire.EventKindCONSUMPTION
	case credits.IsMeasurement(ev):
		out.Kind, out.EventName = wire.EventKindUSAGE, nil
	}
	if !strings.HasPrefix(e.Key, "\x00") { // a NUL begins the keys that we made ourselves
		out.IdempotencyKey = orNull(e.Key)
	}
	if e.Reversed != nil {
		out.ReversedAt = timeOrNull(e.Reversed.At)
	}
	for i := range ev.Charges {
		if charge := &ev.Charges[i]; charge.Currency != "" && ev.Status == engine.EventRated {
			out.Burns = append(out.Burns, wire.EventBurn{Cost: charge.Cost, CurrencyID: charge.Currency, FeatureID: orNull(charge.Feature)})
		}
	}
	return out
}

func ratingOut(x credits.Explanation) wire.EventRating {
	out := wire.EventRating{
		Cost: x.Cost, CurrencyID: x.Currency, FeatureID: orNull(x.Charge.Feature), MappingID: orNull(x.Charge.Mapping),
		SubscriptionID: orNull(x.Subscription), Source: enumOrNull[wire.RatingSource](x.Source), Units: x.Units,
		Inputs: listOut(x.Inputs, func(in rating.Input) wire.RatingInput {
			return wire.RatingInput{Name: in.Name, Value: in.Text}
		}),
		Warnings: warningsOut(x.Notes),
	}
	if x.Version != 0 {
		version := int(x.Version)
		out.MappingVersion = &version
	}
	if x.Feature != nil {
		out.Meter = ruleOut(x.Feature.MeterRule)
	}
	if x.Mapping != nil {
		if f := x.Mapping.Rate.Formula; f != nil {
			source := f.Source()
			out.Formula = &source
		} else {
			out.Rate = &x.Mapping.Rate.Flat
		}
	}
	return out
}
