#!/usr/bin/env bash
# Writes every generated file again, from the REST contract: the wire types (internal/api/wire/wire.gen.go) and what the
# TypeScript SDK knows of the contract (sdk/typescript/src/*.gen.ts).
set -euo pipefail
cd "$(dirname "$0")/../tools"

go tool oapi-codegen -config ../internal/api/wire/generate.yaml ../api/openapi.yaml

cd ../sdk/typescript
if ! command -v npm >/dev/null; then
  echo "sdk/typescript left as it is: writing its generated files needs Node 20 or later, with npm"
  exit 0
fi
if [ ! -d node_modules ]; then npm ci --ignore-scripts --no-progress --loglevel=error; fi
npm run --silent generate
