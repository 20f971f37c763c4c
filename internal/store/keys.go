package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Keys implements credits.Tx.
func (t *transaction) Keys(ctx context.Context) ([]*credits.Key, error) {
	return rows(ctx, t, scanKey, `SELECT environment, id, no, kind, name, scopes, hash, created_at, expires_at, revoked_at
		FROM api_keys ORDER BY no`)
}

func scanKey(r *sql.Rows) (*credits.Key, error) {
	var k credits.Key
	var scopes, hash string
	if err := r.Scan(&k.Environment, &k.ID, &k.No, &k.Kind, &k.Name, &scopes, &hash, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(scopes), &k.Scopes); err != nil {
		return nil, fmt.Errorf("key %s: scopes: %w", k.ID, err)
	}
	if n, err := hex.Decode(k.Hash[:], []byte(hash)); err != nil || n != len(k.Hash) {
		return nil, fmt.Errorf("key %s: malformed hash", k.ID)
	}
	return &k, nil
}

// InsertKey implements credits.Tx.
func (t *transaction) InsertKey(ctx context.Context, k *credits.Key) error {
	scopes, err := encode(k.Scopes)
	if err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO api_keys (environment, id, no, kind, name, scopes, hash, created_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		k.Environment, k.ID, k.No, string(k.Kind), k.Name, scopes, hex.EncodeToString(k.Hash[:]), k.CreatedAt, k.ExpiresAt, k.RevokedAt)
}

// UpdateKey implements credits.Tx.
func (t *transaction) UpdateKey(ctx context.Context, k *credits.Key) error {
	return t.change(ctx, `UPDATE api_keys SET revoked_at = $3 WHERE environment = $1 AND id = $2`, k.Environment, k.ID, k.RevokedAt)
}
