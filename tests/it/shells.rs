//! Help, completions and manual pages, judged by who reads them: people, shells, and the tools that format pages.

use std::fs;
use std::process::{Command, Stdio};

use crate::sandbox::{Sandbox, missing, ran};
use crate::session::{Session, snapshot};

/// Whether a program can be started at all.
fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Runs `program` in the sandbox's home, with nothing of this machine's.
#[track_caller]
fn run(sandbox: &Sandbox, program: &str, args: &[&str]) -> String {
    let like = sandbox.command(&[]);
    let mut command = Command::new(program);
    command.args(args).env_clear().env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(sandbox.home()).stdin(Stdio::null());
    let ran = ran(command.output().unwrap_or_else(|error| panic!("{program}: {error}"))).ok();
    assert_eq!(ran.err, "", "{program} {args:?}");
    ran.out
}

#[test]
fn help_as_a_newcomer_reads_it() {
    let sandbox = Sandbox::new();
    let mut session = Session::new(&sandbox);
    for topic in ["", "plan", "apply", "rollback", "generations prune", "guard check", "man"] {
        let args: Vec<&str> = std::iter::once("help").chain(topic.split_whitespace()).collect();
        session.cs(&args);
    }
    snapshot!("help", session);
}

/// What each shell offers after `typed`: the last word is completed.
const TYPED: &[(&str, &[&str], &[&str])] = &[
    ("cs pl", &["plan"], &["apply"]),
    ("cs ", &["plan", "apply", "rollback", "completions"], &["hook"]),
    ("cs completions ", &["bash", "zsh", "fish"], &["powershell"]),
    ("cs generations p", &["prune", "pin"], &["list"]),
    ("cs apply --on-conflict ", &["refuse", "backup", "adopt", "skip"], &[]),
    ("cs apply --", &["--on-conflict", "--profile", "--yes"], &["--durability", "--explain"]),
];

#[track_caller]
fn check(shell: &str, offered: impl Fn(&str) -> String) {
    for (typed, some, none) in TYPED {
        let offered = offered(typed);
        let words: Vec<&str> = offered.lines().filter_map(|line| line.split_whitespace().next()).collect();
        for word in *some {
            assert!(words.contains(word), "{shell}: {typed:?} misses {word}: {words:?}");
        }
        for word in *none {
            assert!(!words.contains(word), "{shell}: {typed:?} offers {word}: {words:?}");
        }
    }
}

/// Writes the completions of `shell`; where they are.
fn script(sandbox: &Sandbox, shell: &str, file: &str) -> String {
    sandbox.write(file, sandbox.cs(&["completions", shell]).ok().out);
    sandbox.path(file).display().to_string()
}

#[test]
fn bash_completes() {
    let sandbox = Sandbox::new();
    let script = script(&sandbox, "bash", "cs.bash");
    let asked = run(&sandbox, "bash", &["-c", "source \"$0\"; complete -p cs", &script]);
    assert!(asked.contains("-F _cs") && asked.trim().ends_with(" cs"), "{asked}");
    // As readline calls it: the command, the word, and the one before it.
    let ask = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
               _cs cs \"${@: -1}\" \"${@: -2:1}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    check("bash", |typed| {
        let words = typed.split(' ');
        let args: Vec<&str> = ["-c", ask, &script].into_iter().chain(words).collect();
        run(&sandbox, "bash", &args)
    });
}

#[test]
fn fish_completes() {
    if !is_there("fish") {
        return missing("fish");
    }
    let sandbox = Sandbox::new();
    let script = script(&sandbox, "fish", "cs.fish");
    let ask = "source $argv[1]; complete --do-complete $argv[2]";
    check("fish", |typed| run(&sandbox, "fish", &["--no-config", "-c", ask, &script, typed]));
}

/// A shell on a terminal of its own: zsh completes nowhere else. It tells each candidate as it is added.
const ZSH_INNER: &str = r#"
PROMPT=
unset zle_bracketed_paste
stty -echo
fpath=($HOME/functions $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- "<"${^hits}">"
}
ended() { print -r -- "<:ended>" }
comppostfuncs=(ended)
bindkey '^I' complete-word
print -r -- "<:ready>"
"#;

const ZSH_OUTER: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source $HOME/inner.zsh'
while zpty -r shell line && [[ $line != *"<:ready>"* ]]; do :; done
zpty -w -n shell "$1"$'\t'
while zpty -r shell line && [[ $line != *"<:ended>"* ]]; do print -r -- "$line"; done
"#;

#[test]
fn zsh_completes() {
    if !is_there("zsh") {
        return missing("zsh");
    }
    let sandbox = Sandbox::new();
    script(&sandbox, "zsh", "functions/_cs");
    sandbox.write("inner.zsh", ZSH_INNER);
    check("zsh", |typed| {
        let seen = run(&sandbox, "zsh", &["-f", "-c", ZSH_OUTER, "zsh", typed]);
        let told = seen.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
        told.map(|(word, _)| word).collect::<Vec<_>>().join("\n")
    });
}

/// All of them, in a folder.
fn pages(sandbox: &Sandbox) -> Vec<String> {
    let told = sandbox.cs(&["man", "man/man1", "--json"]).ok().json();
    let names = told["pages"].as_array().expect("pages");
    names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn there_is_a_page_for_every_command() {
    let sandbox = Sandbox::new();
    let names = pages(&sandbox);
    for name in ["cs.1", "cs-plan.1", "cs-generations-prune.1", "cs-guard-check.1"] {
        assert!(names.iter().any(|page| page == name), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("hook") || name.contains("help")), "{names:?}");
    let there = fs::read_dir(sandbox.path("man/man1")).expect("a folder").count();
    assert_eq!(there, names.len());
    assert_eq!(sandbox.cs(&["man"]).ok().out, sandbox.read("man/man1/cs.1"));
    sandbox.cs(&["man", "man/man1"]).ok();
}

#[test]
fn man_formats_every_page() {
    let has_man = is_there("man") && is_there("groff");
    if !has_man {
        return missing("man");
    }
    let sandbox = Sandbox::new();
    for page in pages(&sandbox) {
        let path = sandbox.path(&format!("man/man1/{page}")).display().to_string();
        let shown = run(&sandbox, "man", &["--warnings", "-E", "UTF-8", "-l", &path]);
        assert!(shown.contains("SYNOPSIS"), "{page}: {shown}");
    }
}

#[test]
fn mandoc_finds_nothing_wrong_with_any_page() {
    if !is_there("mandoc") {
        return missing("mandoc");
    }
    let sandbox = Sandbox::new();
    for page in pages(&sandbox) {
        let path = sandbox.path(&format!("man/man1/{page}")).display().to_string();
        let said =
            ran(Command::new("mandoc").args(["-T", "lint", "-W", "warning", &path]).output().expect("runs"));
        // A page without a date is the same whenever it is made.
        let faults: Vec<&str> = said.out.lines().filter(|line| !line.contains("missing date")).collect();
        assert_eq!(faults, Vec::<&str>::new(), "{page}");
    }
}
