//! Applied manifests, by content.
//!
//! A manifest's bytes are stored once, under their SHA-256, compressed with zstd; the list of one apply's manifests is
//! stored once as well, under a SHA-256 over names and contents, so applying the same again adds nothing. A set goes when
//! no operation and no history entry holds it, a manifest when no set does. Bytes are checked against their hash when read.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// Fast, and within a tenth of what slower levels reach on manifests of a few kilobytes.
const LEVEL: i32 = 1;

/// One applied manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestBlob {
    /// Which object: the text of its id.
    pub object_id: String,
    /// The manifest as applied (secrets as references, as in the repository).
    pub bytes: Vec<u8>,
}

/// Manifests with their hashes, worked out before the database is locked.
pub(crate) struct HashedSet<'a> {
    manifests: &'a [ManifestBlob],
    hashes: Vec<Hash>,
    set: Hash,
}

impl<'a> HashedSet<'a> {
    pub(crate) fn of(manifests: &'a [ManifestBlob]) -> HashedSet<'a> {
        let hashes: Vec<Hash> = manifests.iter().map(|m| Sha256::digest(&m.bytes).into()).collect();
        let mut all = Sha256::new();
        for (manifest, hash) in manifests.iter().zip(&hashes) {
            all.update(manifest.object_id.len().to_le_bytes());
            all.update(&manifest.object_id);
            all.update(hash);
        }
        HashedSet { manifests, hashes, set: all.finalize().into() }
    }

    /// Stores what is not there yet, and returns the set's row.
    pub(crate) fn store(&self, tx: &Connection) -> rusqlite::Result<i64> {
        let known =
            tx.prepare_cached("SELECT id FROM manifest_sets WHERE sha256 = ?1")?.query_row([&self.set[..]], |r| r.get(0)).optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        tx.prepare_cached("INSERT INTO manifest_sets (sha256) VALUES (?1)")?.execute([&self.set[..]])?;
        let set = tx.last_insert_rowid();
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let mut find = tx.prepare_cached("SELECT id FROM blobs WHERE sha256 = ?1")?;
        let mut add = tx.prepare_cached("INSERT INTO blobs (sha256, size, zstd) VALUES (?1, ?2, ?3)")?;
        let mut member =
            tx.prepare_cached("INSERT INTO manifest_set_members (manifest_set, position, object_id, blob) VALUES (?1, ?2, ?3, ?4)")?;
        for (position, (manifest, hash)) in self.manifests.iter().zip(&self.hashes).enumerate() {
            let blob = match find.query_row([&hash[..]], |r| r.get(0)).optional()? {
                Some(id) => id,
                None => {
                    let bytes = compressor.compress(&manifest.bytes).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
                    add.insert(params![&hash[..], i64::try_from(manifest.bytes.len()).unwrap_or(i64::MAX), bytes])?
                }
            };
            member.execute(params![set, i64::try_from(position).unwrap_or(i64::MAX), manifest.object_id, blob])?;
        }
        Ok(set)
    }
}

/// A manifest whose stored bytes are not what they were.
#[derive(Debug, thiserror::Error)]
#[error("the stored manifest of `{object_id}` does not match its hash")]
struct HashMismatch {
    object_id: String,
}

/// The manifests of a set, in the order they were stored.
pub(crate) fn load(c: &Connection, set: i64) -> rusqlite::Result<Vec<ManifestBlob>> {
    let mut rows = c.prepare_cached(
        "SELECT m.object_id, b.sha256, b.size, b.zstd FROM manifest_set_members m JOIN blobs b ON b.id = m.blob
         WHERE m.manifest_set = ?1 ORDER BY m.position",
    )?;
    let mut decompressor =
        zstd::bulk::Decompressor::new().map_err(|e| rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, e.into()))?;
    rows.query_map([set], |row| {
        let object_id: String = row.get(0)?;
        let hash: Hash = row.get(1)?;
        let size = usize::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        let bytes = decompressor.decompress(row.get_ref(3)?.as_blob()?, size).unwrap_or_default();
        if Hash::from(Sha256::digest(&bytes)) != hash {
            let cause = Box::new(HashMismatch { object_id });
            return Err(rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, cause));
        }
        Ok(ManifestBlob { object_id, bytes })
    })?
    .collect()
}

/// The sets that an application's operations and history hold.
pub(crate) fn sets_of(tx: &Connection, app: i64) -> rusqlite::Result<Vec<i64>> {
    tx.prepare_cached("SELECT manifest_set FROM operations WHERE app = ?1 UNION SELECT manifest_set FROM history WHERE app = ?1")?
        .query_map([app], |r| r.get(0))?
        .collect()
}

/// Removes those of `sets` that nothing holds any more, and the manifests that go with them.
pub(crate) fn release(tx: &Connection, sets: &[i64]) -> rusqlite::Result<()> {
    let mut held = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM operations WHERE manifest_set = ?1) OR EXISTS (SELECT 1 FROM history WHERE manifest_set = ?1)",
    )?;
    let mut members = tx.prepare_cached("SELECT blob FROM manifest_set_members WHERE manifest_set = ?1")?;
    let mut remove_set = tx.prepare_cached("DELETE FROM manifest_sets WHERE id = ?1")?;
    let mut remove_blob =
        tx.prepare_cached("DELETE FROM blobs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_set_members WHERE blob = ?1)")?;
    let mut candidates: HashSet<i64> = HashSet::new();
    for set in sets {
        if held.query_row([set], |r| r.get::<_, bool>(0))? {
            continue;
        }
        for blob in members.query_map([set], |r| r.get::<_, i64>(0))? {
            candidates.insert(blob?);
        }
        remove_set.execute([set])?;
    }
    for blob in &candidates {
        remove_blob.execute([blob])?;
    }
    Ok(())
}
