package rival

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// usual is the service most teams write, on SQLite. One connection writes, as SQLite wants it.
type usual struct {
	db      *sql.DB
	now     func() time.Time
	batched bool
	rows    rowStatements
	many    manyStatements
}

// schema is what such a service has: a unique key per event, a ledger, a running balance and a rollup for the charts, each
// with the indexes its pages need. Amounts are thousandths of a credit, times microseconds.
const schema = `
CREATE TABLE customers (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE grants (
	id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers (id), currency TEXT NOT NULL,
	kind INTEGER NOT NULL, priority INTEGER NOT NULL, amount INTEGER NOT NULL, remaining INTEGER NOT NULL,
	status TEXT NOT NULL, effective_at INTEGER NOT NULL, expires_at INTEGER, created_at INTEGER NOT NULL);
CREATE TABLE balances (
	customer_id TEXT NOT NULL, currency TEXT NOT NULL, balance INTEGER NOT NULL, updated_at INTEGER NOT NULL,
	PRIMARY KEY (customer_id, currency)) WITHOUT ROWID;
CREATE TABLE events (
	id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, name TEXT NOT NULL, idempotency_key TEXT NOT NULL,
	at INTEGER NOT NULL, received_at INTEGER NOT NULL, dimensions TEXT NOT NULL, cost INTEGER NOT NULL);
CREATE TABLE ledger (
	id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, currency TEXT NOT NULL, grant_id INTEGER, event_id INTEGER NOT NULL,
	kind TEXT NOT NULL, amount INTEGER NOT NULL, balance_after INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE usage_hourly (
	customer_id TEXT NOT NULL, name TEXT NOT NULL, hour INTEGER NOT NULL, events INTEGER NOT NULL, units INTEGER NOT NULL,
	cost INTEGER NOT NULL, PRIMARY KEY (customer_id, name, hour)) WITHOUT ROWID;
`

// indexes stand apart from schema so that Prepare can load rows before it builds them.
// PostgreSQL takes the same text.
const indexes = `
CREATE UNIQUE INDEX events_key ON events (customer_id, name, idempotency_key);
CREATE INDEX events_time ON events (customer_id, at);
CREATE INDEX ledger_pool ON ledger (customer_id, currency, id);
CREATE INDEX ledger_grant ON ledger (grant_id);
CREATE INDEX ledger_event ON ledger (event_id);
CREATE INDEX grants_burn ON grants (customer_id, currency, status, priority, expires_at);
`

// openDatabase opens the database of a rival's folder with the given synchronous mode. The cache is larger and the log is
// written back less often than by default: both are what a team finds out when it looks for speed, and cost no safety.
func openDatabase(dir, synchronous string) (*sql.DB, error) {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"journal_mode(WAL)", "synchronous(" + synchronous + ")", "busy_timeout(5000)", "cache_size(-65536)",
			"wal_autocheckpoint(10000)", "temp_store(MEMORY)",
		},
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "usual.db")+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openUsual opens what Prepare made.
func openUsual(s Settings) (service, error) {
	db, err := openDatabase(s.Dir, "FULL")
	if err != nil {
		return nil, err
	}
	u := &usual{db: db, now: s.Now, batched: s.Name == Batched}
	if err := u.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the usual service in %s: %w", s.Dir, err), db.Close())
	}
	return u, nil
}

// prepare compiles the statements of the chosen form.
func (u *usual) prepare() error {
	if u.batched {
		return u.many.prepare(u.db)
	}
	return u.rows.prepare(u.db)
}

func (u *usual) close() error { return u.db.Close() }

// record decodes outside the transaction and writes inside one.
func (u *usual) record(ctx context.Context, body []byte) error {
	events, err := decode(body)
	if err != nil {
		return invalid{err}
	}
	// The write must not stop halfway because the caller has left; a competent service finishes what it began.
	ctx = context.WithoutCancel(ctx)
	tx, err := u.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	now := u.now().UnixMicro()
	if u.batched {
		err = u.many.record(ctx, tx, events, now)
	} else {
		err = u.rows.record(ctx, tx, events, now)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// totalsQuery reads what the rollups say, and what the grants lost.
const totalsQuery = `SELECT
	(SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM usage_hourly), (SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) FROM usage_hourly),
	(SELECT CAST(coalesce(sum(amount - remaining), 0) AS BIGINT) FROM grants)`

func (u *usual) totals(ctx context.Context) (Totals, error) {
	var t Totals
	var burned int64
	err := u.db.QueryRowContext(ctx, totalsQuery).Scan(&t.Events, &t.Consumed, &burned)
	return t.agreeing(burned, err)
}

// hourOf answers the start of the hour of an instant, in microseconds.
func hourOf(at time.Time) int64 { return at.Truncate(time.Hour).UnixMicro() }
