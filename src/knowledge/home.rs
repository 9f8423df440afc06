//! The folder of what was learned: finding the host in it, and enrolling it.

use std::path::{Path, PathBuf};

use super::KeyError;
use super::keys::HostFolder;
use super::private;
use super::sources::Machine;
use crate::crypto::HostId;
use crate::crypto::identity::{Binding, Identity, Source, Standing, identify, index_name};
use crate::sys::{fs, random};

/// `learning/` in the user's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learning {
    pub path: PathBuf,
}

/// What an enrolment found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    pub host: HostFolder,
    /// What the binding said before it was renewed; `None` for a host that is new.
    pub standing: Option<Standing>,
}

impl Learning {
    /// Of a root. Nothing is looked at yet.
    #[must_use]
    pub fn locate(root: &Path) -> Self {
        Self { path: root.join("learning") }
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
        Ok(self.indexed(&install, &Machine::here())?.map(|id| HostFolder::new(&self.path, id)))
    }

    /// The install secret, if there is one.
    fn install(&self) -> Result<Option<[u8; 32]>, KeyError> {
        let path = self.install_path();
        let Some(bytes) = private::read(&path)? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| KeyError::Damaged(path))
    }

    fn index_path(&self, install: &[u8; 32], machine: &Machine) -> PathBuf {
        let (id, host) = machine.index_parts();
        self.path.join("hosts").join(index_name(install, &id, &host))
    }

    fn indexed(&self, install: &[u8; 32], machine: &Machine) -> Result<Option<HostId>, KeyError> {
        let path = self.index_path(install, machine);
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
        let machine = Machine::here();
        let sources = machine.sources();
        let index = self.index_path(&install, &machine);
        // What is random about a host without sources is the secret; so that a kill makes no second one.
        let fallback = index.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
        let identity = identify(&sources, &[install.as_slice(), &fallback].concat());
        let known = self.indexed(&install, &machine)?;
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

    /// What the binding of a host says of the machine as it is now.
    ///
    /// # Errors
    /// When the binding can't be read.
    pub fn standing(&self, host: &HostFolder) -> Result<Option<Standing>, KeyError> {
        Ok(host.binding()?.map(|binding| binding.compare(&Machine::here().sources())))
    }

    /// The folder itself, made if need be, and its lock.
    fn open(&self) -> Result<fs::FileLock, KeyError> {
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
