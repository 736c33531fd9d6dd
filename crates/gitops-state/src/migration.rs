//! The schema, step by step.
//!
//! Each step has a number, a name and the SHA-256 of its text; what was run is in the table `schema_migrations`. A database
//! that knows a step we do not is of a newer program and is refused; a step whose text changed since it ran is refused as
//! well, because nobody can say what the tables look like then. A step is never edited once released: add one.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

/// Marks the file as ours (`PRAGMA application_id`): the bytes `gops`.
pub(crate) const APPLICATION_ID: i32 = 0x676f_7073;

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "first schema", sql: include_str!("schema.sql") },
    Migration { version: 2, name: "projects and sets", sql: include_str!("objects.sql") },
];

/// The newest schema this program knows.
pub(crate) const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// What a database is, before anything is changed in it.
pub(crate) enum Found {
    /// No tables at all.
    Empty,
    /// Ours, at this version.
    Version(i64),
    /// Of a newer program.
    Newer(i64),
    /// A step's text is not the one that ran.
    Changed(i64),
    /// A database of another program.
    Foreign,
}

pub(crate) fn inspect(c: &Connection) -> rusqlite::Result<Found> {
    let id: i32 = c.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let tables: i64 = c.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if tables == 0 && (id == 0 || id == APPLICATION_ID) {
        return Ok(Found::Empty);
    }
    let ledger = c.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'", [], |_| Ok(())).optional()?;
    if id != APPLICATION_ID || ledger.is_none() {
        return Ok(Found::Foreign);
    }
    let mut statement = c.prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")?;
    let ran: Vec<(i64, String)> = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    let newest = ran.last().map_or(0, |r| r.0);
    if newest > NEWEST {
        return Ok(Found::Newer(newest));
    }
    for (version, checksum) in &ran {
        let same = MIGRATIONS.iter().any(|m| m.version == *version && checksum_of(m) == *checksum);
        if !same {
            return Ok(Found::Changed(*version));
        }
    }
    Ok(Found::Version(newest))
}

/// Runs the steps after `from`, all or nothing.
pub(crate) fn run(c: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let tx = c.transaction()?;
    tx.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID};
         CREATE TABLE IF NOT EXISTS schema_migrations (
           version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
         ) STRICT;"
    ))?;
    for step in MIGRATIONS.iter().filter(|m| m.version > from) {
        tx.execute_batch(step.sql)?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
            params![step.version, step.name, checksum_of(step), crate::clock::now().as_millis()],
        )?;
    }
    tx.commit()
}

fn checksum_of(step: &Migration) -> String {
    hex::encode(Sha256::digest(step.sql))
}
