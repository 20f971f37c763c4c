package store

import (
	"context"
	"database/sql"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// rechargeColumns are what scanRecharge reads.
const rechargeColumns = `version, format, document`

func scanRecharge(r *sql.Rows) (*credits.AutoRecharge, error) {
	var version, format int64
	var text string
	if err := r.Scan(&version, &format, &text); err != nil {
		return nil, err
	}
	a, err := decode[credits.AutoRecharge](format, text)
	if err == nil {
		a.Version = version
	}
	return a, err
}

// InsertRecharge implements credits.Tx.
func (t *transaction) InsertRecharge(ctx context.Context, env string, a *credits.AutoRecharge) error {
	return t.put(ctx, `INSERT INTO auto_recharges (environment, id, no, version, customer_id, credit_type, resource_id, state, next_at,
		format, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a, env, a.ID, a.No, a.Version, a.Customer, a.CreditType, a.Resource, string(a.State), a.NextAt())
}

// UpdateRecharge implements credits.Tx.
func (t *transaction) UpdateRecharge(ctx context.Context, env string, a *credits.AutoRecharge) error {
	text, err := encode(a)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE auto_recharges SET version = version + 1, state = $4, next_at = $5, format = $6, document = $7
		WHERE environment = $1 AND id = $2 AND version = $3`,
		env, a.ID, a.Version, string(a.State), a.NextAt(), documentFormat, text)
}

// LockRecharge implements credits.Tx.
func (t *transaction) LockRecharge(ctx context.Context, env string, pool ledger.Key) (*credits.AutoRecharge, error) {
	return one(rows(ctx, t, scanRecharge, `UPDATE auto_recharges SET version = version
		WHERE environment = $1 AND customer_id = $2 AND credit_type = $3 AND resource_id = $4 RETURNING `+rechargeColumns,
		env, pool.Customer, pool.Currency, pool.Resource))
}

// RechargesOf implements credits.Tx.
func (t *transaction) RechargesOf(ctx context.Context, env, customer string) ([]*credits.AutoRecharge, error) {
	return rows(ctx, t, scanRecharge, `SELECT `+rechargeColumns+` FROM auto_recharges
		WHERE environment = $1 AND customer_id = $2 ORDER BY no`, env, customer)
}

// DueRecharges implements credits.Tx.
func (t *transaction) DueRecharges(ctx context.Context, env string, now ledger.Time, after string, most int) ([]*credits.AutoRecharge, error) {
	return rows(ctx, t, scanRecharge, `SELECT `+rechargeColumns+` FROM auto_recharges
		WHERE environment = $1 AND next_at <= $2 AND next_at <> 9223372036854775807 AND id > $3 ORDER BY id LIMIT $4`, env, now, after, most)
}

// NextRecharge implements credits.Tx.
func (t *transaction) NextRecharge(ctx context.Context, env string) (ledger.Time, error) {
	return t.earliest(ctx, `SELECT COALESCE(MIN(next_at), $2) FROM auto_recharges
		WHERE environment = $1 AND next_at > 0 AND next_at <> 9223372036854775807`, env)
}
