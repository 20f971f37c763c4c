package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Journal keeps what the engine commits. It is safe for concurrent use; see engine.Journal for the contract.
type Journal struct {
	store *Store
	hot   map[string]*sql.Stmt // the statements of the event path, parsed once for each connection
}

// hotQueries are asked for single events: to find a pool, an earlier entry, a key.
var hotQueries = []string{selectOwner, selectBlock, selectKeyChunk}

const (
	selectOwner = `SELECT no, as_of, next_due, state FROM owners
		WHERE shard = $1 AND environment = $2 AND customer = $3 AND currency = $4 AND resource = $5`
	selectBlock = `SELECT position, entries, data FROM journal
		WHERE shard = $1 AND position <= $2 ORDER BY position DESC LIMIT 1`
	selectKeyChunk = `SELECT data FROM key_chunks WHERE shard = $1 AND run = $2 AND chunk = $3`
	insertBlock    = `INSERT INTO journal (shard, position, entries, data) VALUES ($1, $2, $3, $4)`
)

// openJournal prepares the statements of the event path. The database is closed, and with it they, by Store.Close.
func openJournal(ctx context.Context, s *Store) (*Journal, error) {
	j := &Journal{store: s, hot: map[string]*sql.Stmt{}}
	err := errors.Join(j.prepare(ctx, s.reader, hotQueries), j.prepare(ctx, s.writer, s.dialect.hotWrites))
	return j, err
}

func (j *Journal) prepare(ctx context.Context, db *sql.DB, statements []string) error {
	for _, text := range statements {
		stmt, err := db.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		j.hot[text] = stmt
	}
	return nil
}

// Journal returns the store's journal.
func (s *Store) Journal() *Journal { return s.journal }

// Shared implements engine.Journal.
func (j *Journal) Shared() bool { return j.store.dialect.lock != nil }

// Lock implements engine.Journal.
func (j *Journal) Lock(ctx context.Context, shard uint16, next engine.Position) (*engine.Lock, error) {
	return j.store.dialect.lock(ctx, j, shard, next)
}

// Commit implements engine.Journal.
func (j *Journal) Commit(ctx context.Context, c *engine.Commit) error {
	return j.store.dialect.commit(ctx, j, c)
}

// commitRowByRow is how a database commits that costs no round trips.
func commitRowByRow(ctx context.Context, j *Journal, c *engine.Commit) error {
	return j.store.WriteTx(ctx, func(tx *sql.Tx) error {
		w := &rowWriter{journal: j, tx: tx, stmts: map[string]*sql.Stmt{}}
		if err := w.blocks(ctx, c); err != nil {
			if j.store.dialect.uniqueViolation(err) {
				return engine.ErrConflict
			}
			return err
		}
		return w.derived(ctx, c)
	})
}

// rowWriter executes the statements of one commit.
type rowWriter struct {
	journal *Journal
	tx      *sql.Tx
	stmts   map[string]*sql.Stmt // of the event path, bound to tx
}

func (w *rowWriter) write(ctx context.Context, query string, args ...any) error {
	stmt := w.stmts[query]
	if hot := w.journal.hot[query]; stmt == nil && hot != nil {
		stmt = w.tx.StmtContext(ctx, hot)
		w.stmts[query] = stmt
	}
	if stmt == nil {
		_, err := w.tx.ExecContext(ctx, query, args...)
		return err
	}
	_, err := stmt.ExecContext(ctx, args...)
	return err
}

func (w *rowWriter) blocks(ctx context.Context, c *engine.Commit) error {
	for i := range c.Blocks {
		b := &c.Blocks[i]
		if err := w.write(ctx, insertBlock, c.Shard, int64(b.First), b.Entries, b.Data); err != nil {
			return err
		}
	}
	return nil
}

// The statements that write derived rows one by one. Each replaces what is there.
const (
	writeOwner = `INSERT INTO owners (shard, environment, customer, currency, resource, no, as_of, next_due, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (shard, environment, customer, currency, resource)
		DO UPDATE SET as_of = excluded.as_of, next_due = excluded.next_due, state = excluded.state`
	writePage = `INSERT INTO pages (shard, win, owner, refs, usage) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (shard, win, owner) DO UPDATE SET refs = excluded.refs, usage = excluded.usage`
	writeGrant = `INSERT INTO grants (shard, id, environment, customer, currency, resource, created_at, final, state, texts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (shard, id) DO UPDATE SET final = excluded.final, state = excluded.state,
		texts = CASE WHEN LENGTH(excluded.texts) = 0 THEN grants.texts ELSE excluded.texts END`
	writeChunk = `INSERT INTO key_chunks (shard, run, chunk, data) VALUES ($1, $2, $3, $4)
		ON CONFLICT (shard, run, chunk) DO UPDATE SET data = excluded.data`
	writeFilter = `INSERT INTO key_filters (shard, run, chunk, bits) VALUES ($1, $2, $3, $4)
		ON CONFLICT (shard, run, chunk) DO UPDATE SET bits = excluded.bits`
	writeRun = `INSERT INTO key_runs (shard, run, keys, complete) VALUES ($1, $2, $3, $4)
		ON CONFLICT (shard, run) DO UPDATE SET keys = excluded.keys, complete = excluded.complete`
	deleteChunks  = `DELETE FROM key_chunks WHERE shard = $1 AND run = $2 AND chunk >= $3 AND chunk < $4`
	deleteFilters = `DELETE FROM key_filters WHERE shard = $1 AND run = $2 AND chunk >= $3 AND chunk < $4`
	deleteRun     = `DELETE FROM key_runs WHERE shard = $1 AND run = $2`
)

// rowWrites are all statements of a commit that writes row by row.
var rowWrites = []string{insertBlock, writeOwner, writePage, writeGrant, writeChunk, writeFilter, writeRun, deleteChunks, deleteFilters, deleteRun}

func (w *rowWriter) derived(ctx context.Context, c *engine.Commit) error {
	for i := range c.Owners {
		o := &c.Owners[i]
		err := w.write(ctx, writeOwner, c.Shard, o.Key.Environment, o.Key.Customer, o.Key.Currency, o.Key.Resource,
			int64(o.No), int64(o.AsOf), int64(o.NextDue), notNil(o.State))
		if err != nil {
			return err
		}
	}
	for i := range c.Pages {
		p := &c.Pages[i]
		if err := w.write(ctx, writePage, c.Shard, int64(p.Window), int64(p.Owner), notNil(p.Refs), notNil(p.Usage)); err != nil {
			return err
		}
	}
	for i := range c.Grants {
		g := &c.Grants[i]
		err := w.write(ctx, writeGrant, c.Shard, int64(g.ID), g.Key.Environment, g.Key.Customer, g.Key.Currency, g.Key.Resource,
			int64(g.CreatedAt), g.Final, g.State, notNil(g.Texts))
		if err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(runStatements(c), completions(c)) {
		if err := w.write(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// statement is a query with its arguments.
type statement struct {
	query string
	args  []any
}

// completions are the statements that record a complete window, if the commit completes one.
func completions(c *engine.Commit) []statement {
	var list []statement
	if cp := c.Checkpoint; cp != nil {
		list = append(list, statement{`INSERT INTO checkpoints (shard, windows, owners, grants) VALUES ($1, $2, $3, $4)
			ON CONFLICT (shard) DO UPDATE SET windows = excluded.windows, owners = excluded.owners, grants = excluded.grants
			WHERE checkpoints.windows <= excluded.windows`,
			[]any{c.Shard, int64(cp.Windows), int64(cp.Owners), int64(cp.Grants)}})
	}
	return list
}

// notNil keeps empty bytes from being stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Head implements engine.Journal.
func (j *Journal) Head(ctx context.Context, shard uint16) (engine.Position, error) {
	var position, entries int64
	err := j.store.reader.QueryRowContext(ctx,
		`SELECT position, entries FROM journal WHERE shard = $1 ORDER BY position DESC LIMIT 1`, shard).Scan(&position, &entries)
	if errors.Is(err, sql.ErrNoRows) {
		return engine.NewPosition(shard, 1), nil
	}
	return engine.Position(position + entries), j.store.judge(err)
}

// blocksPage is how many blocks are read at a time: some megabytes, which take a moment, so that a long journal needs
// no statement that runs for long.
const blocksPage = 64

// Blocks implements engine.Journal.
func (j *Journal) Blocks(ctx context.Context, from engine.Position, visit func(*engine.Block) error) error {
	for {
		read, err := j.blocks(ctx, from, func(b *engine.Block) error {
			from = b.Next()
			return visit(b)
		})
		if err != nil || read < blocksPage {
			return err
		}
	}
}

// blocks visits the next blocks from the one that holds a position, or else comes after it, and counts them.
func (j *Journal) blocks(ctx context.Context, from engine.Position, visit func(*engine.Block) error) (read int, err error) {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT position, entries, data FROM journal
		WHERE shard = $1 AND position + entries > $2 AND position >= COALESCE(
			(SELECT MAX(position) FROM journal WHERE shard = $1 AND position <= $2), 0)
		ORDER BY position LIMIT $3`, from.Shard(), int64(from), blocksPage)
	if err != nil {
		return 0, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	for ; rows.Next(); read++ {
		b, err := scanBlock(rows)
		if err != nil {
			return read, j.store.judge(err)
		}
		if err := visit(&b); err != nil {
			return read, err
		}
	}
	return read, j.store.judge(rows.Err())
}

// scanBlock reads position, entries and data, from whichever driver.
func scanBlock(row interface{ Scan(...any) error }) (engine.Block, error) {
	var b engine.Block
	var first int64
	err := row.Scan(&first, &b.Entries, &b.Data)
	b.First = engine.Position(first)
	return b, err
}

// Block implements engine.Journal.
func (j *Journal) Block(ctx context.Context, at engine.Position) (*engine.Block, error) {
	b, err := scanBlock(j.hot[selectBlock].QueryRowContext(ctx, at.Shard(), int64(at)))
	if err == nil && at >= b.Next() {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, fmt.Errorf("read entry %d of shard %d: %w", at.Ordinal(), at.Shard(), j.store.judge(err))
	}
	return &b, nil
}

// Checkpoint implements engine.Journal.
func (j *Journal) Checkpoint(ctx context.Context, shard uint16) (engine.Checkpoint, error) {
	var windows, owners, grants int64
	err := j.store.reader.QueryRowContext(ctx,
		`SELECT windows, owners, grants FROM checkpoints WHERE shard = $1`, shard).Scan(&windows, &owners, &grants)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return engine.Checkpoint{Windows: uint32(windows), Owners: uint64(owners), Grants: uint64(grants)}, j.store.judge(err)
}

// Owner implements engine.Journal.
func (j *Journal) Owner(ctx context.Context, shard uint16, key ledger.Key) (engine.OwnerRow, bool, error) {
	row := engine.OwnerRow{Key: key}
	var no, asOf, due int64
	err := j.hot[selectOwner].QueryRowContext(ctx, shard, key.Environment, key.Customer, key.Currency, key.Resource).Scan(&no, &asOf, &due, &row.State)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	row.No, row.AsOf, row.NextDue = uint64(no), engine.Position(asOf), ledger.Time(due)
	return row, err == nil, j.store.judge(err)
}

// DueOwners implements engine.Journal.
func (j *Journal) DueOwners(ctx context.Context, shard uint16, environment string, after, until ledger.Time, limit int) ([]engine.DueOwner, error) {
	return listed(ctx, j, func(r *sql.Rows) (d engine.DueOwner, err error) {
		return d, r.Scan(&d.Key.Environment, &d.Key.Customer, &d.Key.Currency, &d.Key.Resource, &d.At)
	}, `SELECT environment, customer, currency, resource, next_due FROM owners
		WHERE shard = $1 AND environment = $2 AND next_due > $3 AND next_due <= $4 AND next_due < 9223372036854775807
		ORDER BY next_due LIMIT $5`, shard, environment, int64(after), int64(until), limit)
}

// PoolKeys implements engine.Journal.
func (j *Journal) PoolKeys(ctx context.Context, shard uint16, environment, customer string) ([]ledger.Key, error) {
	return listed(ctx, j, func(r *sql.Rows) (k ledger.Key, err error) {
		return k, r.Scan(&k.Environment, &k.Customer, &k.Currency, &k.Resource)
	}, `SELECT environment, customer, currency, resource FROM owners
		WHERE shard = $1 AND environment = $2 AND customer = $3 AND currency <> ''
		ORDER BY currency, resource`, shard, environment, customer)
}

// listed reads all rows of a query through scan.
func listed[T any](ctx context.Context, j *Journal, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := j.store.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, j.store.judge(err)
		}
		list = append(list, v)
	}
	return list, j.store.judge(rows.Err())
}
