package credits

import (
	"github.com/scrip-dev/scrip/internal/amount"
)

// isDowngrade tells whether another plan version is less than the one of a span: its fee is lower, or at the same fee it
// includes fewer credits.
func (c *Catalog) isDowngrade(terms *PlanSpan, to *PackageVersion) bool {
	from, ok := c.versions[VersionRef{PlanRef(terms.PlanID), terms.Version}]
	if !ok {
		return false
	}
	before, after := from.fee(terms.BillingPeriod), to.fee(terms.BillingPeriod)
	if before != after {
		return after.Less(before)
	}
	return includedPerYear(c.Entitlements(to)).Less(includedPerYear(c.Entitlements(from)))
}

// fee is the flat fee of a version for a billing period.
func (v *PackageVersion) fee(billingPeriod string) amount.Amount {
	total := amount.Zero
	for i := range v.Pricing.Models {
		m := &v.Pricing.Models[i]
		if m.BillingModel != BillingFlatFee {
			continue
		}
		if p := m.period(billingPeriod, ""); p != nil && p.Price != nil {
			total = total.Add(p.Price.Amount)
		}
	}
	return total
}

func includedPerYear(list []PackageEntitlement) amount.Amount {
	total := amount.Zero
	for _, a := range creditAllowances(list, PackageRef{}) {
		total = total.Add(a.perYear())
	}
	return total
}
