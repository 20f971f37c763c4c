package store

import (
	"fmt"
	"slices"
	"strings"
)

// table is what statements that treat all tables alike know of one: its columns, the primary key apart.
type table struct {
	name  string
	key   []string
	other []string
	flags []string // those of the other columns that are true or false, which SQLite does not tell from numbers
	only  string   // a condition; rows that do not meet it belong to the database itself and are left alone
}

// catalogueTables are small or change rarely, and the event path writes none of them. A table stands behind those that it
// refers to.
var catalogueTables = []table{
	{name: "environments", key: words("id"), other: words(`no name production created_at revision last_no
		clock_at clock_since clock_stands clock_version`)},
	{name: "api_keys", key: words("environment id"), other: words("no kind name scopes hash created_at expires_at revoked_at")},
	{name: "credit_types", key: words("environment id"), other: words("no format document")},
	{name: "features", key: words("environment id"), other: words("no format document")},
	{name: "products", key: words("environment id"), other: words("no format document")},
	{name: "packages", key: words("environment kind id"), other: words("no product_id format document")},
	{name: "package_versions", key: words("environment kind package_id version"), other: words("format document")},
	{name: "customers", key: words("environment id"), other: words("no version name email created_at archived_at format document")},
	{name: "subscriptions", key: words("environment id"), other: words(`no customer_id resource_id plan_id pricing_type start_at end_at
		canceled_at created_at format document next_due trial_end_at`)},
	{name: "audit", key: words("environment no"), other: words("at actor_kind actor_id request_id action object customer")},
	{name: "responses", key: words("environment operation request_key"), other: words("fingerprint effect_key status body expires_at holder held_until")},
	{name: "grant_keys", key: words("environment key"), other: words("customer_id")},
	{name: "webhook_endpoints", key: words("environment id"), other: words(`no disabled_at format document fence holder leased_until
		rests_until failing_since failures`)},
	{name: "message_counters", key: words("environment stream"), other: words("last")},
	{name: "messages", key: words("environment no"), other: words(`id type cause occurred_at stream stream_no trace_id api_version test
		payload`)},
	{name: "deliveries", key: words("environment endpoint_id message_no"), other: words(`type state tries attempts next_at owed_since
		ended_at`)},
	{name: "delivery_attempts", key: words("environment endpoint_id message_no attempt"), other: words("at took status failure excerpt")},
	{name: "revenue_months", key: words("environment month"), other: words("format document")},
	{name: "export_destinations", key: words("environment id"), other: words("no due_at fence lease_until format document")},
	{name: "orders", key: words("environment id"), other: words(`no version customer_id grant_id request_key unpaid_at created_at
		format document`)},
	{name: "payment_attempts", key: words("environment id"), other: words(`no order_id customer_id credit_type resource_id grant_id
		state unsettled automatic fence lease_until next_at created_at format document`)},
	{name: "payment_methods", key: words("environment customer_id id"), other: words("no format document")},
	{name: "invoices", key: words("environment id"), other: words(`no number customer_id order_id state issued_at due_at
		total_minor format document`)},
	{name: "thresholds", key: words("environment customer currency resource"), other: words("format document")},
	{name: "told_until", key: words("shard"), other: words("position")},
	{name: "expiry_notices", key: words("environment grant_id days"), other: words("at customer")},
	{name: "auto_recharges", key: words("environment id"), other: words(`no version customer_id credit_type resource_id state next_at
		format document`)},
	{name: "settings", key: words("name"), other: words("value"), only: "name <> '" + shapeSetting + "'"},
}

// journalTable is the truth of the event path, and derivedTables are what is made of it; those that say that others are
// complete come last. All are placed by shard.
var (
	journalTable  = table{name: "journal", key: words("shard position"), other: words("entries data")}
	derivedTables = []table{
		{name: "owners", key: words("shard environment customer currency resource"), other: words("no as_of next_due state")},
		{name: "pages", key: words("shard win owner"), other: words("refs usage")},
		{name: "grants", key: words("shard id"), other: words("environment customer currency resource created_at final state texts"), flags: words("final")},
		{name: "key_chunks", key: words("shard run chunk"), other: words("data")},
		{name: "key_filters", key: words("shard run chunk"), other: words("bits")},
		{name: "key_runs", key: words("shard run"), other: words("keys complete"), flags: words("complete")},
		{name: "revenue_books", key: words("shard grant_id currency month"), other: words(`environment customer credit_type resource cost
			active unpaid deferred figures`)},
		{name: "revenue_totals", key: words("shard environment month currency credit_type"), other: words("figures")},
		{name: "revenue_cursors", key: words("shard"), other: words("position")},
		{name: "checkpoints", key: words("shard"), other: words("windows owners grants keeper keeper_until")},
	}
)

// allTables are the tables that hold data: all but the one of schema versions.
var allTables = slices.Concat(catalogueTables, []table{journalTable}, derivedTables)

func words(list string) []string { return strings.Fields(list) }

func (t *table) columns() []string { return slices.Concat(t.key, t.other) }

// row makes room for the values of a row, and for reading them.
func (t *table) row() (values, into []any) {
	columns := t.columns()
	values, into = make([]any, len(columns)), make([]any, len(columns))
	for i, column := range columns {
		into[i] = &values[i]
		if slices.Contains(t.flags, column) {
			into[i] = &flag{&values[i]}
		}
	}
	return values, into
}

// flag reads a truth value, whatever the database takes it for.
type flag struct{ into *any }

// Scan implements sql.Scanner.
func (f *flag) Scan(value any) error {
	if n, ok := value.(int64); ok {
		value = n != 0
	}
	*f.into = value
	return nil
}

// page is the query for the first rows in the order of the key, or for those after a key, which is then its arguments.
func (t *table) page(first bool, limit int) string {
	key := strings.Join(t.key, ", ")
	conditions := []string{"TRUE"}
	if t.only != "" {
		conditions = append(conditions, t.only)
	}
	if !first {
		conditions = append(conditions, fmt.Sprintf("(%s) > (%s)", key, places(1, len(t.key))))
	}
	return fmt.Sprintf(`SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d`,
		strings.Join(t.columns(), ", "), t.name, strings.Join(conditions, " AND "), key, limit)
}

// insert is the statement that adds so many rows.
func (t *table) insert(rows int) string {
	columns := t.columns()
	values := make([]string, rows)
	for i := range values {
		values[i] = "(" + places(1+i*len(columns), len(columns)) + ")"
	}
	return fmt.Sprintf(`INSERT INTO %s (%s) VALUES %s`, t.name, strings.Join(columns, ", "), strings.Join(values, ", "))
}

// places are the placeholders of so many arguments, from one on.
func places(from, count int) string {
	list := make([]string, count)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", from+i)
	}
	return strings.Join(list, ", ")
}
