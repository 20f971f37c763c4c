#!/usr/bin/env bash
# Shows that the comparison with the naive calendar can fail: with each planted bug in turn it must turn red.
set -euo pipefail
cd "$(dirname "$0")/.."

exec go test ./test/years -run '^TestControls$' -count=1 -timeout 1h -v -years.controls
