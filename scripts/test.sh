#!/usr/bin/env bash
# Every check, in order; the first that fails ends the run with its name.
#
#   scripts/test.sh               all
#   scripts/test.sh fmt guards    only these
source "$(dirname "$0")/env.sh"

ALL=(setup tools fmt guards deny clippy build postgres test docs generated verifier e2e)
steps=("$@")
[ $# -gt 0 ] || steps=("${ALL[@]}")

scratch="$(mktemp -d /tmp/mandate-test.XXXXXX)"
chmod 755 "$scratch"
finish() {
  if [ -e "$scratch/pg" ]; then scripts/pg.sh stop "$scratch/pg" || true; fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

step_setup() { scripts/setup.sh; }
step_tools() { scripts/tools.sh; }
step_fmt() { cargo fmt --all --check; }
step_guards() { python3 scripts/guards/run.py; }

# The guard `licences` reads the same deny.toml; cargo-deny looks deeper where somebody has it.
step_deny() {
  if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline --log-level error check bans licenses sources
  else
    echo "cargo-deny is not installed; the guard \`licences\` has checked deny.toml"
  fi
}

step_clippy() { cargo clippy --workspace --all-targets --locked -- -D warnings; }

# The same targets and features as the tests, so that nothing is compiled twice.
step_build() { cargo build --workspace --bins --tests --locked; }

step_postgres() {
  MANDATE_TEST_POSTGRES="$(scripts/pg.sh start "$scratch/pg")"
  export MANDATE_TEST_POSTGRES
  echo "$MANDATE_TEST_POSTGRES"
}

step_test() { cargo test --workspace --locked --no-fail-fast; }
# The docs are for those who read the sources: private items stand in them, so links to these resolve.
step_docs() { RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --locked; }
step_generated() { scripts/generated.sh check; }
step_verifier() { python3 -m unittest discover -s tools/verify; }

# Each gets a scratch directory of its own; the binary is $MANDATE_BIN.
step_e2e() {
  local script name
  for script in tests/e2e/*.sh; do
    [ -e "$script" ] || continue
    name="$(basename "$script" .sh)"
    mkdir "$scratch/$name"
    echo "-- $name"
    SCRATCH="$scratch/$name" bash "$script" || die "tests/e2e/$name.sh failed"
  done
}

passed=0
began=$SECONDS
for step in "${steps[@]}"; do
  [ "$(type -t "step_$step")" = function ] || die "no step \`$step\`; there are: ${ALL[*]}"
  echo "== $step"
  at=$SECONDS
  # Not in a condition, which would switch `set -e` off inside the step.
  trap 'echo "== $step failed after $((SECONDS - at)) s"; echo "checks: $passed passed, 1 failed"; finish' EXIT
  "step_$step"
  trap finish EXIT
  echo "   $step: $((SECONDS - at)) s"
  passed=$((passed + 1))
done
echo "== done in $((SECONDS - began)) s"
echo "checks: $passed passed, 0 failed"
