#!/usr/bin/env bash
# A scratch Postgres from the system's own programs, reachable only through a socket in its own directory.
#
#   scripts/pg.sh start DIR   makes DIR, starts a server in it, prints its URL
#   scripts/pg.sh stop DIR    stops that server and removes DIR
#
# DIR must not exist yet and its parents must be open to other users: a server never runs as root, so root
# hands it to `postgres` (or `nobody`). fsync stays on. Nobody else's server is touched.
source "$(dirname "$0")/env.sh"

verb="${1:-}" dir="${2:-}"
[ -n "$dir" ] && { [ "$verb" = start ] || [ "$verb" = stop ]; } || die "usage: scripts/pg.sh start|stop DIR"
dir="$(realpath -m "$dir")"
mark="$dir/.mandate-scratch-postgres"
bin="$(postgres_bin)"
[ -n "$bin" ] || die "no Postgres server programs; on Debian: sudo apt-get install -y --no-install-recommends postgresql"

as=()
if [ "$(id -u)" = 0 ]; then
  user=postgres
  id "$user" >/dev/null 2>&1 || user=nobody
  as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups env HOME=/)
fi

start() {
  [ ! -e "$dir" ] || die "\`$dir\` exists already"
  [ ${#dir} -le 80 ] || die "\`$dir\` is too long for the path of a socket"
  mkdir -p "$dir"
  [ ${#as[@]} = 0 ] || chown "$user" "$dir"
  chmod 700 "$dir"
  touch "$mark"
  cd "$dir" 2>/dev/null
  ${as[@]+"${as[@]}"} test -w "$dir" || fail "\`$dir\` cannot be reached by \`$user\`"
  ${as[@]+"${as[@]}"} "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
    >"$dir/initdb.log" 2>&1 || fail "initdb failed" initdb.log
  # Only a socket is opened, so the port is merely the end of its name and collides with nothing.
  ${as[@]+"${as[@]}"} "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w -t 60 -s \
    -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c port=5432 -c max_connections=200" \
    start >/dev/null 2>&1 || fail "the server did not start" data/server.log
  printf 'postgres://postgres@localhost:5432/postgres?host=%s\n' "$dir"
}

stop() {
  [ -e "$mark" ] || die "\`$dir\` is not a scratch Postgres of ours"
  cd /
  if [ -e "$dir/data/postmaster.pid" ]; then
    ${as[@]+"${as[@]}"} "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 60 -s stop || true
  fi
  rm -rf "$dir"
}

# fail WHAT [LOG]: says what went wrong, with the end of a log, and leaves nothing behind.
fail() {
  say "$1"
  [ -z "${2:-}" ] || tail -n 20 "$dir/$2" >&2 || true
  stop
  exit 1
}

"$verb"
