#!/usr/bin/env bash
# Real MCP servers under the wrapper, driven by the official clients, answer as they do without it; and the
# official webhook libraries accept what we sign.
set -euo pipefail
export MANDATE_STATE="$SCRATCH/state"
unset MANDATE_KEY
# Nobody listens there: the wrapper keeps what it sees on disk and goes on.
export MANDATE_URL=http://127.0.0.1:9
wrap="$MANDATE_BIN mcp wrap --"
node tests/mcp/compare.mjs --calls 100 --wrap "$wrap"
.tools/py/bin/python tests/mcp/compare.py --wrap "$wrap"

# The signatures carry the moment they were made, and the libraries read the real clock.
cargo test --locked --quiet -p mandate-connect --test messages >"$SCRATCH/messages.log"
.tools/py/bin/python tests/webhooks/verify.py target/tmp/webhook-messages.jsonl
node tests/webhooks/verify.mjs --modules .tools/node target/tmp/webhook-messages.jsonl
