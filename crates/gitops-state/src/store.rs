//! Connections: one that writes, and some that read.
//!
//! Concurrency: every write is one `BEGIN IMMEDIATE` transaction on the one writing connection, behind a mutex; reads use
//! connections of their own and see the last commit, and neither waits for the other (write-ahead log).
//!
//! Durability: a commit is in the write-ahead log, in the kernel's hands, before the call returns, so killing the process
//! loses nothing at all. [`Durability::Power`] adds a flush to the disk: operations use it ("state before effect" holds
//! through a power cut as well). Status, caches and the audit log use [`Durability::Process`]: status is observed anew
//! after a start, and the next flush of an operation covers what came before it in the log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::StoreError;

/// Idle reading connections that are kept; more are opened when needed and closed after use.
const IDLE_READERS: usize = 4;

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store. Cheap to clone; clones share the database. All calls block: from async code use a blocking thread.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

struct Inner {
    /// `None` in memory, where the writer reads as well.
    path: Option<PathBuf>,
    /// Dropped before the writer: the last connection to close folds the log into the database, and only one that may
    /// write can do so.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
    /// Held while the store lives, so that no second server and no restore touches the file.
    _lock: Option<File>,
}

struct Writer {
    connection: Connection,
    durability: Durability,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process, `kill -9` included.
    Process,
    /// A power cut as well: the log is flushed to the disk.
    Power,
}

impl Store {
    pub(crate) fn new(connection: Connection, path: Option<PathBuf>, lock: Option<File>) -> Store {
        let writer = Mutex::new(Writer { connection, durability: Durability::Power });
        Store { inner: Arc::new(Inner { path, writer, readers: Mutex::default(), _lock: lock }) }
    }

    /// Where the database lies; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.inner.path.as_deref()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while the lock was held dropped its transaction, which rolled back: the connection is as good as before.
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on a connection that sees one state of the database throughout.
    pub(crate) fn read<T>(&self, doing: &'static str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let Some(path) = self.path() else {
            return work(&self.writer().connection).map_err(|e| StoreError::classify(doing, e));
        };
        let idle = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let read = || -> rusqlite::Result<(T, Connection)> {
            let connection = match idle {
                Some(connection) => connection,
                None => open_reader(path)?,
            };
            let snapshot = connection.unchecked_transaction()?;
            let answer = work(&snapshot)?;
            drop(snapshot);
            Ok((answer, connection))
        };
        let (answer, connection) = read().map_err(|e| StoreError::classify(doing, e))?;
        let mut readers = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        Ok(answer)
    }

    /// Runs `work` in one transaction: committed when it returns `Ok(Ok(_))`, as if it had not been otherwise.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        doing: &'static str,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<Result<T, E>>,
    ) -> Result<T, E> {
        let mut writer = self.writer();
        let fault = |e| E::from(StoreError::classify(doing, e));
        writer.set_durability(durability).map_err(fault)?;
        let transaction = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let answer = work(&transaction).map_err(fault)?;
        if answer.is_ok() {
            transaction.commit().map_err(fault)?;
        }
        answer
    }

    /// Runs `work` on the writing connection outside any transaction.
    pub(crate) fn with_writer<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&self.writer().connection)
    }
}

impl Writer {
    fn set_durability(&mut self, wanted: Durability) -> rusqlite::Result<()> {
        if self.durability != wanted {
            self.connection.execute_batch(match wanted {
                Durability::Process => "PRAGMA synchronous = NORMAL",
                Durability::Power => "PRAGMA synchronous = FULL",
            })?;
            self.durability = wanted;
        }
        Ok(())
    }
}

/// Settings every connection has. Foreign keys are off by default in SQLite; `trusted_schema` off and `cell_size_check` on
/// make a damaged or hostile file an error instead of a surprise.
pub(crate) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")
}

pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&connection)?;
    Ok(connection)
}
