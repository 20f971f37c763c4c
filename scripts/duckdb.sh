#!/usr/bin/env bash
# Exports a small environment and reads it back with DuckDB, which is a module of its own because it needs a C compiler.
# Without one it says so and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v gcc >/dev/null; then
	echo "duckdb: no C compiler, skipped" >&2
	exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
SCRIP_EXPORT_TO=$folder go test ./internal/export -count=1 -run TestExportForWarehouse
cd test/duckdb
SCRIP_EXPORT=$folder/env_dev CGO_ENABLED=1 go test -count=1 ./...
