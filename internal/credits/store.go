package credits

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/revenue"
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
	RevenueTx
	ExportTx
	PaymentTx
	ThresholdTx
	TellingTx
	RechargeTx
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
	// Clock is how an environment's time runs. It fails with ErrMissing for an unknown environment.
	Clock(ctx context.Context, env string) (Clock, error)
	// SetClock replaces a clock by the next version, which must not lie before it. It fails with ErrMissing if it does, if
	// the version is not the next one, and for an unknown environment.
	SetClock(ctx context.Context, env string, c Clock) error
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
	// DueSubscriptions lists subscriptions whose NextDue is not after an instant, in order of NextDue, then No; those after
	// one that was listed before.
	DueSubscriptions(ctx context.Context, env string, until ledger.Time, after DueSubscription, limit int) ([]DueSubscription, error)
	// BringForward makes every live subscription of a plan, or of the environment when none is named, due at an instant, if
	// it is not due before. The caller holds the catalogue's lock.
	BringForward(ctx context.Context, env, planID string, at ledger.Time) error
	// Subscriptions lists what the filter selects at an instant, as MakeList wants it.
	Subscriptions(ctx context.Context, env string, filter SubscriptionFilter, now ledger.Time, page Page) ([]*Subscription, error)
}

// RevenueTx keeps the books of package revenue, and the months that were closed.
type RevenueTx interface {
	// RevenueCursor returns the first entry of a shard that is not in the books; 0 when none is.
	RevenueCursor(ctx context.Context, shard uint16) (engine.Position, error)
	// MoveRevenueCursor says that the entries before a position are in the books, in the transaction that enters them. It
	// comes before every other statement, and fails with ErrMissing when the cursor does not stand at from any more.
	MoveRevenueCursor(ctx context.Context, shard uint16, from, to engine.Position) error
	// RevenueBooks returns the latest books of grants, of those that have any.
	RevenueBooks(ctx context.Context, shard uint16, ids []ledger.GrantID) ([]*revenue.Book, error)
	// PutRevenueBooks inserts or replaces books, each of which is named by grant, currency and month.
	PutRevenueBooks(ctx context.Context, shard uint16, books []*revenue.Book) error
	// AddRevenueTotal adds to the total of a month.
	AddRevenueTotal(ctx context.Context, shard uint16, key revenue.TotalKey, more *revenue.Figures) error
	// RevenueTotals returns the totals of an environment up to a month, over all shards.
	RevenueTotals(ctx context.Context, env string, through revenue.Month) (map[revenue.TotalKey]*revenue.Figures, error)
	// DeferredGrants lists the books of a shard with deferred money at the end of a month: those with ids below page.After,
	// the newest first, or with page.Before those above it, the oldest first; one more than the page has.
	DeferredGrants(ctx context.Context, shard uint16, env string, month revenue.Month, page Page) ([]*revenue.Book, error)
	// ClosedMonths lists the months that were closed, the earliest first.
	ClosedMonths(ctx context.Context, env string) ([]*RevenueReport, error)
	// InsertClosedMonth fails with ErrTaken if the month was closed before.
	InsertClosedMonth(ctx context.Context, env string, r *RevenueReport) error
}

// ExportTx keeps where environments are exported to.
type ExportTx interface {
	// ExportDestinations lists all of an environment, in order of No.
	ExportDestinations(ctx context.Context, env string) ([]*ExportDestination, error)
	// InsertExportDestination fails with ErrTaken if the id exists.
	InsertExportDestination(ctx context.Context, env string, d *ExportDestination) error
	// UpdateExportDestination replaces a destination, but not who is at it.
	UpdateExportDestination(ctx context.Context, env string, d *ExportDestination) error
	DeleteExportDestination(ctx context.Context, env, id string) error
	// ClaimExport takes a destination that is due and that nobody is at, until an instant, and returns the number of the
	// claim. It fails with ErrMissing when there is nothing to take.
	ClaimExport(ctx context.Context, env, id string, now, until ledger.Time) (fence int64, err error)
	// FinishExport gives a destination up; it fails with ErrMissing when it was claimed again since.
	FinishExport(ctx context.Context, env, id string, fence int64) error
}

// PaymentTx keeps orders, the attempts to collect their money, invoices and payment methods.
type PaymentTx interface {
	// InsertOrder fails with ErrTaken if the id or the request key exists.
	InsertOrder(ctx context.Context, env string, p *Order) error
	// UpdateOrder replaces an order that LockOrder has returned in the same transaction.
	UpdateOrder(ctx context.Context, env string, p *Order) error
	// Order fails with ErrMissing if there is none, as the other two do.
	Order(ctx context.Context, env, id string) (*Order, error)
	// LockOrder is Order, and no other transaction gets past it until this one ends. It comes before the locks of the
	// order's attempts.
	LockOrder(ctx context.Context, env, id string) (*Order, error)
	OrderByKey(ctx context.Context, env, requestKey string) (*Order, error)
	OrdersOfGrants(ctx context.Context, env string, grants []ledger.GrantID) ([]*Order, error)
	// UnpaidOrders lists the ids of those that lapse by now, the first to lapse first; NextUnpaid is when the next one
	// does, or ledger.Never.
	UnpaidOrders(ctx context.Context, env string, now ledger.Time, most int) ([]string, error)
	NextUnpaid(ctx context.Context, env string) (ledger.Time, error)

	// InsertAttempt fails with ErrTaken if one of the same order, or for an automatic one of the same pool, is unsettled.
	InsertAttempt(ctx context.Context, env string, a *PaymentAttempt) error
	// UpdateAttempt replaces an attempt that LockAttempt has returned in the same transaction.
	UpdateAttempt(ctx context.Context, env string, a *PaymentAttempt) error
	// Attempt fails with ErrMissing if there is none.
	Attempt(ctx context.Context, env, id string) (*PaymentAttempt, error)
	// LockAttempt is Attempt for whoever has the fence, and ErrMissing for everybody else. With the fence 0 it takes the
	// attempt over: it raises the fence.
	LockAttempt(ctx context.Context, env, id string, fence int64) (*PaymentAttempt, error)
	// AttemptsOf lists the attempts of an order, the oldest first.
	AttemptsOf(ctx context.Context, env, orderID string) ([]*PaymentAttempt, error)
	// SetAttemptsGrant notes the grant in the attempts of an order.
	SetAttemptsGrant(ctx context.Context, env, orderID string, grant ledger.GrantID) error
	// Attempts lists what the filter selects, as MakeList wants it.
	Attempts(ctx context.Context, env string, filter AttemptFilter, page Page) ([]*PaymentAttempt, error)
	// ClaimAttempts raises the fence of attempts that are due and not leased at now, and leases them until an instant. With an
	// id it claims that one only.
	ClaimAttempts(ctx context.Context, env, id string, now, until ledger.Time, most int) ([]*PaymentAttempt, error)
	// NextAttempt is when work is due next on one that is not leased beyond that, or ledger.Never.
	NextAttempt(ctx context.Context, env string) (ledger.Time, error)

	// PutPaymentMethod inserts or replaces.
	PutPaymentMethod(ctx context.Context, env string, m *StoredMethod) error
	// DeletePaymentMethod fails with ErrMissing if there is none.
	DeletePaymentMethod(ctx context.Context, env, customer, id string) error
	// PaymentMethods lists those of a customer, the oldest first.
	PaymentMethods(ctx context.Context, env, customer string) ([]*StoredMethod, error)

	// LastInvoiceNumber is the greatest number of an invoice, 0 if there is none.
	LastInvoiceNumber(ctx context.Context, env string) (int64, error)
	// InsertInvoice stores a new invoice, with its total in minor units to order by.
	InsertInvoice(ctx context.Context, env string, i *Invoice, totalMinor int64) error
	UpdateInvoice(ctx context.Context, env string, i *Invoice) error
	// InvoiceOf fails with ErrMissing if the order has none.
	InvoiceOf(ctx context.Context, env, orderID string) (*Invoice, error)
	// Invoices lists what the filter selects in its order, as MakeList wants it.
	Invoices(ctx context.Context, env string, filter InvoiceFilter, page Page) ([]*Invoice, error)
}

// RechargeTx keeps automatic top-ups.
type RechargeTx interface {
	// InsertRecharge fails with ErrTaken if the pool has one.
	InsertRecharge(ctx context.Context, env string, a *AutoRecharge) error
	// UpdateRecharge replaces the version that it was read as, or fails with ErrMissing when that is not the last one.
	UpdateRecharge(ctx context.Context, env string, a *AutoRecharge) error
	// LockRecharge returns that of a pool, and nobody else changes it until the transaction ends; ErrMissing if there is none.
	LockRecharge(ctx context.Context, env string, pool ledger.Key) (*AutoRecharge, error)
	// RechargesOf lists those of a customer, the oldest first.
	RechargesOf(ctx context.Context, env, customer string) ([]*AutoRecharge, error)
	// DueRecharges lists those that are to be looked at by now, by id, those after one.
	DueRecharges(ctx context.Context, env string, now ledger.Time, after string, most int) ([]*AutoRecharge, error)
	// NextRecharge is when the next pause ends, or ledger.Never.
	NextRecharge(ctx context.Context, env string) (ledger.Time, error)
}

// DueSubscription names a subscription to which something is to happen.
type DueSubscription struct {
	No         int64
	CustomerID string
	At         ledger.Time // its NextDue
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
