//! Where a path leads: into the project, a temporary folder, or somewhere that matters.

use crate::command::{Simple, Site, UNKNOWN, Word};

/// Where a command would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene {
    /// The working folder.
    pub cwd: String,
    pub home: String,
    /// The folder for temporary files, if it is a particular one.
    pub temp: Option<String>,
}

/// What lies at a path, by what losing it would mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `/`, or everything in it.
    Root,
    /// The home folder, or everything in it.
    Home,
    /// A folder that the system lives in, or everything in it.
    System(String),
    /// The working folder or one above it, or everything in it.
    Here(String),
    /// A repository's own records.
    Git(String),
    /// Strictly below the working folder.
    Inside(String),
    Temp(String),
    /// A disk.
    Disk(String),
    /// `/dev/null` and its like.
    Nowhere,
    Outside(String),
    /// Not known before it runs; the variable it comes from.
    Unknown(String),
}

/// Folders that are never one project's.
const SYSTEM: &[&str] = &[
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/var",
    "/opt",
    "/home",
    "/root",
    "/srv",
    "/mnt",
    "/media",
    "/run",
    "/Users",
    "/System",
    "/Library",
    "/Applications",
    "/Volumes",
    "/private",
    "/private/etc",
    "/private/var",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var/lib",
    "/var/log",
    "/var/www",
    "/etc/ssh",
    "/nix",
    "/mnt/c/Windows",
    "/mnt/c/Users",
    "/mnt/c/Program Files",
    "/c",
    "/c/Windows",
    "/data/data",
    "/scratch",
    "/work",
    "/project",
    "/projects",
    "/nfs",
    "/gpfs",
    "/lustre",
    "/snap",
];

/// Folders in a home that are no project's, even where somebody works in their home folder.
const HOME_FOLDERS: &[&str] = &[
    "Desktop",
    "Documents",
    "Downloads",
    "Library",
    "Movies",
    "Music",
    "Pictures",
    "Public",
    "Videos",
    "Applications",
    "bin",
    "data",
    "snap",
];

/// Those of them that hold data: to empty one is grave, and can be meant.
const STORES: &[&str] = &[
    "/opt",
    "/srv",
    "/mnt",
    "/media",
    "/var/log",
    "/var/www",
    "/data/data",
    "/scratch",
    "/work",
    "/project",
    "/projects",
    "/nfs",
    "/gpfs",
    "/lustre",
    "/snap",
];

const TEMP: &[&str] = &["/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", "/dev/shm"];

/// Disks by how their names begin.
const DISKS: &[&str] = &["sd", "hd", "vd", "xvd", "disk", "rdisk", "dm-", "md", "block/"];

/// Devices that hold nothing, by how their names begin. Of the others those are taken for disks that
/// are numbered (`nvme0n1`) or lie in a folder, as volume groups do, which are called as their owners
/// like (`/dev/vg0/data`). A lone word is a slip (`/dev/nul`).
const NO_DISKS: &[&str] = &[
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "std",
    "fd",
    // Floppies and tapes are written to; that is what they are put in for.
    "rfd",
    "st",
    "nst",
    "rmt",
    "nrst",
    "tty",
    "pts",
    "ptmx",
    "console",
    "tcp/",
    "udp/",
    "kmsg",
    "log",
    "snd",
    "input",
    "dri",
    "video",
    "audio",
    "dsp",
    "usb",
    "bus/",
    "net/",
    "kvm",
    "fuse",
    "char/",
    "nvidia",
    "hidraw",
    "i2c",
    "spidev",
    "gpio",
    "serial",
    "cu.",
    "lp",
    "rtc",
    "watchdog",
    "hugepages",
    "mqueue",
    "uinput",
    "vhost",
    "vsock",
    "dtrace",
    "ppp",
    "autofs",
    "cpu",
    "kfd",
    "accel",
];

impl Place {
    /// The path that it is, as far as it is known.
    pub fn path(&self, scene: &Scene) -> String {
        match self {
            Self::Root => "/".to_owned(),
            Self::Home => scene.home.clone(),
            Self::Nowhere => "/dev/null".to_owned(),
            Self::Unknown(name) if name.is_empty() => "what is not known before it runs".to_owned(),
            Self::Unknown(name) => format!("${name}"),
            Self::System(path)
            | Self::Here(path)
            | Self::Git(path)
            | Self::Inside(path)
            | Self::Temp(path)
            | Self::Disk(path)
            | Self::Outside(path) => path.clone(),
        }
    }

    /// Whether it is the system itself, or everything that someone has.
    pub fn is_vital(&self) -> bool {
        match self {
            Self::Root | Self::Home => true,
            Self::System(path) => !STORES.contains(&path.as_str()),
            _ => false,
        }
    }

    /// Whether nothing there is worth a question.
    pub fn is_expendable(&self) -> bool {
        matches!(self, Self::Inside(_) | Self::Temp(_) | Self::Nowhere)
    }
}

/// The absolute form of a path that a tool was given.
pub(super) fn absolute(path: &str, scene: &Scene) -> Option<String> {
    let path = match path.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", scene.home),
        None => path.to_owned(),
    };
    if path.is_empty() {
        return None;
    }
    Some(normal(&if path.starts_with('/') { path } else { format!("{}/{path}", scene.cwd) }))
}

/// Where `word` leads when `simple` is run.
pub(super) fn of(word: &Word, simple: &Simple, scene: &Scene) -> Place {
    let mut path = match known(word, scene) {
        Ok(path) => path,
        Err(name) => return Place::Unknown(name),
    };
    if let Some(drive) = drive(&path) {
        path = drive;
    }
    if word.is_tilde && path.starts_with('~') {
        let rest = &path[1..];
        if scene.home.is_empty() && rest.trim_matches('/').is_empty() {
            return Place::Home;
        }
        path = if rest.is_empty() || rest.starts_with('/') {
            format!("{}{rest}", scene.home)
        } else if let Some(rest) = rest.strip_prefix('+') {
            format!("{}{rest}", scene.cwd)
        } else {
            return Place::Outside(path);
        };
    }
    if word.is_glob {
        cut_pattern(&mut path);
    }
    let base = if path.starts_with('/') {
        String::new()
    } else {
        match folder(simple, scene) {
            Ok(folder) => folder,
            Err(name) => return Place::Unknown(name),
        }
    };
    let is_relative = !path.starts_with('/');
    let full = normal(&if is_relative { format!("{base}/{path}") } else { path });
    if simple.site == Site::Elsewhere {
        return far(&full, is_relative, scene);
    }
    classify(&full, scene)
}

/// `C:`, `c:\Users`: a Windows path, as it is called from Linux.
pub(super) fn drive(path: &str) -> Option<String> {
    let mut chars = path.chars();
    let (letter, colon) = (chars.next()?, chars.next()?);
    let rest = chars.as_str();
    let is_one =
        letter.is_ascii_alphabetic() && colon == ':' && (rest.is_empty() || rest.starts_with(['/', '\\']));
    is_one.then(|| format!("/mnt/{}{}", letter.to_ascii_lowercase(), rest.replace('\\', "/")))
}

/// On another machine only what every machine has means something.
fn far(full: &str, is_relative: bool, scene: &Scene) -> Place {
    match classify(full, &Scene { cwd: String::new(), ..scene.clone() }) {
        place @ (Place::Root | Place::System(_) | Place::Temp(_) | Place::Disk(_) | Place::Nowhere)
            if !is_relative =>
        {
            place
        }
        Place::Home if !is_relative => Place::Home,
        _ => Place::Outside(full.to_owned()),
    }
}

/// The folder that `simple` runs in.
pub(super) fn folder(simple: &Simple, scene: &Scene) -> Result<String, String> {
    let mut folder = scene.cwd.clone();
    for word in simple.folders.iter() {
        let path = known(word, scene)?;
        let path = match path.strip_prefix('~').filter(|_| word.is_tilde) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", scene.home),
            Some(_) => return Err(String::new()),
            None => path,
        };
        folder = normal(&if path.starts_with('/') { path } else { format!("{folder}/{path}") });
    }
    Ok(folder)
}

/// The text with what the scene knows put in. Other holes count as empty, which is the worst they can
/// be, unless the text begins with one.
fn known(word: &Word, scene: &Scene) -> Result<String, String> {
    if word.holes.is_empty() {
        return Ok(word.text.clone());
    }
    let mut holes = word.holes.iter();
    let mut path = String::new();
    for c in word.text.chars() {
        if c != UNKNOWN {
            path.push(c);
            continue;
        }
        let name = holes.next().map_or("", |name| name.trim_end_matches('?'));
        match name {
            "HOME" => path.push_str(&scene.home),
            "PWD" => path.push_str(&scene.cwd),
            "TMPDIR" | "TMP" | "TEMP" | "TEMPDIR" => path.push_str(scene.temp.as_deref().unwrap_or("/tmp")),
            name if path.is_empty() => return Err(name.to_owned()),
            _ => {}
        }
    }
    Ok(path)
}

/// Cuts the path before a part that matches every name: to delete all that is in a folder is to delete it.
fn cut_pattern(path: &mut String) {
    let is_all = |part: &str| {
        part.contains('*') && part.chars().all(|c| "*?.".contains(c))
            || part == ".[!.]*"
            || part == ".[^.]*"
            || part == ".??*"
    };
    let mut at = 0;
    for part in path.clone().split('/') {
        if is_all(part) {
            return path.truncate(at);
        }
        at += part.len() + 1;
    }
}

/// Without `.`, `..`, `//` and a slash at the end.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

pub(super) fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}

/// Whether `full` is, or lies in, a folder for temporary files. What somebody works in or lives in is not
/// temporary because of where it is, and neither is what lies beside it in the same entry.
fn is_temporary(full: &str, cwd: &str, home: &str, own: Option<&str>) -> bool {
    let own = own.map(normal).filter(|own| own.len() > 4);
    let mut bases: Vec<&str> = TEMP.to_vec();
    bases.extend(own.as_deref());
    // `/var/folders/xx/yyyy/T/`
    if let Some(at) = full.find("/var/folders/") {
        let depth = full[at..].match_indices('/').nth(5).map_or(full.len(), |(end, _)| at + end);
        bases.push(&full[..depth]);
    }
    bases.into_iter().any(|base| {
        if full == base {
            return TEMP.contains(&base) || !is_below(cwd, base);
        }
        if !is_below(full, base) {
            return false;
        }
        let rest = &full[base.len() + 1..];
        let entry = &full[..base.len() + 1 + rest.find('/').unwrap_or(rest.len())];
        !(cwd == entry || home == entry || is_below(cwd, entry) || is_below(home, entry))
    })
}

fn classify(full: &str, scene: &Scene) -> Place {
    let path = full.to_owned();
    let cwd = normal(&scene.cwd);
    let home = normal(&scene.home);
    if full == "/" {
        return Place::Root;
    }
    if let Some(device) = full.strip_prefix("/dev/").filter(|_| !full.starts_with("/dev/shm")) {
        let begins = |names: &[&str]| names.iter().any(|name| device.starts_with(name));
        let may_be_one = device.contains('/') || device.ends_with(|last: char| last.is_ascii_digit());
        return match begins(DISKS) || may_be_one && !begins(NO_DISKS) {
            true => Place::Disk(path),
            false => Place::Nowhere,
        };
    }
    let is_temp = is_temporary(full, &cwd, &home, scene.temp.as_deref());
    // A project in a temporary folder is a project all the same.
    let is_home = cwd == home;
    let is_project = !scene.cwd.is_empty() && cwd != "/" && (is_home || !SYSTEM.contains(&cwd.as_str()));
    // Of a home, what no project keeps: also where somebody works in a folder above it.
    let is_kept = || {
        let rest =
            full.strip_prefix(home.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
        let first = rest.split('/').next().unwrap_or_default();
        first.starts_with('.') && first != ".cache" || HOME_FOLDERS.contains(&first)
    };
    let has_home = !home.is_empty() && (full == home || is_below(&home, full));
    let is_own = (is_home || is_below(&home, &cwd)) && is_below(full, &home) && is_kept();
    if is_project && is_below(full, &cwd) && !has_home && !is_own {
        let rest = &full[cwd.len() + 1..];
        return match rest.split('/').any(|part| part == ".git") {
            true => Place::Git(path),
            false => Place::Inside(path),
        };
    }
    if full == home {
        return Place::Home;
    }
    let is_drive = full.strip_prefix("/mnt/").is_some_and(|rest| rest.len() == 1);
    if SYSTEM.contains(&full) || is_drive || is_below(&home, full) && !TEMP.contains(&full) {
        return Place::System(path);
    }
    if is_temp {
        return Place::Temp(path);
    }
    if full == cwd || is_below(&cwd, full) {
        return Place::Here(path);
    }
    if full.split('/').any(|part| part == ".git") {
        return Place::Git(path);
    }
    Place::Outside(path)
}
