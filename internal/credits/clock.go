package credits

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Clock is how an environment's time runs. The zero Clock is the wall clock.
type Clock struct {
	At      ledger.Time // where the last change put it; it never shows less
	Since   ledger.Time // the wall clock at that change
	Stands  bool        // it shows At until it is changed again
	Version int64       // counts changes, so that an older one never replaces a newer one
}

// Now is what the clock shows when the wall clock shows an instant.
func (c Clock) Now(wall ledger.Time) ledger.Time {
	if c.Stands {
		return c.At
	}
	return c.At + max(0, wall-c.Since)
}

// Clocks are the clocks of all environments of an installation. The engine and the Service of a node share one: what they
// decide about credits must be decided at the same instant. Reading takes no lock.
type Clocks struct {
	wall  func(environment string) ledger.Time
	mu    sync.Mutex                       // held to replace moved
	moved atomic.Pointer[map[string]Clock] // of environments whose clock was ever changed; replaced, never written to
}

// NewClocks returns clocks that all show the wall clock until Load. The wall clock is that of this machine; tests may give
// each environment another. With an empty name it is the clock of the installation.
func NewClocks(wall func(environment string) ledger.Time) *Clocks {
	c := &Clocks{wall: wall}
	c.moved.Store(&map[string]Clock{})
	return c
}

// Load takes over what is stored. Whoever opens an engine calls it before: nothing may be decided at an instant that the
// environment has left behind.
func (c *Clocks) Load(ctx context.Context, s Store) error {
	err := s.View(ctx, func(tx Tx) error {
		environments, err := tx.Environments(ctx)
		for _, env := range environments {
			if err := c.read(ctx, tx, env.ID); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("load clocks: %w", err)
	}
	return nil
}

// Now is the present instant in an environment, and with an empty name that of the installation, by which keys live. It
// never lies before where the clock was last put; between changes it jumps as the wall clock does.
func (c *Clocks) Now(environment string) ledger.Time {
	return c.of(environment).Now(c.wall(environment))
}

// of is how the time of an environment runs.
func (c *Clocks) of(environment string) Clock { return (*c.moved.Load())[environment] }

// read takes over what is stored of one environment.
func (c *Clocks) read(ctx context.Context, tx Tx, environment string) error {
	clock, err := tx.Clock(ctx, environment)
	if err != nil {
		return fmt.Errorf("clock of %s: %w", environment, err)
	}
	c.adopt(environment, clock)
	return nil
}

// adopt replaces a clock by a newer one.
func (c *Clocks) adopt(environment string, clock Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if clock.Version <= c.of(environment).Version {
		return
	}
	next := maps.Clone(*c.moved.Load())
	next[environment] = clock
	c.moved.Store(&next)
}

// ClockView is a clock as it is shown.
type ClockView struct {
	Now     ledger.Time
	Stands  bool // it shows Now until it is moved or released
	Movable bool // false in production environments
}

// Clock is the clock of an environment as it stands now.
func (s *Service) Clock(env *Environment) ClockView {
	return ClockView{Now: s.clock(env.ID), Stands: s.clocks.of(env.ID).Stands, Movable: !env.Production}
}

// Now is the present instant of an environment, for whoever presents what depends on it.
func (s *Service) Now(env string) ledger.Time { return s.clock(env) }

// ReleaseClock lets a clock that stands still run on from where it stands. One that runs is left as it is.
func (s *Service) ReleaseClock(ctx context.Context, env string, actor ledger.Actor) (ClockView, error) {
	e, err := s.movable(env)
	if err != nil {
		return ClockView{}, err
	}
	_, err = s.changeClock(ctx, env, Audit{Actor: actor, Action: clockActions + "released", Object: env},
		func(c Clock, _ ledger.Time) (Clock, error) {
			c.Stands = false
			return c, nil
		})
	if err != nil {
		return ClockView{}, fmt.Errorf("release clock: %w", err)
	}
	return s.Clock(e), nil
}

// clockActions begins what the audit trail calls a change of a clock. Other nodes read the clock again after one.
const clockActions = "clock."

// movable finds an environment whose clock may be changed.
func (s *Service) movable(id string) (*Environment, error) {
	env, err := s.Environment(id)
	if err == nil && env.Production {
		err = Conflict("ClockNotMovable", fmt.Sprintf("environment %q is a production environment; its clock is the wall clock", id))
	}
	return env, err
}

// changeClock stores what change makes of a clock, which it gets with the wall clock's instant, and returns it. A change
// that changes nothing is not stored.
func (s *Service) changeClock(ctx context.Context, env string, a Audit, change func(c Clock, wall ledger.Time) (Clock, error)) (Clock, error) {
	var next Clock
	err := s.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.LockEnvironment(ctx, env); err != nil {
			return err
		}
		present, err := tx.Clock(ctx, env)
		if err != nil {
			return err
		}
		wall := s.clocks.wall(env)
		if next, err = change(present, wall); err != nil || next == present {
			return err
		}
		next.Since, next.Version = wall, present.Version+1
		if err := tx.SetClock(ctx, env, next); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, a)
	})
	if err == nil {
		s.clocks.adopt(env, next)
	}
	return next, err
}
