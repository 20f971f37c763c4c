package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// importMax bounds one import, which is one transaction.
const importMax = 1000

// ImportCustomers adds customers, and updates name, e-mail, billing id and metadata of those that exist. All or none are
// stored. It returns the ids that are new, in the given order.
func (s *Service) ImportCustomers(ctx context.Context, env string, actor ledger.Actor, in []NewCustomer) ([]string, error) {
	if len(in) == 0 || len(in) > importMax {
		return nil, invalidf("customers", "needs 1 to %d entries", importMax)
	}
	seen := map[string]bool{}
	for i := range in {
		if err := in[i].made().check(); err != nil {
			return nil, at(item("customers", i), err)
		}
		if seen[in[i].ID] {
			return nil, invalidf(item("customers", i)+".id", "customer %q appears twice", in[i].ID)
		}
		seen[in[i].ID] = true
		defer s.customers.drop(customerKey{env, in[i].ID})
	}
	created := []string{}
	err := s.store.Update(ctx, func(tx Tx) error {
		created = created[:0]
		present, err := lockCustomers(ctx, tx, env, in)
		if err != nil {
			return err
		}
		for i := range in {
			if err := s.importCustomer(ctx, tx, env, actor, &in[i], present[in[i].ID]); err != nil {
				return at(item("customers", i), err)
			}
			if present[in[i].ID] == nil {
				created = append(created, in[i].ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("import customers: %w", err)
	}
	return created, nil
}

// lockCustomers locks those that exist, by id. All come before the first row of the audit trail, which locks the
// environment, and in the order of their ids, so that two imports never wait for each other.
func lockCustomers(ctx context.Context, tx Tx, env string, in []NewCustomer) (map[string]*Customer, error) {
	ids := make([]string, len(in))
	for i := range in {
		ids[i] = in[i].ID
	}
	slices.Sort(ids)
	present := map[string]*Customer{}
	for _, id := range ids {
		c, err := tx.LockCustomer(ctx, env, id)
		switch {
		case err == nil:
			present[id] = c
		case !errors.Is(err, ErrMissing):
			return nil, err
		}
	}
	return present, nil
}

// importCustomer adds a customer, or changes the one that is present.
func (s *Service) importCustomer(ctx context.Context, tx Tx, env string, actor ledger.Actor, in *NewCustomer, c *Customer) error {
	if c == nil {
		return s.insertCustomer(ctx, tx, env, actor, in.made())
	}
	c.Name, c.Email = in.Name, in.Email
	if in.BillingID != "" {
		c.BillingID = in.BillingID
	}
	if in.SalesforceID != "" {
		c.SalesforceID = in.SalesforceID
	}
	if in.Metadata != nil {
		c.Metadata = in.Metadata
	}
	c.UpdatedAt = s.clock(env)
	if err := tx.UpdateCustomer(ctx, env, c); err != nil {
		return err
	}
	return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "customer.imported", Object: c.ID, Customer: c.ID})
}
