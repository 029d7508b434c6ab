#!/usr/bin/env bash
# The demo, as a newcomer runs it: a real agent is routed, told about, paused, and refused; then nothing is left.
set -euo pipefail
export MANDATE_DEMO_TOOLS="$PWD/.tools/node"
"$MANDATE_BIN" demo --dir "$SCRATCH/demo" </dev/null >"$SCRATCH/out" 2>"$SCRATCH/err" || {
  cat "$SCRATCH/out" "$SCRATCH/err"
  exit 1
}
says() {
  grep -qF -- "$1" "$SCRATCH/out" || {
    cat "$SCRATCH/out" "$SCRATCH/err"
    echo "the demo does not say: $1" >&2
    exit 1
  }
}
says "file_write  file:acme/shop/src/payments/charge.py"
says "→ @payments-team via ops-hook"
says "Paused by @alice"
says "is as it was"
says "ok: "
if pgrep -f "$SCRATCH" >/dev/null; then
  pgrep -af "$SCRATCH"
  echo "the demo left a process behind" >&2
  exit 1
fi
echo "demo: told, paused, refused, verified"
