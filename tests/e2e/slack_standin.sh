#!/usr/bin/env bash
# Slack's own SDKs call the stand-in for Slack, verify its callbacks and hold its socket.
set -euo pipefail
standin="$(dirname "$MANDATE_BIN")/mandate-standin"
node tests/slack/judge.mjs "$standin"
.tools/py/bin/python tests/slack/judge.py "$standin"
