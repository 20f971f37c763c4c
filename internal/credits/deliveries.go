package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// DeliveryState says where a delivery stands (I15).
type DeliveryState string

// The states: to be tried, told, or given up until a person replays it.
const (
	DeliveryPending   DeliveryState = "PENDING"
	DeliveryDelivered DeliveryState = "DELIVERED"
	DeliveryParked    DeliveryState = "PARKED"
)

// Delivery is one message owed to one endpoint.
type Delivery struct {
	EndpointID string
	MessageNo  int64
	MessageID  string // of the message; stores fill it in
	Type       MessageType
	State      DeliveryState
	Tries      int64       // attempts since it was made or replayed
	Attempts   int64       // all attempts
	NextAt     ledger.Time // of the next attempt, while it is pending
	OwedSince  ledger.Time // when it was made or replayed last
	EndedAt    ledger.Time // when it was delivered or parked, or 0
}

// RowNumber orders the deliveries of an endpoint.
func (d *Delivery) RowNumber() int64 { return d.MessageNo }

// newDelivery is owed from now on.
func newDelivery(e *WebhookEndpoint, m *Message, now ledger.Time) *Delivery {
	return &Delivery{EndpointID: e.ID, MessageNo: m.No, MessageID: m.ID, Type: m.Type, State: DeliveryPending, NextAt: now, OwedSince: now}
}

// Attempt is one try of a delivery.
type Attempt struct {
	EndpointID string
	MessageNo  int64
	No         int64 // of the delivery: 1, 2, 3 …
	At         ledger.Time
	Took       ledger.Time
	Status     int    // of the answer, or 0 when there was none
	Failure    string // why there was none
	Excerpt    string // the first bytes of the answer, at most 2 KB
}

// DeliveryFilter selects deliveries of one endpoint; empty members select all.
type DeliveryFilter struct {
	Endpoint string
	State    DeliveryState
	Type     MessageType
}

// Deliveries lists what an endpoint was or is owed, the newest message first. It fails with WebhookEndpointNotFound.
func (s *Service) Deliveries(ctx context.Context, env string, filter DeliveryFilter, page Page) (List[*Delivery], error) {
	var rows []*Delivery
	err := s.store.View(ctx, func(tx Tx) (err error) {
		if _, err := webhookEndpoint(ctx, tx, env, filter.Endpoint); err != nil {
			return err
		}
		rows, err = tx.Deliveries(ctx, env, filter, page)
		return err
	})
	return MakeList(page, rows), err
}

// DeliveryDetail is a delivery with its message and its attempts, the newest first and at most 100.
type DeliveryDetail struct {
	Delivery *Delivery
	Endpoint *WebhookEndpoint
	Message  *Message
	Attempts []*Attempt
}

// Delivery returns one delivery. It fails with WebhookEndpointNotFound or DeliveryNotFound.
func (s *Service) Delivery(ctx context.Context, env, endpointID, messageID string) (*DeliveryDetail, error) {
	d := &DeliveryDetail{}
	err := s.store.View(ctx, func(tx Tx) (err error) {
		if d.Endpoint, err = webhookEndpoint(ctx, tx, env, endpointID); err != nil {
			return err
		}
		if d.Message, d.Delivery, err = deliveryOf(ctx, tx, env, endpointID, messageID); err != nil {
			return err
		}
		d.Attempts, err = tx.DeliveryAttempts(ctx, env, endpointID, d.Message.No)
		return err
	})
	return orNil(d, err)
}

// deliveryOf reads a delivery by the id of its message.
func deliveryOf(ctx context.Context, tx Tx, env, endpointID, messageID string) (*Message, *Delivery, error) {
	m, err := tx.Message(ctx, env, messageID)
	if err == nil {
		var d *Delivery
		if d, err = tx.Delivery(ctx, env, endpointID, m.No); err == nil {
			return m, d, nil
		}
	}
	if errors.Is(err, ErrMissing) {
		err = missing("DeliveryNotFound", "delivery of message", clip(messageID))
	}
	return nil, nil, err
}

// ReplayDelivery owes an endpoint a message anew, whatever became of it before. Receivers tell a repeat by its message id.
func (s *Service) ReplayDelivery(ctx context.Context, env string, actor ledger.Actor, endpointID, messageID string) (*Delivery, error) {
	var replayed *Delivery
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: "delivery.replayed", Object: endpointID}); err != nil {
			return err
		}
		if _, err := webhookEndpoint(ctx, tx, env, endpointID); err != nil {
			return err
		}
		_, d, err := deliveryOf(ctx, tx, env, endpointID, messageID)
		if err != nil {
			return err
		}
		d.State, d.Tries, d.NextAt, d.OwedSince, d.EndedAt = DeliveryPending, 0, s.clock(env), s.clock(env), 0
		replayed = d
		return tx.ReopenDelivery(ctx, env, d)
	})
	if err != nil {
		return nil, fmt.Errorf("replay delivery: %w", err)
	}
	s.Told()
	return replayed, nil
}

// replayMax is how many messages one replay covers: a transaction of a second or so.
const replayMax = 10_000

// Replay asks for messages of a time range to be delivered again.
type Replay struct {
	Endpoint string
	From     ledger.Time // of the occurrence, inclusive
	Until    ledger.Time // exclusive
	// Parked selects only what was given up. Otherwise everything that the endpoint's filter selects is sent, also what it
	// was not owed, because the endpoint was disabled or did not exist.
	Parked bool
}

// ReplayMessages owes an endpoint the messages of a time range anew, and tells how many. It fails with
// WebhookEndpointNotFound, for an empty range, and when the range has more than 10,000 messages: then nothing is replayed.
func (s *Service) ReplayMessages(ctx context.Context, env string, actor ledger.Actor, in Replay) (count int, err error) {
	if in.Until <= in.From {
		return 0, Invalid("endDate", "must be after startDate")
	}
	err = s.store.Update(ctx, func(tx Tx) error {
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: "delivery.rangeReplayed", Object: in.Endpoint}); err != nil {
			return err
		}
		e, err := webhookEndpoint(ctx, tx, env, in.Endpoint)
		if err != nil {
			return err
		}
		count, err = s.replay(ctx, tx, env, e, in)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replay messages: %w", err)
	}
	s.Told()
	return count, nil
}

func (s *Service) replay(ctx context.Context, tx Tx, env string, e *WebhookEndpoint, in Replay) (int, error) {
	if _, err := tx.LockMessages(ctx, env); err != nil { // nobody adds deliveries meanwhile
		return 0, err
	}
	list, err := tx.MessagesBetween(ctx, env, in, e.Types, replayMax+1)
	if err != nil {
		return 0, err
	}
	if len(list) > replayMax {
		return 0, Invalid("endDate", fmt.Sprintf("the range has more than %d messages; replay it in parts", replayMax))
	}
	now := s.clock(env)
	for _, m := range list {
		if err := s.owe(ctx, tx, env, newDelivery(e, m, now)); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// owe makes a delivery pending, whether there is one already or not.
func (s *Service) owe(ctx context.Context, tx Tx, env string, d *Delivery) error {
	err := tx.ReopenDelivery(ctx, env, d)
	if errors.Is(err, ErrMissing) {
		return tx.InsertDelivery(ctx, env, d)
	}
	return err
}
