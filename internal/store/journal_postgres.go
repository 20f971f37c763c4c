package store

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrip-dev/scrip/internal/engine"
)

// commitMax is how long a lock or a commit may be under way: more than any of its statements, so that only a server which
// does not answer at all meets it.
const commitMax = 15 * time.Second

// batchOf writes a commit as few statements: a list of derived rows goes as one array for each column. A row never goes
// back: when a connection is lost, the server may still be busy with a commit of ours that the shard, loaded again, has
// overtaken by then. Blocks cannot overtake each other, because their positions follow.
func batchOf(c *engine.Commit) *pgx.Batch {
	b := &pgx.Batch{}
	for i := range c.Blocks {
		block := &c.Blocks[i]
		b.Queue(insertBlock, c.Shard, int64(block.First), block.Entries, block.Data)
	}
	if len(c.Owners) > 0 {
		b.Queue(upsertOwners, ownerColumns(c.Shard, c.Owners)...)
	}
	if len(c.Pages) > 0 {
		b.Queue(upsertPages, pageColumns(c.Shard, c.Pages)...)
	}
	if len(c.Grants) > 0 {
		b.Queue(upsertGrants, grantColumnsOf(c.Shard, c.Grants)...)
	}
	for _, s := range slices.Concat(runStatements(c), completions(c)) {
		b.Queue(s.query, s.args...)
	}
	return b
}

// column lists one value of every row.
func column[R, V any](rows []R, of func(*R) V) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return values
}

const upsertOwners = `INSERT INTO owners (shard, environment, customer, currency, resource, no, as_of, next_due, state)
	SELECT CAST($1 AS INTEGER), * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[])
	ON CONFLICT (shard, environment, customer, currency, resource)
	DO UPDATE SET as_of = excluded.as_of, next_due = excluded.next_due, state = excluded.state
	WHERE owners.as_of <= excluded.as_of`

func ownerColumns(shard uint16, rows []engine.OwnerRow) []any {
	type row = engine.OwnerRow
	return []any{
		shard,
		column(rows, func(o *row) string { return o.Key.Environment }),
		column(rows, func(o *row) string { return o.Key.Customer }),
		column(rows, func(o *row) string { return o.Key.Currency }),
		column(rows, func(o *row) string { return o.Key.Resource }),
		column(rows, func(o *row) int64 { return int64(o.No) }),
		column(rows, func(o *row) int64 { return int64(o.AsOf) }),
		column(rows, func(o *row) int64 { return int64(o.NextDue) }),
		column(rows, func(o *row) []byte { return notNil(o.State) }),
	}
}

const upsertPages = `INSERT INTO pages (shard, win, owner, refs, usage)
	SELECT CAST($1 AS INTEGER), * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
	ON CONFLICT (shard, win, owner) DO UPDATE SET refs = excluded.refs, usage = excluded.usage`

func pageColumns(shard uint16, rows []engine.PageRow) []any {
	type row = engine.PageRow
	return []any{
		shard,
		column(rows, func(p *row) int64 { return int64(p.Window) }),
		column(rows, func(p *row) int64 { return int64(p.Owner) }),
		column(rows, func(p *row) []byte { return notNil(p.Refs) }),
		column(rows, func(p *row) []byte { return notNil(p.Usage) }),
	}
}

const upsertGrants = `INSERT INTO grants (shard, id, environment, customer, currency, resource, created_at, final, state, texts)
	SELECT CAST($1 AS INTEGER), * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::boolean[], $9::bytea[], $10::bytea[])
	ON CONFLICT (shard, id) DO UPDATE SET final = excluded.final, state = excluded.state,
	texts = CASE WHEN LENGTH(excluded.texts) = 0 THEN grants.texts ELSE excluded.texts END
	WHERE excluded.final OR NOT grants.final`

func grantColumnsOf(shard uint16, rows []engine.GrantRow) []any {
	type row = engine.GrantRow
	return []any{
		shard,
		column(rows, func(g *row) int64 { return int64(g.ID) }),
		column(rows, func(g *row) string { return g.Key.Environment }),
		column(rows, func(g *row) string { return g.Key.Customer }),
		column(rows, func(g *row) string { return g.Key.Currency }),
		column(rows, func(g *row) string { return g.Key.Resource }),
		column(rows, func(g *row) int64 { return int64(g.CreatedAt) }),
		column(rows, func(g *row) bool { return g.Final }),
		column(rows, func(g *row) []byte { return notNil(g.State) }),
		column(rows, func(g *row) []byte { return notNil(g.Texts) }),
	}
}
