package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
)

// query collects the conditions of a list. Conditions are our own texts; whatever a caller has sent is an argument.
type query struct {
	conditions []string
	args       []any
}

// and adds a condition. Each question mark in it stands for one argument.
func (q *query) and(condition string, args ...any) {
	for _, arg := range args {
		q.args = append(q.args, arg)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(q.args)), 1)
	}
	q.conditions = append(q.conditions, condition)
}

// equal selects by a column, unless the value is empty.
func (q *query) equal(column, value string) {
	if value != "" {
		q.and(column+" = ?", value)
	}
}

// during selects by an instant.
func (q *query) during(column string, r credits.TimeRange) {
	if r.After != nil {
		q.and(column+" > ?", *r.After)
	}
	if r.From != nil {
		q.and(column+" >= ?", *r.From)
	}
	if r.Before != nil {
		q.and(column+" < ?", *r.Before)
	}
	if r.Through != nil {
		q.and(column+" <= ?", *r.Through)
	}
}

// pageRows reads a page of documents, newest first, and one row more to show whether the list goes on. A page before a
// row is read upwards and turned around.
func pageRows[T any](ctx context.Context, t *transaction, scan func(*sql.Rows) (T, error), table string, q *query, page credits.Page) ([]T, error) {
	return pageOf(ctx, t, scan, "format, document", table, q, page)
}

// pageOf is pageRows for rows with other columns.
func pageOf[T any](ctx context.Context, t *transaction, scan func(*sql.Rows) (T, error), columns, table string, q *query, page credits.Page) ([]T, error) {
	order := "DESC"
	switch {
	case page.Before > 0:
		q.and("no > ?", page.Before)
		order = "ASC"
	case page.After > 0:
		q.and("no < ?", page.After)
	}
	text := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY no %s LIMIT %d",
		columns, table, strings.Join(q.conditions, " AND "), order, page.Size()+1)
	list, err := rows(ctx, t, scan, text, q.args...)
	if page.Before > 0 {
		slices.Reverse(list)
	}
	return list, err
}
