package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
)

// LastInvoiceNumber implements credits.Tx.
func (t *transaction) LastInvoiceNumber(ctx context.Context, env string) (last int64, err error) {
	err = t.row(ctx, `SELECT COALESCE(MAX(number), 0) FROM invoices WHERE environment = $1`, []any{env}, &last)
	return last, err
}

// InsertInvoice implements credits.Tx.
func (t *transaction) InsertInvoice(ctx context.Context, env string, i *credits.Invoice, totalMinor int64) error {
	return t.put(ctx, `INSERT INTO invoices (environment, id, no, number, customer_id, order_id, state, issued_at, due_at, total_minor,
		format, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		i, env, i.ID, i.No, i.Number, i.Customer, i.OrderID, string(i.State), i.IssuedAt, i.DueAt, totalMinor)
}

// UpdateInvoice implements credits.Tx.
func (t *transaction) UpdateInvoice(ctx context.Context, env string, i *credits.Invoice) error {
	text, err := encode(i)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE invoices SET state = $3, format = $4, document = $5 WHERE environment = $1 AND id = $2`,
		env, i.ID, string(i.State), documentFormat, text)
}

// InvoiceOf implements credits.Tx.
func (t *transaction) InvoiceOf(ctx context.Context, env, orderID string) (*credits.Invoice, error) {
	return one(rows(ctx, t, document[credits.Invoice], `SELECT format, document FROM invoices
		WHERE environment = $1 AND order_id = $2`, env, orderID))
}

// invoiceOrders are the columns that invoices are ordered by.
var invoiceOrders = map[string]string{
	"": "issued_at", credits.InvoicesByIssue: "issued_at", credits.InvoicesByDue: "due_at", credits.InvoicesByTotal: "total_minor",
}

// Invoices implements credits.Tx. A page begins after a row of the list, which is found by its number; one before a row is
// read the other way and turned around.
func (t *transaction) Invoices(ctx context.Context, env string, filter credits.InvoiceFilter, page credits.Page) ([]*credits.Invoice, error) {
	column := invoiceOrders[filter.OrderBy]
	var q query
	q.and("environment = ?", env)
	q.and("customer_id = ?", filter.Customer)
	q.during("issued_at", filter.Issued)
	if len(filter.States) > 0 {
		in(&q, "state", filter.States)
	}
	from, backwards := page.After, false
	if page.Before > 0 {
		from, backwards = page.Before, true
	}
	sign, direction := ">", "ASC"
	if filter.Descending != backwards {
		sign, direction = "<", "DESC"
	}
	if from > 0 {
		q.and(fmt.Sprintf("(%s, no) %s (SELECT %s, no FROM invoices WHERE environment = ? AND no = ?)", column, sign, column), env, from)
	}
	text := fmt.Sprintf("SELECT format, document FROM invoices WHERE %s ORDER BY %s %s, no %s LIMIT %d",
		strings.Join(q.conditions, " AND "), column, direction, direction, page.Size()+1)
	list, err := rows(ctx, t, document[credits.Invoice], text, q.args...)
	if backwards {
		slices.Reverse(list)
	}
	return list, err
}
