package scenario_test

import (
	"net/http/httptest"
	"testing"

	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/test/postgres"
	"github.com/scrip-dev/scrip/test/scenario"
	"github.com/scrip-dev/scrip/test/served"
)

// TestScenariosServed: a server behaves over REST as the golden examples say, whether what is due is posted at once or
// when a pool is touched next, with a test clock that is moved over REST, called directly or through connections, and with windows so small that most of what is
// read comes from derived tables. Every exchange keeps the contract, and the journal recomputes.
func TestScenariosServed(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct {
		world   served.WorldOptions
		windows int
		shards  uint16
		listens bool
	}{
		"swept":         {},
		"lazy":          {world: served.WorldOptions{Lazy: true}},
		"test clock":    {world: served.WorldOptions{Hand: true}},
		"listening":     {world: served.WorldOptions{Hand: true}, listens: true},
		"small windows": {windows: 5},
		"many shards":   {world: served.WorldOptions{Hand: true}, windows: 5, shards: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := served.Open(served.Options{Database: postgres.Options(t), WindowEntries: how.windows, Shards: how.shards, Contract: contract.New(t).Verify})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { finish(t, s) })
			if how.listens {
				listener := httptest.NewServer(s)
				t.Cleanup(listener.Close)
				how.world.Base = listener.URL
			}
			playAll(t, func() scenario.Driver {
				w, err := s.NewWorld(how.world)
				if err != nil {
					panic(err)
				}
				return w
			})
		})
	}
}

// TestScenariosServedOnPostgres: and all of that on the other database.
func TestScenariosServedOnPostgres(t *testing.T) {
	t.Parallel()
	postgres.Again(t, "^TestScenariosServed$")
}

// finish holds the journal against its rules and closes the server.
func finish(t *testing.T, s *served.Server) {
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
