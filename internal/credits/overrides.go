package credits

import "slices"

// key is what makes two overrides replace the same price.
func (o *PriceOverride) key() [5]string {
	base := ""
	if o.BaseCharge {
		base = "base"
	}
	return [5]string{o.AddonID, o.FeatureID, o.CreditTypeID, base, o.CountryCode}
}

// removes tells whether the override only takes an earlier one away.
func (o *PriceOverride) removes() bool {
	return o.Amount == nil && o.CreditRate == nil && len(o.Tiers) == 0
}

// mergeOverrides puts changed overrides over the present ones. One without a price takes the present one away.
func mergeOverrides(present, changed []PriceOverride) []PriceOverride {
	merged := slices.Clone(present)
	for _, o := range changed {
		merged = slices.DeleteFunc(merged, func(p PriceOverride) bool { return p.key() == o.key() })
		if !o.removes() {
			merged = append(merged, o)
		}
	}
	return merged
}

// settleOverrides checks overrides against the catalogue, names those that are new and makes their rates ready.
func (c *Catalog) settleOverrides(terms *PlanSpan, newID func() string) ([]PriceOverride, error) {
	if len(terms.Overrides) > overridesMax {
		return nil, invalidf("priceOverrides", "at most %d are allowed", overridesMax)
	}
	settled := slices.Clone(terms.Overrides)
	seen := map[[5]string]bool{}
	for i := range settled {
		o, path := &settled[i], item("priceOverrides", i)
		if seen[o.key()] {
			return nil, Invalid(path, "overrides a price that another entry overrides")
		}
		seen[o.key()] = true
		if o.Amount != nil && o.Currency == "" {
			o.Currency = currencyDefault
		}
		if o.ID == "" {
			o.ID = newID()
		}
		if err := firstError(o.check(c.records), o.compile(terms.Version)); err != nil {
			return nil, at(path, err)
		}
	}
	return settled, nil
}

func (o *PriceOverride) check(r *records) error {
	if o.removes() {
		return Invalid("amount", "is required unless creditRate or tiers is given")
	}
	var amount, currency, addon error
	if o.Amount != nil {
		amount, currency = validQuantity("amount", *o.Amount), ValidFiat("currency", o.Currency)
	}
	if _, ok := r.packages[AddonRef(o.AddonID)]; o.AddonID != "" && !ok {
		addon = invalidf("addonId", "add-on %q does not exist", clip(o.AddonID))
	}
	if o.BlockSize != nil && o.BlockSize.Sign() <= 0 {
		return Invalid("blockSize", "must be greater than 0")
	}
	return firstError(
		r.knownFeature("featureId", o.FeatureID),
		r.openCreditType("currencyId", o.CreditTypeID),
		validCountry("billingCountryCode", o.CountryCode),
		oneOf("creditGrantCadence", o.GrantCadence, "", GrantAtPeriodStart, GrantMonthly),
		amount, currency, addon,
		o.checkRate(r),
	)
}

// checkRate checks an override of a mapping like a mapping of the plan.
func (o *PriceOverride) checkRate(r *records) error {
	if o.CreditRate == nil {
		return nil
	}
	if err := firstError(requiredFeature(r, "featureId", o.FeatureID), at("creditRate", o.CreditRate.check(r))); err != nil {
		return err
	}
	return o.CreditRate.fits(r.features[o.FeatureID])
}

// checkQuantities checks the shape of purchased quantities; prices and bounds are checked with the plan.
func (c *Catalog) checkQuantities(charges []PurchasedQuantity) error {
	seen := map[EntitlementRef]bool{}
	for i, charge := range charges {
		path, ref := item("charges", i), EntitlementRef{charge.Type, charge.ID}
		if err := checkReference(c.records, ref); err != nil {
			return at(path, err)
		}
		if err := validQuantity(path+".quantity", charge.Quantity); err != nil {
			return err
		}
		if seen[ref] {
			return invalidf(path+".id", "%q appears twice", clip(charge.ID))
		}
		seen[ref] = true
	}
	return nil
}

func (c *Catalog) checkEntitlementOverrides(overrides []EntitlementOverride) error {
	if len(overrides) > entitlementsMax {
		return invalidf("entitlements", "at most %d are allowed", entitlementsMax)
	}
	for i := range overrides {
		o := &overrides[i]
		err := firstError(checkReference(c.records, o.EntitlementRef), o.Reset.check())
		if err == nil && o.Type == EntitlementCredit {
			err = o.checkCredit()
		}
		if err != nil {
			return at(item("entitlements", i), err)
		}
	}
	return nil
}

func (o *EntitlementOverride) checkCredit() error {
	if o.Amount == nil {
		return Invalid("amount", "is required")
	}
	return firstError(validQuantity("amount", *o.Amount), validCadence("cadence", o.Cadence))
}

// checkReference checks a reference to a feature or to a credit type.
func checkReference(r *records, ref EntitlementRef) error {
	if err := oneOf("type", string(ref.Type), string(EntitlementFeature), string(EntitlementCredit)); err != nil {
		return err
	}
	if ref.Type == EntitlementCredit {
		return requiredCreditType(r, "id", ref.ID)
	}
	return requiredFeature(r, "id", ref.ID)
}
