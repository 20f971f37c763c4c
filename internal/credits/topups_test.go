package credits_test

import (
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestTopUpPrice(t *testing.T) {
	// W30: bounds are inclusive, and the price is rounded once, half away from zero, to the currency's minor unit.
	t.Parallel()
	low, high, thousand := int64(250), int64(8000), dec("1000")
	bounded := func(unit, currency string) credits.TopUp {
		return credits.TopUp{MinUnits: &low, MaxUnits: &high, UnitPrice: ledger.Money{Amount: dec(unit), Currency: currency}}
	}
	cases := []struct {
		name     string
		offer    credits.TopUp
		quantity string
		want     string // empty means refused
	}{
		{"least", bounded("1.00", "usd"), "250", "250"},
		{"most", bounded("1.00", "usd"), "8000", "8000"},
		{"below", bounded("1.00", "usd"), "249", ""},
		{"above", bounded("1.00", "usd"), "8001", ""},
		{"half cent up", bounded("0.015", "usd"), "333", "5"},
		{"yen have no cents", bounded("0.015", "jpy"), "300", "5"},
		{"three digits", bounded("0.0015", "kwd"), "333", "0.5"},
		{"rounded once", credits.TopUp{UnitPrice: ledger.Money{Amount: dec("0.004999999"), Currency: "usd"}}, "1.0000001", "0"},
		{"no bounds", credits.TopUp{UnitPrice: ledger.Money{Amount: dec("2"), Currency: "usd"}}, "0.5", "1"},
		{"block", credits.TopUp{UnitPrice: ledger.Money{Amount: dec("9.99"), Currency: "usd"}, BlockSize: &thousand}, "500", "5"},
		{"nothing", credits.TopUp{UnitPrice: ledger.Money{Amount: dec("2"), Currency: "usd"}}, "0", ""},
		{"negative", credits.TopUp{UnitPrice: ledger.Money{Amount: dec("2"), Currency: "usd"}}, "-1", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.offer.TopUpPrice(dec(tc.quantity))
			if tc.want == "" {
				wantError(t, err, credits.CodeOutOfRange, "quantity")
				return
			}
			if err != nil || got.Amount != dec(tc.want) || got.Currency != tc.offer.UnitPrice.Currency {
				t.Errorf("price is %v (%v), want %s", got, err, tc.want)
			}
		})
	}
	offer := bounded("1", "usd")
	_, err := offer.TopUpPrice(dec("1"))
	if err == nil || !strings.Contains(err.Error(), "250") || !strings.Contains(err.Error(), "8000") {
		t.Errorf("the refusal does not name both bounds: %v", err)
	}
}

func TestTopUp(t *testing.T) {
	// The offer is the subscription's override, else the plan's price for its billing period and country.
	t.Parallel()
	w := seller(t)
	local := topUp("1", "usd", 1, 100)
	local.Periods = append(local.Periods,
		credits.PricePeriod{BillingPeriod: credits.PeriodMonthly, CountryCode: "DE", Price: &ledger.Money{Amount: dec("2"), Currency: "eur"}},
		credits.PricePeriod{BillingPeriod: credits.PeriodAnnually, Price: &ledger.Money{Amount: dec("0.8"), Currency: "usd"}})
	w.offer(credits.PlanRef("local"), local)
	override := amount.FromInt(5)
	subs := map[string]*credits.Subscription{}
	for _, in := range []credits.NewSubscription{
		{ID: "plain"},
		{ID: "german", BillingCountryCode: "DE"},
		{ID: "french", BillingCountryCode: "FR"},
		{ID: "yearly", BillingPeriod: credits.PeriodAnnually},
		{ID: "special", PriceOverrides: []credits.PriceOverride{{Amount: &override, Currency: "gbp"}}},
		{ID: "named", PriceOverrides: []credits.PriceOverride{{CreditTypeID: "tokens", Amount: &override}}},
	} {
		in.CustomerID, in.PlanID, in.ResourceID = "ann", "local", in.ID
		subs[in.ID] = w.subscribe(in)
	}
	w.tick(second)
	special := amount.FromInt(6)
	subs["updated"] = must[*credits.Subscription](t)(w.UpdateSubscription(w.ctx, env, actor, "named", credits.SubscriptionUpdate{
		PriceOverrides: credits.Set([]credits.PriceOverride{{CreditTypeID: "tokens", Amount: &special, Currency: "usd"}})}))
	for id, want := range map[string]ledger.Money{
		"plain":   {Amount: dec("10"), Currency: "usd"},
		"german":  {Amount: dec("20"), Currency: "eur"},
		"french":  {Amount: dec("10"), Currency: "usd"},
		"yearly":  {Amount: dec("8"), Currency: "usd"},
		"special": {Amount: dec("50"), Currency: "gbp"},
		"named":   {Amount: dec("50"), Currency: "usd"},
		"updated": {Amount: dec("60"), Currency: "usd"},
	} {
		offer, err := w.Catalog(env).TopUp(subs[id], "tokens", w.now())
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if got := must[ledger.Money](t)(offer.TopUpPrice(dec("10"))); got != want {
			t.Errorf("%s: ten cost %v, want %v", id, got, want)
		}
	}
	_, err := w.Catalog(env).TopUp(subs["plain"], "gems", w.now())
	wantError(t, err, "TopUpNotOffered", "currencyId")
}
