package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// InsertWebhookEndpoint implements credits.Tx.
func (t *transaction) InsertWebhookEndpoint(ctx context.Context, env string, e *credits.WebhookEndpoint) error {
	return t.put(ctx, `INSERT INTO webhook_endpoints (environment, id, no, disabled_at, format, document) VALUES ($1, $2, $3, $4, $5, $6)`,
		e, env, e.ID, e.No, e.DisabledAt)
}

// UpdateWebhookEndpoint implements credits.Tx.
func (t *transaction) UpdateWebhookEndpoint(ctx context.Context, env string, e *credits.WebhookEndpoint) error {
	text, err := encode(e)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE webhook_endpoints SET disabled_at = $3, format = $4, document = $5 WHERE environment = $1 AND id = $2`,
		env, e.ID, e.DisabledAt, documentFormat, text)
}

// SetEndpointHealth implements credits.Tx.
func (t *transaction) SetEndpointHealth(ctx context.Context, env, id string, h credits.EndpointHealth) error {
	return t.change(ctx, `UPDATE webhook_endpoints SET failing_since = $3, failures = $4, rests_until = $5 WHERE environment = $1 AND id = $2`,
		env, id, h.FailingSince, h.Failures, h.RestsUntil)
}

// DeleteWebhookEndpoint implements credits.Tx.
func (t *transaction) DeleteWebhookEndpoint(ctx context.Context, env, id string) error {
	for _, table := range []string{"delivery_attempts", "deliveries"} {
		if err := t.exec(ctx, `DELETE FROM `+table+` WHERE environment = $1 AND endpoint_id = $2`, env, id); err != nil {
			return err
		}
	}
	return t.change(ctx, `DELETE FROM webhook_endpoints WHERE environment = $1 AND id = $2`, env, id)
}

// endpointColumns are those of an endpoint, in the order of endpointRow.
const endpointColumns = `format, document, failing_since, failures, rests_until`

// endpointRow is an endpoint as it is stored.
type endpointRow struct {
	format   int64
	document string
	health   credits.EndpointHealth
}

func (r *endpointRow) into() []any {
	return []any{&r.format, &r.document, &r.health.FailingSince, &r.health.Failures, &r.health.RestsUntil}
}

func (r *endpointRow) endpoint() (*credits.WebhookEndpoint, error) {
	e, err := decode[credits.WebhookEndpoint](r.format, r.document)
	if err == nil {
		e.Health = r.health
	}
	return e, err
}

// endpointBy reads the one endpoint that a statement returns.
func (t *transaction) endpointBy(ctx context.Context, query string, args ...any) (*credits.WebhookEndpoint, error) {
	var r endpointRow
	if err := t.row(ctx, query, args, r.into()...); err != nil {
		return nil, err
	}
	return r.endpoint()
}

// WebhookEndpoint implements credits.Tx.
func (t *transaction) WebhookEndpoint(ctx context.Context, env, id string) (*credits.WebhookEndpoint, error) {
	return t.endpointBy(ctx, `SELECT `+endpointColumns+` FROM webhook_endpoints WHERE environment = $1 AND id = $2`, env, id)
}

// LockWebhookEndpoint implements credits.Tx.
func (t *transaction) LockWebhookEndpoint(ctx context.Context, env, id string) (*credits.WebhookEndpoint, error) {
	return t.endpointBy(ctx, `UPDATE webhook_endpoints SET fence = fence WHERE environment = $1 AND id = $2 RETURNING `+endpointColumns, env, id)
}

// WebhookEndpoints implements credits.Tx.
func (t *transaction) WebhookEndpoints(ctx context.Context, env string) ([]*credits.WebhookEndpoint, error) {
	return rows(ctx, t, func(found *sql.Rows) (*credits.WebhookEndpoint, error) {
		var r endpointRow
		if err := found.Scan(r.into()...); err != nil {
			return nil, err
		}
		return r.endpoint()
	}, `SELECT `+endpointColumns+` FROM webhook_endpoints WHERE environment = $1 ORDER BY no`, env)
}

// InsertDelivery implements credits.Tx.
func (t *transaction) InsertDelivery(ctx context.Context, env string, d *credits.Delivery) error {
	_, err := t.repeat(ctx, `INSERT INTO deliveries (environment, endpoint_id, message_no, type, state, tries, attempts, next_at, owed_since, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, env, d.EndpointID, d.MessageNo, string(d.Type), string(d.State), d.Tries, d.Attempts,
		d.NextAt, d.OwedSince, d.EndedAt)
	return err
}

// ReopenDelivery implements credits.Tx.
func (t *transaction) ReopenDelivery(ctx context.Context, env string, d *credits.Delivery) error {
	return t.change(ctx, `UPDATE deliveries SET state = $4, tries = $5, next_at = $6, owed_since = $7, ended_at = $8
		WHERE environment = $1 AND endpoint_id = $2 AND message_no = $3`,
		env, d.EndpointID, d.MessageNo, string(d.State), d.Tries, d.NextAt, d.OwedSince, d.EndedAt)
}

// SettleDelivery implements credits.Tx.
func (t *transaction) SettleDelivery(ctx context.Context, env string, d *credits.Delivery, a *credits.Attempt) error {
	met, err := t.repeat(ctx, `UPDATE deliveries SET state = $4, tries = $5, attempts = $6, next_at = $7, ended_at = $8
		WHERE environment = $1 AND endpoint_id = $2 AND message_no = $3`,
		env, d.EndpointID, d.MessageNo, string(d.State), d.Tries, d.Attempts, d.NextAt, d.EndedAt)
	if err == nil && met != 1 {
		return credits.ErrMissing
	}
	if err != nil {
		return err
	}
	_, err = t.repeat(ctx, `INSERT INTO delivery_attempts (environment, endpoint_id, message_no, attempt, at, took, status, failure, excerpt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, env, a.EndpointID, a.MessageNo, a.No, a.At, a.Took, a.Status, a.Failure, a.Excerpt)
	return err
}

// deliverySelect reads deliveries, in the order of deliveryInto.
const deliverySelect = `SELECT d.endpoint_id, d.message_no, (SELECT m.id FROM messages m WHERE m.environment = d.environment AND m.no = d.message_no),
	d.type, d.state, d.tries, d.attempts, d.next_at, d.owed_since, d.ended_at FROM deliveries d`

func deliveryInto(d *credits.Delivery) []any {
	return []any{&d.EndpointID, &d.MessageNo, &d.MessageID, &d.Type, &d.State, &d.Tries, &d.Attempts, &d.NextAt, &d.OwedSince, &d.EndedAt}
}

// Delivery implements credits.Tx.
func (t *transaction) Delivery(ctx context.Context, env, endpointID string, messageNo int64) (*credits.Delivery, error) {
	var d credits.Delivery
	err := t.row(ctx, deliverySelect+` WHERE d.environment = $1 AND d.endpoint_id = $2 AND d.message_no = $3`,
		[]any{env, endpointID, messageNo}, deliveryInto(&d)...)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// Deliveries implements credits.Tx.
func (t *transaction) Deliveries(ctx context.Context, env string, filter credits.DeliveryFilter, page credits.Page) ([]*credits.Delivery, error) {
	var q query
	q.and("d.environment = ?", env)
	q.and("d.endpoint_id = ?", filter.Endpoint)
	q.equal("d.state", string(filter.State))
	q.equal("d.type", string(filter.Type))
	order := "DESC"
	switch {
	case page.Before > 0:
		q.and("d.message_no > ?", page.Before)
		order = "ASC"
	case page.After > 0:
		q.and("d.message_no < ?", page.After)
	}
	list, err := rows(ctx, t, func(r *sql.Rows) (*credits.Delivery, error) {
		var d credits.Delivery
		return &d, r.Scan(deliveryInto(&d)...)
	}, fmt.Sprintf("%s WHERE %s ORDER BY d.message_no %s LIMIT %d", deliverySelect, strings.Join(q.conditions, " AND "), order, page.Size()+1), q.args...)
	if page.Before > 0 {
		slices.Reverse(list)
	}
	return list, err
}

// DeliveryAttempts implements credits.Tx.
func (t *transaction) DeliveryAttempts(ctx context.Context, env, endpointID string, messageNo int64) ([]*credits.Attempt, error) {
	return rows(ctx, t, func(r *sql.Rows) (*credits.Attempt, error) {
		var a credits.Attempt
		return &a, r.Scan(&a.EndpointID, &a.MessageNo, &a.No, &a.At, &a.Took, &a.Status, &a.Failure, &a.Excerpt)
	}, `SELECT endpoint_id, message_no, attempt, at, took, status, failure, excerpt FROM delivery_attempts
		WHERE environment = $1 AND endpoint_id = $2 AND message_no = $3 ORDER BY attempt DESC LIMIT 100`, env, endpointID, messageNo)
}

// Queues implements credits.Tx. For each endpoint it is one search in the index of what waits.
func (t *transaction) Queues(ctx context.Context, env string) ([]*credits.QueueState, error) {
	return rows(ctx, t, func(r *sql.Rows) (*credits.QueueState, error) {
		var q credits.QueueState
		return &q, r.Scan(&q.Endpoint, &q.LeasedUntil, &q.Health.FailingSince, &q.Health.Failures, &q.Health.RestsUntil, &q.NextAt)
	}, `SELECT id, leased_until, failing_since, failures, rests_until, next_at FROM (
			SELECT e.id, e.no, e.leased_until, e.failing_since, e.failures, e.rests_until, (SELECT MIN(d.next_at) FROM deliveries d
				WHERE d.environment = e.environment AND d.endpoint_id = e.id AND d.state = 'PENDING') AS next_at
			FROM webhook_endpoints e WHERE e.environment = $1 AND e.disabled_at = 0) AS waiting
		WHERE next_at IS NOT NULL ORDER BY no`, env)
}

// ClaimQueue implements credits.Tx.
func (t *transaction) ClaimQueue(ctx context.Context, ref credits.QueueRef, holder string, now, until ledger.Time) (fence int64, err error) {
	err = t.row(ctx, `UPDATE webhook_endpoints SET fence = fence + 1, holder = $3, leased_until = $5
		WHERE environment = $1 AND id = $2 AND disabled_at = 0 AND leased_until <= $4 RETURNING fence`,
		[]any{ref.Environment, ref.Endpoint, holder, now, until}, &fence)
	return fence, err
}

// RenewQueue implements credits.Tx.
func (t *transaction) RenewQueue(ctx context.Context, ref credits.QueueRef, fence int64, until ledger.Time) (*credits.WebhookEndpoint, error) {
	return t.endpointBy(ctx, `UPDATE webhook_endpoints SET leased_until = $4 WHERE environment = $1 AND id = $2 AND fence = $3 RETURNING `+endpointColumns,
		ref.Environment, ref.Endpoint, fence, until)
}

// ReleaseQueue implements credits.Tx.
func (t *transaction) ReleaseQueue(ctx context.Context, ref credits.QueueRef, fence int64) error {
	return t.exec(ctx, `UPDATE webhook_endpoints SET leased_until = 0, holder = '' WHERE environment = $1 AND id = $2 AND fence = $3`,
		ref.Environment, ref.Endpoint, fence)
}

// AbandonQueues implements credits.Tx.
func (t *transaction) AbandonQueues(ctx context.Context) error {
	return t.exec(ctx, `UPDATE webhook_endpoints SET leased_until = 0, holder = '', fence = fence + 1 WHERE leased_until <> 0`)
}

// DueDeliveries implements credits.Tx.
func (t *transaction) DueDeliveries(ctx context.Context, ref credits.QueueRef, now ledger.Time, limit int) (due []*credits.Delivery, messages []*credits.Message, err error) {
	_, err = rows(ctx, t, func(r *sql.Rows) (struct{}, error) {
		var d credits.Delivery
		var m credits.Message
		columns := []any{&d.EndpointID, &d.MessageNo, &d.Type, &d.State, &d.Tries, &d.Attempts, &d.NextAt, &d.OwedSince, &d.EndedAt}
		err := r.Scan(append(columns, messageInto(&m)...)...)
		d.MessageID = m.ID
		due, messages = append(due, &d), append(messages, &m)
		return struct{}{}, err
	}, `SELECT d.endpoint_id, d.message_no, d.type, d.state, d.tries, d.attempts, d.next_at, d.owed_since, d.ended_at, `+messageColumns+`
		FROM deliveries d JOIN messages m ON m.environment = d.environment AND m.no = d.message_no
		WHERE d.environment = $1 AND d.endpoint_id = $2 AND d.state = 'PENDING' AND d.next_at <= $3
		ORDER BY d.next_at, d.message_no LIMIT $4`, ref.Environment, ref.Endpoint, now, limit)
	return due, messages, err
}
