package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// Shape is how the journal of a database is cut. It is fixed when the database is created.
type Shape struct {
	Shards        uint16 // units of order
	WindowEntries int    // entries of a shard in one window of derived state
}

// Shape returns the shape of the database. A new database takes the one given.
func (s *Store) Shape(ctx context.Context, fresh Shape) (Shape, error) {
	text, err := json.Marshal(fresh)
	if err != nil {
		return Shape{}, err
	}
	if text, err = s.Setting(ctx, "shape", text); err != nil {
		return Shape{}, err
	}
	var kept Shape
	if err := json.Unmarshal(text, &kept); err != nil {
		return Shape{}, fmt.Errorf("read the shape of the database: %w", err)
	}
	return kept, nil
}

// Setting returns what is kept under a name. The first call for a name keeps fresh and returns it; every later one, from
// any process, returns what the first has kept.
func (s *Store) Setting(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	var value []byte
	err := s.WriteTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, fresh)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, name).Scan(&value)
	})
	return value, err
}
