# Sourced by every script: stands in the checkout, finds cargo, knows where builds and peers are.
# shellcheck shell=bash
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"

if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi
export PATH="$ROOT/.tools/node/node_modules/.bin:$ROOT/.tools/py/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1

TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}"
export MANDATE_BIN="${MANDATE_BIN:-$TARGET_DIR/debug/mandate}"

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# The newest Postgres server's programs, or nothing.
postgres_bin() {
  local dir
  while read -r dir; do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_ctl" ]; then
      printf '%s\n' "$dir"
      return
    fi
  done < <(
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr
    command -v pg_config >/dev/null && pg_config --bindir
    command -v initdb >/dev/null && dirname "$(readlink -f "$(command -v initdb)")"
  )
}
