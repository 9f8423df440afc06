//! `cs mesh peers`: where other hosts may be found, by what the profile says. Nobody is asked anything.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::args::SyncArgs;
use crate::cli::engine::Context;
use crate::cli::error::{CliError, exit, refused};
use crate::cli::learn::store::Store;
use crate::cli::output::{columns, count};
use crate::mesh::discover::{self, Machine, Status, Tailnet};
use crate::model::{fits_glob, printable};
use crate::profile::remote::{self, Misnamed};
use crate::sys::process::Call;
use crate::sys::{env, fs};

/// So long Tailscale is waited for.
const TAILSCALE_MS: u64 = 5_000;
const TAILSCALE_BYTES_MAX: u64 = 8 << 20;
/// Where its program lies on macOS when it came as an app.
const TAILSCALE_APP: &str = "/Applications/Tailscale.app/Contents/MacOS/Tailscale";

const SSH_CONFIG_BYTES_MAX: u64 = 1 << 20;
/// As deep includes may include, and as many files are read.
const INCLUDE_DEPTH: usize = 8;
const INCLUDE_FILES: usize = 256;

/// How a peer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Profile,
    SshConfig,
    Tailscale,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::SshConfig => "ssh-config",
            Self::Tailscale => "tailscale",
        }
    }
}

/// A host that may be asked over ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Peer {
    name: String,
    by: By,
    /// As far as is known.
    is_online: bool,
}

/// Whom a sync asks.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub ssh: Vec<String>,
    pub git: Vec<String>,
    /// What could not be looked up.
    pub warnings: Vec<String>,
}

impl Places {
    /// What the arguments name, or else what the profile does.
    ///
    /// # Errors
    /// When an argument is no host or no repository.
    pub fn of(context: &Context, args: &SyncArgs) -> Result<Self, CliError> {
        if args.git.is_empty() && args.ssh.is_empty() {
            let Found { peers, git, warnings, others: _ } = Found::of(context)?;
            let ssh = peers.into_iter().filter(|peer| peer.is_online).map(|peer| peer.name).collect();
            return Ok(Self { ssh, git, warnings });
        }
        // What was given is not repeated: there may be a password in it.
        let no = |option: &str, Misnamed { why, help }| refused(format!("{option}: {why}"), help);
        for host in &args.ssh {
            remote::check_host(host).map_err(|misnamed| no("--ssh", misnamed))?;
        }
        let git: Vec<String> = args.git.iter().map(|url| whole(url)).collect();
        for url in &git {
            remote::check_repository(url).map_err(|misnamed| no("--git", misnamed))?;
        }
        Ok(Self { ssh: args.ssh.clone(), git, warnings: Vec::new() })
    }
}

/// A folder that was typed from here or from the home, as it is called from anywhere.
fn whole(url: &str) -> String {
    let below = match url.strip_prefix("~/") {
        Some(rest) => env::home().map(|home| home.join(rest)),
        None if url.starts_with("./") || url.starts_with("../") => {
            env::current_dir().ok().map(|folder| folder.join(url))
        }
        None => None,
    };
    // One that is not there is told by the name it was given.
    let path = below.map(|path| fs::canonical(&path).unwrap_or(path));
    path.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| url.to_owned())
}

/// All that the profile leads to.
#[derive(Debug, Default)]
struct Found {
    peers: Vec<Peer>,
    git: Vec<String>,
    warnings: Vec<String>,
    /// How many machines of the tailnet are not this user's.
    others: usize,
}

impl Found {
    fn of(context: &Context) -> Result<Self, CliError> {
        let store = Store::locate(context)?;
        let mesh = store.runtime().get("mesh").cloned().unwrap_or_default();
        let texts = |name: &str| -> Vec<String> {
            let list = mesh.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut found = Self { git: texts("git"), ..Self::default() };
        let named = texts("ssh");
        let configured =
            if named.iter().any(|name| discover::is_pattern(name)) { ssh_names() } else { Vec::new() };
        for name in named {
            if !discover::is_pattern(&name) {
                found.add(Peer { name, by: By::Profile, is_online: true });
                continue;
            }
            let before = found.peers.len();
            for meant in discover::meant(&name, &configured) {
                found.add(Peer { name: meant.clone(), by: By::SshConfig, is_online: true });
            }
            if found.peers.len() == before {
                found
                    .warnings
                    .push(format!("{} in [mesh] ssh fits no other name in ~/.ssh/config", printable(&name)));
            }
        }
        if mesh.get("tailscale").and_then(Value::as_bool) == Some(true) {
            match tailscale() {
                Ok(Tailnet { machines, others }) => {
                    found.others = others;
                    machines.into_iter().for_each(|Machine { name, is_online }| {
                        found.add(Peer { name, by: By::Tailscale, is_online });
                    });
                }
                Err(why) => found.warnings.push(why),
            }
        }
        Ok(found)
    }

    /// Each host once.
    fn add(&mut self, peer: Peer) {
        if !self.peers.iter().any(|own| own.name == peer.name) {
            self.peers.push(peer);
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the profile's part of it can't be read.
pub(super) fn run(context: &Context) -> Result<u8, CliError> {
    let Found { peers, git, warnings, others } = Found::of(context)?;
    for warning in &warnings {
        context.out.warn(warning);
    }
    let online = |peer: &Peer| match (peer.by, peer.is_online) {
        (By::Profile, _) => "named in the profile",
        (By::SshConfig, _) => "a name of ~/.ssh/config",
        (By::Tailscale, true) => "online in the tailnet",
        (By::Tailscale, false) => "in the tailnet, not online",
    };
    let rows: Vec<Vec<String>> = peers
        .iter()
        .map(|peer| vec![printable(&peer.name), "over ssh".to_owned(), online(peer).to_owned()])
        .chain(git.iter().map(|url| vec![printable(url), "git".to_owned(), "a repository".to_owned()]))
        .collect();
    context.out.lines(&columns(&rows, 3));
    if others > 0 {
        let others = count(others, "machine", "machines");
        context
            .out
            .line(format!("{others} of the tailnet not asked: of other users, tagged, or a service's."));
    }
    if rows.is_empty() {
        context.out.line("The profile names no other host, and no repository.");
        context.out.line(
            "In the profile: [mesh] with `git = [\"URL\"]`, `ssh = [\"HOST\"]`, or `tailscale = true`.",
        );
    } else {
        let asked = peers.iter().filter(|peer| peer.is_online).count() + git.len();
        context.out.line(format!("cs mesh sync asks {asked} of these."));
    }
    let peers: Vec<Value> = peers
        .iter()
        .map(|peer| json!({"name": peer.name, "by": peer.by.word(), "online": peer.is_online}))
        .collect();
    context
        .out
        .object(&json!({"version": 1, "peers": peers, "git": git, "others": others, "warnings": warnings}));
    Ok(exit::DONE)
}

/// The machines of the tailnet, or why they can't be had and what to do.
fn tailscale() -> Result<Tailnet, String> {
    const LOOK: &str = "look at what tailscale status says";
    let program = env::program("tailscale").or_else(|| env::program(TAILSCALE_APP));
    let Some(program) = program else {
        return Err("tailscale is not on this machine: install it, or leave it out of [mesh]".to_owned());
    };
    let call = Call::new(&program.to_string_lossy()).args(["status", "--json"]);
    let (from, to, conversation) =
        call.converse(TAILSCALE_MS).map_err(|error| format!("tailscale can't be run: {error}"))?;
    drop(to);
    let mut text = Vec::new();
    let read = from.take(TAILSCALE_BYTES_MAX).read_to_end(&mut text);
    let (is_well, is_late, complaint) = conversation.ended();
    if is_late {
        return Err(format!("tailscale said nothing for {} s: is its service well?", TAILSCALE_MS / 1000));
    }
    match read.ok().and_then(|_| discover::tailscale(&text)) {
        Some(Status::Up(tailnet)) => return Ok(tailnet),
        // It may end badly by that.
        Some(Status::Down(down)) => return Err(down.to_string()),
        None => {}
    }
    let said = complaint.lines().map(str::trim).find(|line| !line.is_empty()).map(printable);
    Err(match said {
        Some(said) => format!("tailscale: {said}: is its service well?"),
        None if !text.trim_ascii().is_empty() => {
            format!("tailscale said something that is no status: {LOOK}")
        }
        None if is_well => format!("tailscale said nothing: {LOOK}"),
        None => format!("tailscale broke off and said nothing: {LOOK}"),
    })
}

/// The names in the user's ssh configuration.
fn ssh_names() -> Vec<String> {
    let Some(folder) = env::home().map(|home| home.join(".ssh")) else { return Vec::new() };
    let mut names = Vec::new();
    let mut files = vec![(folder.join("config"), 0)];
    let mut read = 0;
    while let Some((file, depth)) = files.pop() {
        read += 1;
        if read > INCLUDE_FILES {
            break;
        }
        // What can't be read there, ssh itself complains of.
        let Ok(Some(text)) = fs::read_if_there(&file, SSH_CONFIG_BYTES_MAX) else { continue };
        let config = discover::ssh_config(&String::from_utf8_lossy(&text));
        names.extend(config.names);
        if depth < INCLUDE_DEPTH {
            let included = config.includes.iter().flat_map(|include| included(&folder, include));
            files.extend(included.map(|file| (file, depth + 1)));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The files that an `Include` means: below `~/.ssh` unless it says where, with `*` and `?` in the last part.
fn included(folder: &Path, include: &str) -> Vec<PathBuf> {
    let path = match include.strip_prefix("~/") {
        Some(rest) => folder.parent().unwrap_or(folder).join(rest),
        None => folder.join(include),
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    if !discover::is_pattern(&name) {
        return vec![path.clone()];
    }
    let listed = fs::list_if_there(parent).unwrap_or_default();
    let mut files: Vec<PathBuf> = listed
        .iter()
        .filter(|own| fits_glob(&name, &own.to_string_lossy()) && !own.to_string_lossy().starts_with('.'))
        .map(|own| parent.join(own))
        .collect();
    files.sort();
    files
}
