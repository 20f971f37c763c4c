package api

import (
	"slices"
	"strings"
	"testing"
)

const plansPath = "/api/v1/plans"

func TestPlans(t *testing.T) {
	// A plan starts as a draft, is changed, published, drafted again, discarded and archived.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", "/api/v1/products", `{"id":"p","displayName":"P"}`)
	a.ok("POST", plansPath, `{"id":"parent","displayName":"Parent","productId":"p","billingId":null,"pricingType":null,"parentPlanId":null,"defaultTrialConfig":null}`).
		want("data.status", `"DRAFT"`, "data.versionNumber", "1", "data.isLatest", "false", "data.pricingType", "null", "data.parentPlanId", "null",
			"data.compatibleAddonIds", "null", "data.defaultTrialConfig", "null", "data.entitlements", "[]")
	a.ok("POST", plansPath, `{"id":"pro","displayName":"Pro","productId":"p","billingId":"b","description":"d","metadata":{"k":"v"},"parentPlanId":"parent","pricingType":"PAID",
		"defaultTrialConfig":{"duration":14,"units":"DAY","budget":{"limit":10.5,"hasSoftLimit":true},"trialEndBehavior":null}}`).
		want("data.defaultTrialConfig", `{"budget":{"hasSoftLimit":true,"limit":10.5},"duration":14,"units":"DAY"}`, "data.parentPlanId", `"parent"`,
			"data.billingId", `"b"`, "data.pricingType", `"PAID"`)
	a.ok("PATCH", plansPath+"/pro", `{"description":null,"billingId":null,"defaultTrialConfig":null,"parentPlanId":null,"compatibleAddonIds":[],"metadata":{}}`).
		want("data.description", "null", "data.defaultTrialConfig", "null", "data.compatibleAddonIds", "[]", "data.displayName", `"Pro"`, "data.metadata", "{}")
	a.ok("PATCH", plansPath+"/pro", `{"compatibleAddonIds":null}`).want("data.compatibleAddonIds", "null")
	a.ok("POST", plansPath+"/pro/publish", `{"migrationType":"NEW_CUSTOMERS"}`).want("data.taskId", "null")
	a.ok("GET", plansPath+"/pro", "").want("data.status", `"PUBLISHED"`, "data.isLatest", "true")
	a.ok("POST", plansPath+"/pro/draft", "").want("data.status", `"DRAFT"`, "data.versionNumber", "2", "data.isLatest", "false")
	a.ok("GET", plansPath+"/pro", "").want("data.status", `"PUBLISHED"`, "data.versionNumber", "1")
	a.ok("DELETE", plansPath+"/pro/draft", "").want("data.id", `"pro"`)
	a.refused(404, "DraftNotFound", "", "DELETE", plansPath+"/pro/draft", "")
	if got := a.ok("GET", plansPath+"?status=PUBLISHED&productId=p", "").ids(); !slices.Equal(got, []string{"pro"}) {
		t.Errorf("published are %v", got)
	}
	if got := a.walk(plansPath); !slices.Equal(got, []string{"pro", "parent"}) {
		t.Errorf("walked %v", got)
	}
	a.ok("POST", plansPath+"/pro/archive", "").want("data.status", `"ARCHIVED"`)
	a.ok("POST", plansPath, `{"id":"live","displayName":"Live","productId":"p","status":"PUBLISHED"}`).want("data.status", `"PUBLISHED"`)
}

func TestPlanRefusals(t *testing.T) {
	// What a plan cannot be is refused; published versions do not change what they charge.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	const bad = "InvalidArgumentError"
	create := func(field, body string) {
		t.Helper()
		a.refused(400, bad, field, "POST", plansPath, body)
	}
	create("productId", `{"id":"a","displayName":"A"}`)
	create("status", `{"id":"a","displayName":"A","productId":"p","status":"ARCHIVED"}`)
	create("pricingType", `{"id":"a","displayName":"A","productId":"p","pricingType":"free"}`)
	create("parentPlanId", `{"id":"a","displayName":"A","productId":"p","parentPlanId":"none"}`)
	create("defaultTrialConfig.units", `{"id":"a","displayName":"A","productId":"p","defaultTrialConfig":{"duration":1}}`)
	create("defaultTrialConfig.duration", `{"id":"a","displayName":"A","productId":"p","defaultTrialConfig":{"duration":0,"units":"DAY"}}`)
	create("entitlements", `{"id":"a","displayName":"A","productId":"p","entitlements":[]}`)
	a.refused(404, "ProductNotFound", "productId", "POST", plansPath, `{"id":"a","displayName":"A","productId":"none"}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", plansPath, `{"id":"basic","displayName":"A","productId":"p"}`)
	a.refused(409, "DraftRequired", "", "PATCH", plansPath+"/basic", `{"charges":{"pricingType":"FREE"}}`)
	a.refused(409, "DraftRequired", "", "POST", plansPath+"/basic/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.refused(400, bad, "migrationType", "POST", plansPath+"/basic/publish", `{}`)
	a.refused(404, "PlanNotFound", "", "GET", plansPath+"/none", "")
	a.refused(404, "PlanNotFound", "", "GET", plansPath+"/none/charges", "")
	a.refused(404, "PlanNotFound", "", "GET", plansPath+"/none/overage-charges", "")
	a.ok("PATCH", plansPath+"/basic", `{"displayName":"Still"}`).want("data.displayName", `"Still"`)
}

func TestCharges(t *testing.T) {
	// Prices come back as they went in, in their order, and overage apart from them.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", plansPath, `{"id":"full","displayName":"Full","productId":"p"}`)
	a.ok("PATCH", plansPath+"/full", `{"charges":{"pricingType":"PAID","billingId":"b","minimumSpend":null,"overageBillingPeriod":"MONTHLY","pricingModels":[
		{"billingModel":"FLAT_FEE","pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":49,"currency":"eur"}},{"billingPeriod":"ANNUALLY","price":{"amount":"490.50"}}]},
		{"billingModel":"USAGE_BASED","topUpCustomCurrencyId":"credits","minUnitQuantity":10,"maxUnitQuantity":1000,"pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":0.01},"blockSize":1,"creditGrantCadence":"MONTHLY"}]},
		{"billingModel":"CREDIT_BASED","featureId":"calls","resetPeriod":"MONTH","monthlyResetPeriodConfiguration":{"accordingTo":"StartOfTheMonth"},
			"pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":0,"costFormula":"units * 2"}}]},
		{"billingModel":"PER_UNIT","billingCadence":"ONE_OFF","featureId":"calls","tiersMode":"VOLUME","pricePeriods":[{"billingPeriod":"MONTHLY","billingCountryCode":"DE",
			"tiers":[{"upTo":10,"unitPrice":{"amount":1,"currency":"usd"}},{"flatPrice":{"amount":5}}]}]}],
		"overagePricingModels":[{"billingModel":"USAGE_BASED","currencyId":"credits","creditEntitlement":{"amount":5,"cadence":"MONTH","customCurrencyId":"credits"},
			"pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":0.02}}]}]}}`)
	got := a.ok("GET", plansPath+"/full/charges", "")
	got.want("data.0.price", `{"amount":49,"currency":"eur"}`, "data.1.price", `{"amount":490.5,"currency":"usd"}`, "data.1.billingPeriod", `"ANNUALLY"`,
		"data.2.topUpCustomCurrencyId", `"credits"`, "data.2.minUnitQuantity", "10", "data.2.maxUnitQuantity", "1000", "data.2.blockSize", "1",
		"data.2.creditGrantCadence", `"MONTHLY"`, "data.3.creditRate", `{"amount":0,"costFormula":"units * 2","currencyId":"credits"}`, "data.3.featureId", `"calls"`,
		"data.4.tiers", `[{"unitPrice":{"amount":1,"currency":"usd"},"upTo":10},{"flatPrice":{"amount":5,"currency":"usd"}}]`, "data.4.tiersMode", `"VOLUME"`,
		"data.4.billingCountryCode", `"DE"`, "data.4.billingCadence", `"ONE_OFF"`, "data.0.billingCadence", `"RECURRING"`, "data.5", "")
	if walked := a.walk(plansPath + "/full/charges"); !slices.Equal(walked, got.ids()) {
		t.Errorf("walked %v, listed %v", walked, got.ids())
	}
	a.ok("GET", plansPath+"/full/overage-charges", "").want("data.0.topUpCustomCurrencyId", `"credits"`, "data.0.price.amount", "0.02", "data.1", "")
}

func TestChargeRefusals(t *testing.T) {
	// A price that cannot be is refused with its whole path.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", plansPath+"/basic/draft", "")
	model := func(members string) string {
		return `{"charges":{"pricingType":"PAID","pricingModels":[{` + members + `}]}}`
	}
	period := func(members string) string {
		return model(`"billingModel":"FLAT_FEE","pricePeriods":[{"billingPeriod":"MONTHLY",` + members + `}]`)
	}
	const first = "charges.pricingModels[0]."
	for body, field := range map[string]string{
		`{"charges":{}}`:                              "charges.pricingType",
		model(`"billingModel":"FLAT_FEE"`):            first + "pricePeriods",
		model(`"billingModel":"FREE"`):                first + "billingModel",
		period(`"price":{"currency":"usd"}`):          first + "pricePeriods[0].price.amount",
		period(`"price":{"amount":-1}`):               first + "pricePeriods[0].price.amount",
		period(`"price":{"amount":1.0000000001}`):     first + "pricePeriods[0].price.amount",
		period(`"price":{"amount":1e15}`):             first + "pricePeriods[0].price.amount",
		period(`"price":{"amount":1,"currency":"X"}`): first + "pricePeriods[0].price.currency",
		period(`"blockSize":0`):                       first + "pricePeriods[0].blockSize",
		period(`"tiers":[{"upTo":"many"}]`):           first + "pricePeriods[0].tiers[0].upTo",
		model(`"billingModel":"CREDIT_BASED","featureId":"none","pricePeriods":[{"billingPeriod":"MONTHLY"}]`):                                         first + "featureId",
		model(`"billingModel":"CREDIT_BASED","featureId":"calls","pricePeriods":[{"billingPeriod":"MONTHLY"}]`):                                        first + "pricePeriods[0].creditRate",
		model(`"billingModel":"FLAT_FEE","weeklyResetPeriodConfiguration":{"accordingTo":"EveryMonday"},"pricePeriods":[{"billingPeriod":"MONTHLY"}]`): first + "weeklyResetPeriodConfiguration",
	} {
		a.refused(400, "InvalidArgumentError", field, "PATCH", plansPath+"/basic", body)
	}
	a.refused(400, "InvalidFormula", first+"pricePeriods[0].creditRate.costFormula", "PATCH", plansPath+"/basic",
		model(`"billingModel":"CREDIT_BASED","featureId":"calls","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"credits","amount":1,"costFormula":"units *"}}]`))
	a.ok("GET", plansPath+"/basic/charges", "").want("data.0.billingModel", `"CREDIT_BASED"`, "data.1", "") // unchanged
}

func TestPackageEntitlements(t *testing.T) {
	// Entitlements of both types are added to a draft, read, changed and taken out again, for plans and add-ons alike.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", plansPath+"/basic/draft", "")
	a.ok("POST", "/api/v1/addons", `{"id":"extra","displayName":"Extra","productId":"p"}`)
	for _, path := range []string{plansPath + "/basic/entitlements", "/api/v1/addons/extra/entitlements"} {
		a.ok("POST", path, `{"entitlements":[
			{"type":"CREDIT","id":"credits","amount":100.5,"cadence":"MONTH","order":1,"hiddenFromWidgets":["PAYWALL"]},
			{"type":"FEATURE","id":"calls","usageLimit":10,"resetPeriod":"WEEK","weeklyResetPeriodConfiguration":{"accordingTo":"EveryMonday"},"monthlyResetPeriodConfiguration":null,"hasSoftLimit":true,"isGranted":false}]}`)
		a.ok("GET", path, "").want("data.0.amount", "100.5", "data.0.cadence", `"MONTH"`, "data.0.hiddenFromWidgets", `["PAYWALL"]`, "data.0.isGranted", "true",
			"data.0.behavior", `"Increment"`, "data.1.usageLimit", "10", "data.1.resetPeriodConfiguration", `{"accordingTo":"EveryMonday"}`,
			"data.1.isGranted", "false", "data.1.enumValues", "null", "pagination", `{"next":null,"prev":null}`)
		a.ok("PATCH", path+"/credits", `{"type":"CREDIT","amount":"7","dependencyFeatureId":"calls"}`).
			want("data.amount", "7", "data.dependencyFeatureId", `"calls"`, "data.cadence", `"MONTH"`, "data.order", "1")
		a.ok("PATCH", path+"/credits", `{"type":"CREDIT","dependencyFeatureId":null,"description":"x"}`).want("data.dependencyFeatureId", "", "data.amount", "7")
		a.ok("PATCH", path+"/calls", `{"type":"FEATURE","usageLimit":null,"hasUnlimitedUsage":true}`).
			want("data.usageLimit", "null", "data.hasUnlimitedUsage", "true", "data.resetPeriod", `"WEEK"`)
		a.ok("PATCH", path+"/calls", `{"type":"FEATURE","resetPeriod":"MONTH"}`).want("data.resetPeriod", `"MONTH"`, "data.resetPeriodConfiguration", "null")
		a.ok("PATCH", path+"/credits", `{"type":"CREDIT","cadence":"WEEK","trialAmount":20,"rollover":{"maxPercent":12.5,"maxPeriods":2},
			"deficitAtReset":"FORGIVE","midCycle":"FULL","creditValue":{"amount":0.01}}`).
			want("data.cadence", `"WEEK"`, "data.trialAmount", "20", "data.rollover", `{"maxPercent":12.5,"maxPeriods":2}`, "data.deficitAtReset", `"FORGIVE"`,
				"data.midCycle", `"FULL"`, "data.creditValue", `{"amount":0.01,"currency":"usd"}`)
		a.ok("PATCH", path+"/credits", `{"type":"CREDIT","rollover":null,"trialAmount":null,"creditValue":null}`).
			want("data.rollover", "", "data.trialAmount", "", "data.creditValue", "", "data.cadence", `"WEEK"`, "data.midCycle", `"FULL"`)
		a.refused(404, "EntitlementNotFound", "", "PATCH", path+"/none", `{"type":"FEATURE"}`)
		a.refused(404, "EntitlementNotFound", "", "PATCH", path+"/calls", `{"type":"CREDIT"}`)
		a.ok("DELETE", path+"/calls", "").want("data.id", `"calls"`)
		a.refused(404, "EntitlementNotFound", "", "DELETE", path+"/calls", "")
	}
	a.ok("GET", plansPath+"/basic", "").want("data.entitlements", "[]") // the published version
	a.ok("POST", plansPath+"/basic/publish", `{"migrationType":"ALL_CUSTOMERS"}`)
	a.ok("GET", plansPath+"/basic", "").want("data.entitlements", `[{"id":"credits","type":"CREDIT"}]`)
}

func TestPackageEntitlementRefusals(t *testing.T) {
	// A variant takes its own members only, and a bad item stores none of its batch.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", plansPath+"/basic/draft", "")
	path := plansPath + "/basic/entitlements"
	for item, field := range map[string]string{
		`{"id":"credits"}`: "type",
		`{"type":"CREDIT","id":"credits","cadence":"MONTH"}`:                                                          "amount",
		`{"type":"CREDIT","id":"credits","amount":null,"cadence":"MONTH"}`:                                            "amount",
		`{"type":"CREDIT","id":"credits","amount":1}`:                                                                 "cadence",
		`{"type":"CREDIT","id":"credits","amount":-1,"cadence":"MONTH"}`:                                              "amount",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"MONTH","usageLimit":1}`:                                "usageLimit",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"HOUR"}`:                                                "cadence",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","rollover":{"maxPeriods":0}}`:                     "rollover.maxPeriods",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","rollover":{"maxPeriods":1,"maxAmount":-1}}`:      "rollover.maxAmount",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","rollover":{"maxPeriods":1,"maxPercent":101}}`:    "rollover.maxPercent",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","trialAmount":-1}`:                                "trialAmount",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","deficitAtReset":"FORGET"}`:                       "deficitAtReset",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","midCycle":"NEVER"}`:                              "midCycle",
		`{"type":"CREDIT","id":"credits","amount":1,"cadence":"DAY","creditValue":{"amount":1,"currency":"credits"}}`: "creditValue.currency",
		`{"type":"FEATURE","id":"calls","rollover":{"maxPeriods":1}}`:                                                 "rollover",
		`{"type":"FEATURE","id":"calls","amount":1}`:                                                                  "amount",
		`{"type":"FEATURE","id":"calls","cadence":"MONTH"}`:                                                           "cadence",
		`{"type":"FEATURE","id":"none"}`:                                                                              "id",
		`{"type":"FEATURE","id":"calls","usageLimit":-1}`:                                                             "usageLimit",
		`{"type":"FEATURE","id":"calls","usageLimit":1.5}`:                                                            "usageLimit",
		`{"type":"FEATURE","id":"calls","yearlyResetPeriodConfiguration":{"accordingTo":"SubscriptionStart"}}`:        "yearlyResetPeriodConfiguration",
		`{"type":"FEATURE","id":"calls","hiddenFromWidgets":["ALL"]}`:                                                 "hiddenFromWidgets[0]",
		`{"type":"FEATURE","id":"calls","description":null}`:                                                          "description",
	} {
		field = "entitlements[1]." + field
		body := `{"entitlements":[{"type":"FEATURE","id":"calls"},` + item + `]}`
		if strings.Contains(item, `"id":"calls"`) {
			body = `{"entitlements":[{"type":"CREDIT","id":"credits","amount":1,"cadence":"YEAR"},` + item + `]}`
		}
		a.refused(400, "InvalidArgumentError", field, "POST", path, body)
	}
	a.refused(400, "InvalidArgumentError", "entitlements", "POST", path, `{"entitlements":[]}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "entitlements[1].id", "POST", path, `{"entitlements":[{"type":"FEATURE","id":"calls"},{"type":"FEATURE","id":"calls"}]}`)
	a.ok("GET", path, "").want("data", "[]")
	a.refused(400, "InvalidArgumentError", "amount", "PATCH", path+"/calls", `{"type":"FEATURE","amount":1}`)
	a.refused(400, "InvalidArgumentError", "usageLimit", "PATCH", path+"/credits", `{"type":"CREDIT","usageLimit":null}`)
	a.refused(400, "InvalidArgumentError", "amount", "PATCH", path+"/credits", `{"type":"CREDIT","amount":null}`)
	a.ok("DELETE", plansPath+"/basic/draft", "")
	a.refused(409, "DraftRequired", "", "POST", path, `{"entitlements":[{"type":"FEATURE","id":"calls"}]}`)
}

func TestAddons(t *testing.T) {
	// Add-ons live like plans, with a bound on their quantity and dependencies.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	const path = "/api/v1/addons"
	a.ok("POST", path, `{"id":"base","displayName":"Base","productId":"p","maxQuantity":null}`).want("data.maxQuantity", "null", "data.dependencies", "null", "data.status", `"DRAFT"`)
	a.ok("POST", path, `{"id":"more","displayName":"More","productId":"p","maxQuantity":3,"pricingType":"PAID"}`).want("data.maxQuantity", "3")
	a.ok("PATCH", path+"/more", `{"dependencies":["base"],"maxQuantity":5,"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"FLAT_FEE","pricePeriods":[{"billingPeriod":"MONTHLY","price":{"amount":1}}]}]}}`).
		want("data.dependencies", `["base"]`, "data.maxQuantity", "5")
	a.ok("PATCH", path+"/more", `{"dependencies":null,"maxQuantity":null}`).want("data.dependencies", "null", "data.maxQuantity", "null")
	a.ok("GET", path+"/more/charges", "").want("data.0.price.amount", "1", "data.1", "")
	a.ok("PATCH", path+"/more", `{"status":"PUBLISHED"}`).want("data.status", `"PUBLISHED"`)
	a.ok("POST", path+"/base/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	a.ok("POST", path+"/base/draft", "").want("data.versionNumber", "2")
	a.ok("DELETE", path+"/base/draft", "").want("data.id", `"base"`)
	a.ok("GET", path+"/base", "").want("data.versionNumber", "1", "data.isLatest", "true")
	if got := a.walk(path + "?productId=p"); !slices.Equal(got, []string{"more", "base"}) {
		t.Errorf("walked %v", got)
	}
	a.ok("POST", path+"/base/archive", "").want("data.status", `"ARCHIVED"`)
	a.refused(400, "InvalidArgumentError", "maxQuantity", "POST", path, `{"id":"a","displayName":"A","productId":"p","maxQuantity":0}`)
	a.refused(400, "InvalidArgumentError", "maxQuantity", "POST", path, `{"id":"a","displayName":"A","productId":"p","maxQuantity":4294967297}`)
	a.refused(400, "InvalidArgumentError", "parentPlanId", "POST", path, `{"id":"a","displayName":"A","productId":"p","parentPlanId":"basic"}`)
	a.refused(400, "InvalidArgumentError", "metadata", "PATCH", path+"/more", `{"metadata":null}`)
	a.refused(404, "AddonNotFound", "", "GET", path+"/basic", "")
}
