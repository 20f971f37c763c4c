package credits

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
)

// Options is what a Service is made of. Store, Clock and NewID are required.
type Options struct {
	Store Store
	// Engine holds the pools. A Service that only edits the catalogue needs none.
	Engine *engine.Engine
	// Clock is the time in an environment, and with an empty name that of the installation, by which keys live. It may
	// jump, but must not go back by more than it is corrected. It must be the engine's.
	Clock func(environment string) ledger.Time
	// Watch is what the engine asks for thresholds; nil when there is no engine that does.
	Watch *Watch
	// NewID returns a fresh, time-ordered, opaque id.
	NewID func() string
	// Random is the source of secrets: the system's, except in tests. Without it no key can be made.
	Random io.Reader
	// Vault encrypts the secrets that must be read again. Without one no webhook endpoint can be made.
	Vault *Vault
	// Outbound says which addresses webhook endpoints may have.
	Outbound outbound.Policy
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	store  Store
	engine *engine.Engine
	time   func(environment string) ledger.Time
	newID  func() string
	random io.Reader
	vault  *Vault
	bell   bell // rung after messages or deliveries were committed

	outbound outbound.Policy

	environmentsMu sync.RWMutex
	environments   []*Environment // by No; replaced, never changed
	catalogs       sync.Map       // environment id → *catalogSlot
	customers      customerCache
	keys           keyRing
	confirmations  engine.Joint
	seen           Seen // of other nodes' changes; touched by New and by the round under way only
	watch          *Watch
	watchMu        sync.Mutex // of those who read thresholds
	eventOps       sync.Pool  // of *[]eventOp
}

// New returns a Service over a store, with the catalogues of all environments loaded.
func New(ctx context.Context, o Options) (*Service, error) {
	s := &Service{store: o.Store, engine: o.Engine, time: o.Clock, newID: o.NewID, random: o.Random,
		vault: o.Vault, outbound: o.Outbound, watch: o.Watch}
	if s.watch == nil {
		s.watch = &Watch{}
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("load catalogues: %w", err)
	}
	return s, nil
}

// clock is the present instant of an environment.
func (s *Service) clock(env string) ledger.Time { return s.time(env) }

// now is the present instant of the installation, which no environment's clock moves: keys live by it.
func (s *Service) now() ledger.Time { return s.time("") }
