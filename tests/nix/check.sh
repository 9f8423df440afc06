#!/usr/bin/env bash
# Checks flake.nix and the Home Manager module with the `nix` that is there; installs nothing.
#
#     tests/nix/check.sh [CS]          CS: the executable to use, else the one cargo built
#
# nixpkgs is stood for by stub/, so no network is wanted, and nothing of this machine is touched: store,
# settings and home are in a temporary folder. Building the package itself is not tried: `nix flake check`
# does, with the real nixpkgs. With these the real ones are evaluated as well, each a folder:
#
#     CS_NIXPKGS_LIB    nixpkgs's `lib`
#     CS_HOME_MANAGER   home-manager (wants CS_NIXPKGS_LIB)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cs=${1:-}
if [[ -z $cs ]]; then
  for built in "${CARGO_TARGET_DIR:-target}"/{,*/}{debug,release}/cs; do
    [[ ! -x $built || $built -ot $cs ]] || cs=$built
  done
fi
[[ -x $cs ]] || {
  echo "there is no executable ${cs:-of cs}: build it (cargo build), or name one: tests/nix/check.sh CS" >&2
  exit 1
}

# A store must not lie behind a link.
base=$(cd "$(mktemp -d)" && pwd -P)
# The store is read-only.
trap 'chmod -R u+w "$base"; rm -rf "$base"' EXIT
mkdir "$base"/{home,project}
export HOME=$base/home NIX_CONF_DIR=$base/settings NIX_STORE_DIR=$base/store NIX_STATE_DIR=$base/state
export NIX_LOCALSTATE_DIR=$base/state NIX_LOG_DIR=$base/log NIX_CONFIG='
experimental-features = nix-command flakes
build-users-group =
sandbox = false
substituters =
flake-registry =
'
unset NIX_PATH NIX_REMOTE NIX_USER_CONF_FILES XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME

# What the flake is made of, without `target` and whatever else lies around.
cp -R .cargo Cargo.lock Cargo.toml flake.nix profiles src templates "$base/project"
mkdir "$base/project/tests"
cp -R tests/nix "$base/project/tests"
cp -R tests/nix/stub "$base/nixpkgs"
cp "$cs" "$base/nixpkgs/cs"
printf %s "$PATH" >"$base/nixpkgs/path"

# nixpkgs stood for, and no lock file, which could not be an honest one.
flake=path:$base/project
options=(--no-write-lock-file --override-input nixpkgs "path:$base/nixpkgs")

quietly() { # COMMAND...: what it writes about itself is of interest where it fails
  "$@" 2>"$base/errors" || {
    printf 'FAILED: %s\n' "$*" >&2
    cat "$base/errors" >&2
    exit 1
  }
}

is() { # OUTPUT FUNCTION JSON: what the function makes of a flake's output
  local found
  found=$(quietly nix eval "${options[@]}" --json "$flake#$1" --apply "$2")
  [[ $found == "$3" ]] || {
    printf 'FAILED: %s: %s instead of %s\n' "$1" "$found" "$3" >&2
    exit 1
  }
}

check_flake() {
  local system
  system=$(quietly nix eval --impure --raw --expr builtins.currentSystem)
  # Evaluates every output, and builds the checks: the package's own, and the module's.
  quietly nix flake check "${options[@]}" --print-build-logs "$flake"
  is packages builtins.attrNames '["aarch64-darwin","aarch64-linux","x86_64-linux"]'
  is "packages.$system.default" 'package: package.meta.mainProgram' '"cs"'
  # Static on every Linux: what the copies in ~/.claude live by.
  is packages.aarch64-linux.default 'package: builtins.match ".*\\+crt-static.*" package.RUSTFLAGS != null' true
  is packages.aarch64-darwin.default 'package: package ? RUSTFLAGS' false
  is overlays.default \
    'overlay: (overlay { callPackage = file: _: baseNameOf file; } { }).claude-sync' '"package.nix"'
  [[ $(quietly nix run "${options[@]}" "$flake" -- --version) == "$("$cs" --version)" ]]
  quietly nix build "${options[@]}" --out-link "$base/result" "$flake#devShells.$system.default"
  quietly nix build "${options[@]}" --out-link "$base/result" "$flake#checks.$system.module"
  cat "$base/result"
}

echo '--- with stubs of nixpkgs and Home Manager'
check_flake
if [[ -n ${CS_NIXPKGS_LIB:-} ]]; then
  echo "--- with nixpkgs's lib, and a stub of Home Manager"
  rm -r "$base/nixpkgs/lib"
  cp -R "$CS_NIXPKGS_LIB" "$base/nixpkgs/lib"
  check_flake
else
  echo "--- skipped: nixpkgs's lib (CS_NIXPKGS_LIB is not set)"
fi
if [[ -n ${CS_NIXPKGS_LIB:-} && -n ${CS_HOME_MANAGER:-} ]]; then
  echo "--- with nixpkgs's lib, and Home Manager"
  quietly nix build --print-build-logs --show-trace --out-link "$base/result" --impure --expr "
    (import $base/nixpkgs { }).callPackage $base/project/tests/nix/module.nix {
      module = $base/project/templates/nix/home-manager.nix;
      homeManager = $(realpath "$CS_HOME_MANAGER");
    }"
  cat "$base/result"
else
  echo '--- skipped: Home Manager (CS_NIXPKGS_LIB and CS_HOME_MANAGER are not set)'
fi
