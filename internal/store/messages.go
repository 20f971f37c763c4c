package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
)

// LockMessages implements credits.Tx.
func (t *transaction) LockMessages(ctx context.Context, env string) (last int64, err error) {
	err = t.row(ctx, `INSERT INTO message_counters (environment, stream, last) VALUES ($1, '', 0)
		ON CONFLICT (environment, stream) DO UPDATE SET last = message_counters.last RETURNING last`, []any{env}, &last)
	return last, err
}

// SetLastMessage implements credits.Tx.
func (t *transaction) SetLastMessage(ctx context.Context, env string, last int64) error {
	return t.change(ctx, `UPDATE message_counters SET last = $2 WHERE environment = $1 AND stream = ''`, env, last)
}

// LastMessage implements credits.Tx.
func (t *transaction) LastMessage(ctx context.Context, env string) (last int64, err error) {
	err = t.row(ctx, `SELECT COALESCE(MAX(no), 0) FROM messages WHERE environment = $1`, []any{env}, &last)
	return last, err
}

// NextSequence implements credits.Tx.
func (t *transaction) NextSequence(ctx context.Context, env, stream string) (last int64, err error) {
	err = t.row(ctx, `INSERT INTO message_counters (environment, stream, last) VALUES ($1, $2, 1)
		ON CONFLICT (environment, stream) DO UPDATE SET last = message_counters.last + 1 RETURNING last`, []any{env, stream}, &last)
	return last, err
}

// HasMessage implements credits.Tx.
func (t *transaction) HasMessage(ctx context.Context, env, cause string) (bool, error) {
	var count int64
	err := t.row(ctx, `SELECT COUNT(*) FROM messages WHERE environment = $1 AND cause = $2`, []any{env, cause}, &count)
	return count > 0, err
}

// InsertMessage implements credits.Tx.
func (t *transaction) InsertMessage(ctx context.Context, env string, m *credits.Message) error {
	test := 0
	if m.Test {
		test = 1
	}
	_, err := t.repeat(ctx, `INSERT INTO messages (environment, no, id, type, cause, occurred_at, stream, stream_no, trace_id, api_version, test, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, env, m.No, m.ID, string(m.Type), m.Cause, m.OccurredAt, m.Stream,
		m.Sequence, m.TraceID, m.APIVersion, test, m.Payload)
	return err
}

// messageColumns are those of a message, in the order of scanMessage.
const messageColumns = `m.no, m.id, m.type, m.cause, m.occurred_at, m.stream, m.stream_no, m.trace_id, m.api_version, m.test, m.payload`

func messageInto(m *credits.Message) []any {
	return []any{&m.No, &m.ID, &m.Type, &m.Cause, &m.OccurredAt, &m.Stream, &m.Sequence, &m.TraceID, &m.APIVersion, &m.Test, &m.Payload}
}

func scanMessage(r *sql.Rows) (*credits.Message, error) {
	var m credits.Message
	return &m, r.Scan(messageInto(&m)...)
}

// Message implements credits.Tx.
func (t *transaction) Message(ctx context.Context, env, id string) (*credits.Message, error) {
	var m credits.Message
	err := t.row(ctx, `SELECT `+messageColumns+` FROM messages m WHERE m.environment = $1 AND m.id = $2`, []any{env, id}, messageInto(&m)...)
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// MessagesAfter implements credits.Tx.
func (t *transaction) MessagesAfter(ctx context.Context, env string, no int64, limit int) ([]*credits.Message, error) {
	return rows(ctx, t, scanMessage, `SELECT `+messageColumns+` FROM messages m WHERE m.environment = $1 AND m.no > $2
		ORDER BY m.no LIMIT $3`, env, no, limit)
}

// MessagesBetween implements credits.Tx.
func (t *transaction) MessagesBetween(ctx context.Context, env string, in credits.Replay, types []credits.MessageType, limit int) ([]*credits.Message, error) {
	var q query
	q.and("m.environment = ?", env)
	q.and("m.test = 0")
	q.and("m.occurred_at >= ?", in.From)
	q.and("m.occurred_at < ?", in.Until)
	if in.Parked {
		q.and(`EXISTS (SELECT 1 FROM deliveries d WHERE d.environment = m.environment AND d.endpoint_id = ? AND d.message_no = m.no
			AND d.state = 'PARKED')`, in.Endpoint)
	} else if len(types) > 0 {
		args := make([]any, len(types))
		for i, one := range types {
			args[i] = string(one)
		}
		q.and("m.type IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(types)), ", ")+")", args...)
	}
	q.args = append(q.args, limit)
	return rows(ctx, t, scanMessage, `SELECT `+messageColumns+` FROM messages m WHERE `+strings.Join(q.conditions, " AND ")+
		` ORDER BY m.no LIMIT `+places(len(q.args), 1), q.args...)
}
