//! A mono-repository of 10,000 files and 1,000 applications: a commit that touches one application's files renders exactly
//! that one again, and a commit that touches none renders nothing — although all 1,000 are looked at each time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod repository;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gitops_app::SyncCode;
use gitops_engine::{AppQuery, Engine, Parts, Refresh, Settings};
use gitops_manifest::yaml;
use repository::Repository;

const APPLICATIONS: usize = 1000;
const FILES: usize = 10;

fn file(app: usize, file: usize, value: &str) -> (String, String) {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{app}-{file}\ndata:\n  value: {value}\n");
    (format!("apps/app-{app}/file-{file}.yaml"), text)
}

fn application(app: usize, repository: &Path) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: app-{app}\nspec:\n  project: default\n  source:\n    \
         repoURL: {}\n    targetRevision: main\n    path: apps/app-{app}\n  destination:\n    name: platform\n    namespace: test\n  \
         syncPolicy:\n    automated: {{}}\n",
        repository.display()
    )
}

/// Counts of renders, and of applications looked at: in a pass, or found to read nothing that changed.
fn counts(engine: &Engine) -> (u64, u64) {
    let metrics = engine.metrics();
    let looked_at = metrics.reconciles.load(Ordering::Relaxed) + metrics.unconcerned.load(Ordering::Relaxed);
    (metrics.renders.load(Ordering::Relaxed), looked_at)
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(240);
    while !done().await {
        assert!(Instant::now() < end, "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether every application is Synced and Healthy, and none waits to be looked at.
fn settled(engine: &Engine) -> bool {
    let text = engine.metrics_text();
    text.contains(&format!("{{sync_status=\"Synced\",health_status=\"Healthy\"}} {APPLICATIONS}\n"))
        && text.contains("\ngitops_queue_length 0\n")
}

async fn data(engine: &Engine, app: &str, object: &str) -> Option<String> {
    let (_, manifests) = engine.manifests(app).await.ok()?;
    let found = manifests.iter().find(|m| m.id().name == object)?;
    found.body().str_at(&["data", "value"]).map(str::to_owned)
}

/// What a commit and a look at everything rendered.
async fn renders_of(engine: &Engine, repository: &Repository, files: &[(String, String)]) -> u64 {
    let (renders, looked_at) = counts(engine);
    repository.commit(false, files);
    engine.refresh("app-7", Refresh::Normal).await.unwrap();
    let head = repository.head();
    until("a look at every application", async || counts(engine).1 >= looked_at + APPLICATIONS as u64 && settled(engine)).await;
    for app in ["app-0", "app-500", "app-999"] {
        let view = engine.application(&AppQuery::full(app)).await.unwrap();
        assert_eq!(view.application.status.unwrap().sync.unwrap().revision, head, "{app} shows the new commit");
    }
    counts(engine).0 - renders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_renders_what_it_touches_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::create(dir.path().join("mono.git"));
    let all: Vec<_> = (0..APPLICATIONS).flat_map(|a| (0..FILES).map(move |f| file(a, f, "first"))).collect();
    repository.commit(true, &all);
    let mirrors = gitops_source::Mirrors::open(gitops_source::MirrorsConfig::new(dir.path().join("mirrors"))).unwrap();
    let mut config = gitops_target_platform::PlatformConfig::new(dir.path().join("live"));
    config.durable = false;
    let platform = gitops_target_platform::PlatformTarget::open(config).unwrap();
    let store = gitops_state::Store::open_in_memory().unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![Arc::new(platform)], report: None };
    // Nothing but the commits below may make the engine look.
    let never = Duration::from_secs(86_400);
    let settings = Settings { poll_interval: Duration::ZERO, resync_interval: never, ..Settings::default() };
    let engine = Engine::start(parts, settings).await.unwrap();
    for app in 0..APPLICATIONS {
        let text = application(app, &repository.0);
        let parsed = yaml::parse(text.as_bytes(), "application", &yaml::ParseOptions::default()).unwrap();
        engine.put(parsed.documents.into_iter().next().unwrap().value, false, "test").await.unwrap();
    }
    until("all to be live", async || settled(&engine)).await;
    assert_eq!(counts(&engine).0, APPLICATIONS as u64, "each is rendered once, however often it is looked at");

    assert_eq!(renders_of(&engine, &repository, &[file(500, 3, "second")]).await, 1);
    assert_eq!(data(&engine, "app-500", "app-500-3").await.as_deref(), Some("second"));
    let view = engine.application(&AppQuery::full("app-500")).await.unwrap();
    let status = view.application.status.unwrap();
    assert_eq!(status.sync.and_then(|s| s.status), Some(SyncCode::Synced));

    assert_eq!(renders_of(&engine, &repository, &[("docs/notes.md".to_owned(), "words".to_owned())]).await, 0);
    // A file that was not there before is one that the render looked for, too.
    assert_eq!(renders_of(&engine, &repository, &[file(42, FILES, "new")]).await, 1);
    engine.stop(Duration::from_secs(10)).await;
}
