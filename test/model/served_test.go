package model_test

import (
	"flag"
	"testing"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/postgres"
	"github.com/scrip-dev/scrip/test/served"
)

var servedOpsFlag = flag.Int("model.served", 3_000, "operations over REST in all, in worlds of 50")

// TestModelServed: a server answers every random history over REST as the naive model does, whether what is due is posted
// at once or only when touched, across restarts, and whether its derived tables are far behind or written all the time.
func TestModelServed(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, servers: map[int]*ship{}}
	t.Cleanup(f.retire)
	compareMany(t, run{"TestModelServed", "model.served", *servedOpsFlag, func(seed uint64) (model.Subject, model.Options) {
		o := served.WorldOptions{Lazy: seed%2 == 1}
		if seed%5 == 0 {
			o.Restart = 4
		}
		return f.world(windowSizes[seed%3], o), model.Options{Transactions: true}
	}})
}

// TestModelServedOnPostgres: and all of that on the other database.
func TestModelServedOnPostgres(t *testing.T) {
	t.Parallel()
	postgres.Again(t, "^TestModelServed$")
}

// windowSizes are how many entries the servers put into a window; 0 is as many as the program does.
var windowSizes = []int{0, 6, 50}

// worldsPerServer keeps a server's journal so short that it can be recomputed after each of its worlds.
const worldsPerServer = 20

// fleet is a server at a time for each size of window, for many worlds one after another.
type fleet struct {
	t       *testing.T
	servers map[int]*ship
}

// ship is a server with the worlds that it has seen.
type ship struct {
	*served.Server
	drop   func() // its database
	worlds int
}

func (f *fleet) world(windows int, o served.WorldOptions) *served.World {
	s := f.servers[windows]
	if s == nil || s.worlds == worldsPerServer || !s.Up() {
		f.sink(s)
		s = f.launch(windows)
		f.servers[windows] = s
	}
	s.worlds++
	w, err := s.NewWorld(o)
	if err != nil {
		panic(err)
	}
	return w
}

func (f *fleet) launch(windows int) *ship {
	database, drop := postgres.Fresh(f.t)
	s, err := served.Open(served.Options{Database: database, WindowEntries: windows})
	if err != nil {
		f.t.Fatal(err)
	}
	return &ship{Server: s, drop: drop}
}

func (f *fleet) sink(s *ship) {
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		f.t.Error(err)
	}
	s.drop()
}

func (f *fleet) retire() {
	for _, s := range f.servers {
		f.sink(s)
	}
}
