// Package engine orders and commits. It takes operations on customers' pools, decides them one after another in the
// writer of the customer's shard, appends what happened to the journal, and answers when that is durable.
//
// # The journal
//
// The journal is the only truth for events, grants, holds and ledger rows. It is a sequence of entries per shard, stored
// in blocks, one insert per commit. An Entry is one transaction: its cause, what was asked, and the facts it made of the
// pools it touched. A Position names an entry for ever. Appending a block at a position that is taken fails: that
// conflict is the compare-and-set which keeps two writers apart, so no head table is needed. Where several processes write one
// journal, each locks a shard before it decides, so that it never decides in vain (lock.go).
//
// # Derived state
//
// Everything else is a pure function of the journal: the state of pools, the meters of customers, the key index, the
// postings behind lists, usage totals, the grants table. It lives in memory for the tail and is written out in windows
// of WindowEntries entries: when a window is full, the pools and customers it touched, its postings and its keys are
// written a little with each later commit (checkpoint.go). The keys of a window are a sorted run; runs are merged beside
// the writer, so that they stay few (merger.go). A start loads the last complete window and replays the tail (replay.go).
// Deleting every derived row makes it make the same bytes again, once nothing is left to merge.
//
// # Rules the engine keeps
//
//   - E1: an operation is answered only after the commit that holds its entry is durable.
//   - E2: a key is looked up and taken in the same step, by the shard's single writer: one key, one effect.
//   - E3: memory never runs on from a failed commit. The shard drops its state and reloads from the journal.
//   - E4: whatever is due in a pool (expiry, activation, hold timeout) is posted, in its own entry dated at its own
//     instant, before anything else happens to that pool.
//   - E5: derived rows are pure: the same journal gives the same rows, byte for byte, whatever the batching was.
//   - E6: on a shared journal, what any process has acknowledged is visible to whatever is asked after that (lock.go).
//   - E8: nothing is decided or shown at or after a customer's next boundary, which the caller names, before it was posted.
package engine
