// Package export writes what an environment holds into files for a data warehouse: one set of files per table and run
// (semantics 18), as CSV, NDJSON or Parquet, in a folder or an S3-compatible bucket.
//
// A run goes from one Cursor to the next. A cursor is a place in the journal of each shard, and an instant of the catalogue.
// Rows of the journal's tables (ledger, consumption, events) are exported once and never change. Grants and the catalogue's
// rows are exported again whenever they change; the row with the latest updated_at is the one that holds.
//
// Who reads files goes by manifests: what none names is of a run that has not ended. A run that was cut short is completed by
// the next one of the same series (format and tables): it finds the plan, which says up to where that run was to go, and
// writes the same names with the same bytes. See docs/export.md and decision 18.
package export
