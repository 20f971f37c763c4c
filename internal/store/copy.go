package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// copyRows is how many rows are read and written at a time. The largest are blocks of the journal, 48 KB each.
const copyRows = 256

// Copy copies everything that one database holds into an empty one: every row of every table, as it was at one instant,
// with the shape and all secrets, so that ids, hashes, keys and cursors stay what they are. What it wrote is read again and
// compared. The copy can be used when Copy has returned without error, and not before: Shape refuses it. Copy tells
// progress after every few rows: of which table, how many of it there are by now, and how many are new.
func Copy(ctx context.Context, from, to *Store, progress func(table string, rows, more int64)) error {
	shape, err := from.KeptShape(ctx)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if err := to.beginCopy(ctx, shape); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	wanted := map[string]content{}
	err = from.readLong(ctx, func(tx *sql.Tx) error {
		for i := range allTables {
			t := &allTables[i]
			var err error
			if wanted[t.name], err = copyTable(ctx, tx, to, t, progress); err != nil {
				return fmt.Errorf("copy %s: %w", t.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := to.compare(ctx, wanted); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	return to.putShape(ctx, keptShape{Shape: shape})
}

// content is what a table holds, in a form that does not depend on the order of its rows: databases sort texts differently.
type content struct {
	rows int64
	sum  [sha256.Size]byte // all rows' hashes, joined by exclusive or; no two rows are equal
}

func (c *content) add(row []any) {
	c.rows++
	for i, b := range hashValues(row) {
		c.sum[i] ^= b
	}
}

// hashValues hashes the values of a row, each with its kind and length before it.
func hashValues(row []any) [sha256.Size]byte {
	var b []byte
	for _, value := range row {
		switch v := value.(type) {
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case bool:
			b = append(b, 'b', '0')
			if v {
				b[len(b)-1] = '1'
			}
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'd'), uint64(len(v))), v...)
		default:
			b = fmt.Appendf(append(b, '?'), "%T %v", v, v) // no table has such a column
		}
	}
	return sha256.Sum256(b)
}

// copyTable writes the rows of a table page by page, each page in a transaction of its own.
func copyTable(ctx context.Context, from *sql.Tx, to *Store, t *table, progress func(table string, rows, more int64)) (content, error) {
	return t.each(ctx, from, func(rows [][]any, so content) error {
		err := to.WriteTx(ctx, func(tx *sql.Tx) error {
			args := make([]any, 0, len(rows)*len(rows[0]))
			for _, row := range rows {
				args = append(args, row...)
			}
			_, err := tx.ExecContext(ctx, t.insert(len(rows)), args...)
			return err
		})
		progress(t.name, so.rows, int64(len(rows)))
		return err
	})
}

// each visits the rows of a table page by page, in the order of the key, and returns what they are in all.
func (t *table) each(ctx context.Context, tx *sql.Tx, visit func(rows [][]any, so content) error) (all content, err error) {
	var after []any
	for {
		rows, err := t.read(ctx, tx, copyRows, after)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for _, row := range rows {
			all.add(row)
		}
		if err := visit(rows, all); err != nil {
			return all, err
		}
		after = rows[len(rows)-1][:len(t.key)]
	}
}

// read returns the first rows of a table, or those after a key.
func (t *table) read(ctx context.Context, tx *sql.Tx, limit int, after []any) (page [][]any, err error) {
	rows, err := tx.QueryContext(ctx, t.page(after == nil, limit), after...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, into := t.row()
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, value := range row {
			if b, ok := value.([]byte); ok {
				row[i] = notNil(b) // SQLite's driver makes nil of empty bytes; no column may be NULL
			}
		}
		page = append(page, row)
	}
	return page, rows.Err()
}

// beginCopy claims an empty database for a copy. From now on it has a shape, but one that nobody accepts.
func (s *Store) beginCopy(ctx context.Context, shape Shape) error {
	text, err := json.Marshal(keptShape{Shape: shape, Unfinished: true})
	if err != nil {
		return err
	}
	err = s.WriteTx(ctx, func(tx *sql.Tx) error {
		// The row comes first: of a start and a copy at once, one waits here for the other.
		_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2)`, shapeSetting, text)
		if s.dialect.uniqueViolation(err) {
			return errOccupied
		}
		if err != nil {
			return err
		}
		for i := range allTables {
			rows, err := allTables[i].read(ctx, tx, 1, nil)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				return errOccupied
			}
		}
		return nil
	})
	if errors.Is(err, errOccupied) {
		if _, shapeErr := s.KeptShape(ctx); errors.Is(shapeErr, errUnfinished) {
			return errUnfinished
		}
	}
	return err
}

var (
	errOccupied   = errors.New("the database is not empty; a copy needs an empty one")
	errUnfinished = errors.New("the database is an unfinished copy; empty it, and copy again")
)

// compare reads again what was copied.
func (s *Store) compare(ctx context.Context, wanted map[string]content) error {
	return s.readLong(ctx, func(tx *sql.Tx) error {
		for i := range allTables {
			t := &allTables[i]
			got, err := t.each(ctx, tx, func([][]any, content) error { return nil })
			if err != nil {
				return fmt.Errorf("read %s again: %w", t.name, err)
			}
			if want := wanted[t.name]; got.rows != want.rows || !bytes.Equal(got.sum[:], want.sum[:]) {
				return fmt.Errorf("%s has %d rows that differ from the %d of the source", t.name, got.rows, want.rows)
			}
		}
		return nil
	})
}

// readLong is ReadTx for a transaction that takes as long as it takes, pauses included.
func (s *Store) readLong(ctx context.Context, fn func(*sql.Tx) error) error {
	return s.ReadTx(ctx, func(tx *sql.Tx) error {
		if s.dialect.patience != "" {
			if _, err := tx.ExecContext(ctx, s.dialect.patience); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}
