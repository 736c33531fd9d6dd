//! Objects beside applications: projects and sets. Documents are JSON text that the store does not read.

use rusqlite::{OptionalExtension, params};

use crate::application::origin_text;
use crate::store::Durability;
use crate::{AppKey, Origin, Put, Store, StoreError, Timestamp};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// An AppProject.
    Project,
    /// An ApplicationSet.
    Set,
}

impl ObjectKind {
    fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Project => "AppProject",
            ObjectKind::Set => "ApplicationSet",
        }
    }
}

/// An object to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub key: AppKey,
    /// `metadata` and `spec` as JSON text.
    pub json: String,
    /// Where it came from.
    pub origin: Origin,
    /// When this was declared.
    pub at: Timestamp,
}

/// An object as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its name.
    pub key: AppKey,
    /// `metadata` and `spec` as JSON text.
    pub json: String,
    /// `status` as JSON text, once something was observed.
    pub status: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Counts up with each change of a declaration, over all objects; never 0.
    pub resource_version: u64,
    /// When it was first stored.
    pub created_at: Timestamp,
}

impl Store {
    /// Stores an object, new or changed.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn put_object(&self, new: &NewObject) -> Result<Put, StoreError> {
        self.write("store object", Durability::Power, |tx| {
            let (kind, origin) = (new.kind.as_str(), origin_text(&new.origin));
            let known: Option<(i64, Option<String>, String)> = tx
                .prepare_cached("SELECT resource_version, origin, json FROM objects WHERE kind = ?1 AND name = ?2 AND namespace = ?3")?
                .query_row(params![kind, new.key.name, new.key.namespace], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
                .optional()?;
            if let Some((version, known_origin, json)) = &known
                && *json == new.json
                && known_origin.as_deref() == origin
            {
                return Ok(Ok(Put { resource_version: version.unsigned_abs(), created: false, changed: false }));
            }
            let version: i64 = tx
                .prepare_cached("UPDATE counters SET value = value + 1 WHERE name = 'resource_version' RETURNING value")?
                .query_row([], |r| r.get(0))?;
            tx.prepare_cached(
                "INSERT INTO objects (kind, namespace, name, origin, resource_version, created_at, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (kind, name, namespace) DO UPDATE
                 SET origin = excluded.origin, resource_version = excluded.resource_version, json = excluded.json",
            )?
            .execute(params![kind, new.key.namespace, new.key.name, origin, version, new.at.as_millis(), new.json])?;
            Ok(Ok(Put { resource_version: version.unsigned_abs(), created: known.is_none(), changed: true }))
        })
    }

    /// All objects of a kind, by name and namespace.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn objects(&self, kind: ObjectKind) -> Result<Vec<StoredObject>, StoreError> {
        self.read("read objects", |c| {
            c.prepare_cached(
                "SELECT namespace, name, json, status, origin, resource_version, created_at FROM objects
                 WHERE kind = ?1 ORDER BY name, namespace",
            )?
            .query_map([kind.as_str()], |r| {
                Ok(StoredObject {
                    key: AppKey { namespace: r.get(0)?, name: r.get(1)? },
                    json: r.get(2)?,
                    status: r.get(3)?,
                    origin: r.get::<_, Option<String>>(4)?.map_or(Origin::Api, Origin::File),
                    resource_version: r.get::<_, i64>(5)?.unsigned_abs(),
                    created_at: Timestamp::from_millis(r.get(6)?),
                })
            })?
            .collect()
        })
    }

    /// Removes an object. Says whether it was there.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn delete_object(&self, kind: ObjectKind, key: &AppKey) -> Result<bool, StoreError> {
        self.write("delete object", Durability::Power, |tx| {
            let rows = tx.prepare_cached("DELETE FROM objects WHERE kind = ?1 AND name = ?2 AND namespace = ?3")?.execute(params![
                kind.as_str(),
                key.name,
                key.namespace
            ])?;
            Ok(Ok(rows == 1))
        })
    }

    /// Records what was observed of an object; `false` when it is not stored (any more).
    ///
    /// # Errors
    /// Faults of the database.
    pub fn set_object_status(&self, kind: ObjectKind, key: &AppKey, status: &str) -> Result<bool, StoreError> {
        self.write("store object status", Durability::Process, |tx| {
            let rows = tx
                .prepare_cached("UPDATE objects SET status = ?1 WHERE kind = ?2 AND name = ?3 AND namespace = ?4")?
                .execute(params![status, kind.as_str(), key.name, key.namespace])?;
            Ok(Ok(rows == 1))
        })
    }
}
