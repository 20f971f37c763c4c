package store

import (
	"context"
	"database/sql"
)

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
