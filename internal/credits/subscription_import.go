package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// ImportSubscriptions adds subscriptions that began elsewhere, with their ids and start dates. All or none are stored. Nothing
// is issued for periods that are over: credits that a plan includes come from the running period on, in full, and credits
// that are bought, which were bought where the subscription comes from, with the next period that buys some. An import is
// idempotent by its ids: one that exists is refused.
func (s *Service) ImportSubscriptions(ctx context.Context, env string, actor ledger.Actor, in []NewSubscription) error {
	if len(in) == 0 || len(in) > importMax {
		return invalidf("subscriptions", "needs 1 to %d entries", importMax)
	}
	for i := range in {
		in[i].imported = true
		if in[i].ID == "" {
			return Invalid(item("subscriptions", i)+".id", "is required")
		}
		defer s.customers.drop(customerKey{env, in[i].CustomerID})
	}
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := lockForImport(ctx, tx, env, in); err != nil {
			return err
		}
		for i := range in {
			existing, err := s.admit(ctx, tx, env, &in[i])
			if err == nil {
				_, err = s.insertSubscription(ctx, tx, env, Audit{Actor: actor, Action: "subscription.imported"}, &in[i], existing)
			}
			if err != nil {
				return at(item("subscriptions", i), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("import subscriptions: %w", err)
	}
	return nil
}

// lockForImport locks the customers in the order of their ids, so that two imports never wait for each other.
func lockForImport(ctx context.Context, tx Tx, env string, in []NewSubscription) error {
	var ids []string
	for i := range in {
		ids = append(ids, in[i].CustomerID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if _, err := tx.LockCustomer(ctx, env, id); err != nil {
			return customerMissing(err, id)
		}
	}
	return nil
}
