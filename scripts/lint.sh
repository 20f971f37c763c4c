#!/usr/bin/env bash
# Runs staticcheck at the version that tools/go.mod pins. The tools are a module of their own, so that what they need
# never reaches the program's dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! grep -qs 'honnef.co/go/tools' tools/go.mod; then
  echo "lint skipped: tools/go.mod does not pin staticcheck"
  exit 0
fi
(cd tools && go build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck)
bin/staticcheck ./...
