package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// attemptColumns are what scanAttempt reads.
const attemptColumns = `fence, lease_until, next_at, grant_id, format, document`

func scanAttempt(r *sql.Rows) (*credits.PaymentAttempt, error) {
	var fence, lease, next, grant, format int64
	var text string
	if err := r.Scan(&fence, &lease, &next, &grant, &format, &text); err != nil {
		return nil, err
	}
	a, err := decode[credits.PaymentAttempt](format, text)
	if err != nil {
		return nil, err
	}
	a.Fence, a.LeaseUntil, a.NextAt, a.GrantID = fence, ledger.Time(lease), ledger.Time(next), ledger.GrantID(grant)
	return a, nil
}

// asFlag is a truth value as a column of numbers holds it.
func asFlag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// InsertAttempt implements credits.Tx.
func (t *transaction) InsertAttempt(ctx context.Context, env string, a *credits.PaymentAttempt) error {
	return t.put(ctx, `INSERT INTO payment_attempts (environment, id, no, order_id, customer_id, credit_type, resource_id, grant_id, state,
		unsettled, automatic, fence, lease_until, next_at, created_at, format, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		a, env, a.ID, a.No, a.OrderID, a.Customer, a.CreditType, a.Resource, int64(a.GrantID), string(a.State),
		asFlag(a.State.Unsettled()), asFlag(a.Automatic), a.Fence, a.LeaseUntil, a.NextAt, a.CreatedAt)
}

// UpdateAttempt implements credits.Tx.
func (t *transaction) UpdateAttempt(ctx context.Context, env string, a *credits.PaymentAttempt) error {
	text, err := encode(a)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE payment_attempts SET state = $4, unsettled = $5, lease_until = $6, next_at = $7, format = $8, document = $9
		WHERE environment = $1 AND id = $2 AND fence = $3`,
		env, a.ID, a.Fence, string(a.State), asFlag(a.State.Unsettled()), a.LeaseUntil, a.NextAt, documentFormat, text)
}

// SetAttemptsGrant implements credits.Tx.
func (t *transaction) SetAttemptsGrant(ctx context.Context, env, orderID string, grant ledger.GrantID) error {
	return t.exec(ctx, `UPDATE payment_attempts SET grant_id = $3 WHERE environment = $1 AND order_id = $2`, env, orderID, int64(grant))
}

// Attempt implements credits.Tx.
func (t *transaction) Attempt(ctx context.Context, env, id string) (*credits.PaymentAttempt, error) {
	return one(rows(ctx, t, scanAttempt, `SELECT `+attemptColumns+` FROM payment_attempts WHERE environment = $1 AND id = $2`, env, id))
}

// LockAttempt implements credits.Tx.
func (t *transaction) LockAttempt(ctx context.Context, env, id string, fence int64) (*credits.PaymentAttempt, error) {
	if fence == 0 {
		return one(rows(ctx, t, scanAttempt, `UPDATE payment_attempts SET fence = fence + 1
			WHERE environment = $1 AND id = $2 RETURNING `+attemptColumns, env, id))
	}
	return one(rows(ctx, t, scanAttempt, `UPDATE payment_attempts SET fence = fence
		WHERE environment = $1 AND id = $2 AND fence = $3 RETURNING `+attemptColumns, env, id, fence))
}

// AttemptsOf implements credits.Tx.
func (t *transaction) AttemptsOf(ctx context.Context, env, orderID string) ([]*credits.PaymentAttempt, error) {
	return rows(ctx, t, scanAttempt, `SELECT `+attemptColumns+` FROM payment_attempts
		WHERE environment = $1 AND order_id = $2 ORDER BY no`, env, orderID)
}

// Attempts implements credits.Tx.
func (t *transaction) Attempts(ctx context.Context, env string, filter credits.AttemptFilter, page credits.Page) ([]*credits.PaymentAttempt, error) {
	var q query
	q.and("environment = ?", env)
	q.equal("customer_id", filter.Customer)
	if filter.Grant != 0 {
		q.and("grant_id = ?", int64(filter.Grant))
	}
	if pool := filter.Recharges; pool != nil {
		q.and("automatic = 1 AND customer_id = ? AND credit_type = ? AND resource_id = ?", pool.Customer, pool.Currency, pool.Resource)
	}
	if len(filter.States) > 0 {
		in(&q, "state", filter.States)
	}
	return pageOf(ctx, t, scanAttempt, attemptColumns, "payment_attempts", &q, page)
}

// in selects by a column that has one of several values.
func in[T ~string](q *query, column string, values []T) {
	marks, args := []string{}, []any{}
	for _, v := range values {
		marks, args = append(marks, "?"), append(args, string(v))
	}
	q.and(fmt.Sprintf("%s IN (%s)", column, strings.Join(marks, ", ")), args...)
}

// ClaimAttempts implements credits.Tx. The condition stands twice: what the inner query has found may have been claimed
// when the outer one gets to it.
func (t *transaction) ClaimAttempts(ctx context.Context, env, id string, now, until ledger.Time, most int) ([]*credits.PaymentAttempt, error) {
	which, args := "", []any{env, now, until, most}
	if id != "" {
		which, args = " AND id = $5", append(args, id)
	}
	return rows(ctx, t, scanAttempt, `UPDATE payment_attempts SET fence = fence + 1, lease_until = $3
		WHERE environment = $1 AND next_at <= $2 AND lease_until <= $2 AND id IN (
			SELECT id FROM payment_attempts WHERE environment = $1 AND next_at <= $2 AND next_at <> 9223372036854775807 AND lease_until <= $2`+which+`
			ORDER BY next_at, id LIMIT $4)
		RETURNING `+attemptColumns, args...)
}

// NextAttempt implements credits.Tx.
func (t *transaction) NextAttempt(ctx context.Context, env string) (ledger.Time, error) {
	return t.earliest(ctx, `SELECT COALESCE(MIN(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END), $2)
		FROM payment_attempts WHERE environment = $1 AND next_at <> 9223372036854775807`, env)
}

// PutPaymentMethod implements credits.Tx.
func (t *transaction) PutPaymentMethod(ctx context.Context, env string, m *credits.StoredMethod) error {
	return t.put(ctx, `INSERT INTO payment_methods (environment, customer_id, id, no, format, document) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (environment, customer_id, id) DO UPDATE SET format = excluded.format, document = excluded.document`,
		m, env, m.Customer, m.ID, m.No)
}

// DeletePaymentMethod implements credits.Tx.
func (t *transaction) DeletePaymentMethod(ctx context.Context, env, customer, id string) error {
	return t.change(ctx, `DELETE FROM payment_methods WHERE environment = $1 AND customer_id = $2 AND id = $3`, env, customer, id)
}

// PaymentMethods implements credits.Tx.
func (t *transaction) PaymentMethods(ctx context.Context, env, customer string) ([]*credits.StoredMethod, error) {
	return rows(ctx, t, document[credits.StoredMethod], `SELECT format, document FROM payment_methods
		WHERE environment = $1 AND customer_id = $2 ORDER BY no`, env, customer)
}
