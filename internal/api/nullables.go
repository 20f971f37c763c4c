package api

import "github.com/scrip-dev/scrip/internal/api/strictjson"

// nullables are the optional members of request bodies that may be null, by wire type. The generated types cannot say it;
// a test compares the list with the contract.
var nullables = strictjson.Nullables{
	"AddonCreate":                     {"billingId", "description", "maxQuantity", "pricingType"},
	"AutoRechargeInput":               {"maxSpendLimit"},
	"CheckoutOptions":                 {"referenceId"},
	"CouponDiscount":                  {"amountsOff"},
	"CreditRateInput":                 {"costFormula"},
	"CustomerCreate":                  {"billingCurrency", "billingId", "couponId", "defaultPaymentMethod", "email", "language", "name", "timezone"},
	"EventEstimate":                   {"resourceId"},
	"EventInput":                      {"resourceId"},
	"FeatureCreate":                   {"unitTransformation"},
	"PackageCharges":                  {"minimumSpend"},
	"PackageEntitlementCreateBody":    {"monthlyResetPeriodConfiguration", "usageLimit", "weeklyResetPeriodConfiguration", "yearlyResetPeriodConfiguration"},
	"PlanCreate":                      {"billingId", "defaultTrialConfig", "description", "parentPlanId", "pricingType"},
	"ProductCreate":                   {"description", "metadata"},
	"ProductSettings":                 {"downgradePlanId", "prorateAtEndOfBillingPeriod", "subscriptionStartPlanId"},
	"SubscriptionCreate":              {"billingCountryCode", "billingId", "budget", "minimumSpend", "payingCustomerId", "resourceId", "salesforceId"},
	"SubscriptionEntitlementBody":     {"monthlyResetPeriodConfiguration", "weeklyResetPeriodConfiguration", "yearlyResetPeriodConfiguration"},
	"SubscriptionImport":              {"billingId", "endDate", "resourceId"},
	"SubscriptionPreview":             {"billingCountryCode", "payingCustomerId", "resourceId"},
	"SubscriptionPriceOverride":       {"addonId", "featureId"},
	"SubscriptionPriceOverrideUpdate": {"addonId", "featureId", "currencyId"},
	"SubscriptionsImport":             {"integrationId"},
	"TrialConfigInput":                {"budget", "trialEndBehavior"},
	"UsageEstimate":                   {"resourceId"},
	"UsageInput":                      {"resourceId"},
}
