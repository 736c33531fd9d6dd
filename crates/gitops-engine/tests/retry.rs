//! An operation that fails is tried again with its revision resolved anew (`retry.refresh`), across a restart too, and
//! what ended is in the status from the first moment after a start.
#![allow(clippy::unwrap_used, reason = "tests")]

mod repository;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gitops_app::{ApplicationStatus, OperationPhase};
use gitops_apply::{HookOutcome, HookRunId, LiveObject, LiveSet, Target, TargetError, TargetFuture};
use gitops_engine::{AppQuery, Engine, Parts, Settings};
use gitops_health::Health;
use gitops_manifest::{Manifest, ObjectId, yaml};
use gitops_source::{Mirrors, MirrorsConfig};
use gitops_state::{OpenOptions, Store};
use repository::Repository;

/// Objects in memory, which refuses so many times first.
#[derive(Default)]
struct Memory {
    live: Mutex<BTreeMap<ObjectId, Manifest>>,
    faults: AtomicU32,
    applied: AtomicU32,
}

impl Target for Memory {
    fn name(&self) -> &str {
        "memory"
    }
    fn live<'a>(&'a self, app: &'a str, _: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async move {
            let live = self.live.lock().unwrap();
            let object = |m: &Manifest| LiveObject { manifest: m.clone(), owner: Some(app.to_owned()), health: None };
            Ok(live.iter().map(|(id, m)| (id.clone(), object(m))).collect())
        })
    }
    fn apply<'a>(&'a self, _: &'a str, manifest: &'a Manifest) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            self.applied.fetch_add(1, Ordering::Relaxed);
            let refuses = self.faults.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
            if refuses {
                return Err(TargetError::transient("no space left"));
            }
            self.live.lock().unwrap().insert(manifest.id().clone(), manifest.clone());
            Ok(())
        })
    }
    fn prune<'a>(&'a self, _: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            self.live.lock().unwrap().remove(id);
            Ok(())
        })
    }
    fn activation_group(&self, _: &ObjectId) -> Option<String> {
        None
    }
    fn activate<'a>(&'a self, _: &'a str, _: &'a str, _: &'a HookRunId) -> TargetFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn run_hook<'a>(&'a self, _: &'a str, _: &'a Manifest, _: &'a HookRunId) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async { Ok(HookOutcome::Succeeded { message: String::new() }) })
    }
    fn delete_hook<'a>(&'a self, _: &'a str, _: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn health<'a>(&'a self, _: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(async move { Ok(ids.iter().map(|id| (id.clone(), None)).collect()) })
    }
}

fn config_map(value: &str) -> (String, String) {
    ("app/a.yaml".into(), format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{value: {value}}}\n"))
}

async fn start(dir: &Path, target: &Arc<Memory>) -> Engine {
    let store = Store::open(&dir.join("state.db"), &OpenOptions::default()).unwrap().0;
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.join("mirrors"))).unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![target.clone()], report: None };
    let never = Duration::from_secs(86_400);
    Engine::start(parts, Settings { poll_interval: Duration::ZERO, resync_interval: never, ..Settings::default() }).await.unwrap()
}

async fn declare(engine: &Engine, repository: &Path, wait: &str) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  project: default\n  \
         source: {{repoURL: {}, targetRevision: main, path: app}}\n  destination: {{name: memory, namespace: test}}\n  \
         syncPolicy:\n    automated: {{}}\n    retry: {{limit: 5, refresh: true, backoff: {{duration: {wait}, factor: 1}}}}\n",
        repository.display()
    );
    let parsed = yaml::parse(text.as_bytes(), "application", &yaml::ParseOptions::default()).unwrap();
    engine.put(parsed.documents.into_iter().next().unwrap().value, false, "test").await.unwrap();
}

async fn until(engine: &Engine, what: &str, done: impl Fn(&ApplicationStatus) -> bool) -> ApplicationStatus {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let status = engine.application(&AppQuery::full("web")).await.unwrap().application.status.unwrap();
        if done(&status) {
            return status;
        }
        assert!(Instant::now() < end, "still waiting for {what}: {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn phase(status: &ApplicationStatus) -> Option<OperationPhase> {
    status.operation_state.as_ref().map(|o| o.phase)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_is_an_operation_that_resolves_the_revision_again() {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::create(dir.path().join("r.git"));
    repository.commit(true, &[config_map("first")]);
    let target = Arc::new(Memory { faults: AtomicU32::new(2), ..Memory::default() });
    let engine = start(dir.path(), &target).await;
    declare(&engine, &repository.0, "10ms").await;
    let status = until(&engine, "the third attempt", |s| phase(s) == Some(OperationPhase::Succeeded)).await;
    assert_eq!(target.applied.load(Ordering::Relaxed), 3);
    let ended = status.operation_state.unwrap();
    assert_eq!(ended.sync_result.unwrap().revision, repository.head());
    assert_eq!(ended.retry_count, 2, "counted on from operation to operation: {}", ended.message);
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_due_later_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::create(dir.path().join("r.git"));
    repository.commit(true, &[config_map("first")]);
    let target = Arc::new(Memory { faults: AtomicU32::new(1), ..Memory::default() });
    let engine = start(dir.path(), &target).await;
    declare(&engine, &repository.0, "3s").await;
    let failed = until(&engine, "the failure", |s| phase(s) == Some(OperationPhase::Failed)).await.operation_state.unwrap();
    assert!(failed.message.contains("no space left") && failed.message.contains("Retrying attempt #1"), "{}", failed.message);
    engine.stop(Duration::from_secs(5)).await;
    drop(engine);

    let store = Store::open(&dir.path().join("state.db"), &OpenOptions::default()).unwrap().0;
    let stored = store.application(&gitops_state::AppKey::new("argocd", "web")).unwrap().unwrap();
    let status: ApplicationStatus = serde_json::from_str(&stored.status.unwrap().status_json).unwrap();
    assert_eq!(status.operation_state.unwrap().message, failed.message, "the end of an operation is stored with the status");
    drop(store);

    let engine = start(dir.path(), &target).await;
    let status = until(&engine, "the second attempt", |s| phase(s) == Some(OperationPhase::Succeeded)).await;
    assert_eq!(status.operation_state.unwrap().retry_count, 1);
    engine.stop(Duration::from_secs(5)).await;
}
