package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// paymentMethodsMax bounds the stored payment methods of one customer.
const paymentMethodsMax = 50

// StoredMethod is a payment method of a customer. The secret part is with the provider.
type StoredMethod struct {
	No        int64
	ID        string // as the provider names it
	Customer  string
	Provider  string
	Default   bool // the one that is charged when none is named
	Method    PaymentMethod
	CreatedAt ledger.Time
}

// RowNumber orders methods by creation.
func (m *StoredMethod) RowNumber() int64 { return m.No }

// AttachMethod makes a payment method of the provider the customer's, and its default. It fails with CustomerNotFound, with
// PaymentMethodNotFound when the provider does not know it, or with an invalid member.
func (s *Service) AttachMethod(ctx context.Context, env string, by Caller, customer, methodID string, currency *string) (*Customer, error) {
	if err := validName("paymentMethodId", methodID, nameLengthMax); err != nil {
		return nil, err
	}
	cs, err := s.openCustomer(ctx, env, customer)
	if err != nil {
		return nil, err
	}
	method := PaymentMethod{Type: "CARD", BillingID: methodID}
	if s.cashier != nil {
		if method, err = s.cashier.Attach(ctx, env, &cs.Customer, methodID); err != nil {
			return nil, err
		}
	}
	return s.changeCustomer(ctx, env, Audit{Actor: by.Actor, Action: "customer.payment_method_attached", Object: customer},
		func(tx Tx, c *Customer) error {
			c.PaymentMethod = &method
			if currency != nil {
				c.BillingCurrency = *currency
			}
			return firstError(c.check(), s.storeMethod(ctx, tx, env, c, method))
		})
}

// storeMethod keeps a method as the customer's default.
func (s *Service) storeMethod(ctx context.Context, tx Tx, env string, c *Customer, method PaymentMethod) error {
	known, err := tx.PaymentMethods(ctx, env, c.ID)
	if err != nil {
		return err
	}
	added := &StoredMethod{ID: method.BillingID, Customer: c.ID, Provider: s.provider(env), Default: true, Method: method, CreatedAt: s.clock(env)}
	for _, m := range known {
		if m.ID == added.ID {
			added.No, added.CreatedAt = m.No, m.CreatedAt
			continue
		}
		if m.Default {
			m.Default = false
			if err := tx.PutPaymentMethod(ctx, env, m); err != nil {
				return err
			}
		}
	}
	if added.No == 0 {
		if len(known) >= paymentMethodsMax {
			return Unprocessable("TooManyPaymentMethods", "paymentMethodId", fmt.Sprintf("a customer has at most %d payment methods", paymentMethodsMax))
		}
		if added.No, err = tx.NextNo(ctx, env); err != nil {
			return err
		}
	}
	return tx.PutPaymentMethod(ctx, env, added)
}

// DetachMethod takes the customer's default payment method away; the newest of the others becomes the default. Without one
// it changes nothing.
func (s *Service) DetachMethod(ctx context.Context, env string, by Caller, customer string) (*Customer, error) {
	cs, err := s.CustomerState(ctx, env, customer)
	if err != nil {
		return nil, err
	}
	if cs.Customer.PaymentMethod == nil {
		c := cs.Customer
		return &c, nil
	}
	gone := cs.Customer.PaymentMethod.BillingID
	if s.cashier != nil && gone != "" {
		if err := s.cashier.Detach(ctx, env, &cs.Customer, gone); err != nil && !refuses(err) {
			return nil, err
		}
	}
	return s.changeCustomer(ctx, env, Audit{Actor: by.Actor, Action: "customer.payment_method_detached", Object: customer},
		func(tx Tx, c *Customer) error { return s.dropMethod(ctx, tx, env, c, gone) })
}

func (s *Service) dropMethod(ctx context.Context, tx Tx, env string, c *Customer, gone string) error {
	if c.PaymentMethod != nil && c.PaymentMethod.BillingID == gone {
		c.PaymentMethod = nil
	}
	if err := tx.DeletePaymentMethod(ctx, env, c.ID, gone); err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	left, err := tx.PaymentMethods(ctx, env, c.ID)
	if err != nil || len(left) == 0 || c.PaymentMethod != nil {
		return err
	}
	next := left[len(left)-1]
	next.Default, c.PaymentMethod = true, &next.Method
	return tx.PutPaymentMethod(ctx, env, next)
}

// PaymentMethods lists the stored payment methods of a customer, the newest first.
func (s *Service) PaymentMethods(ctx context.Context, env, customer string) ([]*StoredMethod, error) {
	if _, err := s.CustomerState(ctx, env, customer); err != nil {
		return nil, err
	}
	var list []*StoredMethod
	err := s.store.View(ctx, func(tx Tx) (err error) {
		list, err = tx.PaymentMethods(ctx, env, customer)
		return err
	})
	slices.Reverse(list)
	return list, err
}

// SetBillingID notes the provider's id of a customer that had none, and returns the one that counts.
func (s *Service) SetBillingID(ctx context.Context, env, customer, billingID string) (string, error) {
	c, err := s.changeCustomer(ctx, env, Audit{Action: "customer.billing_connected", Object: customer}, func(_ Tx, c *Customer) error {
		if c.BillingID == "" {
			c.BillingID = billingID
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return c.BillingID, nil
}
