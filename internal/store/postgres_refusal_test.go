package store_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestPostgres_refuses_foreign_tables(t *testing.T) {
	// Another program's database is refused and left as it is.
	t.Parallel()
	address := postgres.Database(t)
	postgres.Execute(t, address, `CREATE TABLE notes (id INTEGER)`, `CREATE TABLE goose_db_version (id INTEGER)`)
	refusedWith(t, store.Options{URL: address}, "tables of another program")
	postgres.Execute(t, address, `DROP TABLE notes`, `DROP TABLE goose_db_version`)
	openAt(t, address) // nothing was made beside them
}

func TestPostgres_refuses_no_schema(t *testing.T) {
	// A database in which nothing can be made is refused.
	t.Parallel()
	refusedWith(t, store.Options{URL: postgres.Database(t) + "&search_path=nowhere"}, "no schema")
}

func TestPostgres_refuses_newer_schema(t *testing.T) {
	// A database that a newer program has upgraded is refused.
	t.Parallel()
	address := postgres.Database(t)
	if err := openAt(t, address).Close(); err != nil {
		t.Fatal(err)
	}
	postgres.Execute(t, address, `INSERT INTO scrip_migrations (version_id, is_applied) VALUES (9999, true)`)
	refusedWith(t, store.Options{URL: address}, "use a newer scrip")
}

func TestPostgres_refuses_other_encoding(t *testing.T) {
	// Texts are UTF-8.
	t.Parallel()
	address := postgres.Database(t, "ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
	refusedWith(t, store.Options{URL: address}, "has the encoding LATIN1")
}

func TestPostgres_refuses_clock_gap(t *testing.T) {
	// A clock that is more than two seconds from the database's is refused, on either side.
	t.Parallel()
	address := postgres.Database(t)
	for _, gap := range []time.Duration{-3 * time.Second, 3 * time.Second} {
		refusedWith(t, store.Options{URL: address, Now: func() time.Time { return time.Now().Add(gap) }}, "clocks of this machine and the database")
	}
	openWith(t, store.Options{URL: address, Now: func() time.Time { return time.Now().Add(time.Second) }})
}

func TestPostgres_refuses_unreachable(t *testing.T) {
	// A server that is not there, and an address that is none, are refused without the password.
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "postgres://scrip:secret@" + taken.Addr().String() + "/scrip"
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, store.Options{URL: address}, "cannot be reached")
	refusedWith(t, store.Options{URL: "mysql://scrip:secret@localhost/scrip"}, "must begin with postgres://")
	refusedWith(t, store.Options{URL: "postgres://scrip:secret@localhost/scrip?sslmode=maybe"}, "cannot be used")
	for _, address := range []string{address, "postgres://scrip:secret@localhost/scrip?sslmode=maybe"} {
		if _, err := store.Open(t.Context(), store.Options{URL: address}); strings.Contains(err.Error(), "secret") {
			t.Errorf("the refusal shows the password: %v", err)
		}
	}
}

func TestPostgres_refuses_old_server(t *testing.T) {
	// PostgreSQL before 15 is refused.
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go greetAs(conn, "14.11 (Debian 14.11-1)")
		}
	}()
	refusedWith(t, store.Options{URL: "postgres://scrip@" + listener.Addr().String() + "/scrip?sslmode=disable"},
		"the server is PostgreSQL 14.11 (Debian 14.11-1)")
}

// greetAs accepts a connection as a server of a version does, and says no more.
func greetAs(conn net.Conn, version string) {
	defer func() { _ = conn.Close() }()
	server := pgproto3.NewBackend(conn, conn)
	if _, err := server.ReceiveStartupMessage(); err != nil {
		return
	}
	server.Send(&pgproto3.AuthenticationOk{})
	server.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: version})
	server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if server.Flush() == nil {
		_, _ = server.Receive()
	}
}

func TestPostgres_refuses_unsafe_server(t *testing.T) {
	// A server that could lose acknowledged writes in a crash is refused, and says which setting it is.
	t.Parallel()
	for _, setting := range []string{"fsync", "full_page_writes"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			refusedWith(t, store.Options{URL: postgres.Private(t, setting+"=off").URL}, setting+" is off and must be on")
		})
	}
}
