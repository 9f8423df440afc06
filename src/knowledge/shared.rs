//! What this host knows of others, and has told them: `mesh.enc`, sealed like everything else that was learned; and
//! whom it listens to: `trusted`, a text.
//!
//! What was told is never told less of under the same name: a host that finds its own words in a peer's hands and not in
//! its own was restored from a backup, and one that forgot something tells less; both go on as a new incarnation. So no
//! peer has to decide which of two truths is the newer one, and no honest host is taken for a liar.
//!
//! Two machines with one key would do so for ever, each because of the other. A backup comes back once; a host that
//! finds an incarnation which it never began, begins another one, and a few days later finds that this was outdone as well,
//! is one of two. It says nothing any more, and its last word has no rows: by that the other one finds out. The one that
//! gets a key of its own lets go of the old one, under the last number that there is; by that the other one goes on.

mod places;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use places::{Head, Places};

use super::fold::Foreign;
use super::{HostFolder, KeyError, Learning, private};
use crate::crypto::NodeKey;
use crate::crypto::node::NodeId;
use crate::crypto::ring::{Context, Ring};
use crate::crypto::seal;
use crate::mesh::replica::{BundleError, Telling};
use crate::mesh::row::WINDOW_DAYS;
use crate::mesh::state::BYTES_MAX;
use crate::mesh::trust::{self, Entry, TrustError};
use crate::mesh::{Bundle, Mesh, Refused, Rows, Trusted};
use crate::model::Digest;
use crate::model::bytes::Bytes;
use crate::sys::{clock, env, fs};

const FILE: &str = "mesh.enc";
const LOCK: &str = "mesh.lock";
const TRUSTED: &str = "trusted";
const TRUSTED_LOCK: &str = "trusted.lock";
const FORMAT: u8 = 2;

/// So much is sent in a day at most, over all ways together: what hosts tell each other is a trickle.
pub const DAY_BYTES_MAX: usize = 1_000_000;

/// The sealed file, which has a third more bytes than what is in it: twice as much as is ever taken in, since two
/// exchanges at once may each have taken their fill.
const FILE_BYTES_MAX: u64 = 4 * BYTES_MAX as u64;

/// A text of trusted nodes is short.
const TRUSTED_BYTES_MAX: u64 = 1 << 20;

/// A host that was restored finds in one exchange after the other what it had told before. What it has not begun and finds
/// again within so many days is another machine's.
const TWIN_DAYS: u16 = 10;

/// What is said of a key that two machines have.
pub const TWIN: &str =
    "another machine has this host's key, as a copied home has: neither of the two tells anything any more";

/// And what to do about it.
pub const TWIN_REMEDY: &str = "On one of the two: cs identity adopt. It gets a key of its own, which the other hosts then have to trust.";

/// How often, and in milliseconds after how long, another process's exchange is waited for.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE_MS: u64 = 100;

/// Why it can't be had.
#[derive(Debug, Error)]
pub enum SharedError {
    #[error("{} was written by a newer version of cs", .0.display())]
    Newer(PathBuf),
    #[error("{}: {error}", path.display())]
    Trusted { path: PathBuf, error: TrustError },
    #[error("{} belongs to others, or they can write to it: it says whom this host believes", .0.display())]
    Open(PathBuf),
    #[error("{} is no text", .0.display())]
    NoText(PathBuf),
    #[error("another process is exchanging what was learned")]
    Busy,
    #[error("what was learned here can't be told: {0}")]
    Untellable(BundleError),
    #[error("what this host told is refused by itself: {0}")]
    Refused(Box<Refused>),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What this host has told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    incarnation: u32,
    sequence: u64,
    digest: Digest,
}

/// What was seen of another machine that tells under this host's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Twin {
    /// When an incarnation was found last that this host had not begun.
    found: Option<u16>,
    /// Since when it tells nothing for that.
    since: Option<u16>,
}

/// What is known of others, and what was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared {
    pub mesh: Mesh,
    told: Option<Told>,
    twin: Twin,
    /// The key that this host had before, and what it told last under that.
    former: Option<(NodeId, Digest)>,
    places: Places,
    /// How many bytes were sent on a day.
    sent: (u16, u32),
}

/// What there is to tell.
#[derive(Debug)]
pub struct Tale<'a> {
    pub key: &'a NodeKey,
    pub rows: &'a Rows,
    /// A day since 1970.
    pub today: u16,
    /// For how many days anything is kept.
    pub window: u16,
}

/// What was told, and what is told next.
#[derive(Debug)]
pub struct Teller<'a> {
    told: &'a mut Option<Told>,
    twin: &'a mut Twin,
    tale: &'a Tale<'a>,
}

/// Whether by this a host has let go of its key: there is no number after it.
fn is_parting(bundle: &Bundle) -> bool {
    bundle.telling().sequence == u64::MAX && bundle.rows().is_empty()
}

impl Teller<'_> {
    /// Puts this host's own bundle into what is known, made anew where there is something new to tell; of a new
    /// incarnation where what is known of this host, signed with its key, is not what it told. Where another machine tells
    /// under its key, it says so in a last one, and then leaves things as they are.
    ///
    /// # Errors
    /// When there are rows that can't be told.
    pub fn renew(&mut self, mesh: &mut Mesh) -> Result<(), SharedError> {
        let Tale { key, rows, today, window } = *self.tale;
        let node = key.public();
        let newest = mesh.newest(&node).cloned();
        let is_free = newest.as_ref().is_some_and(|newest| is_parting(newest));
        if self.twin.since.is_some() && !is_free {
            return Ok(());
        }
        if is_free {
            *self.twin = Twin::default();
        }
        // That it has told more than it knows of is as good as a fork, and will be one.
        let is_aside = mesh.is_aside(&node) || mesh.has_refused_newer(&node);
        let is_own = newest.as_ref().map(|bundle| bundle.digest()) == self.told.map(|told| told.digest);
        let sign = |incarnation, sequence, rows| {
            let telling = Telling { incarnation, sequence, day: today, window };
            Bundle::sign(key, telling, rows).map_err(SharedError::Untellable)
        };
        let known = newest.as_ref().map(|bundle| bundle.telling());
        let goes_on = known.filter(|_| is_own && !is_aside);
        let next = match (goes_on, &newest) {
            (Some(known), Some(newest)) => {
                let next = sign(known.incarnation, known.sequence + 1, rows)?;
                if next.telling().day == known.day && next.rows() == newest.rows() {
                    return Ok(());
                }
                (next.shrinks(newest).is_none() && next.telling().day >= known.day).then_some(next)
            }
            _ => None,
        };
        let next = match next {
            Some(next) => next,
            None => {
                let told = self.told.map(|told| told.incarnation);
                let last = [known.map(|known| known.incarnation), told].into_iter().flatten().max();
                let is_strange = !is_free && told.is_some() && last > told;
                let is_again = is_strange && self.has_found(known.map_or(0, |known| known.day));
                if is_strange {
                    self.twin.found = Some(today);
                }
                let next = last.unwrap_or(0).checked_add(1);
                // No host has begun so often: where there is no next one, somebody else has counted.
                if is_again || next.is_none() {
                    self.twin.since = Some(today);
                }
                // The other one's last word is enough for both.
                let is_said = newest.is_some_and(|newest| newest.rows().is_empty());
                match (next, self.twin.since.is_some()) {
                    (Some(next), false) => sign(next, 1, rows)?,
                    (Some(next), true) if !is_said => sign(next, 1, &Rows::new())?,
                    _ => return Ok(()),
                }
            }
        };
        let (telling, digest) = (next.telling(), next.digest());
        let own = Trusted::default().with(&node);
        mesh.receive(next, &own, today).map_err(|refused| SharedError::Refused(Box::new(refused)))?;
        *self.told = Some(Told { incarnation: telling.incarnation, sequence: telling.sequence, digest });
        Ok(())
    }

    /// Whether something of the like was found a few days ago, and this was not told before that.
    fn has_found(&self, day: u16) -> bool {
        let is_near = |found: u16| self.tale.today.saturating_sub(found) <= TWIN_DAYS && day >= found;
        self.twin.found.is_some_and(is_near)
    }
}

impl Shared {
    /// Whether what a node told was taken from this very commit of a repository.
    #[must_use]
    pub fn has_head(&self, url: &str, node: &NodeId, commit: &str) -> bool {
        self.mesh.newest(node).is_some()
            && self.places.head(url, node).is_some_and(|own| own.commit == commit)
    }

    /// Whether what lies under a node's ref in a repository tells less than others had heard of it when it was looked at.
    #[must_use]
    pub fn is_old(&self, url: &str, node: &NodeId) -> bool {
        self.places.head(url, node).is_some_and(|head| head.is_old)
    }

    /// Remembers from what in a repository that which some nodes told was taken.
    pub fn put_heads(&mut self, url: &str, today: u16, heads: BTreeMap<NodeId, Head>) {
        self.places.put(url, today, heads);
    }

    /// Forgets under which number this host told last: it begins anew with what it tells next.
    ///
    /// For when what it left in a repository is not there any more: that it was restored from a backup, it and the place,
    /// can't be told then from anything else.
    pub fn begin_anew(&mut self, url: &str, own: &NodeId) {
        self.places.remove(url, own);
        if let Some(told) = &mut self.told {
            told.digest = Digest::of(b"");
        }
    }

    /// Whether this host, or another one, left something in a repository.
    #[must_use]
    pub fn has_left(&self, url: &str, node: &NodeId) -> bool {
        self.places.head(url, node).is_some()
    }

    /// The day since which this host tells nothing, since another machine has its key.
    #[must_use]
    pub const fn twin_since(&self) -> Option<u16> {
        self.twin.since
    }

    /// Whether a bundle under this host's key is its own to leave somewhere.
    #[must_use]
    pub fn is_to_leave(&self, bundle: &[u8]) -> bool {
        self.twin.since.is_none() || self.told.is_some_and(|told| told.digest == Digest::of(bundle))
    }

    /// By what this host let go of the key that it had before, as long as nobody tells anything else under that.
    #[must_use]
    pub fn parting(&self) -> Option<&Bundle> {
        let (former, digest) = self.former?;
        self.mesh.newest(&former).filter(|newest| newest.digest() == digest).map(|newest| &**newest)
    }

    /// Lets go of the key that another machine has as well; whether there is one that has.
    fn part(&mut self, key: &NodeKey, today: u16) -> Result<bool, SharedError> {
        if self.twin.since.is_none() {
            return Ok(false);
        }
        let node = key.public();
        let known = self.mesh.newest(&node).map(|newest| newest.telling().incarnation);
        let last = known.max(self.told.map(|told| told.incarnation)).unwrap_or(0);
        let telling = Telling {
            incarnation: last.saturating_add(1),
            sequence: u64::MAX,
            day: today,
            window: WINDOW_DAYS,
        };
        let parting = Bundle::sign(key, telling, &Rows::new()).map_err(SharedError::Untellable)?;
        let digest = parting.digest();
        // Where there was no incarnation left, the other one can't go on either, and gets a key of its own.
        let is_taken = self.mesh.receive(parting, &Trusted::default().with(&node), today).is_ok();
        self.former = is_taken.then_some((node, digest));
        (self.told, self.twin) = (None, Twin::default());
        Ok(true)
    }

    /// How many bytes may still be sent today.
    #[must_use]
    pub fn may_send(&self, today: u16) -> usize {
        let sent = if self.sent.0 == today { self.sent.1 as usize } else { 0 };
        DAY_BYTES_MAX.saturating_sub(sent)
    }

    /// Counts what was sent today.
    pub fn count_sent(&mut self, today: u16, bytes: usize) {
        if self.sent.0 != today {
            self.sent = (today, 0);
        }
        self.sent.1 = self.sent.1.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// What is known, and who tells of this host.
    pub fn parts<'a>(&'a mut self, tale: &'a Tale<'a>) -> (&'a mut Mesh, Teller<'a>) {
        (&mut self.mesh, Teller { told: &mut self.told, twin: &mut self.twin, tale })
    }

    /// Its bytes, not yet sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT, u8::from(self.told.is_some())];
        if let Some(Told { incarnation, sequence, digest }) = self.told {
            bytes.extend(incarnation.to_le_bytes());
            bytes.extend(sequence.to_le_bytes());
            bytes.extend(digest.to_bytes());
        }
        bytes.extend(self.sent.0.to_le_bytes());
        bytes.extend(self.sent.1.to_le_bytes());
        for day in [self.twin.found, self.twin.since] {
            // The first day of 1970 is none of these.
            bytes.extend(day.unwrap_or(0).to_le_bytes());
        }
        bytes.push(u8::from(self.former.is_some()));
        if let Some((node, digest)) = self.former {
            bytes.extend(node.to_bytes());
            bytes.extend(digest.to_bytes());
        }
        self.places.encode(&mut bytes);
        self.mesh.encode(&mut bytes);
        bytes
    }

    /// What some bytes say.
    ///
    /// # Errors
    /// `true` for bytes of a newer format, `false` for what is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, bool> {
        let mut rest = Bytes(bytes);
        let is_format_1 = match rest.byte() {
            Some(FORMAT) => false,
            Some(1) => true,
            Some(newer) => return Err(newer > FORMAT),
            None => return Err(false),
        };
        let mut told = || match rest.byte()? {
            0 => Some(None),
            1 => Some(Some(Told {
                incarnation: rest.u32()?,
                sequence: rest.u64()?,
                digest: Digest::from_bytes(rest.take(32)?.try_into().ok()?),
            })),
            _ => None,
        };
        let told = told().ok_or(false)?;
        let mut sent = || Some((rest.u16()?, rest.u32()?));
        let sent = sent().ok_or(false)?;
        let mut twin = || {
            let mut day = || rest.u16().map(|day| Some(day).filter(|day| *day > 0));
            Some(Twin { found: day()?, since: day()? })
        };
        let twin = if is_format_1 { Twin::default() } else { twin().ok_or(false)? };
        let mut former = || match rest.byte()? {
            0 => Some(None),
            1 => {
                let node = NodeId::from_bytes(rest.take(32)?.try_into().ok()?)?;
                Some(Some((node, Digest::from_bytes(rest.take(32)?.try_into().ok()?))))
            }
            _ => None,
        };
        let former = if is_format_1 { None } else { former().ok_or(false)? };
        let places = if is_format_1 { Places::skip_format_1 } else { Places::decode };
        let places = places(&mut rest).ok_or(false)?;
        let mesh = Mesh::decode(&mut rest).filter(|_| rest.is_empty()).ok_or(false)?;
        Ok(Self { mesh, told, twin, former, places, sent })
    }
}

/// What lies there.
enum Stored {
    Nothing,
    Token(Vec<u8>),
    /// More than is ever written: it is none of ours, and stands in nobody's way.
    TooMuch,
}

fn stored(host: &HostFolder) -> Result<Stored, SharedError> {
    match private::read_up_to(&host.path.join(FILE), FILE_BYTES_MAX) {
        Ok(token) => Ok(token.map_or(Stored::Nothing, Stored::Token)),
        Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Stored::TooMuch),
        Err(error) => Err(error.into()),
    }
}

/// What is known of others; nothing where nothing is kept, or nothing that can be read: they tell it again.
///
/// # Errors
/// When it is of a newer format, or something is there that can't be read.
pub fn read(host: &HostFolder, ring: &Ring, now: u64) -> Result<Shared, SharedError> {
    let path = host.path.join(FILE);
    let Stored::Token(token) = stored(host)? else { return Ok(Shared::default()) };
    let Some(plain) = private::open(ring, Context::Mesh, &token, now) else { return Ok(Shared::default()) };
    match Shared::decode(&plain) {
        Ok(shared) => Ok(shared),
        Err(true) => Err(SharedError::Newer(path)),
        Err(false) => Ok(Shared::default()),
    }
}

/// Whether what others told is there and can't be read: they tell it again, and until then nothing of it counts.
///
/// # Errors
/// When something is there that can't be looked at.
pub fn is_lost(host: &HostFolder, ring: &Ring, now: u64) -> Result<bool, SharedError> {
    let token = match stored(host)? {
        Stored::Token(token) => token,
        Stored::Nothing => return Ok(false),
        Stored::TooMuch => return Ok(true),
    };
    let plain = private::open(ring, Context::Mesh, &token, now);
    Ok(plain.is_none_or(|plain| Shared::decode(&plain) == Err(false)))
}

fn write(host: &HostFolder, ring: &Ring, shared: &Shared, now: u64) -> Result<(), SharedError> {
    let (_, key) = ring.newest_key(Context::Mesh);
    let token = seal::seal(&key, &shared.encode(), now - now % 86_400);
    Ok(private::replace(&host.path.join(FILE), token.as_bytes(), true)?)
}

/// Changes what is known of others, under a lock; what is kept is what `change` left, also where it failed.
///
/// # Errors
/// When it can't be read or written, or another process is at it all the time.
pub fn with<T>(host: &HostFolder, now: u64, change: impl FnOnce(&mut Shared) -> T) -> Result<T, SharedError> {
    let _lock = lock(host)?;
    let ring = host.ring()?;
    let mut shared = read(host, &ring, now)?;
    let before = shared.clone();
    let result = change(&mut shared);
    // The keys may have changed while somebody was talked to.
    let newer = host.ring()?;
    if shared != before || newer.newest() != ring.newest() {
        write(host, &newer, &shared, now)?;
    }
    Ok(result)
}

/// Lets go of this host's key where another machine has it as well, and makes one of its own; whether it did. What was
/// learned stays.
///
/// # Errors
/// When it can't be read or written.
pub fn part(learning: &Learning, host: &HostFolder, now: u64) -> Result<bool, SharedError> {
    let _lock = learning.open()?;
    let key = host.node()?;
    let today = u16::try_from(now / 86_400).unwrap_or(u16::MAX);
    // Killed before there is another key, it is a host that begins anew: it is found out again.
    let has_parted = with(host, now, |shared| shared.part(&key, today)).flatten()?;
    if has_parted {
        host.renew_node()?;
    }
    Ok(has_parted)
}

/// What other hosts know, and who is listened to; nothing where nobody is.
///
/// # Errors
/// When the list of trusted hosts, or what they told, can't be read.
pub fn foreign(
    learning: &Learning,
    host: &HostFolder,
    ring: &Ring,
    now: u64,
) -> Result<Option<Foreign>, SharedError> {
    let (_, entries) = trusted(learning)?;
    if entries.is_empty() || fs::lstat(&host.path.join(FILE))?.is_none() {
        return Ok(None);
    }
    let own = host.node()?.public();
    let trust = Trusted::of(&entries).with(&own);
    Ok(Some(Foreign { mesh: read(host, ring, now)?.mesh, trust, own }))
}

/// Seals it anew under the newest key, and forgets what no longer counts.
///
/// # Errors
/// When it can't be written. What is of a newer format is left alone.
pub fn keep_up(host: &HostFolder, ring: &Ring, now: u64) -> Result<(), SharedError> {
    let path = host.path.join(FILE);
    if fs::lstat(&path)?.is_none() {
        return Ok(());
    }
    // Who has it now seals it anew with what it gets.
    let Some(_lock) = fs::try_lock(&host.path.join(LOCK))? else { return Ok(()) };
    let mut shared = match read(host, ring, now) {
        Ok(shared) => shared,
        Err(SharedError::Newer(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    shared.mesh.expire(u16::try_from(now / 86_400).unwrap_or(u16::MAX));
    let Shared { mesh, places, former, .. } = &mut shared;
    places.retain(|node| mesh.newest(node).is_some());
    *former = former.filter(|(node, _)| mesh.newest(node).is_some());
    write(host, ring, &shared, now)
}

fn lock(host: &HostFolder) -> Result<fs::FileLock, SharedError> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = fs::try_lock(&host.path.join(LOCK))? {
            return Ok(lock);
        }
        clock::pause_ms(LOCK_PAUSE_MS);
    }
    Err(SharedError::Busy)
}

/// Where the trusted nodes of this user are written down.
#[must_use]
pub fn trusted_path(learning: &Learning) -> PathBuf {
    learning.path.join(TRUSTED)
}

/// The text of the trusted nodes, and what it says. There is none before the first.
///
/// # Errors
/// When it can't be read, or says anything else.
pub fn trusted(learning: &Learning) -> Result<(String, Vec<Entry>), SharedError> {
    let path = trusted_path(learning);
    // Whoever can write it says whom this host believes: it is held to what keys are held to, but for being read.
    let Some((text, stat)) = fs::read_with_stat_if_there(&path, TRUSTED_BYTES_MAX)? else {
        return Ok((String::new(), Vec::new()));
    };
    if stat.uid != env::uid() || stat.mode & 0o022 != 0 {
        return Err(SharedError::Open(path));
    }
    let text = String::from_utf8(text).map_err(|_| SharedError::NoText(path.clone()))?;
    // Some editors put a mark before a text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    let entries = trust::parse(&text).map_err(|error| SharedError::Trusted { path, error })?;
    Ok((text, entries))
}

/// Changes that text, one after the other who wants to; what `change` gives beside the new text.
///
/// # Errors
/// When it can't be read or written; or what `change` says, and then nothing is changed.
pub fn edit_trusted<T, E>(
    learning: &Learning,
    change: impl Fn(&str) -> Result<(String, T), E>,
) -> Result<Result<T, E>, SharedError> {
    if fs::lstat(&learning.path)?.is_none() {
        // What can't be written makes no folder either.
        if let Err(error) = change("") {
            return Ok(Err(error));
        }
        drop(learning.open()?);
    }
    private::make_folder(&learning.path)?;
    let _lock = private::lock(&learning.path.join(TRUSTED_LOCK))?;
    let (text, _) = trusted(learning)?;
    Ok(match change(&text) {
        Ok((edited, result)) => {
            private::replace(&trusted_path(learning), edited.as_bytes(), true)?;
            Ok(result)
        }
        Err(error) => Err(error),
    })
}

#[cfg(test)]
mod tests;
