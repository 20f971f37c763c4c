package api

import (
	"math"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listAddons(c *call) (any, error) {
	list, q, err := s.listPackages(c, credits.KindAddon)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, addonOut)
	return wire.AddonPage{Data: data, Pagination: pagination}, nil
}

func (s *server) createAddon(c *call) (any, error) {
	var in wire.AddonCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	publish, err := publishIn(in.Status)
	if err != nil {
		return nil, err
	}
	quantity, err := maxQuantityIn(in.MaxQuantity)
	if err != nil {
		return nil, err
	}
	return addonData(s.credits.CreatePackage(c.ctx, c.env, c.actor(), credits.NewPackage{
		Ref: credits.AddonRef(in.ID), ProductID: in.ProductID, DisplayName: in.DisplayName, Description: value(in.Description),
		BillingID: value(in.BillingID), Metadata: in.Metadata, PricingType: enumIn[credits.PricingType](in.PricingType),
		MaxQuantity: quantity, Publish: publish,
	}))
}

func (s *server) getAddon(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return addonData(s.credits.Package(c.env, credits.AddonRef(c.path("id"))))
}

func (s *server) updateAddon(c *call) (any, error) {
	var in wire.AddonUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.PackageUpdate{
		DisplayName: patch(in.DisplayName), Description: patchOf(in.Description), BillingID: patchOf(in.BillingID),
		Metadata: patchMetadata(in.Metadata), Dependencies: patchOf(in.Dependencies),
	}
	if in.MaxQuantity.IsSpecified() {
		sent := patchVia(in.MaxQuantity, func(v *int) *int { return v })
		quantity, err := maxQuantityIn(sent.To)
		if err != nil {
			return nil, err
		}
		update.MaxQuantity = credits.Set(quantity)
	}
	if err := chargesIn(in.Charges, &update); err != nil {
		return nil, err
	}
	ref := credits.AddonRef(c.path("id"))
	changed, err := s.credits.UpdatePackage(c.ctx, c.env, c.actor(), ref, update)
	if err != nil || in.Status == nil || credits.PackageStatus(*in.Status) == changed.Status() {
		return addonData(changed, err)
	}
	return addonData(s.setStatus(c, ref, *in.Status))
}

// setStatus moves a package to another status, as the operations for that do.
func (s *server) setStatus(c *call, ref credits.PackageRef, status wire.PackageStatus) (credits.PackageView, error) {
	switch status {
	case wire.PackageStatusPUBLISHED:
		return s.credits.PublishPackage(c.ctx, c.env, c.actor(), ref, credits.MigrateNew)
	case wire.PackageStatusARCHIVED:
		return s.credits.ArchivePackage(c.ctx, c.env, c.actor(), ref)
	}
	return s.credits.DraftPackage(c.ctx, c.env, c.actor(), ref)
}

func (s *server) archiveAddon(c *call) (any, error) {
	return addonData(s.credits.ArchivePackage(c.ctx, c.env, c.actor(), credits.AddonRef(c.path("id"))))
}

func (s *server) createAddonDraft(c *call) (any, error) {
	return addonData(s.credits.DraftPackage(c.ctx, c.env, c.actor(), credits.AddonRef(c.path("id"))))
}

func (s *server) deleteAddonDraft(c *call) (any, error) {
	return s.discardDraft(c, credits.AddonRef(c.path("id")))
}

func (s *server) publishAddon(c *call) (any, error) {
	return s.publish(c, credits.AddonRef(c.path("id")))
}

// addonData answers with an add-on.
func addonData(v credits.PackageView, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.AddonData{Data: addonOut(v)}, nil
}

func addonOut(v credits.PackageView) wire.Addon {
	latest := v.IsLatest()
	out := wire.Addon{
		ID: v.ID, ProductID: v.ProductID, DisplayName: v.Version.DisplayName, Description: orNull(v.Version.Description),
		BillingID: orNull(v.Version.BillingID), Metadata: v.Version.Metadata, Dependencies: v.Version.Dependencies,
		PricingType: enumOrNull[wire.PricingType](v.Version.Pricing.Type), Status: wire.PackageStatus(v.Status()),
		Entitlements: listOut(v.Version.Entitlements, entitlementRefOut), IsLatest: &latest, VersionNumber: int(v.Version.Version),
		CreatedAt: timeOut(v.CreatedAt), UpdatedAt: timeOut(max(v.UpdatedAt, v.Version.UpdatedAt)),
	}
	if v.Version.MaxQuantity != nil {
		quantity := int(*v.Version.MaxQuantity)
		out.MaxQuantity = &quantity
	}
	return out
}

// maxQuantityIn reads an optional bound.
func maxQuantityIn(n *int) (*int32, error) {
	if n == nil {
		return nil, nil
	}
	if *n < 1 || *n > math.MaxInt32 {
		return nil, credits.Invalid("maxQuantity", "must be at least 1 and at most 2147483647")
	}
	quantity := int32(*n)
	return &quantity, nil
}
