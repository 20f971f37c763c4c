package credits

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// MessageVersion is the version of envelope and payloads, as in api/webhooks.yaml. It changes when a receiver written for
// the present one could misread a message; members may be added without.
const MessageVersion = "1"

// Message is something that happened and that must be told. It is a row, written in the transaction of its cause, and
// never changed.
type Message struct {
	No         int64 // per environment 1, 2, 3 … in the order of commits
	ID         string
	Type       MessageType
	Cause      string // unique in the environment: what happened once is told once
	OccurredAt ledger.Time
	// Stream is whose changes Sequence numbers, without gaps: the key of a pool, or what else the message is about.
	Stream     string
	Sequence   int64
	TraceID    string // of the request behind it, or empty
	APIVersion string
	Test       bool   // somebody tries out an endpoint; nothing has happened
	Payload    string // JSON, the envelope's data
}

// RowNumber orders messages.
func (m *Message) RowNumber() int64 { return m.No }

// NewMessage is a message to be written.
type NewMessage struct {
	Type    MessageType
	Cause   string
	At      ledger.Time // of the occurrence
	Stream  string
	TraceID string
	Data    any // one of the payloads of this package
	test    bool
}

// PoolStream is the stream of what happens in a pool.
func PoolStream(key ledger.Key) string {
	return "pool " + strings.Join([]string{key.Customer, key.Currency, key.Resource}, " ") // ids have no spaces
}

// AppendMessages writes messages, and what the endpoints of the environment are thereby owed, in the transaction of their
// causes. A message whose cause has one already is left out, so repeating the call changes nothing. Others that append to
// the environment wait until the transaction ends.
func (s *Service) AppendMessages(ctx context.Context, tx Tx, env string, list ...NewMessage) error {
	endpoints, err := tx.WebhookEndpoints(ctx, env)
	if err != nil {
		return err
	}
	_, err = s.appendMessages(ctx, tx, env, list, func(m *Message) []*WebhookEndpoint {
		return slices.DeleteFunc(slices.Clone(endpoints), func(e *WebhookEndpoint) bool { return !e.Wants(m.Type) })
	})
	if err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	return nil
}

// appendMessages is AppendMessages with a choice of those who are told.
func (s *Service) appendMessages(ctx context.Context, tx Tx, env string, list []NewMessage, told func(*Message) []*WebhookEndpoint) ([]*Message, error) {
	last, err := tx.LockMessages(ctx, env)
	if err != nil {
		return nil, err
	}
	var added []*Message
	for i := range list {
		m, err := s.insertMessage(ctx, tx, env, &list[i], last+1)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		last, added = m.No, append(added, m)
		for _, e := range told(m) {
			if err := tx.InsertDelivery(ctx, env, newDelivery(e, m, s.clock(env))); err != nil {
				return nil, err
			}
		}
	}
	return added, tx.SetLastMessage(ctx, env, last)
}

// insertMessage writes one message under its number, or answers nil when its cause has one.
func (s *Service) insertMessage(ctx context.Context, tx Tx, env string, in *NewMessage, no int64) (*Message, error) {
	known, err := tx.HasMessage(ctx, env, in.Cause)
	if err != nil || known {
		return nil, err
	}
	payload, err := marshal(in.Data)
	if err != nil {
		return nil, fmt.Errorf("payload of %s: %w", in.Type, err)
	}
	sequence, err := tx.NextSequence(ctx, env, in.Stream)
	if err != nil {
		return nil, err
	}
	m := &Message{
		No: no, ID: "msg_" + s.newID(), Type: in.Type, Cause: in.Cause, OccurredAt: in.At, Stream: in.Stream, Sequence: sequence,
		TraceID: in.TraceID, APIVersion: MessageVersion, Test: in.test, Payload: string(payload),
	}
	return m, tx.InsertMessage(ctx, env, m)
}

// envelope is what a receiver gets (semantics 16.3).
type envelope struct {
	MessageID     string          `json:"messageId"`
	Type          string          `json:"type"`
	Timestamp     string          `json:"timestamp"` // of the occurrence
	EnvironmentID string          `json:"environmentId"`
	Sequence      int64           `json:"sequence"`
	TraceID       string          `json:"traceId"`
	APIVersion    string          `json:"apiVersion"`
	Test          bool            `json:"test,omitempty"`
	Data          json.RawMessage `json:"data"`
}

// Envelope is the message as receivers of a dialect get it: JSON, the same bytes at every attempt.
func (m *Message) Envelope(env string, d Dialect) ([]byte, error) {
	return marshal(envelope{
		MessageID: m.ID, Type: m.Type.NameIn(d), Timestamp: instant(m.OccurredAt), EnvironmentID: env, Sequence: m.Sequence,
		TraceID: m.TraceID, APIVersion: m.APIVersion, Test: m.Test, Data: json.RawMessage(m.Payload),
	})
}

// marshal writes JSON without the escapes that are for pages of HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// instant is an instant on the wire.
func instant(t ledger.Time) string {
	return time.UnixMicro(int64(t)).UTC().Format(time.RFC3339Nano)
}

// instantOrNull is null for 0 and Never.
func instantOrNull(t ledger.Time) *string {
	if t == 0 || t == ledger.Never {
		return nil
	}
	text := instant(t)
	return &text
}

// SendTestMessage writes a sample message of a type, marked as a test. It is delivered to the endpoint alone, or without one
// to nobody: then only those who follow the messages see it. It fails with WebhookEndpointNotFound, WebhookEndpointDisabled,
// or an invalid type.
func (s *Service) SendTestMessage(ctx context.Context, env string, actor ledger.Actor, typeName, endpointID string) (*Message, error) {
	t, ok := ParseMessageType(typeName)
	if !ok {
		return nil, invalidf("type", "%q is not a type of message; see api/webhooks.yaml", clip(typeName))
	}
	var sent *Message
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: "message.tested", Object: string(t)}); err != nil {
			return err
		}
		told, err := testReceiver(ctx, tx, env, endpointID)
		if err != nil {
			return err
		}
		m := NewMessage{Type: t, Cause: "test " + s.newID(), At: s.clock(env), Stream: "test", TraceID: RequestID(ctx), Data: sampleOf(t), test: true}
		added, err := s.appendMessages(ctx, tx, env, []NewMessage{m}, func(*Message) []*WebhookEndpoint { return told })
		if err == nil {
			sent = added[0]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("send test message: %w", err)
	}
	s.Told()
	return sent, nil
}

// testReceiver is the one endpoint that a test is for, if any.
func testReceiver(ctx context.Context, tx Tx, env, id string) ([]*WebhookEndpoint, error) {
	if id == "" {
		return nil, nil
	}
	e, err := webhookEndpoint(ctx, tx, env, id)
	if err != nil {
		return nil, err
	}
	if e.DisabledAt != 0 {
		return nil, Conflict("WebhookEndpointDisabled", "the endpoint is disabled; enable it first")
	}
	return []*WebhookEndpoint{e}, nil
}

// Messages are read by those who follow them at most so many at a time.
const messagesReadMax = 100

// LastMessage is the number of the environment's newest message, 0 when there is none.
func (s *Service) LastMessage(ctx context.Context, env string) (last int64, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		last, err = tx.LastMessage(ctx, env)
		return err
	})
	return last, err
}

// MessagesAfter lists messages in their order, from the one after a number on, at most limit and at most 100. When there is
// none it waits for one until ctx ends, and then answers none.
func (s *Service) MessagesAfter(ctx context.Context, env string, after int64, limit int) ([]*Message, error) {
	limit = min(max(limit, 1), messagesReadMax)
	for {
		news := s.news()
		var list []*Message
		err := s.store.View(context.WithoutCancel(ctx), func(tx Tx) (err error) {
			list, err = tx.MessagesAfter(context.WithoutCancel(ctx), env, after, limit)
			return err
		})
		if err != nil || len(list) > 0 {
			return list, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-news:
		case <-time.After(messagesPoll): // another node may have written one
		}
	}
}

// messagesPoll is how often somebody who waits for messages looks for those of other nodes.
const messagesPoll = time.Second
