//! Files that are deleted, emptied or written over.

use super::place::{self, Place, Scene};
use super::table::Call;
use super::{Config, Context, Found, Rule, ask, deny};
use crate::command::{FOUND, FOUND_BY_NAME, FOUND_DIR, FOUND_DIR_BY_NAME, RedirectKind, Simple, Word};

static DELETE_ROOT: Rule = deny(
    "filesystem/delete-system",
    "the system, or everything a person has on it",
    "name the one folder that is meant, below the project",
);
static DELETE_OUTSIDE: Rule = ask(
    "filesystem/delete-outside-project",
    "files outside the working folder, for good",
    "list it first with `ls`, then name exactly what is to go, or move it aside",
);
static DELETE_HERE: Rule = ask(
    "filesystem/delete-working-folder",
    "the working folder with everything in it, uncommitted work too",
    "name what is to go below it, or look with `git status` first",
);
static DELETE_UNKNOWN: Rule = ask(
    "filesystem/delete-unknown",
    "whatever the variable, the pattern or the input names when it runs",
    "print the list first, then delete exactly those paths by name",
);
static FIND_DELETE: Rule = ask(
    "filesystem/delete-found",
    "every file that the search finds",
    "run the search with `-print` first, then delete what it listed",
);
static SYNC_DELETE: Rule = ask(
    "filesystem/sync-delete",
    "everything at the target that the source does not have",
    "run it with `--dry-run` first",
);
static OVERWRITE: Rule = ask(
    "filesystem/overwrite-system-file",
    "what the file held; the system or the login may stop working",
    "keep a copy beside it, and change only the line that is meant",
);
static EMPTY: Rule =
    ask("filesystem/empty-file", "everything in a file outside the working folder", "keep a copy first");
static SHRED: Rule = ask(
    "filesystem/shred",
    "the file, beyond recovery",
    "move it aside until it is certain that nobody needs it",
);
static MOVE_AWAY: Rule = ask(
    "filesystem/move-away",
    "what is moved: it lands where nothing keeps it, or the system misses it",
    "move it to a folder with a name, and check before anything is deleted",
);
static TRACES: Rule = ask(
    "filesystem/delete-records",
    "logs, history, snapshots or backups that nothing else holds",
    "keep what is younger than a date, or copy it first",
);
static PROTECTED: Rule = ask(
    "filesystem/protected-path",
    "keys, or what keeps this machine's configuration in order",
    "leave it; change the profile or use the tool that owns it",
);

/// Files whose loss locks people out.
const CRITICAL: &[&str] = &[
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/fstab",
    "/etc/hosts",
    "/etc/ssh/sshd_config",
    "/etc/resolv.conf",
    "/etc/crontab",
    "/etc/ld.so.preload",
    "/etc/pam.conf",
    "/proc/sysrq-trigger",
    "/etc/profile",
    "/etc/environment",
    "/etc/inittab",
    "/etc/mtab",
    "/etc/nsswitch.conf",
    "/etc/selinux/config",
];
const CRITICAL_FOLDERS: &[&str] = &[
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/boot",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/etc/sudoers.d",
    "/etc/pam.d",
    "/System",
    "/etc/cron.d",
    "/etc/systemd/system",
];

/// Files in a home folder that start every session.
const STARTUP: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".bash_history",
    ".zsh_history",
    ".gitconfig",
    ".npmrc",
    ".netrc",
    ".kube/config",
    ".docker/config.json",
    ".aws/credentials",
    ".aws/config",
];

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    let found = match call.program.as_str() {
        "rm" | "unlink" | "grm" | "rimraf" | "del-cli" => remove(call, context),
        "del" | "erase" | "rd" | "deltree" | "remove-item" => remove(call, context),
        "rmdir" if call.simple.args().iter().any(|word| word.text.eq_ignore_ascii_case("/s")) => {
            remove(call, context)
        }
        "shred" | "wipe" | "gshred" | "scrub" | "srm" => shred(call, context),
        "find" | "gfind" | "bfs" => search(call, context),
        "fd" | "fdfind" => None,
        "rsync" | "rclone" | "robocopy" | "lftp" | "unison" => sync(call, context),
        "mv" | "gmv" => moved(call, context),
        "truncate" | "gtruncate" => emptied(call, context),
        "cp" | "install" | "ln" | "tee" | "gcp" | "scp" | "sed" | "gsed" | "dd" | "sponge" | "perl"
        | "ruby" | "patch" => overwritten(call, context),
        "tar" | "gtar" | "bsdtar" | "unzip" => unpacked(call, context).or_else(|| archived(call, context)),
        "zip" | "rdfind" | "fdupes" | "jdupes" => archived(call, context),
        "crontab" if replaces_jobs(call, context) => Some(TRACES.on(call.text())),
        "hdfs" | "hadoop" if call.has("-rm|-rmr|-rmdir|-expunge") && !call.is_harmless() => {
            Some(DELETE_OUTSIDE.on(call.text()))
        }
        "trash-empty" => Some(TRACES.on(call.text())),
        "gio" if call.operand(0) == "trash" && call.has("--empty") => Some(TRACES.on(call.text())),
        "history" if call.has("-c") => Some(TRACES.on(call.text())),
        "journalctl" if call.options().iter().any(|o| o.starts_with("--vacuum")) => {
            Some(TRACES.on(call.text()))
        }
        "tmutil" if matches!(call.operand(0), "delete" | "deletelocalsnapshots" | "disable" | "restore") => {
            Some(TRACES.on(call.text()))
        }
        "wevtutil" if call.operand(0) == "cl" => Some(TRACES.on(call.text())),
        "restic" | "borg" | "duplicity" | "kopia" | "snapper" | "timeshift" | "tarsnap" | "borgmatic" => {
            backups(call)
        }
        _ => None,
    };
    found.or_else(|| redirected(call, context))
}

fn of(word: &Word, call: &Call, context: &Context) -> Place {
    place::of(word, call.simple, context.scene)
}

/// The rule for deleting what is at a place, with all that is below it or not.
fn deleted(place: &Place, is_recursive: bool, context: &Context) -> Option<Found> {
    let path = place.path(context.scene);
    if guarded(&path, context.scene, context.config, is_recursive) {
        return Some(PROTECTED.on_path(&path));
    }
    match place {
        place if place.is_vital() && is_recursive => Some(DELETE_ROOT.on_path(&path)),
        Place::Root | Place::Home | Place::System(_) => Some(DELETE_OUTSIDE.on_path(&path)),
        Place::Here(_) => Some(DELETE_HERE.on_path(&path)),
        // What is left of a git that was killed.
        Place::Git(path) if path.ends_with(".lock") => None,
        Place::Git(_) => Some(super::git::RECORDS.on_path(&path)),
        Place::Outside(_) => Some(DELETE_OUTSIDE.on_path(&path)),
        Place::Disk(_) => Some(DELETE_OUTSIDE.on_path(&path)),
        Place::Unknown(_) if is_recursive => Some(DELETE_UNKNOWN.on(path)),
        Place::Unknown(_) | Place::Inside(_) | Place::Temp(_) | Place::Nowhere => None,
    }
}

fn remove(call: &Call, context: &Context) -> Option<Found> {
    if call.options().iter().any(|option| matches!(*option, "--help" | "--version")) {
        return None;
    }
    let is_windows = call.is("del|erase|rd|rmdir|deltree|remove-item");
    let is_switch = |text: &str| is_windows && text.len() == 2 && text.starts_with('/');
    let is_recursive = call.has("-r|-R|--recursive")
        || call.is("rimraf|deltree|rd|del-cli")
        || is_windows && call.options().iter().any(|option| option.to_ascii_lowercase().starts_with("-rec"))
        || call
            .simple
            .args()
            .iter()
            .any(|word| is_switch(&word.text) && word.text.eq_ignore_ascii_case("/s"));
    if call.is("remove-item") && call.operands().is_empty() && call.simple.reads.is_some() {
        return Some(DELETE_UNKNOWN.on(call.text()));
    }
    if is_recursive && call.has("--no-preserve-root") && call.options().contains(&"--no-preserve-root") {
        return Some(DELETE_ROOT.on("--no-preserve-root"));
    }
    let mut worst: Option<Found> = None;
    for word in call.operands().iter().filter(|word| !is_switch(&word.text)) {
        // A shell that doesn't know these paths took the strokes out of them.
        let is_drive = is_windows && word.text.get(1..2) == Some(":") && place::drive(&word.text).is_none();
        let text =
            if is_drive { format!("{}/{}", &word.text[..2], &word.text[2..]) } else { word.text.clone() };
        let word = &Word { text, ..(*word).clone() };
        // What `find` hands over: a folder at a time from another folder, or whole trees.
        let found = match word.holes.last().map(String::as_str) {
            Some(FOUND | FOUND_BY_NAME) if of(word, call, context).is_expendable() => None,
            Some(FOUND) if !is_recursive && is_here(&of(word, call, context), context) => None,
            // Single files that were asked for by name.
            Some(FOUND_BY_NAME | FOUND_DIR_BY_NAME) if !is_recursive => None,
            Some(FOUND | FOUND_BY_NAME | FOUND_DIR | FOUND_DIR_BY_NAME) => Some(FIND_DELETE.on(call.text())),
            _ => deleted(&of(word, call, context), is_recursive, context),
        };
        if let Some(found) = found
            && worst.as_ref().is_none_or(|worst| worst.rule.decision < found.rule.decision)
        {
            if found.rule.decision == super::Decision::Deny {
                return Some(found);
            }
            worst = Some(found);
        }
    }
    worst
}

/// Whether it is the working folder, and no folder above.
fn is_here(place: &Place, context: &Context) -> bool {
    matches!(place, Place::Unknown(_))
        || matches!(place, Place::Here(path) if *path == place::normal(&context.scene.cwd))
}

/// `crontab -r`, or a new table that doesn't have what was in the old one.
fn replaces_jobs(call: &Call, context: &Context) -> bool {
    if call.is_harmless() {
        return false;
    }
    let is_new = call.operand(0) == "-" && context.script.input(call.simple).is_some();
    call.has("-r") || is_new || call.operand(0) == "/dev/null"
}

/// An archive that is unpacked over the system.
fn unpacked(call: &Call, context: &Context) -> Option<Found> {
    let word = match call.program.as_str() {
        "unzip" => call.value("-d").cloned(),
        _ => call.value("-C|--directory").cloned().or_else(|| {
            let attached = call.attached("--directory=").or_else(|| call.attached("-C"))?;
            Some(Word::plain(attached))
        }),
    }?;
    let first = call.simple.args().first().map_or("", |word| word.text.as_str());
    let is_read = call.is("unzip")
        || call.has("--extract|--get")
        || first.trim_start_matches('-').contains('x') && !first.starts_with("--")
        || call.has("-x");
    let place = of(&word, call, context);
    let path = place.path(context.scene);
    let is_over = place == Place::Root || matches!(path.as_str(), "/etc" | "/usr") || is_critical(&path);
    (is_read && is_over && !call.is_harmless()).then(|| OVERWRITE.on_path(&path))
}

fn shred(call: &Call, context: &Context) -> Option<Found> {
    first_place(call, context, &SHRED, |place| !matches!(place, Place::Temp(_)))
}

/// `rule` on the first operand whose place it is about.
fn first_place(
    call: &Call,
    context: &Context,
    rule: &'static Rule,
    is_about: fn(&Place) -> bool,
) -> Option<Found> {
    if call.is_harmless() {
        return None;
    }
    let place = call.operands().iter().map(|word| of(word, call, context)).find(is_about)?;
    Some(rule.on_path(&place.path(context.scene)))
}

fn search(call: &Call, context: &Context) -> Option<Found> {
    let args = call.simple.args();
    // A `-delete` behind `-exec` belongs to what is run.
    let mut is_inner = false;
    let mut deletes = false;
    for word in args {
        match word.text.as_str() {
            "-exec" | "-execdir" | "-ok" | "-okdir" => is_inner = true,
            ";" | "+" => is_inner = false,
            "-delete" if !is_inner => deletes = true,
            "-help" | "--help" if !is_inner => return None,
            _ => {}
        }
    }
    // What is empty is no loss.
    let is_size =
        |pair: &[Word]| pair[0].text == "-size" && matches!(pair[1].text.as_str(), "0" | "0c" | "0b" | "0k");
    if !deletes || args.iter().any(|word| word.text == "-empty") || args.windows(2).any(is_size) {
        return None;
    }
    let is_root = |word: &&Word| !word.text.starts_with(['-', '(', '!', ')']);
    let mut roots: Vec<&Word> = args
        .iter()
        .skip_while(|word| {
            matches!(word.text.as_str(), "-L" | "-P" | "-H" | "-x" | "-E" | "-X" | "-d" | "-s")
        })
        .take_while(is_root)
        .collect();
    let here = Word::plain(".");
    if roots.is_empty() {
        roots.push(&here);
    }
    for word in roots {
        match of(word, call, context) {
            place @ (Place::Inside(_) | Place::Temp(_) | Place::Nowhere)
                if !place_is_protected(&place, context) => {}
            place if place.is_vital() && !is_narrowed(args) => {
                return Some(DELETE_ROOT.on_path(&place.path(context.scene)));
            }
            place => return Some(FIND_DELETE.on_path(&place.path(context.scene))),
        }
    }
    None
}

fn place_is_protected(place: &Place, context: &Context) -> bool {
    guarded(&place.path(context.scene), context.scene, context.config, true)
}

/// Whether a search has a condition that leaves something out.
fn is_narrowed(args: &[Word]) -> bool {
    const TESTS: &[&str] = &[
        "-name",
        "-iname",
        "-path",
        "-regex",
        "-size",
        "-mtime",
        "-mmin",
        "-newer",
        "-atime",
        "-user",
        "-inum",
        "-perm",
        "-maxdepth",
        "-ctime",
        "-iregex",
        "-ipath",
        "-wholename",
        "-group",
        "-nouser",
        "-links",
        "-samefile",
        "-lname",
    ];
    args.iter().any(|word| TESTS.contains(&word.text.as_str()))
}

fn sync(call: &Call, context: &Context) -> Option<Found> {
    if call.is_harmless() || call.is("rsync") && call.has("-n") {
        return None;
    }
    let deletes = match call.program.as_str() {
        "rsync" => call
            .options()
            .iter()
            .any(|option| option.starts_with("--del") || *option == "--remove-source-files"),
        "rclone" => return None,
        "robocopy" => call
            .simple
            .args()
            .iter()
            .any(|word| matches!(word.text.to_ascii_lowercase().as_str(), "/mir" | "/purge" | "/move")),
        "lftp" => call
            .simple
            .args()
            .iter()
            .any(|word| word.text.contains("mirror") && word.text.contains("--delete")),
        _ => false,
    };
    let target = call.operands().last().filter(|_| deletes)?;
    let is_far = target.text.split('/').next().is_some_and(|head| head.contains(':'));
    let place = of(target, call, context);
    if !is_far && place.is_expendable() && !call.has("--remove-source-files") {
        return None;
    }
    Some(SYNC_DELETE.on(target.text.clone()))
}

fn moved(call: &Call, context: &Context) -> Option<Found> {
    let (target, sources) = call.operands().split_last()?;
    if of(target, call, context) == Place::Nowhere {
        return Some(MOVE_AWAY.on(call.text()));
    }
    for word in sources {
        let place = of(word, call, context);
        match place {
            Place::Root | Place::Home | Place::System(_) => {
                return Some(MOVE_AWAY.on_path(&place.path(context.scene)));
            }
            place if guarded(&place.path(context.scene), context.scene, context.config, false) => {
                return Some(PROTECTED.on_path(&place.path(context.scene)));
            }
            Place::Git(path) if path.ends_with(".git") => return Some(super::git::RECORDS.on_path(&path)),
            Place::Outside(path) if is_critical(&path) => return Some(OVERWRITE.on_path(&path)),
            _ => {}
        }
    }
    overwritten(call, context)
}

fn emptied(call: &Call, context: &Context) -> Option<Found> {
    first_place(call, context, &EMPTY, |place| !place.is_expendable() && !matches!(place, Place::Unknown(_)))
}

/// What a copying command writes.
fn overwritten(call: &Call, context: &Context) -> Option<Found> {
    let operands = call.operands();
    let targets: Vec<&Word> = match call.program.as_str() {
        "tee" | "sponge" => operands.to_vec(),
        "sed" | "gsed" => match call
            .options()
            .iter()
            .any(|option| option.starts_with("-i") || option.starts_with("--in-place"))
        {
            true => operands.to_vec(),
            false => return None,
        },
        "dd" => {
            let of_target = call.simple.args().iter().find(|word| word.text.starts_with("of="))?;
            let mut word = of_target.clone();
            word.text.drain(..3);
            return write(&word, false, call, context);
        }
        "ln" if !call.has("-f|--force") => return None,
        "patch" => operands.iter().take(1).copied().collect(),
        // `perl -pi -e code file`
        "perl" | "ruby" => {
            let is_in_place = |option: &&&str| {
                let flags = option.split(['e', 'E']).next().unwrap_or_default();
                flags.contains('i') && flags[1..].chars().all(|c| "pnaliw0.bako".contains(c))
            };
            call.options().iter().find(is_in_place)?;
            operands.to_vec()
        }
        _ if call.value("-t|--target-directory").is_some() => {
            call.value("-t|--target-directory").into_iter().collect()
        }
        _ if operands.len() < 2 => return None,
        _ => operands.last().copied().into_iter().collect(),
    };
    let is_append = call.is("tee") && call.has("-a|--append");
    let from_nothing = call.is("cp|ln") && operands.first().is_some_and(|word| word.text == "/dev/null");
    for target in targets {
        let place = of(target, call, context);
        if from_nothing && !place.is_expendable() {
            return Some(EMPTY.on_path(&place.path(context.scene)));
        }
        if let Some(found) = write(target, is_append, call, context) {
            return Some(found);
        }
    }
    None
}

fn redirected(call: &Call, context: &Context) -> Option<Found> {
    let writes = call
        .simple
        .redirects
        .iter()
        .filter(|redirect| matches!(redirect.kind, RedirectKind::Write | RedirectKind::Append));
    // `> file` alone, and `: > file`, do nothing but empty it.
    let is_only = call.simple.words.is_empty() && call.simple.reads.is_none()
        || call.is(":|true")
        || call.is("echo|printf") && call.operands().is_empty();
    for redirect in writes {
        let is_append = redirect.kind == RedirectKind::Append;
        if let Some(found) = write(&redirect.target, is_append, call, context) {
            return Some(found);
        }
        if is_only && !is_append {
            let place = of(&redirect.target, call, context);
            if matches!(place, Place::Outside(_)) {
                return Some(EMPTY.on_path(&place.path(context.scene)));
            }
        }
    }
    None
}

/// What writing over `word` loses.
fn write(word: &Word, is_append: bool, call: &Call, context: &Context) -> Option<Found> {
    let place = of(word, call, context);
    let path = place.path(context.scene);
    match &place {
        Place::Git(_) if !is_append && !path.contains(".git/hooks/") && !path.ends_with("info/exclude") => {
            return Some(super::git::RECORDS.on_path(&path));
        }
        Place::Unknown(_) | Place::Temp(_) | Place::Nowhere => return None,
        _ => {}
    }
    if !is_append && is_startup(&path, context.scene) {
        return Some(OVERWRITE.on_path(&path));
    }
    if is_critical(&path) {
        return Some(OVERWRITE.on_path(&path));
    }
    written(&path, context.scene, context.config)
}

fn is_startup(path: &str, scene: &Scene) -> bool {
    let rest = path.strip_prefix(scene.home.as_str()).and_then(|rest| rest.strip_prefix('/'));
    !scene.home.is_empty() && rest.is_some_and(|rest| STARTUP.contains(&rest))
}

pub(super) fn is_critical(path: &str) -> bool {
    // `/sys/block/sda/device/delete`
    let is_removal = path.starts_with("/sys/block/") && path.ends_with("/delete");
    CRITICAL.contains(&path)
        || is_removal
        || CRITICAL_FOLDERS.iter().any(|folder| place::is_below(path, folder) || path == *folder)
}

/// The rule for a file that is written by whatever tool.
pub(super) fn written(path: &str, scene: &Scene, config: &Config) -> Option<Found> {
    (guarded(path, scene, config, false) || is_critical(path)).then(|| PROTECTED.on_path(path))
}

/// Whether `path` holds keys, what cs itself keeps, or what the profile protects. `below`: whether what
/// is in it counts, too.
fn guarded(path: &str, scene: &Scene, config: &Config, below: bool) -> bool {
    if path.is_empty() || !path.starts_with('/') {
        return false;
    }
    if config.protects(path) || below && config.protects_below(path) {
        return true;
    }
    let own = [".claude/claude-sync", ".claude/learning", ".ssh", ".gnupg", ".password-store"];
    let Some(rest) = path.strip_prefix(scene.home.as_str()).filter(|_| !scene.home.is_empty()) else {
        return path.split('/').any(|part| part == ".ssh") && is_key(path);
    };
    let Some(rest) = rest.strip_prefix('/') else { return false };
    let hit = own.iter().find(|folder| {
        rest == **folder || rest.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'))
    });
    match hit {
        // Who is known and how to reach them is written all the time.
        Some(&".ssh") => below || rest == ".ssh" || is_key(path),
        Some(_) => true,
        None => false,
    }
}

fn is_key(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    (name.starts_with("id_")
        || name == "authorized_keys"
        || name == "identity"
        || name.ends_with(".pem")
        || name.ends_with("_key"))
        && !name.ends_with(".pub")
}

/// Archivers that delete what they took, finders of duplicates that delete one.
fn archived(call: &Call, context: &Context) -> Option<Found> {
    let deletes = match call.program.as_str() {
        "tar" | "gtar" => call.has("--remove-files"),
        "zip" => call.has("-m|--move"),
        "rdfind" => {
            call.matches("**")
                && call
                    .simple
                    .args()
                    .windows(2)
                    .any(|pair| pair[0].text == "-deleteduplicates" && pair[1].text == "true")
        }
        _ => call.has("-d|--delete") && call.has("-N|--noprompt"),
    };
    if !deletes || call.is_harmless() {
        return None;
    }
    let place = call
        .operands()
        .iter()
        .skip(1)
        .map(|word| of(word, call, context))
        .find(|place| !place.is_expendable())?;
    Some(FIND_DELETE.on_path(&place.path(context.scene)))
}

/// Backups: what forgets, prunes or deletes snapshots.
fn backups(call: &Call) -> Option<Found> {
    let verb = [
        "forget",
        "prune",
        "delete",
        "remove-all-but-n-full",
        "remove-older-than",
        "purge",
        "nuke",
        "unlock",
    ];
    let is_verb = call.operands().iter().take(2).any(|word| verb.contains(&word.text.as_str()));
    let is_flag = call.has("--delete|--delete-all") && call.is("timeshift")
        || call.is("tarsnap") && call.has("-d|--nuke");
    ((is_verb && !call.has("-n|--dry-run") || is_flag) && !call.is_harmless()).then(|| TRACES.on(call.text()))
}

/// Whether a command only works on what is expendable.
pub(super) fn is_expendable(word: &Word, simple: &Simple, scene: &Scene) -> bool {
    place::of(word, simple, scene).is_expendable()
}
