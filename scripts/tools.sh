#!/usr/bin/env bash
# Installs the peers that Mandate is proved against into .tools/: npm packages from tools/node, Python packages from
# tools/py. A stamp of the inputs makes a second run instant.
#
#   scripts/tools.sh          both
#   scripts/tools.sh node     only the npm packages
source "$(dirname "$0")/env.sh"

wants="${1:-all}"
mkdir -p .tools
exec 9>.tools/lock
flock 9

# install NAME INPUT... : runs install_NAME unless the stamp says that these inputs are installed.
install() {
  local name="$1" stamp
  shift
  stamp="$( { printf '%s\n' "$ROOT" "$@"; version_"$name"; sha256sum "$@"; } | sha256sum)"
  [ "$(cat ".tools/$name.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  say "installing tools/$name into .tools/$name"
  rm -rf ".tools/$name" ".tools/$name.stamp"
  mkdir -p ".tools/$name"
  install_"$name" >".tools/$name.log" 2>&1 || {
    tail -n 20 ".tools/$name.log" >&2
    die "tools/$name could not be installed; the whole log is .tools/$name.log"
  }
  printf '%s\n' "$stamp" >".tools/$name.stamp"
}

version_node() { node --version; }
install_node() {
  cp tools/node/package.json tools/node/package-lock.json tools/node/.npmrc .tools/node/
  npm ci --prefix .tools/node --no-progress --no-audit --no-fund
}

version_py() { python3 -c 'import sys; print(sys.version, sys.base_prefix)'; }
install_py() {
  python3 -m venv .tools/py
  .tools/py/bin/python -m pip install --disable-pip-version-check --no-input --quiet \
    --requirement tools/py/requirements.txt --constraint tools/py/constraints.txt
}

install node tools/node/package.json tools/node/package-lock.json tools/node/.npmrc
if [ "$wants" = all ]; then
  install py tools/py/requirements.txt tools/py/constraints.txt
fi
