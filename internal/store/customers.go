package store

import (
	"context"

	"github.com/scrip-dev/scrip/internal/credits"
)

// InsertCustomer implements credits.Tx.
func (t *transaction) InsertCustomer(ctx context.Context, env string, c *credits.Customer) error {
	return t.put(ctx, `INSERT INTO customers (environment, id, no, name, email, created_at, archived_at, format, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		c, env, c.ID, c.No, c.Name, c.Email, c.CreatedAt, c.ArchivedAt)
}

// UpdateCustomer implements credits.Tx.
func (t *transaction) UpdateCustomer(ctx context.Context, env string, c *credits.Customer) error {
	text, err := encode(c)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE customers SET name = $3, email = $4, archived_at = $5, format = $6, document = $7
		WHERE environment = $1 AND id = $2`, env, c.ID, c.Name, c.Email, c.ArchivedAt, documentFormat, text)
}

// Customer implements credits.Tx.
func (t *transaction) Customer(ctx context.Context, env, id string) (*credits.Customer, error) {
	var format int64
	var text string
	if err := t.row(ctx, `SELECT format, document FROM customers WHERE environment = $1 AND id = $2`, []any{env, id}, &format, &text); err != nil {
		return nil, err
	}
	return decode[credits.Customer](format, text)
}

// LockCustomer implements credits.Tx.
func (t *transaction) LockCustomer(ctx context.Context, env, id string) (*credits.Customer, error) {
	var format int64
	var text string
	if err := t.row(ctx, `UPDATE customers SET version = version + 1 WHERE environment = $1 AND id = $2 RETURNING format, document`,
		[]any{env, id}, &format, &text); err != nil {
		return nil, err
	}
	return decode[credits.Customer](format, text)
}

// BindGrantKey implements credits.Tx.
func (t *transaction) BindGrantKey(ctx context.Context, env, key, customerID string) (string, error) {
	err := t.exec(ctx, `INSERT INTO grant_keys (environment, key, customer_id) VALUES ($1, $2, $3)
		ON CONFLICT (environment, key) DO NOTHING`, env, key, customerID)
	if err != nil {
		return "", err
	}
	return t.GrantKeyOwner(ctx, env, key)
}

// GrantKeyOwner implements credits.Tx.
func (t *transaction) GrantKeyOwner(ctx context.Context, env, key string) (owner string, err error) {
	err = t.row(ctx, `SELECT customer_id FROM grant_keys WHERE environment = $1 AND key = $2`, []any{env, key}, &owner)
	return owner, err
}

// Customers implements credits.Tx.
func (t *transaction) Customers(ctx context.Context, env string, filter credits.CustomerFilter, page credits.Page) ([]*credits.Customer, error) {
	var q query
	q.and("environment = ?", env)
	q.equal("email", filter.Email)
	q.equal("name", filter.Name)
	q.during("created_at", filter.Created)
	return pageRows(ctx, t, document[credits.Customer], "customers", &q, page)
}
