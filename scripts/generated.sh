#!/usr/bin/env bash
# The files that are generated from the code and committed.
#
#   scripts/generated.sh check    fails when one is stale
#   scripts/generated.sh write    writes them
source "$(dirname "$0")/env.sh"

verb="${1:-check}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
stale=0

# generated PATH COMMAND... : PATH holds what COMMAND prints.
generated() {
  local path="$1" fresh="$scratch/fresh"
  shift
  "$@" >"$fresh" || die "\`$*\` failed, so \`$path\` cannot be compared"
  if [ "$verb" = write ]; then
    mkdir -p "$(dirname "$path")"
    cp "$fresh" "$path"
  elif [ ! -e "$path" ] && [ ! -s "$fresh" ]; then
    say "$path: the binary does not print it yet"
  elif ! diff -u "$path" "$fresh" >"$scratch/diff" 2>&1; then
    head -n 40 "$scratch/diff" >&2
    say "$path: stale; run \`make generate\`"
    stale=1
  fi
}

if [ "$verb" = write ]; then
  cargo build --locked -p mandate
fi
generated docs/openapi.json "$MANDATE_BIN" openapi
names="$("$MANDATE_BIN" schema)" || die "\`$MANDATE_BIN schema\` failed, so the schemas cannot be compared"
for name in $names; do
  generated "docs/schemas/$name.schema.json" "$MANDATE_BIN" schema "$name"
done
for path in docs/schemas/*.schema.json; do
  name="$(basename "$path" .schema.json)"
  if ! grep -qx "$name" <<<"$names"; then
    say "$path: nothing makes it any more; remove it"
    stale=1
  fi
done
exit "$stale"
