// Package storetest is the contract of credits.Store as a test suite. Every database that Scrip supports runs it.
package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Two environments that every case finds in its empty store.
const (
	envA = "env_a"
	envB = "env_b"
)

// Run runs the contract against stores that open returns. Each call of open must return an empty store.
func Run(t *testing.T, open func(t *testing.T) credits.Store) {
	cases := map[string]func(*testing.T, credits.Store){
		"environments":            environments,
		"keys":                    keys,
		"catalogue":               catalogue,
		"catalogue_delete":        catalogueDelete,
		"customers":               customers,
		"subscriptions":           subscriptions,
		"subscription_statuses":   subscriptionStatuses,
		"subscriptions_due":       subscriptionsDue,
		"paging":                  paging,
		"paging_stable":           pagingStable,
		"environment_isolation":   environmentIsolation,
		"references":              references,
		"rollback":                rollback,
		"changes":                 changes,
		"changes_in_order":        changesInOrder,
		"locks":                   locks,
		"clocks":                  clocks,
		"view_cannot_write":       viewCannotWrite,
		"grant_keys":              grantKeys,
		"revenue_books":           revenueBooks,
		"revenue_cursors":         revenueCursors,
		"revenue_months":          revenueMonths,
		"orders":                  orders,
		"payment_attempts":        paymentAttempts,
		"payment_methods":         paymentMethods,
		"invoices":                invoices,
		"auto_recharges":          autoRecharges,
		"concurrent_row_numbers":  concurrentRowNumbers,
		"concurrent_read_modify":  concurrentReadModify,
		"reads_follow_own_writes": readsFollowOwnWrites,
		"thresholds":              thresholds,
		"telling":                 telling,
		"expiry_notices":          expiryNotices,
		"messages":                messages,
		"messages_in_order":       messagesInOrder,
		"webhook_endpoints":       webhookEndpoints,
		"deliveries":              deliveries,
		"replays":                 replays,
		"queues":                  queues,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			update(t, s, func(tx credits.Tx) error {
				return errors.Join(
					tx.InsertEnvironment(t.Context(), &credits.Environment{No: 1, ID: envA, Name: "A", CreatedAt: 1}),
					tx.InsertEnvironment(t.Context(), &credits.Environment{No: 2, ID: envB, Name: "B", Production: true, CreatedAt: 2}),
				)
			})
			run(t, s)
		})
	}
}

func update(t *testing.T, s credits.Store, fn func(credits.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s credits.Store, fn func(credits.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// same compares what was read with what was written, without what is compiled from it.
func same(t *testing.T, got, want any) {
	t.Helper()
	opts := cmp.Options{
		cmp.Comparer(func(a, b amount.Amount) bool { return a == b }),
		cmpopts.IgnoreUnexported(credits.PackageVersion{}, credits.PriceOverride{}),
		cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("read (+) differs from written (-):\n%s", diff)
	}
}

func environments(t *testing.T, s credits.Store) {
	// Environments come back in order; an id can be used once.
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.Environments(t.Context())
		same(t, got, []*credits.Environment{{No: 1, ID: envA, Name: "A", CreatedAt: 1}, {No: 2, ID: envB, Name: "B", Production: true, CreatedAt: 2}})
		return err
	})
	err := s.Update(t.Context(), func(tx credits.Tx) error {
		return tx.InsertEnvironment(t.Context(), &credits.Environment{No: 3, ID: envA, Name: "again"})
	})
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second environment of the same id: %v, want ErrTaken", err)
	}
}

func keys(t *testing.T, s credits.Store) {
	// A key comes back whole, and its hash is unique in all environments.
	key := &credits.Key{No: 5, Environment: envA, ID: "k", Kind: credits.ServerKey, Name: "n", Scopes: []string{"a", "b"}, Hash: [32]byte{1, 2, 3}, CreatedAt: 7, ExpiresAt: 9}
	update(t, s, func(tx credits.Tx) error { return tx.InsertKey(t.Context(), key) })
	key.RevokedAt = 8
	update(t, s, func(tx credits.Tx) error { return tx.UpdateKey(t.Context(), key) })
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.Keys(t.Context())
		same(t, got, []*credits.Key{key})
		return err
	})
	other := *key
	other.Environment, other.ID = envB, "other"
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertKey(t.Context(), &other) })
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second key with the same hash: %v, want ErrTaken", err)
	}
	err = s.Update(t.Context(), func(tx credits.Tx) error { return tx.UpdateKey(t.Context(), &other) })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("update of a missing key: %v, want ErrMissing", err)
	}
}

func catalogue(t *testing.T, s credits.Store) {
	// Each kind of object comes back as it was put last, and the revision counts locks.
	want := sampleCatalogue()
	update(t, s, func(tx credits.Tx) error {
		first := *want.CreditTypes[0]
		first.DisplayName = "replaced below"
		return errors.Join(tx.PutCreditType(t.Context(), envA, &first), putAll(t.Context(), tx, envA, want))
	})
	var revision int64
	update(t, s, func(tx credits.Tx) (err error) {
		revision, err = tx.LockCatalog(t.Context(), envA)
		return err
	})
	if revision != 1 {
		t.Errorf("first revision is %d, want 1", revision)
	}
	want.Revision = 1
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.ReadCatalog(t.Context(), envA)
		same(t, got, want)
		return err
	})
	err := s.Update(t.Context(), func(tx credits.Tx) error { _, err := tx.LockCatalog(t.Context(), "env_none"); return err })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("lock of a missing environment: %v, want ErrMissing", err)
	}
}

func catalogueDelete(t *testing.T, s credits.Store) {
	// A package goes away with its version, and only in its environment.
	want := sampleCatalogue()
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(putAll(t.Context(), tx, envA, want), putAll(t.Context(), tx, envB, want))
	})
	ref := want.Versions[0].Ref()
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.DeleteVersion(t.Context(), envA, ref), tx.DeletePackage(t.Context(), envA, ref.PackageRef))
	})
	view(t, s, func(tx credits.Tx) error {
		a, errA := tx.ReadCatalog(t.Context(), envA)
		b, errB := tx.ReadCatalog(t.Context(), envB)
		if len(a.Packages) != 0 || len(a.Versions) != 0 || len(b.Packages) != 1 || len(b.Versions) != 1 {
			t.Errorf("packages left: %d and %d, want 0 and 1", len(a.Packages), len(b.Packages))
		}
		return errors.Join(errA, errB)
	})
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.DeleteVersion(t.Context(), envA, ref) })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("delete of a missing version: %v, want ErrMissing", err)
	}
}

func putAll(ctx context.Context, tx credits.Tx, env string, r *credits.Records) error {
	return errors.Join(
		tx.PutCreditType(ctx, env, r.CreditTypes[0]),
		tx.PutFeature(ctx, env, r.Features[0]),
		tx.PutProduct(ctx, env, r.Products[0]),
		tx.PutPackage(ctx, env, r.Packages[0]),
		tx.PutVersion(ctx, env, r.Versions[0]),
	)
}

func sampleCatalogue() *credits.Records {
	price := ledger.Money{Amount: amount.FromInt(3), Currency: "usd"}
	limit := int64(12)
	half, _ := amount.Parse("0.5")
	return &credits.Records{
		CreditTypes: []*credits.CreditType{{No: 1, ID: "tokens", DisplayName: "Tokens", Symbol: "T", Units: &credits.Units{Singular: "token", Plural: "tokens"},
			Metadata: map[string]string{"a": "ä"}, CreatedAt: 1, UpdatedAt: 2, ArchivedAt: 3}},
		Features: []*credits.Feature{{No: 2, ID: "chat", DisplayName: "Chat", Type: credits.FeatureNumber, Status: credits.FeatureActive,
			MeterType: credits.MeterIncremental, Transformation: &credits.UnitTransformation{Divide: 1000, Round: "UP"},
			MeterRule: &credits.MeterRule{Function: "SUM", Field: "n", Filters: []credits.MeterFilter{{Conditions: []credits.MeterCondition{
				{Field: "eventName", Operation: "EQUALS", Values: []string{"chat"}}}}}}}},
		Products: []*credits.Product{{No: 3, ID: "app", DisplayName: "App", Settings: &credits.ProductSettings{CancellationTime: "IMMEDIATE"}}},
		Packages: []*credits.Package{{No: 4, Kind: credits.KindPlan, ID: "pro", ProductID: "app", Published: 1}},
		Versions: []*credits.PackageVersion{{Kind: credits.KindPlan, PackageID: "pro", Version: 1, Status: credits.PackagePublished, PublishedAt: 5,
			Pricing: credits.Pricing{Type: credits.PricingPaid, Models: []credits.PricingModel{{BillingModel: credits.BillingCreditBased, FeatureID: "chat",
				Periods: []credits.PricePeriod{{ID: "p", BillingPeriod: credits.PeriodMonthly, Price: &price,
					CreditRate: &credits.CreditRate{CreditTypeID: "tokens", Amount: half, Formula: "units * 2"}}}}}},
			Entitlements: []credits.PackageEntitlement{{EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementFeature, ID: "chat"}, UsageLimit: &limit}}}},
	}
}
