package store

import (
	"context"
	"database/sql"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Environments implements credits.Tx.
func (t *transaction) Environments(ctx context.Context) ([]*credits.Environment, error) {
	return rows(ctx, t, func(r *sql.Rows) (*credits.Environment, error) {
		var e credits.Environment
		return &e, r.Scan(&e.ID, &e.No, &e.Name, &e.Production, &e.CreatedAt)
	}, `SELECT id, no, name, production, created_at FROM environments ORDER BY no`)
}

// InsertEnvironment implements credits.Tx.
func (t *transaction) InsertEnvironment(ctx context.Context, e *credits.Environment) error {
	production := 0
	if e.Production {
		production = 1
	}
	return t.exec(ctx, `INSERT INTO environments (id, no, name, production, created_at) VALUES ($1, $2, $3, $4, $5)`,
		e.ID, e.No, e.Name, production, e.CreatedAt)
}

// NextNo implements credits.Tx.
func (t *transaction) NextNo(ctx context.Context, env string) (no int64, err error) {
	err = t.row(ctx, `UPDATE environments SET last_no = last_no + 1 WHERE id = $1 RETURNING last_no`, []any{env}, &no)
	return no, err
}

// LockCatalog implements credits.Tx.
func (t *transaction) LockCatalog(ctx context.Context, env string) (revision int64, err error) {
	err = t.row(ctx, `UPDATE environments SET revision = revision + 1 WHERE id = $1 RETURNING revision`, []any{env}, &revision)
	return revision, err
}

// LockEnvironment implements credits.Tx.
func (t *transaction) LockEnvironment(ctx context.Context, env string) (revision int64, err error) {
	err = t.row(ctx, `UPDATE environments SET revision = revision WHERE id = $1 RETURNING revision`, []any{env}, &revision)
	return revision, err
}

// LockInstallation implements credits.Tx. The setting is there only to be locked.
func (t *transaction) LockInstallation(ctx context.Context) error {
	return t.exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		"installation", []byte("locked while environments or keys change"))
}

// AppendAudit implements credits.Tx.
func (t *transaction) AppendAudit(ctx context.Context, env string, a *credits.AuditRow) error {
	return t.exec(ctx, `INSERT INTO audit (environment, no, at, actor_kind, actor_id, request_id, action, object, customer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		env, a.No, a.At, int64(a.Actor.Kind), a.Actor.ID, a.RequestID, a.Action, a.Object, a.Customer)
}
