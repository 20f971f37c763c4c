#!/usr/bin/env bash
# Runs a command with a private PostgreSQL server, whose address is in SCRIP_TEST_POSTGRES_URL; installs PostgreSQL first
# when this machine has none. The server and its data are gone when the command has ended, however it ended.
#
#   scripts/with-postgres.sh go test ./internal/store
#
# A server that is named in SCRIP_TEST_POSTGRES_URL already is used instead.
set -euo pipefail
cluster=$(dirname "$0")/../internal/cluster/cluster.sh

if [ -n "${SCRIP_TEST_POSTGRES_URL:-}" ]; then exec "$@"; fi

if ! "$cluster" --find; then
  echo "installing PostgreSQL" >&2
  as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update --quiet
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends postgresql
  "$cluster" --find
fi

# The server ends when its input does: with the coprocess's pipe, and so with this script.
coproc POSTGRES { exec "$cluster"; }
if ! read -r ready SCRIP_TEST_POSTGRES_URL _ <&"${POSTGRES[0]}" || [ "$ready" != ready ]; then
  echo "the PostgreSQL server did not start" >&2
  exit 1
fi
export SCRIP_TEST_POSTGRES_URL
server=$POSTGRES_PID
status=0
"$@" || status=$?
exec {POSTGRES[1]}>&-
wait "$server" || true
exit "$status"
