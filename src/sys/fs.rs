//! Files. Errors name the path and what was tried.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::fault::{Gate, gate, look};

/// What stands at a path, without following a link at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Of the content, in nanoseconds since 1970.
    pub modified_ns: i64,
    pub inode: u64,
    pub device: u64,
    /// How many names the inode has.
    pub links: u64,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Link,
    Other,
}

fn stat_of(metadata: &std::fs::Metadata) -> Stat {
    let kind = metadata.file_type();
    let kind = match kind {
        _ if kind.is_symlink() => Kind::Link,
        _ if kind.is_file() => Kind::File,
        _ if kind.is_dir() => Kind::Folder,
        _ => Kind::Other,
    };
    Stat {
        kind,
        mode: metadata.permissions().mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.size(),
        modified_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        inode: metadata.ino(),
        device: metadata.dev(),
        links: metadata.nlink(),
    }
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What stands at `path` itself; `None` when nothing does.
///
/// # Errors
/// Anything but "not there".
pub fn lstat(path: &Path) -> io::Result<Option<Stat>> {
    look_at(path)?;
    absent_is_none(fs_err::symlink_metadata(path)).map(|found| found.as_ref().map(stat_of))
}

/// What stands at the end of `path`'s links.
///
/// # Errors
/// Anything but "not there".
pub fn stat(path: &Path) -> io::Result<Option<Stat>> {
    look_at(path)?;
    absent_is_none(fs_err::metadata(path)).map(|found| found.as_ref().map(stat_of))
}

/// Whether `path` is a file somebody may execute.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    stat(path).ok().flatten().is_some_and(|stat| stat.kind == Kind::File && stat.mode & 0o111 != 0)
}

/// Whether we may make and rename things in a folder.
#[must_use]
pub fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Whether programs on the file system of `path` can't be run.
#[must_use]
pub fn is_noexec(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::statvfs(path)
        .is_ok_and(|stat| stat.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// Whether two names can't be exchanged on the file system of `path`, as far as that can be known without
/// trying it: network file systems and their like refuse it.
#[must_use]
pub fn is_without_exchange(path: &Path) -> bool {
    if cfg!(debug_assertions) && super::env::var("CS_NO_EXCHANGE").is_some() {
        return true;
    }
    #[cfg(target_os = "linux")]
    {
        // NFS, SMB (in its three versions), 9P, as in linux/magic.h.
        const REFUSING: [u64; 5] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997];
        rustix::fs::statfs(path)
            .is_ok_and(|stat| REFUSING.contains(&(stat.f_type.cast_unsigned() & 0xFFFF_FFFF)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        !cfg!(target_os = "macos")
    }
}

/// The text of a link.
///
/// # Errors
/// When it is none.
pub fn read_link(path: &Path) -> io::Result<PathBuf> {
    fs_err::read_link(path)
}

/// Whether there is a link, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    Absent,
    Link(PathBuf),
    /// Something that is no link.
    Other,
}

/// Tells in one call what a look and a reading would take two for.
///
/// # Errors
/// When it can't be told.
pub fn probe(path: &Path) -> io::Result<Probe> {
    match rustix::fs::readlink(path, Vec::new()) {
        Ok(text) => Ok(Probe::Link(PathBuf::from(OsString::from_vec(text.into_bytes())))),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(Probe::Absent),
        Err(Errno::INVAL) => Ok(Probe::Other),
        Err(error) => Err(named(error.into(), "read the link", path, path)),
    }
}

/// A file's bytes, at most `bytes_max`.
///
/// # Errors
/// When it can't be read or is larger (`FileTooLarge`).
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_with_stat(path, bytes_max).map(|(bytes, _)| bytes)
}

/// A file's bytes, at most `bytes_max`, and what it is: one look tells both.
///
/// # Errors
/// When it can't be read or is larger (`FileTooLarge`).
pub fn read_with_stat(path: &Path, bytes_max: u64) -> io::Result<(Vec<u8>, Stat)> {
    look_at(path)?;
    // A pipe in its place is not waited for.
    let flags = flags(OFlags::NONBLOCK);
    let file = fs_err::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    read_open(file, &metadata, bytes_max)
}

/// What stands at `path` itself if it is a file: its bytes, at most `bytes_max`, and what it is.
/// `None` only when nothing is there. A link is not followed, a pipe is not waited for.
///
/// # Errors
/// Anything but "not there", also for what is no file.
pub fn read_no_follow(path: &Path, bytes_max: u64) -> io::Result<Option<(Vec<u8>, Stat)>> {
    look_at(path)?;
    let mut options = fs_err::OpenOptions::new();
    let file = match options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let message = format!("{} is not a regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    read_open(file, &metadata, bytes_max).map(Some)
}

pub(super) fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn read_open(
    mut file: fs_err::File,
    metadata: &std::fs::Metadata,
    bytes_max: u64,
) -> io::Result<(Vec<u8>, Stat)> {
    let stat = stat_of(metadata);
    let name = file.path().to_owned();
    let too_large = || {
        let message = format!("{} is larger than {bytes_max} bytes", name.display());
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if stat.size > bytes_max {
        return Err(too_large());
    }
    // One byte more than it had: a read that fills less has seen the end.
    let mut bytes = vec![0; usize::try_from(stat.size).map_err(|_| too_large())? + 1];
    let mut filled = 0;
    loop {
        match file.read(&mut bytes[filled..])? {
            0 => break,
            read => filled += read,
        }
        if filled < bytes.len() {
            // Short of the size it had: the end, but for files that are made as they are read.
            if filled as u64 == stat.size && stat.kind == Kind::File && stat.size > 0 {
                break;
            }
            continue;
        }
        if filled as u64 > bytes_max {
            return Err(too_large());
        }
        bytes.resize(bytes.len() * 2, 0);
    }
    bytes.truncate(filled);
    Ok((bytes, stat))
}

/// A file's bytes and what it was when they were read, at most `bytes_max`; `None` when there
/// is no such file.
///
/// # Errors
/// Anything but "not there".
pub fn read_with_stat_if_there(path: &Path, bytes_max: u64) -> io::Result<Option<(Vec<u8>, Stat)>> {
    absent_is_none(read_with_stat(path, bytes_max))
}

/// A file's bytes; `None` when there is no such file.
///
/// # Errors
/// Anything but "not there".
pub fn read_if_there(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    absent_is_none(read(path, bytes_max))
}

/// The names in a folder, sorted.
///
/// # Errors
/// When it can't be read.
pub fn list(folder: &Path) -> io::Result<Vec<OsString>> {
    look_at(folder)?;
    let names = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// The names in a folder, sorted; none when there is no such folder.
///
/// # Errors
/// Anything but "not there".
pub fn list_if_there(folder: &Path) -> io::Result<Vec<OsString>> {
    absent_is_none(list(folder)).map(Option::unwrap_or_default)
}

/// Files below a folder, relative to it, sorted; links are not followed.
///
/// # Errors
/// When a folder can't be read.
pub fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    walk_past(folder, |_, error| Err(error))
}

/// The same, past folders that can't be read: `closed` is told each, by its path below `folder`, and why.
///
/// # Errors
/// What `closed` makes of it, or when an entry can't be looked at.
pub fn walk_past(
    folder: &Path,
    mut closed: impl FnMut(&Path, io::Error) -> io::Result<()>,
) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let names = match list(&folder.join(&below)) {
            Ok(names) => names,
            Err(error) => {
                closed(&below, error)?;
                continue;
            }
        };
        for name in names {
            let relative = below.join(name);
            match lstat(&folder.join(&relative))?.map(|stat| stat.kind) {
                Some(Kind::Folder) => open.push(relative),
                Some(_) => found.push(relative),
                None => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The path without links.
///
/// # Errors
/// When something on it is missing.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs_err::canonicalize(path)
}

/// Makes a folder with a mode.
///
/// # Errors
/// When it can't.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    gate_at("mkdir", path)?;
    fs_err::create_dir(path)?;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Makes a folder and whatever is missing above it.
///
/// # Errors
/// When it can't.
pub fn make_folders(path: &Path, mode: u32) -> io::Result<()> {
    if stat(path)?.is_some_and(|stat| stat.kind == Kind::Folder) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folders(parent, mode)?;
    }
    match make_folder(path, mode) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match stat(path)? {
            Some(stat) if stat.kind == Kind::Folder => Ok(()),
            _ => Err(error),
        },
        made => made,
    }
}

/// Makes a folder that only we may look into, whatever the umask: at no instant may others.
///
/// # Errors
/// When something is there, or it can't.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    gate_at("mkdir", path)?;
    rustix::fs::mkdir(path, rustix::fs::Mode::RWXU).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("failed to create the folder `{}`: {error}", path.display()))
    })?;
    // An umask can only have taken away what we need.
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

/// Writes a file that is not there yet.
///
/// # Errors
/// When it is there, or can't be written.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    write_new_with_stat(path, bytes, mode).map(drop)
}

/// Writes a file that is not there yet, and says what it is then.
///
/// # Errors
/// When it is there, or can't be written.
pub fn write_new_with_stat(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Stat> {
    gate_at("create", path)?;
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = fill(&mut file, bytes, mode);
    if written.is_err() {
        // Half a file is worse than none; if it can't be removed, whoever comes next will try.
        let _ = remove_file(path);
    }
    written
}

/// Whether the limits of the process allow a file of that size (`ulimit -f`). Writing past them is no
/// error but a signal, and a hook that dies of a signal has answered nothing.
pub(super) fn may_grow_to(bytes: u64) -> bool {
    // Asked once: an apply writes hundreds of files under the same limit.
    static LIMIT: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
    let limit = LIMIT.get_or_init(|| rustix::process::getrlimit(rustix::process::Resource::Fsize).current);
    limit.is_none_or(|limit| bytes <= limit)
}

fn fill(file: &mut fs_err::File, bytes: &[u8], mode: u32) -> io::Result<Stat> {
    if !may_grow_to(bytes.len() as u64) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    match gate_at("write", file.path())? {
        Gate::DieHalfway => {
            let _ = file.write_all(&bytes[..bytes.len() / 2]);
            std::process::abort()
        }
        Gate::Pass => file.write_all(bytes)?,
    }
    let stat = stat_of(&file.metadata()?);
    // The umask has been at work.
    if stat.mode != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(Stat { mode, ..stat })
}

/// Counts a look; a fault that is asked for names the path as a real one would.
fn look_at(path: &Path) -> io::Result<()> {
    look().map_err(|error| {
        io::Error::new(error.kind(), format!("failed to look at `{}`: {error}", path.display()))
    })
}

/// Counts a mutating call; a fault that is asked for names the path as a real one would.
fn gate_at(what: &'static str, path: &Path) -> io::Result<Gate> {
    gate(what).map_err(|error| {
        io::Error::new(error.kind(), format!("failed to {what} `{}`: {error}", path.display()))
    })
}

/// Copies a file's bytes to a place where nothing is yet.
///
/// # Errors
/// When it can't.
pub fn copy_new(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    write_new(to, &read(from, u64::MAX - 1)?, mode)
}

/// Gives a thing another name, replacing what had it.
///
/// # Errors
/// When it can't.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    gate_at("rename", to)?;
    fs_err::rename(from, to)
}

/// Gives a thing another name, unless something has it.
///
/// # Errors
/// `AlreadyExists`, or when it can't.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    gate_at("rename", to)?;
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(error) if is_unsupported(error) => {}
            result => return result.map_err(|error| named(error.into(), "rename", from, to)),
        }
    }
    if lstat(to)?.is_some() {
        return Err(named(io::ErrorKind::AlreadyExists.into(), "rename", from, to));
    }
    fs_err::rename(from, to)
}

/// Swaps two names at one instant; `Ok(false)` where the file system can't.
///
/// # Errors
/// When one is missing, or anything else.
pub fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    gate_at("exchange", a)?;
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let is_off = cfg!(debug_assertions) && super::env::var("CS_NO_EXCHANGE").is_some();
        if is_off {
            return Ok(false);
        }
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(error) if is_unsupported(error) => Ok(false),
            Err(error) => Err(named(error.into(), "exchange", a, b)),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    Ok(false)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn is_unsupported(error: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error)
}

fn named(error: io::Error, what: &str, from: &Path, to: &Path) -> io::Error {
    let message = format!("failed to {what} `{}` and `{}`: {error}", from.display(), to.display());
    io::Error::new(error.kind(), message)
}

/// Makes a symbolic link.
///
/// # Errors
/// When something is there, or it can't.
pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    gate_at("symlink", link)?;
    std::os::unix::fs::symlink(target, link).map_err(|error| named(error, "link", link, target))
}

/// Gives a file a second name.
///
/// # Errors
/// When it can't.
pub fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    gate_at("link", to)?;
    fs_err::hard_link(from, to)
}

/// Removes a file or link; nothing there is fine.
///
/// # Errors
/// When it can't.
pub fn remove_file(path: &Path) -> io::Result<()> {
    gate_at("unlink", path)?;
    absent_is_none(fs_err::remove_file(path)).map(drop)
}

/// Removes an empty folder.
///
/// # Errors
/// When it is not empty, or can't.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    gate_at("rmdir", path)?;
    fs_err::remove_dir(path)
}

/// Removes a folder and all below it; nothing there is fine.
///
/// # Errors
/// When something can't be removed.
pub fn remove_all(path: &Path) -> io::Result<()> {
    let Some(stat) = lstat(path)? else { return Ok(()) };
    if stat.kind != Kind::Folder {
        return remove_file(path);
    }
    // Another process may be removing the same.
    for name in list_if_there(path)? {
        remove_all(&path.join(name))?;
    }
    absent_is_none(remove_folder(path)).map(drop)
}

/// Sets permission bits.
///
/// # Errors
/// When it can't.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    gate_at("chmod", path)?;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Makes a file's or folder's content durable.
///
/// # Errors
/// When the system says it could not.
pub fn sync(path: &Path) -> io::Result<()> {
    gate_at("fsync", path)?;
    fs_err::File::open(path)?.sync_all()
}

/// Makes everything on the file system of `path` durable in one call.
///
/// # Errors
/// When the system says it could not.
pub fn sync_all_around(path: &Path) -> io::Result<()> {
    gate_at("fsync", path)?;
    let file = fs_err::File::open(path)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(file.file())?;
    #[cfg(not(target_os = "linux"))]
    file.sync_all()?;
    Ok(())
}

/// An advisory lock on a file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the lock lives as long as the open file")] fs_err::File);

/// Tries to lock a file for ourselves, making it if need be; `None` when another process
/// has it. A link in its place is not followed.
///
/// # Errors
/// When the file can't be opened or locks don't work there.
pub fn try_lock(path: &Path) -> io::Result<Option<FileLock>> {
    loop {
        if stat(path)?.is_none() {
            gate_at("create", path)?;
        }
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path)?;
        match rustix::fs::flock(file.file(), rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(named(error.into(), "lock", path, path)),
        }
        // Somebody may have removed the file (a purge) between our opening and locking it.
        let own = file.metadata()?;
        let is_current = |stat: Stat| (stat.inode, stat.device) == (own.ino(), own.dev());
        if stat(path)?.is_some_and(is_current) {
            return Ok(Some(FileLock(file)));
        }
    }
}
