//! Sync windows, emergency stops and dependencies between applications: what holds a sync back, and what lets it go on.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod memory;
mod repository;
mod stage;

use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_app::{OperationPhase, SyncCode, SyncOperation};
use gitops_engine::{AppQuery, EngineError, Scope};
use stage::{Stage, conditions, config_map, phase, settings, sync, value};

fn windows(list: &str) -> String {
    format!(
        "metadata: {{name: default}}\nspec: {{sourceRepos: ['*'], destinations: [{{server: '*', namespace: '*'}}], \
         clusterResourceWhitelist: [{{group: '*', kind: '*'}}], syncWindows: [{list}]}}\n"
    )
}

/// Open all the time: longer than a year.
const DENY: &str = "{kind: deny, schedule: '0 0 1 1 *', duration: 9000h, applications: ['*']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_blocks_what_it_is_about_and_says_so() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.project(&windows(&format!("{DENY}}}"))).await;
    stage.automated("web", "app", "").await;
    let status = stage.until("web", "a look", |s| sync(s) == Some(SyncCode::OutOfSync)).await;
    assert_eq!(phase(&status), None, "nothing began");
    let gate = stage.engine.application(&AppQuery::full("web")).await.unwrap().gate.unwrap();
    assert!(!gate.automated && !gate.manual && gate.reason.starts_with("blocked by sync window: deny window"), "{gate:?}");
    let e = stage.engine.sync("web", SyncOperation::default(), None, "test").await.unwrap_err();
    assert!(matches!(&e, EngineError::Denied(m) if m.starts_with("cannot sync: blocked by sync window")), "{e}");
    stage.engine.sync("web", SyncOperation { dry_run: true, ..SyncOperation::default() }, None, "test").await.unwrap();
    // With manualSync a person may; automated syncs wait on.
    stage.until("web", "the end of the dry run", |s| phase(s) == Some(OperationPhase::Succeeded)).await;
    stage.project(&windows(&format!("{DENY}, manualSync: true}}"))).await;
    stage.engine.sync("web", SyncOperation::default(), None, "test").await.unwrap();
    stage.synced("web").await;
    stage.repository.commit(false, &[config_map("app/a.yaml", "a", "two")]);
    stage.engine.refresh("web", gitops_engine::Refresh::Normal).await.unwrap();
    assert_eq!(sync(&stage.status("web").await), Some(SyncCode::OutOfSync));
    // A change of the project is looked at at once.
    stage.project(&windows("")).await;
    stage.synced("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_of_an_application_of_its_own_and_an_opening_one() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    // Opens in two to three minutes.
    let minute = now() / 60 + 3;
    let schedule = format!("{} {} * * *", minute % 60, minute / 60 % 24);
    let spec = format!(
        "  project: default\n  syncPolicy:\n    automated: {{}}\n    syncWindows:\n    \
         - {{kind: allow, schedule: '{schedule}', duration: 1m, applications: ['*']}}\n"
    );
    stage.engine.put(value(&stage.application("web", "app", "", &spec)), false, "test").await.unwrap();
    stage.until("web", "a look", |s| sync(s) == Some(SyncCode::OutOfSync)).await;
    let (all, _) = stage.engine.sync_windows("web").unwrap();
    assert_eq!(all.len(), 1);
    let gate = stage.engine.application(&AppQuery::full("web")).await.unwrap().gate.unwrap();
    assert!(!gate.automated && gate.next_change.is_some_and(|at| at > now() && at <= now() + 181), "{gate:?}");
}

fn now() -> i64 {
    gitops_state::now().as_millis() / 1000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_holds_what_begins_and_pauses_what_runs_across_a_restart() {
    let mut stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    // It fails and waits for its next attempt: an operation that runs.
    stage.target.faults.store(1, Ordering::Relaxed);
    let spec = "  project: default\n  syncPolicy: {automated: {}, retry: {limit: 3, backoff: {duration: 2s, factor: 1}}}\n";
    stage.engine.put(value(&stage.application("web", "app", "", spec)), false, "test").await.unwrap();
    stage.until("web", "an attempt", |s| s.operation_state.as_ref().is_some_and(|o| o.message.contains("Retrying"))).await;
    stage.engine.stop_syncs(Scope::Everything, "the disk is being changed", "ann").await.unwrap();
    let held = |s: &gitops_app::ApplicationStatus| {
        phase(s) == Some(OperationPhase::Running)
            && s.operation_state.as_ref().is_some_and(|o| o.message.contains("emergency stop of everything by ann since"))
    };
    let status = stage.until("web", "the pause", held).await;
    assert!(status.operation_state.unwrap().message.contains("the disk is being changed (`gitops resume --all` ends it)"));
    stage.restart(settings()).await;
    stage.until("web", "the pause after the restart", held).await;
    assert_eq!(stage.target.applied.load(Ordering::Relaxed), 1);
    let e = stage.engine.resume_syncs(Scope::Project("default".into()), "ann").await.unwrap_err().to_string();
    assert!(e.contains("project default is not stopped"), "{e}");
    stage.engine.resume_syncs(Scope::Everything, "ann").await.unwrap();
    stage.synced("web").await;
    assert!(stage.engine.stops().is_empty());
    let e = stage.engine.stop_syncs(Scope::Application("absent".into()), "x", "ann").await.unwrap_err();
    assert!(matches!(e, EngineError::NotFound { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_operation_can_be_ended() {
    let stage = Stage::new(&[config_map("app/a.yaml", "a", "one")]).await;
    stage.target.faults.store(1, Ordering::Relaxed);
    let spec = "  project: default\n  syncPolicy: {automated: {}, retry: {limit: 3, backoff: {duration: 1h}}}\n";
    stage.engine.put(value(&stage.application("web", "app", "", spec)), false, "test").await.unwrap();
    stage.until("web", "an attempt", |s| s.operation_state.as_ref().is_some_and(|o| o.message.contains("Retrying"))).await;
    stage.engine.stop_syncs(Scope::Project("default".into()), "x", "ann").await.unwrap();
    stage.until("web", "the pause", |s| s.operation_state.as_ref().is_some_and(|o| o.message.contains("emergency stop"))).await;
    stage.engine.terminate("web", "ann").await.unwrap();
    stage.until("web", "the end", |s| phase(s) == Some(OperationPhase::Failed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_waits_for_those_it_depends_on() {
    let stage = Stage::new(&[config_map("db/a.yaml", "db", "one"), config_map("web/a.yaml", "web", "one")]).await;
    stage.automated("web", "web", "gitops-engine.dev/depends-on: 'db=Synced|Healthy'").await;
    let waiting =
        stage.until("web", "the wait", |s| conditions(s).iter().any(|c| c.contains("waiting for db because it does not exist"))).await;
    assert_eq!(phase(&waiting), None);
    // The dependency needs a person.
    stage.engine.put(value(&stage.application("db", "db", "", "  project: default\n")), false, "test").await.unwrap();
    stage.until("web", "another reason", |s| conditions(s).iter().any(|c| c.contains("waiting for db because it is OutOfSync"))).await;
    stage.engine.sync("db", SyncOperation::default(), None, "test").await.unwrap();
    // Nobody asks for the dependent: the end of the other wakes it.
    stage.synced("web").await;
    assert_eq!(conditions(&stage.status("web").await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_of_dependencies_is_reported() {
    let stage = Stage::new(&[config_map("a/a.yaml", "a", "one"), config_map("b/a.yaml", "b", "one")]).await;
    stage.automated("a", "a", "gitops-engine.dev/depends-on: b").await;
    stage.automated("b", "b", "gitops-engine.dev/depends-on: a").await;
    stage.until("b", "the report", |s| conditions(s).iter().any(|c| c.contains("wait for each other: b -> a -> b"))).await;
    stage.until("a", "the report", |s| conditions(s).iter().any(|c| c.contains("wait for each other: a -> b -> a"))).await;
    stage.automated("c", "a", "gitops-engine.dev/depends-on: 'b=Fine'").await;
    stage.until("c", "the report", |s| conditions(s).iter().any(|c| c.contains("`Fine` is no state"))).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(stage.live().is_empty());
}
