package credits

import (
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
	s.environmentsMu.Lock()
	defer s.environmentsMu.Unlock()
	if len(s.environments) >= environmentsMax {
		return Limited(fmt.Sprintf("an installation can have at most %d environments", environmentsMax))
	}
	for _, e := range s.environments {
		if e.ID == env.ID {
			return duplicate("environment", env.ID)
		}
	}
	env.CreatedAt = s.clock(env.ID)
	env.No = int64(len(s.environments) + 1)
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := tx.InsertEnvironment(ctx, env); err != nil {
			return err
		}
		return s.audit(ctx, tx, env.ID, Audit{Actor: actor, Action: "environment.created", Object: env.ID})
	})
	if err != nil {
		return fmt.Errorf("add environment %s: %w", env.ID, err)
	}
	s.environments = append(slices.Clone(s.environments), env)
	s.openCatalog(env.ID, emptyCatalog())
	return nil
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
