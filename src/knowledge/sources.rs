//! What the machine says of itself, to root and to everybody else alike.

use std::io;
use std::path::{Path, PathBuf};

use crate::crypto::identity::{Source, SourceKind, is_disk};
use crate::sys::{env, fs, process};

/// No source is longer than this.
const BYTES_MAX: u64 = 4096;

/// Where the machine's files are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `/`, or in builds with debug assertions what `CS_SOURCES` says: a machine in a folder.
    root: PathBuf,
    is_real: bool,
}

impl Machine {
    /// The machine we run on.
    #[must_use]
    pub fn here() -> Self {
        let simulated = cfg!(debug_assertions).then(|| env::var("CS_SOURCES")).flatten().map(PathBuf::from);
        simulated.map_or_else(|| Self { root: PathBuf::from("/"), is_real: true }, Self::simulated)
    }

    /// A machine in a folder, for tests.
    #[must_use]
    pub fn simulated(folder: PathBuf) -> Self {
        Self { root: folder, is_real: false }
    }

    /// Text of a small file; `None` for whatever can't be read.
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(&self.root.join(path), BYTES_MAX).ok()?;
        String::from_utf8(bytes).ok()
    }

    fn source(&self, kind: SourceKind, path: impl AsRef<Path>) -> Option<Source> {
        Source::new(kind, &self.text(path)?)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::list(&self.root.join(folder)).unwrap_or_default();
        names.into_iter().filter_map(|name| name.into_string().ok()).collect()
    }

    /// What the index goes by: quick to read, nothing that only root may.
    ///
    /// # Errors
    /// When the machine-id is there and can't be read: without it this would be another machine.
    pub fn index_parts(&self) -> io::Result<(String, String)> {
        let simulated = (!self.is_real).then(|| self.text("etc/hostname")).flatten();
        let host = simulated.map_or_else(env::host, |name| name.trim().to_owned());
        let id = self.machine_id()?.map(|source| source.value().to_owned());
        Ok((id.unwrap_or_default(), host))
    }

    fn machine_id(&self) -> io::Result<Option<Source>> {
        for path in ["etc/machine-id", "var/lib/dbus/machine-id"] {
            let bytes = fs::read_if_there(&self.root.join(path), BYTES_MAX)?.unwrap_or_default();
            let source = Source::new(SourceKind::MachineId, &String::from_utf8_lossy(&bytes));
            if source.is_some() {
                return Ok(source);
            }
        }
        Ok(None)
    }

    /// Everything that identifies it. Hardware that can't be read tells nothing, as so much of it
    /// does at any time.
    ///
    /// # Errors
    /// When the machine-id is there and can't be read.
    pub fn sources(&self) -> io::Result<Vec<Source>> {
        let boards = ["proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number"];
        let board = boards.into_iter().find_map(|path| self.source(SourceKind::BoardSerial, path));
        let mut found: Vec<Source> = self.platform_uuid().into_iter().chain(board).collect();
        found.extend(self.names("sys/block").iter().filter_map(|device| self.disk(device)));
        found.extend(self.names("sys/class/net").iter().filter_map(|card| self.card(card)));
        found.extend(self.machine_id()?);
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// A disk's world-wide name, unless it can be pulled out.
    fn disk(&self, device: &str) -> Option<Source> {
        let folder = Path::new("sys/block").join(device);
        let is_removable = || self.text(folder.join("removable")).is_some_and(|text| text.trim() == "1");
        if !is_disk(device) || is_removable() || self.is_on_bus(&folder, "/usb") {
            return None;
        }
        let places = ["wwid", "device/wwid"];
        places.into_iter().find_map(|place| self.source(SourceKind::Disk, folder.join(place)))
    }

    /// A built-in network card's permanent address.
    fn card(&self, card: &str) -> Option<Source> {
        let folder = Path::new("sys/class/net").join(card);
        let is_real = fs::stat(&self.root.join(&folder).join("device")).ok().flatten().is_some();
        if !is_real
            || ["/usb", "/virtio", "/vmbus", "/virtual/"].iter().any(|bus| self.is_on_bus(&folder, bus))
        {
            return None;
        }
        // A card that was joined with another wears that one's address.
        if let Some(source) = self.source(SourceKind::Mac, folder.join("bonding_slave/perm_hwaddr")) {
            return Some(source);
        }
        let is_permanent = self.text(folder.join("addr_assign_type")).is_some_and(|text| text.trim() == "0");
        is_permanent.then(|| self.source(SourceKind::Mac, folder.join("address"))).flatten()
    }

    /// Whether the way to a device leads over a bus.
    fn is_on_bus(&self, device: &Path, bus: &str) -> bool {
        let device = self.root.join(device);
        let link = fs::read_link(&device.join("device")).ok();
        let own = fs::read_link(&device).ok();
        [own, link].into_iter().flatten().any(|way| way.to_string_lossy().contains(bus))
    }

    /// A Mac's, as `ioreg` prints it.
    fn platform_uuid(&self) -> Option<Source> {
        if self.is_real && env::os() != "macos" {
            return None;
        }
        let printed = match self.is_real {
            true => {
                process::output("/usr/sbin/ioreg", &["-rd1", "-c", "IOPlatformExpertDevice"], Path::new("/"))
            }
            false => self.text("ioreg"),
        }?;
        let line = printed.lines().find(|line| line.contains("\"IOPlatformUUID\""))?;
        Source::new(SourceKind::PlatformUuid, line.split('"').nth(3)?)
    }
}
