package credits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Options is what a Service is made of. Store, Clock and NewID are required.
type Options struct {
	Store Store
	// Engine holds the pools. A Service that only edits the catalogue needs none.
	Engine *engine.Engine
	// Clock is the time in an environment, and with an empty name that of the installation, by which keys live. It may
	// jump, but must not go back by more than it is corrected. It must be the engine's.
	Clock func(environment string) ledger.Time
	// NewID returns a fresh, time-ordered, opaque id.
	NewID func() string
	// Random is the source of secrets: the system's, except in tests. Without it no key can be made.
	Random io.Reader
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	store  Store
	engine *engine.Engine
	time   func(environment string) ledger.Time
	newID  func() string
	random io.Reader

	environmentsMu sync.RWMutex
	environments   []*Environment // by No; replaced, never changed
	catalogs       sync.Map       // environment id → *catalogSlot
	customers      customerCache
	keys           keyRing
	eventOps       sync.Pool // of *[]eventOp
}

// New returns a Service over a store, with the catalogues of all environments loaded.
func New(ctx context.Context, o Options) (*Service, error) {
	s := &Service{store: o.Store, engine: o.Engine, time: o.Clock, newID: o.NewID, random: o.Random}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// load reads the environments and their catalogues.
func (s *Service) load(ctx context.Context) error {
	err := s.store.View(ctx, func(tx Tx) error {
		environments, err := tx.Environments(ctx)
		if err != nil {
			return err
		}
		for _, env := range environments {
			r, err := readRecords(ctx, tx, env.ID)
			if err != nil {
				return fmt.Errorf("environment %s: %w", env.ID, err)
			}
			s.openCatalog(env.ID, newCatalog(r))
		}
		s.environmentsMu.Lock()
		defer s.environmentsMu.Unlock()
		s.environments = environments
		return nil
	})
	if err != nil {
		return fmt.Errorf("load catalogues: %w", err)
	}
	return nil
}

// clock is the present instant of an environment.
func (s *Service) clock(env string) ledger.Time { return s.time(env) }

// now is the present instant of the installation, which no environment's clock moves: keys live by it.
func (s *Service) now() ledger.Time { return s.time("") }

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
	if err := s.addFirstEnvironments(ctx); err != nil {
		return Bootstrap{}, err
	}
	keys, err := s.freshKeys(ctx)
	if err != nil || len(keys) > 0 {
		return Bootstrap{}, err
	}
	var b Bootstrap
	err = s.store.Update(ctx, func(tx Tx) (err error) {
		b, err = s.firstKeys(ctx, tx, operatorKey)
		return err
	})
	s.keys.forget()
	if err != nil {
		return Bootstrap{}, fmt.Errorf("add the first keys: %w", err)
	}
	return b, nil
}

// firstKeys adds a key for each environment, unless there are keys. Taking a number of the first environment locks it: of
// several first starts the others wait, and then find the keys.
func (s *Service) firstKeys(ctx context.Context, tx Tx, operatorKey string) (b Bootstrap, err error) {
	environments := s.Environments()
	if _, err := tx.NextNo(ctx, environments[0].ID); err != nil {
		return b, err
	}
	if present, err := tx.Keys(ctx); err != nil || len(present) > 0 {
		return b, err
	}
	b.First = true
	for i, env := range environments {
		key, text, err := s.newKey(env.ID, NewKey{Kind: ServerKey, Name: "First key"})
		if err != nil {
			return b, err
		}
		if i == 0 && operatorKey != "" {
			key = s.operatorKey(env.ID, operatorKey)
		} else {
			b.Keys = append(b.Keys, GeneratedKey{Environment: env.ID, Text: text})
		}
		if err := s.insertKey(ctx, tx, ledger.Actor{}, key); err != nil {
			return b, err
		}
	}
	return b, nil
}

// addFirstEnvironments adds those that are missing, so that a first start that was cut short is completed by the next.
func (s *Service) addFirstEnvironments(ctx context.Context) error {
	for _, env := range []*Environment{
		{ID: EnvironmentDevelopment, Name: "Development"},
		{ID: EnvironmentProduction, Name: "Production", Production: true},
	} {
		if _, err := s.Environment(env.ID); err == nil {
			continue
		}
		err := s.addEnvironment(ctx, ledger.Actor{}, env)
		if errors.Is(err, ErrTaken) { // by another node that starts
			err = s.load(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
