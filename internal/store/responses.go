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
// kept there already, that is returned instead and stays, unless replace is set: the caller may act when the holder is its
// own. It becomes so when the same request has no answer and nobody holds it any more, with all else as it was kept.
func (s *Store) BeginResponse(ctx context.Context, key credits.ResponseKey, fresh credits.Response, now ledger.Time, replace bool) (credits.Response, error) {
	s.dropResponses(ctx, now)
	var kept credits.Response
	err := s.WriteTx(ctx, func(tx *sql.Tx) (err error) {
		if kept, err = claimResponse(ctx, tx, key, fresh); err != nil {
			return err
		}
		switch {
		case kept.Holder == fresh.Holder:
			return nil
		case replace || kept.ExpiresAt <= now:
			kept = fresh
		case kept.Status != 0 || kept.Fingerprint != fresh.Fingerprint || s.held(kept, now):
			return nil
		default:
			kept.Holder, kept.HeldUntil = fresh.Holder, fresh.HeldUntil
		}
		return putResponse(ctx, tx, key, kept)
	})
	if err != nil {
		return credits.Response{}, fmt.Errorf("begin response: %w", err)
	}
	return kept, nil
}

// held tells whether somebody may be acting. In a file that only this process writes, what an earlier one was at has ended,
// and a caller that begins twice at a time sees to that itself.
func (s *Store) held(kept credits.Response, now ledger.Time) bool {
	return s.Shared() && now < kept.HeldUntil
}

// FinishResponse keeps the answer to a request that was begun, or without a status only that nobody holds it any more. It
// changes nothing when another one has taken over.
func (s *Store) FinishResponse(ctx context.Context, key credits.ResponseKey, answer credits.Response) error {
	err := s.WriteTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE responses SET status = $5, body = $6, held_until = 0
			WHERE environment = $1 AND operation = $2 AND request_key = $3 AND holder = $4`,
			key.Environment, key.Operation, key.Key, answer.Holder, int64(answer.Status), answer.Body)
		return err
	})
	if err != nil {
		return fmt.Errorf("finish response: %w", err)
	}
	return nil
}

// dropResponses removes some of what has expired, in a transaction of its own that waits for nobody long: other nodes
// remove the same rows. What fails is left to later requests.
func (s *Store) dropResponses(ctx context.Context, now ledger.Time) {
	if !s.dropping.TryLock() {
		return
	}
	defer s.dropping.Unlock()
	err := s.WriteTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE (environment, operation, request_key) IN
			(SELECT environment, operation, request_key FROM responses WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`,
			int64(now), responsesDroppedMax)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "expired answers not removed; later requests will try again", "error", err)
	}
}

const insertResponse = `INSERT INTO responses (environment, operation, request_key, fingerprint, effect_key, status, body, expires_at,
	holder, held_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (environment, operation, request_key) DO UPDATE SET `

func responseArgs(key credits.ResponseKey, r *credits.Response) []any {
	return []any{key.Environment, key.Operation, key.Key, r.Fingerprint, r.EffectKey, int64(r.Status), r.Body, int64(r.ExpiresAt),
		r.Holder, int64(r.HeldUntil)}
}

// claimResponse puts a response under a key that has none, and returns what is there. Touching the row makes every other
// claim of the key wait until this transaction has ended: one of two equal requests acts, the other sees it.
func claimResponse(ctx context.Context, tx *sql.Tx, key credits.ResponseKey, fresh credits.Response) (r credits.Response, err error) {
	err = tx.QueryRowContext(ctx, insertResponse+`status = responses.status
		RETURNING fingerprint, effect_key, status, body, expires_at, holder, held_until`, responseArgs(key, &fresh)...).
		Scan(&r.Fingerprint, &r.EffectKey, &r.Status, &r.Body, &r.ExpiresAt, &r.Holder, &r.HeldUntil)
	return r, err
}

func putResponse(ctx context.Context, tx *sql.Tx, key credits.ResponseKey, r credits.Response) error {
	_, err := tx.ExecContext(ctx, insertResponse+`fingerprint = excluded.fingerprint, effect_key = excluded.effect_key,
		status = excluded.status, body = excluded.body, expires_at = excluded.expires_at, holder = excluded.holder, held_until = excluded.held_until`, responseArgs(key, &r)...)
	return err
}
