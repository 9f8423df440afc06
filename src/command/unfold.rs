//! What a command runs besides itself: wrappers, shells, `find -exec`, other languages.

use std::sync::Arc;

use super::feed::joined;
use super::name::named;
use super::peel::{assignments, is_assignment, is_in, is_of_lines, is_sure, options, peel};
use super::runs::{fed, find, git, language, local_tool, parallel, powershell, shell, sourced, xargs};
use super::shape::{Runner, Tool, Wrapper};
use super::state::State;
use super::{Position, Simple, Site, UNKNOWN, Word, base_name};

const SHELLS: &str =
    "|sh|bash|zsh|dash|ksh|mksh|fish|ash|rbash|csh|tcsh|pwsh|powershell|elvish|nu|xonsh|yash|posh|";

pub(super) fn is_shell(name: &str) -> bool {
    !name.is_empty() && !name.contains('|') && SHELLS.contains(&format!("|{name}|"))
}

/// Adds a command to the script, then what it runs.
pub(super) fn add(state: &mut State, mut simple: Simple) {
    if simple.words.is_empty() {
        state.push(simple);
        return;
    }
    expand(state, &mut simple);
    // An alias may stand for nothing.
    if simple.words.is_empty() {
        state.script.commands.push(simple);
        return;
    }
    named(&mut simple.words[0]);
    let mut start = 0;
    // The words of a container's command, who runs it, and where.
    let mut container = None;
    // Wrappers around wrappers cost nothing: ten thousand `sudo` are one.
    while let Some(word) = simple.words.get(start) {
        let name = base_name(&word.text);
        let (runner, site) = (simple.runner, simple.site);
        let Some(next) = peel(&name, &simple.words, start, &mut simple.site) else { break };
        let next = assignments(&simple.words, next, false);
        if matches!(name.as_str(), "docker" | "podman" | "nerdctl") && next < simple.words.len() {
            // Behind an option nobody knows it ends where nobody can say.
            let is_odd = simple.words[next].text.starts_with('-');
            let end = if is_odd { simple.words.len() } else { next };
            container = container.or(Some((start..end, runner, site)));
        }
        let is_own = super::is_own_program(&word.text) && next < simple.words.len();
        if let Some(tool) = Tool::named(&name)
            && Wrapper::named(&name).is_some_and(Wrapper::is_telling)
        {
            let own = simple.words[start + 1..next.min(simple.words.len())].iter();
            simple.runner = Some(Runner::new(tool, own.map(|word| word.text.as_str()), simple.runner));
        }
        if (is_own || !is_sure(&name, &simple.words, start)) && simple.as_typed.is_empty() {
            simple.as_typed = simple.words[start..].to_vec();
        }
        if next >= simple.words.len() {
            // A wrapper around nothing; `env`, `nice` and the like print something.
            break;
        }
        start = next;
        named(&mut simple.words[start]);
        if matches!(name.as_str(), "watch" | "hyperfine") || simple.words[start].text.contains(is_of_lines) {
            // These take a command line; so does whoever quotes one for a wrapper by mistake.
            let text = joined(&simple.words[start..]);
            if matches!(name.as_str(), "watch" | "hyperfine") && simple.as_typed.is_empty() {
                state.text_apart(&text.text, &[], simple.reads);
            } else if matches!(name.as_str(), "watch" | "hyperfine") || is_all(&simple.words[start..]) {
                state.aside(|state| state.text_apart(&text.text, &[], simple.reads));
            }
        }
    }
    if start > 0 {
        // What a container is given is a question of its own, its flags among it. Its command stands here, run by
        // whatever stands before it; what it is given is in a program.
        if let Some((own, runner, site)) = container {
            let own = Simple { words: simple.words[own].to_vec(), runner, site, ..simple.clone() };
            if simple.as_typed.is_empty() {
                state.push(own);
                simple.position = Position { level: simple.position.level + 1, ..Position::default() };
            } else {
                state.aside(|state| state.push(own));
            }
        }
        simple.words.drain(..start);
    }
    let program = simple.program();
    variables(state, &program, &simple);
    match program.as_str() {
        "cd" | "pushd" | "chdir" => {
            let target = simple.args().iter().find(|word| !word.text.starts_with('-') || word.text == "-");
            let folder = target.cloned().unwrap_or(Word { is_tilde: true, ..Word::plain("~") });
            let folders = Arc::make_mut(&mut state.scope.folders);
            folders.push(if folder.text == "-" { Word::unknown() } else { folder });
            if folders.len() > 32 {
                *folders = vec![Word::unknown()];
            }
        }
        "popd" => Arc::make_mut(&mut state.scope.folders).push(Word::unknown()),
        _ => {}
    }
    state.push(simple.clone());
    let is_own = simple.words.first().is_some_and(|word| super::is_own_program(&word.text));
    if is_own || !simple.as_typed.is_empty() {
        state.aside(|state| inner(state, &program, &simple));
    } else {
        inner(state, &program, &simple);
    }
}

/// An alias or a function in the place of the program.
fn expand(state: &mut State, simple: &mut Simple) {
    for _ in 0..8 {
        let Some(first) = simple.words.first() else { return };
        if first.quoted_at.is_some() {
            break;
        }
        let name = first.text.clone();
        let Some(value) = state.take_alias(&name) else { break };
        let script = super::parse(&value);
        state.script.is_undecided |= script.is_undecided;
        let mut commands = script.commands;
        // Who reads whom is told by places, which are others here.
        let base = state.script.commands.len();
        let moved = |range: &mut (usize, usize)| *range = (range.0 + base, range.1 + base);
        for command in &mut commands {
            command.reads.iter_mut().chain(&mut command.inner).for_each(moved);
        }
        let last = commands.pop();
        for command in commands {
            state.push(command);
        }
        if let Some(last) = last {
            let rest = simple.words.split_off(1);
            simple.words = last.words;
            simple.words.extend(rest);
            simple.redirects.extend(last.redirects);
            simple.here = simple.here.take().or(last.here);
            simple.reads = last.reads.or(simple.reads);
            simple.inner = last.inner.or(simple.inner);
        }
    }
    let name = simple.words.first().map(|word| word.text.clone()).unwrap_or_default();
    if let Some((body, is_aside)) = state.called(&name) {
        let words: Vec<Word> = simple.words.iter().take(17).cloned().collect();
        if is_aside {
            state.aside(|state| state.text_apart(&body, &words, simple.reads));
        } else {
            state.text_apart(&body, &words, simple.reads);
        }
        state.give_back(&name);
    }
}

/// Whether nothing stands behind the first but what `xargs` puts there.
fn is_all(words: &[Word]) -> bool {
    words[1..].iter().all(is_unknown)
}

fn is_unknown(word: &Word) -> bool {
    word.text.chars().all(|c| c == UNKNOWN)
}

/// What commands do to variables and aliases.
fn variables(state: &mut State, program: &str, simple: &Simple) {
    match program {
        "export" | "declare" | "local" | "readonly" | "typeset" | "set" => {
            for word in simple.args() {
                if let Some((name, value)) = word.text.split_once('=').filter(|_| is_assignment(&word.text)) {
                    let value = Word { text: value.to_owned(), holes: word.holes.clone(), ..Word::default() };
                    state.set(name, vec![value]);
                }
            }
            // `set -- a b` gives the shell arguments.
            if program == "set"
                && let Some(at) = simple.words.iter().position(|word| word.text == "--")
            {
                for (index, word) in simple.words[at + 1..].iter().take(16).enumerate() {
                    state.set(&(index + 1).to_string(), vec![word.clone()]);
                }
                state.set("@", simple.words[at + 1..].iter().take(16).cloned().collect());
            }
        }
        "read" if simple.here.is_some() => {
            let line = simple.here.as_ref().map(|here| Word {
                text: here.text.lines().next().unwrap_or_default().to_owned(),
                ..Word::clone(here)
            });
            if let Some((name, line)) = simple.args().last().zip(line) {
                state.set(&name.text, vec![line]);
            }
        }
        "read" | "unset" | "mapfile" | "readarray" | "getopts" => {
            for word in simple.args().iter().filter(|word| !word.text.starts_with('-')) {
                state.scope.put(word.text.clone(), None);
            }
        }
        "alias" => {
            for word in simple.args() {
                if let Some((name, value)) = word.text.split_once('=') {
                    state.alias(name, value);
                }
            }
        }
        _ => {}
    }
}

/// A variable that holds a command for whoever is run with it: `PAGER='…' git log`.
pub(super) fn hooked(state: &mut State, name: &str, reads: Option<(usize, usize)>) {
    const NAMES: &str = "PAGER|GIT_PAGER|MANPAGER|EDITOR|VISUAL|GIT_EDITOR|GIT_SEQUENCE_EDITOR|GIT_SSH_COMMAND|GIT_SSH|GIT_EXTERNAL_DIFF|GIT_ASKPASS|SSH_ASKPASS|BROWSER|PROMPT_COMMAND|LESSOPEN|BASH_ENV";
    if !is_in(NAMES, name) {
        return;
    }
    let values = state.scope.variables.get(name).cloned().unwrap_or_default();
    for value in values.iter().take(4) {
        state.text_apart(&source(value), &[], reads);
    }
}

/// Runs `read` and marks what came of it as acting elsewhere.
pub(super) fn apart(state: &mut State, text: &Word, arguments: &[Word], simple: &Simple, is_elsewhere: bool) {
    let first = state.script.commands.len();
    let folders = state.scope.folders.clone();
    if is_elsewhere {
        state.scope.folders = Arc::default();
    }
    state.text_apart(&source(text), arguments, simple.reads);
    state.scope.folders = folders;
    if is_elsewhere || simple.site == Site::Elsewhere {
        for command in &mut state.script.commands[first..] {
            command.site = Site::Elsewhere;
        }
    }
}

/// The same of a language that is not the shell's: of what can't be told in it, who runs it can.
pub(super) fn apart_for(state: &mut State, program: &str, text: &Word, simple: &Simple) {
    let first = state.script.commands.len();
    apart(state, text, &[], simple, false);
    let runner = Tool::named(program).map(|tool| Runner::new(tool, [], simple.runner));
    for command in &mut state.script.commands[first..] {
        command.runner = command.runner.or(runner);
    }
}

/// A word as text to be read again: a variable that could not be put in is a variable again.
fn source(text: &Word) -> String {
    if text.holes.iter().all(|name| !is_name(name)) {
        return text.text.clone();
    }
    let mut holes = text.holes.iter();
    let mut source = String::with_capacity(text.text.len() + 16);
    for c in text.text.chars() {
        match (c, holes.as_slice().first()) {
            (UNKNOWN, Some(name)) => {
                holes.next();
                if is_name(name) { source.push_str(&format!("${{{name}}}")) } else { source.push(c) }
            }
            _ => source.push(c),
        }
    }
    source
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Adds a command that `simple` runs, one level deeper.
pub(super) fn add_inner(state: &mut State, simple: &Simple, mut words: Vec<Word>, is_fed: bool) {
    // `find -exec LANG=C sudo …`: a slip.
    words.drain(..assignments(&words, 0, false));
    if words.is_empty() {
        return;
    }
    let inner = Simple { words, is_fed: is_fed || simple.is_fed, here: None, ..simple.frame() };
    if state.enter() {
        add(state, inner);
        state.leave();
    } else {
        state.script.is_undecided = true;
        state.push(inner);
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of program")]
fn inner(state: &mut State, program: &str, simple: &Simple) {
    if matches!(program, "pwsh" | "powershell") {
        return powershell(state, program, simple);
    }
    if is_shell(program) {
        return shell(state, simple);
    }
    let args = simple.args();
    let after = |flags: &[&str]| {
        let at = args.iter().position(|word| flags.contains(&word.text.as_str()))?;
        args.get(at + 1)
    };
    match program {
        "eval" => {
            // Ten thousand of them are one.
            let again = args
                .iter()
                .take_while(|word| matches!(word.text.as_str(), "eval" | "builtin" | "command" | "--"));
            let args = &args[again.count()..];
            // What `xargs` puts behind it is not known, and no part of the last command.
            let end = args.iter().rposition(|word| !is_unknown(word)).map_or(0, |at| at + 1);
            let text = joined(&args[..if end > 0 { end } else { args.len() }]);
            // What another command prints: that is the one to know the line by.
            let is_printed = !text.text.is_empty() && text.text.chars().all(|c| c == UNKNOWN);
            if is_printed && text.holes.iter().any(|hole| hole == "$(") {
                state.aside(|state| state.text(&source(&text), simple.reads));
            } else {
                state.text(&source(&text), simple.reads);
            }
        }
        "env" | "sudo" => {
            let split = args
                .iter()
                .position(|word| word.text.starts_with("-S") || word.text.starts_with("--split-string"));
            if let Some(at) = split {
                let attached = args[at].text.trim_start_matches("--split-string").trim_start_matches("-S");
                let rest = joined(&args[at + 1..]);
                let text = format!("{} {}", attached.trim_start_matches('='), rest.text);
                apart(state, &Word::plain(text), &[], simple, false);
            }
        }
        "source" | "." => {
            if let Some(file) = args.first() {
                sourced(state, file, simple);
            }
        }
        "npx" | "npm" | "pnpm" => {
            if let Some(text) = after(&["-c", "--call"]) {
                apart(state, text, &[], simple, false);
            } else if program == "pnpm" {
                local_tool(state, simple);
            }
        }
        "su" | "runuser" | "script" | "flock" | "sg" | "newgrp" | "expect" | "xterm" | "ksu" | "konsole"
        | "gnome-terminal" | "alacritty" | "kitty" => {
            let flags: &[&str] = match program {
                "xterm" | "konsole" | "alacritty" => &["-e"],
                "gnome-terminal" | "kitty" => &["--", "-e"],
                _ => &["-c", "--command", "-lc", "-qc"],
            };
            // Further on they are another command's.
            let lead = match program {
                "su" | "expect" | "sg" | "newgrp" => args.len(),
                "flock" => options(args, 0, "wE", " --timeout --wait ") + 2,
                _ => options(args, 0, "uwEgGIoOtmBc", " --user --group "),
            };
            let at = args.iter().take(lead.max(1)).position(|word| flags.contains(&word.text.as_str()));
            if let Some(text) = at.and_then(|at| args.get(at + 1)) {
                apart(state, text, &[], simple, false);
            } else if let Some(attached) = args.iter().find_map(|word| word.text.strip_prefix("--command=")) {
                apart(state, &Word::plain(attached), &[], simple, false);
            } else {
                // `flock file command`, `script file command`, `runuser -u name command`
                let skip = usize::from(matches!(program, "flock" | "script"));
                let at = options(args, 0, "uwEgGIoOtmB", " --user --group --timeout --wait ") + skip;
                if program != "su" && at < args.len() {
                    add_inner(state, simple, args[at..].to_vec(), false);
                }
            }
        }
        "ssh" | "mosh" | "autossh" | "pdsh" | "clush" | "sshpass" | "rsh" | "gossh" => {
            let short = match program {
                "pdsh" | "clush" => "wxglfutR",
                "sshpass" => "pfd",
                _ => "bcDEeFIiJLlmOopQRSWwB",
            };
            let at = options(args, 0, short, "");
            if program == "sshpass" {
                return add_inner(state, simple, args[at.min(args.len())..].to_vec(), false);
            }
            // What ssh itself runs here.
            let is_setting =
                |word: &&Word| word.text.contains("ProxyCommand=") || word.text.contains("LocalCommand=");
            if let Some(setting) = args.iter().find(is_setting) {
                let text = setting.text.split_once('=').map_or("", |(_, text)| text);
                apart(state, &Word::plain(text), &[], simple, false);
            }
            let at = at + usize::from(!matches!(program, "pdsh" | "clush"));
            let at = options(args, at, short, "");
            if at < args.len() {
                apart(state, &joined(&args[at..]), &[], simple, true);
                // Quotes don't reach the other side; whoever wrote them meant one text.
                let texts = args[at + 1..].iter().filter(|word| word.text.contains(is_of_lines));
                for text in texts.take(4) {
                    apart(state, text, &[], simple, true);
                }
            } else {
                fed(state, simple, true);
            }
        }
        "vagrant" | "gcloud" | "az" | "ansible" | "fly" | "flyctl" | "multipass" | "limactl" | "colima"
        | "adb" | "salt" => {
            let flags =
                ["-c", "--command", "-a", "--args", "-C", "--scripts", "shell", "--exec", "cmd.run", "-e"];
            let is_run = args.iter().take(4).any(|word| {
                matches!(
                    word.text.as_str(),
                    "ssh" | "exec" | "shell" | "run-command" | "console" | "cmd.run" | "-m" | "all" | "-e"
                )
            });
            let attached = args.iter().find_map(|word| word.text.strip_prefix("--command="));
            if let Some(text) = attached.filter(|_| is_run).map(Word::plain) {
                apart(state, &text, &[], simple, true);
            } else if is_run {
                // The command stands behind the option that says so, else behind the verb.
                let behind =
                    |flags: &[&str]| args.iter().position(|word| flags.contains(&word.text.as_str()));
                let command = behind(&["-a", "--args", "-c", "-C", "--command", "--scripts"]);
                let Some(at) = command.or_else(|| behind(&flags)) else { return };
                let text = joined(&args[at + 1..]);
                // Without an option that says so, a name may look like the verb.
                let may_be_name = matches!(program, "ansible" | "az" | "gcloud" | "vagrant");
                let is_first = args[..at].iter().all(|word| word.text.starts_with('-'));
                if command.is_none() && (may_be_name || !is_first) {
                    state.aside(|state| apart(state, &text, &[], simple, true));
                } else {
                    apart(state, &text, &[], simple, true);
                }
            }
        }
        // `wsl -d NAME -- command`, `cmd /c command`
        "wsl" => {
            let at = options(args, 0, "du", " --distribution --user --cd ");
            add_inner(state, simple, args[at.min(args.len())..].to_vec(), false);
        }
        "cmd" => {
            let is_switch =
                |word: &Word| matches!(word.text.to_ascii_lowercase().as_str(), "/c" | "/k" | "//c");
            if let Some(at) = args.iter().position(is_switch) {
                apart_for(state, program, &joined(&args[at + 1..]), simple);
            }
        }
        "yarn" => local_tool(state, simple),
        "tmux" | "screen" | "zellij" | "byobu" => {
            // `tmux new -d 'command'`, `tmux send-keys -t x 'command' Enter`, `screen -dm command`
            for word in args.iter().filter(|word| word.text.contains(is_of_lines)) {
                state.aside(|state| apart(state, word, &[], simple, false));
            }
            if program == "screen" {
                let at = options(args, 0, "SctTeph", "").min(args.len());
                state.aside(|state| add_inner(state, simple, args[at..].to_vec(), false));
            }
        }
        "trap" | "at" | "batch" | "crontab" | "parallel-ssh" => {
            if program == "trap"
                && let Some(text) = args.first()
            {
                apart(state, text, &[], simple, false);
            } else {
                fed(state, simple, false);
            }
        }
        "nix-shell" => {
            if let Some(text) = after(&["--run", "--command"]) {
                apart(state, text, &[], simple, false);
            }
        }
        "find" | "gfind" | "bfs" | "fd" | "fdfind" => find(state, simple),
        "xargs" | "gxargs" => xargs(state, simple),
        "parallel" | "sem" | "rush" => parallel(state, simple),
        "git" => git(state, simple),
        "nc" | "ncat" | "netcat" | "socat" | "sbatch" | "qsub" | "bsub" => {
            if let Some(text) = after(&["--wrap"])
                .cloned()
                .or_else(|| args.iter().find_map(|word| word.text.strip_prefix("--wrap=")).map(Word::plain))
            {
                apart(state, &text, &[], simple, false);
            } else if matches!(program, "sbatch" | "qsub" | "bsub")
                && let Some(here) = simple.here.clone()
            {
                apart(state, &here, &[], simple, false);
            }
        }
        "make" | "gmake" | "vim" | "vi" | "nvim" | "ex" | "ed" | "tar" | "gtar" | "rsync" | "man"
        | "less" => {
            // Options that carry a command.
            for word in args {
                let text = word.text.as_str();
                let command = text
                    .strip_prefix("--checkpoint-action=exec=")
                    .or_else(|| text.strip_prefix("--to-command="))
                    .or_else(|| text.strip_prefix("--use-compress-program="))
                    .or_else(|| text.strip_prefix("SHELL="))
                    .or_else(|| text.strip_prefix(":!"))
                    .or_else(|| text.strip_prefix("+!"));
                if let Some(command) = command {
                    apart(state, &Word::plain(command), &[], simple, false);
                }
            }
        }
        _ => language(state, program, simple),
    }
}
