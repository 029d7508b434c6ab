#!/usr/bin/env bash
# Sets up, builds in the profile that compiles fast, and runs the demo in the foreground. Ctrl-C ends all of it.
source "$(dirname "$0")/env.sh"

scripts/setup.sh demo
scripts/tools.sh node
cargo build --locked -p mandate
MANDATE_DEMO_TOOLS="$ROOT/.tools/node" exec "$TARGET_DIR/debug/mandate" demo "$@"
