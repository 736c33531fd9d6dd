//! Emergency stops: of everything, of a project, of an application. Each says who stopped it and why.

use std::collections::BTreeMap;

use rusqlite::params;

use crate::application::{hold_from_json, hold_to_json};
use crate::store::Durability;
use crate::{Hold, Store, StoreError};

/// Key of a stop in the table of settings.
const PREFIX: &str = "stop:";

impl Store {
    /// Stops a scope, or lifts the stop with `None`. The caller chooses what its scopes are called.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn set_stop(&self, scope: &str, stop: Option<&Hold>) -> Result<(), StoreError> {
        let key = format!("{PREFIX}{scope}");
        self.write("store stop", Durability::Power, |tx| {
            match stop {
                Some(stop) => tx
                    .prepare_cached(
                        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    )?
                    .execute(params![key, hold_to_json(stop)?])?,
                None => tx.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([&key])?,
            };
            Ok(Ok(()))
        })
    }

    /// Every stop there is, by scope.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn stops(&self) -> Result<BTreeMap<String, Hold>, StoreError> {
        self.read("read stops", |c| {
            let mut statement = c.prepare_cached("SELECT name, value FROM settings")?;
            let mut rows = statement.query([])?;
            let mut stops = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let (name, json): (String, String) = (row.get(0)?, row.get(1)?);
                if let Some(scope) = name.strip_prefix(PREFIX) {
                    stops.insert(scope.to_owned(), hold_from_json(&json, 1)?);
                }
            }
            Ok(stops)
        })
    }
}
