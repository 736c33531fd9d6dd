//! Opening: lock, look, repair or refuse, migrate.
//!
//! A damaged file is set aside as `<name>.damaged-<n>` and the newest good back-up takes its place; with none, the store
//! starts empty and says so. Nothing is ever deleted. A file that is not damaged but not ours to use (a newer schema, another
//! program's database, a directory that cannot be written) is an error and stays untouched.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::backup::{self, BackupError};
use crate::error::{Cause, says_damaged};
use crate::migration::{self, Found, NEWEST};
use crate::store::{configure, open_writer};
use crate::{Store, StoreError};

/// How to open.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Where [`Store::backup_rotate`] writes, and where a good back-up is looked for. Default: none.
    pub backups_dir: Option<PathBuf>,
    /// Databases up to this size in bytes are checked page by page at the start; larger ones only at their header and
    /// schema, and [`Store::check`] is for a quiet moment. Default 256 MiB.
    pub check_up_to: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions { backups_dir: None, check_up_to: 256 << 20 }
    }
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// The database was made anew.
    pub created: bool,
    /// Where the damaged database was put.
    pub set_aside: Option<PathBuf>,
    /// The back-up that took its place.
    pub restored_from: Option<PathBuf>,
    /// What people should know.
    pub warnings: Vec<String>,
}

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("`{}` is in use by another server; stop that one, or give this one a state file of its own", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// It was written by a newer program.
    #[error("`{}` has schema {found}, this program knows up to {known}; run the newer program, or restore a back-up of before the upgrade", path.display())]
    NewerSchema {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A step of its schema is not the one this program has.
    #[error("`{}`: schema step {version} is not the one this program has; it was made by another build: run that one", path.display())]
    ChangedMigration {
        /// Which.
        path: PathBuf,
        /// The step.
        version: i64,
    },
    /// A database, but not one of ours.
    #[error("`{}` is another program's database; give the server a state file of its own", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// The file or its directory cannot be used.
    #[error("cannot open `{}`; check that its directory exists and can be written", path.display())]
    NotUsable {
        /// Which.
        path: PathBuf,
        /// The system's message.
        #[source]
        cause: Cause,
    },
    /// Putting a back-up in the place of a damaged database failed.
    #[error("the damaged database could not be replaced")]
    Recovery(#[from] BackupError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Opens the database at `path`, or makes it.
    ///
    /// # Errors
    /// When it is in use, of a newer program, not ours, or cannot be written. Damage is not an error: see [`OpenReport`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<(Store, OpenReport), OpenError> {
        let not_usable = |e: Cause| OpenError::NotUsable { path: path.into(), cause: e };
        let Some(lock) = backup::lock(path).map_err(|e| not_usable(e.into()))? else {
            return Err(OpenError::InUse { path: path.into() });
        };
        let mut report = OpenReport { created: !path.exists(), ..OpenReport::default() };
        if report.created {
            warn_of_backups(options, &mut report);
            backup::create_private(path).map_err(|e| not_usable(e.into()))?;
        }
        let connection = match look(path, options, &mut report) {
            Ok(connection) => connection,
            Err(Look::Refused(error)) => return Err(error),
            Err(Look::Damaged(why)) => {
                recover(path, options, &why, &mut report)?;
                look(path, options, &mut report).map_err(|e| match e {
                    Look::Refused(error) => error,
                    Look::Damaged(what) => StoreError::Damaged { doing: "open", what }.into(),
                })?
            }
        };
        Ok((Store::new(connection, Some(path.into()), Some(lock)), report))
    }

    /// An empty store in memory, gone with its last clone.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn open_in_memory() -> Result<Store, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open_in_memory()?;
            configure(&connection)?;
            migration::run(&mut connection, 0)?;
            Ok(connection)
        };
        Ok(Store::new(open().map_err(|e| StoreError::classify("open", e))?, None, None))
    }

    /// Checks the whole database, as opening does for those of moderate size.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        let verdict = self.read("check", quick_check)?;
        if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { doing: "check", what: verdict }) }
    }
}

fn quick_check(c: &Connection) -> rusqlite::Result<String> {
    c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))
}

enum Look {
    Damaged(String),
    Refused(OpenError),
}

/// Opens, checks and migrates.
fn look(path: &Path, options: &OpenOptions, report: &mut OpenReport) -> Result<Connection, Look> {
    let sort = |e: rusqlite::Error| {
        if says_damaged(&e) {
            return Look::Damaged(e.to_string());
        }
        Look::Refused(match StoreError::classify("open", e) {
            StoreError::NotWritable { cause, .. } => OpenError::NotUsable { path: path.into(), cause },
            other => other.into(),
        })
    };
    let mut connection = open_writer(path).map_err(sort)?;
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    let found = migration::inspect(&connection).map_err(sort)?;
    let version = match found {
        Found::Empty => 0,
        Found::Version(version) => version,
        Found::Newer(found) => return Err(Look::Refused(OpenError::NewerSchema { path: path.into(), found, known: NEWEST })),
        Found::Changed(version) => return Err(Look::Refused(OpenError::ChangedMigration { path: path.into(), version })),
        Found::Foreign => return Err(Look::Refused(OpenError::Foreign { path: path.into() })),
    };
    if size > options.check_up_to {
        report.warnings.push(format!("`{}` ({size} bytes) is too large to check at the start", path.display()));
    } else if version > 0 {
        let verdict = quick_check(&connection).map_err(sort)?;
        if verdict != "ok" {
            return Err(Look::Damaged(verdict));
        }
    }
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;")
        .map_err(sort)?;
    if version < NEWEST {
        migration::run(&mut connection, version).map_err(sort)?;
    }
    Ok(connection)
}

/// Sets the damaged database aside and puts the newest good back-up in its place, if there is one.
fn recover(path: &Path, options: &OpenOptions, why: &str, report: &mut OpenReport) -> Result<(), OpenError> {
    report.warnings.push(format!("`{}` is damaged ({why})", path.display()));
    let candidates = match &options.backups_dir {
        Some(directory) => backup::list(directory)?,
        None => Vec::new(),
    };
    for candidate in candidates {
        match backup::verify_backup(&candidate) {
            Ok(()) => {
                report.set_aside = backup::restore_locked(&candidate, path, "damaged")?;
                report.restored_from = Some(candidate);
                return Ok(());
            }
            Err(e) => report.warnings.push(e.to_string()),
        }
    }
    report.set_aside = Some(backup::set_aside(path, "damaged")?);
    report.created = true;
    report.warnings.push("no good back-up was found: the store starts empty; restore one with `gitops restore` if you have it".into());
    backup::create_private(path).map_err(|e| OpenError::NotUsable { path: path.into(), cause: e.into() })?;
    Ok(())
}

fn warn_of_backups(options: &OpenOptions, report: &mut OpenReport) {
    let Some(directory) = &options.backups_dir else { return };
    let n = backup::list(directory).map_or(0, |l| l.len());
    if n > 0 {
        report.warnings.push(format!(
            "there was no state database, so the store starts empty, though `{}` holds {n} back-ups: if it was lost, use `gitops restore`",
            directory.display()
        ));
    }
}
