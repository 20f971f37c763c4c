// Package store keeps what the other packages decide. It holds all SQL of the program and no rules.
//
// A Store has one connection pool for writing and one for reading. On SQLite the writing pool has a single connection whose
// transactions take the write lock at once, so writers queue here instead of failing there. Query texts are shared by all
// databases; what differs is in dialect.go and the files of each database that implement it. The one hot statement, the
// commit of the journal, has a form for each: row by row where a row costs no round trip (journal.go), and all at once
// where it does (journal_postgres.go).
//
// Invariants kept by this package:
//
//   - A transaction that returned without error is on stable storage. Open refuses settings under which it might not be.
//   - One process at a time uses a SQLite database. Open takes an operating system lock and refuses when it is held.
//   - A database that cannot be read, that is not ours, or that a newer program has written is refused, never replaced.
//   - Every row belongs to one environment, and every statement names it.
//   - After an error that puts stored data in doubt (I/O, corruption) nothing is written any more: see Store.Failed. A
//     server that is lost or restarts is no such error: calls fail as Unavailable until it is back, and then go on.
package store
