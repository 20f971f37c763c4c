package rival

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Content is what a database of the usual service starts with.
type Content struct {
	Customers []string
	Grants    []int64          // thousandths of a credit; each customer gets one grant of each, used in this order
	Events    iter.Seq[Event]  // recorded before anything is measured; all keys differ
	Now       func() time.Time // the clock of the rows
}

// loadRows is how many rows one statement of Prepare inserts, and loadCommit how many events one transaction.
const (
	loadRows   = 128
	loadCommit = 200_000
)

// Prepare makes the database of Usual and Batched in dir, an empty folder. It writes the rows that recording the events one
// by one would have written, only faster: without syncing, and with the indexes built last.
func Prepare(ctx context.Context, dir string, c Content) error {
	db, err := openDatabase(dir, "OFF")
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return errors.Join(err, db.Close())
	}
	l := newLoader(db, c.Now().UnixMicro())
	err = l.customers(ctx, c)
	if err == nil {
		err = l.events(ctx, c.Events)
	}
	if err == nil {
		// No ANALYZE: the plans are right without it, and with it SQLite would plan again at every execution.
		_, err = db.ExecContext(ctx, indexes+`PRAGMA wal_checkpoint(TRUNCATE);`)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("prepare the usual service: %w", err)
	}
	return syncFolder(dir)
}

// syncFolder makes what Prepare wrote durable, so that its writing back does not disturb the measuring.
func syncFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file, err := os.OpenFile(filepath.Join(dir, entry.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// loader keeps balances and rollups in memory while it writes events and ledger rows.
type loader struct {
	db        *sql.DB
	work      *work
	nextGrant int64
	nextEvent int64
}

func newLoader(db *sql.DB, now int64) *loader { return &loader{db: db, work: newWork(now)} }

// customers gives each customer its grants. Priorities follow their order.
func (l *loader) customers(ctx context.Context, c Content) error {
	var people, grants []any
	var total int64
	for _, amount := range c.Grants {
		total += amount
	}
	for _, id := range c.Customers {
		people = append(people, id, "Customer "+id, l.work.now)
		p := &pool{balance: total}
		l.work.pools[id] = p
		for priority, amount := range c.Grants {
			l.nextGrant++
			p.grants = append(p.grants, grant{id: l.nextGrant, remaining: amount})
			grants = append(grants, l.nextGrant, id, Currency, 1, priority, amount, amount, "ACTIVE", l.work.now, l.work.now)
		}
	}
	return l.within(ctx, func(tx *sql.Tx) error {
		return errors.Join(
			insert(ctx, tx, `INSERT INTO customers (id, name, created_at)`, 3, people),
			insert(ctx, tx, `INSERT INTO grants (id, customer_id, currency, kind, priority, amount, remaining, status, effective_at, created_at)`, 10, grants))
	})
}

// events records the events, then what they made of grants, balances and rollups.
func (l *loader) events(ctx context.Context, events iter.Seq[Event]) error {
	var rows []any
	for e := range events {
		l.nextEvent++
		rows = append(rows, l.nextEvent, e.Customer, e.Name, e.Key, e.At.UnixMicro(), l.work.now, e.Dimensions, e.cost())
		l.work.burn(stored{&e, l.nextEvent})
		if l.nextEvent%loadCommit == 0 {
			if err := l.flush(ctx, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	if err := l.flush(ctx, rows); err != nil {
		return err
	}
	return l.within(ctx, l.state(ctx))
}

// flush writes the events at hand and their ledger rows.
func (l *loader) flush(ctx context.Context, events []any) error {
	ledger := make([]any, 0, len(l.work.ledger)/6*8)
	for row := range slices.Chunk(l.work.ledger, 6) {
		ledger = append(ledger, row[0], Currency, row[1], row[2], "CREDITS_CONSUMED", row[3], row[4], row[5])
	}
	l.work.ledger = l.work.ledger[:0]
	return l.within(ctx, func(tx *sql.Tx) error {
		return errors.Join(
			insert(ctx, tx, `INSERT INTO events (id, customer_id, name, idempotency_key, at, received_at, dimensions, cost)`, 8, events),
			insert(ctx, tx, `INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at)`, 8, ledger))
	})
}

// state writes grants, balances and rollups once, as they stand at the end.
func (l *loader) state(ctx context.Context) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		grants, balances := l.work.changes()
		for row := range slices.Chunk(grants, 2) {
			if _, err := tx.ExecContext(ctx, `UPDATE grants SET remaining = ? WHERE id = ?`, row[1], row[0]); err != nil {
				return err
			}
		}
		rows := make([]any, 0, len(balances)/3*4)
		for row := range slices.Chunk(balances, 3) {
			rows = append(rows, row[0], Currency, row[1], row[2])
		}
		return errors.Join(
			insert(ctx, tx, `INSERT INTO balances (customer_id, currency, balance, updated_at)`, 4, rows),
			insert(ctx, tx, `INSERT INTO usage_hourly (customer_id, name, hour, events, units, cost)`, 6, l.work.usageRows()))
	}
}

// within runs do in one transaction.
func (l *loader) within(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
