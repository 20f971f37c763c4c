package credits

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Billing models, cadences and periods, as on the wire.
const (
	BillingFlatFee     = "FLAT_FEE"
	BillingMinimum     = "MINIMUM_SPEND"
	BillingPerUnit     = "PER_UNIT"
	BillingUsageBased  = "USAGE_BASED"
	BillingCreditBased = "CREDIT_BASED"

	CadenceRecurring = "RECURRING"
	CadenceOneOff    = "ONE_OFF"

	PeriodMonthly  = "MONTHLY"
	PeriodAnnually = "ANNUALLY"

	GrantAtPeriodStart = "BEGINNING_OF_BILLING_PERIOD"
	GrantMonthly       = "MONTHLY"
)

// Pricing is what a version charges (wire reference 9.3). Beyond mappings and top-ups it is kept and listed as given.
type Pricing struct {
	Type                 PricingType
	BillingID            string
	MinimumSpend         []MinimumSpend
	OverageBillingPeriod string // ON_SUBSCRIPTION_RENEWAL, MONTHLY or empty
	Models               []PricingModel
	Overage              []OverageModel
}

// MinimumSpend is a floor of the bill per billing period.
type MinimumSpend struct {
	BillingPeriod string
	Minimum       ledger.Money
}

// PricingModel is one thing that is priced. BillingModel CREDIT_BASED with a feature is a mapping to credits; a
// TopUpCreditTypeID makes it the price at which that credit type is bought.
type PricingModel struct {
	BillingModel      string
	BillingCadence    string // RECURRING unless given
	FeatureID         string
	TopUpCreditTypeID string
	MinUnits          *int64
	MaxUnits          *int64
	TiersMode         string // VOLUME, GRADUATED or empty
	ExpireAfter       string `json:",omitempty"` // of bought credits, as an ISO 8601 duration from their activation; empty means never
	Reset             Reset
	Periods           []PricePeriod
}

// PricePeriod is a price for one billing period and country. ID names the charge row and stays when a draft is copied.
type PricePeriod struct {
	ID            string
	BillingPeriod string
	CountryCode   string // ISO 3166-1 alpha-2; empty means every country without a price of its own
	BlockSize     *amount.Amount
	GrantCadence  string // of bought credits; empty means once
	CreditRate    *CreditRate
	Price         *ledger.Money
	Tiers         []PriceTier
}

// CreditRate is how many credits a unit burns: a flat amount, or a formula that prices the whole event (semantics 9).
type CreditRate struct {
	CreditTypeID string
	Amount       amount.Amount
	Formula      string // empty means the flat amount
}

// PriceTier is one step of a tiered price.
type PriceTier struct {
	FlatPrice *ledger.Money
	UnitPrice *ledger.Money
	UpTo      *amount.Amount // nil on the last tier
}

// OverageModel is what is charged beyond a limit, of a credit type or of a feature.
type OverageModel struct {
	BillingModel      string
	BillingCadence    string
	CreditTypeID      string
	FeatureID         string
	CreditEntitlement *OverageCredit
	Entitlement       *OverageLimit
	Periods           []PricePeriod
}

// OverageCredit is the base grant to create when the package has none of that credit type.
type OverageCredit struct {
	CreditTypeID string
	Amount       amount.Amount
	Cadence      string // MONTH or YEAR
}

// OverageLimit is the limit of a feature above which overage starts.
type OverageLimit struct {
	FeatureID    string
	UsageLimit   *amount.Amount
	Unlimited    *bool
	HasSoftLimit *bool
	Reset        Reset
}

// Reset says when usage counts from zero again. Anchor is the wire's accordingTo of the matching configuration.
type Reset struct {
	Period string // YEAR, MONTH, WEEK, DAY, HOUR or empty
	Anchor string // SubscriptionStart, StartOfTheMonth, EverySunday … or empty
}

// Charge is one price of a version, as a list of charges shows it.
type Charge struct {
	No    int64 // orders the rows of one version
	Model PricingModel
	PricePeriod
}

// RowNumber orders charges, the first of the catalogue first in a newest-first list.
func (c Charge) RowNumber() int64 { return c.No }

// Charges lists the prices of a version in the order in which they were given.
func (v *PackageVersion) Charges() []Charge {
	var rows []Charge
	for _, model := range v.Pricing.Models {
		for _, period := range model.Periods {
			rows = append(rows, Charge{Model: model, PricePeriod: period})
		}
	}
	return numberedDown(rows)
}

// OverageCharges lists the overage prices of a version in the order in which they were given.
func (v *PackageVersion) OverageCharges() []Charge {
	var rows []Charge
	for _, o := range v.Pricing.Overage {
		model := PricingModel{BillingModel: o.BillingModel, BillingCadence: o.BillingCadence, FeatureID: o.FeatureID, TopUpCreditTypeID: o.CreditTypeID}
		for _, period := range o.Periods {
			rows = append(rows, Charge{Model: model, PricePeriod: period})
		}
	}
	return numberedDown(rows)
}

// numberedDown numbers rows so that paging, which is newest first, keeps their order.
func numberedDown(rows []Charge) []Charge {
	for i := range rows {
		rows[i].No = int64(len(rows) - i)
	}
	return rows
}

// PageCharges cuts a page out of the charges of a version.
func PageCharges(rows []Charge, page Page) List[Charge] { return pageOf(rows, page) }

// named gives every price its id: that of the price it replaces, where feature, top-up currency, period and country are
// the same, so that a mapping keeps its name through the versions; else a new one. It also fills in defaults.
func (p Pricing) named(before *Pricing, newID func() string) Pricing {
	known := map[chargeKey]PricePeriod{}
	before.eachPeriod(func(key chargeKey, period *PricePeriod) { known[key] = *period })
	p = p.cloned()
	p.eachPeriod(func(key chargeKey, period *PricePeriod) {
		period.ID = known[key].ID
		delete(known, key)
		if period.ID == "" {
			period.ID = newID()
		}
	})
	return p
}

// chargeKey is what makes two prices of a version the same price.
type chargeKey struct {
	overage                                   bool
	model, feature, currency, period, country string
}

// eachPeriod visits every price of the model list and the overage list.
func (p *Pricing) eachPeriod(visit func(chargeKey, *PricePeriod)) {
	for i := range p.Models {
		m := &p.Models[i]
		for j := range m.Periods {
			period := &m.Periods[j]
			visit(chargeKey{false, m.BillingModel, m.FeatureID, m.TopUpCreditTypeID, period.BillingPeriod, period.CountryCode}, period)
		}
	}
	for i := range p.Overage {
		o := &p.Overage[i]
		for j := range o.Periods {
			period := &o.Periods[j]
			visit(chargeKey{true, o.BillingModel, o.FeatureID, o.CreditTypeID, period.BillingPeriod, period.CountryCode}, period)
		}
	}
}

// cloned copies the lists down to the prices, and fills in the default currency and cadence.
func (p Pricing) cloned() Pricing {
	models := make([]PricingModel, len(p.Models))
	for i, m := range p.Models {
		m.BillingCadence = defaultCadence(m.BillingCadence)
		m.Periods = clonedPeriods(m.Periods)
		models[i] = m
	}
	overage := make([]OverageModel, len(p.Overage))
	for i, o := range p.Overage {
		o.BillingCadence = defaultCadence(o.BillingCadence)
		o.Periods = clonedPeriods(o.Periods)
		overage[i] = o
	}
	p.Models, p.Overage = models, overage
	return p
}

func defaultCadence(cadence string) string {
	if cadence == "" {
		return CadenceRecurring
	}
	return cadence
}

func clonedPeriods(periods []PricePeriod) []PricePeriod {
	out := make([]PricePeriod, len(periods))
	for i, period := range periods {
		period.Price = inDefaultCurrency(period.Price)
		tiers := make([]PriceTier, len(period.Tiers))
		for j, tier := range period.Tiers {
			tier.FlatPrice, tier.UnitPrice = inDefaultCurrency(tier.FlatPrice), inDefaultCurrency(tier.UnitPrice)
			tiers[j] = tier
		}
		period.Tiers = tiers
		out[i] = period
	}
	return out
}

func inDefaultCurrency(m *ledger.Money) *ledger.Money {
	if m == nil || m.Currency != "" {
		return m
	}
	return &ledger.Money{Amount: m.Amount, Currency: currencyDefault}
}
