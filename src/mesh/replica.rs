//! One host's rows as they travel: whose they are, which telling it is, and the signature over all of it.
//!
//! ```text
//! format 1 │ node key 32 │ incarnation u32 │ sequence u64 │ day u16 │ how many days it tells of u8 │ rows │ signature 64
//! ```

use crate::crypto::NodeKey;
use crate::crypto::node::NodeId;
use crate::model::Digest;
use crate::model::bytes::Bytes;

use super::row::{self, RowError, Rows, WINDOW_DAYS};

/// A bundle larger than this is none: one of 2,000 forms, all of them used every day, has some 100 KiB.
pub const BUNDLE_BYTES_MAX: usize = 1 << 20;

/// A bundle that is older than this, in days, has nothing in it that still counts.
pub const AGE_DAYS_MAX: u16 = 31;

/// How far a host's clock may be ahead of another's, in days.
pub const GRACE_DAYS: u16 = 1;

/// What bundles are signed in: a signature of one is worth nothing elsewhere, nor one of anything else here.
pub const DOMAIN: &str = "mesh-bundle";

const FORMAT: u8 = 1;
const SIGNATURE_BYTES: usize = 64;

/// A host as long as what it tells only grows. After a restore, or when something is forgotten, it is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    pub node: NodeId,
    pub incarnation: u32,
}

/// Why bytes are no bundle, or a bundle can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle has {0} bytes, and {BUNDLE_BYTES_MAX} are the most")]
    TooLarge(usize),
    #[error("the bundle is of format {0}, which this cs does not know: a newer cs made it")]
    Newer(u8),
    #[error("the bundle is damaged")]
    Damaged,
    #[error("the bundle is not signed by the node that it names")]
    Unsigned,
    #[error("the bundle is {0} days old, and nothing in it counts any more")]
    Old(u16),
    #[error("the bundle is dated {0} days ahead: the clock of that host is wrong, or the one here")]
    Future(u16),
    #[error("the bundle is signed, but {0}: a newer cs made it, or something that is no cs")]
    Rows(#[from] RowError),
}

/// What a host has told, verified: there is no other way to come by one than to sign or to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    node: NodeId,
    telling: Telling,
    rows: Rows,
    signature: [u8; SIGNATURE_BYTES],
    digest: Digest,
    size: usize,
}

/// Which telling of a host a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    pub incarnation: u32,
    /// Each of an incarnation has a higher one than those before.
    pub sequence: u64,
    /// When: a day since 1970.
    pub day: u16,
    /// How many days are told of, as many as are kept, up to [`WINDOW_DAYS`]: older ones may go missing.
    pub window: u16,
}

impl Bundle {
    /// What a host tells. Where it is more than a bundle holds, it is told of fewer days.
    ///
    /// # Errors
    /// When not even one day fits, or the rows are none that anybody would take.
    pub fn sign(key: &NodeKey, telling: Telling, rows: &Rows) -> Result<Self, BundleError> {
        let mut window = telling.window.clamp(1, WINDOW_DAYS);
        loop {
            let mut bytes = body(key.public(), Telling { window, ..telling }, rows);
            bytes.extend(key.sign(DOMAIN, &bytes));
            match Self::open(&bytes, telling.day) {
                Err(BundleError::TooLarge(_) | BundleError::Rows(RowError::TooMany(_))) if window > 1 => {
                    window -= 1;
                }
                opened => return opened,
            }
        }
    }

    /// The bundle of some bytes, whoever they are from.
    ///
    /// # Errors
    /// When it is not whole, not signed, or says what can't be; which of these.
    pub fn open(bytes: &[u8], today: u16) -> Result<Self, BundleError> {
        Self::read(bytes, Some(today))
    }

    /// One that was opened before, on whatever day.
    ///
    /// # Errors
    /// As [`Self::open`], but for its age.
    pub fn reopen(bytes: &[u8]) -> Result<Self, BundleError> {
        Self::read(bytes, None)
    }

    fn read(bytes: &[u8], today: Option<u16>) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        match bytes.first() {
            Some(&FORMAT) => {}
            // Anything may begin with any byte; so many formats there will not be soon.
            Some(newer) if (FORMAT + 1..FORMAT + 16).contains(newer) => {
                return Err(BundleError::Newer(*newer));
            }
            _ => return Err(BundleError::Damaged),
        }
        let (body, signature) = bytes.split_last_chunk().ok_or(BundleError::Damaged)?;
        let mut rest = Bytes(body.get(1..).ok_or(BundleError::Damaged)?);
        let node = rest.take(32).and_then(|node| NodeId::from_bytes(node.try_into().ok()?));
        let node = node.ok_or(BundleError::Damaged)?;
        // Before anything is made of what it says.
        if !node.verify(DOMAIN, body, signature) {
            return Err(BundleError::Unsigned);
        }
        let mut head = || Some((rest.u32()?, rest.u64()?, rest.u16()?, u16::from(rest.byte()?)));
        let (incarnation, sequence, day, window) = head().ok_or(BundleError::Damaged)?;
        today.map_or(Ok(()), |today| check_day(day, today))?;
        if !(1..=WINDOW_DAYS).contains(&window) {
            return Err(BundleError::Damaged);
        }
        let rows = row::decode(&mut rest, day, window)?;
        if !rest.is_empty() {
            return Err(BundleError::Damaged);
        }
        let telling = Telling { incarnation, sequence, day, window };
        Ok(Self { node, telling, rows, signature: *signature, digest: Digest::of(bytes), size: bytes.len() })
    }

    /// Its bytes: those that it was opened from.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let Self { node, telling, rows, signature, digest: _, size: _ } = self;
        let mut bytes = body(*node, *telling, rows);
        bytes.extend(signature);
        bytes
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whose it is.
    #[must_use]
    pub fn replica(&self) -> Replica {
        Replica { node: self.node, incarnation: self.telling.incarnation }
    }

    /// Which of that host's it is.
    #[must_use]
    pub fn telling(&self) -> Telling {
        self.telling
    }

    /// What it tells.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The digest of all its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether it is not too old yet, nor of a day that is to come.
    ///
    /// # Errors
    /// When it is; which.
    pub fn check_day(&self, today: u16) -> Result<(), BundleError> {
        check_day(self.telling.day, today)
    }

    /// A day of which an earlier one counted more than this: it was taken back. What is too old to be told of, or was
    /// not kept so long, may be missing. A host that finds its own next bundle to shrink begins a new incarnation.
    #[must_use]
    pub fn shrinks(&self, earlier: &Self) -> Option<u16> {
        let Telling { day: own, window, .. } = self.telling;
        let fell_out = |day: u16| day < own && !row::is_within(day, own, window);
        let days = earlier.rows.iter().flat_map(|(key, row)| row.days.iter().map(move |own| (key, own)));
        days.filter(|(_, (day, _))| !fell_out(**day)).find_map(|(key, (day, before))| {
            let now = self.rows.get(key).and_then(|row| row.days.get(day)).copied().unwrap_or_default();
            let is_less = now.ok < before.ok || now.failed < before.failed || now.taught < before.taught;
            is_less.then_some(*day)
        })
    }
}

/// What is signed.
fn body(node: NodeId, telling: Telling, rows: &Rows) -> Vec<u8> {
    let Telling { incarnation, sequence, day, window } = telling;
    let mut bytes = vec![FORMAT];
    bytes.extend(node.to_bytes());
    bytes.extend(incarnation.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(day.to_le_bytes());
    bytes.push(u8::try_from(window).expect("BUG: it is a month at most"));
    row::encode(rows, day, window, &mut bytes);
    bytes
}

fn check_day(day: u16, today: u16) -> Result<(), BundleError> {
    match (today.saturating_sub(day), day.saturating_sub(today)) {
        (age, _) if age > AGE_DAYS_MAX => Err(BundleError::Old(age)),
        (_, ahead) if ahead > GRACE_DAYS => Err(BundleError::Future(ahead)),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests;
