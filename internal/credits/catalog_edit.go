package credits

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// catalogSlot holds the present snapshot of one environment. Edits of one environment follow each other.
type catalogSlot struct {
	editing sync.Mutex
	current atomic.Pointer[Catalog]
}

// Catalog returns the snapshot of an environment: what was committed last. An unknown environment has an empty one.
func (s *Service) Catalog(env string) *Catalog {
	if slot, ok := s.catalogs.Load(env); ok {
		return slot.(*catalogSlot).current.Load()
	}
	return emptyCatalog()
}

func emptyCatalog() *Catalog {
	r, _ := newRecords(&Records{}) // nothing to compile, so nothing can fail
	return newCatalog(r)
}

// publish makes a catalogue the present one, unless one that is as new is known: it may have been read before another one
// was committed.
func (s *Service) publish(env string, c *Catalog) {
	fresh := &catalogSlot{}
	fresh.current.Store(c)
	value, _ := s.catalogs.LoadOrStore(env, fresh)
	slot := value.(*catalogSlot)
	for {
		present := slot.current.Load()
		if present.revision >= c.revision || slot.current.CompareAndSwap(present, c) {
			return
		}
	}
}

// lockedCatalog returns the catalogue as it stays until the transaction ends. The one in memory may be older: other
// changes may have been committed while the transaction waited.
func (s *Service) lockedCatalog(ctx context.Context, tx Tx, env string) (*Catalog, error) {
	revision, err := tx.LockEnvironment(ctx, env)
	if err != nil {
		return nil, err
	}
	if c := s.Catalog(env); c.revision == revision {
		return c, nil
	}
	r, err := readRecords(ctx, tx, env)
	if err != nil {
		return nil, err
	}
	return newCatalog(r), nil
}

// catalogEdit is one change of a catalogue under way. It reads what it has written. Nothing of it is seen by others before
// its transaction has committed.
type catalogEdit struct {
	*records
	ctx context.Context // of the one call that makes the edit
	tx  Tx
	env string
	now ledger.Time

	service *Service
}

// editCatalog runs a change in one transaction and publishes the new snapshot after its commit. The store's lock on the
// catalogue orders edits of all nodes; if another node was there, its changes are read first.
func (s *Service) editCatalog(ctx context.Context, env string, audit Audit, change func(*catalogEdit) error) error {
	value, ok := s.catalogs.Load(env)
	if !ok {
		return missing("EnvironmentNotFound", "environment", env)
	}
	slot := value.(*catalogSlot)
	slot.editing.Lock()
	defer slot.editing.Unlock()
	var next *records
	err := s.store.Update(ctx, func(tx Tx) error {
		revision, err := tx.LockCatalog(ctx, env)
		if err != nil {
			return err
		}
		next = slot.current.Load().clone()
		if next.revision+1 != revision {
			if next, err = readRecords(ctx, tx, env); err != nil {
				return err
			}
		}
		next.revision = revision
		if err := change(&catalogEdit{records: next, ctx: ctx, tx: tx, env: env, now: s.clock(env), service: s}); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, audit)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", audit.Action, clip(audit.Object), err)
	}
	s.publish(env, newCatalog(next))
	s.Told()
	return nil
}

// readRecords reads a whole catalogue.
func readRecords(ctx context.Context, tx Tx, env string) (*records, error) {
	in, err := tx.ReadCatalog(ctx, env)
	if err != nil {
		return nil, err
	}
	return newRecords(in)
}

// number gives a new row its number.
func (e *catalogEdit) number(no *int64) error {
	if *no != 0 {
		return nil
	}
	n, err := e.tx.NextNo(e.ctx, e.env)
	*no = n
	return err
}

func (e *catalogEdit) putCreditType(c *CreditType) error {
	c.UpdatedAt = e.now
	e.creditTypes[c.ID] = c
	return firstOf(func() error { return e.number(&c.No) }, func() error { return e.tx.PutCreditType(e.ctx, e.env, c) })
}

func (e *catalogEdit) putFeature(f *Feature) error {
	f.UpdatedAt = e.now
	e.features[f.ID] = f
	return firstOf(func() error { return e.number(&f.No) }, func() error { return e.tx.PutFeature(e.ctx, e.env, f) })
}

func (e *catalogEdit) putProduct(p *Product) error {
	p.UpdatedAt = e.now
	e.products[p.ID] = p
	return firstOf(func() error { return e.number(&p.No) }, func() error { return e.tx.PutProduct(e.ctx, e.env, p) })
}

func (e *catalogEdit) putPackage(p *Package) error {
	p.UpdatedAt = e.now
	e.packages[p.Ref()] = p
	return firstOf(func() error { return e.number(&p.No) }, func() error { return e.tx.PutPackage(e.ctx, e.env, p) })
}

func (e *catalogEdit) putVersion(v *PackageVersion) error {
	v.UpdatedAt = e.now
	e.versions[v.Ref()] = v
	return firstOf(v.compile, func() error { return e.tx.PutVersion(e.ctx, e.env, v) })
}

// putBoth writes a package with one of its versions.
func (e *catalogEdit) putBoth(p *Package, v *PackageVersion) error {
	return firstOf(func() error { return e.putPackage(p) }, func() error { return e.putVersion(v) })
}

func (e *catalogEdit) deleteVersion(v *PackageVersion) error {
	delete(e.versions, v.Ref())
	return e.tx.DeleteVersion(e.ctx, e.env, v.Ref())
}

// deletePackage removes a package that was never published, with its draft.
func (e *catalogEdit) deletePackage(p *Package, v *PackageVersion) error {
	delete(e.packages, p.Ref())
	return firstOf(func() error { return e.deleteVersion(v) }, func() error { return e.tx.DeletePackage(e.ctx, e.env, p.Ref()) })
}

// firstOf runs steps until one fails.
func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// openProduct checks a reference to a product that is not archived.
func (e *catalogEdit) openProduct(field, id string) error {
	p, ok := e.products[id]
	switch {
	case id == "":
		return Invalid(field, "is required")
	case !ok:
		return at(field, missing("ProductNotFound", "product", id))
	case p.ArchivedAt != 0:
		return Unprocessable("ProductArchived", field, fmt.Sprintf("product %q is archived", id))
	}
	return nil
}

// eachPackage visits copies of the packages of a product, in the order in which they were made.
func (e *catalogEdit) eachPackage(productID string, visit func(*Package) error) error {
	var own []*Package
	for _, pkg := range e.packages {
		if pkg.ProductID == productID {
			own = append(own, pkg)
		}
	}
	own = newestFirst(own)
	for i := len(own) - 1; i >= 0; i-- {
		pkg := *own[i]
		if err := visit(&pkg); err != nil {
			return err
		}
	}
	return nil
}

// checkMappingsOf checks that a changed feature still fits every mapping of it that is or may come into force.
func (e *catalogEdit) checkMappingsOf(f *Feature) error {
	for ref, v := range e.versions {
		pkg := e.packages[ref.PackageRef]
		if pkg.ArchivedAt != 0 || v.mappings[f.ID] == nil || ref.Version != pkg.Published && ref.Version != pkg.Draft {
			continue
		}
		for i := range v.Pricing.Models {
			m := &v.Pricing.Models[i]
			if m.FeatureID != f.ID || m.BillingModel != BillingCreditBased {
				continue
			}
			if err := m.Periods[0].CreditRate.fits(f); err != nil {
				return blameMeter(err, pkg)
			}
		}
	}
	return nil
}

// blameMeter turns the refusal of a mapping into one of the meter that no longer fits it.
func blameMeter(err error, pkg *Package) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Field = "meter.aggregation.function"
	moved.Message = fmt.Sprintf("%s %q maps this feature to credits: %s", pkg.Kind.noun(), pkg.ID, e.Message)
	return &moved
}
