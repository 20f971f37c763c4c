package credits

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// InvoiceState is the wire's state of an invoice.
type InvoiceState string

// The states of an invoice. Void and uncollectible ones are both CANCELED on the wire.
const (
	InvoiceOpen     InvoiceState = "OPEN"
	InvoiceSettled  InvoiceState = "PAID"
	InvoiceCanceled InvoiceState = "CANCELED"
)

// daysUntilDueMax bounds the term of an invoice.
const daysUntilDueMax = 3650

// Invoice is a claim for the money of one order.
type Invoice struct {
	No        int64
	ID        string
	Number    int64 // 1, 2, 3 … in the environment
	Customer  string
	OrderID   string
	State     InvoiceState
	Reference string // the provider's id, or empty
	URL       string // where it can be paid, or empty
	Failure   string // why it could not be collected, or empty
	Total     ledger.Money
	Lines     []InvoiceLine
	IssuedAt  ledger.Time
	DueAt     ledger.Time
	PaidAt    ledger.Time // 0 unless paid
	UpdatedAt ledger.Time
}

// InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	Description string
	Quantity    amount.Amount
	Total       amount.Amount
}

// RowNumber orders invoices by creation.
func (i *Invoice) RowNumber() int64 { return i.No }

// NumberText is the number as people see it.
func (i *Invoice) NumberText() string { return fmt.Sprintf("INV-%06d", i.Number) }

// What invoices are ordered by.
const (
	InvoicesByIssue = "issueDate"
	InvoicesByDue   = "dueDate"
	InvoicesByTotal = "total"
)

// InvoiceFilter selects invoices of a customer and orders them. The order is by issue unless OrderBy says otherwise.
type InvoiceFilter struct {
	Customer   string
	Issued     TimeRange
	States     []InvoiceState
	OrderBy    string
	Descending bool
}

// Invoices lists invoices of a customer in the order of the filter.
func (s *Service) Invoices(ctx context.Context, env string, filter InvoiceFilter, page Page) (List[*Invoice], error) {
	if _, err := s.CustomerState(ctx, env, filter.Customer); err != nil {
		return List[*Invoice]{}, err
	}
	var rows []*Invoice
	err := s.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.Invoices(ctx, env, filter, page)
		return err
	})
	if err != nil {
		return List[*Invoice]{}, fmt.Errorf("list invoices: %w", err)
	}
	return MakeList(page, rows), nil
}

// InvoicesOf returns the invoices of orders, by the order's id.
func (s *Service) InvoicesOf(ctx context.Context, env string, orders map[ledger.GrantID]*Order) (map[string]*Invoice, error) {
	found := map[string]*Invoice{}
	err := s.store.View(ctx, func(tx Tx) error {
		for _, p := range orders {
			if p.Grant.Collection != CollectInvoice {
				continue
			}
			i, err := tx.InvoiceOf(ctx, env, p.ID)
			if err != nil {
				return err
			}
			found[p.ID] = i
		}
		return nil
	})
	return found, err
}

// issueInvoice writes the invoice of a new order. Its number is the environment's next: the transaction holds the
// environment's lock since its first row number.
func (s *Service) issueInvoice(ctx context.Context, tx Tx, env string, p *Order) error {
	total, err := MinorUnits(p.Cost())
	if err != nil {
		return Invalid("cost.amount", "is out of range for an invoice")
	}
	i := &Invoice{
		ID: "inv_" + s.newID(), Customer: p.Grant.Customer, OrderID: p.ID, State: InvoiceOpen, Total: p.Cost(),
		Lines:    []InvoiceLine{{Description: p.Grant.DisplayName, Quantity: p.Grant.Amount, Total: p.Cost().Amount}},
		IssuedAt: p.CreatedAt, DueAt: p.CreatedAt + ledger.Time(p.DaysUntilDue)*day, UpdatedAt: p.CreatedAt,
	}
	if p.State == OrderPaid {
		i.State, i.PaidAt = InvoiceSettled, p.CreatedAt
	}
	if i.No, err = tx.NextNo(ctx, env); err != nil {
		return err
	}
	last, err := tx.LastInvoiceNumber(ctx, env)
	if err != nil {
		return err
	}
	i.Number = last + 1
	return tx.InsertInvoice(ctx, env, i, total)
}

// followInvoice brings the invoice of an order to where its money stands.
func (s *Service) followInvoice(ctx context.Context, tx Tx, env string, t *settlement) error {
	return s.changeInvoice(ctx, tx, env, t.order, func(i *Invoice) {
		a := t.attempt
		i.Reference, i.URL, i.Failure = a.Reference, a.ActionURL, a.FailureMessage
		switch {
		case t.order.State == OrderPaid && i.State != InvoiceSettled:
			i.State, i.PaidAt = InvoiceSettled, t.now
		case a.State == AttemptFailed && t.order.State == OrderOpen && !t.order.awaitsPayment():
			i.State = InvoiceCanceled
		}
	})
}

// cancelInvoice says that the invoice of an order, if there is one, will not be paid any more.
func (s *Service) cancelInvoice(ctx context.Context, tx Tx, env string, p *Order) error {
	return s.changeInvoice(ctx, tx, env, p, func(i *Invoice) {
		if i.State == InvoiceOpen {
			i.State = InvoiceCanceled
		}
	})
}

func (s *Service) changeInvoice(ctx context.Context, tx Tx, env string, p *Order, change func(*Invoice)) error {
	if p.Grant.Collection != CollectInvoice {
		return nil
	}
	i, err := tx.InvoiceOf(ctx, env, p.ID)
	if errors.Is(err, ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	change(i)
	i.UpdatedAt = s.clock(env)
	return tx.UpdateInvoice(ctx, env, i)
}
