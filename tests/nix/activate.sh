#!/usr/bin/env bash
# Runs what the module made of each home of cases/, as Home Manager would: `activate.sh FOLDER-OF-CASES`.
# A home is a temporary folder, and the real `cs` of the package does the work.
set -euo pipefail

cases=$1
base=$(mktemp -d)
trap 'chmod -R u+w "$base"; rm -rf "$base"' EXIT
passed=0

fail() {
  printf 'FAILED: %s: %s\n' "$case" "$*" >&2
  [[ ! -s ${log:-} ]] || sed 's/^/    /' "$log" >&2
  exit 1
}
check() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" || fail "$what"
  passed=$((passed + 1))
}
not() { ! "$@"; }
says() { grep --quiet --fixed-strings -- "$1" "$log"; }
has() { grep --quiet --fixed-strings -- "$1" "$2"; }
is_empty() { [[ ! -s $1 ]]; }
is_same() { [[ $1 == "$2" ]]; }

# The files of the case with a name like that.
placed() { (cd "$cases/$case/home" && find . -path "*$1*"); }

# Links the files of a case into a new home.
begin() { # CASE
  case=$1
  home=$(mktemp -d "$base/$case-XXXX")
  log=$home.log
  (cd "$cases/$1/home" && find . -type f -o -type l) | while IFS= read -r file; do
    mkdir -p "$(dirname "$home/$file")"
    ln -s "$cases/$case/home/$file" "$home/$file"
  done
}

# The step, between what Home Manager's activation has before and after it. Its PATH holds little more than
# `env`, its shell stops at errors, and `run` is Home Manager's: it does, or says what it would do.
activate() {
  {
    cat <<'START'
set -eu -o pipefail
run() { if [[ -v DRY_RUN ]]; then echo "$@"; else "$@"; fi; }
warnEcho() { echo "WARNING: $*"; }
START
    # The homes were written for one place, and this is another.
    sed "s|/home/somebody|$home|g" "$cases/$case/activate"
    echo 'echo "the rest of the activation"'
  } >"$base/script"
  env --ignore-environment "$@" HOME="$home" PATH="$tools" "$BASH" "$base/script" >"$log" 2>&1 ||
    fail "the activation ended with $?"
  check 'the rest is activated' says 'the rest of the activation'
}
tools=$base/tools
mkdir "$tools"
ln -s "$(command -v env)" "$tools/env"

# All there is below ~/.claude, but for the lock: names, kinds, modes, times, contents.
picture() {
  (cd "$home/.claude" && find . ! -name lock -printf '%p %y %m %T@ %l\n' | sort &&
    find . -type f ! -name lock -exec sha256sum {} + | sort)
}

# Whether ~/.claude/settings.json is what Claude Code needs.
is_writable_file() { [[ -f $1 && ! -L $1 && -w $1 && $(stat --format %a "$1") == 6?? ]]; }

begin attributes
settings=$home/.claude/settings.json
mkdir "$home/.claude"
printf '{ "theme":"dark" }' >"$settings"
cp "$settings" "$base/before"
check 'no assertion' is_empty "$cases/$case/failed"
check 'after the links' is_same linkGeneration "$(cat "$cases/$case/after")"
check 'the package is installed' has claude-sync "$cases/$case/packages"
activate DRY_RUN=1
check 'a dry run says what it would do' says "apply --yes --profile $home/.config/claude-sync/profile.toml"
check 'a dry run changes nothing' cmp --quiet "$settings" "$base/before"
activate
check 'applied' says 'Generation 1 is current'
check 'a regular file, writable' is_writable_file "$settings"
for entry in '"theme":"dark"' 'Bash(from-attributes:*)' 'Bash(from-a-condition:*)' '"model":"opus"' \
  "it's \\\"quoted\\\" \\\\ and\\nof two lines, ü" '~/.claude/hooks/intelligent-optimizer' '~/.claude/hooks/note'; do
  check "settings.json has $entry" has "$entry" "$settings"
done
check 'an agent' has 'reviewer' "$home/.claude/agents/reviewer.md"
check "a hook of one's own" test -x "$home/.claude/hooks/note"
guard() {
  printf '%s' '{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git push --force"},"cwd":"/"}' |
    env HOME="$home" "$home/.claude/hooks/intelligent-optimizer"
}
check 'a bundled hook answers, by the rules of the profile' is_same '"permissionDecision":"deny"' \
  "$(guard | grep --only-matching '"permissionDecision":"[a-z]*"')"
before=$(picture)
activate
check 'a second time' says 'Up to date: generation 1.'
check 'a second time changes nothing' is_same "$before" "$(picture)"
# As Claude Code writes it: another file in its place, with an entry more.
sed 's/"theme":"dark"/"theme":"light", "verbose": true/' "$settings" >"$settings.new"
mv "$settings.new" "$settings"
activate
check 'what Claude Code wrote stays' has '"theme":"light", "verbose": true' "$settings"
check 'and is still a regular file' is_writable_file "$settings"
printf '{ "theme":"dark" ' >"$settings"
activate
check 'a broken settings.json is left alone' is_same '{ "theme":"dark" ' "$(cat "$settings")"
check 'and warned of' says 'WARNING: claude-sync: the profile was not applied.'

begin attributes
mkdir "$home/.claude"
cp "$base/before" "$home/.claude/settings.json"
activate
cs=$(head --lines 1 "$cases/$case/packages")/bin/cs
HOME=$home "$cs" uninstall --yes >"$log" 2>&1 || fail 'uninstall'
check 'uninstalling gives back every byte' cmp --quiet "$base/before" "$home/.claude/settings.json"

begin pieces
# A session's variable is none of this home's business.
activate CLAUDE_CONFIG_DIR="$home/wrong"
for entry in 'Bash(from-here:*)' 'Bash(from-elsewhere:*)'; do
  check "settings.json has $entry" has "$entry" "$home/.claude/settings.json"
done
check 'a new file, writable' is_writable_file "$home/.claude/settings.json"

begin file
activate
check 'a profile that is a file' has 'Bash(from-a-file:*)' "$home/.claude/settings.json"
check 'and what lies beside it' has reviewer "$home/.claude/agents/reviewer.md"

begin outside
check 'nothing is linked' is_same '' "$(placed claude-sync)"
mkdir "$home/dotfiles"
cp -R "$(dirname "$0")/cases/dotfiles/." "$home/dotfiles"
activate
check 'a profile outside the store' has 'Bash(from-a-file:*)' "$home/.claude/settings.json"
check 'is the one remembered' has "$home/dotfiles/claude-sync.toml" "$home/.claude/claude-sync/current/manifest.json"

begin elsewhere
activate CLAUDE_CONFIG_DIR="$home/wrong"
check 'the folder Claude Code reads' has 'Bash(from-elsewhere:*)' "$home/.config/claude/settings.json"
check 'and no other' not test -e "$home/.claude" -o -e "$home/wrong"

begin refused
mkdir "$home/.claude"
cp "$base/before" "$home/.claude/settings.json"
before=$(picture)
activate
check 'cs says why' says 'setings'
check 'a warning' says 'WARNING: claude-sync: the profile was not applied.'
check 'with what to do' says 'Try again: cs apply --profile '
check 'nothing is changed' cmp --quiet "$base/before" "$home/.claude/settings.json"

case=clash
check 'two owners of settings.json are refused' has 'programs.claude-sync: ' "$cases/$case/failed"
check 'by name' has 'settings.json is a link' "$cases/$case/failed"

case=side-by-side
check 'beside programs.claude-code without settings' is_empty "$cases/$case/failed"

case=disabled
check 'no step' not test -e "$cases/$case/activate"
check 'no package' is_empty "$cases/$case/packages"
check 'no file' is_same '' "$(placed claude)"

printf '%d passed, 0 failed\n' "$passed"
