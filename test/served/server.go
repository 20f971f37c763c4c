package served

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrip-dev/scrip/internal/api"
	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

// Options says how a server is opened.
type Options struct {
	Database      store.Options
	WindowEntries int    // see engine.Options; 0 for the engine's own
	Shards        uint16 // see engine.Options; 0 for one
	// Contract, when set, is asked about every exchange.
	Contract func(contract.Exchange) error
}

// Server is a whole product in this process. Its methods may be called from several goroutines, but Restart, Verify and
// Close only while nobody uses a World.
type Server struct {
	options Options
	secret  []byte
	ids     atomic.Int64
	worlds  atomic.Int64

	clocksMu sync.RWMutex
	clocks   map[string]*worldClock // by environment

	store   *store.Store
	timers  *credits.Clocks
	engine  *engine.Engine
	service *credits.Service
	handler http.Handler
	up      bool // false when there is nothing to close
}

// worldClock is the time and the late grace of one environment.
type worldClock struct {
	now   atomic.Int64
	grace atomic.Int64
}

// installedAt is the instant at which the clock of the installation stands: keys never grow old.
const installedAt = ledger.Time(1_700_000_000_000_000)

// atRest is the clock of the installation.
func atRest() time.Time { return time.UnixMicro(int64(installedAt)) }

const cursorSecretBytes = 32

// Open starts a server on an empty or existing database.
func Open(o Options) (*Server, error) {
	s := &Server{options: o, secret: make([]byte, cursorSecretBytes), clocks: map[string]*worldClock{}}
	if _, err := rand.Read(s.secret); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (s *Server) start() (err error) {
	ctx := context.Background()
	if s.store, err = store.Open(ctx, s.options.Database); err != nil {
		return err
	}
	s.timers = credits.NewClocks(s.now)
	if err := s.timers.Load(ctx, s.store); err != nil {
		return errors.Join(err, s.store.Close())
	}
	s.engine, err = engine.Open(ctx, engine.Options{
		Journal: s.store.Journal(), Clock: s.timers.Now, LateGrace: s.grace, WindowEntries: s.options.WindowEntries,
		Shards: s.options.Shards,
	})
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	s.up = true
	if err := s.speak(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// speak puts the use cases and the handler over store and engine.
func (s *Server) speak(ctx context.Context) (err error) {
	s.service, err = credits.New(ctx, credits.Options{
		Store: s.store, Engine: s.engine, Clocks: s.timers, NewID: s.newID, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	collector := billing.New(billing.Options{Books: s.service, Now: atRest}) // without a provider: persons say what became of money
	s.service.UseCashier(collector)
	s.service.AddDue(collector)
	s.handler, err = api.New(api.Options{
		Credits: s.service, CursorSecret: s.secret, NewID: s.newID, Responses: s.store,
		Now: atRest,
	})
	return err
}

// Up tells whether the last start succeeded.
func (s *Server) Up() bool { return s.up }

// Close stops the server. Its data stays. A server that is not up has been closed already.
func (s *Server) Close() error {
	if !s.up {
		return nil
	}
	s.up = false
	s.engine.Close()
	return s.store.Close()
}

// Restart stops the server and starts it again over the same data. Cursors stay good, as they do when the program keeps
// its secret.
func (s *Server) Restart() error {
	if err := s.Close(); err != nil {
		return err
	}
	return s.start()
}

// Verify recomputes the whole journal and says what is wrong with it, or nil.
func (s *Server) Verify() error {
	_, err := engine.Verify(context.Background(), s.store.Journal(), s.options.Shards)
	if err == nil {
		_, err = credits.VerifyRevenue(context.Background(), s.store, s.store.Journal(), s.options.Shards)
	}
	return err
}

// ServeHTTP implements http.Handler with whatever the last start has made.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) newID() string { return strconv.FormatInt(s.ids.Add(1), 36) }

func (s *Server) now(environment string) ledger.Time {
	if c := s.clockOf(environment); c != nil {
		return ledger.Time(c.now.Load())
	}
	return installedAt
}

func (s *Server) grace(environment string) ledger.Time {
	if c := s.clockOf(environment); c != nil {
		return ledger.Time(c.grace.Load())
	}
	return 0
}

func (s *Server) clockOf(environment string) *worldClock {
	s.clocksMu.RLock()
	defer s.clocksMu.RUnlock()
	return s.clocks[environment]
}

// newEnvironment makes an environment with a clock of its own and a key.
func (s *Server) newEnvironment() (id, key string, clock *worldClock, err error) {
	ctx := context.Background()
	name := fmt.Sprintf("World %d", s.worlds.Add(1))
	env, err := s.service.CreateEnvironment(ctx, ledger.Actor{}, name, false)
	if err != nil {
		return "", "", nil, err
	}
	clock = &worldClock{}
	s.clocksMu.Lock()
	s.clocks[env.ID] = clock
	s.clocksMu.Unlock()
	_, key, err = s.service.CreateKey(ctx, env.ID, ledger.Actor{}, credits.NewKey{Kind: credits.ServerKey, Name: "Story"})
	return env.ID, key, clock, err
}
