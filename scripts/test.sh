#!/usr/bin/env bash
# Runs the tests of the given packages and closes with how many there were.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd tools && go build -o ../bin/gotestsum gotest.tools/gotestsum)
exec bin/gotestsum --format pkgname --hide-summary=skipped -- "$@"
