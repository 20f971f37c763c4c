package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Shape is how the journal of a database is cut. It is fixed when the database is created.
type Shape struct {
	Shards        uint16 // units of order
	WindowEntries int    // entries of a shard in one window of derived state
}

// keptShape is a shape as it is kept. That of a copy is unfinished until everything is there.
type keptShape struct {
	Shape
	Unfinished bool `json:",omitempty"`
}

// shapeSetting is the name under which the shape is kept.
const shapeSetting = "shape"

// ErrNew is returned for a database that has no shape yet: nothing was ever kept in it.
var ErrNew = errors.New("the database is empty")

// Shape returns the shape of the database. A new database takes the one given; an unfinished copy is refused.
func (s *Store) Shape(ctx context.Context, fresh Shape) (Shape, error) {
	text, err := json.Marshal(keptShape{Shape: fresh})
	if err != nil {
		return Shape{}, err
	}
	if text, err = s.Setting(ctx, shapeSetting, text); err != nil {
		return Shape{}, err
	}
	return parseShape(text)
}

// KeptShape returns the shape of a database that has one, else ErrNew.
func (s *Store) KeptShape(ctx context.Context) (Shape, error) {
	var text []byte
	err := s.reader.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = $1`, shapeSetting).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Shape{}, ErrNew
	}
	if err != nil {
		return Shape{}, s.judge(fmt.Errorf("read the shape of the database: %w", err))
	}
	return parseShape(text)
}

func parseShape(text []byte) (Shape, error) {
	var kept keptShape
	if err := json.Unmarshal(text, &kept); err != nil {
		return Shape{}, fmt.Errorf("read the shape of the database: %w", err)
	}
	if kept.Unfinished {
		return Shape{}, errUnfinished
	}
	return kept.Shape, nil
}

// putShape replaces the shape of a copy.
func (s *Store) putShape(ctx context.Context, shape keptShape) error {
	text, err := json.Marshal(shape)
	if err != nil {
		return err
	}
	return s.WriteTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE settings SET value = $2 WHERE name = $1`, shapeSetting, text)
		return err
	})
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
