//! Paths opened in one call that no link can lead astray, and directories read through what was opened.

use std::fs::File;
use std::path::Path;

/// What came of opening a path.
pub(super) enum Opened {
    Yes(File),
    /// Nothing is there, or something on the way is no directory.
    Nothing,
    /// One call does not tell: a link is there or on the way, the system lacks the call, or it failed.
    Unknown,
}

#[cfg(target_os = "linux")]
pub(super) use linux::{entries, open};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{entries, open};

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
    use rustix::io::Errno;

    use super::{File, Opened, Path};
    use crate::disk::{Seen, describe, is_nameable};
    use crate::{Entry, EntryKind};

    /// Opens `path`, which must have no link in it. A pipe is not waited for.
    pub(in crate::disk) fn open(path: &Path, directory: bool) -> Opened {
        let kind = if directory { OFlags::DIRECTORY } else { OFlags::NONBLOCK | OFlags::NOCTTY };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | kind;
        match fs::openat2(fs::CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS) {
            Ok(opened) => Opened::Yes(File::from(opened)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Opened::Nothing,
            Err(_) => Opened::Unknown,
        }
    }

    /// The entries of an open directory, in no order.
    pub(in crate::disk) fn entries(directory: File) -> io::Result<Vec<Entry>> {
        let mut directory = Dir::new(directory)?;
        let mut entries = Vec::new();
        while let Some(item) = directory.read() {
            let item = item?;
            let name = item.file_name();
            let Some(text) = name.to_str().ok().filter(|n| is_nameable(n)) else { continue };
            let stat = match fs::statat(directory.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(e) => return Err(e.into()),
            };
            let target = || fs::readlinkat(directory.fd().ok()?, name, Vec::new()).ok();
            let target = || target().map(|text| PathBuf::from(OsStr::from_bytes(text.to_bytes())));
            entries.extend(describe(text, &seen(&stat), target));
        }
        Ok(entries)
    }

    fn seen(stat: &Stat) -> Seen {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Some(EntryKind::Directory),
            FileType::RegularFile => Some(EntryKind::File),
            FileType::Symlink => Some(EntryKind::Symlink),
            _ => None,
        };
        Seen {
            kind,
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size.into(),
            modified: (stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            changed: (stat.st_ctime.into(), stat.st_ctime_nsec.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{File, Opened, Path};
    use crate::Entry;

    pub(in crate::disk) fn open(_: &Path, _: bool) -> Opened {
        Opened::Unknown
    }

    pub(in crate::disk) fn entries(_: File) -> std::io::Result<Vec<Entry>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
