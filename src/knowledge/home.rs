//! The folder of what was learned: finding the host in it, and enrolling it.

use std::path::{Path, PathBuf};

use super::KeyError;
use super::keys::HostFolder;
use super::private;
use super::sources::Machine;
use crate::crypto::identity::{Binding, Identity, Source, Standing, identify, index_name};
use crate::crypto::{HostId, Ring};
use crate::model::limits;
use crate::sys::{fs, random};

/// What a folder that is being removed is called.
const GONE: &str = ".gone-";

/// `learning/` in the user's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    pub path: PathBuf,
    machine: Machine,
}

/// What an enrolment found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    pub host: HostFolder,
    /// What the binding said before it was renewed; `None` for a host that is new.
    pub standing: Option<Standing>,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `None` for a machine that was never enrolled.
    pub host: Option<HostFolder>,
    pub identity: Identity,
    /// What the binding says of the machine, if it is bound.
    pub standing: Option<Standing>,
    /// The host whose folder was copied here and not adopted yet.
    pub copied_from: Option<HostId>,
}

impl Learning {
    /// Of a root, on the machine we run on. Nothing is looked at yet.
    #[must_use]
    pub fn locate(root: &Path) -> Self {
        Self::on(Machine::here(), root)
    }

    /// Of a root, on a machine.
    #[must_use]
    pub fn on(machine: Machine, root: &Path) -> Self {
        Self { path: root.join("learning"), machine }
    }

    fn install_path(&self) -> PathBuf {
        self.path.join("install")
    }

    /// The host this machine was enrolled as; `None` when it never was. Quick: for hooks.
    ///
    /// # Errors
    /// When something is there and can't be read.
    pub fn known_host(&self) -> Result<Option<HostFolder>, KeyError> {
        let Some(install) = self.install()? else { return Ok(None) };
        Ok(self.indexed(&install)?.map(|id| HostFolder::new(&self.path, id)))
    }

    /// The install secret, if there is one.
    fn install(&self) -> Result<Option<[u8; 32]>, KeyError> {
        let path = self.install_path();
        let Some(bytes) = private::read(&path)? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| KeyError::Damaged(path))
    }

    fn index_path(&self, install: &[u8; 32]) -> Result<PathBuf, KeyError> {
        let (id, host) = self.machine.index_parts()?;
        Ok(self.path.join("hosts").join(index_name(install, &id, &host)))
    }

    fn indexed(&self, install: &[u8; 32]) -> Result<Option<HostId>, KeyError> {
        let path = self.index_path(install)?;
        let Some(bytes) = private::read(&path)? else { return Ok(None) };
        let id = std::str::from_utf8(&bytes).ok().and_then(|text| HostId::parse(text.trim_end()));
        id.map(Some).ok_or(KeyError::Damaged(path))
    }

    /// Finds or makes everything this host needs: secret, folder, ring, node key, binding, and
    /// last its entry in the index. Killed anywhere and run again it makes what is missing, and
    /// nothing twice.
    ///
    /// # Errors
    /// When something that is there can't be read, or what is missing can't be made.
    pub fn enrol(&self, now: u64) -> Result<Enrolled, KeyError> {
        let _lock = self.open()?;
        let install = self.make_install()?;
        let sources = self.machine.sources()?;
        let index = self.index_path(&install)?;
        let identity = self.identity(&install, &sources)?;
        let known = self.indexed(&install)?;
        let id = known.clone().unwrap_or_else(|| identity.host.clone());
        let host = HostFolder::new(&self.path, id);
        let binding = if private::check_folder(&host.path)? { host.binding()? } else { None };
        let standing = binding.as_ref().map(|binding| binding.compare(&sources));
        let host = match standing {
            Some(Standing::Copied) => self.replant(&host, identity, &sources, now)?,
            _ => {
                complete(&host, binding, identity, &sources, now)?;
                host
            }
        };
        if known.as_ref() != Some(&host.id) {
            private::write(&index, format!("{}\n", host.id).as_bytes())?;
        }
        Ok(Enrolled { host, standing })
    }

    /// Ends the quarantine of a folder that was copied here; whether there was one.
    ///
    /// # Errors
    /// When the binding can't be read or written.
    pub fn adopt(&self, host: &HostFolder) -> Result<Option<HostId>, KeyError> {
        let _lock = self.open()?;
        let Some(mut binding) = host.binding()? else { return Ok(None) };
        let Some(from) = binding.copied_from.take() else { return Ok(None) };
        host.bind(&binding)?;
        Ok(Some(from))
    }

    /// What there is, as it is; makes nothing. For a machine that was never enrolled: the
    /// identity that it would get.
    ///
    /// # Errors
    /// When something is there and can't be read.
    pub fn look(&self) -> Result<Seen, KeyError> {
        let install = self.install()?;
        let sources = self.machine.sources()?;
        let host = match &install {
            Some(install) => self.indexed(install)?.map(|id| HostFolder::new(&self.path, id)),
            None => None,
        };
        let binding = match &host {
            Some(host) => host.binding()?,
            None => None,
        };
        let standing = binding.as_ref().map(|binding| binding.compare(&sources));
        let mut identity = self.identity(&install.unwrap_or_default(), &sources)?;
        let mut copied_from = None;
        if let Some(Binding { host, tier, used, copied_from: from, .. }) = binding {
            identity = Identity { host, tier, used };
            copied_from = from;
        }
        Ok(Seen { host, identity, standing, copied_from })
    }

    /// Takes an exported ring in the place of this host's; see [`HostFolder::restore`].
    ///
    /// # Errors
    /// When the file is no ring of this host's, or the ring that is there is in use.
    pub fn restore(&self, file: &Path, now: u64) -> Result<(HostFolder, Ring), KeyError> {
        let lock = self.open()?;
        let install = self.make_install()?;
        let id = match self.indexed(&install)? {
            Some(id) => id,
            None => self.identity(&install, &self.machine.sources()?)?.host,
        };
        let host = HostFolder::new(&self.path, id);
        let ring = host.restore(file)?;
        drop(lock);
        // What else it lacks: the node key, the binding, the entry in the index.
        Ok((self.enrol(now)?.host, ring))
    }

    /// Removes the folders of other hosts that nothing was written to for a month. Not to be called
    /// while the clock is not believed ([`super::keys::Outcome`]).
    ///
    /// # Errors
    /// When something can't be read or removed; running it again goes on where it stopped.
    pub fn expire(&self, own: &HostFolder, now: u64) -> Result<Vec<HostId>, KeyError> {
        let _lock = self.open()?;
        let oldest_s = now.saturating_sub(limits::HOST_IDLE_DAYS_MAX * 86_400);
        let mut gone = Vec::new();
        for name in fs::list(&self.path)? {
            let Some(id) = name.to_str().and_then(HostId::parse).filter(|id| *id != own.id) else { continue };
            let folder = self.path.join(&name);
            if !private::check_folder(&folder)? || newest_s(&folder)? >= oldest_s {
                continue;
            }
            // Named away first: half of a folder would be sealed data without a ring.
            fs::rename(&folder, &self.path.join(format!("{GONE}{id}")))?;
            gone.push(id);
        }
        if !gone.is_empty() {
            fs::sync(&self.path)?;
        }
        for name in fs::list(&self.path)? {
            if name.to_str().is_some_and(|name| name.starts_with(GONE)) {
                fs::remove_all(&self.path.join(name))?;
            }
        }
        Ok(gone)
    }

    /// What is random about a host without sources hangs on the secret and its name, so that
    /// an enrolment that was killed comes to the same again.
    fn identity(&self, install: &[u8; 32], sources: &[Source]) -> Result<Identity, KeyError> {
        let index = self.index_path(install)?;
        let name = index.file_name().unwrap_or_default().as_encoded_bytes();
        Ok(identify(sources, &[install.as_slice(), name].concat()))
    }

    /// The folder itself, made if need be, and its lock.
    pub(super) fn open(&self) -> Result<fs::FileLock, KeyError> {
        let root = self.path.parent().unwrap_or(&self.path);
        fs::make_folders(root, 0o700)?;
        private::make_folder(&self.path)?;
        let lock = private::lock(&self.path.join("lock"))?;
        let ignore = self.path.join(".gitignore");
        if fs::lstat(&ignore)?.is_none() {
            private::write(&ignore, b"*\n")?;
        }
        private::make_folder(&self.path.join("hosts"))?;
        Ok(lock)
    }

    fn make_install(&self) -> Result<[u8; 32], KeyError> {
        if let Some(install) = self.install()? {
            return Ok(install);
        }
        let install = random::bytes()?;
        private::write(&self.install_path(), &install)?;
        Ok(install)
    }

    /// A folder that was copied to another machine: this one gets a folder of its own, and the
    /// other stays as it is, a stranger's.
    fn replant(
        &self,
        copied: &HostFolder,
        identity: Identity,
        sources: &[Source],
        now: u64,
    ) -> Result<HostFolder, KeyError> {
        let host = HostFolder::new(&self.path, identity.host.clone());
        let own = if private::check_folder(&host.path)? { host.binding()? } else { None };
        let binding = match own {
            // It has been here before.
            Some(own) => own,
            None => {
                let mut binding = Binding::new(identity.clone(), sources, random::bytes()?);
                binding.copied_from = Some(copied.id.clone());
                binding
            }
        };
        complete(&host, Some(binding), identity, sources, now)?;
        Ok(host)
    }
}

/// When anything in a folder was written last, in seconds since 1970.
fn newest_s(folder: &Path) -> Result<u64, KeyError> {
    let mut newest_ns = 0;
    for path in fs::walk(folder)? {
        newest_ns = fs::lstat(&folder.join(path))?.map_or(0, |stat| stat.modified_ns).max(newest_ns);
    }
    Ok(u64::try_from(newest_ns / 1_000_000_000).unwrap_or(0))
}

/// Makes whatever a host's folder lacks.
fn complete(
    host: &HostFolder,
    binding: Option<Binding>,
    identity: Identity,
    sources: &[Source],
    now: u64,
) -> Result<(), KeyError> {
    host.make_ring(now)?;
    host.make_node()?;
    let wanted = match binding {
        None => {
            let identity = Identity { host: host.id.clone(), ..identity };
            Binding::new(identity, sources, random::bytes()?)
        }
        // Where nothing can tell, what was bound stays: it may tell another day.
        Some(binding)
            if binding.is_current(sources) || binding.compare(sources) == Standing::Unverifiable =>
        {
            binding
        }
        Some(binding) => binding.renewed(sources, random::bytes()?),
    };
    if host.binding()?.as_ref() != Some(&wanted) {
        host.bind(&wanted)?;
    }
    Ok(())
}
