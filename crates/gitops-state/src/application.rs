//! Applications: what is declared, what was last seen of it, and whether it is held.
//!
//! The manifest and the status are JSON text that the store does not read; what is searched has a column. A change of the
//! manifest, labels or project counts `resource_version` up; a change of status or hold does not, so that a person's edit is
//! never refused because the engine looked at the application in between.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::{Deserialize, Serialize};

use crate::store::Durability;
use crate::{Store, StoreError, Timestamp};

/// What an application is called. Writes as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AppKey {
    /// Namespace the application is declared in (by default the control namespace).
    pub namespace: String,
    /// Name, unique in the namespace.
    pub name: String,
}

impl AppKey {
    /// A key from its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> AppKey {
        AppKey { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where an application's declaration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made by an API call, and changed by them.
    Api,
    /// Declared elsewhere; the text says where (a file, a URL and path, or the object that declares it).
    File(String),
}

/// A declaration to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApplication {
    /// Its name.
    pub key: AppKey,
    /// Project (`spec.project`).
    pub project: String,
    /// Labels, to select by.
    pub labels: BTreeMap<String, String>,
    /// `metadata` and `spec` as JSON text.
    pub manifest_json: String,
    /// Where it came from.
    pub origin: Origin,
    /// When this was declared.
    pub at: Timestamp,
}

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Version after it.
    pub resource_version: u64,
    /// The application was not there before.
    pub created: bool,
    /// Something differs from what was stored; when `false`, nothing was written.
    pub changed: bool,
}

/// Why an application was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The caller expected another version than the one stored.
    #[error("application {app} was changed meanwhile (version {found}, expected {expected}); read it again and repeat the change")]
    Conflict {
        /// Which.
        app: AppKey,
        /// What the caller had read; 0 means that it must not be there.
        expected: u64,
        /// What is stored; 0 means that it is not there.
        found: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was last observed of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// `Synced`, `OutOfSync`, `Unknown`.
    pub sync: String,
    /// `Healthy`, `Progressing`, …
    pub health: String,
    /// The commit compared with.
    pub revision: Option<String>,
    /// `status` as JSON text.
    pub status_json: String,
    /// When it was observed.
    pub updated_at: Timestamp,
}

/// Something waits until the hold is lifted: the automatic syncs of an application, or everything in a scope that was
/// stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why, for people to read.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when, UTC milliseconds.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// The revision it is pinned to: a roll-back's. `None` holds whatever is live.
    pub revision: Option<String>,
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_millis)
    }
}

/// An application as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub key: AppKey,
    /// Project.
    pub project: String,
    /// Where it came from.
    pub origin: Origin,
    /// Counts up with each change of the declaration, over all applications; never 0.
    pub resource_version: u64,
    /// `metadata` and `spec` as JSON text.
    pub manifest_json: String,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// What was last observed; `None` before the first look.
    pub status: Option<StatusRow>,
    /// Why automatic syncs wait, if they do.
    pub hold: Option<Hold>,
}

/// [`listed`] reads these by position.
const COLUMNS: &str = "a.namespace, a.name, a.project, a.origin, a.resource_version, a.created_at, a.sync, a.health, \
     a.revision, a.updated_at, a.hold, m.json, s.json";

const JOINED: &str = "applications a JOIN application_manifests m ON m.app = a.id LEFT JOIN application_statuses s ON s.app = a.id";

/// A query for whole applications (alias `a`), narrowed by `filter`.
pub(crate) fn select_listed(filter: &str) -> String {
    format!("SELECT {COLUMNS} FROM {JOINED} {filter}")
}

/// Reads a row of [`select_listed`].
pub(crate) fn listed(row: &Row<'_>) -> rusqlite::Result<Application> {
    let status = match row.get::<_, Option<String>>(12)? {
        None => None,
        Some(status_json) => Some(StatusRow {
            sync: row.get(6)?,
            health: row.get(7)?,
            revision: row.get(8)?,
            status_json,
            updated_at: Timestamp::from_millis(row.get(9)?),
        }),
    };
    let origin: Option<String> = row.get(3)?;
    Ok(Application {
        key: AppKey { namespace: row.get(0)?, name: row.get(1)? },
        project: row.get(2)?,
        origin: origin.map_or(Origin::Api, Origin::File),
        resource_version: row.get::<_, i64>(4)?.unsigned_abs(),
        created_at: Timestamp::from_millis(row.get(5)?),
        manifest_json: row.get(11)?,
        status,
        hold: row.get::<_, Option<String>>(10)?.map(|json| hold_from_json(&json, 10)).transpose()?,
    })
}

pub(crate) fn hold_from_json(json: &str, column: usize) -> rusqlite::Result<Hold> {
    serde_json::from_str(json).map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e)))
}

pub(crate) fn hold_to_json(hold: &Hold) -> rusqlite::Result<String> {
    serde_json::to_string(hold).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// An origin as its column has it.
pub(crate) fn origin_text(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Api => None,
        Origin::File(text) => Some(text.as_str()),
    }
}

/// The row of `app`, if it is stored.
pub(crate) fn id_of(connection: &Connection, app: &AppKey) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM applications WHERE name = ?1 AND namespace = ?2")?
        .query_row(params![app.name, app.namespace], |row| row.get(0))
        .optional()
}

pub(crate) fn find(c: &Connection, app: &AppKey) -> rusqlite::Result<Option<Application>> {
    c.prepare_cached(&select_listed("WHERE a.name = ?1 AND a.namespace = ?2"))?
        .query_row(params![app.name, app.namespace], listed)
        .optional()
}

impl Store {
    /// Stores a declaration, new or changed. `expected` is the version the caller read, 0 when it must not exist yet, `None`
    /// when it does not matter.
    ///
    /// # Errors
    /// [`PutError::Conflict`] when another version is stored.
    pub fn put_application(&self, new: &NewApplication, expected: Option<u64>) -> Result<Put, PutError> {
        self.write("store application", Durability::Power, |tx| {
            let known: Option<(i64, i64, String, Option<String>, String)> = tx
                .prepare_cached(
                    "SELECT a.id, a.resource_version, a.project, a.origin, m.json FROM applications a
                     JOIN application_manifests m ON m.app = a.id WHERE a.name = ?1 AND a.namespace = ?2",
                )?
                .query_row(params![new.key.name, new.key.namespace], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
                .optional()?;
            let found = known.as_ref().map_or(0, |k| k.1.unsigned_abs());
            if let Some(expected) = expected.filter(|e| *e != found) {
                return Ok(Err(PutError::Conflict { app: new.key.clone(), expected, found }));
            }
            let origin = origin_text(&new.origin);
            if let Some((id, _, project, known_origin, json)) = &known
                && *project == new.project
                && known_origin.as_deref() == origin
                && *json == new.manifest_json
                && labels_of(tx, *id)? == new.labels
            {
                return Ok(Ok(Put { resource_version: found, created: false, changed: false }));
            }
            let version: i64 = tx
                .prepare_cached("UPDATE counters SET value = value + 1 WHERE name = 'resource_version' RETURNING value")?
                .query_row([], |r| r.get(0))?;
            write_application(tx, new, origin, version)?;
            Ok(Ok(Put { resource_version: version.unsigned_abs(), created: known.is_none(), changed: true }))
        })
    }

    /// One application.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn application(&self, app: &AppKey) -> Result<Option<Application>, StoreError> {
        self.read("read application", |c| find(c, app))
    }

    /// Removes an application with its operations, history, cache entries and the manifests nobody else has. Says whether
    /// it was there.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn delete_application(&self, app: &AppKey) -> Result<bool, StoreError> {
        self.write("delete application", Durability::Power, |tx| {
            let Some(id) = id_of(tx, app)? else { return Ok(Ok(false)) };
            let sets = crate::blob::sets_of(tx, id)?;
            tx.prepare_cached("DELETE FROM applications WHERE id = ?1")?.execute([id])?;
            crate::blob::release(tx, &sets)?;
            Ok(Ok(true))
        })
    }

    /// Records what was observed of one application; `false` when it is not stored (any more).
    ///
    /// # Errors
    /// Faults of the database.
    pub fn set_status(&self, app: &AppKey, status: &StatusRow) -> Result<bool, StoreError> {
        Ok(self.set_statuses(std::iter::once((app, status)))? == 1)
    }

    /// Records what was observed of many applications in one transaction; those not stored (any more) are left out. Returns
    /// how many were written.
    ///
    /// # Errors
    /// Faults of the database; then none was written.
    pub fn set_statuses<'a>(&self, statuses: impl IntoIterator<Item = (&'a AppKey, &'a StatusRow)>) -> Result<usize, StoreError> {
        self.write("store status", Durability::Process, |tx| {
            let mut written = 0;
            for (app, status) in statuses {
                if let Some(id) = id_of(tx, app)? {
                    write_status(tx, id, status)?;
                    written += 1;
                }
            }
            Ok(Ok(written))
        })
    }

    /// Holds an application's automatic syncs, or lifts the hold with `None`; `false` when it is not stored.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn set_hold(&self, app: &AppKey, hold: Option<&Hold>) -> Result<bool, StoreError> {
        self.write("store hold", Durability::Power, |tx| {
            let json = hold.map(hold_to_json).transpose()?;
            let rows = tx.prepare_cached("UPDATE applications SET hold = ?1 WHERE name = ?2 AND namespace = ?3")?.execute(params![
                json,
                app.name,
                app.namespace
            ])?;
            Ok(Ok(rows == 1))
        })
    }
}

/// Writes the status of a stored application.
pub(crate) fn write_status(tx: &Connection, app: i64, status: &StatusRow) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE applications SET sync = :sync, health = :health, revision = :revision, updated_at = :at WHERE id = :id")?
        .execute(named_params! {
            ":sync": status.sync, ":health": status.health, ":revision": status.revision,
            ":at": status.updated_at.as_millis(), ":id": app,
        })?;
    tx.prepare_cached("INSERT INTO application_statuses (app, json) VALUES (?1, ?2) ON CONFLICT (app) DO UPDATE SET json = excluded.json")?
        .execute(params![app, status.status_json])?;
    Ok(())
}

fn write_application(tx: &Connection, new: &NewApplication, origin: Option<&str>, version: i64) -> rusqlite::Result<()> {
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO applications (namespace, name, project, origin, resource_version, created_at, sync, health)
             VALUES (:namespace, :name, :project, :origin, :version, :at, 'Unknown', 'Unknown')
             ON CONFLICT (name, namespace) DO UPDATE
             SET project = excluded.project, origin = excluded.origin, resource_version = excluded.resource_version
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":namespace": new.key.namespace, ":name": new.key.name, ":project": new.project, ":origin": origin,
                ":version": version, ":at": new.at.as_millis(),
            },
            |r| r.get(0),
        )?;
    tx.prepare_cached(
        "INSERT INTO application_manifests (app, json) VALUES (?1, ?2) ON CONFLICT (app) DO UPDATE SET json = excluded.json",
    )?
    .execute(params![id, new.manifest_json])?;
    tx.prepare_cached("DELETE FROM application_labels WHERE app = ?1")?.execute([id])?;
    let mut label = tx.prepare_cached("INSERT INTO application_labels (app, key, value) VALUES (?1, ?2, ?3)")?;
    for (key, value) in &new.labels {
        label.execute(params![id, key, value])?;
    }
    Ok(())
}

fn labels_of(tx: &Connection, id: i64) -> rusqlite::Result<BTreeMap<String, String>> {
    tx.prepare_cached("SELECT key, value FROM application_labels WHERE app = ?1")?
        .query_map([id], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect()
}
