#!/usr/bin/env bash
# Runs the packages in which goroutines share state under the race detector. It is ten times slower than a plain run,
# hence the short list and -short.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v "$(go env CC)" >/dev/null; then
  echo "race pass skipped: the race detector needs a C compiler and there is none"
  exit 0
fi

packages=()
for name in engine credits api outbound webhook; do
  if compgen -G "internal/$name/*.go" >/dev/null; then packages+=("./internal/$name/..."); fi
done
if [ ${#packages[@]} -eq 0 ]; then exit 0; fi

CGO_ENABLED=1 exec go test -race -short "${packages[@]}"
