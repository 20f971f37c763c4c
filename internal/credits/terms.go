package credits

import (
	"fmt"
	"slices"
	"strings"
)

// offered returns the published version of a plan or add-on that new subscriptions get.
func (c *Catalog) offered(field string, ref PackageRef) (*PackageVersion, error) {
	pkg, ok := c.packages[ref]
	switch {
	case ref.ID == "":
		return nil, Invalid(field, "is required")
	case !ok:
		return nil, at(field, ref.notFound())
	case pkg.ArchivedAt != 0:
		return nil, Unprocessable("PackageArchived", field, fmt.Sprintf("%s %q is archived", ref.Kind.noun(), ref.ID))
	case pkg.Published == 0:
		return nil, Unprocessable("PackageNotPublished", field, fmt.Sprintf("%s %q is a draft; publish it first", ref.Kind.noun(), ref.ID))
	}
	return c.versions[pkg.current()], nil
}

// settle checks terms against the catalogue, pins add-ons to versions and names the overrides. Add-ons that the
// subscription had before keep their version.
func (c *Catalog) settle(sub *Subscription, terms *PlanSpan, before []SubscribedAddon, newID func() string) error {
	plan, ok := c.versionAt(PlanRef(terms.PlanID), terms.Version, max(terms.From, sub.UpdatedAt))
	if !ok {
		return fmt.Errorf("subscription %s: plan %s has no version %d", sub.ID, terms.PlanID, terms.Version)
	}
	addons, err := c.settleAddons(plan, sub.ProductID, terms.Addons, before)
	if err != nil {
		return err
	}
	overrides, err := c.settleOverrides(terms, newID)
	if err != nil {
		return err
	}
	terms.Addons, terms.Overrides = addons, overrides
	return firstError(c.checkQuantities(terms.Charges), c.checkEntitlementOverrides(terms.Entitlements))
}

func (c *Catalog) settleAddons(plan *PackageVersion, productID string, addons, before []SubscribedAddon) ([]SubscribedAddon, error) {
	if len(addons) > addonsMax {
		return nil, invalidf("addons", "at most %d are allowed", addonsMax)
	}
	settled := slices.Clone(addons)
	has := func(list []SubscribedAddon, id string) int {
		return slices.IndexFunc(list, func(a SubscribedAddon) bool { return a.ID == id })
	}
	for i := range settled {
		a, path := &settled[i], item("addons", i)
		if i != has(settled, a.ID) {
			return nil, invalidf(path+".id", "add-on %q appears twice", clip(a.ID))
		}
		if was := has(before, a.ID); was >= 0 {
			a.Version = before[was].Version
		} else if err := c.pin(a, productID, path); err != nil {
			return nil, err
		}
		v := c.versions[VersionRef{AddonRef(a.ID), a.Version}]
		if a.Quantity < 1 || v.MaxQuantity != nil && a.Quantity > int64(*v.MaxQuantity) {
			return nil, invalidf(path+".quantity", "must be at least 1 and at most the add-on's maxQuantity")
		}
		if plan.CompatibleAddonIDs != nil && !slices.Contains(plan.CompatibleAddonIDs, a.ID) {
			return nil, Unprocessable("IncompatibleAddon", path+".id", fmt.Sprintf("add-on %q is not compatible with plan %q", a.ID, plan.PackageID))
		}
		for _, needed := range v.Dependencies {
			if has(settled, needed) < 0 {
				return nil, Unprocessable("AddonDependencyMissing", path+".id", fmt.Sprintf("add-on %q needs add-on %q", a.ID, needed))
			}
		}
	}
	slices.SortFunc(settled, func(a, b SubscribedAddon) int { return strings.Compare(a.ID, b.ID) })
	return settled, nil
}

// pin gives a new add-on the version that is offered now.
func (c *Catalog) pin(a *SubscribedAddon, productID, path string) error {
	v, err := c.offered(path+".id", AddonRef(a.ID))
	if err != nil {
		return err
	}
	if pkg := c.packages[AddonRef(a.ID)]; pkg.ProductID != productID {
		return Unprocessable("IncompatibleAddon", path+".id", fmt.Sprintf("add-on %q belongs to another product", a.ID))
	}
	a.Version = v.Version
	return nil
}
