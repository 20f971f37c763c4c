#!/usr/bin/env bash
# Prints the commit being built, with -dirty when the work tree differs from it; nothing outside a git work tree.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse --verify --quiet --short=12 HEAD 2>/dev/null) || exit 0
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then commit="$commit-dirty"; fi
echo "$commit"
