package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/scrip-dev/scrip/internal/engine"
)

// writeRuns writes what is said of key runs, and deletes what is left of others.
func writeRuns(ctx context.Context, tx *sql.Tx, c *engine.Commit) error {
	return errors.Join(
		batch(ctx, tx, `INSERT INTO key_filters (shard, run, chunk, bits) VALUES ($1, $2, $3, $4)
			ON CONFLICT (shard, run, chunk) DO UPDATE SET bits = excluded.bits`,
			c.Filters, func(f *engine.KeyFilterRow) []any {
				return []any{c.Shard, int64(f.Run), f.Chunk, f.Bits}
			}),
		batch(ctx, tx, `INSERT INTO key_runs (shard, run, keys, complete) VALUES ($1, $2, $3, $4)
			ON CONFLICT (shard, run) DO UPDATE SET keys = excluded.keys, complete = excluded.complete`,
			c.Runs, func(r *engine.RunRow) []any {
				return []any{c.Shard, int64(r.Run), r.Keys, r.Complete}
			}),
		deleteRuns(ctx, tx, c),
	)
}

func deleteRuns(ctx context.Context, tx *sql.Tx, c *engine.Commit) error {
	part := func(p *engine.RunPart) []any { return []any{c.Shard, int64(p.Run), p.From, p.To} }
	return errors.Join(
		batch(ctx, tx, `DELETE FROM key_chunks WHERE shard = $1 AND run = $2 AND chunk >= $3 AND chunk < $4`, c.Stale, part),
		batch(ctx, tx, `DELETE FROM key_filters WHERE shard = $1 AND run = $2 AND chunk >= $3 AND chunk < $4`, c.Stale, part),
		batch(ctx, tx, `DELETE FROM key_runs WHERE shard = $1 AND run = $2 AND $3`,
			c.Stale, func(p *engine.RunPart) []any { return []any{c.Shard, int64(p.Run), p.Last} }),
	)
}

// Runs implements engine.Journal.
func (j *Journal) Runs(ctx context.Context, shard uint16) ([]engine.RunRow, error) {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT run, keys, complete FROM key_runs WHERE shard = $1`, shard)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var runs []engine.RunRow
	for rows.Next() {
		var r engine.RunRow
		if err := rows.Scan(&r.Run, &r.Keys, &r.Complete); err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, rows.Err()
}

// KeyFilters implements engine.Journal.
func (j *Journal) KeyFilters(ctx context.Context, shard uint16, run engine.RunID, visit func(engine.KeyFilterRow) error) error {
	rows, err := j.store.reader.QueryContext(ctx,
		`SELECT chunk, bits FROM key_filters WHERE shard = $1 AND run = $2 ORDER BY chunk`, shard, int64(run))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		f := engine.KeyFilterRow{Run: run}
		if err := rows.Scan(&f.Chunk, &f.Bits); err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return rows.Err()
}

// KeyChunk implements engine.Journal.
func (j *Journal) KeyChunk(ctx context.Context, shard uint16, run engine.RunID, chunk int) ([]byte, error) {
	var data []byte
	err := j.hot[selectKeyChunk].QueryRowContext(ctx, shard, int64(run), chunk).Scan(&data)
	return data, err
}

// KeyChunks implements engine.Journal.
func (j *Journal) KeyChunks(ctx context.Context, shard uint16, run engine.RunID, from, limit int) ([]engine.KeyChunkRow, error) {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT chunk, data FROM key_chunks
		WHERE shard = $1 AND run = $2 AND chunk >= $3 ORDER BY chunk LIMIT $4`, shard, int64(run), from, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var chunks []engine.KeyChunkRow
	for rows.Next() {
		c := engine.KeyChunkRow{Run: run}
		if err := rows.Scan(&c.Chunk, &c.Data); err != nil {
			return nil, err
		}
		chunks = append(chunks, c)
	}
	return chunks, rows.Err()
}
