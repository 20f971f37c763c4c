package export

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// writeCatalogue writes the rows of the catalogue, of customers and of subscriptions that changed since the last run. They
// may change again while we write, so files that an interrupted run has completed stay as they are.
func (r *run) writeCatalogue(ctx context.Context, outputs map[string]*output) error {
	tables := []string{tableCreditTypes, tableCustomers, tableSubscriptions, tableFeatures, tablePlans, tableVersions, tableMappings}
	c := &catalogueWriter{run: r, outputs: map[string]*output{}}
	for _, name := range tables {
		out := outputs[name]
		if out == nil {
			continue
		}
		kept, err := out.keep(ctx)
		if err != nil {
			return err
		}
		if !kept {
			c.outputs[name] = out
		}
	}
	if len(c.outputs) == 0 {
		return nil
	}
	if err := r.source.Store.View(ctx, func(tx credits.Tx) error { return c.catalogue(ctx, tx) }); err != nil {
		return err
	}
	if err := c.customers(ctx); err != nil {
		return err
	}
	return c.subscriptions(ctx)
}

type catalogueWriter struct {
	run     *run
	outputs map[string]*output
}

// put writes a row of a table that is wanted, if it changed since the last run.
func (c *catalogueWriter) put(ctx context.Context, table string, changed ledger.Time, r row) error {
	out := c.outputs[table]
	if out == nil || c.run.since.Catalogue > 0 && changed < c.run.since.Catalogue-catalogueOverlap {
		return nil
	}
	return out.write(ctx, r)
}

func (c *catalogueWriter) catalogue(ctx context.Context, tx credits.Tx) error {
	records, err := tx.ReadCatalog(ctx, c.run.series.environment)
	if err != nil {
		return err
	}
	byNumber(records.CreditTypes)
	byNumber(records.Features)
	byNumber(records.Packages)
	for _, t := range records.CreditTypes {
		units := credits.Units{}
		if t.Units != nil {
			units = *t.Units
		}
		err := c.put(ctx, tableCreditTypes, t.UpdatedAt, row{
			t.ID, t.DisplayName, or(units.Singular), or(units.Plural), or(t.Symbol), at(t.ArchivedAt), at(t.CreatedAt), at(t.UpdatedAt)})
		if err != nil {
			return err
		}
	}
	for _, f := range records.Features {
		err := c.put(ctx, tableFeatures, f.UpdatedAt, row{
			f.ID, f.DisplayName, or(f.Description), string(f.Type), string(f.Status), or(string(f.MeterType)), or(f.Units), or(f.UnitsPlural),
			document(f.MeterRule), document(f.Metadata), at(f.CreatedAt), at(f.UpdatedAt)})
		if err != nil {
			return err
		}
	}
	for _, p := range records.Packages {
		err := c.put(ctx, tablePlans, p.UpdatedAt, row{
			p.ID, string(p.Kind), p.ProductID, version(p.Published), version(p.Draft), at(p.ArchivedAt), at(p.CreatedAt), at(p.UpdatedAt)})
		if err != nil {
			return err
		}
	}
	return c.versions(ctx, records.Versions)
}

func (c *catalogueWriter) versions(ctx context.Context, versions []*credits.PackageVersion) error {
	slices.SortFunc(versions, func(a, b *credits.PackageVersion) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.PackageID, b.PackageID), cmp.Compare(a.Version, b.Version))
	})
	for _, v := range versions {
		changed := max(v.UpdatedAt, v.PublishedAt)
		err := c.put(ctx, tableVersions, changed, row{
			v.PackageID, string(v.Kind), int64(v.Version), string(v.Status), or(v.DisplayName), or(v.Description), or(string(v.Pricing.Type)),
			or(v.ParentPlanID), document(v.Entitlements), document(v.Metadata), at(v.PublishedAt), at(v.CreatedAt), at(changed)})
		if err != nil {
			return err
		}
		for i := range v.Pricing.Models {
			if err := c.mapping(ctx, v, &v.Pricing.Models[i], changed); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapping writes what a model charges in credits for a feature, if it does.
func (c *catalogueWriter) mapping(ctx context.Context, v *credits.PackageVersion, m *credits.PricingModel, changed ledger.Time) error {
	if m.BillingModel != credits.BillingCreditBased || m.FeatureID == "" || len(m.Periods) == 0 || m.Periods[0].CreditRate == nil {
		return nil
	}
	rate, flat := m.Periods[0].CreditRate, any(nil)
	if rate.Formula == "" {
		flat = rate.Amount
	}
	return c.put(ctx, tableMappings, changed, row{
		m.Periods[0].ID, v.PackageID, string(v.Kind), int64(v.Version), m.FeatureID, rate.CreditTypeID, flat, or(rate.Formula),
		at(v.CreatedAt), at(changed)})
}

func version(n int32) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

// byNumber orders rows by creation.
func byNumber[T credits.Numbered](rows []T) {
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(a.RowNumber(), b.RowNumber()) })
}

// pageSize is how many customers or subscriptions are read at a time.
const pageSize = 100

// pages calls visit with all rows of a list, the oldest first, each page in a transaction of its own. The first number of an
// environment is that of its own making, in the audit trail.
func pages[T credits.Numbered](ctx context.Context, s credits.Store, read func(credits.Tx, credits.Page) ([]T, error), visit func(T) error) error {
	for before := int64(0); ; {
		var rows []T
		err := s.View(ctx, func(tx credits.Tx) (err error) {
			rows, err = read(tx, credits.Page{Before: max(before, 1), Limit: pageSize})
			return err
		})
		if err != nil {
			return err
		}
		byNumber(rows)
		for _, r := range rows {
			if err := visit(r); err != nil {
				return err
			}
			before = r.RowNumber()
		}
		if len(rows) <= pageSize {
			return nil
		}
	}
}

func (c *catalogueWriter) customers(ctx context.Context) error {
	if c.outputs[tableCustomers] == nil {
		return nil
	}
	env := c.run.series.environment
	return pages(ctx, c.run.source.Store, func(tx credits.Tx, page credits.Page) ([]*credits.Customer, error) {
		return tx.Customers(ctx, env, credits.CustomerFilter{}, page)
	}, func(m *credits.Customer) error {
		return c.put(ctx, tableCustomers, m.UpdatedAt, row{
			m.ID, or(m.Name), or(m.Email), or(m.BillingCurrency), or(m.BillingID), or(m.Language), or(m.Timezone), document(m.Metadata),
			at(m.ArchivedAt), at(m.CreatedAt), at(m.UpdatedAt)})
	})
}

func (c *catalogueWriter) subscriptions(ctx context.Context) error {
	if c.outputs[tableSubscriptions] == nil {
		return nil
	}
	env := c.run.series.environment
	return pages(ctx, c.run.source.Store, func(tx credits.Tx, page credits.Page) ([]*credits.Subscription, error) {
		return tx.Subscriptions(ctx, env, credits.SubscriptionFilter{}, c.run.to.Catalogue, page)
	}, func(s *credits.Subscription) error {
		return c.put(ctx, tableSubscriptions, s.UpdatedAt, row{
			s.ID, s.CustomerID, or(s.ResourceID), or(s.ProductID), s.PlanID, int64(s.Versions[len(s.Versions)-1].Version),
			string(s.PricingType), or(s.Current().BillingPeriod), or(s.PaymentCollectionMethod), at(s.StartAt), at(s.EndAt), at(s.CanceledAt),
			or(s.CancelReason), document(s.Metadata), at(s.CreatedAt), at(s.UpdatedAt)})
	})
}
