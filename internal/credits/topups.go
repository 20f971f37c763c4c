package credits

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// TopUp is the offer to buy credits of one type: bounds of one purchase and the price (semantics 11.2).
type TopUp struct {
	CreditTypeID string
	MinUnits     *int64 // inclusive; nil means no bound
	MaxUnits     *int64
	UnitPrice    ledger.Money   // of BlockSize credits
	BlockSize    *amount.Amount // nil means 1
	GrantCadence string         // empty means once
	PriceID      string         // of the plan's price
	ExpireAfter  Span           // of the credits, from their activation; zero means never
}

// TopUpPrice is what a quantity of credits costs: quantity times unit price, rounded once, half away from zero, to the
// currency's minor unit. It fails with AmountOutOfRange when the quantity lies outside the bounds, and names both. (W30)
func (t *TopUp) TopUpPrice(quantity amount.Amount) (ledger.Money, error) {
	if err := t.checkBounds(quantity); err != nil {
		return ledger.Money{}, err
	}
	return t.price(quantity)
}

// price is TopUpPrice for a quantity that need not keep to the bounds of one purchase.
func (t *TopUp) price(quantity amount.Amount) (ledger.Money, error) {
	block := amount.FromInt(1)
	if t.BlockSize != nil {
		block = *t.BlockSize
	}
	price, ok := amount.MulDiv(quantity, t.UnitPrice.Amount, block, amount.MinorDigits(t.UnitPrice.Currency))
	if !ok {
		return ledger.Money{}, Unprocessable(CodeOutOfRange, "quantity", "the price of this quantity is out of range")
	}
	return ledger.Money{Amount: price, Currency: t.UnitPrice.Currency}, nil
}

func (t *TopUp) checkBounds(quantity amount.Amount) error {
	if quantity.Sign() <= 0 || !quantity.InRange() {
		return Unprocessable(CodeOutOfRange, "quantity", "must be greater than 0")
	}
	low := t.MinUnits != nil && quantity.Less(amount.FromInt(*t.MinUnits))
	high := t.MaxUnits != nil && amount.FromInt(*t.MaxUnits).Less(quantity)
	if !low && !high {
		return nil
	}
	return Unprocessable(CodeOutOfRange, "quantity", fmt.Sprintf("%s credits cannot be bought at once; the least is %s and the most is %s",
		quantity, bound(t.MinUnits, "not limited"), bound(t.MaxUnits, "not limited")))
}

func bound(v *int64, none string) string {
	if v == nil {
		return none
	}
	return fmt.Sprint(*v)
}

// TopUp returns the offer that a subscription has for a credit type at an instant, in the currency of its billing period
// and country: the subscription's price override, else the plan's price. It fails with TopUpNotOffered when the plan sells
// no such credits, or none at a flat rate.
func (c *Catalog) TopUp(sub *Subscription, creditTypeID string, at ledger.Time) (_ *TopUp, err error) {
	terms := sub.terms(at)
	v, ok := c.versionAt(PlanRef(terms.PlanID), terms.Version, at)
	if !ok {
		return nil, fmt.Errorf("subscription %s: plan %s has no version %d", sub.ID, terms.PlanID, terms.Version)
	}
	model := v.topUpModel(creditTypeID)
	if model == nil {
		return nil, topUpNotOffered(creditTypeID, "the plan does not sell these credits")
	}
	offer := &TopUp{CreditTypeID: creditTypeID, MinUnits: model.MinUnits, MaxUnits: model.MaxUnits}
	if model.ExpireAfter != "" {
		if offer.ExpireAfter, err = ParseSpan("creditsExpireAfter", model.ExpireAfter); err != nil {
			return nil, err
		}
	}
	if period := model.period(terms.BillingPeriod, sub.BillingCountryCode); period != nil {
		offer.BlockSize, offer.GrantCadence, offer.PriceID = period.BlockSize, period.GrantCadence, period.ID
		if period.Price != nil {
			offer.UnitPrice = *period.Price
		}
	}
	if o := terms.topUpOverride(creditTypeID, v); o != nil {
		offer.UnitPrice, offer.BlockSize = ledger.Money{Amount: *o.Amount, Currency: o.Currency}, o.BlockSize
	}
	if offer.UnitPrice.Currency == "" {
		return nil, topUpNotOffered(creditTypeID, "the plan has no flat price for this billing period")
	}
	return offer, nil
}

func topUpNotOffered(creditTypeID, why string) error {
	return Unprocessable("TopUpNotOffered", "currencyId", fmt.Sprintf("%q cannot be bought: %s", creditTypeID, why))
}

// topUpModel is the version's price for buying a credit type, or nil.
func (v *PackageVersion) topUpModel(creditTypeID string) *PricingModel {
	for i := range v.Pricing.Models {
		if m := &v.Pricing.Models[i]; m.TopUpCreditTypeID == creditTypeID && creditTypeID != "" {
			return m
		}
	}
	return nil
}

// onlyTopUp is the credit type that the version sells, if it is exactly one.
func (v *PackageVersion) onlyTopUp() (string, bool) {
	sold := ""
	for i := range v.Pricing.Models {
		id := v.Pricing.Models[i].TopUpCreditTypeID
		if id == "" || id == sold {
			continue
		}
		if sold != "" {
			return "", false
		}
		sold = id
	}
	return sold, sold != ""
}

// period picks the price of a billing period: the country's own, else the one for every country.
func (m *PricingModel) period(billingPeriod, country string) *PricePeriod {
	var general *PricePeriod
	for i := range m.Periods {
		p := &m.Periods[i]
		switch {
		case p.BillingPeriod != billingPeriod:
		case p.CountryCode == country:
			return p
		case p.CountryCode == "":
			general = p
		}
	}
	return general
}
