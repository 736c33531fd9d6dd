//! Charts of a chart repository and of a registry: deployed, followed within their range, and left alone when the server is
//! down or hands out something else than it promised.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chart_server;
mod memory;
mod repository;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chart_server::ChartServer;
use gitops_app::{ApplicationStatus, SyncCode};
use gitops_apply::Target;
use gitops_engine::{AppQuery, Engine, Parts, Refresh, Settings};
use gitops_manifest::yaml;
use gitops_source::{AllowList, ChartsConfig, Credentials, Mirrors, MirrorsConfig, Timeouts};
use gitops_state::Store;
use gitops_target_platform::{PlatformConfig, PlatformTarget};
use memory::Memory;
use repository::Repository;

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n\
                        data: {color: {{ .Values.color }}, version: {{ .Chart.Version | quote }}}\n";

fn chart(color: &str) -> [(&'static str, String); 2] {
    [("templates/a.yaml", TEMPLATE.to_owned()), ("values.yaml", format!("color: {color}\n"))]
}

fn publish(server: &ChartServer, version: &str, color: &str) -> String {
    let files = chart(color);
    server.publish("web", version, &files.each_ref().map(|(path, text)| (*path, text.as_str())))
}

async fn start(dir: &Path, target: Arc<dyn Target>, allowed: &[&str]) -> Engine {
    start_with(dir, target, allowed, Credentials::default()).await
}

async fn start_with(dir: &Path, target: Arc<dyn Target>, allowed: &[&str], credentials: Credentials) -> Engine {
    let store = Store::open_in_memory().unwrap();
    let mirrors = Mirrors::open(MirrorsConfig::new(dir.join("mirrors"))).unwrap();
    let parts = Parts { store, mirrors: mirrors.into(), targets: vec![target], report: None };
    let ms = Duration::from_millis;
    let timeouts = Timeouts { connect: ms(2000), first_byte: ms(5000), stalled: ms(5000), total: ms(20_000) };
    let allow = Some(AllowList::new(allowed.iter().copied()).unwrap());
    let settings = Settings {
        poll_interval: Duration::ZERO,
        resync_interval: Duration::from_secs(86_400),
        charts: Some(ChartsConfig { allow, timeouts, credentials, ..ChartsConfig::new(dir.join("charts")) }),
        ..Settings::default()
    };
    Engine::start(parts, settings).await.unwrap()
}

async fn declare(engine: &Engine, name: &str, sources: &str, target: &str) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  project: default\n  {sources}\n  \
         destination: {{name: {target}, namespace: test}}\n  syncPolicy:\n    automated: {{}}\n"
    );
    let parsed = yaml::parse(text.as_bytes(), "application", &yaml::ParseOptions::default()).unwrap();
    engine.put(parsed.documents.into_iter().next().unwrap().value, false, "test").await.unwrap();
}

async fn status(engine: &Engine, name: &str) -> ApplicationStatus {
    engine.application(&AppQuery::full(name)).await.unwrap().application.status.unwrap()
}

async fn until(engine: &Engine, name: &str, what: &str, done: impl Fn(&ApplicationStatus) -> bool) -> ApplicationStatus {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let status = status(engine, name).await;
        if done(&status) {
            return status;
        }
        assert!(Instant::now() < end, "still waiting for {what}: {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_synced_at(status: &ApplicationStatus, revision: &str) -> bool {
    status.sync.as_ref().is_some_and(|s| s.status == Some(SyncCode::Synced) && s.revision == revision)
}

fn live(target: &Memory, name: &str) -> Option<(String, String)> {
    let live = target.live.lock().unwrap();
    let (_, object) = live.values().find(|(_, m)| m.id().name == name)?;
    let text = |key| object.body().str_at(&["data", key]).unwrap_or_default().to_owned();
    Some((text("color"), text("version")))
}

/// The default target, and what is live of a ConfigMap.
fn platform(dir: &Path) -> (Arc<PlatformTarget>, impl Fn(&str) -> String) {
    let root = dir.join("live");
    let target = PlatformTarget::open(PlatformConfig { durable: false, ..PlatformConfig::new(root.clone()) }).unwrap();
    let read = move |name: &str| std::fs::read_to_string(root.join(format!("test/core/ConfigMap/{name}.yaml"))).unwrap();
    (Arc::new(target), read)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_goes_live_and_a_newer_version_in_its_range_follows() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    publish(&server, "2.0.0", "grey");
    let (target, file) = platform(dir.path());
    let engine = start(dir.path(), target, &[&server.web.url("charts")]).await;
    let source = format!("source: {{repoURL: {}, chart: web, targetRevision: ^1.0}}", server.web.url("charts"));
    declare(&engine, "shop", &source, "platform").await;
    let first = until(&engine, "shop", "the first version", |s| is_synced_at(s, "1.2.0")).await;
    assert_eq!((first.source_type.as_str(), first.conditions.len()), ("Helm", 0), "{:?}", first.conditions);
    assert!(file("shop").contains("red"), "{}", file("shop"));
    let digest = publish(&server, "1.3.0", "blue");
    engine.refresh("shop", Refresh::Normal).await.unwrap();
    until(&engine, "shop", "the second version", |s| is_synced_at(s, "1.3.0")).await;
    assert!(file("shop").contains("blue"), "{}", file("shop"));
    let history = engine.history("shop").await.unwrap();
    assert_eq!(history.iter().map(|h| h.entry.revision.as_str()).collect::<Vec<_>>(), ["1.2.0", "1.3.0"]);
    assert_eq!(history[1].resolved, [format!("chart web (1.3.0) from {} at {digest}", server.web.url("charts"))]);
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_serves_both_ways_of_writing_it() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    let (target, file) = platform(dir.path());
    let host = server.web.host();
    let engine = start(dir.path(), target, &[&format!("http://{host}/team")]).await;
    declare(&engine, "plain", &format!("source: {{repoURL: {host}/team, chart: web, targetRevision: '*'}}"), "platform").await;
    declare(&engine, "oci", &format!("source: {{repoURL: oci://{host}/team/web, path: ., targetRevision: 1.2.0}}"), "platform").await;
    for name in ["plain", "oci"] {
        until(&engine, name, "the chart", |s| is_synced_at(s, "1.2.0")).await;
        assert!(file(name).contains("red"), "{}", file(name));
    }
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_digest_and_a_server_that_is_down_leave_everything_as_it_is() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &[&server.web.url("")]).await;
    let source = format!("source: {{repoURL: {}, chart: web, targetRevision: 1.x}}", server.web.url("charts"));
    declare(&engine, "web", &source, "memory").await;
    until(&engine, "web", "the first version", |s| is_synced_at(s, "1.2.0")).await;
    let promised = publish(&server, "1.3.0", "blue");
    server.tamper("web", "1.3.0", &[("templates/a.yaml", "{{ fail \"evil\" }}")]);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    let shown = until(&engine, "web", "the condition", |s| !s.conditions.is_empty()).await;
    let message = &shown.conditions[0].message;
    for part in ["chart web (1.x)", "digest mismatch", &promised, "version 1.2.0 stays in use"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(is_synced_at(&shown, "1.2.0"), "{shown:?}");
    server.set_down(true);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    let shown = until(&engine, "web", "the other condition", |s| s.conditions.iter().any(|c| c.message.contains("503"))).await;
    assert!(is_synced_at(&shown, "1.2.0"), "{shown:?}");
    assert_eq!(live(&target, "web"), Some(("red".to_owned(), "1.2.0".to_owned())));
    server.set_down(false);
    publish(&server, "1.3.0", "blue");
    engine.refresh("web", Refresh::Normal).await.unwrap();
    until(&engine, "web", "the end of it", |s| is_synced_at(s, "1.3.0") && s.conditions.is_empty()).await;
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_while_the_server_is_down_goes_on_with_the_last_version() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    let source = format!("source: {{repoURL: {}, chart: web, targetRevision: 1.x}}", server.web.url("charts"));
    let engine = start(dir.path(), Arc::new(Memory::default()), &[&server.web.url("")]).await;
    declare(&engine, "web", &source, "memory").await;
    until(&engine, "web", "the first version", |s| is_synced_at(s, "1.2.0")).await;
    engine.stop(Duration::from_secs(5)).await;
    server.set_down(true);
    // A new store and an empty target: all that is left is the directory of charts.
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &[&server.web.url("")]).await;
    declare(&engine, "web", &source, "memory").await;
    let shown = until(&engine, "web", "the last version", |s| is_synced_at(s, "1.2.0") && !s.conditions.is_empty()).await;
    let message = &shown.conditions[0].message;
    assert!(message.contains("503") && message.contains("version 1.2.0 stays in use"), "{message}");
    assert_eq!(live(&target, "web"), Some(("red".to_owned(), "1.2.0".to_owned())));
    server.set_down(false);
    publish(&server, "1.3.0", "blue");
    engine.refresh("web", Refresh::Normal).await.unwrap();
    until(&engine, "web", "the newer version", |s| is_synced_at(s, "1.3.0") && s.conditions.is_empty()).await;
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_go_to_another_host_only_when_an_application_passes_them() {
    let (dir, server, store) = (tempfile::tempdir().unwrap(), ChartServer::start(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    publish(&store, "1.2.0", "red");
    server.archives_at(&store.web.url("charts"));
    let login = format!("repositories: [{{url: '{}', username: me, password: secret}}]", server.web.url("charts"));
    let credentials = Credentials::from_file(login.as_bytes(), "credentials.yaml").unwrap();
    let allowed = [&*server.web.url(""), &*store.web.url("")];
    for pass in [false, true] {
        // Each time with an empty cache: an archive that is there is not asked for.
        let dir = dir.path().join(pass.to_string());
        let engine = start_with(&dir, Arc::new(Memory::default()), &allowed, credentials.clone()).await;
        let helm = format!("helm: {{passCredentials: {pass}}}");
        let source = format!("source: {{repoURL: {}, chart: web, targetRevision: 1.x, {helm}}}", server.web.url("charts"));
        declare(&engine, "web", &source, "memory").await;
        until(&engine, "web", "the chart", |s| is_synced_at(s, "1.2.0")).await;
        engine.stop(Duration::from_secs(5)).await;
    }
    let basic = Some("Basic bWU6c2VjcmV0"); // me:secret
    assert!(server.web.seen().iter().all(|asked| asked.authorization() == basic), "{:?}", server.web.seen());
    let sent: Vec<bool> = store.web.seen().iter().map(|asked| asked.authorization() == basic).collect();
    assert_eq!(sent, [false, true], "{:?}", store.web.seen());
    assert_eq!(store.web.seen()[0].authorization(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_allowed_is_not_asked() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &["https://"]).await;
    let source = format!("source: {{repoURL: {}, chart: web, targetRevision: 1.x}}", server.web.url("charts"));
    declare(&engine, "web", &source, "memory").await;
    let shown = until(&engine, "web", "the error", |s| !s.conditions.is_empty()).await;
    assert!(shown.conditions[0].message.contains("`helm.repositories`"), "{:?}", shown.conditions);
    assert!(server.web.seen().is_empty());
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_applications_of_one_chart_share_its_parse() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    publish(&server, "1.2.0", "red");
    let (target, file) = platform(dir.path());
    let engine = start(dir.path(), target, &[&server.web.url("charts")]).await;
    for i in 0..40 {
        let values = format!("{{values: 'color: c{i}'}}");
        let source = format!("source: {{repoURL: {}, chart: web, targetRevision: 1.x, helm: {values}}}", server.web.url("charts"));
        declare(&engine, &format!("web-{i}"), &source, "platform").await;
    }
    for i in 0..40 {
        let name = format!("web-{i}");
        until(&engine, &name, "the chart", |s| is_synced_at(s, "1.2.0")).await;
        assert!(file(&name).contains(&format!("c{i}\n")), "{}", file(&name));
    }
    assert_eq!((engine.metrics().renders.load(Ordering::Relaxed), engine.charts_parsed()), (40, 1));
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_takes_values_of_a_repository() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    let values = Repository::create(dir.path().join("values.git"));
    publish(&server, "1.2.0", "red");
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    values.commit(true, &[file("env/prod.yaml", "color: green\n"), file("env/other.yaml", "a: 1\n")]);
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &[&server.web.url("charts")]).await;
    let sources = format!(
        "sources:\n  - {{repoURL: {}, chart: web, targetRevision: 1.x, helm: {{valueFiles: [$values/env/prod.yaml]}}}}\n  \
         - {{repoURL: {}, targetRevision: main, ref: values}}",
        server.web.url("charts"),
        values.0.display()
    );
    declare(&engine, "web", &sources, "memory").await;
    let synced = |s: &ApplicationStatus| s.sync.as_ref().is_some_and(|s| s.status == Some(SyncCode::Synced));
    let first = until(&engine, "web", "the chart", synced).await;
    assert_eq!(first.sync.unwrap().revisions, ["1.2.0".to_owned(), values.head()]);
    assert_eq!(live(&target, "web").unwrap().0, "green");
    let renders = || engine.metrics().renders.load(Ordering::Relaxed);
    let before = renders();
    values.commit(false, &[file("env/other.yaml", "a: 2\n")]);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    assert_eq!(renders(), before, "a file that nobody reads changes nothing");
    values.commit(false, &[file("env/prod.yaml", "color: black\n")]);
    engine.refresh("web", Refresh::Normal).await.unwrap();
    until(&engine, "web", "the new values", |_| live(&target, "web").is_some_and(|l| l.0 == "black")).await;
    publish(&server, "1.4.0", "red");
    engine.refresh("web", Refresh::Normal).await.unwrap();
    until(&engine, "web", "the new chart", |_| live(&target, "web").is_some_and(|l| l.1 == "1.4.0")).await;
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dependencies_that_are_not_vendored_are_fetched_and_followed() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    let own = Repository::create(dir.path().join("own.git"));
    publish(&server, "1.2.0", "red");
    let chart = format!(
        "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies:\n- {{name: web, version: ^1.0, repository: '{}'}}\n\
         - {{name: near, version: '*', repository: 'file://../near'}}\n",
        server.web.url("charts")
    );
    let near = "apiVersion: v2\nname: near\nversion: 0.0.1\n";
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: near}\ndata: {color: own, version: own}\n";
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    own.commit(true, &[file("shop/Chart.yaml", &chart), file("near/Chart.yaml", near), file("near/templates/a.yaml", object)]);
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &[&server.web.url("charts")]).await;
    let source = format!("source: {{repoURL: {}, path: shop, targetRevision: main}}", own.0.display());
    declare(&engine, "shop", &source, "memory").await;
    let head = own.head();
    until(&engine, "shop", "the chart with its dependencies", |s| is_synced_at(s, &head)).await;
    assert_eq!(live(&target, "shop"), Some(("red".to_owned(), "1.2.0".to_owned())));
    assert_eq!(live(&target, "near"), Some(("own".to_owned(), "own".to_owned())));
    publish(&server, "1.3.0", "blue");
    engine.refresh("shop", Refresh::Normal).await.unwrap();
    until(&engine, "shop", "the new dependency", |_| live(&target, "shop").is_some_and(|l| l.1 == "1.3.0")).await;
    own.commit(false, &[file("near/templates/a.yaml", &object.replace("color: own", "color: new"))]);
    engine.refresh("shop", Refresh::Normal).await.unwrap();
    until(&engine, "shop", "the change beside it", |_| live(&target, "near").is_some_and(|l| l.0 == "new")).await;
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charts_of_kustomizations_are_fetched() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ChartServer::start());
    let own = Repository::create(dir.path().join("own.git"));
    publish(&server, "1.2.0", "red");
    let kustomization = format!(
        "namePrefix: my-\nhelmCharts:\n- {{name: web, repo: '{}', version: 1.2.0, releaseName: shop, valuesInline: {{a: 1}}}}\n",
        server.web.url("charts")
    );
    own.commit(true, &[("app/kustomization.yaml".to_owned(), kustomization)]);
    let target = Arc::new(Memory::default());
    let engine = start(dir.path(), target.clone(), &[&server.web.url("charts")]).await;
    let source = format!("source: {{repoURL: {}, path: app, targetRevision: main}}", own.0.display());
    declare(&engine, "shop", &source, "memory").await;
    let head = own.head();
    until(&engine, "shop", "the chart", |s| is_synced_at(s, &head)).await;
    assert_eq!(live(&target, "my-shop"), Some(("red".to_owned(), "1.2.0".to_owned())));
    engine.stop(Duration::from_secs(5)).await;
}
