package store

import (
	"context"
	"errors"

	"github.com/scrip-dev/scrip/internal/credits"
)

// ReadCatalog implements credits.Tx.
func (t *transaction) ReadCatalog(ctx context.Context, env string) (*credits.Records, error) {
	var r credits.Records
	if err := t.row(ctx, `SELECT revision, last_no FROM environments WHERE id = $1`, []any{env}, &r.Revision, &r.LastNo); err != nil {
		return nil, err
	}
	var errs [5]error
	r.CreditTypes, errs[0] = rows(ctx, t, document[credits.CreditType], `SELECT format, document FROM credit_types WHERE environment = $1 ORDER BY no`, env)
	r.Features, errs[1] = rows(ctx, t, document[credits.Feature], `SELECT format, document FROM features WHERE environment = $1 ORDER BY no`, env)
	r.Products, errs[2] = rows(ctx, t, document[credits.Product], `SELECT format, document FROM products WHERE environment = $1 ORDER BY no`, env)
	r.Packages, errs[3] = rows(ctx, t, document[credits.Package], `SELECT format, document FROM packages WHERE environment = $1 ORDER BY no`, env)
	r.Versions, errs[4] = rows(ctx, t, document[credits.PackageVersion], `SELECT format, document FROM package_versions
		WHERE environment = $1 ORDER BY version`, env)
	return &r, errors.Join(errs[:]...)
}

// put runs an upsert whose last two values are the format and the document.
func (t *transaction) put(ctx context.Context, query string, object any, args ...any) error {
	text, err := encode(object)
	if err != nil {
		return err
	}
	return t.exec(ctx, query, append(args, documentFormat, text)...)
}

// PutCreditType implements credits.Tx.
func (t *transaction) PutCreditType(ctx context.Context, env string, c *credits.CreditType) error {
	return t.put(ctx, `INSERT INTO credit_types (environment, id, no, format, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (environment, id) DO UPDATE SET format = excluded.format, document = excluded.document`, c, env, c.ID, c.No)
}

// PutFeature implements credits.Tx.
func (t *transaction) PutFeature(ctx context.Context, env string, f *credits.Feature) error {
	return t.put(ctx, `INSERT INTO features (environment, id, no, format, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (environment, id) DO UPDATE SET format = excluded.format, document = excluded.document`, f, env, f.ID, f.No)
}

// PutProduct implements credits.Tx.
func (t *transaction) PutProduct(ctx context.Context, env string, p *credits.Product) error {
	return t.put(ctx, `INSERT INTO products (environment, id, no, format, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (environment, id) DO UPDATE SET format = excluded.format, document = excluded.document`, p, env, p.ID, p.No)
}

// PutPackage implements credits.Tx.
func (t *transaction) PutPackage(ctx context.Context, env string, p *credits.Package) error {
	return t.put(ctx, `INSERT INTO packages (environment, kind, id, no, product_id, format, document) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (environment, kind, id) DO UPDATE SET format = excluded.format, document = excluded.document`,
		p, env, string(p.Kind), p.ID, p.No, p.ProductID)
}

// DeletePackage implements credits.Tx.
func (t *transaction) DeletePackage(ctx context.Context, env string, ref credits.PackageRef) error {
	return t.change(ctx, `DELETE FROM packages WHERE environment = $1 AND kind = $2 AND id = $3`, env, string(ref.Kind), ref.ID)
}

// PutVersion implements credits.Tx.
func (t *transaction) PutVersion(ctx context.Context, env string, v *credits.PackageVersion) error {
	return t.put(ctx, `INSERT INTO package_versions (environment, kind, package_id, version, format, document) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (environment, kind, package_id, version) DO UPDATE SET format = excluded.format, document = excluded.document`,
		v, env, string(v.Kind), v.PackageID, v.Version)
}

// DeleteVersion implements credits.Tx.
func (t *transaction) DeleteVersion(ctx context.Context, env string, ref credits.VersionRef) error {
	return t.change(ctx, `DELETE FROM package_versions WHERE environment = $1 AND kind = $2 AND package_id = $3 AND version = $4`,
		env, string(ref.Kind), ref.ID, ref.Version)
}
