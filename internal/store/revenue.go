package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
)

// revenueRows is how many rows one statement reads or writes: few enough for the parameters of any database.
const revenueRows = 100

// RevenueCursor implements credits.Tx.
func (t *transaction) RevenueCursor(ctx context.Context, shard uint16) (engine.Position, error) {
	var position int64
	err := t.row(ctx, `SELECT position FROM revenue_cursors WHERE shard = $1`, []any{shard}, &position)
	if errors.Is(err, credits.ErrMissing) {
		return 0, nil
	}
	return engine.Position(position), err
}

// MoveRevenueCursor implements credits.Tx. A start from nothing clears what an interrupted deletion has left.
func (t *transaction) MoveRevenueCursor(ctx context.Context, shard uint16, from, to engine.Position) error {
	if from != 0 {
		return t.change(ctx, `UPDATE revenue_cursors SET position = $3 WHERE shard = $1 AND position = $2`, shard, int64(from), int64(to))
	}
	if err := t.exec(ctx, `INSERT INTO revenue_cursors (shard, position) VALUES ($1, $2)`, shard, int64(to)); err != nil {
		if errors.Is(err, credits.ErrTaken) {
			return credits.ErrMissing
		}
		return err
	}
	if err := t.exec(ctx, `DELETE FROM revenue_books WHERE shard = $1`, shard); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM revenue_totals WHERE shard = $1`, shard)
}

const revenueBookColumns = `grant_id, currency, month, environment, customer, credit_type, resource, cost, active, unpaid, figures`

// RevenueBooks implements credits.Tx.
func (t *transaction) RevenueBooks(ctx context.Context, shard uint16, ids []ledger.GrantID) (list []*revenue.Book, err error) {
	for len(ids) > 0 {
		n := min(len(ids), revenueRows)
		args := []any{shard}
		for _, id := range ids[:n] {
			args = append(args, int64(id))
		}
		ids = ids[n:]
		found, err := rows(ctx, t, scanBook, `SELECT `+revenueBookColumns+` FROM revenue_books b
			WHERE shard = $1 AND grant_id IN (`+places(2, n)+`) AND NOT EXISTS (SELECT 1 FROM revenue_books n
			WHERE n.shard = b.shard AND n.grant_id = b.grant_id AND n.currency = b.currency AND n.month > b.month)
			ORDER BY grant_id, currency`, args...)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func scanBook(r *sql.Rows) (*revenue.Book, error) {
	var b revenue.Book
	var id int64
	var cost, figures string
	err := r.Scan(&id, &b.Currency, &b.Month, &b.Environment, &b.Customer, &b.CreditType, &b.Resource, &cost, &b.Active, &b.Unpaid, &figures)
	if err != nil {
		return nil, err
	}
	b.Grant = ledger.GrantID(id)
	if b.Cost, err = amount.Parse(cost); err != nil {
		return nil, fmt.Errorf("books of grant %d: %w", id, err)
	}
	if err := b.Figures.UnmarshalText([]byte(figures)); err != nil {
		return nil, fmt.Errorf("books of grant %d: %w", id, err)
	}
	return &b, nil
}

const revenueBookWidth = 13

// PutRevenueBooks implements credits.Tx.
func (t *transaction) PutRevenueBooks(ctx context.Context, shard uint16, books []*revenue.Book) error {
	for len(books) > 0 {
		n := min(len(books), revenueRows)
		values, args := make([]string, n), make([]any, 0, n*revenueBookWidth)
		for i, b := range books[:n] {
			figures, err := b.Figures.MarshalText()
			if err != nil {
				return err
			}
			values[i] = "(" + places(1+i*revenueBookWidth, revenueBookWidth) + ")"
			args = append(args, shard, int64(b.Grant), b.Currency, int64(b.Month), b.Environment, b.Customer, b.CreditType, b.Resource,
				b.Cost.String(), number(b.Active), number(b.Unpaid), number(!b.Deferred().IsZero()), string(figures))
		}
		books = books[n:]
		err := t.exec(ctx, `INSERT INTO revenue_books (shard, `+strings.Replace(revenueBookColumns, "figures", "deferred, figures", 1)+`)
			VALUES `+strings.Join(values, ", ")+` ON CONFLICT (shard, grant_id, currency, month) DO UPDATE SET
			cost = excluded.cost, active = excluded.active, unpaid = excluded.unpaid, deferred = excluded.deferred, figures = excluded.figures`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// number is how a truth value is kept.
func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// AddRevenueTotal implements credits.Tx.
func (t *transaction) AddRevenueTotal(ctx context.Context, shard uint16, key revenue.TotalKey, more *revenue.Figures) error {
	args := []any{shard, key.Environment, int64(key.Month), key.Currency, key.CreditType}
	sum := *more
	var kept string
	err := t.row(ctx, `SELECT figures FROM revenue_totals
		WHERE shard = $1 AND environment = $2 AND month = $3 AND currency = $4 AND credit_type = $5`, args, &kept)
	if err == nil {
		var before revenue.Figures
		err = before.UnmarshalText([]byte(kept))
		sum.Add(&before)
	}
	if err != nil && !errors.Is(err, credits.ErrMissing) {
		return err
	}
	text, err := sum.MarshalText()
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO revenue_totals (shard, environment, month, currency, credit_type, figures) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (shard, environment, month, currency, credit_type) DO UPDATE SET figures = excluded.figures`, append(args, string(text))...)
}

// RevenueTotals implements credits.Tx.
func (t *transaction) RevenueTotals(ctx context.Context, env string, through revenue.Month) (map[revenue.TotalKey]*revenue.Figures, error) {
	sums := map[revenue.TotalKey]*revenue.Figures{}
	_, err := rows(ctx, t, func(r *sql.Rows) (struct{}, error) {
		key := revenue.TotalKey{Environment: env}
		var f revenue.Figures
		var text string
		if err := r.Scan(&key.Month, &key.Currency, &key.CreditType, &text); err != nil {
			return struct{}{}, err
		}
		err := f.UnmarshalText([]byte(text))
		if sum := sums[key]; sum != nil {
			f.Add(sum)
		}
		sums[key] = &f
		return struct{}{}, err
	}, `SELECT month, currency, credit_type, figures FROM revenue_totals WHERE environment = $1 AND month <= $2`, env, int64(through))
	return sums, err
}

// DeferredGrants implements credits.Tx.
func (t *transaction) DeferredGrants(ctx context.Context, shard uint16, env string, month revenue.Month, page credits.Page) ([]*revenue.Book, error) {
	bound, order, grant := "grant_id < $4", "DESC", page.After
	if page.Before > 0 {
		bound, order, grant = "grant_id > $4", "ASC", page.Before
	}
	return rows(ctx, t, scanBook, `SELECT `+revenueBookColumns+` FROM revenue_books b
		WHERE shard = $1 AND environment = $2 AND month <= $3 AND deferred = 1 AND `+bound+` AND NOT EXISTS (SELECT 1 FROM revenue_books n
		WHERE n.shard = b.shard AND n.grant_id = b.grant_id AND n.currency = b.currency AND n.month > b.month AND n.month <= $3)
		ORDER BY grant_id `+order+` LIMIT $5`, shard, env, int64(month), grant, page.Size()+1)
}

// ClosedMonths implements credits.Tx.
func (t *transaction) ClosedMonths(ctx context.Context, env string) ([]*credits.RevenueReport, error) {
	return rows(ctx, t, document[credits.RevenueReport],
		`SELECT format, document FROM revenue_months WHERE environment = $1 ORDER BY month`, env)
}

// InsertClosedMonth implements credits.Tx.
func (t *transaction) InsertClosedMonth(ctx context.Context, env string, r *credits.RevenueReport) error {
	return t.put(ctx, `INSERT INTO revenue_months (environment, month, format, document) VALUES ($1, $2, $3, $4)`, r, env, int64(r.Month))
}
