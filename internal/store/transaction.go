package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/credits"
)

// documentFormat is the form of the documents written now. Readers of later forms will tell old ones by it.
const documentFormat = 1

// transaction implements credits.Tx.
type transaction struct {
	tx         *sql.Tx
	dialect    *dialect
	statements map[string]*sql.Stmt // those that repeat has prepared
}

var _ credits.Tx = (*transaction)(nil)

// exec runs a statement. A taken id is reported as credits.ErrTaken.
func (t *transaction) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.tx.ExecContext(ctx, query, args...)
	if t.dialect.uniqueViolation(err) {
		return fmt.Errorf("%w: %w", credits.ErrTaken, err)
	}
	return err
}

// repeat is exec for a statement that the transaction runs many times, and tells how many rows it met. On a file it is
// prepared once, which takes longer than to run it; a server's driver keeps statements by itself.
func (t *transaction) repeat(ctx context.Context, query string, args ...any) (met int64, err error) {
	run := func() (sql.Result, error) { return t.tx.ExecContext(ctx, query, args...) }
	if !t.dialect.server {
		if t.statements[query] == nil {
			prepared, err := t.tx.PrepareContext(ctx, query)
			if err != nil {
				return 0, err
			}
			if t.statements == nil {
				t.statements = map[string]*sql.Stmt{}
			}
			t.statements[query] = prepared // it is closed with the transaction
		}
		run = func() (sql.Result, error) { return t.statements[query].ExecContext(ctx, args...) }
	}
	result, err := run()
	if t.dialect.uniqueViolation(err) {
		return 0, fmt.Errorf("%w: %w", credits.ErrTaken, err)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// change runs a statement that must meet exactly one row, else it fails with credits.ErrMissing.
func (t *transaction) change(ctx context.Context, query string, args ...any) error {
	result, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		return credits.ErrMissing
	}
	return err
}

// row reads one row. A missing one is reported as credits.ErrMissing.
func (t *transaction) row(ctx context.Context, query string, args []any, into ...any) error {
	err := t.tx.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return credits.ErrMissing
	}
	return err
}

// rows reads all rows of a query through scan.
func rows[T any](ctx context.Context, t *transaction, scan func(*sql.Rows) (T, error), query string, args ...any) (list []T, err error) {
	found, err := t.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		v, err := scan(found)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, found.Err()
}

// encode makes the document of an object.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// decode reads a document of a known format.
func decode[T any](format int64, document string) (*T, error) {
	v := new(T)
	if format != documentFormat {
		return nil, fmt.Errorf("%T: stored in the unknown format %d", v, format)
	}
	if err := json.Unmarshal([]byte(document), v); err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

// document scans rows of (format, document).
func document[T any](r *sql.Rows) (*T, error) {
	var format int64
	var text string
	if err := r.Scan(&format, &text); err != nil {
		return nil, err
	}
	return decode[T](format, text)
}
