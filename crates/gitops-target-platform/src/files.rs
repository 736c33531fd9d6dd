//! The live files: applying, pruning and reading objects. Everything here blocks its thread for a few file operations.
//!
//! Order of an apply: record (see `record`), live file, old file where a rule has moved it. Killed at any instant, the
//! record says at least what the directory holds, and the same apply again comes to the same end.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gitops_apply::TargetError;
use gitops_manifest::{Manifest, ObjectId};

use crate::config::{KindRule, PathTemplate, PlatformConfig};
use crate::content::{Shape, references, scalar_text};
use crate::disk::{Disk, FileRead, OWN, Seen};
use crate::index::{Entry, Index};
use crate::layout::{DEFAULT_TEMPLATE, case_key};
use crate::record::{Record, digest};
use crate::secret::{Resolvers, Secret, Secrets};

/// How long a lock is waited for: a child that a process has just forked holds its locks until it starts its program,
/// also when the process itself has let go.
const LOCK_WAIT: Duration = Duration::from_secs(1);

fn lock_within(lock: &File, wait: Duration) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < wait => std::thread::sleep(Duration::from_millis(5)),
            end => return end,
        }
    }
}

/// Why a live directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory, or the engine's folder in it, cannot be made or read.
    #[error("live directory {path}: {error}", path = path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Another process works on it.
    #[error("live directory {path} is in use by another server; stop it, or give this one a `root` of its own", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Records of ownership cannot be read.
    #[error("live directory {path}: {count} records of ownership are damaged, such as {example}; move them out of .gitops/owners and \
             sync: their files then count as nobody's until they are applied again", path = path.display())]
    DamagedRecords {
        /// The directory.
        path: PathBuf,
        /// How many.
        count: usize,
        /// One of them.
        example: String,
    },
}

/// What a live file holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LiveFile {
    Missing,
    /// What was applied.
    AsApplied(Arc<Record>),
    /// Another object than was applied, or one that we did not apply; with secrets taken out.
    Other(Manifest),
    /// Why it cannot be read.
    Unreadable(String),
}

/// The live files of one directory.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) config: PlatformConfig,
    pub(crate) secrets: Secrets,
    pub(crate) disk: Disk,
    index: Mutex<Index>,
    /// One file is changed by one thread at a time. Chosen by the file's path, so that two objects whose files would be
    /// one meet here; others share a lock by chance.
    locks: Vec<Mutex<()>>,
    default_path: PathTemplate,
    /// Activation groups whose last activation failed, by application and group, and why.
    pub(crate) failed_activations: Mutex<HashMap<(String, String), String>>,
    /// Held as long as this lives.
    _lock: File,
}

impl Files {
    pub(crate) fn open(mut config: PlatformConfig, resolvers: Resolvers) -> Result<Files, OpenError> {
        let path = config.root.clone();
        let unusable = |error| OpenError::Unusable { path: path.clone(), error };
        fs::create_dir_all(&config.root).map_err(unusable)?;
        config.root = fs::canonicalize(&config.root).map_err(unusable)?;
        fs::create_dir_all(config.root.join(OWN)).map_err(unusable)?;
        // Locked before anything is cleaned up: what is another's is not left over.
        let lock = File::options().create(true).truncate(false).write(true).open(config.root.join(OWN).join("lock")).map_err(unusable)?;
        match lock_within(&lock, LOCK_WAIT) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path }),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let disk = Disk::open(config.root.clone(), config.durable, config.max_file_bytes).map_err(unusable)?;
        let (records, damaged) = Record::load_all(&disk).map_err(unusable)?;
        if let Some(example) = damaged.first() {
            return Err(OpenError::DamagedRecords { path, count: damaged.len(), example: example.clone() });
        }
        let mut index = Index::default();
        for record in records {
            let record = Arc::new(record);
            index.put(Entry { record, settled: None, changed: None, secrets: Arc::new([]), health: None });
        }
        let files = Files {
            secrets: Secrets::new(config.secrets.clone(), resolvers),
            disk,
            index: Mutex::new(index),
            locks: (0..64).map(|_| Mutex::new(())).collect(),
            default_path: PathTemplate::parse(DEFAULT_TEMPLATE).expect("the default layout is a valid template: tested"),
            failed_activations: Mutex::default(),
            _lock: lock,
            config,
        };
        files.finish_moves();
        Ok(files)
    }

    /// Removes what an earlier process was killed before removing: files whose kind's rule gave them another path.
    fn finish_moves(&self) {
        let moved: Vec<Entry> = self.index().all().filter(|e| e.record.stale.is_some()).cloned().collect();
        for entry in moved {
            let Some(stale) = &entry.record.stale else { continue };
            let record = Record { stale: None, ..(*entry.record).clone() };
            // What does not go well now is left for the next start; the record still knows it.
            if self.disk.look(&record.path).is_ok_and(|seen| seen != Seen::Nothing)
                && self.remove_stale(stale).and_then(|()| record.save(&self.disk)).is_ok()
            {
                self.index().put(Entry { record: Arc::new(record), ..entry });
            }
        }
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing in there is left half-done by a panic: each change of the index is one call.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_object(&self, id: &ObjectId) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(case_key(&self.path_of(id)));
        self.locks[hash as usize % self.locks.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rule(&self, id: &ObjectId) -> Option<&KindRule> {
        self.config.rule_for(&id.group, &id.kind)
    }

    /// Where the file of an object belongs.
    pub(crate) fn path_of(&self, id: &ObjectId) -> String {
        let rule = self.rule(id);
        let template = rule.and_then(|r| r.path.as_ref()).unwrap_or(&self.default_path);
        template.path(id, Shape::of(rule).format)
    }

    /// Makes an object live, owned by `app`.
    pub(crate) fn apply(&self, app: &str, manifest: &Manifest) -> Result<(), TargetError> {
        let id = manifest.id();
        let (bytes, secrets) = Shape::of(self.rule(id)).write(manifest, &self.secrets)?;
        let path = self.path_of(id);
        let _guard = self.lock_object(id);
        let old = self.claim(&path, id)?;
        let moved = old.as_ref().filter(|e| e.record.path != path).map(|e| e.record.path.clone());
        let record = Record {
            app: app.to_owned(),
            path,
            stale: moved.or_else(|| old.as_ref().and_then(|e| e.record.stale.clone())),
            digest: digest(&bytes),
            manifest: manifest.clone(),
        };
        let unchanged = old.as_ref().is_some_and(|e| *e.record == record);
        let as_applied = matches!(self.disk.read(&record.path)?, FileRead::File { bytes: there, .. } if there == bytes);
        if unchanged && as_applied && record.stale.is_none() {
            if let Some(entry) = self.index().get_mut(id) {
                entry.secrets = secrets.into();
            }
            return Ok(());
        }
        let mode = if secrets.is_empty() { self.config.file_mode } else { self.config.secret_file_mode };
        if !unchanged {
            record.save(&self.disk)?;
        }
        let mut record = Arc::new(record);
        let health = old.and_then(|e| e.health);
        let mut entry =
            Entry { record: Arc::clone(&record), settled: None, changed: Some(Instant::now()), secrets: secrets.into(), health };
        // In the index before the write, so that the watch takes the write for our own.
        self.index().put(entry.clone());
        if !as_applied {
            self.disk.write(&record.path, &bytes, mode)?;
        }
        if let Some(stale) = &record.stale {
            self.remove_stale(stale)?;
            record = Arc::new(Record { stale: None, ..(*record).clone() });
            record.save(&self.disk)?;
            entry.record = record;
            self.index().put(entry);
        }
        Ok(())
    }

    /// Checks that a path is free for an object, and returns what is known of the object.
    fn claim(&self, path: &str, id: &ObjectId) -> Result<Option<Entry>, TargetError> {
        let index = self.index();
        match index.at_path(path) {
            Some(other) if other != id => Err(TargetError::permanent(format!(
                "{id}: its file {path} is that of {other} already (letter case aside): rename one of them, or give the kinds paths of their own"
            ))),
            _ => Ok(index.get(id).cloned()),
        }
    }

    fn remove_stale(&self, path: &str) -> Result<(), TargetError> {
        if self.index().at_path(path).is_some() {
            return Ok(());
        }
        self.disk.remove(path)
    }

    /// Removes an object that `app` owns.
    pub(crate) fn prune(&self, app: &str, id: &ObjectId) -> Result<(), TargetError> {
        let _guard = self.lock_object(id);
        let record = self.index().get(id).map(|e| Arc::clone(&e.record));
        let Some(record) = record else {
            let path = self.path_of(id);
            return match self.disk.look(&path)? {
                Seen::Nothing => Ok(()),
                _ => Err(TargetError::permanent(format!("{id}: {path} was not written by this server, so it is not removed"))),
            };
        };
        if record.app != app {
            return Err(TargetError::permanent(format!("{id}: owned by application `{}`, so it is not removed for `{app}`", record.app)));
        }
        self.disk.remove(&record.path)?;
        if let Some(stale) = &record.stale {
            self.remove_stale(stale)?;
        }
        Record::forget(&self.disk, id)?;
        self.index().remove(id);
        Ok(())
    }

    /// Forgets an object of `app` that is neither desired nor there: what a person puts in its place is theirs.
    pub(crate) fn forget_missing(&self, app: &str, id: &ObjectId) -> Result<(), TargetError> {
        let _guard = self.lock_object(id);
        let record = self.index().get(id).map(|e| Arc::clone(&e.record));
        match record {
            Some(record) if record.app == app && self.disk.look(&record.path)? == Seen::Nothing => {
                Record::forget(&self.disk, id)?;
                self.index().remove(id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What is recorded of an object whose file is known, without reading it, to be as it was applied.
    pub(crate) fn quick(&self, id: &ObjectId, path: &str) -> Result<Option<LiveFile>, TargetError> {
        let seen = self.disk.look(path)?;
        let index = self.index();
        Ok(match (seen, index.get(id)) {
            (Seen::Nothing, _) => Some(LiveFile::Missing),
            (Seen::File(fingerprint), Some(entry)) if entry.settled == Some(fingerprint) && entry.record.path == path => {
                Some(LiveFile::AsApplied(Arc::clone(&entry.record)))
            }
            _ => None,
        })
    }

    /// What the file at `path` holds for an object.
    pub(crate) fn live_file(&self, id: &ObjectId, path: &str, desired: Option<&Manifest>) -> Result<LiveFile, TargetError> {
        let now = SystemTime::now();
        let (bytes, fingerprint) = match self.disk.read(path)? {
            FileRead::Nothing => return Ok(LiveFile::Missing),
            FileRead::Unreadable(why) => return Ok(LiveFile::Unreadable(format!("{path}: {why}"))),
            FileRead::File { bytes, fingerprint } => (bytes, fingerprint),
        };
        let known = self.index().get(id).map(|e| (Arc::clone(&e.record), Arc::clone(&e.secrets)));
        let digest = digest(&bytes);
        if let Some((record, _)) = known.as_ref().filter(|(r, _)| r.path == path && r.digest == digest) {
            if fingerprint.is_settled(now) {
                self.settle(id, record, fingerprint);
            }
            return Ok(LiveFile::AsApplied(Arc::clone(record)));
        }
        let manifests: Vec<&Manifest> = known.iter().map(|(r, _)| &r.manifest).chain(desired).collect();
        let secrets = self.secrets_in(&manifests, known.as_ref().map_or(&[], |(_, s)| s));
        let shape = Shape::of(self.rule(id));
        Ok(match shape.read(&bytes, id, &manifests, &secrets) {
            Ok(manifest) => LiveFile::Other(manifest),
            Err(why) => LiveFile::Unreadable(format!("{path}: {why}")),
        })
    }

    fn settle(&self, id: &ObjectId, record: &Arc<Record>, fingerprint: crate::disk::Fingerprint) {
        if let Some(entry) = self.index().get_mut(id).filter(|e| Arc::ptr_eq(&e.record, record)) {
            entry.settled = Some(fingerprint);
        }
    }

    /// Every secret that may stand in a file: those that this process put in, and what the references mean now. What
    /// cannot be resolved is still masked where its reference stands.
    fn secrets_in(&self, manifests: &[&Manifest], known: &[Secret]) -> Vec<Secret> {
        let mut secrets = known.to_vec();
        let mut wanted = Vec::new();
        manifests.iter().for_each(|m| references(m.body(), &mut wanted));
        for reference in wanted {
            if let Some(value) = self.secrets.value(&reference).ok().as_ref().and_then(scalar_text)
                && !secrets.iter().any(|s| s.reference == reference && s.value == value)
            {
                secrets.push(Secret { reference, value });
            }
        }
        // Longest first: a secret that holds another is put back whole.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.value.len()));
        secrets
    }
}
