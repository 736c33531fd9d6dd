//! The records of all live files in memory, by object, by application and by path.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use gitops_health::Health;
use gitops_manifest::ObjectId;

use crate::disk::Fingerprint;
use crate::layout::case_key;
use crate::record::Record;
use crate::secret::Secret;

/// One live file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Arc<Record>,
    /// The file's fingerprint when it was last seen to hold what the record says.
    pub(crate) settled: Option<Fingerprint>,
    /// When this process last changed it.
    pub(crate) changed: Option<Instant>,
    /// The secrets that were put into it by this process; never printed, never stored.
    pub(crate) secrets: Arc<[Secret]>,
    /// What its probe said last.
    pub(crate) health: Option<Health>,
}

/// All live files.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: HashMap<ObjectId, Entry>,
    by_app: HashMap<String, BTreeSet<ObjectId>>,
    by_path: HashMap<String, ObjectId>,
}

impl Index {
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &ObjectId) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    pub(crate) fn owned_by(&self, app: &str) -> impl Iterator<Item = &ObjectId> {
        self.by_app.get(app).into_iter().flatten()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The object whose file stands at a path, case aside.
    pub(crate) fn at_path(&self, path: &str) -> Option<&ObjectId> {
        self.by_path.get(&case_key(path))
    }

    /// The paths of all files below a folder.
    pub(crate) fn below(&self, folder: &str) -> Vec<String> {
        let paths = self.entries.values().map(|e| &e.record.path);
        paths.filter(|p| p.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))).cloned().collect()
    }

    pub(crate) fn put(&mut self, entry: Entry) {
        let id = entry.record.manifest.id().clone();
        self.remove(&id);
        self.by_app.entry(entry.record.app.clone()).or_default().insert(id.clone());
        self.by_path.insert(case_key(&entry.record.path), id.clone());
        self.entries.insert(id, entry);
    }

    pub(crate) fn remove(&mut self, id: &ObjectId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        if let Some(ids) = self.by_app.get_mut(&entry.record.app) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_app.remove(&entry.record.app);
            }
        }
        self.by_path.remove(&case_key(&entry.record.path));
        Some(entry)
    }
}
