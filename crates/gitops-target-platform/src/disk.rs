//! The live directory as a place of files: written whole or not at all, never read or written outside of it.
//!
//! A write goes to a temporary file in `<root>/.gitops/tmp` (same file system, seen by no reader of the directory),
//! is flushed, and is renamed over its name; then the folder is flushed. `durable: false` leaves out the flushes: after
//! a crash of the process nothing is torn all the same, after a power cut the newest files may be lost.
//! Folders below the root that are symlinks are followed only when they stay inside the root; a live file that is a
//! symlink is replaced, not followed. Errors: [`TargetError`], with the path and what to do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitops_apply::TargetError;
use rustix::fs::OFlags;

/// The engine's own folder in the live directory.
pub(crate) const OWN: &str = ".gitops";

/// How old a file's last change must be before its fingerprint is trusted: clocks of file systems tick every few
/// milliseconds, and two writes within one tick look the same.
const TICK: Duration = Duration::from_millis(100);

/// What tells that a file is the one seen before, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(meta: &fs::Metadata) -> Fingerprint {
        Fingerprint { device: meta.dev(), inode: meta.ino(), size: meta.size(), changed: (meta.ctime(), meta.ctime_nsec()) }
    }

    /// Whether a later write would be sure to give another fingerprint, seen from `now`.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
        let changed = Duration::new(self.changed.0.max(0) as u64, self.changed.1.clamp(0, 999_999_999) as u32);
        now.checked_sub(changed).is_some_and(|age| age > TICK)
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    File(Fingerprint),
    /// A folder, symlink, pipe or the like where a file belongs.
    Other,
}

/// What was read at a path.
#[derive(Debug)]
pub(crate) enum FileRead {
    Nothing,
    File { bytes: Vec<u8>, fingerprint: Fingerprint },
    Unreadable(String),
}

/// The live directory.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    durable: bool,
    max_file_bytes: u64,
    temporary: AtomicU64,
    /// Shared while a file is moved into its folder, alone while empty folders are removed.
    folders: RwLock<()>,
}

/// A fault in words; what may pass by itself is transient.
pub(crate) fn fault(what: &str, path: &Path, error: &io::Error) -> TargetError {
    let place = path.display();
    let hint = match error.kind() {
        ErrorKind::StorageFull => ": the disk is full; free some space",
        ErrorKind::QuotaExceeded => ": the disk quota is used up",
        ErrorKind::ReadOnlyFilesystem => ": the file system is read-only",
        ErrorKind::PermissionDenied => ": permission denied; let the server's user write there",
        ErrorKind::NotADirectory => ": a file stands where a folder is needed; move it away",
        ErrorKind::IsADirectory => ": a folder stands where the file belongs; move it away",
        ErrorKind::CrossesDevices => {
            return TargetError::permanent(format!(
                "{what} {place}: a file system of its own is mounted there; make it a live directory of its own"
            ));
        }
        _ => return TargetError::transient(format!("{what} {place}: {error}")),
    };
    TargetError::transient(format!("{what} {place}{hint}"))
}

impl Disk {
    /// Takes a directory that exists, and removes what an earlier process left in `.gitops/tmp`.
    pub(crate) fn open(root: PathBuf, durable: bool, max_file_bytes: u64) -> io::Result<Disk> {
        let own = root.join(OWN);
        for folder in [own.clone(), own.join("tmp"), own.join("owners")] {
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
            if !fs::symlink_metadata(&folder)?.is_dir() {
                return Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is not a folder", folder.display())));
            }
        }
        for left in fs::read_dir(own.join("tmp"))? {
            fs::remove_file(left?.path())?;
        }
        Ok(Disk { root, durable, max_file_bytes, temporary: AtomicU64::new(0), folders: RwLock::new(()) })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What stands at `path`, without reading it.
    pub(crate) fn look(&self, path: &str) -> Result<Seen, TargetError> {
        let full = self.root.join(path);
        match fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_file() => Ok(Seen::File(Fingerprint::of(&meta))),
            Ok(_) => Ok(Seen::Other),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Seen::Nothing),
            Err(e) => Err(fault("cannot look at", &full, &e)),
        }
    }

    /// Reads a live file. Never waits: a pipe in its place is not opened for long, a symlink not followed.
    pub(crate) fn read(&self, path: &str) -> Result<FileRead, TargetError> {
        let full = self.root.join(path);
        match self.look(path)? {
            Seen::Nothing => return Ok(FileRead::Nothing),
            Seen::Other => return Ok(FileRead::Unreadable("not a plain file".into())),
            Seen::File(f) if f.size > self.max_file_bytes => {
                return Ok(FileRead::Unreadable(format!("{} bytes, more than the limit of {}", f.size, self.max_file_bytes)));
            }
            Seen::File(_) => {}
        }
        if let Err(outside) = self.parent_inside(&full) {
            return Ok(FileRead::Unreadable(outside.message));
        }
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let read = || -> io::Result<FileRead> {
            let mut file = OpenOptions::new().read(true).custom_flags(flags).open(&full)?;
            // Before the bytes: a write in between then gives a fingerprint that no longer fits, not one that does.
            let fingerprint = Fingerprint::of(&file.metadata()?);
            let mut bytes = Vec::with_capacity(fingerprint.size.min(self.max_file_bytes) as usize + 1);
            Read::by_ref(&mut file).take(self.max_file_bytes + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > self.max_file_bytes {
                return Ok(FileRead::Unreadable(format!("more than the limit of {} bytes", self.max_file_bytes)));
            }
            Ok(FileRead::File { bytes, fingerprint })
        };
        match read() {
            Ok(read) => Ok(read),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(FileRead::Nothing),
            Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(FileRead::Unreadable("permission denied".into())),
            Err(e) => Err(fault("cannot read", &full, &e)),
        }
    }

    fn parent_inside(&self, full: &Path) -> Result<(), TargetError> {
        let parent = full.parent().unwrap_or(&self.root);
        match fs::canonicalize(parent) {
            Ok(real) if real.starts_with(&self.root) && !real.starts_with(self.root.join(OWN)) => Ok(()),
            Ok(_) => Err(self.leads_out(parent)),
            Err(e) => Err(fault("cannot look at", parent, &e)),
        }
    }

    fn leads_out(&self, folder: &Path) -> TargetError {
        TargetError::permanent(format!("{}: a symlink leads out of the live directory; remove it", folder.display()))
    }

    /// Makes the folders above `path`, one by one, so that no symlink on the way is followed out of the root.
    fn make_parents(&self, path: &str) -> Result<PathBuf, TargetError> {
        let mut folder = self.root.clone();
        let Some((parents, _)) = path.rsplit_once('/') else { return Ok(folder) };
        for part in parents.split('/') {
            let above = folder.clone();
            folder.push(part);
            match fs::symlink_metadata(&folder) {
                Ok(meta) if meta.is_dir() => {}
                Ok(meta) if meta.is_symlink() => {
                    let inside = fs::canonicalize(&folder)
                        .is_ok_and(|real| real.starts_with(&self.root) && !real.starts_with(self.root.join(OWN)) && real.is_dir());
                    if !inside {
                        return Err(self.leads_out(&folder));
                    }
                }
                Ok(_) => return Err(fault("cannot use", &folder, &ErrorKind::NotADirectory.into())),
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    match fs::create_dir(&folder) {
                        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(fault("cannot make the folder", &folder, &e)),
                        _ => {}
                    }
                    self.flush_folder(&above)?;
                }
                Err(e) => return Err(fault("cannot look at", &folder, &e)),
            }
        }
        Ok(folder)
    }

    fn flush_folder(&self, folder: &Path) -> Result<(), TargetError> {
        if !self.durable {
            return Ok(());
        }
        match File::open(folder).and_then(|f| f.sync_all()) {
            // Removed as empty by a prune next door, which flushes the folder above.
            Err(e) if e.kind() != ErrorKind::NotFound => Err(fault("cannot flush the folder", folder, &e)),
            _ => Ok(()),
        }
    }

    fn write_temporary(&self, path: &str, bytes: &[u8], mode: u32) -> Result<PathBuf, TargetError> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.root.join(OWN).join("tmp").join(number.to_string());
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
            file.write_all(bytes)?;
            // The mode of `open` is cut by the process's umask; what the configuration says counts.
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
            if self.durable {
                file.sync_all()?;
            }
            Ok(())
        };
        write().map(|()| temporary.clone()).map_err(|e| {
            let _ = fs::remove_file(&temporary);
            fault("cannot write", &self.root.join(path), &e)
        })
    }

    /// Puts `bytes` at `path`, whole or not at all.
    pub(crate) fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), TargetError> {
        let temporary = self.write_temporary(path, bytes, mode)?;
        let result = self.move_in(&temporary, path);
        if result.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn move_in(&self, temporary: &Path, path: &str) -> Result<(), TargetError> {
        let full = self.root.join(path);
        let folder = {
            let _kept = self.folders.read().unwrap_or_else(PoisonError::into_inner);
            let folder = self.make_parents(path)?;
            fs::rename(temporary, &full).map_err(|e| fault("cannot write", &full, &e))?;
            folder
        };
        self.flush_folder(&folder)
    }

    /// Removes the file at `path` and the folders that are empty then; fine when it is gone.
    pub(crate) fn remove(&self, path: &str) -> Result<(), TargetError> {
        let full = self.root.join(path);
        match self.look(path)? {
            Seen::Nothing => return Ok(()),
            _ => self.parent_inside(&full)?,
        }
        match fs::remove_file(&full) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(fault("cannot remove", &full, &e)),
        }
        let alone = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        let mut folder = full.parent();
        while let Some(f) = folder.filter(|f| *f != self.root && f.starts_with(&self.root)) {
            if fs::remove_dir(f).is_err() {
                break;
            }
            folder = f.parent();
        }
        drop(alone);
        self.flush_folder(folder.unwrap_or(&self.root))
    }

    /// Every plain file below the root, but for the engine's own folder; symlinks are not followed.
    pub(crate) fn walk(&self, below: &str, found: &mut dyn FnMut(String, Seen)) {
        let mut folders = vec![below.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(self.root.join(&folder)) else { continue };
            for entry in entries.flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if path == OWN {
                    continue;
                }
                match entry.metadata() {
                    Ok(meta) if meta.is_dir() => {
                        found(path.clone(), Seen::Other);
                        folders.push(path);
                    }
                    Ok(meta) if meta.is_file() => found(path, Seen::File(Fingerprint::of(&meta))),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_may_pass_are_transient_and_say_what_to_do() {
        for (kind, expected) in [
            (ErrorKind::StorageFull, "cannot write /live/x: the disk is full; free some space"),
            (ErrorKind::ReadOnlyFilesystem, "cannot write /live/x: the file system is read-only"),
            (ErrorKind::PermissionDenied, "cannot write /live/x: permission denied; let the server's user write there"),
        ] {
            assert_eq!(fault("cannot write", Path::new("/live/x"), &kind.into()), TargetError::transient(expected));
        }
        assert!(!fault("cannot write", Path::new("/live/x"), &ErrorKind::CrossesDevices.into()).transient);
    }
}
