package api

import (
	"context"
	"time"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

// waitSecondsMax bounds how long an answer is held back for a message: shorter than a drain.
const waitSecondsMax = 10

func (s *server) listWebhookDeliveries(c *call) (any, error) {
	q := c.query()
	filter := credits.DeliveryFilter{Endpoint: c.path("id"), State: enum[wire.WebhookDeliveryStatus, credits.DeliveryState](q, "status")}
	if name := q.text("type"); name != "" {
		t, ok := credits.ParseMessageType(name)
		if !ok {
			q.fail("type", "is not a type of message")
		}
		filter.Type = t
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Deliveries(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, deliveryOut)
	return wire.WebhookDeliveryPage{Data: data, Pagination: pagination}, nil
}

func (s *server) getWebhookDelivery(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	d, err := s.credits.Delivery(c.ctx, c.env, c.path("id"), c.path("messageId"))
	if err != nil {
		return nil, err
	}
	message, err := d.Message.Envelope(c.env, d.Endpoint.Dialect)
	if err != nil {
		return nil, err
	}
	return wire.WebhookDeliveryDetailData{Data: wire.WebhookDeliveryDetail{
		Delivery: deliveryOut(d.Delivery), Message: message, Attempts: listOut(d.Attempts, attemptOut),
	}}, nil
}

func (s *server) replayWebhookDelivery(c *call) (any, error) {
	d, err := s.credits.ReplayDelivery(c.ctx, c.env, c.actor(), c.path("id"), c.path("messageId"))
	if err != nil {
		return nil, err
	}
	return wire.WebhookDeliveryData{Data: deliveryOut(d)}, nil
}

func (s *server) replayWebhookMessages(c *call) (any, error) {
	var in wire.WebhookReplay
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	count, err := s.credits.ReplayMessages(c.ctx, c.env, c.actor(), credits.Replay{
		Endpoint: c.path("id"), From: *timeIn(&in.StartDate), Until: *timeIn(&in.EndDate), Parked: value(in.ParkedOnly),
	})
	if err != nil {
		return nil, err
	}
	return wire.WebhookReplayData{Data: wire.WebhookReplayResult{Count: count}}, nil
}

func (s *server) testWebhookEndpoint(c *call) (any, error) { return s.testMessage(c, c.path("id")) }

func (s *server) triggerWebhookMessage(c *call) (any, error) { return s.testMessage(c, "") }

// testMessage makes a sample message for an endpoint, or for those who follow the messages.
func (s *server) testMessage(c *call, endpointID string) (any, error) {
	var in wire.WebhookTest
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	m, err := s.credits.SendTestMessage(c.ctx, c.env, c.actor(), in.Type, endpointID)
	if err != nil {
		return nil, err
	}
	message, err := m.Envelope(c.env, credits.DialectSeed)
	return wire.WebhookMessageData{Data: message}, err
}

// listWebhookMessages follows the messages. A cursor stands for the number of the last message that was seen, plus one
// because a cursor is never 0.
func (s *server) listWebhookMessages(c *call) (any, error) {
	q := c.query()
	after, limit, start := q.cursor("after"), q.limit(), q.oneOf("start", "BEGINNING", "END")
	wait := q.integer("waitSeconds", 0, waitSecondsMax)
	dialect := enum[wire.WebhookDialect, credits.Dialect](q, "dialect")
	if err := q.done(); err != nil {
		return nil, err
	}
	seen := max(after-1, 0)
	out := wire.WebhookMessageList{Data: []wire.WebhookMessage{}}
	if after == 0 && start == "END" {
		last, err := s.credits.LastMessage(c.ctx, c.env)
		out.Next = *q.cursorOf(last + 1)
		return out, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Duration(value(wait))*time.Second)
	defer cancel()
	list, err := s.credits.MessagesAfter(ctx, c.env, seen, credits.Page{Limit: limit}.Size())
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		message, err := m.Envelope(c.env, dialect)
		if err != nil {
			return nil, err
		}
		out.Data, seen = append(out.Data, message), m.No
	}
	out.Next = *q.cursorOf(seen + 1)
	return out, nil
}

func deliveryOut(d *credits.Delivery) wire.WebhookDelivery {
	out := wire.WebhookDelivery{
		MessageID: d.MessageID, Type: string(d.Type), Status: wire.WebhookDeliveryStatus(d.State), Attempts: int(d.Attempts),
		OwedSince: timeOut(d.OwedSince), EndedAt: timeOrNull(d.EndedAt),
	}
	if d.State == credits.DeliveryPending {
		out.NextAttemptAt = timeOrNull(d.NextAt)
	}
	return out
}

func attemptOut(a *credits.Attempt) wire.WebhookAttempt {
	return wire.WebhookAttempt{
		Number: int(a.No), At: timeOut(a.At), TookMilliseconds: int(a.Took / 1000), StatusCode: orNull(a.Status), Failure: orNull(a.Failure),
		ResponseExcerpt: a.Excerpt,
	}
}
