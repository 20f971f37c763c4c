package api

import (
	"net/http"
	"slices"
	"strings"
)

// The permissions that a scoped key can have. A key without scopes has all of them (reliability S1).
const (
	catalogRead       = "catalog:read"
	catalogWrite      = "catalog:write"
	customersRead     = "customers:read"
	customersWrite    = "customers:write"
	creditsRead       = "credits:read"
	creditsWrite      = "credits:write"
	usageWrite        = "usage:write"
	installationRead  = "installation:read"
	installationWrite = "installation:write"
	webhooksRead      = "webhooks:read"
	webhooksWrite     = "webhooks:write"
	revenueRead       = "revenue:read"
	revenueWrite      = "revenue:write"
	exportRead        = "export:read"
	exportWrite       = "export:write"
	noticesWrite      = "notices:write" // no key has it: those who send notices sign them
)

// flags are what is special about a route.
type flags uint16

const (
	body     flags = 1 << iota // takes a JSON body
	optional                   // the body may be absent
	batch                      // the body may be as large as a batch
	created                    // answers 201
	guarded                    // un-keyed retries of clients are answered with the first result, see retry.go
	secret                     // the answer holds a secret and is never kept
	public                     // needs no key
	signed                     // needs no key: a signature over the body, which the handler checks, says who speaks
	pooled                     // parameters name a pool, see poolAsked
)

// route is one operation of the contract. Scope is what a key must be allowed.
type route struct {
	pattern string
	scope   string
	flags   flags
	handler handler
}

func (r *route) status() int {
	if r.flags&created != 0 {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (r *route) bodyMax() int64 {
	if r.flags&batch != 0 {
		return batchBodyMax
	}
	return bodyMax
}

// pathNames lists the wildcards of the pattern.
func (r *route) pathNames() []string {
	var names []string
	for segment := range strings.SplitSeq(r.pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// allRoutes is the whole surface.
func (s *server) allRoutes() []route {
	return slices.Concat(
		s.currencyRoutes(), s.creditRoutes(), s.paymentRoutes(), s.usageRoutes(), s.customerRoutes(), s.featureRoutes(), s.productRoutes(),
		s.planRoutes(), s.addonRoutes(), s.subscriptionRoutes(), s.installationRoutes(), s.webhookRoutes(), s.revenueRoutes(),
		s.exportRoutes(), s.notSupportedRoutes(),
	)
}

func (s *server) currencyRoutes() []route {
	return []route{
		{"GET /api/v1/credits/custom-currencies", catalogRead, 0, s.listCustomCurrencies},
		{"POST /api/v1/credits/custom-currencies", catalogWrite, body | created | guarded, s.createCustomCurrency},
		{"PATCH /api/v1/credits/custom-currencies/{currencyId}", catalogWrite, body, s.updateCustomCurrency},
		{"POST /api/v1/credits/custom-currencies/{currencyId}/archive", catalogWrite, 0, s.archiveCustomCurrency},
		{"POST /api/v1/credits/custom-currencies/{currencyId}/unarchive", catalogWrite, 0, s.unarchiveCustomCurrency},
		{"GET /api/v1/credits/custom-currencies/{currencyId}/associated-entities", catalogRead, 0, s.listCurrencyAssociatedEntities},
	}
}

func (s *server) creditRoutes() []route {
	return []route{
		{"GET /api/v1/credits/grants", creditsRead, 0, s.listGrants},
		{"POST /api/v1/credits/grants", creditsWrite, body | created | guarded, s.createGrant},
		{"GET /api/v1/credits/grants/{id}", creditsRead, 0, s.getGrant},
		{"PATCH /api/v1/credits/grants/{id}", creditsWrite, body, s.updateGrant},
		{"POST /api/v1/credits/grants/{id}/void", creditsWrite, 0, s.voidGrant},
		{"GET /api/v1/credits/ledger", creditsRead, 0, s.listLedger},
		{"GET /api/v1/credits/usage", creditsRead, 0, s.getCreditUsage},
		{"GET /api/v1/credits/balances", creditsRead, 0, s.listBalances},
		{"GET /api/v1/credits/thresholds", creditsRead, 0, s.getThresholds},
		{"PUT /api/v1/credits/thresholds", creditsWrite, body | pooled, s.setThresholds},
		{"DELETE /api/v1/credits/thresholds", creditsWrite, pooled, s.removeThresholds},
		{"GET /api/v1/credits/auto-recharge", creditsRead, 0, s.getAutoRecharge},
		{"PUT /api/v1/credits/auto-recharge", creditsWrite, body, s.setAutoRecharge},
		{"GET /api/v1/credits/auto-recharge/operations", creditsRead, 0, s.listAutoRechargeOperations},
		{"POST /api/v1/credits/consumption", creditsWrite, body, s.consumeCredits},
		{"POST /api/v1/credits/consumption/async", creditsWrite, body | batch, s.consumeCreditsAsync},
		{"GET /api/v1/credits/reservations", creditsRead, 0, s.listReservations},
		{"POST /api/v1/credits/reservations", creditsWrite, body | created, s.createReservation},
		{"POST /api/v1/credits/reservations/{reservationId}/settle", creditsWrite, body | guarded, s.settleReservation},
		{"POST /api/v1/credits/reservations/{reservationId}/release", creditsWrite, body, s.releaseReservation},
	}
}

func (s *server) paymentRoutes() []route {
	return []route{
		{"POST /api/v1/credits/top-ups", creditsWrite, body | created | guarded, s.createTopUp},
		{"GET /api/v1/credits/payment-attempts", creditsRead, 0, s.listPaymentAttempts},
		{"GET /api/v1/credits/payment-attempts/{id}", creditsRead, 0, s.getPaymentAttempt},
		{"POST /api/v1/credits/payment-attempts/{id}/retry", creditsWrite, guarded, s.retryPaymentAttempt},
		{"POST /api/v1/credits/payment-attempts/{id}/outcome", creditsWrite, body, s.decidePaymentAttempt},
		{"POST /api/v1/payments/notices/{environment}/{provider}", noticesWrite, body | batch | signed, s.receivePaymentNotice},
		{"GET /api/v1/customers/{id}/payment-methods", customersRead, 0, s.listPaymentMethods},
		{"POST /api/v1/customers/{id}/payment-method", customersWrite, body, s.attachPaymentMethod},
		{"DELETE /api/v1/customers/{id}/payment-method", customersWrite, guarded, s.detachPaymentMethod},
	}
}

func (s *server) usageRoutes() []route {
	return []route{
		{"GET /api/v1/events", creditsRead, 0, s.listEvents},
		{"POST /api/v1/events", usageWrite, body | batch, s.reportEvents},
		{"POST /api/v1/events/report", usageWrite, body | batch, s.reportEventsDetailed},
		{"POST /api/v1/events/estimate", creditsRead, body, s.estimateEvent},
		{"GET /api/v1/events/{id}", creditsRead, 0, s.getEvent},
		{"POST /api/v1/events/{id}/reverse", creditsWrite, body, s.reverseEvent},
		{"POST /api/v1/events/{id}/release", creditsWrite, body | optional, s.releaseEvent},
		{"POST /api/v1/events/{id}/drop", creditsWrite, body | optional, s.dropEvent},
		{"POST /api/v1/events/{id}/rerate", creditsWrite, body | optional, s.rerateEvent},
		{"POST /api/v1/usage", usageWrite, body | batch | created | guarded, s.reportUsage},
		{"POST /api/v1/usage/estimate", creditsRead, body, s.estimateUsage},
		{"GET /api/v1/usage/{customerId}/history/{featureId}", creditsRead, 0, s.getUsageHistory},
	}
}

func (s *server) customerRoutes() []route {
	return []route{
		{"GET /api/v1/customers", customersRead, 0, s.listCustomers},
		{"POST /api/v1/customers", customersWrite, body | created | guarded, s.createCustomer},
		{"POST /api/v1/customers/import", customersWrite, body | batch | guarded, s.importCustomers},
		{"GET /api/v1/customers/{id}", customersRead, 0, s.getCustomer},
		{"PATCH /api/v1/customers/{id}", customersWrite, body, s.updateCustomer},
		{"POST /api/v1/customers/{id}/archive", customersWrite, 0, s.archiveCustomer},
		{"POST /api/v1/customers/{id}/unarchive", customersWrite, 0, s.unarchiveCustomer},
		{"GET /api/v1/customers/{id}/resources", customersRead, 0, s.listCustomerResources},
		{"GET /api/v1/customers/{id}/invoices", customersRead, 0, s.listCustomerInvoices},
		{"GET /api/v1/customers/{id}/entitlements", creditsRead, 0, s.getCustomerEntitlements},
		{"GET /api/v1/customers/{id}/entitlements/check", creditsRead, 0, s.checkEntitlement},
		{"GET /api/v1-beta/customers/{id}/entitlements/check", creditsRead, 0, s.checkEntitlementBeta},
	}
}

func (s *server) featureRoutes() []route {
	return []route{
		{"GET /api/v1/features", catalogRead, 0, s.listFeatures},
		{"POST /api/v1/features", catalogWrite, body | created | guarded, s.createFeature},
		{"GET /api/v1/features/{id}", catalogRead, 0, s.getFeature},
		{"PATCH /api/v1/features/{id}", catalogWrite, body, s.updateFeature},
		{"POST /api/v1/features/{id}/archive", catalogWrite, 0, s.archiveFeature},
		{"POST /api/v1/features/{id}/unarchive", catalogWrite, 0, s.unarchiveFeature},
	}
}

func (s *server) productRoutes() []route {
	return []route{
		{"GET /api/v1/products", catalogRead, 0, s.listProducts},
		{"POST /api/v1/products", catalogWrite, body | created | guarded, s.createProduct},
		{"PATCH /api/v1/products/{id}", catalogWrite, body, s.updateProduct},
		{"POST /api/v1/products/{id}/duplicate", catalogWrite, body | guarded, s.duplicateProduct},
		{"POST /api/v1/products/{id}/archive", catalogWrite, 0, s.archiveProduct},
		{"POST /api/v1/products/{id}/unarchive", catalogWrite, 0, s.unarchiveProduct},
	}
}

func (s *server) planRoutes() []route {
	return []route{
		{"GET /api/v1/plans", catalogRead, 0, s.listPlans},
		{"POST /api/v1/plans", catalogWrite, body | created | guarded, s.createPlan},
		{"GET /api/v1/plans/{id}", catalogRead, 0, s.getPlan},
		{"PATCH /api/v1/plans/{id}", catalogWrite, body, s.updatePlan},
		{"POST /api/v1/plans/{id}/archive", catalogWrite, 0, s.archivePlan},
		{"POST /api/v1/plans/{id}/draft", catalogWrite, 0, s.createPlanDraft},
		{"DELETE /api/v1/plans/{id}/draft", catalogWrite, guarded, s.deletePlanDraft},
		{"POST /api/v1/plans/{id}/publish", catalogWrite, body | guarded, s.publishPlan},
		{"GET /api/v1/plans/{id}/charges", catalogRead, 0, s.listPlanCharges},
		{"GET /api/v1/plans/{id}/overage-charges", catalogRead, 0, s.listPlanOverageCharges},
		{"GET /api/v1/plans/{planId}/entitlements", catalogRead, 0, s.listPlanEntitlements},
		{"POST /api/v1/plans/{planId}/entitlements", catalogWrite, body | created | guarded, s.createPlanEntitlements},
		{"PATCH /api/v1/plans/{planId}/entitlements/{id}", catalogWrite, body, s.updatePlanEntitlement},
		{"DELETE /api/v1/plans/{planId}/entitlements/{id}", catalogWrite, guarded, s.deletePlanEntitlement},
	}
}

func (s *server) addonRoutes() []route {
	return []route{
		{"GET /api/v1/addons", catalogRead, 0, s.listAddons},
		{"POST /api/v1/addons", catalogWrite, body | created | guarded, s.createAddon},
		{"GET /api/v1/addons/{id}", catalogRead, 0, s.getAddon},
		{"PATCH /api/v1/addons/{id}", catalogWrite, body, s.updateAddon},
		{"POST /api/v1/addons/{id}/archive", catalogWrite, 0, s.archiveAddon},
		{"POST /api/v1/addons/{id}/draft", catalogWrite, 0, s.createAddonDraft},
		{"DELETE /api/v1/addons/{id}/draft", catalogWrite, guarded, s.deleteAddonDraft},
		{"POST /api/v1/addons/{id}/publish", catalogWrite, body | guarded, s.publishAddon},
		{"GET /api/v1/addons/{id}/charges", catalogRead, 0, s.listAddonCharges},
		{"GET /api/v1/addons/{addonId}/entitlements", catalogRead, 0, s.listAddonEntitlements},
		{"POST /api/v1/addons/{addonId}/entitlements", catalogWrite, body | created | guarded, s.createAddonEntitlements},
		{"PATCH /api/v1/addons/{addonId}/entitlements/{id}", catalogWrite, body, s.updateAddonEntitlement},
		{"DELETE /api/v1/addons/{addonId}/entitlements/{id}", catalogWrite, guarded, s.deleteAddonEntitlement},
	}
}

func (s *server) subscriptionRoutes() []route {
	return []route{
		{"GET /api/v1/subscriptions", customersRead, 0, s.listSubscriptions},
		{"POST /api/v1/subscriptions", customersWrite, body | created | guarded, s.createSubscription},
		{"GET /api/v1/subscriptions/{id}", customersRead, 0, s.getSubscription},
		{"PATCH /api/v1/subscriptions/{id}", customersWrite, body, s.updateSubscription},
		{"POST /api/v1/subscriptions/{id}/cancel", customersWrite, body | optional | guarded, s.cancelSubscription},
		{"POST /api/v1/subscriptions/preview", customersRead, body, s.previewSubscription},
		{"POST /api/v1/subscriptions/import", customersWrite, body | guarded, s.importSubscriptions},
		{"POST /api/v1/subscriptions/{id}/migrate", customersWrite, body | optional | guarded, s.migrateSubscription},
		{"POST /api/v1/subscriptions/{id}/pause", customersWrite, body | optional | guarded, s.pauseSubscription},
		{"POST /api/v1/subscriptions/{id}/resume", customersWrite, guarded, s.resumeSubscription},
		{"DELETE /api/v1/subscriptions/{id}/future-update/schedule", customersWrite, guarded, s.dropScheduledUpdates},
	}
}

func (s *server) revenueRoutes() []route {
	return []route{
		{"GET /api/v1/revenue/months", revenueRead, 0, s.listRevenueMonths},
		{"GET /api/v1/revenue/months/{month}", revenueRead, 0, s.getRevenueMonth},
		{"POST /api/v1/revenue/months/{month}/close", revenueWrite, 0, s.closeRevenueMonth},
		{"GET /api/v1/revenue/months/{month}/journal.csv", revenueRead, 0, s.getRevenueJournal},
		{"GET /api/v1/revenue/months/{month}/grants", revenueRead, 0, s.listRevenueGrants},
	}
}

func (s *server) exportRoutes() []route {
	return []route{
		{"GET /api/v1/data-export/models", exportRead, 0, s.listExportModels},
		{"POST /api/v1/data-export/scoped-token", exportWrite, body | optional, notSupported},
		{"POST /api/v1/data-export/sync", exportWrite, body | optional, s.syncExports},
		{"GET /api/v1/data-export/destinations", exportRead, 0, s.listExportDestinations},
		{"POST /api/v1/data-export/destinations", exportWrite, body | guarded, s.createExportDestination},
		{"PATCH /api/v1/data-export/destinations/{destinationId}", exportWrite, body, s.updateExportDestination},
		{"DELETE /api/v1/data-export/destinations/{destinationId}", exportWrite, 0, s.deleteExportDestination},
	}
}

func (s *server) installationRoutes() []route {
	return []route{
		{"GET /api/v1/environments", installationRead, 0, s.listEnvironments},
		{"GET /api/v1/clock", installationRead, 0, s.getClock},
		{"POST /api/v1/clock/advance", installationWrite, body | guarded, s.advanceClock},
		{"POST /api/v1/clock/release", installationWrite, 0, s.releaseClock},
		{"GET /api/v1/api-keys", installationRead, 0, s.listAPIKeys},
		{"POST /api/v1/api-keys", installationWrite, body | created | secret, s.createAPIKey},
		{"POST /api/v1/api-keys/{id}/revoke", installationWrite, 0, s.revokeAPIKey},
	}
}

func (s *server) webhookRoutes() []route {
	return []route{
		{"GET /api/v1/webhook-endpoints", webhooksRead, 0, s.listWebhookEndpoints},
		{"POST /api/v1/webhook-endpoints", webhooksWrite, body | created | secret, s.createWebhookEndpoint},
		{"GET /api/v1/webhook-endpoints/{id}", webhooksRead, 0, s.getWebhookEndpoint},
		{"PATCH /api/v1/webhook-endpoints/{id}", webhooksWrite, body, s.updateWebhookEndpoint},
		{"GET /api/v1/webhook-endpoints/{id}/secret", webhooksWrite, secret, s.getWebhookSecrets},
		{"POST /api/v1/webhook-endpoints/{id}/rotate-secret", webhooksWrite, body | optional | secret, s.rotateWebhookSecret},
		{"POST /api/v1/webhook-endpoints/{id}/test", webhooksWrite, body | guarded, s.testWebhookEndpoint},
		{"POST /api/v1/webhook-endpoints/{id}/replay", webhooksWrite, body | guarded, s.replayWebhookMessages},
		{"GET /api/v1/webhook-endpoints/{id}/deliveries", webhooksRead, 0, s.listWebhookDeliveries},
		{"GET /api/v1/webhook-endpoints/{id}/deliveries/{messageId}", webhooksRead, 0, s.getWebhookDelivery},
		{"POST /api/v1/webhook-endpoints/{id}/deliveries/{messageId}/replay", webhooksWrite, guarded, s.replayWebhookDelivery},
		{"POST /api/v1/webhook-endpoints/{id}/disable", webhooksWrite, 0, s.disableWebhookEndpoint},
		{"POST /api/v1/webhook-endpoints/{id}/enable", webhooksWrite, 0, s.enableWebhookEndpoint},
		{"DELETE /api/v1/webhook-endpoints/{id}", webhooksWrite, guarded, s.deleteWebhookEndpoint},
		{"GET /api/v1/webhook-messages", webhooksRead, 0, s.listWebhookMessages},
		{"POST /api/v1/webhook-messages/test", webhooksWrite, body | guarded, s.triggerWebhookMessage},
	}
}

// notSupportedRoutes are operations of the compatible surface that are no part of this product.
func (s *server) notSupportedRoutes() []route {
	return []route{
		{"GET /api/v1/coupons", catalogRead, 0, notSupported},
		{"POST /api/v1/coupons", catalogWrite, body | optional, notSupported},
		{"GET /api/v1/coupons/{id}", catalogRead, 0, notSupported},
		{"PATCH /api/v1/coupons/{id}", catalogWrite, body | optional, notSupported},
		{"POST /api/v1/coupons/{id}/archive", catalogWrite, 0, notSupported},
		{"GET /api/v1/contracts", customersRead, 0, notSupported},
		{"POST /api/v1/contracts", customersWrite, body | optional, notSupported},
		{"GET /api/v1/contracts/{id}", customersRead, 0, notSupported},
		{"PATCH /api/v1/contracts/{id}", customersWrite, body | optional, notSupported},
		{"POST /api/v1/contracts/{id}/archive", customersWrite, 0, notSupported},
		{"GET /api/v1/customers/{id}/contracts", customersRead, 0, notSupported},
		{"GET /api/v1/customers/{id}/promotional-entitlements", customersRead, 0, notSupported},
		{"POST /api/v1/customers/{id}/promotional-entitlements", customersWrite, body | optional, notSupported},
		{"DELETE /api/v1/customers/{id}/promotional-entitlements/{featureId}", customersWrite, 0, notSupported},
		{"POST /api/v1/subscriptions/{id}/delegate", customersWrite, body | optional, notSupported},
		{"POST /api/v1/subscriptions/{id}/transfer", customersWrite, body | optional, notSupported},
	}
}
