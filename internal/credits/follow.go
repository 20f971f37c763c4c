package credits

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// changesMax is how many changes of one environment are followed one by one. After more, everything is loaded anew.
const changesMax = 1000

// load reads what is kept of all environments, and forgets what was read before.
func (s *Service) load(ctx context.Context) error {
	seen, err := s.adoptAll(ctx, func(*Environment) bool { return true })
	if err != nil {
		return err
	}
	s.customers.clear()
	s.keys.forget()
	s.seen = seen
	return nil
}

// adoptAll reads the list of environments and the catalogues of those wanted, in one state of the database, and returns
// what is seen of them thereby.
func (s *Service) adoptAll(ctx context.Context, wanted func(*Environment) bool) (Seen, error) {
	var seen Seen
	err := s.store.View(ctx, func(tx Tx) error {
		environments, err := tx.Environments(ctx)
		if err != nil {
			return err
		}
		for _, env := range environments {
			if !wanted(env) {
				continue
			}
			seen.Environments = max(seen.Environments, env.No)
			if err := s.clocks.read(ctx, tx, env.ID); err != nil {
				return err
			}
			in, err := tx.ReadCatalog(ctx, env.ID)
			if err != nil {
				return err
			}
			r, err := newRecords(in)
			if err != nil {
				return fmt.Errorf("environment %s: %w", env.ID, err)
			}
			sets, err := tx.Thresholds(ctx, env.ID)
			if err != nil {
				return err
			}
			if err := s.watch.adopt(env.ID, sets); err != nil {
				return err
			}
			s.adopt(env, newCatalog(r))
			seen.Trails = append(seen.Trails, TrailPosition{env.ID, in.LastNo})
		}
		return nil
	})
	return seen, err
}

// follow brings memory up to date with every change that was committed before the call, by whatever node. One runs at a
// time. What was changed here is met again, which is harmless: customers and keys are forgotten once more, and a catalogue
// is only read when it is newer.
func (s *Service) follow(ctx context.Context) error {
	changes, err := s.store.Changes(ctx, s.seen, changesMax)
	if err != nil || len(changes) == 0 {
		return err
	}
	if len(changes) >= changesMax {
		return s.load(ctx)
	}
	fresh, err := s.readChanged(ctx, changes)
	if err != nil {
		return err
	}
	if err := s.readClocks(ctx, changes); err != nil {
		return err
	}
	if err := s.followThresholds(ctx, changes); err != nil {
		return err
	}
	for _, c := range changes {
		s.forget(c)
	}
	s.seen.advance(fresh, changes)
	return nil
}

// readChanged reads the catalogues that have changed and the environments that are new.
func (s *Service) readChanged(ctx context.Context, changes []Change) (Seen, error) {
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.Environment] = changed[c.Environment] || c.No == 0 || c.Revision > s.Catalog(c.Environment).revision
	}
	for _, is := range changed {
		if is {
			return s.adoptAll(ctx, func(env *Environment) bool { return changed[env.ID] })
		}
	}
	return Seen{}, nil
}

// readClocks reads the clocks that were changed.
func (s *Service) readClocks(ctx context.Context, changes []Change) error {
	moved := map[string]bool{}
	for _, c := range changes {
		if strings.HasPrefix(c.Action, clockActions) {
			moved[c.Environment] = true
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return s.store.View(ctx, func(tx Tx) error {
		for env := range moved {
			if err := s.clocks.read(ctx, tx, env); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget drops what a change has made old. The first keys of a new environment stand in the part of its trail that is not
// read.
func (s *Service) forget(c Change) {
	if c.Customer != "" {
		s.customers.drop(customerKey{c.Environment, c.Customer})
	}
	if c.No == 0 || strings.HasPrefix(c.Action, keyActions) {
		s.keys.forget()
	}
}

// advance notes environments that are read for the first time, with what was seen of them, and the changes that were
// followed. What was read of others may be ahead of the changes: those between will be followed too.
func (s *Seen) advance(fresh Seen, changes []Change) {
	for _, p := range fresh.Trails {
		if s.trail(p.Environment) == nil {
			s.Trails = append(s.Trails, p)
		}
	}
	s.Environments = max(s.Environments, fresh.Environments)
	for _, c := range changes {
		p := s.trail(c.Environment)
		p.No = max(p.No, c.No)
	}
}

// trail is the position in an environment's trail, or nil if it is not known.
func (s *Seen) trail(env string) *TrailPosition {
	i := slices.IndexFunc(s.Trails, func(p TrailPosition) bool { return p.Environment == env })
	if i < 0 {
		return nil
	}
	return &s.Trails[i]
}
