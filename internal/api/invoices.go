package api

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listCustomerInvoices(c *call) (any, error) {
	q := c.query()
	contract := q.text("contractExternalId")
	filter := credits.InvoiceFilter{
		Customer: c.path("id"), Issued: credits.TimeRange{From: q.time("issuedAfter"), Through: q.time("issuedBefore")},
		OrderBy:    q.oneOf("orderBy", credits.InvoicesByIssue, credits.InvoicesByDue, credits.InvoicesByTotal),
		Descending: q.oneOf("orderDir", "ASC", "DESC") == "DESC",
		States:     enums[wire.InvoiceStatus, credits.InvoiceState](q, "stateIn"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Invoices(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	if contract != "" { // there are no contracts
		list = credits.List[*credits.Invoice]{}
	}
	data, pagination := paged(q, list, invoiceOut)
	return wire.CustomerInvoicePage{Data: data, Pagination: pagination}, nil
}

func invoiceOut(i *credits.Invoice) wire.CustomerInvoice {
	number, issued := i.NumberText(), timeOut(i.IssuedAt)
	return wire.CustomerInvoice{
		InvoiceID: i.ID, InvoiceExternalID: orNull(i.Reference), InvoiceNumber: &number, CustomerExternalID: orNull(i.Customer),
		Currency: orNull(i.Total.Currency), State: wire.InvoiceStatus(i.State), IssueDate: &issued, DueDate: timeOrNull(i.DueAt),
		PaidDate: timeOrNull(i.PaidAt), Subtotal: &i.Total.Amount, Discount: &amount.Zero, Tax: &amount.Zero, Total: &i.Total.Amount,
		LineItems: listOut(i.Lines, invoiceLineOut),
	}
}

func invoiceLineOut(l credits.InvoiceLine) wire.CustomerInvoiceLine {
	out := wire.CustomerInvoiceLine{Amount: &l.Total, Description: orNull(l.Description), Quantity: &l.Quantity}
	if unit, ok := amount.MulDiv(l.Total, amount.FromInt(1), l.Quantity, amount.FractionDigits); ok {
		out.UnitPrice = &unit
	}
	return out
}

// grantsOut converts grants with what is known of their money.
func (s *server) grantsOut(c *call, grants []*credits.Grant) ([]wire.Grant, error) {
	orders, err := s.credits.OrdersOf(c.ctx, c.env, grants)
	if err != nil {
		return nil, err
	}
	invoices, err := s.credits.InvoicesOf(c.ctx, c.env, orders)
	if err != nil {
		return nil, err
	}
	out := listOut(grants, grantOut)
	for i, g := range grants {
		if o := orders[g.ID]; o != nil {
			payGrant(&out[i], o, invoices[o.ID])
		}
	}
	return out, nil
}

// payGrant adds to a grant what its order and its invoice, if there is one, say.
func payGrant(out *wire.Grant, o *credits.Order, i *credits.Invoice) {
	out.PaymentURL, out.RefundedAmount = orNull(o.ActionURL), &o.Refunded
	out.PaymentFlags = listOut(o.Flags, func(flag string) wire.PaymentFlag { return wire.PaymentFlag(flag) })
	if o.Grant.Collection != credits.CollectInvoice || i == nil {
		return
	}
	out.InvoiceID = &i.ID
	reason := wire.GrantInvoiceBillingReasonMANUAL
	out.LatestInvoice = &wire.GrantInvoice{
		BillingID: i.ID, BillingReason: &reason, CreatedAt: timeOut(i.IssuedAt), Currency: orNull(i.Total.Currency),
		DueDate: timeOrNull(i.DueAt), ErrorMessage: orNull(i.Failure), PaymentURL: orNull(i.URL), RequiresAction: i.URL != "" && i.State == credits.InvoiceOpen,
		Status: wire.InvoiceStatus(i.State), SubTotal: &i.Total.Amount, Tax: &amount.Zero, Total: &i.Total.Amount,
		UpdatedAt: timeOut(i.UpdatedAt),
	}
	if i.Reference != "" {
		out.LatestInvoice.BillingID, out.InvoiceID = i.Reference, &i.Reference
	}
}
