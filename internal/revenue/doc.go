// Package revenue keeps the books of the money behind credits: what was granted, recognised, broken, taken back, and what
// is deferred, per month, money currency and credit type (semantics 19).
//
// Every row of the journal carries its money already, rounded so that the rows of a grant add up to its cost (ledger). What
// is done here is adding up: a Fold takes entries in the order of their shard and moves the books of the grants they touch.
// It is pure; who uses it loads the books before and stores them after. The same Fold makes the figures that a running
// server keeps, and those that verify computes anew from the whole journal.
//
// A row belongs to the month of its posting time, UTC. For each grant and month, and for each total and month, at the minor
// unit of the currency (I12):
//
//	deferred before + granted − recognised − breakage − voided = deferred after
package revenue
