// Package ledger decides: it is the arithmetic of credits, without I/O, clock, randomness or context.
//
// A [Pool] is one wallet of one customer: blocks of credits ([Grant]), what usage took beyond them (an overdraft, itself
// a grant of type [Overdraft]), what is set aside ([Hold]) and the head of a ledger of [Row]s. Every change is an
// operation on a pool in a transaction ([Tx]): AddGrant, Void, Update, SetPayment, SetExpiry, Burn, Consume, Reserve,
// Settle, Release, Reverse, Forgive, Turn and Sweep.
//
// # Facts
//
// An operation first posts what the clock made due, then checks, then writes [Fact]s: rows, and the state of grants and
// holds that changed other than by a row. A pool is the fold of its facts. [Pool.Apply] is the only code that changes one,
// for decisions and for replay alike, so facts from the journal rebuild a pool to the byte. Two forms go to storage:
// [AppendFact] for the journal, [Pool.AppendBinary] for checkpoints.
//
// A transaction on a pool ends with [Pool.Conclude]: it looks at the end state once, compares the balance with the
// thresholds of [Tx], and appends one [FactAlert] if something armed or fired, or if a grant has news (semantics 16). A
// transaction that crosses nothing appends nothing. Thresholds are a configuration of the caller's, like the late grace;
// what they led to is in the facts, so replay needs none.
//
// # Time
//
// The posting time of an operation is max(Tx.Now, posting time of the last row). Activations, expiries and hold timeouts
// up to then are posted before anything else, each dated at its own instant, so no result depends on when somebody sweeps.
// At one instant: hold timeouts (a capture still finds its slices, and what is freed expires with its grant), then
// expiries, then activations, then the settlement of a deficit. A boundary of a subscription ([Pool.Turn]) takes the place
// of all that at its instant, because it rolls over, forgives and issues in between.
//
// # What a pool remembers
//
// A pool holds every grant that is not final; the journal and the caller's tables hold the rest. It forgets
//   - an overdraft with the row that brings it back to 0,
//   - a voided grant as soon as no hold pins any of it,
//   - an expired grant, with nothing left, at the first row posted more than [MaxLateGrace] after its expiry,
//   - a hold when it ends.
//
// The rules look at rows only, never at settings or at the clock, so replay forgets the same grants at the same rows.
// Depleted grants stay until they end: they count in the totals. Tx.Ended tells a caller the last state of grants that a
// transaction ended, and Reverse takes forgotten grants back from the caller when credits return to them.
//
// A grant that ends before it activated has no rows; its Expired or Voided counter then takes the whole amount, so that
// nothing remains of it.
//
// # Cost
//
// The grants that can be burned stand in a slice in burn order, what is due in another. A burn looks at the first element
// only, however many follow; a small pool is a few hundred bytes.
//
// # Invariants
//
// The numbers are those of ARCHITECTURE.md. [Pool.Apply] refuses, by panic, a fact that would break one marked a;
// [Pool.Check] recomputes those marked c; operations keep the others by construction, and the tests attack all of them.
//
//	I1  ac  seq is 1..n without gap; posting time never decreases
//	I2  a   start = previous end; end = start + amount
//	I3  ac  balance = last end = remaining of activated grants − deficit
//	I4  ac  0 ≤ held ≤ remaining = amount − consumed − expired − voided; a grant's held is the sum of what open holds pin
//	I5      a strict consume or reserve finds its amount available at its place in the order
//	I8      nothing is consumed from a grant outside its life, except settling an earlier hold or inside the late grace
//	I9  ac  at most one overdraft is open, with the deficit on it; while there is one, nothing eligible is unheld
//	        (the last part by Check only, since a settlement takes two rows)
//	I10     transfers come in equal pairs
//	I11 c   what an event costs is split exactly, in burn order
//	I12     recognised + breakage + voided + deferred = cost, at every row; what is rolled out is the cost of a child
//	I13     a hold ends once
//	I15     a threshold fires once for each arming; Pool.CheckAlert recomputes every alert from the facts before it
//	I17 ac  amounts have at most 15 integer digits: the amounts of the grants a pool knows, and consumed plus held plus
//	        deficit, are kept in range, and with them every balance on the way
//	I18     the hash of a row covers the row and the hash before it (see [HashRow], [VerifyRows])
package ledger
