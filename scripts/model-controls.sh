#!/usr/bin/env bash
# Shows that the model test can fail: with each planted bug switched on it must turn red, without any it must be green.
set -euo pipefail
cd "$(dirname "$0")/.."

exec go test ./test/model -run 'Control' -count=1 -timeout 1h -v
