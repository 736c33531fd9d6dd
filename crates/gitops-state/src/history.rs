//! What was deployed, with the manifests as they were applied.
//!
//! An entry's id is the last one's plus one, per application, and is never used again; retention drops the oldest. Rules:
//! Argo CD's `status.history` and `spec.revisionHistoryLimit`.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::blob;
use crate::{AppKey, ManifestBlob, Store, StoreError, Timestamp};

/// What an operation adds to the history when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHistory {
    /// The commit that was applied.
    pub revision: String,
    /// The source (or sources) as JSON text.
    pub source_json: String,
    /// When it was applied.
    pub deployed_at: Timestamp,
    /// When the operation started.
    pub started_at: Timestamp,
    /// Who asked for it.
    pub initiated_by: String,
    /// Entries that are kept, this one included; 0 keeps none (`spec.revisionHistoryLimit`, 10 by default).
    pub limit: usize,
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// 1 for the application's first.
    pub id: u64,
    /// The commit that was applied.
    pub revision: String,
    /// The source (or sources) as JSON text.
    pub source_json: String,
    /// When it was applied.
    pub deployed_at: Timestamp,
    /// When the operation started.
    pub started_at: Timestamp,
    /// Who asked for it.
    pub initiated_by: String,
    /// The operation.
    pub operation: String,
    /// How the operation ended.
    pub status: String,
    /// The operation's message.
    pub message: String,
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        revision: row.get(1)?,
        source_json: row.get(2)?,
        deployed_at: Timestamp::from_millis(row.get(3)?),
        started_at: Timestamp::from_millis(row.get(4)?),
        initiated_by: row.get(5)?,
        operation: row.get(6)?,
        status: row.get(7)?,
        message: row.get(8)?,
    })
}

pub(crate) fn of(c: &Connection, app: i64) -> rusqlite::Result<Vec<HistoryEntry>> {
    c.prepare_cached(
        "SELECT id, revision, source, deployed_at, started_at, initiated_by, operation, status, message
         FROM history WHERE app = ?1 ORDER BY id",
    )?
    .query_map([app], from_row)?
    .collect()
}

/// Appends an entry, drops what `new.limit` no longer keeps, and adds the sets these held to `released`.
#[expect(clippy::too_many_arguments, reason = "one row's columns, from three places")]
pub(crate) fn append(
    tx: &Connection,
    app: i64,
    operation: &str,
    set: i64,
    status: &str,
    message: &str,
    new: &NewHistory,
    released: &mut Vec<i64>,
) -> rusqlite::Result<u64> {
    let id: i64 = tx
        .prepare_cached("UPDATE applications SET last_history = last_history + 1 WHERE id = ?1 RETURNING last_history")?
        .query_row([app], |r| r.get(0))?;
    tx.prepare_cached(
        "INSERT INTO history (app, id, revision, source, deployed_at, started_at, initiated_by, operation, status, message, manifest_set)
         VALUES (:app, :id, :revision, :source, :deployed_at, :started_at, :by, :operation, :status, :message, :set)",
    )?
    .execute(named_params! {
        ":app": app, ":id": id, ":revision": new.revision, ":source": new.source_json,
        ":deployed_at": new.deployed_at.as_millis(), ":started_at": new.started_at.as_millis(), ":by": new.initiated_by,
        ":operation": operation, ":status": status, ":message": message, ":set": set,
    })?;
    let oldest_kept = id.saturating_sub(i64::try_from(new.limit).unwrap_or(i64::MAX));
    let mut drop_old = tx.prepare_cached("DELETE FROM history WHERE app = ?1 AND id <= ?2 RETURNING manifest_set")?;
    for dropped in drop_old.query_map([app, oldest_kept], |r| r.get(0))? {
        released.push(dropped?);
    }
    Ok(id.unsigned_abs())
}

impl Store {
    /// An application's history, oldest first; empty when there is none or no such application.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn history(&self, app: &AppKey) -> Result<Vec<HistoryEntry>, StoreError> {
        self.read("read history", |c| match crate::application::id_of(c, app)? {
            Some(id) => of(c, id),
            None => Ok(Vec::new()),
        })
    }

    /// The manifests of one history entry as they were applied; `None` when there is no such entry (any more).
    ///
    /// # Errors
    /// Faults of the database, and manifests that do not match their hash.
    pub fn history_manifests(&self, app: &AppKey, id: u64) -> Result<Option<Vec<ManifestBlob>>, StoreError> {
        self.read("read applied manifests", |c| {
            let set = c
                .prepare_cached(
                    "SELECT h.manifest_set FROM history h JOIN applications a ON a.id = h.app
                     WHERE a.name = ?1 AND a.namespace = ?2 AND h.id = ?3",
                )?
                .query_row(params![app.name, app.namespace, i64::try_from(id).unwrap_or(i64::MAX)], |r| r.get(0))
                .optional()?;
            set.map(|set| blob::load(c, set)).transpose()
        })
    }
}
