package export

import "slices"

// The tables, in the order in which they are written.
const (
	tableCreditTypes   = "credit_types"
	tableGrants        = "credit_grants"
	tableLedger        = "credit_ledger"
	tableConsumption   = "credit_consumption"
	tableEvents        = "usage_events"
	tableCustomers     = "customers"
	tableSubscriptions = "subscriptions"
	tableFeatures      = "features"
	tablePlans         = "plans"
	tableVersions      = "plan_versions"
	tableMappings      = "mappings"
)

// Tables lists what can be exported (semantics 18). No column is called "at", which is a word of some warehouses.
func Tables() []Table {
	return []Table{
		{tableCreditTypes, "Credit types", "catalogue", slices.Concat(
			texts("id", "display_name", "unit_singular", "unit_plural", "symbol"), instants("archived_at", "created_at", "updated_at"))},
		{tableGrants, "Credit grants", "credits", grantColumns},
		{tableLedger, "Credit ledger", "credits", ledgerColumns},
		{tableConsumption, "Credit consumption", "credits", consumptionColumns},
		{tableEvents, "Usage events", "usage", eventColumns},
		{tableCustomers, "Customers", "customers", slices.Concat(
			texts("id", "name", "email", "billing_currency", "billing_id", "language", "timezone"), []column{{"metadata", object}},
			instants("archived_at", "created_at", "updated_at"))},
		{tableSubscriptions, "Subscriptions", "customers", slices.Concat(
			texts("id", "customer_id", "resource_id", "product_id", "plan_id"), []column{{"plan_version", integer}},
			texts("pricing_type", "billing_period", "payment_collection_method"), instants("start_at", "end_at", "canceled_at"),
			texts("cancel_reason"), []column{{"metadata", object}}, instants("created_at", "updated_at"))},
		{tableFeatures, "Features", "catalogue", slices.Concat(
			texts("id", "display_name", "description", "feature_type", "feature_status", "meter_type", "unit_singular", "unit_plural"),
			[]column{{"meter", object}, {"metadata", object}}, instants("created_at", "updated_at"))},
		{tablePlans, "Plans and add-ons", "catalogue", slices.Concat(
			texts("id", "kind", "product_id"), []column{{"published_version", integer}, {"draft_version", integer}},
			instants("archived_at", "created_at", "updated_at"))},
		{tableVersions, "Versions of plans and add-ons", "catalogue", slices.Concat(
			texts("plan_id", "kind"), []column{{"version", integer}}, texts("status", "display_name", "description", "pricing_type", "parent_plan_id"),
			[]column{{"entitlements", object}, {"metadata", object}}, instants("published_at", "created_at", "updated_at"))},
		{tableMappings, "Mappings of features to credits", "catalogue", slices.Concat(
			texts("id", "plan_id", "kind"), []column{{"version", integer}}, texts("feature_id", "currency_id"),
			[]column{{"rate", decimal}}, texts("formula"), instants("created_at", "updated_at"))},
	}
}

var (
	grantColumns = slices.Concat(
		texts("id", "grant_id", "environment_id", "customer_id", "resource_id", "currency_id", "display_name", "grant_type", "category",
			"status", "source_type", "source_id"),
		decimals("amount", "consumed_amount", "expired_amount", "voided_amount", "remaining_amount", "cost_amount"), texts("cost_currency"),
		decimals("cost_basis"), []column{{"priority", integer}}, instants("effective_at", "expire_at", "voided_at"),
		texts("payment_collection", "payment_collection_method", "invoice_id", "comment"), []column{{"metadata", object}},
		texts("created_by"), instants("created_at", "updated_at"))
	ledgerColumns = slices.Concat(
		texts("id"), []column{{"seq", integer}},
		texts("txn_id", "environment_id", "customer_id", "resource_id", "currency_id", "event_type"),
		decimals("amount", "start_balance", "end_balance"),
		texts("credit_grant_id", "feature_id", "event_id", "source_type", "source_id", "actor_type", "actor_id", "reason"),
		decimals("cost_basis", "money_amount"), texts("money_currency"), instants("event_timestamp", "timestamp"), texts("hash"))
	consumptionColumns = slices.Concat(
		texts("environment_id", "customer_id", "resource_id", "event_id", "feature_id"), decimals("partial_cost", "total_cost"),
		texts("credit_grant_id", "credit_currency_id"), instants("consumption_timestamp", "event_timestamp", "created_at"))
	eventColumns = slices.Concat(
		texts("id", "customer_id", "resource_id", "event_name", "idempotency_key"), []column{{"dimensions", object}},
		instants("timestamp", "received_at"), texts("rating_status"), []column{{"warnings", object}})
)

func decimals(names ...string) []column { return kinds(decimal, names) }

func instants(names ...string) []column { return kinds(instant, names) }

func kinds(k kind, names []string) []column {
	var list []column
	for _, name := range names {
		list = append(list, column{name, k})
	}
	return list
}

// TableNames lists the names of all tables.
func TableNames() []string {
	var names []string
	for _, t := range Tables() {
		names = append(names, t.Name)
	}
	return names
}
