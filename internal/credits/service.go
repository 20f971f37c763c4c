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

// Options is what a Service is made of. Store, Clocks and NewID are required.
type Options struct {
	Store Store
	// Engine holds the pools. A Service that only edits the catalogue needs none.
	Engine *engine.Engine
	// Clocks are the engine's too.
	Clocks *Clocks
	// Watch is what the engine asks for thresholds; nil when there is no engine that does.
	Watch *Watch
	// NewID returns a fresh, time-ordered, opaque id.
	NewID func() string
	// Exporter exports to destinations; without one there are none.
	Exporter Exporter
	// Random is the source of secrets: the system's, except in tests. Without it no key can be made.
	Random io.Reader
	// Vault encrypts the secrets that must be read again. Without one no webhook endpoint can be made.
	Vault *Vault
	// Outbound says which addresses webhook endpoints may have.
	Outbound outbound.Policy
	// Payments is what an environment wants of purchases; nil means the defaults everywhere.
	Payments func(environment string) PaymentPolicy
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	store    Store
	engine   *engine.Engine
	clocks   *Clocks
	due      []Due // in the order in which they run at one instant
	newID    func() string
	random   io.Reader
	vault    *Vault
	exporter Exporter // or nil
	bell     bell     // rung after messages or deliveries were committed

	outbound outbound.Policy

	payments func(environment string) PaymentPolicy
	cashier  Cashier // nil when every outcome is said by a person

	environmentsMu sync.RWMutex
	environments   []*Environment // by No; replaced, never changed
	catalogs       sync.Map       // environment id → *catalogSlot
	customers      customerCache
	keys           keyRing
	confirmations  engine.Joint
	foldMu         sync.Mutex // of FoldRevenue
	seen           Seen       // of other nodes' changes; touched by New and by the round under way only
	watch          *Watch
	watchMu        sync.Mutex // of those who read thresholds
	eventOps       sync.Pool  // of *[]eventOp
}

// New returns a Service over a store, with the catalogues of all environments loaded.
func New(ctx context.Context, o Options) (*Service, error) {
	s := &Service{store: o.Store, engine: o.Engine, clocks: o.Clocks, newID: o.NewID, random: o.Random,
		vault: o.Vault, outbound: o.Outbound, exporter: o.Exporter, payments: o.Payments, watch: o.Watch}
	if s.watch == nil {
		s.watch = &Watch{}
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("load catalogues: %w", err)
	}
	if s.engine != nil {
		s.AddDue(boundaryDue{s})
		s.AddDue(sweepDue{s})
		s.AddDue(&rechargeDue{service: s})
	}
	return s, nil
}

// clock is the present instant of an environment.
func (s *Service) clock(env string) ledger.Time { return s.clocks.Now(env) }

// now is the present instant of the installation, which no environment's clock moves: keys live by it.
func (s *Service) now() ledger.Time { return s.clocks.Now("") }
