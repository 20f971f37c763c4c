package credits

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

const integrationsMax = 50

// Customer owns credits. The zero ArchivedAt means active. Members beyond name, e-mail and metadata are kept as given.
type Customer struct {
	No              int64
	ID              string
	Name            string // empty is the wire's null, as for all texts below
	Email           string
	BillingCurrency string
	BillingID       string
	CouponID        string
	Language        string
	Timezone        string
	SalesforceID    string
	Metadata        map[string]string
	PaymentMethod   *PaymentMethod
	Integrations    []Integration
	Passthrough     string // the wire's passthrough object as canonical JSON text, or empty
	CreatedAt       ledger.Time
	UpdatedAt       ledger.Time
	ArchivedAt      ledger.Time
}

// PaymentMethod describes a stored payment method; the secret part is with the provider.
type PaymentMethod struct {
	Type            string // CARD, BANK or CASH_APP
	BillingID       string
	CardLast4Digits string
	CardExpiryMonth int
	CardExpiryYear  int
}

// Integration links a customer to its record elsewhere.
type Integration struct {
	ID             string
	Vendor         string
	SyncedEntityID string // empty is the wire's null
}

// RowNumber orders customers by creation.
func (c *Customer) RowNumber() int64 { return c.No }

// Archived tells whether the customer is out of use.
func (c *Customer) Archived() bool { return c.ArchivedAt != 0 }

// CustomerState is a customer with every subscription it ever had, oldest start first, then by id. It is shared and must
// not be changed.
type CustomerState struct {
	Customer      Customer
	Subscriptions []*Subscription
	// Due is the earliest boundary of any subscription that is not posted, ledger.Never if there is none: nothing may happen to
	// the customer's credits at or after it before.
	Due ledger.Time

	recharges []*AutoRecharge // of its pools

	next     *Subscription // whose boundary that is
	revision int64         // of the catalogue by which it was computed
}

// NewCustomer is the body of ProvisionCustomer and one item of ImportCustomers.
type NewCustomer struct {
	ID              string
	Name            string
	Email           string
	BillingCurrency string
	BillingID       string
	CouponID        string
	Language        string
	Timezone        string
	SalesforceID    string
	Metadata        map[string]string
	PaymentMethod   *PaymentMethod
	Integrations    []Integration
	Passthrough     string
}

// CustomerUpdate changes the members that were sent; an empty value clears.
type CustomerUpdate struct {
	Name            Patch[string]
	Email           Patch[string]
	BillingCurrency Patch[string]
	BillingID       Patch[string]
	CouponID        Patch[string]
	Language        Patch[string]
	Timezone        Patch[string]
	Metadata        Patch[map[string]string]
	PaymentMethod   Patch[*PaymentMethod]
	Integrations    Patch[[]Integration]
	Passthrough     Patch[string]
}

// CustomerFilter selects customers; empty members select all.
type CustomerFilter struct {
	Email   string // exact
	Name    string // exact
	Created TimeRange
}

func (c *Customer) check() error {
	if c.BillingCurrency != "" {
		if err := ValidFiat("billingCurrency", c.BillingCurrency); err != nil {
			return err
		}
	}
	if len(c.Integrations) > integrationsMax {
		return invalidf("integrations", "at most %d are allowed", integrationsMax)
	}
	return firstError(
		validCustomerID("id", c.ID),
		validText("name", c.Name, nameLengthMax),
		validEmail(c.Email),
		validText("billingId", c.BillingID, nameLengthMax),
		validText("couponId", c.CouponID, nameLengthMax),
		validText("language", c.Language, nameLengthMax),
		validText("timezone", c.Timezone, nameLengthMax),
		validMetadata("metadata", c.Metadata),
	)
}

func validEmail(email string) error {
	if email == "" {
		return nil
	}
	if err := validText("email", email, nameLengthMax); err != nil {
		return err
	}
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return Invalid("email", "is not an e-mail address")
	}
	return nil
}

func (in *NewCustomer) made() *Customer {
	return &Customer{ID: in.ID, Name: in.Name, Email: in.Email, BillingCurrency: in.BillingCurrency, BillingID: in.BillingID,
		CouponID: in.CouponID, Language: in.Language, Timezone: in.Timezone, SalesforceID: in.SalesforceID, Metadata: in.Metadata,
		PaymentMethod: in.PaymentMethod, Integrations: in.Integrations, Passthrough: in.Passthrough}
}

// ProvisionCustomer adds a customer. Its id must be free, also of archived customers.
func (s *Service) ProvisionCustomer(ctx context.Context, env string, actor ledger.Actor, in NewCustomer) (*Customer, error) {
	c := in.made()
	if err := c.check(); err != nil {
		return nil, err
	}
	defer s.customers.drop(customerKey{env, c.ID})
	err := s.store.Update(ctx, func(tx Tx) error { return s.insertCustomer(ctx, tx, env, actor, c) })
	if err != nil {
		return nil, fmt.Errorf("provision customer: %w", err)
	}
	return c, nil
}

func (s *Service) insertCustomer(ctx context.Context, tx Tx, env string, actor ledger.Actor, c *Customer) error {
	var err error
	if c.No, err = tx.NextNo(ctx, env); err != nil {
		return err
	}
	c.CreatedAt = s.clock(env)
	c.UpdatedAt = c.CreatedAt
	if err := tx.InsertCustomer(ctx, env, c); errors.Is(err, ErrTaken) {
		return duplicate("customer", c.ID)
	} else if err != nil {
		return err
	}
	return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "customer.provisioned", Object: c.ID, Customer: c.ID})
}

func (s *Service) readCustomerState(ctx context.Context, env, customerID string) (cs *CustomerState, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		customer, err := tx.Customer(ctx, env, customerID)
		if err != nil {
			return customerMissing(err, customerID)
		}
		cs, err = stateOf(ctx, tx, env, customer)
		return err
	})
	return cs, err
}

// stateOf reads the subscriptions of a customer and makes their formulas ready.
func stateOf(ctx context.Context, tx Tx, env string, customer *Customer) (*CustomerState, error) {
	subs, err := tx.SubscriptionsOf(ctx, env, customer.ID)
	if err != nil {
		return nil, err
	}
	for _, sub := range subs {
		if err := sub.compile(); err != nil {
			return nil, fmt.Errorf("stored subscription %s: %w", sub.ID, err)
		}
	}
	slices.SortStableFunc(subs, byStart)
	recharges, err := tx.RechargesOf(ctx, env, customer.ID)
	return &CustomerState{Customer: *customer, Subscriptions: subs, recharges: recharges}, err
}

func customerMissing(err error, id string) error {
	if errors.Is(err, ErrMissing) {
		return missing("CustomerNotFound", "customer", clip(id))
	}
	return err
}

// Customer returns one customer.
func (s *Service) Customer(ctx context.Context, env, id string) (*Customer, error) {
	cs, err := s.CustomerState(ctx, env, id)
	if err != nil {
		return nil, err
	}
	c := cs.Customer
	return &c, nil
}

// Customers lists customers, archived ones included, the newest first.
func (s *Service) Customers(ctx context.Context, env string, filter CustomerFilter, page Page) (List[*Customer], error) {
	var rows []*Customer
	err := s.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.Customers(ctx, env, filter, page)
		return err
	})
	if err != nil {
		return List[*Customer]{}, fmt.Errorf("list customers: %w", err)
	}
	return MakeList(page, rows), nil
}

// UpdateCustomer changes a customer.
func (s *Service) UpdateCustomer(ctx context.Context, env string, actor ledger.Actor, id string, in CustomerUpdate) (*Customer, error) {
	return s.changeCustomer(ctx, env, Audit{Actor: actor, Action: "customer.updated", Object: id}, func(_ Tx, c *Customer) error {
		in.apply(c)
		return c.check()
	})
}

func (in *CustomerUpdate) apply(c *Customer) {
	in.Name.apply(&c.Name)
	in.Email.apply(&c.Email)
	in.BillingCurrency.apply(&c.BillingCurrency)
	in.BillingID.apply(&c.BillingID)
	in.CouponID.apply(&c.CouponID)
	in.Language.apply(&c.Language)
	in.Timezone.apply(&c.Timezone)
	in.Metadata.apply(&c.Metadata)
	in.PaymentMethod.apply(&c.PaymentMethod)
	in.Integrations.apply(&c.Integrations)
	in.Passthrough.apply(&c.Passthrough)
}

// ArchiveCustomer takes a customer out of use and cancels its live subscriptions. Its history stays. Archiving again
// changes nothing.
func (s *Service) ArchiveCustomer(ctx context.Context, env string, actor ledger.Actor, id string) (*Customer, error) {
	return s.changeCustomer(ctx, env, Audit{Actor: actor, Action: "customer.archived", Object: id}, func(tx Tx, c *Customer) error {
		if c.Archived() {
			return nil
		}
		c.ArchivedAt = s.clock(env)
		subs, err := tx.SubscriptionsOf(ctx, env, id)
		if err != nil {
			return err
		}
		if _, err := tx.LockEnvironment(ctx, env); err != nil { // before their rows, as everywhere
			return err
		}
		for _, sub := range subs {
			if !sub.cancel(max(c.ArchivedAt, sub.PostedUntil), "CustomerArchived") {
				continue
			}
			sub.NextDue = min(sub.NextDue, sub.EndAt)
			if err := tx.UpdateSubscription(ctx, env, sub); err != nil {
				return err
			}
		}
		return nil
	})
}

// UnarchiveCustomer takes a customer into use again. Its canceled subscriptions stay canceled.
func (s *Service) UnarchiveCustomer(ctx context.Context, env string, actor ledger.Actor, id string) (*Customer, error) {
	return s.changeCustomer(ctx, env, Audit{Actor: actor, Action: "customer.unarchived", Object: id}, func(_ Tx, c *Customer) error {
		c.ArchivedAt = 0
		return nil
	})
}

// changeCustomer runs a change on a locked customer.
func (s *Service) changeCustomer(ctx context.Context, env string, audit Audit, change func(Tx, *Customer) error) (*Customer, error) {
	audit.Customer = audit.Object
	var c *Customer
	defer s.customers.drop(customerKey{env, audit.Object})
	err := s.store.Update(ctx, func(tx Tx) (err error) {
		if c, err = tx.LockCustomer(ctx, env, audit.Object); err != nil {
			return customerMissing(err, audit.Object)
		}
		if err := change(tx, c); err != nil {
			return err
		}
		c.UpdatedAt = s.clock(env)
		if err := tx.UpdateCustomer(ctx, env, c); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, audit)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", audit.Action, err)
	}
	return c, nil
}
