#!/usr/bin/env bash
# The example configuration of the book is one that this release accepts.
set -euo pipefail
export OPS_HOOK_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
"$MANDATE_BIN" rules check --config docs/example
"$MANDATE_BIN" owners explain service:payments-api --config docs/example
