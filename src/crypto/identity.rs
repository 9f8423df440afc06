//! Which machine this is, and whether it still is the one it was.
//!
//! A *source* is something the machine says of itself, in one canonical spelling; what a vendor
//! left blank, what an emulator made up and what only root may read is none. The host id is
//! an HMAC over the strongest sources there are, computed once and kept with its *tier*: how
//! strong they were. A *binding* is a salted mark of each source, kept beside the keys; comparing
//! it with today's sources tells a reinstalled system from a home folder that was copied.

use std::fmt;

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::keyed_digest;
use super::text::{from_hex, hex};

/// The version of the binding that is written.
const FORMAT: u32 = 1;

/// What vendors and emulators write where an identifier should be, lower case.
const PLACEHOLDERS: &[&str] = &[
    "to be filled by o.e.m.",
    "default string",
    "system serial number",
    "base board serial number",
    "not specified",
    "not applicable",
    "not available",
    "not settable",
    "none",
    "n/a",
    "na",
    "null",
    "unknown",
    "invalid",
    "empty",
    "oem",
    "o.e.m.",
    "serial",
    "serial number",
    "uninitialized",
    "0123456789",
    "123456789",
    "1234567890",
    "03000200-0400-0500-0006-000700080009",
];

/// Disks that an emulator or a cloud made up; in `NVMe` names the vendor stands in hex.
const EMULATED_DISKS: &[&str] = &[
    "qemu",
    "vbox",
    "vmware",
    "virtual",
    "msft",
    "google",
    "amazon",
    "51454d55",
    "56424f58",
    "564d77617265",
    "416d617a6f6e",
    "476f6f676c65",
];

/// The first bytes of the network addresses that emulators hand out.
const EMULATED_MACS: &[&str] = &[
    "00:05:69", "00:0c:29", "00:1c:14", "00:50:56", "00:03:ff", "00:15:5d", "00:0d:3a", "00:22:48",
    "7c:1e:52", "00:16:3e", "08:00:27", "0a:00:27", "00:1c:42", "00:0f:4b", "00:21:f6",
];

/// A host's name for itself: `cs-` and 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostId(String);

impl HostId {
    /// Reads one; `None` for anything else. What it gives is safe as a file name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_hex::<8>(text.strip_prefix("cs-")?)?;
        Some(Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<HostId> for String {
    fn from(host: HostId) -> Self {
        host.0
    }
}

impl TryFrom<String> for HostId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a host id is cs- and 16 hex digits")
    }
}

/// What kind of thing a source is, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Of a Mac's board.
    PlatformUuid,
    /// Of the board, as its device tree has it.
    BoardSerial,
    /// World-wide name of a built-in disk.
    Disk,
    /// Permanent address of a built-in network card.
    Mac,
    /// Made by the operating system when it was installed.
    MachineId,
}

impl SourceKind {
    /// For people and programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PlatformUuid => "platform-uuid",
            Self::BoardSerial => "board-serial",
            Self::Disk => "disk",
            Self::Mac => "mac",
            Self::MachineId => "machine-id",
        }
    }

    fn is_hardware(self) -> bool {
        self != Self::MachineId
    }
}

/// Something the machine says of itself, in its canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    kind: SourceKind,
    value: String,
}

impl Source {
    /// What a file or program said; `None` for what identifies nothing.
    #[must_use]
    pub fn new(kind: SourceKind, raw: &str) -> Option<Self> {
        let value = raw.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let is_known = match kind {
            SourceKind::PlatformUuid => is_uuid(&value),
            SourceKind::BoardSerial => value.len() >= 4,
            SourceKind::Disk => is_disk_name(&value),
            SourceKind::Mac => is_permanent_mac(&value),
            SourceKind::MachineId => from_hex::<16>(&value).is_some(),
        };
        (is_known && !is_placeholder(&value)).then_some(Self { kind, value })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The canonical spelling. It identifies the machine: not for printing or storing.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Blank in one of the ways known: a phrase, or one digit over and over.
fn is_placeholder(value: &str) -> bool {
    let digits: Vec<char> = value
        .rsplit_once('.')
        .map_or(value, |(_, digits)| digits)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let is_monotone = digits.iter().all(|digit| Some(digit) == digits.first());
    is_monotone || PLACEHOLDERS.contains(&value)
}

fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// `eui.…`, `naa.…`, `nvme.…`, `t10.…`, `uuid.…` of a disk that is really there.
fn is_disk_name(value: &str) -> bool {
    let is_world_wide =
        ["eui.", "naa.", "nvme.", "t10.", "uuid."].iter().any(|prefix| value.starts_with(prefix));
    is_world_wide && value.len() >= 12 && !EMULATED_DISKS.iter().any(|made_up| value.contains(made_up))
}

/// Six bytes, handed out by a maker of cards to one of them.
fn is_permanent_mac(value: &str) -> bool {
    let bytes: Option<Vec<u8>> =
        value.split(':').map(|byte| from_hex::<1>(byte).map(|[byte]| byte)).collect();
    // The two lowest bits of the first byte: for many receivers, and made up on the spot.
    let is_handed_out = bytes.is_some_and(|bytes| bytes.len() == 6 && bytes[0].trailing_zeros() >= 2);
    is_handed_out && !EMULATED_MACS.iter().any(|prefix| value.starts_with(prefix))
}

/// Whether a block device of this name can be a built-in disk at all. Loops, memory, mapped and
/// joined devices, emulated disks, optical drives and network disks have other names.
#[must_use]
pub fn is_disk(device: &str) -> bool {
    let has_letters = |prefix: &str| {
        let rest = device.strip_prefix(prefix).unwrap_or_default();
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase())
    };
    let is_nvme = device.strip_prefix("nvme").is_some_and(|rest| {
        rest.contains('n') && rest.chars().all(|c| c.is_ascii_digit() || c == 'n') && !rest.starts_with('n')
    });
    has_letters("sd") || has_letters("hd") || is_nvme
}

/// How strong the sources of a host id were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It is the machine's, whatever is installed on it.
    Hardware,
    /// It is this installation's.
    Install,
    /// Nothing tells this machine from others: it is this folder's.
    Random,
}

impl Tier {
    /// For people and programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Install => "install",
            Self::Random => "random",
        }
    }

    /// Whether the same machine gets the same host id after its system was installed anew.
    #[must_use]
    pub fn survives_reinstall(self) -> bool {
        self == Self::Hardware
    }
}

/// A host id with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub host: HostId,
    pub tier: Tier,
    /// The kinds of the sources that entered it.
    pub used: Vec<SourceKind>,
}

/// The identity that follows from the sources; `fallback` is what tells this folder from others
/// when they tell nothing. Anybody on the machine who sees the same sources gets the same.
#[must_use]
pub fn identify(sources: &[Source], fallback: &[u8]) -> Identity {
    let of = |kinds: &[SourceKind]| -> Vec<&Source> {
        let mut found: Vec<&Source> = sources.iter().filter(|source| kinds.contains(&source.kind)).collect();
        found.sort();
        found.dedup();
        found
    };
    let ranks = [
        (Tier::Hardware, of(&[SourceKind::PlatformUuid])),
        (Tier::Hardware, of(&[SourceKind::BoardSerial])),
        (Tier::Hardware, of(&[SourceKind::Disk, SourceKind::Mac])),
        (Tier::Install, of(&[SourceKind::MachineId])),
    ];
    let strongest = ranks.into_iter().find(|(_, found)| !found.is_empty());
    let (tier, found) = strongest.unwrap_or((Tier::Random, Vec::new()));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"cs/v1/host").expect("BUG: any key will do");
    mac.update(tier.name().as_bytes());
    for source in &found {
        mac.update(format!("\n{}:{}", source.kind.name(), source.value).as_bytes());
    }
    if tier == Tier::Random {
        mac.update(b"\n");
        mac.update(fallback);
    }
    let digest = mac.finalize().into_bytes();
    let mut used: Vec<SourceKind> = found.iter().map(|source| source.kind).collect();
    used.dedup();
    Identity { host: HostId(format!("cs-{}", hex(&digest[..8]))), tier, used }
}

/// The name a host goes by in the index: a keyed digest of what is quick to read.
#[must_use]
pub fn index_name(install_secret: &[u8; 32], machine_id: &str, host_name: &str) -> String {
    hex(&keyed_digest(install_secret, &[machine_id.trim().as_bytes(), b"\0", host_name.as_bytes()]))
}

/// What a binding says of the machine it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the machine it was.
    Same,
    /// The same machine under a system that was installed since.
    Reinstalled,
    /// Another machine: the folder was copied there.
    Copied,
    /// The sources of then and of now have nothing in common that could tell.
    Unverifiable,
}

impl Standing {
    /// For people and programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Reinstalled => "reinstalled",
            Self::Copied => "copied",
            Self::Unverifiable => "unverifiable",
        }
    }
}

/// The sources a host was enrolled with, as salted marks: enough to compare, nothing to look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    format: u32,
    pub host: HostId,
    pub tier: Tier,
    pub used: Vec<SourceKind>,
    /// The host whose folder was copied here; nothing is shared until somebody has said that
    /// this machine goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<HostId>,
    salt: String,
    marks: Vec<Mark>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    kind: SourceKind,
    mark: String,
}

/// Why a text is no binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    #[error("is of format {0}, which this cs does not know")]
    Newer(u64),
    #[error("is damaged")]
    Damaged,
}

impl Binding {
    /// Binds an identity to the sources of now.
    #[must_use]
    pub fn new(identity: Identity, sources: &[Source], salt: [u8; 16]) -> Self {
        let Identity { host, tier, used } = identity;
        let salt = hex(&salt);
        let mut marks: Vec<Mark> = sources.iter().map(|source| mark(&salt, source)).collect();
        marks.sort();
        marks.dedup();
        Self { format: FORMAT, host, tier, used, copied_from: None, salt, marks }
    }

    /// The same identity, bound to the sources of now.
    #[must_use]
    pub fn renewed(&self, sources: &[Source], salt: [u8; 16]) -> Self {
        let Self { format: _, host, tier, used, copied_from, salt: _, marks: _ } = self.clone();
        let identity = Identity { host, tier, used };
        Self { copied_from, ..Self::new(identity, sources, salt) }
    }

    /// Whether this is still that machine. One piece of hardware in common is enough: disks and
    /// cards are replaced one by one.
    #[must_use]
    pub fn compare(&self, sources: &[Source]) -> Standing {
        let now: Vec<Mark> = sources.iter().map(|source| mark(&self.salt, source)).collect();
        let of = |marks: &[Mark], hardware: bool| -> Vec<Mark> {
            marks.iter().filter(|mark| mark.kind.is_hardware() == hardware).cloned().collect()
        };
        let (hardware, hardware_now) = (of(&self.marks, true), of(&now, true));
        if hardware.is_empty() || hardware_now.is_empty() {
            return Standing::Unverifiable;
        }
        if !hardware.iter().any(|mark| hardware_now.contains(mark)) {
            return Standing::Copied;
        }
        let (install, install_now) = (of(&self.marks, false), of(&now, false));
        let is_new = !install.is_empty() && !install_now.is_empty() && install != install_now;
        if is_new { Standing::Reinstalled } else { Standing::Same }
    }

    /// Whether exactly these sources are bound.
    #[must_use]
    pub fn is_current(&self, sources: &[Source]) -> bool {
        let mut now: Vec<Mark> = sources.iter().map(|source| mark(&self.salt, source)).collect();
        now.sort();
        now.dedup();
        self.marks == now
    }

    /// The text it is kept as.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("BUG: a binding can be written") + "\n"
    }

    /// Reads [`Self::to_text`].
    ///
    /// # Errors
    /// When it is of a newer format, or not whole.
    pub fn parse(text: &[u8]) -> Result<Self, BindingError> {
        let value: serde_json::Value = serde_json::from_slice(text).map_err(|_| BindingError::Damaged)?;
        match value["format"].as_u64() {
            Some(format) if format > u64::from(FORMAT) => return Err(BindingError::Newer(format)),
            _ => {}
        }
        serde_json::from_value(value).map_err(|_| BindingError::Damaged)
    }
}

fn mark(salt: &str, source: &Source) -> Mark {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).expect("BUG: any key will do");
    mac.update(format!("cs/v1/binding\n{}:{}", source.kind.name(), source.value).as_bytes());
    Mark { kind: source.kind, mark: hex(&mac.finalize().into_bytes()[..16]) }
}

#[cfg(test)]
mod tests;
