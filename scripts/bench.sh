#!/usr/bin/env bash
# Runs every benchmark: our figure, the limit or peer beside it, from one release build.
#
#   scripts/bench.sh [core|store|ingest|deliver|agent]...    all of them unless some are named
#
# Postgres is a scratch server that this starts and stops; without the server programs its part is left out.
source "$(dirname "$0")/env.sh"

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(core store ingest deliver agent)
has() { [[ " ${parts[*]} " == *" $1 "* ]]; }

bin="$TARGET_DIR/release"
if has ingest || has deliver || has agent; then
  cargo build --release --locked --quiet -p mandate -p mandate-bench
fi
say "$(uname -sr), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg): other work on this machine shows in every wall time"

! has core || cargo bench --locked --quiet -p mandate-core --bench plan --bench rule --bench ownership
! has store || cargo bench --locked --quiet -p mandate-store --bench insert -- sqlite
if has ingest; then
  "$bin/ingest" sqlite
  if [ -n "$(postgres_bin)" ]; then
    scratch="$(mktemp -u -d /tmp/mandate-bench-pg-XXXXXX)"
    url="$(scripts/pg.sh start "$scratch")"
    trap 'scripts/pg.sh stop "$scratch"' EXIT
    "$bin/ingest" --postgres "$url"
  fi
fi
! has deliver || "$bin/deliver"
! has agent || "$bin/agent"
