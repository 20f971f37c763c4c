package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// postgresVersionTable has a name of our own, which tells our schema from that of another program.
const postgresVersionTable = "scrip_migrations"

var postgres = dialect{
	name:            "postgres",
	goose:           goose.DialectPostgres,
	versionTable:    postgresVersionTable,
	server:          true,
	claim:           func(Options) (io.Closer, error) { return io.NopCloser(nil), nil },
	openWriter:      openPostgresWriter,
	openReader:      openPostgresReader,
	check:           checkPostgres,
	migrationLock:   postgresMigrationLock,
	lock:            lockNode,
	nodeName:        `SELECT CAST(gen_random_uuid() AS TEXT)`,
	commit:          commitLocked,
	farewell:        `UPDATE checkpoints SET keeper = '', keeper_until = 0 WHERE keeper = $1`,
	patience:        "SET LOCAL idle_in_transaction_session_timeout = 0",
	uniqueViolation: states("23505"),
	// Corrupted data or index, and errors of the server's disk.
	fatal:   states("XX001", "XX002", "58030"),
	passing: passingPostgres,
	reset:   func(*sql.DB) {},
}

// migrationLockTries is how many seconds a start waits for another one that upgrades the database.
const migrationLockTries = 300

func postgresMigrationLock() (lock.SessionLocker, error) {
	return lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationLockTries))
}

// writersMax is the size of the pool for writing. Each shard has one commit under way at a time; the rest is for the
// catalogue and customers.
const writersMax = 24

// connectMax bounds how long a connection may take to be made.
const connectMax = 5 * time.Second

// sessionSettings are what every session runs with (milliseconds). Without the limits a frozen client could block a
// customer for everybody; the server notices a client that is gone, as we notice a server that is (see watch).
var sessionSettings = map[string]string{
	"synchronous_commit":                  "on",
	"lock_timeout":                        "2000",
	"statement_timeout":                   "10000",
	"idle_in_transaction_session_timeout": "5000",
	"tcp_keepalives_idle":                 "5",
	"tcp_keepalives_interval":             "1",
	"tcp_keepalives_count":                "5",
	"tcp_user_timeout":                    "10000",
	"timezone":                            "UTC",
}

func openPostgresWriter(o Options) (*sql.DB, error) {
	return openPostgres(o, writersMax, map[string]string{"default_transaction_isolation": "read committed"})
}

// openPostgresReader opens a pool of sessions that cannot write, and in which a transaction sees one state throughout.
func openPostgresReader(o Options) (*sql.DB, error) {
	return openPostgres(o, readersMax, map[string]string{
		"default_transaction_read_only": "on", "default_transaction_isolation": "repeatable read",
	})
}

func openPostgres(o Options, connections int, settings map[string]string) (*sql.DB, error) {
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, errors.New("the database URL must begin with postgres://")
	}
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the database URL cannot be used: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectMax
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "scrip"
	}
	for _, group := range []map[string]string{sessionSettings, settings} {
		for name, value := range group {
			config.RuntimeParams[name] = value
		}
	}
	w := &watch{}
	config.DialFunc = w.dial
	config.ValidateConnect = acceptServer
	db := stdlib.OpenDB(*config, stdlib.OptionShouldPing(w.shouldPing))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// states makes a test for SQLSTATE codes. Two characters stand for a whole class.
func states(wanted ...string) func(error) bool {
	return func(err error) bool {
		var e *pgconn.PgError
		if !errors.As(err, &e) {
			return false
		}
		for _, code := range wanted {
			if strings.HasPrefix(e.Code, code) {
				return true
			}
		}
		return false
	}
}

// passingStates are connection errors, rollbacks, missing resources (disk, memory, connections), locks, timeouts, a server
// that stops or starts, and one that only reads for the moment.
var passingStates = states("08", "40", "53", "55P03", "57", "25P03", "25006")

// passingPostgres also knows a lost connection, which comes in many forms.
func passingPostgres(err error) bool {
	var network *net.OpError
	var connect *pgconn.ConnectError
	return passingStates(err) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.As(err, &network) || errors.As(err, &connect) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}
