// Package store keeps what the other packages decide. It holds all SQL of the program and no rules.
//
// A Store has one writing connection pool and one for reading. On SQLite the writing pool has a single connection whose
// transactions take the write lock at once, so writers queue here instead of failing there. Query texts are shared by all
// databases; what differs is in dialect.go.
//
// Invariants kept by this package:
//
//   - A transaction that returned without error is on stable storage. Open refuses settings under which it might not be.
//   - One process at a time uses a SQLite database. Open takes an operating system lock and refuses when it is held.
//   - A database that cannot be read, that is not ours, or that a newer program has written is refused, never replaced.
//   - Every row belongs to one environment, and every statement names it.
//   - After an error that puts the file in doubt (I/O, corruption) nothing is written any more: see Store.Failed.
package store
