package store_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestPostgres_lost_connections(t *testing.T) {
	// When all connections are lost, each pool fails at most once, as Unavailable, and then goes on with new ones; the store
	// has not failed.
	t.Parallel()
	relay := relayTo(t, postgres.Database(t))
	s := openAt(t, relay.address)
	spread(t, s)
	spread(t, s) // the driver asks each connection once, before it is used for the second time
	relay.cut()
	block := engine.Block{First: engine.NewPosition(0, 1), Entries: 1, Data: []byte("x")}
	calls := map[string]func() error{
		"read": func() error { _, err := s.Journal().Head(t.Context(), 0); return err },
		"write": func() error {
			err := s.Journal().Commit(t.Context(), &engine.Commit{Blocks: []engine.Block{block}})
			if err == nil {
				block.First = block.Next()
			}
			return err
		},
	}
	lost := 0
	for name, call := range calls {
		failures := 0
		for range 20 {
			if err := call(); err != nil {
				failures++
				unavailable(t, err)
			}
		}
		if failures > 1 {
			t.Errorf("%s failed %d times", name, failures)
		}
		lost += failures
	}
	if lost == 0 {
		t.Log("no call met a lost connection: the machine is so slow that all had been asked before")
	}
	if err := errors.Join(s.Err(), s.Ready(t.Context())); err != nil {
		t.Error(err)
	}
}

// unavailable checks that an error tells callers to try again.
func unavailable(t *testing.T, err error) {
	t.Helper()
	var known *credits.Error
	if !errors.As(err, &known) || known.Kind != credits.KindUnavailable {
		t.Errorf("%v is not Unavailable", err)
	}
}

// spread makes connections in both pools by using several at once.
func spread(t *testing.T, s *store.Store) {
	t.Helper()
	for range 4 {
		reading, err := s.Reader().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reading.Rollback() }()
		writing, err := s.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = writing.Rollback() }()
	}
}

// relay passes TCP connections on to a server, until they are cut.
type relay struct {
	address string // of the database, through the relay

	mu   sync.Mutex
	open []net.Conn
}

func relayTo(t *testing.T, address string) *relay {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	through := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(),
		Path: config.Database, RawQuery: "sslmode=disable"}
	r := &relay{address: through.String()}
	go r.accept(listener, config)
	return r
}

func (r *relay) accept(listener net.Listener, config *pgx.ConnConfig) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		network, address := pgconn.NetworkAddress(config.Host, config.Port)
		server, err := net.Dial(network, address)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.open = append(r.open, client, server)
		r.mu.Unlock()
		go pass(client, server)
		go pass(server, client)
	}
}

// pass copies in one direction and ends the other with it.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// cut ends all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.open = nil
}
