//! An app of apps on the embedded home: what an application renders of Argo CD's kinds becomes applications, projects and
//! sets, in order, and goes with it.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod memory;
mod repository;
mod stage;

use std::time::{Duration, Instant};

use gitops_app::OperationPhase;
use gitops_engine::{AppQuery, Refresh};
use stage::{Stage, conditions, config_map, phase, settings, value};

const HOME: &str = "  destination: {server: https://kubernetes.default.svc, namespace: argocd}\n";

/// A child in a file of its own. `metadata` are more fields of it.
fn child(url: &str, name: &str, path: &str, metadata: &str) -> (String, String) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  namespace: argocd\n{metadata}spec:\n  project: default\n  \
         source: {{repoURL: {url}, targetRevision: main, path: {path}}}\n  destination: {{name: memory, namespace: test}}\n  \
         syncPolicy: {{automated: {{prune: true, selfHeal: false}}}}\n"
    );
    (format!("root/{name}.yaml"), text)
}

const CASCADE: &str = "  finalizers: [resources-finalizer.argocd.argoproj.io]\n";

async fn root(stage: &Stage) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: root}}\nspec:\n  project: default\n  \
         source: {{repoURL: {}, targetRevision: main, path: root}}\n{HOME}  syncPolicy: {{automated: {{prune: true, selfHeal: true}}, retry: {{limit: 0}}}}\n",
        stage.repository.0.display()
    );
    stage.engine.put(value(&text), false, "test").await.unwrap();
}

async fn gone(stage: &Stage, name: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while stage.engine.application(&AppQuery::full(name)).await.is_ok() {
        assert!(Instant::now() < end, "{name} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_come_in_waves_and_go_with_their_parent() {
    let mut stage = Stage::new(&[config_map("db/x.yaml", "db", "one"), config_map("web/x.yaml", "web", "one")]).await;
    let url = stage.repository.0.display().to_string();
    let late = format!("{CASCADE}  annotations: {{argocd.argoproj.io/sync-wave: '1'}}\n");
    stage.repository.commit(false, &[child(&url, "db", "db", CASCADE), child(&url, "web", "web", &late)]);
    root(&stage).await;
    stage.synced("root").await;
    stage.synced("db").await;
    stage.synced("web").await;
    assert_eq!(stage.live(), ["db", "web"]);
    // The second wave was waited for until the first was healthy.
    let started = async |name: &str| stage.status(name).await.operation_state.unwrap().started_at;
    let ended = stage.status("db").await.operation_state.unwrap().finished_at.unwrap();
    assert!(started("web").await >= ended, "web began before db had ended");
    assert!(stage.engine.delete("db", true, "x").await.unwrap_err().to_string().contains("declared in Application root"));
    stage.restart(settings()).await;
    stage.synced("root").await;
    // One leaves the source, and takes what it manages along.
    stage.repository.commit(false, &[("root/web.yaml".to_owned(), "# gone\n".to_owned())]);
    stage.engine.refresh("root", Refresh::Normal).await.unwrap();
    gone(&stage, "web").await;
    assert_eq!(stage.live(), ["db"]);
    stage.synced("root").await;
    stage.engine.delete("root", true, "test").await.unwrap();
    gone(&stage, "db").await;
    assert!(stage.live().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_is_changed_elsewhere_is_drift_and_projects_and_sets_are_children_too() {
    let stage = Stage::new(&[config_map("web/x.yaml", "web", "one")]).await;
    let url = stage.repository.0.display().to_string();
    let project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop}\nspec:\n  sourceRepos: ['*']\n  \
                   destinations: [{server: '*', namespace: '*'}]\n";
    let set = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: shops}}\nspec:\n  generators: [{{list: {{elements: [{{id: '1'}}]}}}}]\n  \
         template:\n    metadata: {{name: 'shop-{{{{id}}}}'}}\n    spec:\n      project: shop\n      \
         source: {{repoURL: {url}, targetRevision: main, path: web}}\n      destination: {{name: memory, namespace: test}}\n      \
         syncPolicy: {{automated: {{}}}}\n"
    );
    stage.repository.commit(false, &[("root/p.yaml".into(), project.into()), ("root/s.yaml".into(), set)]);
    root(&stage).await;
    stage.synced("root").await;
    let end = Instant::now() + Duration::from_secs(60);
    while stage.engine.application(&AppQuery::full("shop-1")).await.is_err() {
        assert!(Instant::now() < end, "{:#?}", stage.engine.sets());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.synced("shop-1").await;
    assert_eq!(stage.engine.project("shop").unwrap().spec.source_repos, ["*"]);
    let e = stage.engine.delete_set("shops", true, "x").await.unwrap_err().to_string();
    assert!(e.contains("declared in Application root"), "{e}");
    stage.engine.delete("root", true, "test").await.unwrap();
    gone(&stage, "shop-1").await;
    assert!(stage.engine.project("shop").is_err() && stage.engine.sets().is_empty() && stage.live().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_home_cannot_keep_and_what_two_parents_claim() {
    let stage = Stage::new(&[config_map("web/x.yaml", "web", "one"), config_map("root/c.yaml", "stray", "one")]).await;
    let url = stage.repository.0.display().to_string();
    root(&stage).await;
    let failed = stage.until("root", "the failure", |s| phase(s) == Some(OperationPhase::Failed)).await;
    let results = failed.operation_state.unwrap().sync_result.unwrap().resources;
    assert!(results.iter().any(|r| r.message.contains("is the engine's own store here")), "{results:#?}");
    // Two parents, one child: the second says where it is declared.
    stage.repository.commit(false, &[("root/c.yaml".into(), "# gone\n".into()), child(&url, "web", "web", CASCADE)]);
    stage.engine.refresh("root", Refresh::Normal).await.unwrap();
    stage.synced("root").await;
    let other = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: other}}\nspec:\n  project: default\n  \
         source: {{repoURL: {url}, targetRevision: main, path: root}}\n{HOME}  syncPolicy: {{automated: {{}}, retry: {{limit: 0}}}}\n"
    );
    stage.engine.put(value(&other), false, "test").await.unwrap();
    let failed = stage.until("other", "the failure", |s| phase(s) == Some(OperationPhase::Failed)).await;
    let message = format!("{:?}", failed.operation_state.unwrap());
    assert!(message.contains("declared in Application root") && message.contains("declare it in one place"), "{message}");
    assert!(!conditions(&stage.status("root").await).iter().any(|c| c.contains("Error")));
}
