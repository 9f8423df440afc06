//! Programs that run the rest of their arguments: which there are, and where the command begins that they run.

use super::{Site, Word};

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
    wrapper("gdb|valgrind", "", "", 0),
    wrapper("perf", "eopoC", "", 1),
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
    wrapper("srun|salloc", "nNcptAJwxqGDoeiBbCdFLMmrST", SLURM_VALUES, 0),
    wrapper(
        "mpirun|mpiexec|prun|aprun|jsrun",
        "nNcptAJwxqGDoei",
        " --ntasks --nodes --partition --time --account --mem --gres --job-name --cpus-per-task --nodelist --np --host --hostfile --jobid -np -ppn -host -hosts ",
        0,
    ),
    wrapper("direnv", "", "", 2),
    wrapper("dotenv|dotenvx", "fe", "", 0),
    wrapper("cross-env|cross-env-shell", "", "", 0),
    wrapper("npx|bunx|pnpx", "p", " --package ", 0),
    wrapper("uvx", "", " --from --with ", 0),
];

/// Slurm's long options that take the next word (`srun(1)`, `salloc(1)` of 24.05).
const SLURM_VALUES: &str = " --account --acctg-freq --array --begin --cluster-constraint --clusters --comment --constraint --container --container-id --core-spec --cores-per-socket --cpu-bind --cpu-freq --cpus-per-gpu --cpus-per-task --deadline --delay-boot --dependency --distribution --epilog --error --exclude --export --extra --extra-node-info --gid --gpu-bind --gpu-freq --gpus --gpus-per-node --gpus-per-socket --gpus-per-task --gres --gres-flags --het-group --hint --input --job-name --jobid --licenses --mail-type --mail-user --mcs-label --mem --mem-bind --mem-per-cpu --mem-per-gpu --mincpus --mpi --network --nodefile --nodelist --nodes --ntasks --ntasks-per-core --ntasks-per-gpu --ntasks-per-node --ntasks-per-socket --open-mode --output --partition --power --prefer --priority --profile --prolog --qos --relative --reservation --segment --signal --slurmd-debug --sockets-per-node --switches --task-epilog --task-prolog --thread-spec --threads --threads-per-core --time --time-min --tmp --tres-bind --tres-per-task --uid --wait --wckey ";

/// `tool sub command …`: the words that must stand there, and how many operands follow them.
const RUNNERS: &[(&str, &str, usize, Site)] = &[
    (
        "poetry|pipenv|rye|pdm|hatch|uv|conda|mamba|micromamba|dotenv|bun|op|doppler|infisical|chamber|teller",
        "run",
        0,
        Site::Here,
    ),
    ("pixi|pipx", "run", 0, Site::Here),
    ("mise|bun", "x", 0, Site::Here),
    ("bundle|npm|pnpm|yarn|mise|asdf|rbenv|pyenv|nodenv|opam|rvm", "exec", 0, Site::Here),
    ("aws-vault", "exec", 1, Site::Here),
    ("heroku", "run", 0, Site::Elsewhere),
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

/// Whether `name` is among `names`, which have `|` between.
pub(super) fn is_in(names: &str, name: &str) -> bool {
    names.split('|').any(|known| known == name)
}

/// Where the command begins that `words[start]`, a wrapper, runs.
pub(super) fn peel(name: &str, words: &[Word], start: usize, site: &mut Site) -> Option<usize> {
    let at = start + 1;
    // Windows's waits, and runs nothing.
    if name == "timeout" && words.get(at).is_some_and(|word| word.text.eq_ignore_ascii_case("/t")) {
        return None;
    }
    if let Some(found) = WRAPPERS.iter().find(|wrapper| is_in(wrapper.names, name)) {
        let mut next = options(words, at, found.short, found.long);
        let is_own = matches!(name, "env" | "sudo" | "doas");
        next = assignments(words, next, is_own);
        next = options(words, next + found.skip, "", "");
        // Of two programs of that name one takes the verb, and the other does not.
        if matches!(name, "dotenv" | "dotenvx") && words.get(next).is_some_and(|word| word.text == "run") {
            next = options(words, next + 1, found.short, found.long);
        }
        if found.site == Site::Elsewhere {
            *site = Site::Elsewhere;
        }
        return Some(next);
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
            let is_call = |word: &Word| matches!(word.text.as_str(), "-c" | "--call");
            if matches!(name, "npm" | "pnpm") && words.get(next).is_some_and(is_call) {
                return None;
            }
            next = values(words, next);
            next = values(words, next + skip);
            // What is to be there of which version: `mise exec node@22 -- COMMAND`.
            while name == "mise" && words.get(next).is_some_and(|word| word.text.contains('@')) {
                next = values(words, next + 1);
            }
            if *runner_site == Site::Elsewhere {
                *site = Site::Elsewhere;
            }
            return Some(next);
        }
        at = start + 1;
    }
    let find = |what: &str| words[start..].iter().position(|word| word.text == what).map(|at| start + at + 1);
    match name {
        name if KUBECTLS.contains(&name)
            && words[start..].iter().take(8).any(|word| matches!(word.text.as_str(), "exec" | "debug")) =>
        {
            *site = Site::Elsewhere;
            // Without `--`, behind the pod.
            find("--").or_else(|| find("exec").map(|at| values(words, values(words, at) + 1)))
        }
        "heroku" | "fly"
            if words
                .get(start + 1)
                .is_none_or(|word| !matches!(word.text.as_str(), "run" | "ssh" | "console")) =>
        {
            None
        }
        // It shortens what others print; these of its verbs are its own, or come before the command.
        "rtk" => {
            let next = options(words, start + 1, "", "");
            match words.get(next)?.text.as_str() {
                "proxy" | "err" | "test" | "summary" => Some(next + 1),
                "gain" | "init" | "config" | "discover" | "learn" | "session" | "hook" | "rewrite"
                | "verify" | "trust" | "untrust" | "telemetry" | "smart" | "read" | "json" | "deps"
                | "log" => None,
                _ => Some(next),
            }
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

/// Whether a word with it is a command line, and no name of a program.
pub(super) fn is_of_lines(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '$')
}

/// Whether what [`peel`] took for the verb of `words[start]` is it, and no name of something.
pub(super) fn is_sure(name: &str, words: &[Word], start: usize) -> bool {
    let at = values(words, start + 1);
    let verb = words.get(at).map_or("", |word| word.text.as_str());
    if KUBECTLS.contains(&name) {
        return matches!(verb, "exec" | "debug");
    }
    // Behind an option nobody knows it may be the option's.
    let is_odd = |word: &Word| {
        let text = word.text.as_str();
        (text.starts_with("--") && text.len() > 2 && !text.contains('='))
            || (name == "heroku" && matches!(text, "-a" | "-r"))
    };
    !RUNNERS.iter().any(|(names, ..)| is_in(names, name)) || !is_odd(&words[at.min(words.len()) - 1])
}

const KUBECTLS: [&str; 6] = ["kubectl", "oc", "k", "k3s", "microk8s", "minikube"];

pub(super) fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Passes over assignments. Where the program takes none (`is_own`) they are a slip, and what stands behind
/// them is what was meant; but there a whole command line may begin with one.
pub(super) fn assignments(words: &[Word], mut at: usize, is_own: bool) -> usize {
    let is_line = |word: &Word| !is_own && word.text.contains(is_of_lines);
    while words.get(at).is_some_and(|word| is_assignment(&word.text) && !is_line(word)) {
        at += 1;
    }
    at
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
        let takes = !text.contains('=') && long.contains(&format!(" {text} "));
        at += if takes {
            2
        } else if text.starts_with("--") {
            1
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
