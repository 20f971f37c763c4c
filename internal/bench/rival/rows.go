package rival

import (
	"context"
	"database/sql"
	"strings"
)

// rowsPerStatement are the sizes in which a statement of many rows is prepared. Any number of rows is a sum of few of them.
var rowsPerStatement = []int{128, 64, 32, 16, 8, 4, 2, 1}

// many is one statement, prepared for several numbers of rows.
type many struct {
	head, row, tail string // the text is head, then row as often as there are rows, with commas, then tail
	columns         int    // values in a row
	bySize          []*sql.Stmt
}

// text is the statement for so many rows.
func (m *many) text(rows int) string {
	return m.head + strings.Repeat(m.row+", ", rows-1) + m.row + m.tail
}

// prepare compiles the statement in every size.
func (m *many) prepare(db *sql.DB) error {
	for _, rows := range rowsPerStatement {
		statement, err := db.Prepare(m.text(rows))
		if err != nil {
			return err
		}
		m.bySize = append(m.bySize, statement)
	}
	return nil
}

// each cuts values into statements and hands each to run.
func (m *many) each(ctx context.Context, tx *sql.Tx, values []any, run func(*sql.Stmt, []any) error) error {
	for i, rows := range rowsPerStatement {
		size := rows * m.columns
		for len(values) >= size {
			if err := run(tx.StmtContext(ctx, m.bySize[i]), values[:size]); err != nil {
				return err
			}
			values = values[size:]
		}
	}
	return nil
}

// exec runs the statement over all values.
func (m *many) exec(ctx context.Context, tx *sql.Tx, values []any) error {
	return m.each(ctx, tx, values, func(statement *sql.Stmt, part []any) error {
		_, err := statement.ExecContext(ctx, part...)
		return err
	})
}

// query runs the statement over all values and calls scan on each row that comes back.
func (m *many) query(ctx context.Context, tx *sql.Tx, values []any, scan func(*sql.Rows) error) error {
	return m.each(ctx, tx, values, func(statement *sql.Stmt, part []any) error {
		rows, err := statement.QueryContext(ctx, part...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
