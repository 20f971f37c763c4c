#!/usr/bin/env bash
# Tests the TypeScript SDK against a server built from this work tree; closes with how many tests there were.
set -euo pipefail
cd "$(dirname "$0")/../sdk/typescript"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "the tests of sdk/typescript need Node 20 or later, with npm" >&2
  exit 1
fi
if ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then
  echo "the tests of sdk/typescript need Node 20 or later; this is $(node --version)" >&2
  exit 1
fi

npm ci --ignore-scripts --no-progress --loglevel=error
npm run --silent typecheck
exec npm run --silent test
