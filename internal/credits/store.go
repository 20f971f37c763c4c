package credits

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// ErrMissing is returned by a Tx for a row that does not exist.
var ErrMissing = errors.New("no such row")

// ErrTaken is returned by a Tx for an insert whose id exists.
var ErrTaken = errors.New("row exists")

// Store keeps what this package decides. It is implemented by package store, for every database.
type Store interface {
	// Update runs fn in one transaction that may write, and commits if fn returns nil. After an error nothing of it is
	// stored, except when the error says that the commit's outcome is unknown. fn may be run again after a failure that
	// surely rolled back, so it must not keep effects of an earlier run.
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn in one read-only transaction, which sees one state of the database that is at least as new as every
	// Update that returned before View was called.
	View(ctx context.Context, fn func(Tx) error) error
	// Shared tells whether other processes may write to the same database.
	Shared() bool
	// Changes lists what was committed before the call and has not been seen: the audit trail of each environment in its
	// order, at most so many rows of each, and one Change without a number for each environment that is not known.
	Changes(ctx context.Context, seen Seen, most int) ([]Change, error)
}

// Seen says up to where the changes of all nodes are known.
type Seen struct {
	Environments int64 // the greatest number of an environment
	Trails       []TrailPosition
}

// TrailPosition is a place in the audit trail of an environment.
type TrailPosition struct {
	Environment string
	No          int64
}

// Change is a row of the audit trail as other nodes need it.
type Change struct {
	Environment string
	No          int64
	Action      string
	Customer    string // whose state was changed, or empty
	Revision    int64  // of the catalogue: not of this change, but at least as new
}

// Tx is one transaction. Every row belongs to an environment, and a Tx never reads or writes across two. Objects handed
// over are not kept; objects returned are the caller's own.
type Tx interface {
	EnvironmentTx
	CatalogTx
	CustomerTx
	SubscriptionTx
	WebhookTx
	ThresholdTx
	TellingTx
}

// EnvironmentTx keeps environments, keys and the audit trail.
type EnvironmentTx interface {
	// Environments lists all, in order of No.
	Environments(ctx context.Context) ([]*Environment, error)
	// LockInstallation makes every other transaction that calls it wait until this one ends. It comes before every other
	// lock. Whoever changes the set of environments or keys holds it.
	LockInstallation(ctx context.Context) error
	// LockEnvironment keeps the environment's catalogue as it is until the transaction ends, and returns its revision. It
	// comes after the locks of customers. It fails with ErrMissing for an unknown environment.
	LockEnvironment(ctx context.Context, env string) (revision int64, err error)
	// InsertEnvironment fails with ErrTaken if the id exists.
	InsertEnvironment(ctx context.Context, e *Environment) error
	// Keys lists the keys of all environments.
	Keys(ctx context.Context) ([]*Key, error)
	// InsertKey fails with ErrTaken if the id exists in the environment, or the hash anywhere.
	InsertKey(ctx context.Context, k *Key) error
	// UpdateKey stores the instant of revocation.
	UpdateKey(ctx context.Context, k *Key) error
	// NextNo returns a row number greater than all before it in the environment, and locks the environment: numbers are
	// committed in their order.
	NextNo(ctx context.Context, env string) (int64, error)
	// AppendAudit adds one row to the trail, which is never changed.
	AppendAudit(ctx context.Context, env string, row *AuditRow) error
}

// CatalogTx keeps the catalogue. Put inserts or replaces.
type CatalogTx interface {
	// LockCatalog counts the environment's revision up and returns it. Until the transaction ends no other one gets past
	// it. It fails with ErrMissing for an unknown environment.
	LockCatalog(ctx context.Context, env string) (revision int64, err error)
	// ReadCatalog reads everything.
	ReadCatalog(ctx context.Context, env string) (*Records, error)
	PutCreditType(ctx context.Context, env string, c *CreditType) error
	PutFeature(ctx context.Context, env string, f *Feature) error
	PutProduct(ctx context.Context, env string, p *Product) error
	PutPackage(ctx context.Context, env string, p *Package) error
	DeletePackage(ctx context.Context, env string, ref PackageRef) error
	PutVersion(ctx context.Context, env string, v *PackageVersion) error
	DeleteVersion(ctx context.Context, env string, ref VersionRef) error
}

// CustomerTx keeps customers.
type CustomerTx interface {
	// InsertCustomer fails with ErrTaken if the id exists.
	InsertCustomer(ctx context.Context, env string, c *Customer) error
	// UpdateCustomer replaces a customer that LockCustomer has returned in the same transaction.
	UpdateCustomer(ctx context.Context, env string, c *Customer) error
	// Customer fails with ErrMissing if there is none.
	Customer(ctx context.Context, env, id string) (*Customer, error)
	// BindGrantKey gives an idempotency key of grants to a customer, if nobody has it, and returns the customer who has it.
	BindGrantKey(ctx context.Context, env, key, customerID string) (owner string, err error)
	// GrantKeyOwner returns the customer who has a key; ErrMissing when nobody has.
	GrantKeyOwner(ctx context.Context, env, key string) (string, error)
	// LockCustomer is Customer, and no other transaction gets past it until this one ends.
	LockCustomer(ctx context.Context, env, id string) (*Customer, error)
	// Customers lists what the filter selects, as MakeList wants it.
	Customers(ctx context.Context, env string, filter CustomerFilter, page Page) ([]*Customer, error)
}

// SubscriptionTx keeps subscriptions.
type SubscriptionTx interface {
	// InsertSubscription fails with ErrTaken if the id exists.
	InsertSubscription(ctx context.Context, env string, s *Subscription) error
	// UpdateSubscription replaces a subscription. The caller holds the lock of its customer.
	UpdateSubscription(ctx context.Context, env string, s *Subscription) error
	// Subscription fails with ErrMissing if there is none.
	Subscription(ctx context.Context, env, id string) (*Subscription, error)
	// SubscriptionsOf lists all subscriptions a customer ever had, in order of No.
	SubscriptionsOf(ctx context.Context, env, customerID string) ([]*Subscription, error)
	// Subscriptions lists what the filter selects at an instant, as MakeList wants it.
	Subscriptions(ctx context.Context, env string, filter SubscriptionFilter, now ledger.Time, page Page) ([]*Subscription, error)
}

// TimeRange selects instants. Bounds that are nil select all.
type TimeRange struct {
	After   *ledger.Time // gt
	From    *ledger.Time // gte
	Before  *ledger.Time // lt
	Through *ledger.Time // lte
}

// Contains tells whether an instant lies in the range.
func (r TimeRange) Contains(t ledger.Time) bool {
	return (r.After == nil || t > *r.After) && (r.From == nil || t >= *r.From) &&
		(r.Before == nil || t < *r.Before) && (r.Through == nil || t <= *r.Through)
}
