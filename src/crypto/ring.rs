//! The secrets of the epochs, and the keys that follow from them.
//!
//! ```text
//! S(first)    32 random bytes
//! S(e')       PBKDF2-HMAC-SHA256(S(e) ‖ 32 fresh random bytes; salt = host id ‖ e'; 100,000)
//! K(e, ctx)   HKDF-Expand(S(e), "cs/v1/" ‖ ctx)
//! ```
//! The fresh bytes are thrown away, so no epoch's secret leads to another's: one that was dropped is
//! gone, and one that leaked opens nothing sealed later. A machine that was off for a week goes
//! to today's epoch in one step: nothing was sealed in between, so nothing needs those secrets.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Secret;
use super::identity::HostId;
use super::seal::Key;
use super::text::{checked, close, from_hex, hex, push_hex, secret_text};

/// What a leaked ring costs an attacker to lead on from; a rotation takes some tens of milliseconds, once a day.
const ITERATIONS: u32 = 100_000;

/// The version of the text form that is written.
const FORMAT: u32 = 1;

/// More epochs than days a ring may ever keep: a text with more is damaged.
pub const EPOCHS_MAX: usize = 1_000;

/// A day: whole UTC days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The day of a time in seconds since 1970.
    #[must_use]
    pub fn of(now: u64) -> Self {
        Self(u32::try_from(now / 86_400).unwrap_or(u32::MAX))
    }

    /// As `YYYY-MM-DD`.
    #[must_use]
    pub fn date(self) -> String {
        // Years from March, so that the day that may be missing comes last; 400 of them have 146,097 days.
        let days = u64::from(self.0) + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let of_month = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        format!("{:04}-{month:02}-{of_month:02}", era * 400 + year + next)
    }

    /// The day of a text that [`Self::date`] made.
    #[must_use]
    pub fn of_date(text: &str) -> Option<Self> {
        let parts: Vec<u64> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [year, month, day] = parts[..] else { return None };
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let (year, month) = (year - u64::from(month <= 2), (month + 9) % 12);
        let (era, of_era) = (year / 400, year % 400);
        let of_year = (153 * month + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let epoch = Self(u32::try_from(days.checked_sub(719_468)?).ok()?);
        // 30 February is no day, and `2026-1-01` no date of ours.
        (epoch.date() == text).then_some(epoch)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a key is for. Keys of different contexts tell nothing of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    Events,
    Knowledge,
    Thresholds,
    Audit,
    Projects,
    Mesh,
}

impl Context {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Events, Self::Knowledge, Self::Thresholds, Self::Audit, Self::Projects, Self::Mesh];

    /// As it enters the derivation: part of the format, never to change.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Knowledge => "knowledge",
            Self::Thresholds => "thresholds",
            Self::Audit => "audit",
            Self::Projects => "projects",
            Self::Mesh => "mesh",
        }
    }
}

/// The secrets of a host's epochs. Never empty.
#[derive(Debug)]
pub struct Ring {
    host: HostId,
    /// Changes when a ring is restored: what is counted from then on is another replica's.
    incarnation: u64,
    secrets: BTreeMap<Epoch, Secret<32>>,
}

/// Why a text is no ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error("is of format {0}, which this cs does not know")]
    Newer(u32),
    #[error("is damaged")]
    Damaged,
}

impl Ring {
    /// A first ring, from random bytes.
    #[must_use]
    pub fn new(host: HostId, incarnation: u64, first: Epoch, secret: Secret<32>) -> Self {
        Self { host, incarnation, secrets: BTreeMap::from([(first, secret)]) }
    }

    /// Whose it is.
    #[must_use]
    pub fn host(&self) -> &HostId {
        &self.host
    }

    /// Which life of the host's data this is.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Begins another life, after a restore.
    pub fn reincarnate(&mut self, incarnation: u64) {
        self.incarnation = incarnation;
    }

    /// The epoch that is sealed under.
    #[must_use]
    pub fn newest(&self) -> Epoch {
        *self.secrets.last_key_value().expect("BUG: a ring is never empty").0
    }

    /// The epochs it can open, oldest first.
    pub fn epochs(&self) -> impl Iterator<Item = Epoch> {
        self.secrets.keys().copied()
    }

    /// The key of an epoch for a purpose; `None` when the epoch's secret is not there.
    #[must_use]
    pub fn key(&self, epoch: Epoch, context: Context) -> Option<Key> {
        let secret = self.secrets.get(&epoch)?;
        let expand = Hkdf::<Sha256>::from_prk(secret.expose()).expect("BUG: 32 bytes are enough");
        let mut okm = Zeroizing::new([0; 32]);
        let info = [b"cs/v1/".as_slice(), context.name().as_bytes()];
        expand.expand_multi_info(&info, &mut *okm).expect("BUG: 32 bytes can be had");
        Some(Key::from_bytes(&okm))
    }

    /// The newest epoch with its key.
    #[must_use]
    pub fn newest_key(&self, context: Context) -> (Epoch, Key) {
        let newest = self.newest();
        (newest, self.key(newest, context).expect("BUG: the newest epoch is there"))
    }

    /// Goes on to a later epoch, in one step; `false` when it is there already, or past it.
    pub fn advance(&mut self, to: Epoch, fresh: &Secret<32>) -> bool {
        self.advance_by(to, fresh, ITERATIONS)
    }

    fn advance_by(&mut self, to: Epoch, fresh: &Secret<32>, iterations: u32) -> bool {
        let newest = self.newest();
        if to <= newest {
            return false;
        }
        let mut password = Zeroizing::new([0; 64]);
        password[..32].copy_from_slice(self.secrets[&newest].expose());
        password[32..].copy_from_slice(fresh.expose());
        let salt = [self.host.as_str().as_bytes(), &to.0.to_be_bytes()].concat();
        let mut next = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(&*password, &salt, iterations, &mut next);
        self.secrets.insert(to, Secret::take(&mut next));
        true
    }

    /// Forgets the epochs before `than`; the newest always stays. How many went.
    pub fn drop_older(&mut self, than: Epoch) -> usize {
        let kept = self.secrets.split_off(&than.min(self.newest()));
        std::mem::replace(&mut self.secrets, kept).len()
    }

    /// The text it is kept as.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = secret_text(256 + self.secrets.len() * 96);
        let Self { host, incarnation, secrets } = self;
        let _ = writeln!(text, "cs-ring {FORMAT}\nhost {host}");
        let _ = writeln!(text, "incarnation {}", hex(&incarnation.to_be_bytes()));
        for (epoch, secret) in secrets {
            let _ = write!(text, "epoch {epoch} ");
            push_hex(&mut text, secret.expose());
            text.push('\n');
        }
        close(&mut text);
        text
    }

    /// Reads [`Self::to_text`].
    ///
    /// # Errors
    /// When it is of a newer format, or not whole.
    pub fn parse(text: &[u8]) -> Result<Self, RingError> {
        let text = std::str::from_utf8(text).map_err(|_| RingError::Damaged)?;
        let first = text.lines().next().unwrap_or_default();
        let format = first.strip_prefix("cs-ring ").and_then(|number| number.parse().ok());
        if let Some(newer) = format.filter(|format| *format > FORMAT) {
            return Err(RingError::Newer(newer));
        }
        checked(text).and_then(Self::parse_body).ok_or(RingError::Damaged)
    }

    fn parse_body(body: &str) -> Option<Self> {
        let mut lines = body.lines();
        lines.next().filter(|line| *line == "cs-ring 1")?;
        let host = HostId::parse(lines.next()?.strip_prefix("host ")?)?;
        let incarnation = from_hex(lines.next()?.strip_prefix("incarnation ")?).map(u64::from_be_bytes)?;
        let mut secrets = BTreeMap::new();
        for line in lines {
            let (epoch, secret) = line.strip_prefix("epoch ")?.split_once(' ')?;
            let epoch = epoch.parse().ok().map(Epoch)?;
            if secrets.last_key_value().is_some_and(|(last, _)| *last >= epoch) || secrets.len() == EPOCHS_MAX
            {
                return None;
            }
            secrets.insert(epoch, Secret::take(&mut from_hex(secret)?));
        }
        (!secrets.is_empty()).then_some(Self { host, incarnation, secrets })
    }
}

#[cfg(test)]
mod tests;
