//! A kustomization whose base lies in another repository: read through the mirrors, at a commit that is remembered, and
//! rendered again when the base moves and only then.
#![allow(clippy::unwrap_used, reason = "tests")]

mod memory;
mod repository;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gitops_app::{ApplicationStatus, SyncCode};
use gitops_engine::{AppQuery, Engine, Parts, Refresh, Settings};
use gitops_manifest::yaml;
use gitops_source::{Mirrors, MirrorsConfig};
use gitops_state::Store;
use memory::Memory;
use repository::Repository;

fn base(value: &str) -> [(String, String); 2] {
    let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{value: {value}}}\n");
    [("web/kustomization.yaml".into(), "resources: [a.yaml]\n".into()), ("web/a.yaml".into(), object)]
}

fn overlay(base: &Path) -> [(String, String); 1] {
    let text = format!("resources:\n- file://{}//web?ref=main\nnamePrefix: prod-\n", base.display());
    [("app/kustomization.yaml".into(), text)]
}

async fn start(dir: &Path, target: &Arc<Memory>, remotes: &[&str]) -> Engine {
    let store = Store::open_in_memory().unwrap();
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.join("mirrors"))).unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![target.clone()], report: None };
    let settings = Settings {
        poll_interval: Duration::ZERO,
        resync_interval: Duration::from_secs(86_400),
        remotes: remotes.iter().map(ToString::to_string).collect(),
        ..Settings::default()
    };
    Engine::start(parts, settings).await.unwrap()
}

async fn declare(engine: &Engine, repository: &Path) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  project: default\n  \
         source: {{repoURL: {}, targetRevision: main, path: app}}\n  destination: {{name: memory, namespace: test}}\n  \
         syncPolicy:\n    automated: {{}}\n",
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

fn live(target: &Memory) -> Option<String> {
    let live = target.live.lock().unwrap();
    let (_, object) = live.values().find(|(_, m)| m.id().name == "prod-a")?;
    object.body().str_at(&["data", "value"]).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_in_another_repository_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (other, own) = (Repository::create(dir.path().join("base.git")), Repository::create(dir.path().join("own.git")));
    other.commit(true, &base("first"));
    own.commit(true, &overlay(&other.0));
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), &target, &["file://"]).await;
    declare(&engine, &own.0).await;
    let synced = |s: &ApplicationStatus| s.sync.as_ref().is_some_and(|s| s.status == Some(SyncCode::Synced));
    let status = until(&engine, "the first deployment", synced).await;
    assert_eq!(status.sync.unwrap().revision, own.head());
    assert_eq!(live(&target).as_deref(), Some("first"));
    let renders = || engine.metrics().renders.load(Ordering::Relaxed);
    let before = renders();
    engine.refresh("web", Refresh::Normal).await.unwrap();
    assert_eq!(renders(), before, "nothing moved");
    other.commit(false, &base("second"));
    engine.refresh("web", Refresh::Normal).await.unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while live(&target).as_deref() != Some("second") {
        assert!(Instant::now() < end, "the new base does not arrive: {:?}", live(&target));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(renders(), before + 1);
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_allowed_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (other, own) = (Repository::create(dir.path().join("base.git")), Repository::create(dir.path().join("own.git")));
    other.commit(true, &base("first"));
    own.commit(true, &overlay(&other.0));
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), &target, &["https://git.example.com/"]).await;
    declare(&engine, &own.0).await;
    let status = until(&engine, "the error", |s| !s.conditions.is_empty()).await;
    let message = &status.conditions[0].message;
    assert!(message.contains("kustomize.remotes") && message.contains("base.git"), "{message}");
    assert_eq!(live(&target), None);
    engine.stop(Duration::from_secs(5)).await;
}
