#!/usr/bin/env bash
# Runs every fuzz target of the repository, one after the other, for the given time each: scripts/fuzz.sh 20s
set -euo pipefail
cd "$(dirname "$0")/.."

time_each=${1:-20s}
found=0
while IFS= read -r folder; do
  targets=$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$folder"/*_test.go | sed 's/^func //')
  for target in $targets; do
    found=$((found + 1))
    echo "== $folder $target, $time_each"
    go test "./$folder" -run '^$' -fuzz "^$target\$" -fuzztime "$time_each"
  done
done < <(grep -rlE --include='*_test.go' '^func Fuzz' cmd internal $( [ -d test ] && echo test ) | xargs -r -n 1 dirname | LC_ALL=C sort -u)

echo "$found fuzz targets ran"
[ "$found" -gt 0 ] # none found means that the search is broken
