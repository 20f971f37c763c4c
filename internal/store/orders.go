package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// orderColumns are what scanOrder reads.
const orderColumns = `request_key, format, document`

func scanOrder(r *sql.Rows) (*credits.Order, error) {
	var key, text string
	var format int64
	if err := r.Scan(&key, &format, &text); err != nil {
		return nil, err
	}
	o, err := decode[credits.Order](format, text)
	if err == nil {
		o.RequestKey = key
	}
	return o, err
}

// one returns the only row of a query, or credits.ErrMissing.
func one[T any](list []T, err error) (T, error) {
	if err != nil || len(list) != 1 {
		var zero T
		if err == nil {
			err = credits.ErrMissing
		}
		return zero, err
	}
	return list[0], nil
}

// InsertOrder implements credits.Tx.
func (t *transaction) InsertOrder(ctx context.Context, env string, o *credits.Order) error {
	return t.put(ctx, `INSERT INTO orders (environment, id, no, customer_id, grant_id, request_key, unpaid_at, created_at, format, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o, env, o.ID, o.No, o.Grant.Customer, int64(o.GrantID), o.RequestKey, o.UnpaidAt, o.CreatedAt)
}

// UpdateOrder implements credits.Tx.
func (t *transaction) UpdateOrder(ctx context.Context, env string, o *credits.Order) error {
	text, err := encode(o)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE orders SET grant_id = $3, request_key = $4, unpaid_at = $5, format = $6, document = $7
		WHERE environment = $1 AND id = $2`, env, o.ID, int64(o.GrantID), o.RequestKey, o.UnpaidAt, documentFormat, text)
}

// Order implements credits.Tx.
func (t *transaction) Order(ctx context.Context, env, id string) (*credits.Order, error) {
	return one(rows(ctx, t, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE environment = $1 AND id = $2`, env, id))
}

// LockOrder implements credits.Tx.
func (t *transaction) LockOrder(ctx context.Context, env, id string) (*credits.Order, error) {
	return one(rows(ctx, t, scanOrder,
		`UPDATE orders SET version = version + 1 WHERE environment = $1 AND id = $2 RETURNING `+orderColumns, env, id))
}

// OrderByKey implements credits.Tx.
func (t *transaction) OrderByKey(ctx context.Context, env, key string) (*credits.Order, error) {
	return one(rows(ctx, t, scanOrder, `SELECT `+orderColumns+` FROM orders
		WHERE environment = $1 AND request_key = $2 AND request_key <> ''`, env, key))
}

// OrdersOfGrants implements credits.Tx.
func (t *transaction) OrdersOfGrants(ctx context.Context, env string, grants []ledger.GrantID) ([]*credits.Order, error) {
	if len(grants) == 0 {
		return nil, nil
	}
	args := []any{env}
	for _, id := range grants {
		args = append(args, int64(id))
	}
	text := fmt.Sprintf(`SELECT %s FROM orders WHERE environment = $1 AND grant_id IN (%s) AND grant_id <> 0 ORDER BY no`,
		orderColumns, places(2, len(grants)))
	return rows(ctx, t, scanOrder, text, args...)
}

// UnpaidOrders implements credits.Tx.
func (t *transaction) UnpaidOrders(ctx context.Context, env string, now ledger.Time, most int) ([]string, error) {
	return rows(ctx, t, scanText, `SELECT id FROM orders
		WHERE environment = $1 AND unpaid_at <> 0 AND unpaid_at <= $2 ORDER BY unpaid_at, id LIMIT $3`, env, now, most)
}

func scanText(r *sql.Rows) (text string, err error) { return text, r.Scan(&text) }

// NextUnpaid implements credits.Tx.
func (t *transaction) NextUnpaid(ctx context.Context, env string) (ledger.Time, error) {
	return t.earliest(ctx, `SELECT COALESCE(MIN(unpaid_at), $2) FROM orders WHERE environment = $1 AND unpaid_at <> 0`, env)
}

// earliest reads an instant; $2 of the query is ledger.Never.
func (t *transaction) earliest(ctx context.Context, query, env string) (at ledger.Time, err error) {
	err = t.row(ctx, query, []any{env, int64(ledger.Never)}, &at)
	return at, err
}
