// Package duckdb reads exports back with DuckDB, as a warehouse does. It is a module of its own because DuckDB needs a C
// compiler and is large; `make duckdb` makes an export with the real program and runs it.
package duckdb
