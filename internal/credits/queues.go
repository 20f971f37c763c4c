package credits

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// A queue is what one endpoint is owed. At any time one node serves it: it takes a lease with a fencing number, sends some
// deliveries, and settles what became of them in a transaction that names the number. A node that was away for too long
// finds that it does not hold the queue any more, and what it had sent is sent once more: at least once, never less.

// QueueLease is how long a queue is held without settling anything. One round of a sender, RoundMax and one attempt, is
// shorter.
const (
	QueueLease = 60 * time.Second
	// RoundMax is how long after the start of a round attempts may begin.
	RoundMax = 10 * time.Second
	// RoundSize is how many deliveries a round has at most.
	RoundSize = 32
)

// QueueRef names a queue.
type QueueRef struct{ Environment, Endpoint string }

// WaitingQueue is a queue that has something to be sent, now or later.
type WaitingQueue struct {
	QueueRef
	In      time.Duration // until something is due and the queue is free; 0 means now
	Failing bool          // the last attempt failed
}

// QueueState is what the store knows of a queue that has something to be sent.
type QueueState struct {
	Endpoint    string
	NextAt      ledger.Time // of the first attempt due
	LeasedUntil ledger.Time
	Health      EndpointHealth
}

// WaitingQueues lists the queues of all enabled endpoints that have something to be sent. In is by the clock of each
// environment, or, while another node holds the queue, by that of the installation.
func (s *Service) WaitingQueues(ctx context.Context) ([]WaitingQueue, error) {
	var waiting []WaitingQueue
	err := s.store.View(ctx, func(tx Tx) error {
		for _, env := range s.Environments() {
			states, err := tx.Queues(ctx, env.ID)
			if err != nil {
				return err
			}
			for _, q := range states {
				waiting = append(waiting, WaitingQueue{
					QueueRef: QueueRef{env.ID, q.Endpoint}, In: s.queueWait(env.ID, q), Failing: q.Health.Failures > 0,
				})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list waiting queues: %w", err)
	}
	return waiting, nil
}

func (s *Service) queueWait(env string, q *QueueState) time.Duration {
	wait := max(max(q.NextAt, q.Health.RestsUntil)-s.clock(env), q.LeasedUntil-s.now(), 0)
	return time.Duration(wait) * time.Microsecond
}

// Queue is a queue that this node holds, with the deliveries of one round.
type Queue struct {
	QueueRef
	Fence    int64
	URL      string
	Secrets  *EndpointSecrets
	Failing  bool
	Outgoing []Outgoing

	deliveries map[int64]*Delivery // of Outgoing, by message
}

// Outgoing is one delivery to be tried.
type Outgoing struct {
	MessageNo int64
	MessageID string
	Body      []byte // exactly what is signed and sent
}

// ErrQueueLost is returned when another node holds the queue, or nobody may: the endpoint was disabled or deleted.
var ErrQueueLost = errors.New("the queue is not held by this node")

// OpenQueue takes a queue for a node and reads the first round. It fails with ErrQueueLost when it cannot be had.
func (s *Service) OpenQueue(ctx context.Context, ref QueueRef, holder string) (*Queue, error) {
	var q *Queue
	err := s.store.Update(ctx, func(tx Tx) error {
		now := s.now()
		fence, err := tx.ClaimQueue(ctx, ref, holder, now, now+Micros(QueueLease))
		if errors.Is(err, ErrMissing) {
			return ErrQueueLost
		}
		if err != nil {
			return err
		}
		q, err = s.nextRound(ctx, tx, ref, fence)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open queue of %s: %w", ref.Endpoint, err)
	}
	return q, nil
}

// nextRound reads what is due of a queue that is held.
func (s *Service) nextRound(ctx context.Context, tx Tx, ref QueueRef, fence int64) (*Queue, error) {
	e, err := webhookEndpoint(ctx, tx, ref.Environment, ref.Endpoint)
	if err != nil {
		return nil, err
	}
	q := &Queue{QueueRef: ref, Fence: fence, URL: e.URL, Failing: e.Health.Failures > 0, deliveries: map[int64]*Delivery{}}
	if q.Secrets, err = s.secretsOf(ref.Environment, e); err != nil {
		return nil, err
	}
	now := s.clock(ref.Environment)
	if e.DisabledAt != 0 || e.Health.RestsUntil > now {
		return q, nil
	}
	due, messages, err := tx.DueDeliveries(ctx, ref, now, RoundSize)
	if err != nil {
		return nil, err
	}
	for i, d := range due {
		body, err := messages[i].Envelope(ref.Environment, e.Dialect)
		if err != nil {
			return nil, err
		}
		q.deliveries[d.MessageNo] = d
		q.Outgoing = append(q.Outgoing, Outgoing{MessageNo: d.MessageNo, MessageID: messages[i].ID, Body: body})
	}
	return q, nil
}

// SettleQueue stores what became of attempts of the round, and reads the next round in the same transaction. Deliveries
// without an outcome stay due. Without more to send, or when release is set, the queue is given up and the result has no
// Outgoing. It fails with ErrQueueLost when another node took the queue meanwhile; nothing is stored then.
func (s *Service) SettleQueue(ctx context.Context, q *Queue, outcomes []Outcome, release bool) (*Queue, error) {
	var next *Queue
	var stop string
	err := s.store.Update(ctx, func(tx Tx) error {
		e, err := tx.RenewQueue(ctx, q.QueueRef, q.Fence, s.now()+Micros(QueueLease))
		if errors.Is(err, ErrMissing) {
			return ErrQueueLost
		}
		if err != nil {
			return err
		}
		stop, err = s.settle(ctx, tx, q, e, outcomes)
		if err != nil {
			return err
		}
		next = &Queue{QueueRef: q.QueueRef, Fence: q.Fence}
		if !release && stop == "" {
			if next, err = s.nextRound(ctx, tx, q.QueueRef, q.Fence); err != nil {
				return err
			}
		}
		if len(next.Outgoing) == 0 {
			return tx.ReleaseQueue(ctx, q.QueueRef, q.Fence)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settle queue of %s: %w", q.Endpoint, err)
	}
	if stop != "" {
		err = s.stopEndpoint(ctx, q.QueueRef, stop)
	}
	return next, err
}

// settle writes attempts, deliveries and the endpoint's health, and tells why the endpoint must be disabled, if it must.
func (s *Service) settle(ctx context.Context, tx Tx, q *Queue, e *WebhookEndpoint, outcomes []Outcome) (stop string, err error) {
	now := s.clock(q.Environment)
	for i := range outcomes {
		o := &outcomes[i]
		d := q.deliveries[o.MessageNo]
		d.after(o, now)
		e.Health.after(o, e.ID, now)
		attempt := &Attempt{EndpointID: e.ID, MessageNo: d.MessageNo, No: d.Attempts, At: o.At, Took: o.Took, Status: o.Status,
			Failure: o.Failure, Excerpt: o.Excerpt}
		if err := tx.SettleDelivery(ctx, q.Environment, d, attempt); err != nil {
			return "", err
		}
		if o.Status == http.StatusGone {
			stop = DisabledGone
		}
	}
	if since := e.Health.FailingSince; stop == "" && since != 0 && now-since >= disableAfter {
		stop = DisabledByFailures
	}
	if len(outcomes) == 0 {
		return stop, nil
	}
	return stop, tx.SetEndpointHealth(ctx, q.Environment, e.ID, e.Health)
}

// stopEndpoint disables an endpoint that does not want or take messages, and tells the others. If a crash comes before it,
// the next attempt leads here again.
func (s *Service) stopEndpoint(ctx context.Context, ref QueueRef, reason string) error {
	env := ref.Environment
	err := s.store.Update(ctx, func(tx Tx) error {
		actor := ledger.Actor{Kind: ledger.ActorSystem}
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: endpointActions + "disabled", Object: ref.Endpoint}); err != nil {
			return err
		}
		if _, err := tx.LockMessages(ctx, env); err != nil { // locks come in this order
			return err
		}
		e, err := tx.LockWebhookEndpoint(ctx, env, ref.Endpoint)
		if errors.Is(err, ErrMissing) {
			return nil
		}
		if err != nil || e.DisabledAt != 0 {
			return err
		}
		now := s.clock(env)
		e.DisabledAt, e.DisabledReason, e.UpdatedAt = now, reason, now
		if err := tx.UpdateWebhookEndpoint(ctx, env, e); err != nil {
			return err
		}
		return s.AppendMessages(ctx, tx, env, NewMessage{
			Type: WebhookEndpointStopped, Cause: fmt.Sprintf("webhook endpoint %s disabled %d", e.ID, now), At: now,
			Stream: "webhook_endpoint " + e.ID, Data: EndpointStoppedData(e),
		})
	})
	if err != nil {
		return fmt.Errorf("disable webhook endpoint %s: %w", ref.Endpoint, err)
	}
	s.Told()
	return nil
}

// AbandonedQueues gives up what an earlier process held, when no other one can be running: else it would only be taken over
// when its lease has ended.
func (s *Service) AbandonedQueues(ctx context.Context) error {
	if s.store.Shared() {
		return nil
	}
	err := s.store.Update(ctx, func(tx Tx) error { return tx.AbandonQueues(ctx) })
	if err != nil {
		return fmt.Errorf("give up queues of an earlier process: %w", err)
	}
	return nil
}

// News is closed when there may be more to send: after the next commit of messages or deliveries in this process.
func (s *Service) News() <-chan struct{} { return s.news() }
