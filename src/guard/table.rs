//! Commands as rows: which tool, which words, which options fall under a rule.
//!
//! A pattern is a list of things that must hold, with blanks between:
//! `word|other` the next operand is one of these (`delete-*`, `*-rm`: begins, ends so); `**` any
//! operands may come in between; `?` any operand; `-f|--force` one of these options is there;
//! `!--dry-run|-n` none of these is there.

use std::cell::OnceCell;

use super::{Context, Found, Rule};
use crate::command::{Simple, UNKNOWN, Word};

/// A class of commands that falls under a rule.
#[derive(Debug)]
pub(super) struct Row {
    /// Names of programs, with `|` between.
    pub tools: &'static str,
    pub pattern: &'static str,
    pub rule: &'static Rule,
}

pub(super) const fn row(tools: &'static str, pattern: &'static str, rule: &'static Rule) -> Row {
    Row { tools, pattern, rule }
}

/// Options that take the next word, by tool: a value is no operand.
const VALUES: &[(&str, &str)] = &[
    ("git", " -C -c --git-dir --work-tree --namespace --exec-path --super-prefix --config-env "),
    (
        "kubectl|oc|k|helm|kubectx|flux|argocd|istioctl|velero|k9s|stern|kustomize",
        " -n --namespace --context --kubeconfig --cluster --user -s --server --token --kube-context -l --selector -f --filename -o --output --as --as-group --request-timeout -c --container --type -p --patch --field-selector --grace-period --timeout --cascade ",
    ),
    (
        "docker|podman|nerdctl|docker-compose|podman-compose",
        " -c --context -H --host --config -l --log-level -f --file -p --project-name --profile --env-file --project-directory --filter --format -n --tail -t --time --url --connection --identity ",
    ),
    (
        "aws",
        " --profile --region --output --endpoint-url --query --cli-read-timeout --cli-connect-timeout --ca-bundle ",
    ),
    (
        "gcloud|gsutil|bq",
        " --project --account --configuration --format --zone --region --verbosity --filter -h -o -u --project_id --location ",
    ),
    ("az", " --subscription -g --resource-group -o --output --query -n --name "),
    ("gh|glab", " -R --repo --hostname -H "),
    ("terraform|tofu|terragrunt", " "),
    ("pulumi", " -C --cwd -s --stack --color "),
    ("systemctl", " -H --host -M --machine -t --type -n --lines -s --signal -o --output -p --property "),
    (
        "apt|apt-get|aptitude|yum|dnf|zypper",
        " -o -c -t -C -R --option --target-release --root --releasever --enablerepo --disablerepo ",
    ),
    ("npm|pnpm|yarn|bun", " --prefix -C --dir --cwd -w --workspace --filter --registry --loglevel "),
    (
        "heroku|fly|flyctl|vercel|netlify|wrangler|firebase|railway|auth0|doctl|cf|eb",
        " -a --app -t --token --tenant -c --config -e --env --environment -P --project --team --scope -S --cwd -A --local-config --auth --site ",
    ),
    ("redis-cli|valkey-cli", " -h -p -a -n -u -s -r -i --user --pass "),
    ("mc|s3cmd|rclone|rclone-", " --config -c --config-dir --profile "),
    ("vault|consul|nomad|etcdctl", " -address -namespace -token --endpoints --cacert --cert --key --user "),
    ("scancel|qdel|bkill", " "),
    ("fastboot|adb", " -s -t -H -P "),
    ("vagrant|virsh|limactl|multipass|lxc|incus", " -c --connect "),
    ("service|launchctl|supervisorctl|pm2", " -c --configuration "),
    ("tmutil|diskutil|hdiutil|security", " "),
];

/// Where an option's place says that nothing is done.
const HARMLESS: &[&str] = &[
    "--help",
    "-help",
    "--version",
    "--dry-run",
    "--dryrun",
    "--dry_run",
    "-dry-run",
    "--what-if",
    "--whatif",
    "--noop",
    "--no-op",
    "--simulate",
    "--just-print",
    "--recon",
    "--print-only",
    "--usage",
    "--assume-no",
    "--assumeno",
    "-whatif",
    "--dry-run=client",
    "--dry-run=server",
    "--dry-run=true",
    "--dryrun=true",
    "--generate-cli-skeleton",
    "--preview",
];

/// One command, taken apart once for all families.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub simple: &'a Simple,
    pub program: String,
    parts: OnceCell<Parts<'a>>,
}

#[derive(Debug, Default)]
struct Parts<'a> {
    operands: Vec<&'a Word>,
    /// Words that begin with `-`, before `--`.
    options: Vec<&'a str>,
}

impl<'a> Call<'a> {
    pub fn new(simple: &'a Simple) -> Self {
        let program = match simple.words.first() {
            // `/usr/bin/d?ocker`
            Some(word) if word.is_glob && word.text.contains("bin/") => meant(&simple.program()),
            _ => simple.program(),
        };
        Self { simple, program, parts: OnceCell::new() }
    }

    pub fn is(&self, names: &str) -> bool {
        is_in(names, &self.program)
    }

    /// Arguments that are no options and no values of options.
    pub fn operands(&self) -> &[&'a Word] {
        &self.parts().operands
    }

    pub fn operand(&self, index: usize) -> &str {
        self.operands().get(index).map_or("", |word| word.text.as_str())
    }

    pub fn options(&self) -> &[&'a str] {
        &self.parts().options
    }

    fn parts(&self) -> &Parts<'a> {
        self.parts.get_or_init(|| {
            let values = VALUES
                .iter()
                .find(|(tools, _)| is_in(tools, &self.program))
                .map_or("", |(_, values)| *values);
            let mut parts = Parts::default();
            let mut args = self.simple.args().iter();
            while let Some(word) = args.next() {
                let text = word.text.as_str();
                if text == "--" {
                    parts.operands.extend(args.by_ref());
                } else if text.len() > 1 && text.starts_with('-') {
                    // What stands before git's own verb is not the verb's.
                    if self.program != "git" || !parts.operands.is_empty() {
                        parts.options.push(text);
                    }
                    if values.contains(text) && values.split(' ').any(|value| value == text) {
                        args.next();
                    }
                } else {
                    parts.operands.push(word);
                }
            }
            parts
        })
    }

    /// Whether one of these options is given: `-f` also in a cluster, `--force` also shortened.
    pub fn has(&self, flags: &str) -> bool {
        flags.split('|').any(|flag| self.options().iter().any(|option| is_option(option, flag)))
    }

    /// The value of an option: `--name=value`, `--name value`, `-n value`, `-nvalue`.
    pub fn value(&self, flags: &str) -> Option<&'a Word> {
        let args = self.simple.args();
        let is_flag = |word: &Word| flags.split('|').any(|flag| word.text == flag);
        args.iter().position(is_flag).and_then(|at| args.get(at + 1))
    }

    /// The part behind `prefix` of an argument that begins so.
    pub fn attached(&self, prefix: &str) -> Option<&'a str> {
        self.simple.args().iter().find_map(|word| word.text.strip_prefix(prefix))
    }

    /// Whether it only says what it would do, or how it is used.
    pub fn is_harmless(&self) -> bool {
        let is_off = |option: &&&str| {
            HARMLESS.contains(&option.to_ascii_lowercase().as_str()) && !self.is_versioned(option)
        };
        self.options().iter().any(|option| is_off(&option))
            || self.operand(0) == "help"
            || (self.options().contains(&"-h")
                && self.simple.words.len() <= 4
                && !self.is("redis-cli|psql|mysql|gsutil|shutdown|halt|poweroff"))
    }

    /// `--version 1.2.0`: the version that is meant, no question.
    fn is_versioned(&self, option: &str) -> bool {
        let is_number =
            |word: &Word| word.text.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        option == "--version" && self.value("--version").is_some_and(is_number)
    }

    /// The command as it would be typed, shortened.
    pub fn text(&self) -> String {
        let words = self.simple.words.iter().take(6).map(|word| word.text.replace(UNKNOWN, "…"));
        let mut text = words.collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = text.char_indices().nth(80) {
            text.truncate(end);
        }
        text
    }

    pub fn matches(&self, pattern: &str) -> bool {
        let operands = self.operands();
        let (mut at, mut is_anywhere) = (0, false);
        pattern.split(' ').filter(|token| !token.is_empty()).all(|token| {
            if let Some(flags) = token.strip_prefix('!') {
                return !flags
                    .split('|')
                    .any(|flag| self.options().iter().any(|option| is_exactly(option, flag)));
            }
            if token.starts_with('-') {
                return self.has(token);
            }
            if token == "**" {
                is_anywhere = true;
                return true;
            }
            let range =
                if is_anywhere { at..(at + 7).min(operands.len()) } else { at..(at + 1).min(operands.len()) };
            is_anywhere = false;
            let hit = operands.get(range.clone()).and_then(|slice| {
                slice.iter().position(|word| token.split('|').any(|one| is_like(&word.text, one)))
            });
            at = hit.map_or(at, |hit| range.start + hit + 1);
            hit.is_some()
        })
    }

    /// The first row of `rows` that this is.
    pub fn in_table(&self, rows: &'static [Row]) -> Option<Found> {
        let row = rows.iter().find(|row| self.is(row.tools) && self.matches(row.pattern))?;
        (!self.is_harmless()).then(|| row.rule.on(self.text()))
    }
}

pub(super) fn is_in(names: &str, name: &str) -> bool {
    !name.is_empty() && names.as_bytes().split(|byte| *byte == b'|').any(|known| known == name.as_bytes())
}

fn is_like(text: &str, pattern: &str) -> bool {
    if pattern == "?" {
        return true;
    }
    match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
        (Some(start), _) => match start.strip_prefix('*') {
            Some(inner) => text.contains(inner),
            None => text.starts_with(start),
        },
        (None, Some(end)) => text.ends_with(end),
        (None, None) => text.eq_ignore_ascii_case(pattern),
    }
}

fn is_exactly(option: &str, flag: &str) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    name == flag || is_clustered(option, flag)
}

/// `-f` in `-rf`: a cluster is short and has only letters.
fn is_clustered(option: &str, flag: &str) -> bool {
    let (Some(letter), Some(cluster)) = (flag.strip_prefix('-'), option.strip_prefix('-')) else {
        return false;
    };
    letter.chars().count() == 1
        && cluster.len() <= 8
        && cluster.chars().all(char::is_alphanumeric)
        && cluster.contains(letter)
}

fn is_option(option: &str, flag: &str) -> bool {
    if option.ends_with("=false") || option.ends_with("=0") && flag.starts_with("--") && !flag.contains('=') {
        return false;
    }
    if flag.contains('=') {
        return option == flag;
    }
    if is_exactly(option, flag) {
        return true;
    }
    // Long options may be shortened to what is left of them when it is still clear.
    let name = option.split('=').next().unwrap_or(option);
    name.len() >= 4 && flag.starts_with("--") && flag.starts_with(name) && name.len() < flag.len()
}

/// The program that a pattern of names matches, if a family knows one.
fn meant(pattern: &str) -> String {
    let letters = pattern.chars().filter(char::is_ascii_alphanumeric).count();
    let is_match = |name: &&str| crate::command::name::is_match(pattern.as_bytes(), name.as_bytes(), 64);
    let names = tables().map(|row| row.tools).chain([OTHERS, ARMS]);
    let known =
        names.flat_map(|tools| tools.split('|')).find(is_match).filter(|_| letters > 0 && pattern.len() > 1);
    known.unwrap_or(pattern).to_owned()
}

/// Whether a family knows a program of this name.
pub(super) fn is_known(name: &str) -> bool {
    is_in(OTHERS, name) || name.starts_with("mkfs") || tables().any(|row| is_in(row.tools, name))
}

/// Programs that families know besides those in tables.
const OTHERS: &str = "rm|git|find|dd|chmod|chown|shred|mkfs|sh|bash|zsh|curl|wget|mv|truncate|sudo|env|eval|psql|mysql|redis-cli|mongosh|rsync";

/// More of them, whose names are too common as words to be looked for in a text.
const ARMS: &str = "crontab|scp|sftp|nc|ncat|socat|tar|tee|cp|ln|install|kill|killall|pkill|history|journalctl|unlink|unzip|zip|perl|python3|ruby|node|php";

fn tables() -> impl Iterator<Item = &'static Row> {
    let all = [
        super::git::TABLE,
        super::devices::TABLE,
        super::permissions::TABLE,
        super::databases::TABLE,
        super::containers::TABLE,
        super::cloud::TABLE,
        super::packages::TABLE,
    ];
    all.into_iter().flatten()
}

/// A family that is nothing but its table.
pub(super) fn look_up(call: &Call, rows: &'static [Row], _context: &Context) -> Option<Found> {
    call.in_table(rows)
}
