package credits

import (
	"context"
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Limits of one call of AdvanceClock. One that meets the second or third answers how far it came, and the next call goes on.
const (
	// ClockAheadMonths is how far a call may aim. A wrong digit in a year must not bring a century of renewals.
	ClockAheadMonths = 120
	clockStepsMax    = 10_000                                           // each is a commit and a row of the audit trail
	clockWorkMax     = ledger.Time(15 * time.Second / time.Microsecond) // of the wall clock: a server that drains waits a little longer
	clockRoundsMax   = 1_000                                            // at one instant, should work bring forth work
	clockIdleMax     = 40                                               // rounds that do nothing although something is due
	clockIdleRest    = 100 * time.Millisecond                           // between them
)

// clockLast is the last instant to which a clock can be moved: the year 9000. Times behind 9999 cannot be written.
const clockLast = ledger.Time(221_845_392_000_000_000)

// ClockAdvance says where a clock is to go: To, or By from its present instant if that is not nil.
type ClockAdvance struct {
	To   ledger.Time
	By   *Span
	Hold bool // it stands there; else it runs on from there with the wall clock
}

// ClockAdvanced says how far a clock was moved.
type ClockAdvanced struct {
	ClockView
	Target  ledger.Time
	Reached bool     // it stands at Target, or runs on from there; else it stands on the way, and the next call goes on
	Steps   int      // due instants at which it stood
	Ran     []DueRan // in the order in which kinds run
}

// DueRan is how many pieces of a kind of work were done on the way.
type DueRan struct {
	Kind  string
	Count int
}

// AdvanceClock moves a clock forward from due instant to due instant. At each the clock stands still until everything that
// is due there is done, so that it is dated as if the time had passed. Each step is stored before anything is done at it:
// after a crash, or when work fails, the clock stands where it was, and calling again goes on from there. Whoever else moves
// or releases the clock meanwhile ends this call with a Conflict. It fails with Conflict in a production environment.
func (s *Service) AdvanceClock(ctx context.Context, env string, actor ledger.Actor, in ClockAdvance) (*ClockAdvanced, error) {
	e, err := s.movable(env)
	if err != nil {
		return nil, err
	}
	a := &advance{service: s, env: env, audit: Audit{Actor: actor, Action: clockActions + "advanced", Object: env}}
	if err := a.begin(ctx, in); err != nil {
		return nil, fmt.Errorf("advance clock: %w", err)
	}
	if err := a.walk(ctx, in.Hold); err != nil {
		return nil, fmt.Errorf("advance clock: %w", err)
	}
	a.result.ClockView = s.Clock(e)
	return &a.result, nil
}

// advance is one call of AdvanceClock.
type advance struct {
	service *Service
	env     string
	audit   Audit
	clock   Clock       // as this call has left it
	until   ledger.Time // of the wall clock: then no further step begins
	result  ClockAdvanced
}

// begin stops the clock where it is and finds the target.
func (a *advance) begin(ctx context.Context, in ClockAdvance) (err error) {
	a.clock, err = a.service.changeClock(ctx, a.env, a.audit, func(c Clock, wall ledger.Time) (Clock, error) {
		now := c.Now(wall)
		a.until = wall + clockWorkMax
		if a.result.Target, err = in.target(now); err != nil {
			return c, err
		}
		c.At, c.Stands = now, true
		return c, nil
	})
	for _, kind := range a.service.due {
		a.result.Ran = append(a.result.Ran, DueRan{Kind: kind.Kind()})
	}
	return err
}

// target is the instant meant when the clock shows now.
func (in *ClockAdvance) target(now ledger.Time) (ledger.Time, error) {
	most := min(Span{Months: ClockAheadMonths}.From(now), clockLast)
	field, to := "to", in.To
	if in.By != nil {
		field = "by"
		if in.By.Months > ClockAheadMonths {
			to = ledger.Never
		} else {
			to = in.By.From(now)
		}
	}
	switch {
	case to < now:
		return 0, invalidf(field, "lies before the clock, which shows %s; it only moves forward", clockText(now))
	case to > most:
		return 0, invalidf(field, "is too far ahead; one call moves the clock to %s at most", clockText(most))
	}
	return to, nil
}

func clockText(t ledger.Time) string { return time.UnixMicro(int64(t)).UTC().Format(time.RFC3339Nano) }

// walk steps to the target, as far as one call may.
func (a *advance) walk(ctx context.Context, hold bool) error {
	for a.result.Steps < clockStepsMax && a.service.clocks.wall(a.env) < a.until {
		next, err := a.service.nextDue(ctx, a.env)
		if err != nil {
			return err
		}
		if next > a.result.Target {
			a.result.Reached = true
			return a.set(ctx, Clock{At: a.result.Target, Stands: hold})
		}
		if err := a.set(ctx, Clock{At: max(next, a.clock.At), Stands: true}); err != nil {
			return err
		}
		a.result.Steps++
		if err := a.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// set changes the clock, unless it is no longer as this call has left it.
func (a *advance) set(ctx context.Context, to Clock) (err error) {
	a.clock, err = a.service.changeClock(ctx, a.env, a.audit, func(c Clock, _ ledger.Time) (Clock, error) {
		if c.Version != a.clock.Version {
			return c, Conflict("ClockMovedMeanwhile", "somebody else moves or has released this clock; look where it stands and call again")
		}
		c.At, c.Stands = to.At, to.Stands
		return c, nil
	})
	return err
}

// settle does what is due at the present instant, until nothing is.
func (a *advance) settle(ctx context.Context) error {
	idle := 0
	for range clockRoundsMax {
		next, err := a.service.nextDue(ctx, a.env)
		if err != nil || next > a.clock.At {
			return err
		}
		done, err := a.round(ctx)
		if err != nil {
			return err
		}
		if done > 0 {
			idle = 0
			continue
		}
		if idle++; idle > clockIdleMax { // another node does it, and does not get done
			return Unavailable("work that is due is under way elsewhere; the clock stands still meanwhile. Call again")
		}
		if idle == 1 {
			continue // it was done between the look and the round
		}
		select {
		case <-time.After(clockIdleRest):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("work that is due at %s has no end", clockText(a.clock.At))
}

// round runs every kind once, by what all nodes have committed: a call may take long (E7).
func (a *advance) round(ctx context.Context) (done int, err error) {
	if err := a.service.Confirm(ctx); err != nil {
		return 0, err
	}
	for i, kind := range a.service.due {
		n, err := kind.Run(ctx, a.env)
		if err != nil {
			return done, fmt.Errorf("%s: %w", kind.Kind(), err)
		}
		a.result.Ran[i].Count += n
		done += n
	}
	return done, nil
}
