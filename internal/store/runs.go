package store

import (
	"context"

	"github.com/scrip-dev/scrip/internal/engine"
)

// runStatements write what is said of key runs, and delete what is left of others.
func runStatements(c *engine.Commit) []statement {
	var list []statement
	add := func(query string, args ...any) {
		list = append(list, statement{query, append([]any{c.Shard}, args...)})
	}
	for i := range c.Chunks {
		k := &c.Chunks[i]
		add(writeChunk, int64(k.Run), k.Chunk, notNil(k.Data))
	}
	for i := range c.Filters {
		f := &c.Filters[i]
		add(writeFilter, int64(f.Run), f.Chunk, f.Bits)
	}
	for _, r := range c.Runs {
		add(writeRun, int64(r.Run), r.Keys, r.Complete)
	}
	for _, p := range c.Stale {
		add(deleteChunks, int64(p.Run), p.From, p.To)
		add(deleteFilters, int64(p.Run), p.From, p.To)
		if p.Last {
			add(deleteRun, int64(p.Run))
		}
	}
	return list
}

// scanRun reads run, keys and complete, from whichever driver.
func scanRun(row interface{ Scan(...any) error }) (engine.RunRow, error) {
	var r engine.RunRow
	var id int64
	err := row.Scan(&id, &r.Keys, &r.Complete)
	r.Run = engine.RunID(id)
	return r, err
}

// Runs implements engine.Journal.
func (j *Journal) Runs(ctx context.Context, shard uint16) ([]engine.RunRow, error) {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT run, keys, complete FROM key_runs WHERE shard = $1`, shard)
	if err != nil {
		return nil, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	var runs []engine.RunRow
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, j.store.judge(err)
		}
		runs = append(runs, r)
	}
	return runs, j.store.judge(rows.Err())
}

// KeyFilters implements engine.Journal.
func (j *Journal) KeyFilters(ctx context.Context, shard uint16, run engine.RunID, visit func(engine.KeyFilterRow) error) error {
	rows, err := j.store.reader.QueryContext(ctx,
		`SELECT chunk, bits FROM key_filters WHERE shard = $1 AND run = $2 ORDER BY chunk`, shard, int64(run))
	if err != nil {
		return j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		f := engine.KeyFilterRow{Run: run}
		if err := rows.Scan(&f.Chunk, &f.Bits); err != nil {
			return j.store.judge(err)
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return j.store.judge(rows.Err())
}

// KeyChunk implements engine.Journal.
func (j *Journal) KeyChunk(ctx context.Context, shard uint16, run engine.RunID, chunk int) ([]byte, error) {
	var data []byte
	err := j.hot[selectKeyChunk].QueryRowContext(ctx, shard, int64(run), chunk).Scan(&data)
	return data, j.store.judge(err)
}

// KeyChunks implements engine.Journal.
func (j *Journal) KeyChunks(ctx context.Context, shard uint16, run engine.RunID, from, limit int) ([]engine.KeyChunkRow, error) {
	rows, err := j.store.reader.QueryContext(ctx, `SELECT chunk, data FROM key_chunks
		WHERE shard = $1 AND run = $2 AND chunk >= $3 ORDER BY chunk LIMIT $4`, shard, int64(run), from, limit)
	if err != nil {
		return nil, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	var chunks []engine.KeyChunkRow
	for rows.Next() {
		c := engine.KeyChunkRow{Run: run}
		if err := rows.Scan(&c.Chunk, &c.Data); err != nil {
			return nil, j.store.judge(err)
		}
		chunks = append(chunks, c)
	}
	return chunks, j.store.judge(rows.Err())
}
