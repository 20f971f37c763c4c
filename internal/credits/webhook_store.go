package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// WebhookTx keeps messages, endpoints and what they are owed. Locks are taken in the order environment (NextNo,
// LockEnvironment), messages, endpoint, deliveries.
type WebhookTx interface {
	MessageTx
	EndpointTx
	DeliveryTx
	QueueTx
}

// MessageTx keeps messages.
type MessageTx interface {
	// LockMessages makes every other transaction that calls it for the environment wait until this one ends, and returns
	// the number of the newest message.
	LockMessages(ctx context.Context, env string) (last int64, err error)
	// SetLastMessage stores the number of the newest message. The caller holds the lock.
	SetLastMessage(ctx context.Context, env string, last int64) error
	// LastMessage is the number of the newest message, or 0.
	LastMessage(ctx context.Context, env string) (int64, error)
	// NextSequence returns the next number of a stream. The caller holds the lock.
	NextSequence(ctx context.Context, env, stream string) (int64, error)
	// HasMessage tells whether a cause has a message.
	HasMessage(ctx context.Context, env, cause string) (bool, error)
	// InsertMessage fails with ErrTaken if the number, the id or the cause exists.
	InsertMessage(ctx context.Context, env string, m *Message) error
	// Message finds one by its id; ErrMissing.
	Message(ctx context.Context, env, id string) (*Message, error)
	// MessagesAfter lists messages with greater numbers, in their order.
	MessagesAfter(ctx context.Context, env string, no int64, limit int) ([]*Message, error)
	// MessagesBetween lists what a replay selects, without tests, in their order. Empty types select all.
	MessagesBetween(ctx context.Context, env string, in Replay, types []MessageType, limit int) ([]*Message, error)
}

// EndpointTx keeps endpoints.
type EndpointTx interface {
	InsertWebhookEndpoint(ctx context.Context, env string, e *WebhookEndpoint) error
	// UpdateWebhookEndpoint replaces all but the health.
	UpdateWebhookEndpoint(ctx context.Context, env string, e *WebhookEndpoint) error
	// SetEndpointHealth replaces the health.
	SetEndpointHealth(ctx context.Context, env, id string, h EndpointHealth) error
	// DeleteWebhookEndpoint removes an endpoint with its deliveries and their attempts.
	DeleteWebhookEndpoint(ctx context.Context, env, id string) error
	// WebhookEndpoint fails with ErrMissing if there is none.
	WebhookEndpoint(ctx context.Context, env, id string) (*WebhookEndpoint, error)
	// LockWebhookEndpoint is WebhookEndpoint, and no other transaction gets past it until this one ends.
	LockWebhookEndpoint(ctx context.Context, env, id string) (*WebhookEndpoint, error)
	// WebhookEndpoints lists all in order of No.
	WebhookEndpoints(ctx context.Context, env string) ([]*WebhookEndpoint, error)
}

// DeliveryTx keeps deliveries and attempts.
type DeliveryTx interface {
	// InsertDelivery fails with ErrTaken if the endpoint has one of the message.
	InsertDelivery(ctx context.Context, env string, d *Delivery) error
	// ReopenDelivery replaces state, tries, next attempt, beginning and end of a delivery; ErrMissing.
	ReopenDelivery(ctx context.Context, env string, d *Delivery) error
	// SettleDelivery replaces a delivery and adds an attempt.
	SettleDelivery(ctx context.Context, env string, d *Delivery, a *Attempt) error
	// Delivery fails with ErrMissing if there is none.
	Delivery(ctx context.Context, env, endpointID string, messageNo int64) (*Delivery, error)
	// Deliveries lists what the filter selects, as MakeList wants it.
	Deliveries(ctx context.Context, env string, filter DeliveryFilter, page Page) ([]*Delivery, error)
	// DeliveryAttempts lists the last 100 attempts of a delivery, the newest first.
	DeliveryAttempts(ctx context.Context, env, endpointID string, messageNo int64) ([]*Attempt, error)
}

// QueueTx keeps who serves which endpoint.
type QueueTx interface {
	// Queues lists the enabled endpoints that are owed something.
	Queues(ctx context.Context, env string) ([]*QueueState, error)
	// ClaimQueue gives a queue that nobody holds at now to a holder, and returns its fencing number, greater than all before.
	// It fails with ErrMissing when somebody holds it, or the endpoint is disabled or missing.
	ClaimQueue(ctx context.Context, ref QueueRef, holder string, now, until ledger.Time) (fence int64, err error)
	// RenewQueue holds a queue for longer and locks its endpoint, which it returns. It fails with ErrMissing when the
	// fencing number is not the last one.
	RenewQueue(ctx context.Context, ref QueueRef, fence int64, until ledger.Time) (*WebhookEndpoint, error)
	// ReleaseQueue lets others have the queue, if the fencing number is the last one.
	ReleaseQueue(ctx context.Context, ref QueueRef, fence int64) error
	// AbandonQueues releases all queues of the installation.
	AbandonQueues(ctx context.Context) error
	// DueDeliveries lists pending deliveries whose time has come, the longest due first, and their messages.
	DueDeliveries(ctx context.Context, ref QueueRef, now ledger.Time, limit int) ([]*Delivery, []*Message, error)
}
