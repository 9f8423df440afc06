//! History, uncommitted work, and what others have fetched.

use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask};
use crate::command::Word;

static DISCARD: Rule = ask(
    "git/discard-changes",
    "uncommitted changes: no commit and no reflog has them",
    "`git stash` first, or commit to a branch",
);
static CLEAN: Rule = ask(
    "git/clean",
    "files that git never knew: nothing brings them back",
    "`git clean -n` shows what would go",
);
static FORCE_PUSH: Rule = ask(
    "git/rewrite-remote",
    "commits of others on the remote",
    "`git push --force-with-lease`, to a branch of your own",
);
static DELETE_REMOTE: Rule = ask(
    "git/delete-remote-ref",
    "a branch or tag that others use",
    "check with `git ls-remote` and `git log` that it is merged",
);
static DELETE_REF: Rule = ask(
    "git/delete-ref",
    "commits that only this branch, tag or stash holds",
    "`git branch -d`, which refuses what isn't merged; note the commit first",
);
static STASH: Rule =
    ask("git/drop-stash", "stashed work", "`git stash show -p` first, or `git stash branch NAME` to keep it");
static HISTORY: Rule = ask(
    "git/rewrite-history",
    "the history as it was, for everyone who has it",
    "work on a fresh clone and keep the old one",
);
static EXPIRE: Rule = ask(
    "git/expire-recovery",
    "the reflog and loose objects: the last way back to lost commits",
    "leave it to `git gc`, which keeps two weeks",
);
static WORKTREE: Rule = ask(
    "git/remove-worktree",
    "uncommitted work in another working tree",
    "`git worktree remove` without force, which refuses where there is some",
);
/// Also what deletes or overwrites files in `.git`.
pub(super) static RECORDS: Rule = ask(
    "git/overwrite-records",
    "the repository's own records: branches, history, settings",
    "use the git command for it",
);

pub(super) static TABLE: &[Row] = &[
    row("git", "reset --hard|--merge", &DISCARD),
    row("git", "restore ? !--staged|-S|--cached", &DISCARD),
    row("git", "restore ? --worktree|-W", &DISCARD),
    row("git", "checkout-index --force|-f", &DISCARD),
    row("git", "read-tree --reset", &DISCARD),
    row("git", "submodule deinit --force|-f|--all", &DISCARD),
    row("git", "rm --force|-f !--cached", &DISCARD),
    row("git", "worktree remove --force|-f", &WORKTREE),
    row("git", "branch -D", &DELETE_REF),
    row("git", "branch -d|--delete --force|-f", &DELETE_REF),
    row("git", "branch -f|--force ?", &DELETE_REF),
    row("git", "branch -M", &DELETE_REF),
    row("git", "tag -d|--delete", &DELETE_REF),
    row("git", "tag -f|--force", &DELETE_REF),
    row("git", "update-ref -d|--delete|--stdin", &DELETE_REF),
    row("git", "symbolic-ref -d|--delete", &DELETE_REF),
    row("git", "replace -d|--delete", &DELETE_REF),
    row("git", "notes remove|prune", &DELETE_REF),
    row("git", "stash drop|clear", &STASH),
    row("git", "reflog expire|delete", &EXPIRE),
    row("git", "gc --prune=now", &EXPIRE),
    row("git", "gc --prune=all", &EXPIRE),
    row("git", "gc --aggressive --prune", &EXPIRE),
    row("git", "prune !-n|--dry-run", &EXPIRE),
    row("git", "lfs prune --force|-f|--verify-remote", &EXPIRE),
    row("git", "filter-branch|filter-repo", &HISTORY),
    row("git", "rebase --root", &HISTORY),
    row("git", "replace --graft|--edit", &HISTORY),
    row("git", "fast-import --force", &HISTORY),
    row("git", "remote remove|rm|prune", &DELETE_REF),
    row("git", "annex drop|dropunused|uninit --force", &DISCARD),
    row("git", "svn dcommit", &FORCE_PUSH),
    row("git-filter-repo|git-filter-branch|bfg", "", &HISTORY),
    row("hg", "strip|histedit|purge", &HISTORY),
    row("hg", "update|up|checkout -C|--clean", &DISCARD),
    row("hg", "revert --all|-a", &DISCARD),
    row("hg", "push -f|--force", &FORCE_PUSH),
    row("svn", "revert -R|--recursive", &DISCARD),
    row("svn", "delete|rm|remove", &DELETE_REMOTE),
    row("svn", "cleanup --remove-unversioned|--remove-ignored", &CLEAN),
    row("jj", "abandon|undo", &DISCARD),
    row("jj", "op abandon", &EXPIRE),
    row("jj", "operation abandon", &EXPIRE),
    row("p4", "revert|obliterate", &DISCARD),
];

pub(super) fn find(call: &Call, _: &Context) -> Option<Found> {
    of(call)
}

fn of(call: &Call) -> Option<Found> {
    if !call.program.starts_with("git") && !call.is("hg|svn|jj|p4|bfg|hub|yadm|dotfiles") {
        return None;
    }
    if call.is("hub|yadm|dotfiles") {
        let words = call.simple.words.clone();
        let as_git = crate::command::Simple { words, ..call.simple.clone() };
        let mut inner = Call::new(&as_git);
        "git".clone_into(&mut inner.program);
        return of(&inner);
    }
    if call.is_harmless() || call.options().contains(&"-h") {
        return None;
    }
    if !call.is("git") {
        return call.in_table(TABLE);
    }
    match call.operand(0).to_ascii_lowercase().as_str() {
        "checkout" => checkout(call),
        "clean" => clean(call),
        "switch" => switch(call),
        "push" => push(call),
        _ => call.in_table(TABLE),
    }
}

/// A branch is switched to; paths are written over.
fn checkout(call: &Call) -> Option<Found> {
    let args = call.simple.args();
    if call.has("-f|--force") && !is_branching(call) {
        return Some(DISCARD.on(call.text()));
    }
    if is_branching(call) {
        return None;
    }
    let operands = &call.operands()[1..];
    let dashes = args.iter().position(|word| word.text == "--");
    let has_paths = dashes.is_some_and(|at| at + 1 < args.len());
    let is_folder = operands
        .iter()
        .any(|word| matches!(word.text.as_str(), "." | ":/") || word.text.starts_with("./") || is_file(word));
    let is_list = call
        .options()
        .iter()
        .any(|option| option.starts_with("--pathspec-from-file") || matches!(*option, "--ours" | "--theirs"));
    (has_paths || is_folder || is_list || operands.len() >= 2).then(|| DISCARD.on(call.text()))
}

/// What is named like a file, or a pattern of names, is no branch.
fn is_file(word: &Word) -> bool {
    const ENDS: &str = "rs|py|js|ts|tsx|jsx|mjs|cjs|json|toml|yaml|yml|md|txt|c|h|cc|cpp|hpp|java|go|rb|php|html|css|scss|sh|sql|lock|xml|cfg|ini|conf|vue|svelte|kt|swift|cs|env|tf|csv|ipynb|r|jl|lua|pl|ex|exs|scala|gradle|svg|png";
    let name = word.text.rsplit('/').next().unwrap_or_default();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    word.is_glob || super::table::is_in(ENDS, &end.to_ascii_lowercase())
}

/// `-b name`, `-qbname`, `--orphan name`, `--detach`: no path follows.
fn is_branching(call: &Call) -> bool {
    call.options().iter().any(|option| {
        let is_short = !option.starts_with("--") && option.contains(['b', 'B', 'd']);
        is_short || option.starts_with("--orphan") || option.starts_with("--det")
    })
}

/// `-Cname` holds a name, which may have any letter in it.
fn switch(call: &Call) -> Option<Found> {
    let is_forced = call.options().iter().any(|option| match option.strip_prefix("--") {
        Some(_) => {
            ["--discard-changes", "--force"].iter().any(|flag| flag.starts_with(option) && option.len() >= 4)
        }
        None => option.split(['c', 'C']).next().is_some_and(|flags| flags.contains('f')),
    });
    is_forced.then(|| DISCARD.on(call.text()))
}

fn clean(call: &Call) -> Option<Found> {
    let is_allowed = call
        .simple
        .args()
        .iter()
        .any(|word| word.text.to_ascii_lowercase().replace(' ', "").contains("clean.requireforce=false"));
    let is_forced = is_allowed || call.has("-f|--force");
    let is_dry = call.has("-n|--dry-run") || call.has("-i|--interactive");
    (is_forced && !is_dry).then(|| CLEAN.on(call.text()))
}

fn push(call: &Call) -> Option<Found> {
    if call.has("-n") {
        return None;
    }
    let has_lease = call.options().iter().any(|option| option.starts_with("--force-with-lease"));
    if call.options().contains(&"--mirror")
        || call.has("--prune")
        || call.options().iter().any(|o| o.starts_with("--mir"))
    {
        return Some(FORCE_PUSH.on(call.text()));
    }
    if call.has("-d|--delete") {
        return Some(DELETE_REMOTE.on(call.text()));
    }
    let is_forced = call.options().iter().any(|option| {
        *option == "--force"
            || *option == "--forc"
            || !option.starts_with("--") && option.contains('f') && !option.contains('=')
    });
    if is_forced && !has_lease {
        return Some(FORCE_PUSH.on(call.text()));
    }
    let refs = call.operands().get(1..).unwrap_or_default();
    for word in refs {
        if word.text.starts_with(':') && word.text.len() > 1 {
            return Some(DELETE_REMOTE.on(call.text()));
        }
        if word.text.starts_with('+') {
            return Some(FORCE_PUSH.on(call.text()));
        }
    }
    None
}
