//! A plan: what a sync would do, its hash, and a sync that begins only while it would still do that; hooks of a selective sync.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod memory;
mod repository;
mod stage;

use gitops_app::{OperationPhase, SyncOperation, SyncResource};
use gitops_engine::{Refresh, SyncTerms};
use stage::{Stage, config_map, phase, value};

fn hook() -> (String, String) {
    let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-, annotations: {argocd.argoproj.io/hook: PreSync}}\n";
    ("app/hook.yaml".to_owned(), text.to_owned())
}

async fn stage() -> Stage {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one"), config_map("app/b.yaml", "b", "one"), hook()]).await;
    stage.engine.put(value(&stage.application("web", "app", "", "  project: default\n")), false, "test").await.unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_holds_until_something_changes() {
    let stage = stage().await;
    let none = SyncTerms::default();
    let plan = stage.engine.plan_sync("web", SyncOperation::default(), &none, "test").await.unwrap();
    let steps: Vec<String> = plan.steps.iter().map(|s| format!("{} {} {} {}", s.phase, s.wave, s.action, s.subject)).collect();
    assert_eq!(steps.len(), 3, "{steps:#?}");
    assert!(steps[0].starts_with("PreSync 0 run") && steps[1].ends_with("create /ConfigMap/test/a"), "{steps:#?}");
    assert_eq!(plan.differences.len(), 2);
    assert!(stage.live().is_empty());
    // The same again is the same plan, though time goes on.
    let again = stage.engine.plan_sync("web", SyncOperation::default(), &none, "test").await.unwrap();
    assert_eq!(again.hash, plan.hash);
    stage.repository.commit(false, &[config_map("app/b.yaml", "b", "two")]);
    stage.engine.refresh("web", Refresh::Normal).await.unwrap();
    let expect = |hash: &str| SyncTerms { expect: Some(hash.to_owned()), ..SyncTerms::default() };
    let e = stage.engine.sync_on("web", SyncOperation::default(), None, &expect(&plan.hash), "test").await.unwrap_err().to_string();
    assert!(e.contains("is not what was expected") && e.contains("--plan"), "{e}");
    let now = stage.engine.plan_sync("web", SyncOperation::default(), &none, "test").await.unwrap();
    let e = stage.engine.sync_on("web", SyncOperation::default(), None, &expect(&now.hash[..4]), "test").await.unwrap_err().to_string();
    assert!(e.contains("is not what was expected"), "four digits are no hash: {e}");
    stage.engine.sync_on("web", SyncOperation::default(), None, &expect(&now.hash[..8]), "test").await.unwrap();
    stage.synced("web").await;
    // What is live counts too.
    let id = stage.target.live.lock().unwrap().keys().next().unwrap().clone();
    let settled = stage.engine.plan_sync("web", SyncOperation::default(), &none, "test").await.unwrap();
    assert!(settled.differences.is_empty());
    stage.target.live.lock().unwrap().remove(&id);
    let drifted = stage.engine.plan_sync("web", SyncOperation::default(), &none, "test").await.unwrap();
    assert_ne!(drifted.hash, settled.hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selective_sync_runs_hooks_when_it_is_asked_to() {
    let stage = stage().await;
    let one = || SyncOperation {
        resources: vec![SyncResource { kind: "ConfigMap".into(), name: "a".into(), ..SyncResource::default() }],
        ..SyncOperation::default()
    };
    for (with_hooks, hooks) in [(false, 0), (true, 1)] {
        let terms = SyncTerms { with_hooks, ..SyncTerms::default() };
        let begun = stage.engine.sync_on("web", one(), None, &terms, "test").await.unwrap();
        let done = |s: &gitops_app::ApplicationStatus| phase(s) == Some(OperationPhase::Succeeded);
        let status = stage.until("web", "the end", done).await;
        let results = status.operation_state.unwrap().sync_result.unwrap().resources;
        assert_eq!(results.iter().filter(|r| r.hook_type.is_some()).count(), hooks, "{} {results:#?}", begun.operation);
        assert!(results.iter().all(|r| r.name != "b"));
    }
    assert_eq!(stage.live(), ["a"]);
}
