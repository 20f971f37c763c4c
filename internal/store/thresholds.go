package store

import (
	"context"
	"database/sql"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Thresholds implements credits.Tx.
func (t *transaction) Thresholds(ctx context.Context, env string) ([]*credits.ThresholdSet, error) {
	return rows(ctx, t, document[credits.ThresholdSet], `SELECT format, document FROM thresholds WHERE environment = $1
		ORDER BY customer, currency, resource`, env)
}

// PutThresholds implements credits.Tx.
func (t *transaction) PutThresholds(ctx context.Context, env string, set *credits.ThresholdSet) error {
	return t.put(ctx, `INSERT INTO thresholds (environment, customer, currency, resource, format, document) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (environment, customer, currency, resource) DO UPDATE SET format = excluded.format, document = excluded.document`,
		set, env, set.Customer, set.Currency, set.Resource)
}

// DeleteThresholds implements credits.Tx.
func (t *transaction) DeleteThresholds(ctx context.Context, env string, of credits.ThresholdRef) error {
	return t.change(ctx, `DELETE FROM thresholds WHERE environment = $1 AND customer = $2 AND currency = $3 AND resource = $4`,
		env, of.Customer, of.Currency, of.Resource)
}

// ToldUntil implements credits.Tx.
func (t *transaction) ToldUntil(ctx context.Context, shard uint16) (engine.Position, error) {
	var at int64
	err := t.row(ctx, `SELECT COALESCE((SELECT position FROM told_until WHERE shard = $1), 0)`, []any{int64(shard)}, &at)
	if at == 0 {
		return engine.NewPosition(shard, 1), err
	}
	return engine.Position(at), err
}

// SetToldUntil implements credits.Tx.
func (t *transaction) SetToldUntil(ctx context.Context, from, to engine.Position) error {
	first := engine.NewPosition(from.Shard(), 1)
	if from == first {
		if err := t.exec(ctx, `INSERT INTO told_until (shard, position) VALUES ($1, $2) ON CONFLICT (shard) DO NOTHING`,
			int64(from.Shard()), int64(first)); err != nil {
			return err
		}
	}
	return t.change(ctx, `UPDATE told_until SET position = $3 WHERE shard = $1 AND position = $2`, int64(from.Shard()), int64(from), int64(to))
}

// PutExpiryNotice implements credits.Tx.
func (t *transaction) PutExpiryNotice(ctx context.Context, env string, n credits.ExpiryNotice) error {
	_, err := t.repeat(ctx, `INSERT INTO expiry_notices (environment, grant_id, days, at, customer) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (environment, grant_id, days) DO UPDATE SET at = excluded.at`, env, int64(n.Grant), int64(n.Days), n.At, n.Customer)
	return err
}

// DeleteExpiryNotice implements credits.Tx.
func (t *transaction) DeleteExpiryNotice(ctx context.Context, env string, n credits.ExpiryNotice) error {
	return t.exec(ctx, `DELETE FROM expiry_notices WHERE environment = $1 AND grant_id = $2 AND days = $3`, env, int64(n.Grant), int64(n.Days))
}

// DueExpiryNotices implements credits.Tx.
func (t *transaction) DueExpiryNotices(ctx context.Context, env string, now ledger.Time, limit int) ([]credits.ExpiryNotice, error) {
	return rows(ctx, t, scanNotice, `SELECT grant_id, days, at, customer FROM expiry_notices WHERE environment = $1 AND at <= $2
		ORDER BY at, grant_id, days LIMIT $3`, env, now, limit)
}

func scanNotice(r *sql.Rows) (n credits.ExpiryNotice, err error) {
	var grant, days int64
	err = r.Scan(&grant, &days, &n.At, &n.Customer)
	n.Grant, n.Days = ledger.GrantID(grant), int(days)
	return n, err
}
