//! What a command runs besides itself: wrappers, shells, `find -exec`, other languages.

use super::code::{self, Call};
use super::feed::{joined, printed};
use super::read::State;
use super::{Simple, Site, UNKNOWN, Word, base_name};

/// A program that runs the rest of its arguments.
struct Wrapper {
    /// Its names, with `|` between.
    names: &'static str,
    /// One-letter options that take the next word.
    short: &'static str,
    /// Long options that take the next word, with blanks around each.
    long: &'static str,
    /// How many operands stand before the command.
    skip: usize,
    site: Site,
}

const fn wrapper(names: &'static str, short: &'static str, long: &'static str, skip: usize) -> Wrapper {
    Wrapper { names, short, long, skip, site: Site::Here }
}

const fn elsewhere(names: &'static str, short: &'static str, long: &'static str, skip: usize) -> Wrapper {
    Wrapper { names, short, long, skip, site: Site::Elsewhere }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper(
        "sudo|sudo-rs",
        "ughpCrtTUDRa",
        " --user --group --host --prompt --chdir --chroot --role --type --close-from --other-user ",
        0,
    ),
    wrapper("doas|pkexec|please", "uC", " --user ", 0),
    wrapper("env", "uC", " --unset --chdir ", 0),
    wrapper(
        "command|builtin|nohup|setsid|chronic|unbuffer|catchsegv|eatmydata|fakeroot|sg|noglob|nocorrect|xvfb-run|dbus-run-session|dbus-launch|proxychains|proxychains4|torsocks|torify|rlwrap|winpty|rosetta|arch|linux32|linux64|setarch|i386|x86_64|gtimeout-",
        "",
        "",
        0,
    ),
    wrapper("exec", "a", "", 0),
    wrapper("nice|gnice", "n", " --adjustment ", 0),
    wrapper("time|gtime", "fo", " --format --output ", 0),
    wrapper("timeout|gtimeout", "ks", " --kill-after --signal ", 1),
    wrapper("stdbuf|gstdbuf", "ioe", " --input --output --error ", 0),
    wrapper("ionice", "cnpu", " --class --classdata ", 0),
    wrapper("chrt", "TPD", "", 1),
    wrapper("taskset", "", "", 1),
    wrapper("numactl", "CNmipl", " --cpunodebind --membind --physcpubind --interleave --preferred ", 0),
    wrapper("cgexec", "g", "", 0),
    wrapper("prlimit|setpriv|capsh|firejail|bwrap|systemd-inhibit", "", "", 0),
    wrapper(
        "systemd-run",
        "pMuEH",
        " --unit --property --slice --uid --gid --setenv --working-directory ",
        0,
    ),
    wrapper("caffeinate", "tw", "", 0),
    wrapper("strace|ltrace|dtruss", "eopsuaXObIPE", " --trace --output ", 0),
    wrapper("gdb|valgrind|perf-", "", "", 0),
    wrapper("unshare|nsenter", "tSGRw", " --target --setuid --setgid --root --wd ", 0),
    elsewhere("chroot|gosu|su-exec|schroot", "", "", 1),
    elsewhere("proot|arch-chroot|systemd-nspawn-", "", "", 1),
    elsewhere("toolbox|distrobox", "", "", 1),
    wrapper("busybox|toybox", "", "", 0),
    wrapper("entr", "", "", 0),
    wrapper(
        "hyperfine",
        "wmrPLsSN",
        " --warmup --runs --min-runs --max-runs --export-json --export-markdown --shell ",
        0,
    ),
    wrapper("watch", "nq", " --interval ", 0),
    // What a cluster's and a language's launchers run.
    wrapper(
        "srun|salloc|mpirun|mpiexec|prun|aprun|jsrun",
        "nNcptAJwxqGDoei",
        " --ntasks --nodes --partition --time --account --mem --gres --job-name --cpus-per-task --nodelist --np --host --hostfile --jobid ",
        0,
    ),
    wrapper("direnv", "", "", 2),
    wrapper("dotenv|dotenvx", "fe", "", 0),
    wrapper("npx|bunx|pnpx", "p", " --package ", 0),
    wrapper("uvx", "", " --from --with ", 0),
];

/// `tool sub command …`: the words that must stand there, and how many operands follow them.
const RUNNERS: &[(&str, &str, usize, Site)] = &[
    (
        "poetry|pipenv|rye|pdm|hatch|uv|conda|mamba|micromamba|dotenv|bun|op|doppler|infisical|chamber|teller",
        "run",
        0,
        Site::Here,
    ),
    ("bundle|npm|pnpm|yarn|mise|asdf|rbenv|pyenv|nodenv|opam|aws-vault|rvm", "exec", 0, Site::Here),
    ("pnpm|yarn", "dlx", 0, Site::Here),
    ("apptainer|singularity", "exec", 1, Site::Elsewhere),
    ("docker|podman|nerdctl|lxc|finch", "exec", 1, Site::Elsewhere),
    ("docker|podman", "container exec", 1, Site::Elsewhere),
    ("docker|podman", "compose exec", 1, Site::Elsewhere),
    ("docker|podman", "compose run", 1, Site::Elsewhere),
    ("docker-compose|podman-compose", "exec", 1, Site::Elsewhere),
    ("docker-compose|podman-compose", "run", 1, Site::Elsewhere),
];

/// Options of those that take the next word.
const RUNNER_VALUES: &str = " -e --env -u --user -w --workdir --env-file -n --name -p --prefix --project --package -c --context --host -H --index --detach-keys --profile -f --file --group --with --python -B --bind --pwd --home --cwd ";

const SHELLS: &str =
    "|sh|bash|zsh|dash|ksh|mksh|fish|ash|rbash|csh|tcsh|pwsh|powershell|elvish|nu|xonsh|yash|posh|";

/// Whether `name` is among `names`, which have `|` between.
fn is_in(names: &str, name: &str) -> bool {
    names.split('|').any(|known| known == name)
}

pub(super) fn is_shell(name: &str) -> bool {
    !name.is_empty() && !name.contains('|') && SHELLS.contains(&format!("|{name}|"))
}

/// Adds a command to the script, then what it runs.
pub(super) fn add(state: &mut State, mut simple: Simple) {
    if simple.words.is_empty() {
        state.script.commands.push(simple);
        return;
    }
    expand(state, &mut simple);
    let mut start = 0;
    // Wrappers around wrappers cost nothing: ten thousand `sudo` are one.
    while let Some(word) = simple.words.get(start) {
        let name = base_name(&word.text);
        let Some(next) = peel(&name, &simple.words, start, &mut simple.site) else { break };
        if next >= simple.words.len() {
            // A wrapper around nothing; `env`, `nice` and the like print something.
            break;
        }
        start = next;
        if matches!(name.as_str(), "watch" | "hyperfine") || simple.words[start].text.contains(' ') {
            // These take a command line; so does whoever quotes one for a wrapper by mistake.
            let text = joined(&simple.words[start..]);
            if matches!(name.as_str(), "watch" | "hyperfine") || start + 1 == simple.words.len() {
                state.text_apart(&text.text, &[], simple.reads);
            }
        }
    }
    if start > 0 {
        // What a container is given is a question of its own.
        if matches!(simple.program().as_str(), "docker" | "podman" | "nerdctl") {
            state.script.commands.push(simple.clone());
        }
        simple.words.drain(..start);
    }
    let program = simple.program();
    variables(state, &program, &simple);
    match program.as_str() {
        "cd" | "pushd" | "chdir" => {
            let target = simple.args().iter().find(|word| !word.text.starts_with('-') || word.text == "-");
            let folder = target.cloned().unwrap_or(Word { is_tilde: true, ..Word::plain("~") });
            state.scope.folders.push(if folder.text == "-" { Word::unknown() } else { folder });
            if state.scope.folders.len() > 32 {
                state.scope.folders = vec![Word::unknown()];
            }
        }
        "popd" => state.scope.folders.push(Word::unknown()),
        _ => {}
    }
    let index = state.script.commands.len();
    state.script.commands.push(simple.clone());
    inner(state, &program, &simple, index);
}

/// An alias or a function in the place of the program.
fn expand(state: &mut State, simple: &mut Simple) {
    for _ in 0..8 {
        let Some(first) = simple.words.first() else { return };
        if first.is_quoted {
            break;
        }
        let name = first.text.clone();
        let Some(value) = state.take_alias(&name) else { break };
        let script = super::parse(&value);
        state.script.is_undecided |= script.is_undecided;
        let mut commands = script.commands;
        let last = commands.pop();
        for command in commands {
            state.script.commands.push(command);
        }
        if let Some(last) = last {
            let rest = simple.words.split_off(1);
            simple.words = last.words;
            simple.words.extend(rest);
        }
    }
    let name = simple.words.first().map(|word| word.text.clone()).unwrap_or_default();
    if let Some(body) = state.called(&name) {
        let words = simple.words.clone();
        let scope = state.scope.clone();
        state.text_apart(&body, &words, simple.reads);
        state.scope = scope;
        state.give_back(&name);
    }
}

/// Where the command begins that `words[start]`, a wrapper, runs.
fn peel(name: &str, words: &[Word], start: usize, site: &mut Site) -> Option<usize> {
    let at = start + 1;
    if let Some(found) = WRAPPERS.iter().find(|wrapper| is_in(wrapper.names, name)) {
        let mut next = options(words, at, found.short, found.long);
        let has_assignments = matches!(name, "env" | "sudo" | "doas");
        while has_assignments && words.get(next).is_some_and(|word| is_assignment(&word.text)) {
            next += 1;
        }
        next = options(words, next + found.skip, "", "");
        if found.site == Site::Elsewhere {
            *site = Site::Elsewhere;
        }
        return Some(next);
    }
    if name == "gdb" || name == "rtk" {
        return None;
    }
    let mut at = at;
    for (names, subs, skip, runner_site) in RUNNERS {
        if !is_in(names, name) {
            continue;
        }
        let mut next = at;
        let is_match = subs.split(' ').all(|sub| {
            next = values(words, next);
            let is_here = words.get(next).is_some_and(|word| word.text == sub);
            next += 1;
            is_here
        });
        if is_match {
            next = values(words, next);
            next = values(words, next + skip);
            if *runner_site == Site::Elsewhere {
                *site = Site::Elsewhere;
            }
            return Some(next);
        }
        at = start + 1;
    }
    let find = |what: &str| words[start..].iter().position(|word| word.text == what).map(|at| start + at + 1);
    match name {
        "kubectl" | "oc" | "k" | "k3s" | "microk8s" | "minikube"
            if words[start..].iter().take(8).any(|word| matches!(word.text.as_str(), "exec" | "debug")) =>
        {
            *site = Site::Elsewhere;
            // Without `--`, behind the pod.
            find("--").or_else(|| find("exec").map(|at| values(words, values(words, at) + 1)))
        }
        "nix" | "nix-shell" | "guix" | "flatpak-spawn" | "devbox" | "heroku" | "fly" | "kamal" => {
            let next = find("--").or_else(|| find("-c")).or_else(|| find("--command"))?;
            *site = if matches!(name, "heroku" | "fly") { Site::Elsewhere } else { *site };
            Some(next)
        }
        // A container that goes afterwards can only harm what it was given.
        "docker" | "podman" | "nerdctl" => {
            let run = words.get(start + 1).is_some_and(|word| word.text == "run");
            let given = ["-v", "--volume", "--mount", "--privileged", "--device", "--pid"];
            let is_given = words[start..]
                .iter()
                .any(|word| given.iter().any(|flag| word.text.split('=').next() == Some(flag)));
            (run && is_given).then(|| {
                *site = Site::Elsewhere;
                let taking = " -v --volume --mount -e --env -p --publish --name -w --workdir -u --user --network --entrypoint --platform --device -m --memory --cpus --gpus --pid --ipc --label -l --env-file ";
                let mut at = start + 2;
                while let Some(word) = words.get(at).filter(|word| word.text.starts_with('-')) {
                    at += if taking.contains(&format!(" {} ", word.text)) { 2 } else { 1 };
                }
                at + 1
            })
        }
        _ => None,
    }
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Passes over options: `short` and `long` are those that take the next word.
pub(super) fn options(words: &[Word], mut at: usize, short: &str, long: &str) -> usize {
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "--" {
            return at + 1;
        }
        if !text.starts_with('-') || text.is_empty() {
            return at;
        }
        at += if text.starts_with("--") {
            let takes = !text.contains('=') && long.contains(&format!(" {text} "));
            if takes { 2 } else { 1 }
        } else {
            // In a cluster the first letter that takes something ends it.
            let letters = &text[1..];
            match letters.find(|c| short.contains(c)) {
                Some(place) if place + 1 == letters.len() => 2,
                _ => 1,
            }
        };
    }
    at
}

fn values(words: &[Word], mut at: usize) -> usize {
    while let Some(word) = words.get(at).filter(|word| word.text.starts_with('-')) {
        if word.text == "--" {
            return at + 1;
        }
        at += if RUNNER_VALUES.contains(&format!(" {} ", word.text)) { 2 } else { 1 };
    }
    at
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
        "read" | "unset" | "mapfile" | "readarray" | "getopts" => {
            for word in simple.args().iter().filter(|word| !word.text.starts_with('-')) {
                state.scope.variables.remove(&word.text);
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

/// Runs `read` and marks what came of it as acting elsewhere.
fn apart(state: &mut State, text: &Word, arguments: &[Word], simple: &Simple, is_elsewhere: bool) {
    let first = state.script.commands.len();
    let folders = state.scope.folders.clone();
    if is_elsewhere {
        state.scope.folders.clear();
    }
    state.text_apart(&source(text), arguments, simple.reads);
    state.scope.folders = folders;
    if is_elsewhere || simple.site == Site::Elsewhere {
        for command in &mut state.script.commands[first..] {
            command.site = Site::Elsewhere;
        }
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
fn add_inner(state: &mut State, simple: &Simple, words: Vec<Word>, is_fed: bool) {
    if words.is_empty() {
        return;
    }
    let inner = Simple { words, is_fed: is_fed || simple.is_fed, here: None, ..simple.clone() };
    state.nested(|state| add(state, inner.clone()), |state| state.script.commands.push(inner.clone()));
}

impl State {
    fn nested(&mut self, deeper: impl FnOnce(&mut Self), too_deep: impl FnOnce(&mut Self)) {
        if self.enter() {
            deeper(self);
            self.leave();
        } else {
            self.script.is_undecided = true;
            too_deep(self);
        }
    }
}

fn inner(state: &mut State, program: &str, simple: &Simple, index: usize) {
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
            let text = joined(&args[again.count()..]);
            state.text(&source(&text), simple.reads);
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
        "source" | "." => {}
        "su" | "runuser" | "script" | "flock" | "sg" | "newgrp" | "expect" | "xterm" | "ksu" => {
            if let Some(text) = after(&["-c", "--command", "-lc", "-qc"]) {
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
            let at = at + usize::from(!matches!(program, "pdsh" | "clush"));
            let at = options(args, at, short, "");
            if at < args.len() {
                apart(state, &joined(&args[at..]), &[], simple, true);
            } else if let Some(here) = simple.here.clone() {
                apart(state, &here, &[], simple, true);
            } else if let Some(text) = simple.reads.and_then(|range| printed(&state.script, range)) {
                apart(state, &text, &[], simple, true);
            }
        }
        "vagrant" | "gcloud" | "az" | "ansible" | "fly" | "flyctl" | "multipass" | "limactl" | "colima"
        | "wsl" | "adb" | "salt" => {
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
                let at = behind(&["-a", "--args", "-c", "-C", "--command", "--scripts"])
                    .or_else(|| behind(&flags));
                if let Some(at) = at {
                    apart(state, &joined(&args[at + 1..]), &[], simple, true);
                }
            }
        }
        "tmux" | "screen" | "zellij" | "byobu" => {
            // `tmux new -d 'command'`, `tmux send-keys -t x 'command' Enter`, `screen -dm command`
            for word in args.iter().filter(|word| word.text.contains(' ')) {
                apart(state, word, &[], simple, false);
            }
            if program == "screen" {
                let at = options(args, 0, "SctTeph", "");
                add_inner(state, simple, args[at.min(args.len())..].to_vec(), false);
            }
        }
        "trap" | "at" | "batch" | "crontab" | "parallel-ssh" => {
            if program == "trap"
                && let Some(text) = args.first()
            {
                apart(state, text, &[], simple, false);
            } else if let Some(text) = simple.here.clone().or_else(|| printed(&state.script, simple.reads?)) {
                apart(state, &text, &[], simple, false);
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
    let _ = index;
}

/// A shell: `-c text`, a script on its input, or nothing of interest.
fn shell(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let mut at = 0;
    let mut is_command = false;
    while let Some(word) = args.get(at) {
        let text = word.text.as_str();
        if text == "--" || text == "-" {
            at += 1;
            break;
        }
        if !text.starts_with(['-', '+']) {
            break;
        }
        let is_long = text.starts_with("--");
        is_command |= !is_long && text.starts_with('-') && text.to_ascii_lowercase().contains('c')
            || text == "--command";
        // `-o name`, `--rcfile file`
        let takes = matches!(text, "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file")
            || text.ends_with('o') && !is_long;
        at += if takes { 2 } else { 1 };
    }
    if is_command {
        if let Some(text) = args.get(at) {
            let arguments = if at + 1 < args.len() { &args[at + 1..] } else { &args[..0] };
            if simple.words.len() > 2 && text.text.chars().all(|c| c == UNKNOWN) {
                return;
            }
            // What is in it may be a variable of ours that is put in again.
            apart(state, text, arguments, simple, false);
        }
        return;
    }
    if args.get(at).is_some_and(|word| word.text != "-s" && word.text != "/dev/stdin") {
        return;
    }
    let text = simple.here.clone().or_else(|| simple.reads.and_then(|range| printed(&state.script, range)));
    if let Some(text) = text {
        apart(state, &text, &[], simple, false);
    }
}

fn find(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let found = found(args, "");
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        let hole = match word.text.as_str() {
            "-exec" | "-ok" | "-x" | "--exec" | "-X" | "--exec-batch" => "{}",
            "-execdir" | "-okdir" => "{dir}",
            _ => continue,
        };
        let end = args[at..]
            .iter()
            .position(|word| matches!(word.text.as_str(), ";" | "+"))
            .map_or(args.len(), |end| at + end);
        let known = found.as_ref().filter(|_| hole == "{}");
        let unknown = Word { holes: vec![hole.to_owned()], ..Word::plain(UNKNOWN) };
        let fill = |word: &Word| with(word, "{}", known.unwrap_or(&unknown));
        let words: Vec<Word> = args[at..end].iter().map(fill).collect();
        add_inner(state, simple, words, false);
        at = end;
    }
}

/// What a search finds, as far as it is known: something at or below the one folder it starts from.
fn found(args: &[Word], below: &str) -> Option<Word> {
    let is_flag =
        |word: &&Word| matches!(word.text.as_str(), "-L" | "-P" | "-H" | "-x" | "-E" | "-X" | "-d" | "-s");
    let is_root = |word: &&Word| !word.text.starts_with(['-', '(', '!', ')']);
    let roots: Vec<&Word> = args.iter().skip_while(is_flag).take_while(is_root).take(2).collect();
    let mut root = match roots.as_slice() {
        [] => Word::plain("."),
        [root] => (*root).clone(),
        _ => return None,
    };
    root.text = format!("{}/{below}{UNKNOWN}", root.text.trim_end_matches('/'));
    root.holes.push("{}".to_owned());
    Some(root)
}

/// What comes out of a search by name, through filters that only leave some of it out.
fn searched(state: &State, simple: &Simple) -> Option<Word> {
    const BY_NAME: &[&str] = &["-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex"];
    let mut range = simple.reads?;
    for _ in 0..4 {
        let [before] = state.script.commands.get(range.0..range.1)? else { return None };
        match before.program().as_str() {
            "find" | "gfind" if before.folders == simple.folders => {
                let is_by_name = before.args().iter().any(|word| BY_NAME.contains(&word.text.as_str()));
                return if is_by_name { found(before.args(), "found/") } else { None };
            }
            "grep" | "sort" | "head" | "tail" | "uniq" | "egrep" => range = before.reads?,
            _ => return None,
        }
    }
    None
}

/// `word` with `value` wherever `mark` stands.
fn with(word: &Word, mark: &str, value: &Word) -> Word {
    if mark.is_empty() || !word.text.contains(mark) {
        return word.clone();
    }
    let count = word.text.matches(mark).count().min(16);
    let mut filled = word.clone();
    filled.is_tilde |= value.is_tilde && word.text.starts_with(mark);
    filled.is_glob |= value.is_glob;
    filled.text = word.text.replacen(mark, &value.text, 16);
    for _ in 0..count {
        filled.holes.extend(value.holes.iter().cloned());
    }
    filled
}

/// The words that come from a command's input, where they are known.
fn input(state: &State, simple: &Simple) -> Option<Vec<Word>> {
    let text =
        simple.here.clone().or_else(|| simple.reads.and_then(|range| printed(&state.script, range)))?;
    Some(
        text.text
            .split(['\n', '\0'])
            .filter(|line| !line.is_empty())
            .take(16)
            .map(|line| Word { is_tilde: false, ..fresh(line) })
            .collect(),
    )
}

/// Text as a word, with a nameless hole for each part that is not known.
fn fresh(text: &str) -> Word {
    let count = text.chars().filter(|c| *c == UNKNOWN).count();
    Word { holes: vec![String::new(); count], ..Word::plain(text) }
}

fn xargs(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let at = options(
        args,
        0,
        "adEILnPsJRS",
        " --arg-file --delimiter --max-args --max-procs --max-chars --max-lines --process-slot-var ",
    );
    let mut mark = String::new();
    for (index, word) in args[..at.min(args.len())].iter().enumerate() {
        let text = word.text.as_str();
        if text == "-I" || text == "-J" {
            mark = args.get(index + 1).map(|word| word.text.clone()).unwrap_or_default();
        } else if let Some(attached) = text.strip_prefix("-I") {
            attached.clone_into(&mut mark);
        } else if text == "-i" || text == "--replace" {
            "{}".clone_into(&mut mark);
        } else if let Some(attached) = text.strip_prefix("--replace=") {
            attached.clone_into(&mut mark);
        }
    }
    let Some(words) = args.get(at..).filter(|words| !words.is_empty()) else { return };
    let lines = input(state, simple);
    let is_known = lines.is_some();
    let lines = lines.unwrap_or_else(|| vec![searched(state, simple).unwrap_or_else(Word::unknown)]);
    if runs_input(words, &mark) {
        // Whatever comes in is run.
        add_inner(state, simple, vec![words[0].clone(), Word::plain("-c"), Word::unknown()], true);
    }
    if mark.is_empty() {
        let mut all = words.to_vec();
        for line in &lines {
            if is_known {
                all.extend(line.text.split([' ', '\t']).filter(|word| !word.is_empty()).map(fresh));
            } else {
                all.push(line.clone());
            }
        }
        return add_inner(state, simple, all, !is_known);
    }
    for line in lines.iter().take(8) {
        add_inner(state, simple, words.iter().map(|word| with(word, &mark, line)).collect(), !is_known);
    }
}

/// Whether `words` is a shell whose script is what is put in for `mark`.
fn runs_input(words: &[Word], mark: &str) -> bool {
    let at = options(words, 1, "", "");
    is_shell(&base_name(&words[0].text))
        && words[1..at.min(words.len())]
            .iter()
            .any(|word| !word.text.starts_with("--") && word.text.ends_with('c'))
        && words.get(at).is_none_or(|word| !mark.is_empty() && word.text.trim() == mark)
}

fn parallel(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let at = options(
        args,
        0,
        "jSIaNnLsCdPE",
        " --jobs --sshlogin --arg-file --colsep --delay --joblog --results --max-args --max-procs --tmpdir --workdir --timeout --retries --memfree --load --nice ",
    );
    let Some(rest) = args.get(at..) else { return };
    let is_list = |word: &Word| word.text.starts_with(":::");
    let end = rest.iter().position(is_list).unwrap_or(rest.len());
    let lists: Vec<&[Word]> = rest[end..].split(is_list).skip(1).take(4).collect();
    let template = &rest[..end];
    let mut combinations: Vec<Vec<Word>> = Vec::new();
    if lists.is_empty() {
        let lines = input(state, simple).unwrap_or_else(|| vec![Word::unknown()]);
        combinations.extend(lines.into_iter().map(|line| vec![line]));
    } else {
        combinations.push(Vec::new());
        for list in lists {
            let grown = combinations.iter().flat_map(|head| {
                list.iter().take(8).map(move |word| [head.clone(), vec![word.clone()]].concat())
            });
            combinations = grown.take(32).collect();
        }
    }
    let site = args[..at.min(args.len())]
        .iter()
        .any(|word| word.text.starts_with("-S") || word.text.starts_with("--sshlogin"));
    let simple = &Simple { site: if site { Site::Elsewhere } else { simple.site }, ..simple.clone() };
    if let Some(first) = template.first()
        && runs_input(template, "{}")
        && end == rest.len()
    {
        add_inner(state, simple, vec![first.clone(), Word::plain("-c"), Word::unknown()], true);
    }
    for values in combinations {
        if template.is_empty() {
            // Each argument is a command line.
            for value in &values {
                apart(state, value, &[], simple, false);
            }
            continue;
        }
        let has_mark = template.iter().any(|word| word.text.contains('{') && word.text.contains('}'));
        let mut words: Vec<Word> = template
            .iter()
            .map(|word| {
                let mut word = with(word, "{}", &values[0]);
                for (index, value) in values.iter().enumerate() {
                    word = with(&word, &format!("{{{}}}", index + 1), value);
                }
                word
            })
            .collect();
        if !has_mark {
            words.extend(values);
        }
        // It is a shell that reads the line: one word may hold several.
        if let [one] = words.as_slice() {
            apart(state, one, &[], simple, false);
        } else {
            let is_fed = words.iter().any(|word| word.text.chars().all(|c| c == UNKNOWN));
            add_inner(state, simple, words, is_fed);
        }
    }
}

/// Commands that git is told to run: aliases given with `-c`, `bisect run`, `submodule foreach`.
fn git(state: &mut State, simple: &Simple) {
    let args = simple.args();
    let mut names: Vec<(String, String)> = Vec::new();
    for (at, word) in args.iter().enumerate() {
        let setting = if word.text == "-c" {
            args.get(at + 1).map(|word| word.text.as_str())
        } else {
            word.text.strip_prefix("-c")
        };
        let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) else { continue };
        let name = name.to_ascii_lowercase();
        if let Some(alias) = name.strip_prefix("alias.") {
            names.push((alias.to_owned(), value.to_owned()));
        } else if [
            "core.sshcommand",
            "core.pager",
            "core.editor",
            "core.fsmonitor",
            "sequence.editor",
            "diff.external",
            "core.askpass",
        ]
        .contains(&name.as_str())
        {
            apart(state, &Word::plain(value), &[], simple, false);
        }
    }
    for (name, value) in names {
        let Some(at) = args.iter().position(|word| word.text == name) else { continue };
        let rest = joined(&args[at + 1..]);
        let text = match value.strip_prefix('!') {
            Some(shell) => format!("{shell} {}", rest.text),
            None => format!("git {value} {}", rest.text),
        };
        apart(state, &Word::plain(text), &[], simple, false);
    }
    let at = |first: &str| args.iter().position(|word| word.text == first);
    if let Some(at) = at("foreach").filter(|_| args.iter().any(|word| word.text == "submodule")) {
        let from = options(args, at + 1, "", "").min(args.len());
        apart(state, &joined(&args[from..]), &[], simple, false);
    }
    if let Some(at) = at("run").filter(|_| args.iter().any(|word| word.text == "bisect")) {
        add_inner(state, simple, args[at + 1..].to_vec(), false);
    }
    for (index, word) in args.iter().enumerate() {
        if matches!(word.text.as_str(), "--exec" | "-x")
            && args.iter().any(|word| word.text == "rebase")
            && let Some(text) = args.get(index + 1)
        {
            apart(state, text, &[], simple, false);
        }
    }
}

/// Which option of a language's program carries code; an empty one: the first operand does.
const LANGUAGES: &[(&str, &str, bool)] = &[
    ("python", "c", false),
    ("pypy", "c", false),
    ("ipython", "c", false),
    ("perl", "eE", true),
    ("ruby", "e", true),
    ("node", "ep", false),
    ("nodejs", "ep", false),
    ("bun", "ep", false),
    ("deno", "e", false),
    ("php", "rBRE", true),
    ("lua", "e", false),
    ("luajit", "e", false),
    ("rscript", "e", false),
    ("r", "e", false),
    ("julia", "eE", true),
    ("groovy", "e", false),
    ("scala", "e", false),
    ("osascript", "e", false),
    ("tclsh", "c", false),
    ("awk", "", false),
    ("gawk", "", false),
    ("mawk", "", false),
    ("nawk", "", false),
];

fn language(state: &mut State, program: &str, simple: &Simple) {
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let Some((_, letters, has_ticks)) = LANGUAGES.iter().find(|(name, ..)| *name == bare) else { return };
    let args = simple.args();
    let mut codes: Vec<Word> = Vec::new();
    if letters.is_empty() {
        let at = options(args, 0, "vFfi", " --assign --field-separator --file ");
        codes.extend(args.get(at).cloned());
    }
    for (at, word) in args.iter().enumerate() {
        let text = word.text.as_str();
        let is_long = matches!(text, "--eval" | "--print" | "eval" | "--run");
        let cluster = text.strip_prefix('-').filter(|rest| !rest.starts_with('-') && !letters.is_empty());
        if is_long || cluster.is_some_and(|rest| rest.ends_with(|c| letters.contains(c)) && rest.len() <= 8) {
            codes.extend(args.get(at + 1).cloned());
        } else if let Some(rest) = cluster.filter(|rest| {
            rest.len() > 1 && letters.contains(&rest[..rest.chars().next().map_or(0, char::len_utf8)])
        }) {
            codes.push(Word::plain(&rest[1..]));
        } else if let Some(code) = text.strip_prefix("--eval=") {
            codes.push(Word::plain(code));
        }
    }
    let is_input = args.iter().all(|word| word.text == "-" || word.text.starts_with('-'));
    if codes.is_empty() && is_input {
        codes.extend(
            simple.here.clone().or_else(|| simple.reads.and_then(|range| printed(&state.script, range))),
        );
    }
    for code in codes.iter().take(4) {
        for call in code::calls(&code.text, *has_ticks) {
            match call {
                Call::Shell(text) => apart(state, &fresh(&text), &[], simple, false),
                Call::Program(words) => {
                    add_inner(state, simple, words.into_iter().map(|word| fresh(&word.text)).collect(), false)
                }
            }
        }
        // A shell's text given to the wrong program is meant for a shell all the same.
        if !letters.is_empty() && !code.text.contains(['(', '=', ';', '{']) {
            apart(state, code, &[], simple, false);
        }
    }
}
