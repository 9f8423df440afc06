//! Ring, node key and binding of one host.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::KeyError;
use super::calendar::{self, Reading, Sealed};
use super::private;
use crate::crypto::identity::{Binding, BindingError};
use crate::crypto::node::NodeError;
use crate::crypto::ring::RingError;
use crate::crypto::{Epoch, HostId, NodeKey, Ring, Secret};
use crate::model::limits;
use crate::sys::fs::Stat;
use crate::sys::{fs, random};

/// One host's folder: `learning/HOST-ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFolder {
    pub path: PathBuf,
    pub id: HostId,
}

/// What a rotation came to.
#[derive(Debug)]
pub struct Rotation {
    pub ring: Ring,
    pub outcome: Outcome,
    /// Whether the clock shows a day that can be: nothing is to be destroyed where it doesn't.
    pub is_clock_believed: bool,
}

/// Whether there is a new epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    New,
    /// The ring is at this day already, or past it.
    UpToDate,
}

impl HostFolder {
    pub(super) fn new(learning: &Path, id: HostId) -> Self {
        Self { path: learning.join(id.as_str()), id }
    }

    fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// Where the ring is.
    #[must_use]
    pub fn ring_path(&self) -> PathBuf {
        self.keys().join("ring")
    }

    /// The ring that was there before a restore.
    pub(super) fn ring_aside_path(&self) -> PathBuf {
        self.keys().join("ring.before-restore")
    }

    fn node_path(&self) -> PathBuf {
        self.keys().join("node")
    }

    fn binding_path(&self) -> PathBuf {
        self.path.join("binding")
    }

    /// The key ring.
    ///
    /// # Errors
    /// `Absent` when there is none and nothing was sealed, and only then; everything else is a failure of its own.
    pub fn ring(&self) -> Result<Ring, KeyError> {
        self.ring_if_there()?.ok_or_else(|| self.no_ring())
    }

    fn no_ring(&self) -> KeyError {
        match self.has_sealed() {
            Ok(false) => KeyError::Absent(self.ring_path()),
            Ok(true) => KeyError::SealedWithoutRing(self.path.clone()),
            Err(error) => error,
        }
    }

    /// The key ring, and a way to tell whether it is the newest there is.
    ///
    /// # Errors
    /// As [`Self::ring`].
    pub fn ring_with_stat(&self) -> Result<(Ring, Stat), KeyError> {
        self.ring_and_stat_if_there()?.ok_or_else(|| self.no_ring())
    }

    fn ring_if_there(&self) -> Result<Option<Ring>, KeyError> {
        Ok(self.ring_and_stat_if_there()?.map(|(ring, _)| ring))
    }

    fn ring_and_stat_if_there(&self) -> Result<Option<(Ring, Stat)>, KeyError> {
        let path = self.ring_path();
        if !private::check_folder(&self.path)? || !private::check_folder(&self.keys())? {
            return Ok(None);
        }
        let Some((text, stat)) = private::read_with_stat(&path)? else { return Ok(None) };
        let text = zeroize::Zeroizing::new(text);
        Ok(Some((self.parse_ring(&path, &text)?, stat)))
    }

    fn parse_ring(&self, path: &Path, text: &[u8]) -> Result<Ring, KeyError> {
        let path = || path.to_owned();
        let ring = Ring::parse(text).map_err(|error| match error {
            RingError::Newer(_) => KeyError::Newer(path()),
            RingError::Damaged => KeyError::Damaged(path()),
        })?;
        if *ring.host() != self.id {
            let (found, wanted) = (ring.host().clone(), self.id.clone());
            return Err(KeyError::OtherHost { path: path(), found, wanted });
        }
        Ok(ring)
    }

    /// Whether anything sealed lies here, at any depth.
    fn has_sealed(&self) -> Result<bool, KeyError> {
        let is_sealed = |path: &PathBuf| path.extension() == Some(OsStr::new("enc"));
        Ok(fs::lstat(&self.path)?.is_some() && fs::walk(&self.path)?.iter().any(is_sealed))
    }

    /// The ring, made if there is none and nothing was ever sealed. Under the lock of `learning/`.
    pub(super) fn make_ring(&self, now: u64) -> Result<(), KeyError> {
        private::make_folder(&self.path)?;
        private::make_folder(&self.keys())?;
        let _lock = self.lock()?;
        if self.ring_if_there()?.is_some() {
            return Ok(());
        }
        if self.has_sealed()? {
            return Err(KeyError::SealedWithoutRing(self.path.clone()));
        }
        let secret = Secret::take(&mut random::bytes()?);
        let incarnation = u64::from_be_bytes(random::bytes()?);
        self.write_ring(&Ring::new(self.id.clone(), incarnation, Epoch::of(now), secret))
    }

    fn write_ring(&self, ring: &Ring) -> Result<(), KeyError> {
        private::write(&self.ring_path(), ring.to_text().as_bytes())
    }

    fn lock(&self) -> Result<fs::FileLock, KeyError> {
        private::lock(&self.keys().join("lock"))
    }

    /// Today's epoch, durable in the ring before it is returned, as far as the clock is believed
    /// ([`super::calendar`]). Give the days on which what lies here was sealed.
    ///
    /// # Errors
    /// When the ring can't be read or written; the old one is there still.
    pub fn rotate(&self, now: u64, sealed: &Sealed) -> Result<Rotation, KeyError> {
        self.ring()?;
        let _lock = self.lock()?;
        let mut ring = self.ring()?;
        let Reading { next, is_believed } = calendar::read(Epoch::of(now), ring.newest(), sealed);
        let outcome = match next {
            Some(next) => {
                ring.advance(next, &Secret::take(&mut random::bytes()?));
                self.write_ring(&ring)?;
                Outcome::New
            }
            None => Outcome::UpToDate,
        };
        Ok(Rotation { ring, outcome, is_clock_believed: is_believed })
    }

    /// The next epoch now, whatever the day: for after a leak. A clock that is far ahead is not asked: data
    /// grow old by epochs.
    ///
    /// # Errors
    /// When the ring can't be read or written; the old one is there still.
    pub fn rotate_now(&self, now: u64) -> Result<Ring, KeyError> {
        self.ring()?;
        let _lock = self.lock()?;
        let mut ring = self.ring()?;
        let newest = ring.newest().0;
        let today = Some(Epoch::of(now).0)
            .filter(|today| *today <= newest.saturating_add(limits::CLOCK_JUMP_DAYS_MAX));
        let next = Epoch(newest.saturating_add(1).max(today.unwrap_or_default()));
        ring.advance(next, &Secret::take(&mut random::bytes()?));
        self.write_ring(&ring)?;
        Ok(ring)
    }

    /// Forgets, for good, the keys of the epochs before `than`; the newest stays. How many went.
    ///
    /// # Errors
    /// When the ring can't be read or written; then nothing is forgotten.
    pub fn drop_keys(&self, than: Epoch) -> Result<usize, KeyError> {
        self.ring()?;
        let _lock = self.lock()?;
        let mut ring = self.ring()?;
        let dropped = ring.drop_older(than);
        if dropped > 0 {
            self.write_ring(&ring)?;
        }
        Ok(dropped)
    }

    /// Writes the ring to a file of one's own, for [`Self::restore`].
    ///
    /// # Errors
    /// When something is there already, or it can't be written.
    pub fn export(&self, file: &Path) -> Result<(), KeyError> {
        fs::write_new(file, self.ring()?.to_text().as_bytes(), 0o600)?;
        Ok(fs::sync(file)?)
    }

    /// Takes an exported ring in the place of one that is lost or damaged, and begins a new
    /// incarnation. A ring that can be read and has data is not replaced. What was there is kept beside it.
    ///
    /// # Errors
    /// When the file is no ring of this host's, or the ring that is there is in use.
    pub fn restore(&self, file: &Path) -> Result<Ring, KeyError> {
        let bytes = fs::read(file, limits::KEY_FILE_BYTES_MAX)?;
        let mut ring = self.parse_ring(file, &zeroize::Zeroizing::new(bytes))?;
        ring.reincarnate(u64::from_be_bytes(random::bytes()?));
        private::make_folder(&self.path)?;
        private::make_folder(&self.keys())?;
        let _lock = self.lock()?;
        match self.ring_if_there() {
            Ok(Some(_)) if self.has_sealed()? => return Err(KeyError::InUse(self.ring_path())),
            Ok(Some(_)) | Err(KeyError::Damaged(_)) => {
                fs::rename(&self.ring_path(), &self.ring_aside_path())?;
            }
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        self.write_ring(&ring)?;
        Ok(ring)
    }

    /// The node key.
    ///
    /// # Errors
    /// `Absent` when there is none, and only then.
    pub fn node(&self) -> Result<NodeKey, KeyError> {
        self.node_if_there()?.ok_or_else(|| KeyError::Absent(self.node_path()))
    }

    fn node_if_there(&self) -> Result<Option<NodeKey>, KeyError> {
        let path = self.node_path();
        let Some(text) = private::read(&path)?.map(zeroize::Zeroizing::new) else { return Ok(None) };
        NodeKey::parse(&text).map(Some).map_err(|error| match error {
            NodeError::Newer => KeyError::Newer(path),
            NodeError::Damaged => KeyError::Damaged(path),
        })
    }

    pub(super) fn make_node(&self) -> Result<(), KeyError> {
        if self.node_if_there()?.is_some() {
            return Ok(());
        }
        self.renew_node()
    }

    /// Another node key in the place of the one that is there.
    pub(super) fn renew_node(&self) -> Result<(), KeyError> {
        let node = NodeKey::new(&Secret::take(&mut random::bytes()?));
        private::write(&self.node_path(), node.to_text().as_bytes())
    }

    /// What the host was enrolled with; `None` when that was never written.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn binding(&self) -> Result<Option<Binding>, KeyError> {
        let path = self.binding_path();
        let Some(text) = private::read(&path)? else { return Ok(None) };
        Binding::parse(&text).map(Some).map_err(|error| match error {
            BindingError::Newer(_) => KeyError::Newer(path),
            BindingError::Damaged => KeyError::Damaged(path),
        })
    }

    pub(super) fn bind(&self, binding: &Binding) -> Result<(), KeyError> {
        private::write(&self.binding_path(), binding.to_text().as_bytes())
    }

    /// Whether this host may share what it knows: not while its folder is a copy that nobody adopted.
    ///
    /// # Errors
    /// When the binding can't be read.
    pub fn may_share(&self) -> Result<bool, KeyError> {
        Ok(self.binding()?.is_some_and(|binding| binding.copied_from.is_none()))
    }
}
