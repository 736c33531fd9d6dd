//! A chart whose values lie in another source of the application (`$values/…`): what is read of that source asks for another
//! render when it changes, and nothing else of it does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod memory;
mod repository;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gitops_engine::{AppQuery, Engine, Parts, Refresh, Settings};
use gitops_manifest::yaml;
use gitops_source::{Mirrors, MirrorsConfig};
use gitops_state::Store;
use memory::Memory;
use repository::Repository;

fn file(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

async fn start(dir: &Path, target: &Arc<Memory>) -> Engine {
    let store = Store::open_in_memory().unwrap();
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.join("mirrors"))).unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![target.clone()], report: None };
    let settings = Settings { poll_interval: Duration::ZERO, resync_interval: Duration::from_secs(86_400), ..Settings::default() };
    Engine::start(parts, settings).await.unwrap()
}

async fn declare(engine: &Engine, chart: &Path, values: &Path) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  project: default\n  sources:\n  \
         - {{repoURL: {}, targetRevision: main, path: web, helm: {{valueFiles: [$values/env/prod.yaml]}}}}\n  \
         - {{repoURL: {}, targetRevision: main, ref: values}}\n  destination: {{name: memory, namespace: test}}\n  \
         syncPolicy:\n    automated: {{}}\n",
        chart.display(),
        values.display()
    );
    let parsed = yaml::parse(text.as_bytes(), "application", &yaml::ParseOptions::default()).unwrap();
    engine.put(parsed.documents.into_iter().next().unwrap().value, false, "test").await.unwrap();
}

async fn until_live(engine: &Engine, target: &Memory, value: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    let live = || target.live.lock().unwrap().values().find_map(|(_, m)| m.body().str_at(&["data", "color"]).map(str::to_owned));
    while live().as_deref() != Some(value) {
        if Instant::now() > end {
            let status = engine.application(&AppQuery::full("web")).await.unwrap().application.status;
            panic!("{value} does not arrive, there is {:?}: {status:?}", live());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_another_source_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (chart, values) = (Repository::create(dir.path().join("chart.git")), Repository::create(dir.path().join("values.git")));
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {color: {{ .Values.color }}}\n";
    chart.commit(true, &[file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"), file("web/templates/a.yaml", template)]);
    values.commit(true, &[file("env/prod.yaml", "color: red\n"), file("env/staging.yaml", "color: grey\n")]);
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), &target).await;
    declare(&engine, &chart.0, &values.0).await;
    until_live(&engine, &target, "red").await;
    let renders = || engine.metrics().renders.load(Ordering::Relaxed);
    let before = renders();
    values.commit(false, &[file("env/staging.yaml", "color: black\n")]);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    let status = engine.application(&AppQuery::full("web")).await.unwrap().application.status.unwrap();
    assert_eq!(status.sync.unwrap().revisions, [chart.head(), values.head()]);
    assert_eq!(renders(), before, "a file that nobody reads changes nothing");
    values.commit(false, &[file("env/prod.yaml", "color: blue\n")]);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    until_live(&engine, &target, "blue").await;
    assert_eq!(renders(), before + 1);
    engine.stop(Duration::from_secs(5)).await;
}
