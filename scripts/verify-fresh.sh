#!/usr/bin/env bash
# Clones the last commit into an empty folder and does there what a newcomer does: test, build, start, ask, stop.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT

if [ -n "$(git status --porcelain)" ]; then echo "note: uncommitted changes are not part of the clone"; fi
git clone --quiet --no-hardlinks . "$folder/scrip"
cd "$folder/scrip"
make test
make build

# Port 0 lets the system choose; the server prints the address it got.
bin/scrip serve --listen 127.0.0.1:0 --data "$folder/data" >"$folder/out" 2>"$folder/log" &
server=$!
address=
for _ in $(seq 100); do
  address=$(grep -oE 'http://[0-9.:]+' "$folder/out" | head -n 1 || true)
  if [ -n "$address" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
if [ -z "$address" ]; then
  echo "the server did not start:" >&2
  cat "$folder/log" >&2
  exit 1
fi
curl --fail --silent --show-error "$address/readyz"
echo

kill -TERM "$server"
wait "$server"
server=
echo "fresh clone: tests pass, the server starts, answers and stops with 0"
