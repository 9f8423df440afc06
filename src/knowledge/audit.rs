//! The audit trail's records: what happened, from a closed list.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The guard had a person asked.
    Asked,
    /// The guard refused.
    Denied,
    /// A day had more events than are kept: from here on some were left out.
    Sampled,
    /// Lines of a journal were damaged or torn.
    Damaged,
    /// A new epoch began.
    Rotated,
    /// A key was destroyed.
    KeyDropped,
    /// A hook gave up on what it had to do: a panic, a store that could not be read.
    GaveUp,
    /// The snapshot was damaged: its predecessor serves, if there is one, and the journals.
    SnapshotDamaged,
    /// The machine has another system than it had.
    HostChanged,
    /// Something was exchanged with other hosts; how many bundles came of it.
    Exchanged,
    /// Bundles of other hosts were not taken; how many.
    NotTaken,
    /// Nothing of some other hosts counts any more: each told two things under one number; how many.
    SetAside,
    /// A host was trusted.
    Trusted,
    /// A host was trusted no more.
    Revoked,
    /// Another machine was found to have this host's key.
    Twin,
}

impl What {
    /// All there are; the place is the code on disk, so new ones go last.
    pub const ALL: [Self; 15] = [
        Self::Asked,
        Self::Denied,
        Self::Sampled,
        Self::Damaged,
        Self::Rotated,
        Self::KeyDropped,
        Self::GaveUp,
        Self::SnapshotDamaged,
        Self::HostChanged,
        Self::Exchanged,
        Self::NotTaken,
        Self::SetAside,
        Self::Trusted,
        Self::Revoked,
        Self::Twin,
    ];

    fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|what| *what == self).expect("BUG: all are listed");
        u8::try_from(place).expect("BUG: there are few")
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Denied => "denied",
            Self::Sampled => "sampled",
            Self::Damaged => "damaged-records",
            Self::Rotated => "rotated",
            Self::KeyDropped => "key-dropped",
            Self::GaveUp => "gave-up",
            Self::SnapshotDamaged => "snapshot-damaged",
            Self::HostChanged => "host-changed",
            Self::Exchanged => "exchanged",
            Self::NotTaken => "not-taken",
            Self::SetAside => "set-aside",
            Self::Trusted => "trusted",
            Self::Revoked => "revoked",
            Self::Twin => "twin",
        }
    }
}

/// One entry of the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Minutes since 1970: what was done to the second would tell more than a trail has to.
    pub minute: u32,
    pub what: What,
    /// The guard's family, as [`code_of`] its name; or how many; 0 where there is neither.
    pub detail: u32,
}

const VERSION: u8 = 1;

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 10;

impl Entry {
    /// An entry of now.
    #[must_use]
    pub fn new(now: u64, what: What, detail: u32) -> Self {
        Self { minute: u32::try_from(now / 60).unwrap_or(u32::MAX), what, detail }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [VERSION, self.what.code(), 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[2..6].copy_from_slice(&self.minute.to_le_bytes());
        bytes[6..].copy_from_slice(&self.detail.to_le_bytes());
        bytes
    }

    /// The entry of some bytes; `None` for what this version does not know.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ENTRY_BYTES] = bytes.try_into().ok()?;
        let [VERSION, code, m0, m1, m2, m3, d0, d1, d2, d3] = *bytes else { return None };
        let what = *What::ALL.get(usize::from(code))?;
        let (minute, detail) = (u32::from_le_bytes([m0, m1, m2, m3]), u32::from_le_bytes([d0, d1, d2, d3]));
        Some(Self { minute, what, detail })
    }
}

/// A family's name as a number (FNV-1a, 32 bits): names are compiled in, so it can be looked up again.
#[must_use]
pub fn code_of(family: &str) -> u32 {
    family.bytes().fold(0x811C_9DC5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back() {
        for what in What::ALL {
            let entry = Entry::new(1_767_268_800, what, code_of("git"));
            assert_eq!(Entry::decode(&entry.encode()), Some(entry));
        }
        let mut newer = Entry::new(0, What::Asked, 0).encode();
        newer[0] = 2;
        assert_eq!((Entry::decode(&newer), Entry::decode(b"")), (None, None));
    }
}
