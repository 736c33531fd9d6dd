//! What a project permits: when an application is created, when it is looked at, and object by object.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod memory;
mod repository;
mod stage;

use gitops_app::{OperationPhase, SyncCode, SyncOperation};
use gitops_engine::{Declarations, EngineError, Settings};
use stage::{Stage, conditions, config_map, phase, settings, sync, value};

const SHOP: &str = "metadata: {name: shop}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}\n";

fn secret(path: &str) -> (String, String) {
    (path.to_owned(), "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_project_is_there_may_be_changed_and_stays() {
    let mut stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.automated("web", "app", "").await;
    stage.synced("web").await;
    let e = stage.engine.delete_project("default", "test").await.unwrap_err();
    assert!(e.to_string().contains("cannot be deleted"), "{e}");
    // What it stops permitting shows at once, and after a restart as well.
    stage.project("metadata: {name: default}\nspec: {sourceRepos: [], destinations: [{server: '*', namespace: '*'}]}\n").await;
    let forbidden = |s: &gitops_app::ApplicationStatus| conditions(s).iter().any(|c| c.contains("is not permitted in project 'default'"));
    let status = stage.until("web", "the refusal", forbidden).await;
    assert_eq!(sync(&status), Some(SyncCode::Unknown));
    stage.restart(settings()).await;
    stage.until("web", "the refusal", forbidden).await;
    let e = stage.engine.sync("web", SyncOperation::default(), None, "test").await.unwrap_err();
    assert!(matches!(&e, EngineError::Precondition(m) if m.contains("add it to the project's spec.sourceRepos")), "{e}");
    stage.project("metadata: {name: default}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}\n").await;
    stage.synced("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creation_is_refused_with_what_to_do() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.project("metadata: {name: shop}\nspec: {sourceRepos: ['https://only.example.com/*'], destinations: [{name: memory, namespace: shop}]}\n").await;
    let app = |project: &str| value(&stage.application("web", "app", "", &format!("  project: {project}\n")));
    let e = stage.engine.put(app("absent"), false, "test").await.unwrap_err().to_string();
    assert!(e.contains("project absent which does not exist") && e.contains("gitops proj create absent"), "{e}");
    let e = stage.engine.put(app("shop"), false, "test").await.unwrap_err().to_string();
    assert!(e.contains("is not permitted in project 'shop'") && e.contains("namespace 'test' do not match any"), "{e}");
    assert!(matches!(stage.engine.project("absent"), Err(EngineError::ObjectNotFound { .. })));
    let other = value("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: x, namespace: elsewhere}\nspec: {}\n");
    let e = stage.engine.put_project(other, false, "test").await.unwrap_err().to_string();
    assert!(e.contains("projects count in argocd only"), "{e}");
    let wrong = value("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: x}\nspec: {destination: []}\n");
    assert!(stage.engine.put_project(wrong, false, "test").await.unwrap_err().to_string().contains("destination"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_not_permitted_fails_the_operation_until_the_project_changes() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one"), secret("app/s.yaml")]).await;
    let denied = "metadata: {name: shop}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], \
                  namespaceResourceBlacklist: [{group: '', kind: Secret}]}\n";
    stage.project(denied).await;
    let spec = "  project: shop\n  syncPolicy: {automated: {}}\n";
    stage.engine.put(value(&stage.application("web", "app", "", spec)), false, "test").await.unwrap();
    let failed = stage.until("web", "the failure", |s| phase(s) == Some(OperationPhase::Failed)).await;
    let message = failed.operation_state.unwrap().message;
    assert_eq!(
        message,
        "one or more synchronization tasks are not valid: resource :Secret is not permitted in project shop: take it off the project's \
         spec.namespaceResourceBlacklist"
    );
    let status = stage.until("web", "the condition", |s| conditions(s).iter().any(|c| c.starts_with("SyncError"))).await;
    let secret = status.resources.iter().find(|r| r.kind == "Secret").unwrap();
    assert_eq!(secret.status, Some(SyncCode::Unknown));
    assert!(stage.live().is_empty(), "nothing is written when a part may not be");
    stage.project(SHOP).await;
    stage.synced("web").await;
    assert_eq!(stage.live(), ["a", "s"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_demands_signatures_syncs_nothing() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.project(SHOP).await;
    let spec = "  project: shop\n  syncPolicy: {automated: {}}\n";
    stage.engine.put(value(&stage.application("web", "app", "", spec)), false, "test").await.unwrap();
    stage.synced("web").await;
    stage.project(&SHOP.replace("spec: {", "spec: {signatureKeys: [{keyID: '4AEE18F83AFDEB23'}], ")).await;
    let demands = |s: &gitops_app::ApplicationStatus| {
        conditions(s).iter().any(|c| c.starts_with("ComparisonError: project 'shop' demands signed commits"))
    };
    stage.until("web", "the refusal", demands).await;
    let e = stage.engine.sync("web", SyncOperation::default(), None, "test").await.unwrap_err().to_string();
    assert!(e.contains("signatures cannot be verified yet"), "{e}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_declared_in_git_come_change_and_go() {
    let files = [
        config_map("app/a.yaml", "a", "one"),
        ("declared/shop.yaml".to_owned(), format!("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n{SHOP}")),
    ];
    let declared = |url: &str| Settings {
        declarations: vec![Declarations { repo_url: url.to_owned(), target_revision: "main".into(), path: "declared".into() }],
        ..settings()
    };
    let stage = Stage::with(&files, declared).await;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while stage.engine.project("shop").is_err() {
        assert!(std::time::Instant::now() < end, "not declared");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let e = stage
        .engine
        .put_project(value(&format!("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n{SHOP}")), true, "x")
        .await
        .unwrap_err();
    assert!(e.to_string().contains("is declared in"), "{e}");
    stage
        .engine
        .put(value(&stage.application("web", "app", "", "  project: shop\n  syncPolicy: {automated: {}}\n")), false, "test")
        .await
        .unwrap();
    stage.synced("web").await;
    let e = stage.engine.delete_project("shop", "x").await.unwrap_err().to_string();
    assert!(e.contains("remove it there"), "{e}");
    // It leaves git: its application says so, and keeps what is live.
    stage.repository.commit(false, &[("declared/shop.yaml".to_owned(), "# nothing\n".to_owned())]);
    stage.engine.refresh("web", gitops_engine::Refresh::Normal).await.unwrap();
    stage.until("web", "the condition", |s| conditions(s).iter().any(|c| c.contains("project shop which does not exist"))).await;
    assert_eq!(stage.live(), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_in_use_is_not_deleted() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.project(SHOP).await;
    stage.engine.put(value(&stage.application("web", "app", "", "  project: shop\n")), false, "test").await.unwrap();
    let e = stage.engine.delete_project("shop", "test").await.unwrap_err().to_string();
    assert!(e.contains("used by 1 application(s): web"), "{e}");
    stage.engine.delete("web", true, "test").await.unwrap();
    stage.engine.delete_project("shop", "test").await.unwrap();
    assert!(stage.engine.project("shop").is_err());
}
