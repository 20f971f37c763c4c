package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) getClock(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	env, err := s.credits.Environment(c.env)
	if err != nil {
		return nil, err
	}
	return wire.ClockData{Data: clockOut(s.credits.Clock(env))}, nil
}

// advanceClock may answer with part of the way done: the caller sees it, and calls again.
func (s *server) advanceClock(c *call) (any, error) {
	var in wire.ClockAdvance
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	to := credits.ClockAdvance{Hold: value(in.Hold)}
	switch {
	case in.To == nil && in.By == nil:
		return nil, credits.Invalid("to", "say where the clock is to go: to an instant, or by a duration")
	case in.To != nil && in.By != nil:
		return nil, credits.Invalid("by", "cannot stand beside to; send one of them")
	case in.To != nil:
		to.To = *timeIn(in.To)
	default:
		span, err := credits.ParseSpan("by", *in.By)
		if err != nil {
			return nil, err
		}
		to.By = &span
	}
	done, err := s.credits.AdvanceClock(c.ctx, c.env, c.actor(), to)
	if err != nil {
		return nil, err
	}
	return wire.ClockAdvancedData{Data: wire.ClockAdvanced{
		Clock: clockOut(done.ClockView), Target: timeOut(done.Target), Reached: done.Reached, Steps: int64(done.Steps),
		Ran: listOut(done.Ran, func(r credits.DueRan) wire.DueRan { return wire.DueRan{Kind: r.Kind, Count: int64(r.Count)} }),
	}}, nil
}

func (s *server) releaseClock(c *call) (any, error) {
	clock, err := s.credits.ReleaseClock(c.ctx, c.env, c.actor())
	if err != nil {
		return nil, err
	}
	return wire.ClockData{Data: clockOut(clock)}, nil
}

func clockOut(c credits.ClockView) wire.Clock {
	return wire.Clock{Now: timeOut(c.Now), StandsStill: c.Stands, Movable: c.Movable}
}
