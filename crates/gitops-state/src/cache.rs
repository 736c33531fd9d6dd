//! Bytes that can be worked out again, per application: a render's read set and result survive a restart here.
//!
//! Gone when their application is deleted. Losing the last entries in a power cut costs a render, so nothing is flushed.

use rusqlite::{OptionalExtension, params};

use crate::application::id_of;
use crate::store::Durability;
use crate::{AppKey, Store, StoreError};

impl Store {
    /// Keeps `bytes` under `name`; `false` when the application is not stored.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn put_cache(&self, app: &AppKey, name: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        self.write("store cache entry", Durability::Process, |tx| {
            let Some(id) = id_of(tx, app)? else { return Ok(Ok(false)) };
            tx.prepare_cached(
                "INSERT INTO cache (app, name, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (app, name) DO UPDATE SET bytes = excluded.bytes",
            )?
            .execute(params![id, name, bytes])?;
            Ok(Ok(true))
        })
    }

    /// What is kept under `name`.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn cache(&self, app: &AppKey, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("read cache entry", |c| {
            c.prepare_cached(
                "SELECT c.bytes FROM cache c JOIN applications a ON a.id = c.app WHERE a.name = ?1 AND a.namespace = ?2 AND c.name = ?3",
            )?
            .query_row(params![app.name, app.namespace, name], |r| r.get(0))
            .optional()
        })
    }

    /// Drops everything kept for the application.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn clear_cache(&self, app: &AppKey) -> Result<(), StoreError> {
        self.write("clear cache", Durability::Process, |tx| {
            if let Some(id) = id_of(tx, app)? {
                tx.prepare_cached("DELETE FROM cache WHERE app = ?1")?.execute([id])?;
            }
            Ok(Ok(()))
        })
    }
}
