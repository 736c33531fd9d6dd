//! Who owns which live file, and what was last applied to it: one small file per object in `<root>/.gitops/owners`.
//!
//! It is written before the live file, so that at no instant is there a live file of ours that we do not know. It
//! holds the object as it was applied, with references to secrets as they are, and the SHA-256 of the live file's
//! bytes: a file whose bytes have that digest is as we left it, and nobody needs to read it to know what it holds.
//! Name of the file: 32 hex digits of the SHA-256 of the object's identity.

use gitops_apply::TargetError;
use gitops_manifest::{Location, Manifest, Map, ObjectId, Value, json};
use sha2::{Digest, Sha256};

use crate::disk::{Disk, OWN};

/// What is known of one live file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The application that owns it.
    pub(crate) app: String,
    /// Where it stands, from the root.
    pub(crate) path: String,
    /// Where it stood before its kind's rule changed: still to be removed.
    pub(crate) stale: Option<String>,
    /// SHA-256 of the file's bytes, in hex.
    pub(crate) digest: String,
    /// The object as applied.
    pub(crate) manifest: Manifest,
}

/// SHA-256 in hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn file_of(id: &ObjectId) -> String {
    let mut hash = Sha256::new();
    for part in [&id.group, &id.kind, &id.namespace, &id.name] {
        // Lengths keep `a` + `bc` and `ab` + `c` apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{OWN}/owners/{}.json", hex::encode(&hash.finalize()[..16]))
}

impl Record {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("app", self.app.as_str());
        map.insert("path", self.path.as_str());
        map.insert("sha256", self.digest.as_str());
        if let Some(stale) = &self.stale {
            map.insert("stale", stale.as_str());
        }
        map.insert("file", self.manifest.at().file.as_str());
        map.insert("line", self.manifest.at().line as i64);
        map.insert("object", self.manifest.body().clone());
        Value::Map(map)
    }

    fn from_value(mut value: Value) -> Option<Record> {
        let object = value.as_map_mut()?.remove("object")?;
        let text = |key: &str| value.str_at(&[key]).map(str::to_owned);
        let line = value.get("line").and_then(Value::as_i64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let at = Location { file: text("file").unwrap_or_default(), line, column: 0 };
        let path = text("path").filter(|p| is_inside(p))?;
        let stale = text("stale").filter(|p| is_inside(p));
        Some(Record { app: text("app")?, path, stale, digest: text("sha256")?, manifest: Manifest::from_value(object, at).ok()? })
    }

    /// Writes it, atomically.
    pub(crate) fn save(&self, disk: &Disk) -> Result<(), TargetError> {
        let text = json::print(&self.to_value());
        disk.write(&file_of(self.manifest.id()), text.as_bytes(), 0o600)
    }

    /// Removes it.
    pub(crate) fn forget(disk: &Disk, id: &ObjectId) -> Result<(), TargetError> {
        let path = disk.root().join(file_of(id));
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(crate::disk::fault("cannot remove", &path, &e)),
            _ => Ok(()),
        }
    }

    /// All that are there, and the names of those that cannot be read.
    pub(crate) fn load_all(disk: &Disk) -> std::io::Result<(Vec<Record>, Vec<String>)> {
        let (mut records, mut damaged) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(disk.root().join(OWN).join("owners"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let value = std::fs::read(entry.path()).ok().and_then(|bytes| json::parse(&bytes, &name).ok());
            match value.and_then(Record::from_value) {
                Some(record) => records.push(record),
                None => damaged.push(name),
            }
        }
        Ok((records, damaged))
    }
}

/// A damaged or forged record must not name a file elsewhere.
fn is_inside(path: &str) -> bool {
    !path.split('/').any(|part| matches!(part, "" | "." | "..")) && path.split('/').next() != Some(OWN)
}
