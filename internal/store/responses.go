package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// responsesDroppedMax bounds how many expired responses one request removes; more than one, so that they never pile up.
const responsesDroppedMax = 20

// BeginResponse keeps fresh under a key before its effect, and returns it. When something that has not expired at now is
// kept there already, that is returned instead and stays, unless replace is set.
func (s *Store) BeginResponse(ctx context.Context, key credits.ResponseKey, fresh credits.Response, now ledger.Time, replace bool) (credits.Response, error) {
	var kept credits.Response
	err := s.WriteTx(ctx, func(tx *sql.Tx) (err error) {
		if err := dropResponses(ctx, tx, now); err != nil {
			return err
		}
		if kept, err = claimResponse(ctx, tx, key, fresh); err != nil {
			return err
		}
		if !replace && kept.ExpiresAt > now {
			return nil
		}
		kept = fresh
		return putResponse(ctx, tx, key, fresh)
	})
	if err != nil {
		return credits.Response{}, fmt.Errorf("begin response: %w", err)
	}
	return kept, nil
}

// FinishResponse keeps the answer to a request that was begun.
func (s *Store) FinishResponse(ctx context.Context, key credits.ResponseKey, answer credits.Response) error {
	err := s.WriteTx(ctx, func(tx *sql.Tx) error { return putResponse(ctx, tx, key, answer) })
	if err != nil {
		return fmt.Errorf("finish response: %w", err)
	}
	return nil
}

func dropResponses(ctx context.Context, tx *sql.Tx, now ledger.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE (environment, operation, request_key) IN
		(SELECT environment, operation, request_key FROM responses WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
		int64(now), responsesDroppedMax)
	return err
}

const insertResponse = `INSERT INTO responses (environment, operation, request_key, fingerprint, effect_key, status, body, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (environment, operation, request_key) DO UPDATE SET `

func responseArgs(key credits.ResponseKey, r *credits.Response) []any {
	return []any{key.Environment, key.Operation, key.Key, r.Fingerprint, r.EffectKey, int64(r.Status), r.Body, int64(r.ExpiresAt)}
}

// claimResponse puts a response under a key that has none, and returns what is there. Touching the row makes every other
// claim of the key wait until this transaction has ended: one of two equal requests acts, the other sees it.
func claimResponse(ctx context.Context, tx *sql.Tx, key credits.ResponseKey, fresh credits.Response) (r credits.Response, err error) {
	err = tx.QueryRowContext(ctx, insertResponse+`status = responses.status
		RETURNING fingerprint, effect_key, status, body, expires_at`, responseArgs(key, &fresh)...).
		Scan(&r.Fingerprint, &r.EffectKey, &r.Status, &r.Body, &r.ExpiresAt)
	return r, err
}

func putResponse(ctx context.Context, tx *sql.Tx, key credits.ResponseKey, r credits.Response) error {
	_, err := tx.ExecContext(ctx, insertResponse+`fingerprint = excluded.fingerprint, effect_key = excluded.effect_key,
		status = excluded.status, body = excluded.body, expires_at = excluded.expires_at`, responseArgs(key, &r)...)
	return err
}
