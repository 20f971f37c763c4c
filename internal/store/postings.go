package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Pages implements engine.Journal.
func (j *Journal) Pages(ctx context.Context, shard uint16, owner uint64, before uint32, limit int) ([]engine.PageRow, error) {
	// One look for each window. A database of a billion entries has some thousand windows, so this takes milliseconds there,
	// and in return a window's pages are written side by side.
	rows, err := j.store.reader.QueryContext(ctx, `WITH RECURSIVE windows (win) AS (
			SELECT CAST($3 AS BIGINT) - 1 UNION ALL SELECT win - 1 FROM windows WHERE win > 0)
		SELECT p.win, p.refs, p.usage FROM windows CROSS JOIN pages p
		WHERE p.shard = $1 AND p.win = windows.win AND p.owner = $2 ORDER BY windows.win DESC LIMIT $4`,
		shard, int64(owner), int64(before), limit)
	if err != nil {
		return nil, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	var pages []engine.PageRow
	for rows.Next() {
		p := engine.PageRow{Owner: owner}
		if err := rows.Scan(&p.Window, &p.Refs, &p.Usage); err != nil {
			return nil, j.store.judge(err)
		}
		pages = append(pages, p)
	}
	return pages, j.store.judge(rows.Err())
}

const grantColumns = `id, environment, customer, currency, resource, created_at, final, state, texts`

func scanGrant(row interface{ Scan(...any) error }) (engine.GrantRow, error) {
	var g engine.GrantRow
	var id, created int64
	err := row.Scan(&id, &g.Key.Environment, &g.Key.Customer, &g.Key.Currency, &g.Key.Resource,
		&created, &g.Final, &g.State, &g.Texts)
	g.ID, g.CreatedAt = ledger.GrantID(id), ledger.Time(created)
	return g, err
}

// Grants implements engine.Journal.
func (j *Journal) Grants(ctx context.Context, shard uint16, q engine.GrantQuery) ([]engine.GrantRow, error) {
	before := int64(q.Before)
	if before == 0 {
		before = 1<<63 - 1
	}
	rows, err := j.store.reader.QueryContext(ctx, `SELECT `+grantColumns+` FROM grants
		WHERE shard = $1 AND environment = $2 AND customer = $3 AND id < $4
		AND ($5 = '' OR currency = $5) AND ($6 OR resource = $7)
		ORDER BY id DESC LIMIT $8`,
		shard, q.Environment, q.Customer, before, q.Currency, q.AnyResource, q.Resource, q.Limit)
	if err != nil {
		return nil, j.store.judge(err)
	}
	defer func() { _ = rows.Close() }()
	var grants []engine.GrantRow
	for rows.Next() {
		g, err := scanGrant(rows)
		if err != nil {
			return nil, j.store.judge(err)
		}
		grants = append(grants, g)
	}
	return grants, j.store.judge(rows.Err())
}

// GrantByID implements engine.Journal.
func (j *Journal) GrantByID(ctx context.Context, shard uint16, id ledger.GrantID) (engine.GrantRow, bool, error) {
	g, err := scanGrant(j.store.reader.QueryRowContext(ctx,
		`SELECT `+grantColumns+` FROM grants WHERE shard = $1 AND id = $2`, shard, int64(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return g, false, nil
	}
	return g, err == nil, j.store.judge(err)
}
