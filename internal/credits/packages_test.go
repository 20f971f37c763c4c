package credits_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var pro = credits.PlanRef("pro")

// draft makes an unpublished plan of product app.
func (w *world) draft(ref credits.PackageRef) {
	w.t.Helper()
	must[credits.PackageView](w.t)(w.CreatePackage(w.ctx, env, actor, credits.NewPackage{Ref: ref, ProductID: "app", DisplayName: ref.ID}))
}

func TestCreatePackage_refusals(t *testing.T) {
	// Each broken rule is refused with its code and field.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.draft(pro)
	none := int32(0)
	cases := []struct {
		code, field string
		in          credits.NewPackage
	}{
		{credits.CodeInvalid, "id", credits.NewPackage{Ref: credits.PlanRef("?"), ProductID: "app", DisplayName: "P"}},
		{credits.CodeDuplicate, "id", credits.NewPackage{Ref: pro, ProductID: "app", DisplayName: "P"}},
		{credits.CodeInvalid, "productId", credits.NewPackage{Ref: credits.PlanRef("p"), DisplayName: "P"}},
		{"ProductNotFound", "productId", credits.NewPackage{Ref: credits.PlanRef("p"), ProductID: "none", DisplayName: "P"}},
		{credits.CodeInvalid, "displayName", credits.NewPackage{Ref: credits.PlanRef("p"), ProductID: "app"}},
		{credits.CodeInvalid, "pricingType", credits.NewPackage{Ref: credits.PlanRef("p"), ProductID: "app", DisplayName: "P", PricingType: "CHEAP"}},
		{credits.CodeInvalid, "parentPlanId", credits.NewPackage{Ref: credits.PlanRef("p"), ProductID: "app", DisplayName: "P", ParentPlanID: "none"}},
		{credits.CodeInvalid, "maxQuantity", credits.NewPackage{Ref: credits.AddonRef("a"), ProductID: "app", DisplayName: "P", MaxQuantity: &none}},
		{credits.CodeInvalid, "defaultTrialConfig.duration", credits.NewPackage{Ref: credits.PlanRef("p"), ProductID: "app", DisplayName: "P",
			DefaultTrial: &credits.TrialConfig{Units: "DAY"}}},
	}
	for _, tc := range cases {
		_, err := w.CreatePackage(w.ctx, env, actor, tc.in)
		wantError(t, err, tc.code, tc.field)
	}
	// A plan and an add-on may be called the same.
	w.draft(credits.AddonRef("pro"))
}

func TestMapping_refusals(t *testing.T) {
	// A mapping needs a metered feature whose aggregation can burn credits, a formula that parses, and an open credit type.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.draft(pro)
	w.feature("worst", ruleOf("MIN", "n", "x"))
	w.feature("peak", ruleOf("MAX", "n", "x"))
	w.feature("people", ruleOf("UNIQUE", "n", "x"))
	must[*credits.Feature](t)(w.CreateFeature(w.ctx, env, actor, credits.NewFeature{ID: "seats", DisplayName: "Seats", Type: credits.FeatureNumber}))
	const model = "charges.pricingModels[0]"
	const rate = model + ".pricePeriods[0].creditRate"
	noRate := mapping("email", "1")
	noRate.Periods[0].CreditRate = nil
	gems := mapping("email", "1")
	gems.Periods[0].CreditRate.CreditTypeID = "gems"
	uneven := mapping("email", "1")
	uneven.Periods = append(uneven.Periods, credits.PricePeriod{BillingPeriod: credits.PeriodAnnually, CreditRate: mapping("email", "2").Periods[0].CreditRate})
	cases := []struct {
		name, code, field string
		models            []credits.PricingModel
	}{
		{"unknown feature", credits.CodeInvalid, model + ".featureId", []credits.PricingModel{mapping("none", "1")}},
		{"no feature", credits.CodeInvalid, model + ".featureId", []credits.PricingModel{mapping("", "1")}},
		{"not metered", "FeatureNotMetered", model + ".featureId", []credits.PricingModel{mapping("seats", "1")}},
		{"MIN", "UnsupportedAggregation", model + ".featureId", []credits.PricingModel{mapping("worst", "1")}},
		{"syntax", "InvalidFormula", rate + ".costFormula", []credits.PricingModel{mapping("email", "units * * 2")}},
		{"MAX without units", "InvalidFormula", rate + ".costFormula", []credits.PricingModel{mapping("peak", "tokens * 2")}},
		{"UNIQUE without units", "InvalidFormula", rate + ".costFormula", []credits.PricingModel{mapping("people", "1 + 1")}},
		{"no rate", credits.CodeInvalid, rate, []credits.PricingModel{noRate}},
		{"negative", credits.CodeInvalid, rate + ".amount", []credits.PricingModel{mapping("email", "-1")}},
		{"unknown credit type", credits.CodeInvalid, rate + ".currencyId", []credits.PricingModel{gems}},
		{"two rates", credits.CodeInvalid, model + ".pricePeriods[1].creditRate", []credits.PricingModel{uneven}},
		{"twice", credits.CodeInvalid, "charges.pricingModels[1].featureId", []credits.PricingModel{mapping("email", "1"), mapping("email", "2")}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { wantError(t, w.price(pro, tc.models...), tc.code, tc.field) })
	}
	err := w.price(pro, mapping("email", "units * * 2"))
	if !strings.Contains(err.Error(), "offset") {
		t.Errorf("a syntax error does not say where: %v", err)
	}
	if err := w.price(pro, mapping("peak", "units * 2"), mapping("email", "1")); err != nil {
		t.Errorf("good mappings are refused: %v", err)
	}
}

func TestPricing_refusals(t *testing.T) {
	// Prices keep to the wire's enumerations and bounds.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.draft(pro)
	const model = "charges.pricingModels[0]"
	cases := []struct {
		field string
		spoil func(*credits.PricingModel)
	}{
		{model + ".billingModel", func(m *credits.PricingModel) { m.BillingModel = "GIFT" }},
		{model + ".billingCadence", func(m *credits.PricingModel) { m.BillingCadence = "OFTEN" }},
		{model + ".tiersMode", func(m *credits.PricingModel) { m.TiersMode = "STEPS" }},
		{model + ".minUnitQuantity", func(m *credits.PricingModel) { *m.MinUnits = 11 }},
		{model + ".maxUnitQuantity", func(m *credits.PricingModel) { *m.MaxUnits = 1000000 }},
		{model + ".topUpCustomCurrencyId", func(m *credits.PricingModel) { m.TopUpCreditTypeID = "gems" }},
		{model + ".pricePeriods", func(m *credits.PricingModel) { m.Periods = nil }},
		{model + ".pricePeriods[0].billingPeriod", func(m *credits.PricingModel) { m.Periods[0].BillingPeriod = "WEEKLY" }},
		{model + ".pricePeriods[0].billingCountryCode", func(m *credits.PricingModel) { m.Periods[0].CountryCode = "usa" }},
		{model + ".pricePeriods[0].creditGrantCadence", func(m *credits.PricingModel) { m.Periods[0].GrantCadence = "DAILY" }},
		{model + ".pricePeriods[0].price.currency", func(m *credits.PricingModel) { m.Periods[0].Price.Currency = "USD" }},
		{model + ".pricePeriods[0].price.amount", func(m *credits.PricingModel) { m.Periods[0].Price.Amount = dec("-1") }},
		{model + ".resetPeriodConfiguration.accordingTo", func(m *credits.PricingModel) { m.Reset = credits.Reset{Period: "MONTH", Anchor: "EverySunday"} }},
		{"charges.pricingModels", func(m *credits.PricingModel) { m.Periods = append(m.Periods, m.Periods[0]) }},
	}
	for i, tc := range cases {
		t.Run(fmt.Sprint(i, "_", tc.field), func(t *testing.T) {
			m := topUp("1", "usd", 1, 10)
			tc.spoil(&m)
			wantError(t, w.price(pro, m), credits.CodeInvalid, tc.field)
		})
	}
}

func TestPublish(t *testing.T) {
	// Prices change only in a draft; publishing makes version n+1, and older versions stay as they were.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(pro, mapping("email", "1"))
	wantError(t, w.price(pro, mapping("email", "3")), "DraftRequired", "")
	_, err := w.AddEntitlements(w.ctx, env, actor, pro, []credits.NewEntitlement{{}})
	wantError(t, err, "DraftRequired", "")
	_, err = w.PublishPackage(w.ctx, env, actor, pro, credits.MigrateNew)
	wantError(t, err, "DraftRequired", "")
	w.reprice(pro, credits.MigrateNew, mapping("email", "3"))
	view := must[credits.PackageView](t)(w.Package(env, pro))
	if view.Version.Version != 2 || view.Status() != credits.PackagePublished || !view.IsLatest() {
		t.Errorf("version %d, %s", view.Version.Version, view.Status())
	}
	w.restart()
	ids := map[string]bool{}
	for version, want := range map[int32]string{1: "1", 2: "3"} {
		v, _ := w.Catalog(env).PlanVersion("pro", version)
		m, ok := v.Mapping("email")
		if !ok || m.Rate.Flat != dec(want) || m.Version != version || m.CreditTypeID != "tokens" {
			t.Errorf("version %d maps to %+v, want rate %s", version, m, want)
		}
		ids[m.ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("the mapping changed its id with the version: %v", ids)
	}
}

func TestUpdatePackage_texts(t *testing.T) {
	// Texts of a published version can be edited without a draft, and a draft keeps its own.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(pro, mapping("email", "1"))
	rename := func(name string) credits.PackageView {
		return must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{DisplayName: credits.Set(name)}))
	}
	if v := rename("Pro 1"); v.Version.Version != 1 || v.Version.DisplayName != "Pro 1" {
		t.Errorf("renamed version %d to %q", v.Version.Version, v.Version.DisplayName)
	}
	must[credits.PackageView](t)(w.DraftPackage(w.ctx, env, actor, pro))
	rename("Pro 2")
	if v := must[credits.PackageView](t)(w.Package(env, pro)); v.Version.DisplayName != "Pro 1" {
		t.Errorf("published name is %q", v.Version.DisplayName)
	}
	if v := must[credits.PackageView](t)(w.PackageDraft(env, pro)); v.Version.DisplayName != "Pro 2" || v.Status() != credits.PackageDraft {
		t.Errorf("draft name is %q", v.Version.DisplayName)
	}
}

func TestDiscardDraft(t *testing.T) {
	// A discarded draft leaves the published version; a plan that was never published goes away and its id is free.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(pro, mapping("email", "1"))
	wantError(t, w.DiscardDraft(w.ctx, env, actor, pro), "DraftNotFound", "")
	must[credits.PackageView](t)(w.DraftPackage(w.ctx, env, actor, pro))
	if err := w.DiscardDraft(w.ctx, env, actor, pro); err != nil {
		t.Fatal(err)
	}
	if v := must[credits.PackageView](t)(w.PackageDraft(env, pro)); v.Version.Version != 1 {
		t.Errorf("version %d is left, want 1", v.Version.Version)
	}
	w.draft(credits.PlanRef("new"))
	if err := w.DiscardDraft(w.ctx, env, actor, credits.PlanRef("new")); err != nil {
		t.Fatal(err)
	}
	_, err := w.Package(env, credits.PlanRef("new"))
	wantError(t, err, "PlanNotFound", "")
	w.draft(credits.PlanRef("new"))
}

func TestEntitlements(t *testing.T) {
	// Entitlements are added, changed and removed in a draft; each thing is entitled once.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.draft(pro)
	amount := dec("1000")
	feature := credits.EntitlementRef{Type: credits.EntitlementFeature, ID: "email"}
	credit := credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"}
	limit := int64(5)
	added := must[[]credits.PackageEntitlement](t)(w.AddEntitlements(w.ctx, env, actor, pro, []credits.NewEntitlement{
		{PackageEntitlement: credits.PackageEntitlement{EntitlementRef: feature, UsageLimit: &limit}},
		{PackageEntitlement: credits.PackageEntitlement{EntitlementRef: credit, Amount: &amount, Cadence: "MONTH"}},
	}))
	if len(added) != 2 || !added[0].IsGranted || added[1].Behavior != "Increment" {
		t.Errorf("defaults are %+v", added)
	}
	add := func(p credits.PackageEntitlement) error {
		_, err := w.AddEntitlements(w.ctx, env, actor, pro, []credits.NewEntitlement{{PackageEntitlement: p}})
		return err
	}
	wantError(t, add(credits.PackageEntitlement{EntitlementRef: feature}), credits.CodeDuplicate, "entitlements[0].id")
	other := credits.EntitlementRef{Type: credits.EntitlementFeature, ID: "none"}
	wantError(t, add(credits.PackageEntitlement{EntitlementRef: other}), credits.CodeInvalid, "entitlements[0].id")
	wantError(t, add(credits.PackageEntitlement{EntitlementRef: credits.EntitlementRef{Type: "GIFT", ID: "email"}}), credits.CodeInvalid, "entitlements[0].type")
	changed := must[credits.PackageEntitlement](t)(w.UpdateEntitlement(w.ctx, env, actor, pro, credit, credits.EntitlementUpdate{Cadence: credits.Set("YEAR")}))
	if changed.Cadence != "YEAR" || *changed.Amount != amount {
		t.Errorf("changed to %+v", changed)
	}
	_, err := w.UpdateEntitlement(w.ctx, env, actor, pro, credit, credits.EntitlementUpdate{Cadence: credits.Set("HOUR")})
	wantError(t, err, credits.CodeInvalid, "cadence")
	removed := must[credits.PackageEntitlement](t)(w.RemoveEntitlement(w.ctx, env, actor, pro, credits.EntitlementRef{ID: "email"}))
	if removed.EntitlementRef != feature {
		t.Errorf("removed %v", removed.EntitlementRef)
	}
	_, err = w.RemoveEntitlement(w.ctx, env, actor, pro, feature)
	wantError(t, err, "EntitlementNotFound", "")
	w.restart()
	if v := must[credits.PackageView](t)(w.Package(env, pro)); len(v.Version.Entitlements) != 1 || v.Version.Entitlements[0].Cadence != "YEAR" {
		t.Errorf("after a restart: %+v", v.Version.Entitlements)
	}
}

func TestEntitlements_inherited(t *testing.T) {
	// A plan inherits what its parent gives, and its own entitlement wins; a plan cannot be its own ancestor.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.feature("chat", countOf("chat"))
	entitle := func(ref credits.PackageRef, id string, limit int64) {
		must[[]credits.PackageEntitlement](t)(w.AddEntitlements(w.ctx, env, actor, ref, []credits.NewEntitlement{{PackageEntitlement: credits.PackageEntitlement{
			EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementFeature, ID: id}, UsageLimit: &limit}}}))
	}
	base := credits.PlanRef("base")
	w.draft(base)
	entitle(base, "email", 1)
	entitle(base, "chat", 2)
	w.draft(pro)
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{ParentPlanID: credits.Set("base")}))
	entitle(pro, "email", 10)
	got := map[string]int64{}
	view := must[credits.PackageView](t)(w.Package(env, pro))
	for _, p := range w.Catalog(env).Entitlements(view.Version) {
		got[p.ID] = *p.UsageLimit
	}
	if diff := cmp.Diff(map[string]int64{"email": 10, "chat": 2}, got); diff != "" {
		t.Error(diff)
	}
	_, err := w.UpdatePackage(w.ctx, env, actor, base, credits.PackageUpdate{ParentPlanID: credits.Set("pro")})
	wantError(t, err, credits.CodeInvalid, "parentPlanId")
}

func TestArchiveProduct(t *testing.T) {
	// Archiving a product archives its plans, and unarchiving brings back those it took along.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(pro, mapping("email", "1"))
	old := credits.PlanRef("old")
	w.offer(old, mapping("email", "1"))
	must[credits.PackageView](t)(w.ArchivePackage(w.ctx, env, actor, old))
	must[*credits.Product](t)(w.ArchiveProduct(w.ctx, env, actor, "app"))
	archived := credits.PackageFilter{Kind: credits.KindPlan, Statuses: []credits.PackageStatus{credits.PackageArchived}}
	if n := len(w.Packages(env, archived, credits.Page{}).Items); n != 2 {
		t.Errorf("%d plans archived, want 2", n)
	}
	_, err := w.CreatePackage(w.ctx, env, actor, credits.NewPackage{Ref: credits.PlanRef("x"), ProductID: "app", DisplayName: "X"})
	wantError(t, err, "ProductArchived", "productId")
	must[*credits.Product](t)(w.UnarchiveProduct(w.ctx, env, actor, "app"))
	if n := len(w.Packages(env, archived, credits.Page{}).Items); n != 1 {
		t.Errorf("%d plans archived after unarchive, want 1", n)
	}
}

func TestDuplicateProduct(t *testing.T) {
	// A copy has its own plans and add-ons, which refer to each other and not to the originals.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(credits.AddonRef("extra"), mapping("email", "2"))
	w.offer(pro, mapping("email", "1"))
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{CompatibleAddonIDs: credits.Set([]string{"extra"})}))
	must[*credits.Product](t)(w.DuplicateProduct(w.ctx, env, actor, "app", credits.ProductCopy{TargetID: "two", DisplayName: "Two"}))
	copied := must[credits.PackageView](t)(w.Package(env, credits.PlanRef("two-pro")))
	if copied.ProductID != "two" || copied.Status() != credits.PackagePublished {
		t.Errorf("copy is of %q, %s", copied.ProductID, copied.Status())
	}
	if diff := cmp.Diff([]string{"two-extra"}, copied.Version.CompatibleAddonIDs); diff != "" {
		t.Error(diff)
	}
	if _, ok := copied.Version.Mapping("email"); !ok {
		t.Error("the copy has lost its mapping")
	}
	_, err := w.DuplicateProduct(w.ctx, env, actor, "app", credits.ProductCopy{TargetID: "two"})
	wantError(t, err, credits.CodeDuplicate, "targetId")
}

func TestCharges(t *testing.T) {
	// Charges are listed in the order given, also page by page, and prices without a currency are in dollars.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.draft(pro)
	noCurrency := topUp("2", "", 1, 10)
	if err := w.price(pro, mapping("email", "1"), noCurrency); err != nil {
		t.Fatal(err)
	}
	rows := must[credits.PackageView](t)(w.Package(env, pro)).Version.Charges()
	first := credits.PageCharges(rows, credits.Page{Limit: 1})
	next := credits.PageCharges(rows, credits.Page{Limit: 1, After: first.Next})
	if first.Items[0].Model.FeatureID != "email" || next.Items[0].Model.TopUpCreditTypeID != "tokens" || next.Next != 0 || next.Prev == 0 {
		t.Errorf("pages are %+v and %+v", first, next)
	}
	if got := *next.Items[0].Price; got != (ledger.Money{Amount: dec("2"), Currency: "usd"}) {
		t.Errorf("price is %v", got)
	}
}
