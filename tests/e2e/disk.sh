#!/usr/bin/env bash
# A disk that fills up, and one that fails. The small disk is a mount that only this script sees; where the system lets
# nobody make one, that half is left out and said so.
set -euo pipefail

whole="$SCRATCH"
export SCRATCH="$whole/full"
inside=(unshare --mount)
[ "$(id -u)" = 0 ] || inside=(unshare --user --map-root-user --mount)
mkdir -p "$SCRATCH/disk"
# shellcheck disable=SC2016  # $SCRATCH is the inner shell's
small='mount -t tmpfs -o size=44m tmpfs "$SCRATCH/disk"'
if "${inside[@]}" sh -c "$small" 2>/dev/null; then
  "${inside[@]}" sh -c "$small && exec python3 tests/e2e/disk.py full"
else
  echo "this system lets nobody mount a small disk; the full one was not tried"
fi

export SCRATCH="$whole/failing"
mkdir -p "$SCRATCH"
cc -shared -fPIC -O1 -o "$SCRATCH/fail_sync.so" tests/e2e/fail_sync.c -ldl
exec python3 tests/e2e/disk.py failing
