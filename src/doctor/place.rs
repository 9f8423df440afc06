//! What stands where a file is expected: links, owners, modes.

use std::path::{Path, PathBuf};

use super::Finding;

/// What is at the end of a path's links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    File,
    Folder,
    /// A pipe, a socket, a device.
    Other,
    Nothing,
}

/// A path as one look at it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where its links lead, one after the other; empty for what is no link.
    pub hops: Vec<PathBuf>,
    pub end: End,
    /// Of what is at the end.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Whether something can be put in place of what is at the end.
    pub is_replaceable: bool,
    /// Whether others can get to it at all: every folder above lets them through.
    pub is_reachable: bool,
}

/// What the client does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Reads and rewrites it.
    Rewritten,
    /// Only reads it.
    Read,
}

/// Who we are to the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Us {
    pub uid: u32,
}

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;

impl Standing {
    /// Whether there is a file to be read.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.end == End::File
    }

    /// Whether somebody else may write it. A group that bears its user's number is that user's own.
    #[must_use]
    pub fn is_writable_by_others(&self) -> bool {
        self.mode & OTHERS_WRITE != 0 || self.mode & GROUP_WRITE != 0 && self.gid != self.uid
    }

    /// Who else may write it. In a folder where only owners remove what is theirs (`/tmp`), nobody replaces anything.
    #[must_use]
    pub fn other_writers(&self) -> Option<&'static str> {
        let is_restricted = self.end == End::Folder && self.mode & STICKY != 0;
        let who = if self.mode & OTHERS_WRITE != 0 { "everybody" } else { "its group" };
        (self.is_writable_by_others() && !is_restricted).then_some(who)
    }

    /// Whether somebody else may read it.
    #[must_use]
    pub fn is_readable_by_others(&self) -> bool {
        self.is_reachable && (self.mode & 0o004 != 0 || self.mode & 0o040 != 0 && self.gid != self.uid)
    }
}

/// What is wrong with where a file stands.
#[must_use]
pub fn check(path: &Path, standing: &Standing, usage: Use, us: Us) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(links(path, standing, usage));
    match standing.end {
        End::File => found.extend(rights(path, standing, us)),
        End::Nothing => {}
        End::Folder => found.push(
            Finding::error("not-a-file", "is a folder, so Claude Code reads nothing here")
                .remedy("Move it away."),
        ),
        End::Other => found.push(
            Finding::error(
                "not-a-file",
                "is a pipe, a socket or a device, so Claude Code reads nothing here",
            )
            .remedy("Move it away."),
        ),
    }
    found
}

fn links(path: &Path, standing: &Standing, usage: Use) -> Option<Finding> {
    let first = standing.hops.first()?;
    let last = standing.hops.last()?;
    if standing.end == End::Nothing {
        let message =
            format!("is a link to {}, which is not there: to Claude Code it is absent", last.display());
        let remedy = format!("Bring that file back, or remove the link: rm {}", quoted(path));
        return Some(Finding::error("link-dangling", message).remedy(remedy));
    }
    if usage == Use::Read {
        return None;
    }
    if standing.hops.len() > 1 {
        let message = format!(
            "is a link to another link ({}): when Claude Code writes it, the second link turns into a file and the real one goes stale",
            first.display()
        );
        let remedy = format!("Lead it there directly: ln -sfn {} {}", quoted(last), quoted(path));
        return Some(Finding::error("link-two-hops", message).remedy(remedy));
    }
    if !standing.is_replaceable {
        let message = format!(
            "leads to {}, which can't be replaced: Claude Code's own writes fail without a word",
            last.display()
        );
        let remedy =
            format!("Put a file of its own there: cp --remove-destination {} {}", quoted(last), quoted(path));
        return Some(Finding::warning("link-read-only", message).remedy(remedy));
    }
    None
}

/// Whose it is, and who else may write it.
fn rights(path: &Path, standing: &Standing, us: Us) -> Vec<Finding> {
    let mut found = Vec::new();
    // What root owns was put there by the system, as in a Nix store.
    if standing.uid != us.uid && standing.uid != 0 {
        let message = format!("belongs to user {}, and you are user {}", standing.uid, us.uid);
        found.push(
            Finding::warning("owner-foreign", message)
                .remedy(format!("Take it over: cp {0} {0}.mine && mv {0}.mine {0}", quoted(path))),
        );
    }
    if standing.is_writable_by_others() {
        let who = if standing.mode & OTHERS_WRITE != 0 { "everybody" } else { "its group" };
        let message = format!("{who} may write it, and so decide what Claude Code does for you");
        found.push(
            Finding::warning("writable-by-others", message).remedy(format!("chmod go-w {}", quoted(path))),
        );
    }
    found
}

/// A path as it is typed in a command.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+@,:".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn file() -> Standing {
        Standing {
            hops: Vec::new(),
            end: End::File,
            mode: 0o644,
            uid: 1000,
            gid: 1000,
            is_replaceable: true,
            is_reachable: true,
        }
    }

    fn codes(standing: &Standing, usage: Use) -> Vec<&'static str> {
        let found = check(Path::new("/r/settings.json"), standing, usage, Us { uid: 1000 });
        assert!(found.iter().all(|own| !own.remedy.is_empty()));
        found.iter().map(|own| own.code).collect()
    }

    #[test]
    fn a_file_of_ours_is_fine_wherever_one_link_leads() {
        assert!(codes(&file(), Use::Rewritten).is_empty());
        let linked = Standing { hops: vec!["/d/settings.json".into()], ..file() };
        assert!(codes(&linked, Use::Rewritten).is_empty());
    }

    #[test]
    fn links_that_the_client_does_not_bear_are_found() {
        let hops = |hops: &[&str]| Standing { hops: hops.iter().map(PathBuf::from).collect(), ..file() };
        assert_eq!(codes(&hops(&["/a", "/b"]), Use::Rewritten), ["link-two-hops"]);
        assert!(codes(&hops(&["/a", "/b"]), Use::Read).is_empty());
        let dangling = Standing { end: End::Nothing, ..hops(&["/a"]) };
        assert_eq!(codes(&dangling, Use::Read), ["link-dangling"]);
        let stored = Standing { is_replaceable: false, uid: 0, ..hops(&["/nix/store/x/settings.json"]) };
        assert_eq!(codes(&stored, Use::Rewritten), ["link-read-only"]);
    }

    #[test]
    fn what_is_no_file_or_not_ours_is_found() {
        assert_eq!(codes(&Standing { end: End::Folder, ..file() }, Use::Read), ["not-a-file"]);
        assert_eq!(codes(&Standing { end: End::Other, ..file() }, Use::Rewritten), ["not-a-file"]);
        assert_eq!(codes(&Standing { uid: 7, ..file() }, Use::Read), ["owner-foreign"]);
        assert_eq!(codes(&Standing { mode: 0o646, ..file() }, Use::Read), ["writable-by-others"]);
        assert_eq!(codes(&Standing { mode: 0o664, gid: 50, ..file() }, Use::Read), ["writable-by-others"]);
        assert!(codes(&Standing { mode: 0o664, ..file() }, Use::Read).is_empty(), "a group of one's own");
    }

    #[test]
    fn commands_bear_any_path() {
        assert_eq!(quoted(Path::new("/a/b.json")), "/a/b.json");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
