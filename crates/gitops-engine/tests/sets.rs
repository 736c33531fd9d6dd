//! ApplicationSets live: from a declaration to applications, what a commit sets off, and what is kept when something is wrong.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod memory;
mod repository;
mod stage;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gitops_app::{ApplicationSet, SyncCode};
use gitops_appset::Cluster;
use gitops_engine::{AppQuery, Engine, EngineError, Objects, PreviewChange, Refresh, Settings};
use gitops_state::ListQuery;
use stage::{Stage, config_map, settings, sync, value};

fn set(stage: &Stage, name: &str, head: &str, app: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: {name}}}\nspec:\n{head}  template:\n    metadata: {{name: '{app}'}}\n    \
         spec:\n      project: default\n      source: {{repoURL: {}, targetRevision: main, path: '{path}'}}\n      \
         destination: {{name: memory, namespace: test}}\n      syncPolicy: {{automated: {{prune: true}}}}\n",
        stage.repository.0.display()
    )
}

async fn names(engine: &Engine) -> Vec<String> {
    engine.list(ListQuery::default()).await.unwrap().items.into_iter().map(|a| a.metadata.name).collect()
}

async fn until_names(engine: &Engine, wanted: &[&str]) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let found = names(engine).await;
        if found == wanted {
            return;
        }
        assert!(
            Instant::now() < end,
            "{found:?} is not {wanted:?}: {:#?}",
            engine.sets().iter().map(|s| s.status.clone()).collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The message of a condition that holds.
fn condition(set: &ApplicationSet, kind: &str) -> Option<String> {
    let conditions = set.status.as_ref()?["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == kind && c["status"] == "True").map(|c| c["message"].as_str().unwrap().to_owned())
}

async fn until_condition(engine: &Engine, name: &str, kind: &str, text: &str) -> String {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let set = engine.set(name).unwrap();
        if let Some(message) = condition(&set, kind).filter(|m| m.contains(text)) {
            return message;
        }
        assert!(Instant::now() < end, "no {kind} with `{text}`: {:#?}", set.status);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn apps() -> Vec<(String, String)> {
    vec![config_map("apps/a/x.yaml", "a", "one"), config_map("apps/b/x.yaml", "b", "one"), config_map("other/x.yaml", "o", "one")]
}

const DIRECTORIES: &str = "  goTemplate: true\n  goTemplateOptions: [missingkey=error]\n  generators: [{git: {repoURL: REPO, revision: main, directories: [{path: apps/*}]}}]\n";

fn directories(stage: &Stage, name: &str) -> String {
    let head = DIRECTORIES.replace("REPO", &stage.repository.0.display().to_string());
    set(stage, name, &head, "{{ .path.basename | upper | lower }}-app", "{{ .path.path }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_become_applications_and_only_their_commits_expand_again() {
    let mut stage = Stage::new(&apps()).await;
    stage.engine.put_set(value(&directories(&stage, "dirs")), false, "test").await.unwrap();
    until_names(&stage.engine, &["a-app", "b-app"]).await;
    stage.synced("a-app").await;
    stage.synced("b-app").await;
    let app = stage.engine.application(&AppQuery::full("a-app")).await.unwrap().application;
    assert_eq!(app.metadata.finalizers, ["resources-finalizer.argocd.argoproj.io"]);
    until_condition(&stage.engine, "dirs", "ResourcesUpToDate", "generated successfully").await;
    let e = stage.engine.delete("a-app", true, "test").await.unwrap_err().to_string();
    assert!(e.contains("declared in ApplicationSet argocd/dirs"), "{e}");
    // A commit elsewhere expands nothing.
    let before = stage.engine.metrics().expansions.load(Ordering::Relaxed);
    stage.repository.commit(false, &[config_map("other/x.yaml", "o", "two")]);
    stage.engine.refresh("a-app", Refresh::Normal).await.unwrap();
    assert_eq!(stage.engine.metrics().expansions.load(Ordering::Relaxed), before);
    stage.repository.commit(false, &[config_map("apps/c/x.yaml", "c", "one")]);
    stage.engine.refresh("a-app", Refresh::Normal).await.unwrap();
    until_names(&stage.engine, &["a-app", "b-app", "c-app"]).await;
    stage.synced("c-app").await;
    assert_eq!(stage.live(), ["a", "b", "c"]);
    // What is here outlives the process, and ends with its set.
    stage.restart(settings()).await;
    until_names(&stage.engine, &["a-app", "b-app", "c-app"]).await;
    stage.synced("c-app").await;
    stage.engine.delete_set("dirs", true, "test").await.unwrap();
    until_names(&stage.engine, &[]).await;
    assert!(stage.live().is_empty() && stage.engine.set("dirs").is_err());
}

fn list(elements: &str) -> String {
    format!("  generators: [{{list: {{elements: [{elements}]}}}}]\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_guards_and_orphans() {
    let stage = Stage::new(&apps()).await;
    let put = async |text: String| stage.engine.put_set(value(&text), true, "test").await.unwrap();
    put(set(&stage, "two", &list("{dir: a}, {dir: b}"), "{{dir}}", "apps/{{dir}}")).await;
    until_names(&stage.engine, &["a", "b"]).await;
    // Nothing generated: nothing is deleted, and the message says what to do.
    put(set(&stage, "two", &list(""), "{{dir}}", "apps/{{dir}}")).await;
    let message = until_condition(&stage.engine, "two", "ErrorOccurred", "would delete all 2").await;
    assert!(message.contains("gitops.dev/allow-empty"), "{message}");
    assert_eq!(names(&stage.engine).await, ["a", "b"]);
    // A template that loops or does not render changes nothing.
    let head = format!("  goTemplate: true\n{}", list("{dir: a}"));
    put(set(&stage, "two", &head, "{{ range .dir }}", "apps/a")).await;
    until_condition(&stage.engine, "two", "ErrorOccurred", "cannot be rendered").await;
    assert_eq!(names(&stage.engine).await, ["a", "b"]);
    // create-update deletes nothing; the set goes and its applications stay.
    let policy = format!("  syncPolicy: {{applicationsSync: create-update}}\n{}", list("{dir: a}"));
    put(set(&stage, "two", &policy, "{{dir}}", "apps/{{dir}}")).await;
    until_condition(&stage.engine, "two", "ResourcesUpToDate", "").await;
    stage.engine.delete_set("two", true, "test").await.unwrap();
    assert_eq!(names(&stage.engine).await, ["a", "b"]);
    stage.engine.delete("b", true, "test").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collisions_between_sets_and_with_missing_projects() {
    let stage = Stage::new(&apps()).await;
    let put = async |text: String| stage.engine.put_set(value(&text), true, "test").await.unwrap();
    put(set(&stage, "first", &list("{dir: a}"), "{{dir}}", "apps/{{dir}}")).await;
    until_names(&stage.engine, &["a"]).await;
    put(set(&stage, "second", &list("{dir: a}, {dir: b}"), "{{dir}}", "apps/{{dir}}")).await;
    until_condition(&stage.engine, "second", "ErrorOccurred", "is owned by ApplicationSet first").await;
    until_names(&stage.engine, &["a", "b"]).await;
    put(set(&stage, "second", &list("{dir: b}"), "{{dir}}", "apps/{{dir}}").replace("project: default", "project: absent")).await;
    until_condition(&stage.engine, "second", "ErrorOccurred", "project absent does not exist").await;
    assert_eq!(names(&stage.engine).await, ["a", "b"], "what is wrong is kept as it is");
    put(set(&stage, "second", &list("{dir: b}"), "{{dir}}", "apps/{{dir}}").replace("name: memory", "name: moon")).await;
    until_condition(&stage.engine, "second", "ErrorOccurred", "`moon` is no target").await;
    let e = stage.engine.put_set(value(&directories(&stage, "first")), false, "x").await.unwrap_err();
    assert!(matches!(e, EngineError::ObjectExists { .. }));
    let e = stage
        .engine
        .put_set(value("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: x}\nspec: {generatorz: []}\n"), false, "x")
        .await;
    assert!(e.unwrap_err().to_string().contains("generatorz"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_matrix_and_what_needs_a_cluster() {
    let labelled = |_: &str| Settings {
        clusters: vec![Cluster {
            name: "memory".into(),
            server: "https://memory.example.com".into(),
            labels: [("stage".to_owned(), "prod".to_owned())].into(),
            ..Cluster::default()
        }],
        ..settings()
    };
    let stage = Stage::with(&apps(), labelled).await;
    let head = "  generators:\n  - matrix:\n      generators:\n      - clusters: {selector: {matchLabels: {stage: prod}}}\n      - list: {elements: [{dir: a}]}\n";
    stage.engine.put_set(value(&set(&stage, "m", head, "{{name}}-{{dir}}", "apps/{{dir}}")), false, "test").await.unwrap();
    until_names(&stage.engine, &["memory-a"]).await;
    stage.synced("memory-a").await;
    let head = "  generators: [{clusterDecisionResource: {configMapRef: d, name: x}}]\n";
    stage.engine.put_set(value(&set(&stage, "d", head, "{{name}}", "apps/a")), false, "test").await.unwrap();
    until_condition(&stage.engine, "d", "ErrorOccurred", "ConfigMap d (in the files that `objects`").await;
    let objects = || {
        let mut objects = Objects::default();
        let text = "kind: ConfigMap\nmetadata: {name: d}\ndata: {apiVersion: x/v1, kind: decisions, matchKey: name}\n";
        objects.add(text.as_bytes(), "o").unwrap();
        Arc::new(objects)
    };
    let mut stage = stage;
    stage.restart(Settings { objects: objects(), ..settings() }).await;
    until_condition(&stage.engine, "d", "ErrorOccurred", "needs a Kubernetes cluster as the engine's home").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_manifests_and_changes_nothing() {
    let stage = Stage::new(&apps()).await;
    stage.engine.put_set(value(&set(&stage, "p", &list("{dir: a}, {dir: b}"), "{{dir}}", "apps/{{dir}}")), false, "test").await.unwrap();
    until_names(&stage.engine, &["a", "b"]).await;
    stage.synced("a").await;
    stage.synced("b").await;
    let next = set(&stage, "p", &list("{dir: a, path: other}, {dir: c, path: apps/b}"), "{{dir}}", "{{path}}");
    let preview = stage.engine.preview_set(Err(value(&next))).await.unwrap();
    let found: Vec<(&str, PreviewChange)> = preview.applications.iter().map(|a| (a.name.as_str(), a.change)).collect();
    assert_eq!(found, [("a", PreviewChange::Update), ("b", PreviewChange::Delete), ("c", PreviewChange::Create)]);
    let a = &preview.applications[0];
    assert!(a.difference.contains("-    path: apps/a") && a.difference.contains("+    path: other"), "{}", a.difference);
    let texts: Vec<String> = a.manifests.as_ref().unwrap().iter().map(gitops_engine::Pair::text).collect();
    assert!(texts.len() == 2 && texts.iter().any(|t| t.contains("+  name: o")), "{texts:#?}");
    assert_eq!(preview.parameters.len(), 2);
    assert_eq!(names(&stage.engine).await, ["a", "b"]);
    let same = stage.engine.preview_set(Ok("p")).await.unwrap();
    assert!(same.applications.iter().all(|a| a.change == PreviewChange::Keep));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_goes_step_by_step() {
    let stage = Stage::new(&apps()).await;
    let head = format!(
        "{}  strategy:\n    type: RollingSync\n    rollingSync:\n      steps:\n      - matchExpressions: [{{key: stage, operator: In, values: [dev]}}]\n      \
         - matchExpressions: [{{key: stage, operator: In, values: [prod]}}]\n",
        list("{dir: a, stage: dev}, {dir: b, stage: prod}")
    );
    let text = set(&stage, "steps", &head, "{{dir}}", "apps/{{dir}}")
        .replace("metadata: {name: '{{dir}}'}", "metadata: {name: '{{dir}}', labels: {stage: '{{stage}}'}}");
    // The first step fails: the second does not begin.
    stage.target.faults.store(1, Ordering::Relaxed);
    stage.engine.put_set(value(&text.replace("prune: true}}", "prune: true}, retry: {limit: 0}}")), false, "test").await.unwrap();
    until_names(&stage.engine, &["a", "b"]).await;
    stage.until("a", "the failure", |s| stage::phase(s) == Some(gitops_app::OperationPhase::Failed)).await;
    let b = stage.until("b", "a look", |s| sync(s) == Some(SyncCode::OutOfSync)).await;
    assert!(b.operation_state.is_none());
    let set = stage.engine.set("steps").unwrap();
    assert!(set.status.unwrap()["waiting"].as_str().unwrap().contains("step 1 of 2 waits for a"));
    stage.engine.sync("a", gitops_app::SyncOperation::default(), None, "test").await.unwrap();
    stage.synced("a").await;
    stage.synced("b").await;
    until_condition(&stage.engine, "steps", "ResourcesUpToDate", "").await;
    let end = Instant::now() + Duration::from_secs(30);
    while stage.engine.set("steps").unwrap().status.unwrap()["conditions"][3]["message"] != "ApplicationSet Rollout has completed" {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Answers every request with one status and body.
fn forge(answer: Arc<Mutex<(u16, String)>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let (status, body) = answer.lock().unwrap().clone();
            let _ = write!(&stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

fn requests(numbers: &[u32]) -> String {
    let one = |n: &u32| {
        format!(
            r#"{{"number": {n}, "title": "T", "head": {{"ref": "b{n}", "sha": "0123456789abcdef"}}, "base": {{"ref": "main"}}, "user": {{"login": "ann"}}, "labels": []}}"#
        )
    };
    format!("[{}]", numbers.iter().map(one).collect::<Vec<_>>().join(","))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_come_and_go_with_pull_requests() {
    let stage = Stage::new(&apps()).await;
    let answer = Arc::new(Mutex::new((200, requests(&[1, 2]))));
    let head = format!("  generators: [{{pullRequest: {{github: {{owner: acme, repo: shop, api: '{}'}}}}}}]\n", forge(answer.clone()));
    let text = set(&stage, "pr", &head, "pr-{{number}}", "apps/a");
    stage.engine.put_set(value(&text), false, "test").await.unwrap();
    until_names(&stage.engine, &["pr-1", "pr-2"]).await;
    // The forge is down, then out of patience: what is there stays.
    for (status, said) in [(500, "status 500"), (429, "rate limit"), (404, "is not there")] {
        *answer.lock().unwrap() = (status, "{}".to_owned());
        stage.engine.refresh_set("pr").await.unwrap();
        until_condition(&stage.engine, "pr", "ErrorOccurred", said).await;
        assert_eq!(names(&stage.engine).await, ["pr-1", "pr-2"]);
    }
    // The last one closes: here nothing being left is an ordinary day.
    *answer.lock().unwrap() = (200, requests(&[2]));
    stage.engine.refresh_set("pr").await.unwrap();
    until_names(&stage.engine, &["pr-2"]).await;
    *answer.lock().unwrap() = (200, requests(&[]));
    stage.engine.refresh_set("pr").await.unwrap();
    until_names(&stage.engine, &[]).await;
    // A project's room, and a preview's time.
    stage.project("metadata: {name: default, annotations: {gitops-engine.dev/preview-limit: '2'}}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}\n").await;
    *answer.lock().unwrap() = (200, requests(&[3, 4, 5]));
    stage.engine.refresh_set("pr").await.unwrap();
    until_names(&stage.engine, &["pr-3", "pr-4"]).await;
    until_condition(
        &stage.engine,
        "pr",
        "ErrorOccurred",
        "has 2 preview environments, and its annotation gitops-engine.dev/preview-limit says `2`",
    )
    .await;
    let timed = text.replace("metadata: {name: pr}", "metadata: {name: pr, annotations: {gitops-engine.dev/preview-ttl: 300ms}}");
    stage.engine.put_set(value(&timed), true, "test").await.unwrap();
    until_names(&stage.engine, &[]).await;
    stage.engine.refresh_set("pr").await.unwrap();
    assert_eq!(names(&stage.engine).await, Vec::<String>::new(), "a request that stays open gets no second life");
}
