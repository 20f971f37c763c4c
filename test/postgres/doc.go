// Package postgres gives tests what they need of PostgreSQL: a fresh database each, and servers that may be killed.
//
// Where the server comes from: the variable SCRIP_TEST_POSTGRES_URL, which `make test` sets, names one whose user may
// create databases. Without it a private server is started once for the test process, if PostgreSQL is installed
// (package cluster); else the tests that need one are skipped, and say so.
//
// A package whose tests ask Options for their database runs them on SQLite, and again on PostgreSQL with a test that
// calls Again.
package postgres
