#!/usr/bin/env bash
# Looks for what the machine must have, and fetches the crates.
#
#   scripts/setup.sh          everything that `make test` needs
#   scripts/setup.sh demo     what `make demo` needs (no Postgres)
#   scripts/setup.sh build    what building needs (no Node, no Postgres)
#
# Says nothing when all is there. System packages that are missing are installed once when this runs as root
# on Debian or Ubuntu; otherwise the one command is printed. Rust and Node are never installed: Debian's own are too old.
source "$(dirname "$0")/env.sh"

wants="${1:-test}"
packages=()
command -v gcc >/dev/null || packages+=(gcc)
echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 || packages+=(libc6-dev)
command -v git >/dev/null || packages+=(git)
command -v python3 >/dev/null || packages+=(python3)
if [ "$wants" != build ]; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
fi
if [ "$wants" = test ]; then
  [ -n "$(postgres_bin)" ] || packages+=(postgresql)
fi

install_packages() {
  say "installing system packages: ${packages[*]}"
  # A database that the package would start is not wanted: the tests start their own.
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    ours=yes
  fi
  local result=0
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } \
    >/dev/null || result=$?
  [ -z "$ours" ] || rm -f "$policy"
  [ "$result" = 0 ] || die "apt-get could not install: ${packages[*]}"
}

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install_packages
  else
    die "missing on this machine: ${packages[*]}; on Debian: sudo apt-get install -y --no-install-recommends ${packages[*]}"
  fi
fi

command -v cargo >/dev/null || die "missing: Rust; install the stable toolchain with rustup (https://rustup.rs)"
if [ "$wants" = test ]; then
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 \
    || die "missing: rustfmt or clippy; run: rustup component add rustfmt clippy"
fi
if [ "$wants" != build ]; then
  node_major="$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)"
  { [ "$node_major" -ge 20 ] && command -v npm >/dev/null; } \
    || die "missing: Node 20 or later with npm; see https://nodejs.org/en/download"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || die "missing: Python 3.11 or later, this is $(python3 --version)"
fi

# Afterwards nothing needs the crates' registry.
cargo fetch --locked --quiet || die "the crates could not be fetched; is Cargo.lock up to date with every Cargo.toml?"
