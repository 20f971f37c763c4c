// Package move holds the promise of `scrip copy` as a test of the real program: a database that was really used is copied
// to PostgreSQL and from there to a new SQLite file, and nobody can tell the three apart: the same digest, the same answers,
// the same keys, cursors and hash chains, which go on where they were.
package move
