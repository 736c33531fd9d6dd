//! An engine with a store on disk, a repository, and a target in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_app::{ApplicationStatus, OperationPhase, SyncCode};
use gitops_engine::{AppQuery, Engine, Parts, Settings};
use gitops_manifest::{Value, yaml};
use gitops_source::{Mirrors, MirrorsConfig};
use gitops_state::{OpenOptions, Store};

use crate::memory::Memory;
use crate::repository::Repository;

/// What a test stands on.
pub(crate) struct Stage {
    pub(crate) repository: Repository,
    pub(crate) target: Arc<Memory>,
    pub(crate) engine: Engine,
    dir: tempfile::TempDir,
}

/// Settings of tests: nothing happens by itself.
pub(crate) fn settings() -> Settings {
    let never = Duration::from_secs(86_400);
    Settings { poll_interval: Duration::ZERO, resync_interval: never, ..Settings::default() }
}

async fn start(dir: &Path, target: &Arc<Memory>, settings: Settings) -> Engine {
    let store = Store::open(&dir.join("state.db"), &OpenOptions::default()).unwrap().0;
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.join("mirrors"))).unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![target.clone()], report: None };
    Engine::start(parts, settings).await.unwrap()
}

/// The one document of a text.
pub(crate) fn value(text: &str) -> Value {
    yaml::parse(text.as_bytes(), "test", &yaml::ParseOptions::default()).unwrap().documents.into_iter().next().unwrap().value
}

/// A ConfigMap in a file.
pub(crate) fn config_map(path: &str, name: &str, text: &str) -> (String, String) {
    (path.to_owned(), format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {text}}}\n"))
}

impl Stage {
    /// With a repository whose first commit holds `files`.
    pub(crate) async fn new(files: &[(String, String)]) -> Stage {
        Stage::with(files, |_| settings()).await
    }

    /// With settings made from the address of the repository.
    pub(crate) async fn with(files: &[(String, String)], settings: impl FnOnce(&str) -> Settings) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::create(dir.path().join("r.git"));
        repository.commit(true, files);
        let target = Arc::new(Memory::default());
        let settings = settings(&repository.0.display().to_string());
        let engine = start(dir.path(), &target, settings).await;
        Stage { repository, target, engine, dir }
    }

    /// Ends the engine and starts another on the same store.
    pub(crate) async fn restart(&mut self, settings: Settings) {
        self.engine.stop(Duration::from_secs(5)).await;
        let other = start(&tempfile::tempdir().unwrap().keep(), &self.target, settings.clone()).await;
        // The old engine's last clone holds the lock on the store.
        drop(std::mem::replace(&mut self.engine, other));
        let again = start(self.dir.path(), &self.target, settings).await;
        std::mem::replace(&mut self.engine, again).stop(Duration::from_secs(1)).await;
    }

    /// The manifest of an application over `path`, which goes to namespace `test`. `spec` are more lines of its spec.
    pub(crate) fn application(&self, name: &str, path: &str, annotations: &str, spec: &str) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec:\n  \
             source: {{repoURL: {}, targetRevision: main, path: {path}}}\n  destination: {{name: memory, namespace: test}}\n{spec}",
            self.repository.0.display()
        )
    }

    /// Creates an application that syncs by itself.
    pub(crate) async fn automated(&self, name: &str, path: &str, annotations: &str) {
        let spec = "  project: default\n  syncPolicy: {automated: {prune: true}}\n";
        self.engine.put(value(&self.application(name, path, annotations, spec)), false, "test").await.unwrap();
    }

    pub(crate) async fn project(&self, text: &str) {
        let text = format!("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n{text}");
        self.engine.put_project(value(&text), true, "test").await.unwrap();
    }

    pub(crate) async fn status(&self, name: &str) -> ApplicationStatus {
        self.engine.application(&AppQuery::full(name)).await.unwrap().application.status.unwrap_or_default()
    }

    /// Waits until the status of an application is as it should be.
    pub(crate) async fn until(&self, name: &str, what: &str, done: impl Fn(&ApplicationStatus) -> bool) -> ApplicationStatus {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let status = self.status(name).await;
            if done(&status) {
                return status;
            }
            assert!(Instant::now() < end, "still waiting for {what}: {status:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn synced(&self, name: &str) -> ApplicationStatus {
        self.until(name, "Synced", |s| sync(s) == Some(SyncCode::Synced) && !running(s)).await
    }

    /// What is live, by name.
    pub(crate) fn live(&self) -> Vec<String> {
        self.target.live.lock().unwrap().keys().map(|id| id.name.clone()).collect()
    }
}

pub(crate) fn sync(status: &ApplicationStatus) -> Option<SyncCode> {
    status.sync.as_ref().and_then(|s| s.status)
}

pub(crate) fn phase(status: &ApplicationStatus) -> Option<OperationPhase> {
    status.operation_state.as_ref().map(|o| o.phase)
}

fn running(status: &ApplicationStatus) -> bool {
    phase(status).is_some_and(|p| !p.is_final())
}

/// Its conditions, each as `Type: message`.
pub(crate) fn conditions(status: &ApplicationStatus) -> Vec<String> {
    status.conditions.iter().map(|c| format!("{}: {}", c.kind.as_str(), c.message)).collect()
}
