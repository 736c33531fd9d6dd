//! A target in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use gitops_apply::{HookOutcome, HookRunId, LiveObject, LiveSet, Propagation, Removal, Target, TargetError, TargetFuture, WriteOptions};
use gitops_health::Health;
use gitops_manifest::{Manifest, ObjectId};

/// Objects in memory, which refuses so many times first.
#[derive(Default)]
pub(crate) struct Memory {
    /// Objects, each with its owner.
    pub(crate) live: Mutex<BTreeMap<ObjectId, (String, Manifest)>>,
    pub(crate) faults: AtomicU32,
    pub(crate) applied: AtomicU32,
}

impl Target for Memory {
    fn name(&self) -> &str {
        "memory"
    }
    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async move {
            let live = self.live.lock().unwrap();
            let object = |owner: &str, m: &Manifest| LiveObject { manifest: m.clone(), owner: Some(owner.to_owned()), health: None };
            let seen = live.iter().filter(|(id, (owner, _))| owner == app || desired.iter().any(|m| m.id() == *id));
            Ok(seen.map(|(id, (owner, m))| (id.clone(), object(owner, m))).collect())
        })
    }
    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, _: WriteOptions) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            self.applied.fetch_add(1, Ordering::Relaxed);
            let refuses = self.faults.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
            if refuses {
                return Err(TargetError::transient("no space left"));
            }
            self.live.lock().unwrap().insert(manifest.id().clone(), (app.to_owned(), manifest.clone()));
            Ok(())
        })
    }
    fn prune<'a>(&'a self, _: &'a str, id: &'a ObjectId, _: Propagation) -> TargetFuture<'a, Removal> {
        Box::pin(async move {
            self.live.lock().unwrap().remove(id);
            Ok(Removal::Gone)
        })
    }
    fn activation_group(&self, _: &ObjectId) -> Option<String> {
        None
    }
    fn activate<'a>(&'a self, _: &'a str, _: &'a str, _: &'a HookRunId) -> TargetFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn run_hook<'a>(&'a self, _: &'a str, _: &'a Manifest, _: &'a HookRunId, _: WriteOptions) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async { Ok(HookOutcome::Succeeded { message: String::new() }) })
    }
    fn delete_hook<'a>(&'a self, _: &'a str, _: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn health<'a>(&'a self, _: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(async move { Ok(ids.iter().map(|id| (id.clone(), None)).collect()) })
    }
}
