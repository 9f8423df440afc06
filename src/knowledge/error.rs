//! What can go wrong with keys and the folders they lie in. None of it is ever mended by making
//! a new key: only "there is none, and nothing was sealed" leads to one.

use std::io;
use std::path::PathBuf;

use crate::crypto::HostId;

/// Why keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("there is no key ring: {} is missing", .0.display())]
    Absent(PathBuf),
    #[error("there is sealed data in {}, but the key ring is missing", .0.display())]
    SealedWithoutRing(PathBuf),
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
    #[error("{} was written by a newer cs", .0.display())]
    Newer(PathBuf),
    #[error("{} belongs to host {found}, not to {wanted}", .path.display())]
    OtherHost { path: PathBuf, found: HostId, wanted: HostId },
    #[error("{} is not {wanted}", .path.display())]
    NotOurs { path: PathBuf, wanted: &'static str },
    #[error("{} belongs to user {owner}, and you are user {us}", .path.display())]
    ForeignOwner { path: PathBuf, owner: u32, us: u32 },
    #[error("others may read {} (mode {mode:o})", .path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("another cs is at work on {}", .0.display())]
    Locked(PathBuf),
    #[error("there is a key ring in {}, and data sealed with it", .0.display())]
    InUse(PathBuf),
}

impl KeyError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Io(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "The disk is full: free some space and try again.".to_owned()
                }
                io::ErrorKind::PermissionDenied => {
                    "Look at who owns it (ls -ld) and whether you may read and write there.".to_owned()
                }
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    "Nothing was changed. Look whether the path is right.".to_owned()
                }
                io::ErrorKind::AlreadyExists => {
                    "Nothing was changed. Name a file that is not there yet.".to_owned()
                }
                _ => "Nothing was made in its place. If it fails again, look at what the system says of the \
                      disk (dmesg)."
                    .to_owned(),
            },
            Self::Absent(_) => "`cs identity adopt` makes what is missing.".to_owned(),
            Self::SealedWithoutRing(folder) => format!(
                "A new ring could not open it, so none is made. Put the ring back: cs keys restore FILE. Without \
                 a copy of it that data is lost: remove the .enc files in {} to begin anew.",
                folder.display()
            ),
            Self::Damaged(path) => format!(
                "Nothing was made in its place. Restore it from a copy (for the ring: cs keys restore FILE), or move \
                 {} away to begin anew, without what was sealed.",
                path.display()
            ),
            Self::Newer(_) => "Update cs on this machine; this one leaves the file as it is.".to_owned(),
            Self::OtherHost { .. } => {
                "A ring only fits the host it was made for: run this there, or move the file away.".to_owned()
            }
            Self::NotOurs { path, .. } => {
                format!("cs did not put it there and does not follow links. Move {} away.", path.display())
            }
            Self::ForeignOwner { .. } => {
                "Run cs as that user (under sudo HOME may still be yours: use sudo -H, or no sudo at all)."
                    .to_owned()
            }
            Self::Exposed { path, .. } => format!(
                "Close it: chmod go= {}   If somebody may have read it: cs keys rotate, too.",
                path.display()
            ),
            Self::Locked(_) => "Wait for it to end, then try again.".to_owned(),
            Self::InUse(folder) => format!(
                "Nothing was changed: what was sealed could not be opened any more. To go back to the copy all the \
                 same, move {} away.",
                folder.display()
            ),
        }
    }
}
