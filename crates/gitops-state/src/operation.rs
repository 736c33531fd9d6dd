//! Operations: written before their first effect, after each step, and at their end.
//!
//! `begin_operation` → `save_operation` … → `finish_operation`. At most one operation per application runs; those that
//! [`Store::running_operations`] returns at a start were cut off and are to be continued from their state. The state is
//! JSON text that the store does not read. All three calls are on the disk when they return.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::application::{StatusRow, id_of, write_status};
use crate::blob::{self, HashedSet};
use crate::history::{self, NewHistory};
use crate::store::Durability;
use crate::{AppKey, ManifestBlob, Store, StoreError, Timestamp};

/// Finished operations that are kept per application, newest first.
pub const OPERATIONS_KEPT: usize = 50;

/// The phase of an operation that has not ended.
pub const RUNNING: &str = "Running";

/// An operation about to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperation {
    /// Its id, unique for ever: hook runs are named after it.
    pub id: String,
    /// The application.
    pub app: AppKey,
    /// The commit to apply.
    pub revision: String,
    /// Who asked for it (a user's name, or what the automatic sync calls itself).
    pub requested_by: String,
    /// When it started.
    pub started_at: Timestamp,
    /// What was asked for, as JSON text.
    pub request_json: String,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// `Succeeded`, `Failed`, `Error`.
    pub phase: String,
    /// For people.
    pub message: String,
    /// When.
    pub finished_at: Timestamp,
    /// The last state.
    pub state_json: String,
    /// The history entry to append, if this operation makes one (by Argo CD's rule: a successful, full sync).
    pub history: Option<NewHistory>,
    /// The application's status with this end in it. Stored in the same transaction, so that a crash never leaves an
    /// operation that has ended beside a status that knows nothing of it.
    pub status: Option<StatusRow>,
}

/// An operation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// The application.
    pub app: AppKey,
    /// The commit it applies.
    pub revision: String,
    /// Who asked for it.
    pub requested_by: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// [`RUNNING`], or how it ended.
    pub phase: String,
    /// For people; empty while it runs.
    pub message: String,
    /// What was asked for, as JSON text.
    pub request_json: String,
    /// Its state after the last step, as JSON text.
    pub state_json: String,
}

/// Why an operation did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// The application is not stored.
    #[error("application {app} does not exist (any more)")]
    UnknownApplication {
        /// Which.
        app: AppKey,
    },
    /// Another operation of this application has not ended.
    #[error("another operation of application {app} is running ({id}); wait for it or terminate it")]
    AlreadyRunning {
        /// Which application.
        app: AppKey,
        /// The operation that runs.
        id: String,
    },
    /// The id was used before.
    #[error("operation id `{id}` was used before; ids are unique for ever")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a state was not recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// No running operation has this id: it ended, or its application was deleted.
    #[error("operation `{id}` is not running (any more); stop working on it")]
    NotRunning {
        /// The id.
        id: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const SELECT: &str = "SELECT o.id, a.namespace, a.name, o.revision, o.requested_by, o.started_at, o.finished_at, o.phase, o.message, \
     o.request, s.json FROM operations o JOIN applications a ON a.id = o.app JOIN operation_states s ON s.operation = o.seq";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        id: row.get(0)?,
        app: AppKey { namespace: row.get(1)?, name: row.get(2)? },
        revision: row.get(3)?,
        requested_by: row.get(4)?,
        started_at: Timestamp::from_millis(row.get(5)?),
        finished_at: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis),
        phase: row.get(7)?,
        message: row.get(8)?,
        request_json: row.get(9)?,
        state_json: row.get(10)?,
    })
}

/// The newest operation of an application, running or not.
pub(crate) fn newest(c: &Connection, app: i64) -> rusqlite::Result<Option<Operation>> {
    c.prepare_cached(&format!("{SELECT} WHERE o.app = ?1 ORDER BY o.seq DESC LIMIT 1"))?.query_row([app], from_row).optional()
}

impl Store {
    /// Writes down an operation, what it will apply and its first state, before its first effect.
    ///
    /// # Errors
    /// When one is running for the application, the application is not there, or the id was used before.
    pub fn begin_operation(&self, new: &NewOperation, manifests: &[ManifestBlob], state_json: &str) -> Result<(), BeginError> {
        let hashed = HashedSet::of(manifests);
        self.write("begin operation", Durability::Power, |tx| {
            let Some(app) = id_of(tx, &new.app)? else {
                return Ok(Err(BeginError::UnknownApplication { app: new.app.clone() }));
            };
            let running = tx
                .prepare_cached("SELECT id FROM operations WHERE app = ?1 AND finished_at IS NULL")?
                .query_row([app], |r| r.get(0))
                .optional()?;
            if let Some(id) = running {
                return Ok(Err(BeginError::AlreadyRunning { app: new.app.clone(), id }));
            }
            let used = tx.prepare_cached("SELECT 1 FROM operations WHERE id = ?1")?.exists([&new.id])?;
            if used {
                return Ok(Err(BeginError::DuplicateId { id: new.id.clone() }));
            }
            let set = hashed.store(tx)?;
            let seq = tx
                .prepare_cached(
                    "INSERT INTO operations (id, app, revision, requested_by, started_at, phase, message, manifest_set, request)
                     VALUES (:id, :app, :revision, :by, :at, :phase, '', :set, :request)",
                )?
                .insert(named_params! {
                    ":id": new.id, ":app": app, ":revision": new.revision, ":by": new.requested_by,
                    ":at": new.started_at.as_millis(), ":phase": RUNNING, ":set": set, ":request": new.request_json,
                })?;
            tx.prepare_cached("INSERT INTO operation_states (operation, json) VALUES (?1, ?2)")?.execute(params![seq, state_json])?;
            Ok(Ok(()))
        })
    }

    /// Records the state after a step. The next effect may follow when this returns.
    ///
    /// # Errors
    /// [`SaveError::NotRunning`] when the operation has ended or gone.
    pub fn save_operation(&self, id: &str, state_json: &str) -> Result<(), SaveError> {
        self.write("save operation", Durability::Power, |tx| {
            let rows = tx
                .prepare_cached(
                    "UPDATE operation_states SET json = ?2
                     WHERE operation = (SELECT seq FROM operations WHERE id = ?1 AND finished_at IS NULL)",
                )?
                .execute([id, state_json])?;
            Ok(if rows == 1 { Ok(()) } else { Err(SaveError::NotRunning { id: id.into() }) })
        })
    }

    /// Ends an operation, appends its history entry, and drops what retention no longer keeps, all or nothing. Returns the
    /// id of the history entry.
    ///
    /// # Errors
    /// [`SaveError::NotRunning`] when the operation has ended already or gone.
    pub fn finish_operation(&self, id: &str, finish: &Finish) -> Result<Option<u64>, SaveError> {
        self.write("finish operation", Durability::Power, |tx| {
            let row = tx
                .prepare_cached(
                    "UPDATE operations SET phase = :phase, message = :message, finished_at = :at
                     WHERE id = :id AND finished_at IS NULL RETURNING seq, app, manifest_set",
                )?
                .query_row(
                    named_params! {
                        ":id": id, ":phase": finish.phase, ":message": finish.message, ":at": finish.finished_at.as_millis(),
                    },
                    |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?)),
                )
                .optional()?;
            let Some((seq, app, set)) = row else { return Ok(Err(SaveError::NotRunning { id: id.into() })) };
            tx.prepare_cached("UPDATE operation_states SET json = ?2 WHERE operation = ?1")?.execute(params![seq, finish.state_json])?;
            let mut released = drop_old_operations(tx, app)?;
            let entry = match &finish.history {
                Some(new) => Some(history::append(tx, app, id, set, &finish.phase, &finish.message, new, &mut released)?),
                None => None,
            };
            blob::release(tx, &released)?;
            if let Some(status) = &finish.status {
                write_status(tx, app, status)?;
            }
            Ok(Ok(entry))
        })
    }

    /// Operations that have not ended, oldest first. At a start: those that were cut off.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn running_operations(&self) -> Result<Vec<Operation>, StoreError> {
        self.read("read operations", |c| {
            c.prepare_cached(&format!("{SELECT} WHERE o.finished_at IS NULL ORDER BY o.seq"))?.query_map([], from_row)?.collect()
        })
    }

    /// One operation.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        self.read("read operation", |c| c.prepare_cached(&format!("{SELECT} WHERE o.id = ?1"))?.query_row([id], from_row).optional())
    }

    /// An application's operations, newest first. The last [`OPERATIONS_KEPT`] finished ones are kept.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn operations(&self, app: &AppKey, limit: usize) -> Result<Vec<Operation>, StoreError> {
        self.read("read operations", |c| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            c.prepare_cached(&format!("{SELECT} WHERE a.name = ?1 AND a.namespace = ?2 ORDER BY o.seq DESC LIMIT ?3"))?
                .query_map(params![app.name, app.namespace, limit], from_row)?
                .collect()
        })
    }

    /// What an operation applies, in the order given to [`Store::begin_operation`]; `None` when there is no such operation.
    ///
    /// # Errors
    /// Faults of the database, and manifests that do not match their hash.
    pub fn operation_manifests(&self, id: &str) -> Result<Option<Vec<ManifestBlob>>, StoreError> {
        self.read("read applied manifests", |c| {
            let set = c.prepare_cached("SELECT manifest_set FROM operations WHERE id = ?1")?.query_row([id], |r| r.get(0)).optional()?;
            set.map(|set| blob::load(c, set)).transpose()
        })
    }
}

/// Returns the manifest sets the dropped operations held.
fn drop_old_operations(tx: &Connection, app: i64) -> rusqlite::Result<Vec<i64>> {
    let kept = i64::try_from(OPERATIONS_KEPT).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "DELETE FROM operations WHERE app = ?1 AND finished_at IS NOT NULL AND seq <= (
           SELECT seq FROM operations WHERE app = ?1 AND finished_at IS NOT NULL ORDER BY seq DESC LIMIT 1 OFFSET ?2
         ) RETURNING manifest_set",
    )?
    .query_map([app, kept], |r| r.get(0))?
    .collect()
}
