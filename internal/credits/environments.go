package credits

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// environmentsMax bounds the snapshots kept in memory.
const environmentsMax = 100

// The environments that every installation starts with. The first one takes the operator's key.
const (
	EnvironmentDevelopment = "env_dev"
	EnvironmentProduction  = "env_prod"
)

// Environment is a closed world: its own catalogue, customers, credits and keys (design 5).
type Environment struct {
	No         int64
	ID         string // "env_" and a slug
	Name       string
	Production bool // its clock cannot be moved
	CreatedAt  ledger.Time
}

// RowNumber orders environments by creation.
func (e *Environment) RowNumber() int64 { return e.No }

// Environments lists all environments, the oldest first.
func (s *Service) Environments() []*Environment {
	s.environmentsMu.RLock()
	defer s.environmentsMu.RUnlock()
	return slices.Clone(s.environments)
}

// Environment returns one environment.
func (s *Service) Environment(id string) (*Environment, error) {
	for _, e := range s.Environments() {
		if e.ID == id {
			return e, nil
		}
	}
	return nil, missing("EnvironmentNotFound", "environment", id)
}

// CreateEnvironment adds an empty environment. Its id is made from the name and must be free.
func (s *Service) CreateEnvironment(ctx context.Context, actor ledger.Actor, name string, production bool) (*Environment, error) {
	if err := validName("name", name, currencyNameMax); err != nil {
		return nil, err
	}
	env := &Environment{ID: "env_" + slugOf(name), Name: name, Production: production}
	if err := validID("name", strings.TrimPrefix(env.ID, "env_")); err != nil {
		return nil, err
	}
	return env, s.addEnvironment(ctx, actor, env)
}

// addEnvironment stores a new environment and opens its empty catalogue.
func (s *Service) addEnvironment(ctx context.Context, actor ledger.Actor, env *Environment) error {
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := tx.LockInstallation(ctx); err != nil {
			return err
		}
		present, err := tx.Environments(ctx)
		if err != nil {
			return err
		}
		return s.insertEnvironment(ctx, tx, actor, present, env)
	})
	if err != nil {
		return fmt.Errorf("add environment %s: %w", env.ID, err)
	}
	s.adopt(env, emptyCatalog())
	return nil
}

// insertEnvironment adds an environment to those present, which stay as they are: the caller holds the installation's lock.
func (s *Service) insertEnvironment(ctx context.Context, tx Tx, actor ledger.Actor, present []*Environment, env *Environment) error {
	if len(present) >= environmentsMax {
		return Limited(fmt.Sprintf("an installation can have at most %d environments", environmentsMax))
	}
	if slices.ContainsFunc(present, func(e *Environment) bool { return e.ID == env.ID }) {
		return duplicate("environment", env.ID)
	}
	env.CreatedAt = s.clock(env.ID)
	env.No = int64(len(present) + 1)
	if err := tx.InsertEnvironment(ctx, env); err != nil {
		return err
	}
	return s.audit(ctx, tx, env.ID, Audit{Actor: actor, Action: "environment.created", Object: env.ID})
}

// adopt makes an environment known, with its catalogue unless a newer one is known.
func (s *Service) adopt(env *Environment, c *Catalog) {
	s.publish(env.ID, c)
	s.watch.know(env.ID)
	s.environmentsMu.Lock()
	defer s.environmentsMu.Unlock()
	i, known := slices.BinarySearchFunc(s.environments, env.No, func(e *Environment, no int64) int { return cmp.Compare(e.No, no) })
	if !known {
		s.environments = slices.Insert(slices.Clone(s.environments), i, env)
	}
}

// slugOf turns a name into lower-case words joined by hyphens.
func slugOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r < 0x80 && alphanumeric(byte(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
