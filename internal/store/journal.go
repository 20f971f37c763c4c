package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Journal keeps what the engine commits. It is safe for concurrent use; see engine.Journal for the contract.
type Journal struct {
	store  *Store
	hot    map[string]*sql.Stmt // the queries of the event path, parsed once for each connection
	insert *sql.Stmt
}

// hotQueries are asked for single events: to find a pool, an earlier entry, a key.
var hotQueries = []string{selectOwner, selectBlock, selectKeyChunk}

const (
	selectOwner = `SELECT no, as_of, next_due, state FROM owners
		WHERE shard = $1 AND environment = $2 AND customer = $3 AND currency = $4 AND resource = $5`
	selectBlock = `SELECT position, entries, data FROM journal
		WHERE shard = $1 AND position <= $2 ORDER BY position DESC LIMIT 1`
	selectKeyChunk = `SELECT data FROM key_chunks WHERE shard = $1 AND run = $2 AND chunk = $3`
)

// openJournal prepares the queries of the event path. The database is closed, and with it they, by Store.Close.
func openJournal(ctx context.Context, s *Store) (*Journal, error) {
	j := &Journal{store: s, hot: map[string]*sql.Stmt{}}
	for _, query := range hotQueries {
		stmt, err := s.reader.PrepareContext(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		j.hot[query] = stmt
	}
	var err error
	j.insert, err = s.writer.PrepareContext(ctx, `INSERT INTO journal (shard, position, entries, data) VALUES ($1, $2, $3, $4)`)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return j, nil
}

// Journal returns the store's journal.
func (s *Store) Journal() *Journal { return s.journal }

// Commit implements engine.Journal.
func (j *Journal) Commit(ctx context.Context, c *engine.Commit) error {
	return j.store.WriteTx(ctx, func(tx *sql.Tx) error {
		if err := j.insertBlocks(ctx, tx, c); err != nil {
			if j.store.dialect.uniqueViolation(err) {
				return engine.ErrConflict
			}
			return err
		}
		return writeDerived(ctx, tx, c)
	})
}

func (j *Journal) insertBlocks(ctx context.Context, tx *sql.Tx, c *engine.Commit) error {
	insert := tx.StmtContext(ctx, j.insert)
	for i := range c.Blocks {
		b := &c.Blocks[i]
		if _, err := insert.ExecContext(ctx, c.Shard, int64(b.First), b.Entries, b.Data); err != nil {
			return err
		}
	}
	return nil
}

// batch executes one statement for each row of a list, preparing it once when there is more than one.
func batch[T any](ctx context.Context, tx *sql.Tx, query string, rows []T, args func(*T) []any) error {
	if len(rows) == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for i := range rows {
		if _, err := stmt.ExecContext(ctx, args(&rows[i])...); err != nil {
			return err
		}
	}
	return nil
}

func writeDerived(ctx context.Context, tx *sql.Tx, c *engine.Commit) error {
	err := errors.Join(
		batch(ctx, tx, `INSERT INTO owners (shard, environment, customer, currency, resource, no, as_of, next_due, state)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (shard, environment, customer, currency, resource)
			DO UPDATE SET as_of = excluded.as_of, next_due = excluded.next_due, state = excluded.state`,
			c.Owners, func(o *engine.OwnerRow) []any {
				return []any{c.Shard, o.Key.Environment, o.Key.Customer, o.Key.Currency, o.Key.Resource,
					int64(o.No), int64(o.AsOf), int64(o.NextDue), notNil(o.State)}
			}),
		batch(ctx, tx, `INSERT INTO pages (shard, owner, win, refs, usage) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (shard, owner, win) DO UPDATE SET refs = excluded.refs, usage = excluded.usage`,
			c.Pages, func(p *engine.PageRow) []any {
				return []any{c.Shard, int64(p.Owner), int64(p.Window), notNil(p.Refs), notNil(p.Usage)}
			}),
		batch(ctx, tx, `INSERT INTO grants (shard, id, environment, customer, currency, resource, created_at, final, state, texts)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (shard, id) DO UPDATE SET final = excluded.final, state = excluded.state,
			texts = CASE WHEN LENGTH(excluded.texts) = 0 THEN grants.texts ELSE excluded.texts END`,
			c.Grants, func(g *engine.GrantRow) []any {
				return []any{c.Shard, int64(g.ID), g.Key.Environment, g.Key.Customer, g.Key.Currency, g.Key.Resource,
					int64(g.CreatedAt), g.Final, g.State, notNil(g.Texts)}
			}),
		batch(ctx, tx, `INSERT INTO key_chunks (shard, run, chunk, data) VALUES ($1, $2, $3, $4)
			ON CONFLICT (shard, run, chunk) DO UPDATE SET data = excluded.data`,
			c.Chunks, func(k *engine.KeyChunkRow) []any {
				return []any{c.Shard, int64(k.Run), k.Chunk, notNil(k.Data)}
			}),
	)
	if err != nil {
		return err
	}
	if err := writeRuns(ctx, tx, c); err != nil {
		return err
	}
	return completeWindow(ctx, tx, c)
}

// completeWindow records that everything of a window has been written.
func completeWindow(ctx context.Context, tx *sql.Tx, c *engine.Commit) error {
	if cp := c.Checkpoint; cp != nil {
		_, err := tx.ExecContext(ctx, `INSERT INTO checkpoints (shard, windows, owners, grants) VALUES ($1, $2, $3, $4)
			ON CONFLICT (shard) DO UPDATE SET windows = excluded.windows, owners = excluded.owners, grants = excluded.grants`,
			c.Shard, int64(cp.Windows), int64(cp.Owners), int64(cp.Grants))
		return err
	}
	return nil
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
	return engine.Position(position + entries), err
}

// Blocks implements engine.Journal.
func (j *Journal) Blocks(ctx context.Context, from engine.Position, visit func(*engine.Block) error) error {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT position, entries, data FROM journal
		WHERE shard = $1 AND position >= COALESCE(
			(SELECT MAX(position) FROM journal WHERE shard = $1 AND position <= $2), 0)
		ORDER BY position`, from.Shard(), int64(from))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var b engine.Block
		var first int64
		if err := rows.Scan(&first, &b.Entries, &b.Data); err != nil {
			return err
		}
		b.First = engine.Position(first)
		if err := visit(&b); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Block implements engine.Journal.
func (j *Journal) Block(ctx context.Context, at engine.Position) (*engine.Block, error) {
	var b engine.Block
	var first int64
	err := j.hot[selectBlock].QueryRowContext(ctx, at.Shard(), int64(at)).
		Scan(&first, &b.Entries, &b.Data)
	b.First = engine.Position(first)
	if err == nil && at >= b.Next() {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, fmt.Errorf("read entry %d of shard %d: %w", at.Ordinal(), at.Shard(), err)
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
	return engine.Checkpoint{Windows: uint32(windows), Owners: uint64(owners), Grants: uint64(grants)}, err
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
	return row, err == nil, err
}

// DueOwners implements engine.Journal.
func (j *Journal) DueOwners(ctx context.Context, shard uint16, environment string, after, until ledger.Time, limit int) ([]ledger.Key, error) {
	return j.keys(ctx, `SELECT environment, customer, currency, resource FROM owners
		WHERE shard = $1 AND environment = $2 AND next_due > $3 AND next_due <= $4 AND next_due < 9223372036854775807
		ORDER BY next_due LIMIT $5`, shard, environment, int64(after), int64(until), limit)
}

// PoolKeys implements engine.Journal.
func (j *Journal) PoolKeys(ctx context.Context, shard uint16, environment, customer string) ([]ledger.Key, error) {
	return j.keys(ctx, `SELECT environment, customer, currency, resource FROM owners
		WHERE shard = $1 AND environment = $2 AND customer = $3 AND currency <> ''
		ORDER BY currency, resource`, shard, environment, customer)
}

func (j *Journal) keys(ctx context.Context, query string, args ...any) ([]ledger.Key, error) {
	rows, err := j.store.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var keys []ledger.Key
	for rows.Next() {
		var k ledger.Key
		if err := rows.Scan(&k.Environment, &k.Customer, &k.Currency, &k.Resource); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}
