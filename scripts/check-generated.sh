#!/usr/bin/env bash
# Fails when a generated file differs from what its source gives today. It leaves the new text in place.
set -euo pipefail
cd "$(dirname "$0")/.."

fingerprint() {
  find internal cmd sdk $( [ -d web ] && echo web ) -name '*.gen.*' -not -path '*/node_modules/*' | LC_ALL=C sort | xargs -r sha256sum
}

before=$(fingerprint)
scripts/generate.sh
after=$(fingerprint)
if [ "$before" != "$after" ]; then
  echo "generated files were out of date; commit what 'make generate' wrote:" >&2
  diff <(echo "$before") <(echo "$after") | sed -n 's/^> [0-9a-f]*  /  /p' >&2
  exit 1
fi
