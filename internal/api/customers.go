package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listCustomers(c *call) (any, error) {
	q := c.query()
	filter := credits.CustomerFilter{Email: q.text("email"), Name: q.text("name"), Created: q.during("createdAt")}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Customers(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data := make([]wire.Customer, len(list.Items))
	for i, customer := range list.Items {
		if data[i], err = s.customerOut(customer); err != nil {
			return nil, err
		}
	}
	return wire.CustomerPage{Data: data, Pagination: q.pagination(list.Next, list.Prev)}, nil
}

func (s *server) createCustomer(c *call) (any, error) {
	var in wire.CustomerCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return s.customerData(s.credits.ProvisionCustomer(c.ctx, c.env, c.actor(), credits.NewCustomer{
		ID: in.ID, Name: value(in.Name), Email: value(in.Email), BillingCurrency: value(in.BillingCurrency),
		BillingID: value(in.BillingID), CouponID: value(in.CouponID), Language: value(in.Language), Timezone: value(in.Timezone),
		Metadata: in.Metadata, PaymentMethod: paymentMethodIn(in.DefaultPaymentMethod),
		Integrations: listIn(in.Integrations, integrationIn), Passthrough: passthroughIn(in.Passthrough),
	}))
}

func (s *server) importCustomers(c *call) (any, error) {
	var in wire.CustomerImport
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	created, err := s.credits.ImportCustomers(c.ctx, c.env, c.actor(), listIn(in.Customers, importedIn))
	if err != nil {
		return nil, err
	}
	return wire.CustomerImportResultData{Data: wire.CustomerImportResult{NewCustomers: created}}, nil
}

func (s *server) getCustomer(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return s.customerData(s.credits.Customer(c.ctx, c.env, c.path("id")))
}

func (s *server) updateCustomer(c *call) (any, error) {
	var in wire.CustomerUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.CustomerUpdate{
		Name: patchOf(in.Name), Email: patchOf(in.Email), BillingCurrency: patchOf(in.BillingCurrency),
		BillingID: patchOf(in.BillingID), CouponID: patchOf(in.CouponID), Language: patchOf(in.Language),
		Timezone: patchOf(in.Timezone), Metadata: patchMetadata(in.Metadata), Integrations: patchList(in.Integrations, integrationIn),
	}
	if in.Passthrough != nil {
		update.Passthrough = credits.Set(passthroughIn(in.Passthrough))
	}
	return s.customerData(s.credits.UpdateCustomer(c.ctx, c.env, c.actor(), c.path("id"), update))
}

func (s *server) archiveCustomer(c *call) (any, error) {
	return s.customerData(s.credits.ArchiveCustomer(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) unarchiveCustomer(c *call) (any, error) {
	return s.customerData(s.credits.UnarchiveCustomer(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) listCustomerResources(c *call) (any, error) {
	q := c.query()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.Resources(c.ctx, c.env, c.path("id"), page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, func(r credits.Resource) wire.CustomerResource {
		return wire.CustomerResource{ID: r.ID, CreatedAt: timeOut(r.CreatedAt), UpdatedAt: timeOut(r.UpdatedAt)}
	})
	return wire.CustomerResourcePage{Data: data, Pagination: pagination}, nil
}

// customerData answers with a customer.
func (s *server) customerData(customer *credits.Customer, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out, err := s.customerOut(customer)
	return wire.CustomerData{Data: out}, err
}

func (s *server) customerOut(c *credits.Customer) (wire.Customer, error) {
	out := wire.Customer{
		ID: c.ID, Name: orNull(c.Name), Email: orNull(c.Email), BillingCurrency: orNull(c.BillingCurrency),
		BillingID: orNull(c.BillingID), CouponID: orNull(c.CouponID), Language: orNull(c.Language), Timezone: orNull(c.Timezone),
		Metadata: c.Metadata, DefaultPaymentMethod: paymentMethodOut(c.PaymentMethod),
		Integrations: listOut(c.Integrations, integrationOut),
		CreatedAt:    timeOut(c.CreatedAt), UpdatedAt: timeOut(c.UpdatedAt), ArchivedAt: timeOrNull(c.ArchivedAt),
	}
	if c.Passthrough != "" {
		out.Passthrough = &wire.CustomerPassthrough{}
		if err := s.decoder.Decode([]byte(c.Passthrough), out.Passthrough); err != nil {
			return out, fmt.Errorf("stored passthrough of customer %s: %s", c.ID, err)
		}
	}
	return out, nil
}

// passthroughIn is kept as text: it means something to a billing provider only.
func passthroughIn(p *wire.CustomerPassthrough) string {
	if p == nil {
		return ""
	}
	return string(strictjson.Append(nil, *p))
}

func importedIn(item *wire.CustomerImportItem) credits.NewCustomer {
	return credits.NewCustomer{
		ID: item.ID, Name: value(item.Name), Email: value(item.Email), BillingID: value(item.BillingID),
		SalesforceID: value(item.SalesforceID), Metadata: item.Metadata,
	}
}

func integrationIn(l *wire.IntegrationLink) credits.Integration {
	return credits.Integration{ID: l.ID, Vendor: string(l.VendorIdentifier), SyncedEntityID: value(l.SyncedEntityID)}
}

func integrationOut(l credits.Integration) wire.IntegrationLink {
	return wire.IntegrationLink{ID: l.ID, VendorIdentifier: wire.Vendor(l.Vendor), SyncedEntityID: orNull(l.SyncedEntityID)}
}

func paymentMethodIn(p *wire.PaymentMethod) *credits.PaymentMethod {
	if p == nil {
		return nil
	}
	return &credits.PaymentMethod{
		Type: string(p.Type), BillingID: value(p.BillingID), CardLast4Digits: value(p.CardLast4Digits),
		CardExpiryMonth: value(p.CardExpiryMonth), CardExpiryYear: value(p.CardExpiryYear),
	}
}

func paymentMethodOut(p *credits.PaymentMethod) *wire.PaymentMethod {
	if p == nil {
		return nil
	}
	return &wire.PaymentMethod{
		Type: wire.PaymentMethodType(p.Type), BillingID: orNull(p.BillingID), CardLast4Digits: orNull(p.CardLast4Digits),
		CardExpiryMonth: orNull(p.CardExpiryMonth), CardExpiryYear: orNull(p.CardExpiryYear),
	}
}
