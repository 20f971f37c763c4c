package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/engine"
)

// Resolution is what a person decides about an event that was not rated when it came (semantics 7.3).
type Resolution uint8

// The resolutions.
const (
	ReleaseEvent Resolution = iota + 1 // a quarantined event: price it now, whatever its age
	RerateEvent                        // an unmapped event: price it with the catalogue of now
	DropEvent                          // neither: it never burns
)

// Resolve prices and burns an event that was quarantined or unmapped, or drops it, once. Asking again changes nothing
// and answers the same. It fails with EventNotFound; with EventNotQuarantined or EventNotUnmapped when the event is in
// another state; and with the event's reason when it still cannot be priced: then it stays as it is.
func (s *Service) Resolve(ctx context.Context, env string, by Caller, event engine.Position, how Resolution, reason string) (engine.EventRecord, error) {
	record, err := s.Event(ctx, env, event)
	if err != nil {
		return record, err
	}
	if err := validText("reason", reason, reasonLengthMax); err != nil {
		return record, err
	}
	if record.Resolved != nil {
		return record, nil
	}
	if err := how.suits(record.Event.Status); err != nil {
		return record, err
	}
	op := &resolveOp{by: by, event: record.Entry, reason: reason}
	if how != DropEvent {
		cs, err := s.knownCustomer(ctx, env, record.Customer)
		if err != nil {
			return record, err
		}
		op.pricing = s.Catalog(env).priceAgain(cs, record.Entry)
		if ev := &op.pricing.event; ev.Status != engine.EventRated {
			return record, stillUnpriced(op.pricing)
		}
	}
	if err := s.do(ctx, op); err != nil {
		return record, err
	}
	return s.Event(ctx, env, event)
}

func (how Resolution) suits(status engine.EventStatus) error {
	switch {
	case how == ReleaseEvent && status != engine.EventQuarantined:
		return Conflict("EventNotQuarantined", "only a quarantined event can be released")
	case how == RerateEvent && status != engine.EventUnmapped:
		return Conflict("EventNotUnmapped", "only an unmapped event can be rated again")
	case how == DropEvent && status == engine.EventRated:
		return Conflict("EventNotQuarantined", "the event was rated; reverse it instead")
	}
	return nil
}

func stillUnpriced(p *pricing) error {
	message := "the event still cannot be priced: " + p.event.Reason
	if p.detail != "" {
		message += ": " + p.detail
	}
	return Unprocessable(p.event.Reason, "", message)
}

// priceAgain prices a stored event by its own time, without asking how long ago that is.
func (c *Catalog) priceAgain(cs *CustomerState, e *engine.Entry) *pricing {
	ev := engine.Event{Name: e.Event.Name, Resource: e.Event.Resource, At: e.Event.At, Dims: e.Event.Dims}
	p := &pricing{event: ev}
	if e.Kind == engine.ConsumeEntry {
		c.consumeAgain(p, cs, e)
		return p
	}
	c.priceKnown(p, cs)
	return p
}

// consumeAgain is priceAgain for a direct consumption, which costs what was asked for.
func (c *Catalog) consumeAgain(p *pricing, cs *CustomerState, e *engine.Entry) {
	charge := e.Event.Charges[0]
	if refused := c.refuseConsumption(cs, e.Customer, charge.Currency, charge.Feature); refused != nil {
		p.quarantine(refused.Code)
		return
	}
	charge.Cost = charge.Units
	p.event.Status, p.event.Charges = engine.EventRated, []engine.Charge{charge}
}

// recall makes the meters of an event ready that is let in long after its usage period.
func (p *pricing) recall(tx *engine.Tx) error {
	for i := range p.lines {
		for k := range p.lines[i].offers {
			if err := tx.Recall(&p.lines[i].offers[k].charge); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolveOp resolves an event in the writer. Without a pricing it drops it.
type resolveOp struct {
	by      Caller
	event   *engine.Entry
	reason  string
	pricing *pricing
	dueBound
}

// Scope implements engine.Op.
func (op *resolveOp) Scope() engine.Scope {
	return engine.Scope{
		Environment: op.event.Environment, Customer: op.event.Customer, Key: engine.ResolveKey(op.event.Position), Before: op.before,
	}
}

// Decide implements engine.Op.
func (op *resolveOp) Decide(tx *engine.Tx) error {
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Reason = engine.ResolveEntry, op.by.Actor, op.by.Request, op.reason
	e.Ref, e.RefEventAt = op.event.Position, op.event.Event.At
	if op.pricing == nil {
		dropped := *op.event.Event
		dropped.Status = engine.EventDropped
		e.Event = &dropped
		return nil
	}
	if err := op.pricing.recall(tx); err != nil {
		return err
	}
	if _, err := burnEvent(tx, op.pricing); err != nil {
		return err
	}
	if op.pricing.event.Status != engine.EventRated {
		e.Kind = 0
		return stillUnpriced(op.pricing)
	}
	return nil
}

// Repeat implements engine.Op: the first resolution stands.
func (op *resolveOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }
