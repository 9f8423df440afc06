//! Who may do what: modes, owners, accounts, firewalls.

use super::place::{self, Place};
use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask, deny};
use crate::command::{FOUND, FOUND_BY_NAME, Word};

static SYSTEM: Rule = deny(
    "permissions/system-wide",
    "a system that starts and lets people in: modes and owners of system files",
    "change the one file that is meant",
);
static OUTSIDE: Rule = ask(
    "permissions/outside-project",
    "modes and owners that other programs rely on; nothing remembers them",
    "change the one file that is meant; `stat` tells how it was",
);
static OPEN: Rule = ask(
    "permissions/open-to-all",
    "the protection of what is in it: everyone on the machine may write",
    "give the owner or the group what it needs: `chmod u+rwX`, `g+w`",
);
static ELEVATE: Rule = ask(
    "permissions/elevate",
    "the border between users: it runs as its owner, or makes someone an administrator",
    "a rule in sudoers for the one command that needs it",
);
static ACCOUNT: Rule = ask(
    "permissions/remove-account",
    "an account, its files, or the way to log in",
    "lock it first: `usermod -L`",
);
static FIREWALL: Rule = ask(
    "permissions/open-firewall",
    "the protection from the network, or your own way in",
    "open the one port that is needed",
);
static SAFEGUARD: Rule = ask(
    "permissions/disable-safeguard",
    "a safeguard of the system",
    "make an exception for the one program that needs it",
);
static KEYS: Rule = ask(
    "permissions/delete-keys",
    "keys or certificates, and what only they open",
    "export them to a safe place first",
);

pub(super) static TABLE: &[Row] = &[
    row("userdel|groupdel|deluser|delgroup|dscl-", "?", &ACCOUNT),
    row("dscl", "** -delete|delete", &ACCOUNT),
    row("passwd", "-d|-l|--delete|--lock", &ACCOUNT),
    row("usermod", "-L|--lock|-e", &ACCOUNT),
    row("usermod", "-G|-aG|--groups ** sudo|wheel|admin|docker|root", &ELEVATE),
    row("adduser|gpasswd|addgroup", "** sudo|wheel|admin|docker|root", &ELEVATE),
    row("net", "user|localgroup ** administrators", &ELEVATE),
    row("visudo|chpasswd|vipw", "", &ELEVATE),
    row("useradd|usermod", "-o|--non-unique", &ELEVATE),
    row("setcap", "?", &ELEVATE),
    row("iptables|ip6tables|ebtables", "-F|--flush|-X|-P|--policy|-Z|-D|--delete", &FIREWALL),
    row("iptables-restore|nft", "flush|delete", &FIREWALL),
    row("ufw", "disable|reset|--force|delete", &FIREWALL),
    row("ufw", "default allow", &FIREWALL),
    row(
        "firewall-cmd",
        "--remove-service|--remove-port|--panic-on|--panic-off|--set-default-zone=trusted",
        &FIREWALL,
    ),
    row("pfctl", "-d|-F", &FIREWALL),
    row("netsh", "advfirewall ** off|reset", &FIREWALL),
    row("setenforce", "0|permissive", &SAFEGUARD),
    row("spctl", "--master-disable|--global-disable", &SAFEGUARD),
    row("csrutil", "disable", &SAFEGUARD),
    row("aa-disable|aa-teardown|aa-complain", "", &SAFEGUARD),
    row("auditctl", "-D|-e", &SAFEGUARD),
    row("fdesetup", "disable|remove", &SAFEGUARD),
    row("mokutil", "--disable-validation|--reset", &SAFEGUARD),
    row("security", "delete-*", &KEYS),
    row(
        "gpg|gpg2",
        "--delete-key|--delete-keys|--delete-secret-key|--delete-secret-keys|--delete-secret-and-public-key",
        &KEYS,
    ),
    row("keytool", "-delete|-storepasswd", &KEYS),
    row("ssh-add", "-D", &KEYS),
    row("certbot", "delete|revoke", &KEYS),
    row("pass|gopass", "rm|remove|delete", &KEYS),
    row("op", "** delete", &KEYS),
    row("bw", "delete|purge", &KEYS),
    row("pkcs11-tool", "--delete-object", &KEYS),
    row("kdestroy-", "", &KEYS),
    row("chattr", "-i|-a", &OUTSIDE),
    row("icacls|takeown|cacls", "?", &OUTSIDE),
    row("semanage", "** -d|--delete", &SAFEGUARD),
    row("xhost", "+", &SAFEGUARD),
    row("set-executionpolicy", "** unrestricted|bypass", &SAFEGUARD),
    row("set-mppreference", "", &SAFEGUARD),
];

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    match call.program.as_str() {
        "chmod" | "gchmod" => modes(call, context),
        "chown" | "chgrp" | "gchown" | "setfacl" => owners(call, context),
        "sysctl" => None,
        _ => call.in_table(TABLE),
    }
}

fn modes(call: &Call, context: &Context) -> Option<Found> {
    if call.options().iter().any(|option| matches!(*option, "--help" | "--version")) {
        return None;
    }
    let is_recursive = call.has("-R|--recursive");
    let is_like_mode = |option: &&&str| option.len() > 1 && option[1..].chars().all(|c| "rwxXst".contains(c));
    let removed = call.options().iter().find(is_like_mode).copied();
    let by_reference = call.options().iter().any(|option| option.starts_with("--reference"));
    let operands = call.operands();
    let skip = usize::from(removed.is_none() && !by_reference);
    let mode = removed.or_else(|| operands.first().map(|word| word.text.as_str()))?;
    for word in operands.iter().skip(skip) {
        let place = place::of(word, call.simple, context.scene);
        let path = place.path(context.scene);
        match &place {
            place if is_recursive && is_whole(place) => return Some(whole(place, &path)),
            Place::Temp(_) | Place::Nowhere => continue,
            Place::Outside(_) if is_recursive && is_systems(&path) => return Some(OUTSIDE.on_path(&path)),
            _ => {}
        }
        if is_set_id(mode) {
            return Some(ELEVATE.on_path(&path));
        }
        if is_open(mode) || mode.trim_start_matches('0').is_empty() && is_recursive {
            return Some(OPEN.on_path(&path));
        }
        let takes = mode.starts_with('-') || mode.contains("-x") || mode.trim_start_matches('0').is_empty();
        let is_needed = super::filesystem::is_critical(&path) && (takes || !is_systems_program(&path));
        // What was found below a folder is not the folder.
        let is_found = word.holes.last().is_some_and(|hole| [FOUND, FOUND_BY_NAME].contains(&hole.as_str()));
        if is_needed || matches!(place, Place::Root | Place::System(_)) && !is_found {
            return Some(OUTSIDE.on_path(&path));
        }
    }
    None
}

/// A place whose modes and owners are never one person's to set at once.
fn is_whole(place: &Place) -> bool {
    matches!(place, Place::Root | Place::Home | Place::System(_))
}

/// The system can't be meant; one's home, and where data or one's own programs are kept, can.
fn whole(place: &Place, path: &str) -> Found {
    let is_meant = *place == Place::Home || !place.is_vital() || path == "/usr/local";
    if is_meant { OUTSIDE.on_path(path) } else { SYSTEM.on_path(path) }
}

/// A program or library: to make one of them executable is nothing.
fn is_systems_program(path: &str) -> bool {
    ["/bin", "/sbin", "/lib", "/usr"].iter().any(|folder| place::is_below(path, folder))
}

/// Whether the system's own programs and settings are there.
fn is_systems(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "/usr",
        "/etc",
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/boot",
        "/System",
        "/Library",
        "/proc",
        "/sys",
        "/private/etc",
    ];
    FOLDERS.iter().any(|folder| place::is_below(path, folder))
}

/// `777`, `a+w`, `o+rwx`: everyone may write.
fn is_open(mode: &str) -> bool {
    if mode.chars().all(|c| c.is_digit(8)) {
        let is_sticky = mode.len() == 4 && mode.starts_with(['1', '3', '5', '7']);
        return !is_sticky && mode.ends_with(['2', '3', '6', '7']) && mode.len() >= 3;
    }
    mode.split(',').any(|part| {
        part.split_once(['+', '=']).is_some_and(|(who, what)| who.contains(['o', 'a']) && what.contains('w'))
    })
}

/// `4755`, `u+s`: it runs as its owner.
fn is_set_id(mode: &str) -> bool {
    if mode.chars().all(|c| c.is_digit(8)) {
        return mode.len() == 4 && mode.starts_with(['4', '6', '7']);
    }
    mode.split(',').any(|part| {
        part.split_once(['+', '='])
            .is_some_and(|(who, what)| (who.is_empty() || who.contains('u')) && what.contains('s'))
    })
}

fn owners(call: &Call, context: &Context) -> Option<Found> {
    if call.is_harmless() {
        return None;
    }
    let gives_all = |word: &Word| {
        word.text.split(',').any(|entry| {
            let mut parts = entry.split(':');
            matches!(parts.next(), Some("o" | "other")) && parts.any(|part| part.contains('w'))
        })
    };
    if call.is("setfacl") && call.simple.args().iter().any(gives_all) {
        return Some(OPEN.on(call.text()));
    }
    let is_recursive = call.has("-R|--recursive");
    let skip = usize::from(
        !call.options().iter().any(|option| option.starts_with("--reference")) && !call.is("setfacl"),
    );
    for word in call.operands().iter().skip(skip) {
        let place = place::of(word, call.simple, context.scene);
        let path = place.path(context.scene);
        match place {
            place if is_recursive && is_whole(&place) => return Some(whole(&place, &path)),
            Place::Outside(_) if super::filesystem::is_critical(&path) => {
                return Some(OUTSIDE.on_path(&path));
            }
            Place::Root | Place::System(_) => return Some(OUTSIDE.on_path(&path)),
            Place::Outside(_) if is_recursive && is_systems(&path) => return Some(OUTSIDE.on_path(&path)),
            _ => {}
        }
    }
    None
}
