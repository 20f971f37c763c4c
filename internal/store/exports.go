package store

import (
	"context"
	"database/sql"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// ExportDestinations implements credits.Tx.
func (t *transaction) ExportDestinations(ctx context.Context, env string) ([]*credits.ExportDestination, error) {
	return rows(ctx, t, func(r *sql.Rows) (*credits.ExportDestination, error) {
		var format int64
		var due, lease ledger.Time
		var text string
		if err := r.Scan(&format, &text, &due, &lease); err != nil {
			return nil, err
		}
		d, err := decode[credits.ExportDestination](format, text)
		if err == nil {
			d.DueAt, d.LeaseUntil = due, lease
		}
		return d, err
	}, `SELECT format, document, due_at, lease_until FROM export_destinations WHERE environment = $1 ORDER BY no`, env)
}

// InsertExportDestination implements credits.Tx.
func (t *transaction) InsertExportDestination(ctx context.Context, env string, d *credits.ExportDestination) error {
	return t.put(ctx, `INSERT INTO export_destinations (environment, id, no, due_at, fence, lease_until, format, document)
		VALUES ($1, $2, $3, $4, 0, 0, $5, $6)`, d, env, d.ID, d.No, int64(d.DueAt))
}

// UpdateExportDestination implements credits.Tx.
func (t *transaction) UpdateExportDestination(ctx context.Context, env string, d *credits.ExportDestination) error {
	text, err := encode(d)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE export_destinations SET due_at = $3, format = $4, document = $5 WHERE environment = $1 AND id = $2`,
		env, d.ID, int64(d.DueAt), documentFormat, text)
}

// DeleteExportDestination implements credits.Tx.
func (t *transaction) DeleteExportDestination(ctx context.Context, env, id string) error {
	return t.exec(ctx, `DELETE FROM export_destinations WHERE environment = $1 AND id = $2`, env, id)
}

// ClaimExport implements credits.Tx.
func (t *transaction) ClaimExport(ctx context.Context, env, id string, now, until ledger.Time) (fence int64, err error) {
	err = t.row(ctx, `UPDATE export_destinations SET fence = fence + 1, lease_until = $4
		WHERE environment = $1 AND id = $2 AND due_at <= $3 AND lease_until <= $3 RETURNING fence`,
		[]any{env, id, int64(now), int64(until)}, &fence)
	return fence, err
}

// FinishExport implements credits.Tx.
func (t *transaction) FinishExport(ctx context.Context, env, id string, fence int64) error {
	return t.change(ctx, `UPDATE export_destinations SET lease_until = 0 WHERE environment = $1 AND id = $2 AND fence = $3`, env, id, fence)
}
