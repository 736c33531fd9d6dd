//! An operation that fails is tried again with its revision resolved anew (`retry.refresh`), across a restart too, and
//! what ended is in the status from the first moment after a start.
#![allow(clippy::unwrap_used, reason = "tests")]

mod memory;
mod repository;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gitops_app::{ApplicationStatus, OperationPhase};
use gitops_engine::{AppQuery, Engine, Parts, Settings};
use gitops_manifest::yaml;
use gitops_source::{Mirrors, MirrorsConfig};
use gitops_state::{OpenOptions, Store};
use memory::Memory;
use repository::Repository;

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
