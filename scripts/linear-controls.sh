#!/usr/bin/env bash
# Shows that the check of several nodes can fail: with each planted bug in turn it must turn red.
set -euo pipefail
cd "$(dirname "$0")/.."

exec go test ./test/linear -run '^TestControls$' -count=1 -timeout 1h -v -linear.controls
