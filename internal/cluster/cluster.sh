#!/usr/bin/env bash
# Runs a private PostgreSQL server with default durability in a new folder, for as long as standard input is open, and then
# removes it. Nothing is left behind however the caller ends.
#
#   cluster.sh [NAME=VALUE of postgresql.conf ...]    run a server
#   cluster.sh --find                                 only tell, by the exit code, whether there is one to run
#
# The first line on standard output is "ready ADDRESS FOLDER"; the postmaster's process id is in FOLDER/data/postmaster.pid.
# A server that ends is started again, as a service manager would. Exit code 3: there is no PostgreSQL 15 or later.
set -euo pipefail

version_min=15

# The newest server that is installed. Debian keeps the programs of each version in a folder of their own.
find_programs() {
  local program
  for program in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -t/ -k5 -rn) "$(command -v postgres || true)"; do
    if [ -x "$program" ] && [ "$("$program" --version | grep -oE '[0-9]+' | head -n 1)" -ge "$version_min" ]; then
      dirname "$(readlink -f "$program")"
      return
    fi
  done
  echo "no PostgreSQL server $version_min or later is installed (Debian: apt-get install postgresql)" >&2
  exit 3
}

programs=$(find_programs)
if [ "${1:-}" = "--find" ]; then exit 0; fi

# PostgreSQL refuses to run as root.
as_owner=()
folder=$(mktemp -d -t scrip-pg-XXXXXXXX)
if [ "$(id -u)" = 0 ]; then
  as_owner=(setpriv --reuid postgres --regid postgres --clear-groups --)
  chown postgres: "$folder"
fi
cd "$folder"

server=
finish() {
  trap - EXIT
  if [ -n "$server" ]; then
    touch "$folder/finished"
    kill -INT "$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# Texts are ordered as in a dictionary where the build allows it, so that whoever relies on another order is found out.
init() {
  "${as_owner[@]}" "$programs/initdb" --pgdata=data --username=scrip --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync "$@" >init.log 2>&1
}
init --locale-provider=icu --icu-locale=en || { rm -rf data; init; } || { cat init.log >&2; exit 1; }

settings=()
for setting in "$@"; do settings+=(-c "$setting"); done

# keep_running starts the server again whenever it ends. Its children may hold on to their memory for a moment.
keep_running() {
  while [ ! -e finished ]; do
    "${as_owner[@]}" "$programs/postgres" -D data -c listen_addresses= -c unix_socket_directories="$folder" \
      -c max_connections=500 "${settings[@]}" >>server.log 2>&1 || true
    sleep 0.05
  done
}
keep_running </dev/null &
server=$!

for _ in $(seq 600); do
  if "$programs/pg_isready" --quiet --host="$folder"; then
    echo "ready postgres://scrip@/postgres?host=$folder $folder"
    cat >/dev/null # until the caller closes our input, or ends
    exit 0
  fi
  if [ "$(grep -c FATAL server.log 2>/dev/null)" -gt 20 ]; then break; fi
  sleep 0.05
done
cat server.log >&2
exit 1
