package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Bootstrap is what a start found or made.
type Bootstrap struct {
	First bool // this was the first start
	// Keys are the full-access server keys that were generated, to be printed once: one for each environment, except that
	// an operator's key takes the place of the first environment's.
	Keys []GeneratedKey
}

// GeneratedKey is the text of a key that was just made.
type GeneratedKey struct {
	Environment string
	Text        string
}

// Bootstrap makes the first environments and a key for each when there are none yet: of several nodes that start at once,
// one does. operatorKey, if not empty, becomes the full-access server key of the first environment on the first start. A
// weak operatorKey is refused before anything is stored.
func (s *Service) Bootstrap(ctx context.Context, operatorKey string) (Bootstrap, error) {
	if operatorKey != "" && (len(operatorKey) < OperatorKeyMin || len(operatorKey) > operatorKeyMax) {
		return Bootstrap{}, invalidf("SCRIP_API_KEY", "must have %d to %d characters", OperatorKeyMin, operatorKeyMax)
	}
	var b Bootstrap
	var added []*Environment
	err := s.changeKeys(ctx, func(tx Tx, present []*Key) (err error) {
		b = Bootstrap{First: len(present) == 0}
		var environments []*Environment
		if environments, added, err = s.firstEnvironments(ctx, tx); err != nil || !b.First {
			return err
		}
		b.Keys, err = s.firstKeys(ctx, tx, environments, operatorKey)
		return err
	})
	if err != nil {
		return Bootstrap{}, fmt.Errorf("first start: %w", err)
	}
	for _, env := range added {
		s.adopt(env, emptyCatalog())
	}
	return b, nil
}

// firstEnvironments adds those that are missing of the environments that every installation has.
func (s *Service) firstEnvironments(ctx context.Context, tx Tx) (all, added []*Environment, err error) {
	if all, err = tx.Environments(ctx); err != nil {
		return nil, nil, err
	}
	for _, env := range []*Environment{
		{ID: EnvironmentDevelopment, Name: "Development"},
		{ID: EnvironmentProduction, Name: "Production", Production: true},
	} {
		if slices.ContainsFunc(all, func(e *Environment) bool { return e.ID == env.ID }) {
			continue
		}
		if err := s.insertEnvironment(ctx, tx, ledger.Actor{}, all, env); err != nil {
			return nil, nil, err
		}
		all, added = append(all, env), append(added, env)
	}
	return all, added, nil
}

// firstKeys adds a key for each environment, of which the first takes the operator's if there is one.
func (s *Service) firstKeys(ctx context.Context, tx Tx, environments []*Environment, operatorKey string) ([]GeneratedKey, error) {
	var generated []GeneratedKey
	for i, env := range environments {
		key, text, err := s.newKey(env.ID, NewKey{Kind: ServerKey, Name: "First key"})
		if err != nil {
			return nil, err
		}
		if i == 0 && operatorKey != "" {
			key = s.operatorKey(env.ID, operatorKey)
		} else {
			generated = append(generated, GeneratedKey{Environment: env.ID, Text: text})
		}
		if err := s.insertKey(ctx, tx, ledger.Actor{}, nil, key); err != nil {
			return nil, err
		}
	}
	return generated, nil
}
