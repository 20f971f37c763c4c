// Package credits holds the use cases of Scrip: what may be done, by which rules, and what it means.
//
// The catalogue (credit types, features, products, plans and add-ons with their versions), the customers and their
// subscriptions are kept as rows by a Store and decided here. Each change runs in one transaction of the store, writes one
// audit row, and becomes visible only after its commit:
//
//   - A Catalog is an immutable snapshot of one environment. Every committed change swaps in a new one. Whatever prices an
//     event reads exactly one snapshot.
//   - A CustomerState is one customer with every subscription it ever had. It is cached, and dropped when it changes.
//
// What other nodes change is learned from the audit trail, by Confirm, before a request is served (E7). Memory answers
// reads; whatever is written is decided by rows that were read under their lock.
//
// Invariants kept by this package:
//
//   - A published version of a plan or add-on never changes what it charges or grants; only its texts can be edited.
//   - A subscription is pinned to versions by instant (PlanSpan). What was in force at a past instant stays known, so that
//     an event that arrives late is priced by its own time (semantics 9.3).
//   - A feature has at most one mapping to credits per version, and its aggregation and formula fit together.
//   - Every id is unique inside its environment and nothing refers to another environment (I16).
//   - An API key's secret is shown once and stored only as a hash (reliability S5).
//
// Stored objects are kept as JSON documents under their Go field names: renaming a field of a stored type needs a migration.
package credits
