package rival

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// loadRows is how many rows one statement of Prepare inserts.
const loadRows = 128

// Prepare makes the database of Usual and Batched in dir, an empty folder, without syncing and with the indexes built last.
func Prepare(ctx context.Context, dir string, c Content) error {
	db, err := openDatabase(dir, "OFF")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, schema)
	if err == nil {
		err = load(ctx, sqliteSink{db}, c)
	}
	if err == nil {
		// No ANALYZE: the plans are right without it, and with it SQLite would plan again at every execution.
		_, err = db.ExecContext(ctx, indexes+`PRAGMA wal_checkpoint(TRUNCATE);`)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("prepare the usual service: %w", err)
	}
	return syncFolder(dir)
}

// syncFolder makes what Prepare wrote durable, so that its writing back does not disturb the measuring.
func syncFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		file, err := os.OpenFile(filepath.Join(dir, entry.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// sqliteSink inserts many rows with each statement.
type sqliteSink struct{ db *sql.DB }

func (s sqliteSink) insert(ctx context.Context, table string, columns []string, values []any) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	rows := many{
		head:    "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ",
		row:     "(" + strings.Repeat("?, ", len(columns)-1) + "?)",
		columns: len(columns),
	}
	if err := rows.load(ctx, tx, values); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// load runs the statement over all values. It compiles only the sizes that it needs: one, and that of the rest.
func (m *many) load(ctx context.Context, tx *sql.Tx, values []any) error {
	full, err := tx.PrepareContext(ctx, m.text(loadRows))
	if err != nil {
		return err
	}
	defer full.Close()
	size := loadRows * m.columns
	for ; len(values) >= size; values = values[size:] {
		if _, err := full.ExecContext(ctx, values[:size]...); err != nil {
			return err
		}
	}
	if len(values) > 0 {
		_, err = tx.ExecContext(ctx, m.text(len(values)/m.columns), values...)
	}
	return err
}
