//! Back-ups: written while the store is in use, and never called good before they were read back.
//!
//! A back-up is one compact SQLite file and, beside it, `<file>.sha256` in the format of `sha256sum`. The checksum file is
//! written last, so a back-up that was cut off has none and is not good.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use crate::error::Cause;
use crate::migration::{self, Found};
use crate::{Store, StoreError, Timestamp};

/// A written and verified back-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// What [`Store::backup_rotate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new back-up.
    pub written: Backup,
    /// Older ones that were removed.
    pub removed: Vec<PathBuf>,
}

/// Why a back-up was not written, is not good, or was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file is there already.
    #[error("`{}` exists; choose another name or move it away", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The file is not a good back-up.
    #[error("`{}` is not a good back-up: {why}", path.display())]
    NotGood {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A server has the database open.
    #[error("`{}` is in use by a running server; stop it first", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{doing} `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's message.
        #[source]
        cause: Cause,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(crate) fn io(doing: &'static str, path: &Path, cause: impl Into<Cause>) -> BackupError {
        BackupError::Io { doing, path: path.into(), cause: cause.into() }
    }

    fn not_good(path: &Path, why: impl Into<String>) -> BackupError {
        BackupError::NotGood { path: path.into(), why: why.into() }
    }
}

/// A time as digits (`20261121T051011.123Z`), which sort by time and may stand in a file name.
fn compact(at: Timestamp) -> String {
    let mut text: String = at.to_string().chars().filter(|c| !matches!(c, '-' | ':' | 'Z')).collect();
    let _ = write!(text, ".{:03}Z", at.as_millis().rem_euclid(1000));
    text
}

impl Store {
    /// Writes a back-up of this moment to `path` while the store goes on working, and reads it back.
    ///
    /// # Errors
    /// When `path` exists, cannot be written, or what was written is not good; nothing is left behind then.
    pub fn backup(&self, path: &Path) -> Result<Backup, BackupError> {
        match self.path() {
            Some(database) => backup_file(database, path),
            None => self.with_writer(|source| write(source, path)),
        }
    }

    /// Writes a back-up named by the time into `directory` (made if needed), then removes the oldest of those this made so
    /// that `keep` remain (at least the new one).
    ///
    /// # Errors
    /// As [`Store::backup`]; older back-ups are removed only once the new one is good.
    pub fn backup_rotate(&self, directory: &Path, keep: usize) -> Result<Rotation, BackupError> {
        fs::create_dir_all(directory).map_err(|e| BackupError::io("create directory", directory, e))?;
        let mut name = format!("{PREFIX}{}{SUFFIX}", compact(crate::clock::now()));
        // Two in one millisecond: the second gets a suffix that still sorts after the first.
        for n in 1.. {
            if !directory.join(&name).exists() {
                break;
            }
            name = format!("{PREFIX}{}-{n:03}{SUFFIX}", compact(crate::clock::now()));
        }
        let written = self.backup(&directory.join(name))?;
        let mut removed = Vec::new();
        for old in list(directory)?.into_iter().skip(keep.max(1)) {
            // The checksum first: cut off in between, the rest is not taken for good.
            let _absent_is_fine = fs::remove_file(checksum_file(&old));
            fs::remove_file(&old).map_err(|e| BackupError::io("remove", &old, e))?;
            removed.push(old);
        }
        Ok(Rotation { written, removed })
    }
}

const PREFIX: &str = "state-";
const SUFFIX: &str = ".db";

/// Back-ups in `directory` made by [`Store::backup_rotate`], newest first; good or not.
pub(crate) fn list(directory: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let failed = |e| BackupError::io("list", directory, e);
    let mut found = Vec::new();
    match fs::read_dir(directory) {
        Ok(entries) => {
            for entry in entries {
                let name = entry.map_err(failed)?.file_name();
                if name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX)) {
                    found.push(directory.join(name));
                }
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(failed(e)),
    }
    // Names hold the time in digits of fixed width.
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text: OsString = path.into();
    text.push(suffix);
    text.into()
}

fn checksum_file(path: &Path) -> PathBuf {
    with_suffix(path, ".sha256")
}

fn write(source: &Connection, path: &Path) -> Result<Backup, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists { path: path.into() });
    }
    let partial = with_suffix(path, ".partial");
    let written = write_partial(source, &partial).and_then(|sha256| {
        fs::rename(&partial, path).map_err(|e| BackupError::io("rename", &partial, e))?;
        let bytes = fs::metadata(path).map_err(|e| BackupError::io("read", path, e))?.len();
        write_checksum(path, &sha256)?;
        flush_directory(path);
        Ok(Backup { path: path.into(), bytes, sha256 })
    });
    if written.is_err() {
        let _best_effort = fs::remove_file(&partial);
    }
    written
}

/// Writes, flushes and verifies; returns the SHA-256.
fn write_partial(source: &Connection, partial: &Path) -> Result<String, BackupError> {
    let _left_by_a_crash = fs::remove_file(partial);
    // Made first, empty, so that nobody else can read it at any time: SQLite would create it with the process's mask.
    create_private(partial).map_err(|e| BackupError::io("create", partial, e))?;
    let text = partial.to_str().ok_or_else(|| BackupError::io("create", partial, "the path is not UTF-8"))?;
    source.execute("VACUUM INTO ?1", [text]).map_err(|e| StoreError::classify("back up", e))?;
    File::open(partial).and_then(|f| f.sync_all()).map_err(|e| BackupError::io("flush", partial, e))?;
    verify_content(partial)?;
    hash_file(partial)
}

fn write_checksum(path: &Path, sha256: &str) -> Result<(), BackupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = checksum_file(path);
    let failed = |e| BackupError::io("write", &file, e);
    let mut out = File::create(&file).map_err(failed)?;
    out.write_all(format!("{sha256}  {name}\n").as_bytes()).and_then(|()| out.sync_all()).map_err(failed)
}

/// A rename is on the disk only when its directory is. Where directories cannot be flushed, nothing is lost by trying.
fn flush_directory(path: &Path) {
    if let Some(parent) = path.parent() {
        let _best_effort = File::open(parent).and_then(|d| d.sync_all());
    }
}

pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn hash_file(path: &Path) -> Result<String, BackupError> {
    let failed = |e| BackupError::io("read", path, e);
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Whether the file holds a whole database of ours that this program can read.
fn verify_content(path: &Path) -> Result<(), BackupError> {
    let not_good = |why: String| BackupError::not_good(path, why);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|e| not_good(e.to_string()))?;
    let verdict: String = c.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(|e| not_good(e.to_string()))?;
    if verdict != "ok" {
        return Err(not_good(verdict));
    }
    let orphans = c.prepare("PRAGMA foreign_key_check").and_then(|mut s| s.exists([])).map_err(|e| not_good(e.to_string()))?;
    if orphans {
        return Err(not_good("rows refer to rows that are not there".into()));
    }
    match migration::inspect(&c).map_err(|e| not_good(e.to_string()))? {
        Found::Version(_) => Ok(()),
        Found::Empty => Err(not_good("it is empty".into())),
        Found::Newer(v) => Err(not_good(format!("its schema {v} is newer than this program's {}", migration::NEWEST))),
        Found::Changed(v) => Err(not_good(format!("schema step {v} is not the one this program knows"))),
        Found::Foreign => Err(not_good("it is another program's database".into())),
    }
}

/// Writes a back-up of the database file `database` to `path`, also while a server works on it, and reads it back.
///
/// # Errors
/// As [`Store::backup`].
pub fn backup_file(database: &Path, path: &Path) -> Result<Backup, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags).map_err(|e| StoreError::classify("back up", e))?;
    write(&source, path)
}

/// Reads a back-up through: its checksum file, where it has one, and the database in it.
///
/// # Errors
/// [`BackupError::NotGood`] says what is wrong.
pub fn verify_backup(path: &Path) -> Result<(), BackupError> {
    let beside = checksum_file(path);
    match fs::read_to_string(&beside) {
        Ok(text) => {
            let expected = text.split_whitespace().next().unwrap_or_default();
            if !hash_file(path)?.eq_ignore_ascii_case(expected) {
                return Err(BackupError::not_good(path, "it does not match its checksum file"));
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(BackupError::io("read", &beside, e)),
    }
    if !path.exists() {
        return Err(BackupError::not_good(path, "there is no such file"));
    }
    verify_content(path)
}

/// Puts the back-up `from` in the place of the database `to`, verified before and after. A database that is there is kept
/// beside it under a new name, which is returned.
///
/// # Errors
/// When the back-up is not good or a server has the database open; then nothing has changed.
pub fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>, BackupError> {
    let Some(_lock) = lock(to).map_err(|e| BackupError::io("lock", to, e))? else {
        return Err(BackupError::InUse { path: to.into() });
    };
    verify_backup(from)?;
    restore_locked(from, to, "replaced")
}

/// The copy is verified before anything is moved, so a full disk leaves everything as it was.
pub(crate) fn restore_locked(from: &Path, to: &Path, aside_as: &str) -> Result<Option<PathBuf>, BackupError> {
    let partial = with_suffix(to, ".partial");
    let copied = copy_private(from, &partial).and_then(|()| verify_content(&partial));
    if let Err(e) = copied {
        let _best_effort = fs::remove_file(&partial);
        return Err(e);
    }
    let aside = if to.exists() { Some(set_aside(to, aside_as)?) } else { None };
    fs::rename(&partial, to).map_err(|e| BackupError::io("rename", &partial, e))?;
    flush_directory(to);
    Ok(aside)
}

fn copy_private(from: &Path, to: &Path) -> Result<(), BackupError> {
    let _left_by_a_crash = fs::remove_file(to);
    let failed = |e| BackupError::io("copy to", to, e);
    let mut source = File::open(from).map_err(|e| BackupError::io("read", from, e))?;
    let mut target = create_private(to).map_err(failed)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(failed)
}

/// Moves a database and its log to `<name>.<word>-<n>` with the first free number.
pub(crate) fn set_aside(path: &Path, word: &str) -> Result<PathBuf, BackupError> {
    let mut n = 1_u32;
    let aside = loop {
        let candidate = with_suffix(path, &format!(".{word}-{n}"));
        if !candidate.exists() {
            break candidate;
        }
        n += 1;
    };
    for log in ["-wal", "-shm"] {
        let from = with_suffix(path, log);
        match fs::rename(&from, with_suffix(&aside, log)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(BackupError::io("set aside", &from, e)),
            _ => {}
        }
    }
    fs::rename(path, &aside).map_err(|e| BackupError::io("set aside", path, e))?;
    Ok(aside)
}

/// Locks the database for this process; `None` when another one has it. The lock goes with the file handle, however the
/// process ends.
pub(crate) fn lock(database: &Path) -> io::Result<Option<File>> {
    let path = with_suffix(database, ".lock");
    let file = match create_private(&path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => File::options().read(true).write(true).open(&path)?,
        other => other?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(e)) => Err(e),
    }
}
