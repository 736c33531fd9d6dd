//! RollingSync: one test for each row of the table, and whole rollouts.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use gitops_app::{MatchExpression, OperationPhase, RolloutStep, SyncCode};
use gitops_appset::{Progress, ProgressStatus, RolloutApplication, deletion_waves, rollout};
use gitops_health::HealthStatus;

use ProgressStatus::{Healthy, Pending, Progressing, Waiting};

fn step(operator: &str, values: &[&str], max: Option<serde_json::Value>) -> RolloutStep {
    let values = values.iter().map(|v| (*v).to_owned()).collect();
    RolloutStep { match_expressions: vec![MatchExpression { key: "env".into(), operator: operator.into(), values }], max_update: max }
}

fn labels(env: &str) -> BTreeMap<String, String> {
    if env.is_empty() { BTreeMap::new() } else { BTreeMap::from([("env".to_owned(), env.to_owned())]) }
}

fn app<'a>(name: &'a str, labels: &'a BTreeMap<String, String>, sync: SyncCode, health: HealthStatus) -> RolloutApplication<'a> {
    RolloutApplication {
        name,
        labels,
        sync,
        health,
        revisions: vec!["r1".into()],
        operation: None,
        reconciled_at: None,
        spec_differs: false,
        broken: false,
    }
}

fn at(name: &str, status: ProgressStatus) -> Progress {
    Progress { application: name.into(), status, step: Some(1), target_revisions: vec!["r1".into()], message: String::new(), since: 100 }
}

#[test]
fn each_transition() {
    use HealthStatus::{Degraded, Healthy as Well, Progressing as Moving};
    use SyncCode::{OutOfSync, Synced};
    let dev = labels("dev");
    let base = app("a", &dev, OutOfSync, Well);
    let operation = Some((OperationPhase::Running, 150));
    // The step is closed by maxUpdate 0, so that only the application itself moves.
    for (why, app, last, becomes) in [
        ("new", base.clone(), None, Waiting),
        ("new, and as it should be", app("a", &dev, Synced, Well), None, Healthy),
        ("new, synced, not healthy", app("a", &dev, Synced, Moving), None, Progressing),
        ("other revisions", RolloutApplication { revisions: vec!["r2".into()], ..base.clone() }, Some(at("a", Healthy)), Waiting),
        ("another spec", RolloutApplication { spec_differs: true, ..app("a", &dev, Synced, Well) }, Some(at("a", Healthy)), Waiting),
        ("waiting, healthy", app("a", &dev, Synced, Well), Some(at("a", Waiting)), Healthy),
        ("waiting, synced, not healthy", app("a", &dev, Synced, Degraded), Some(at("a", Waiting)), Progressing),
        ("waiting, out of sync", base.clone(), Some(at("a", Waiting)), Waiting),
        ("pending, nothing happened", base.clone(), Some(at("a", Pending)), Pending),
        (
            "pending, an older operation",
            RolloutApplication { operation: Some((OperationPhase::Succeeded, 50)), reconciled_at: Some(200), ..base.clone() },
            Some(at("a", Pending)),
            Pending,
        ),
        (
            "pending, not compared since",
            RolloutApplication { operation, reconciled_at: Some(90), ..base.clone() },
            Some(at("a", Pending)),
            Pending,
        ),
        ("pending, begun", RolloutApplication { operation, reconciled_at: Some(151), ..base.clone() }, Some(at("a", Pending)), Progressing),
        ("pending, broken", RolloutApplication { broken: true, ..base.clone() }, Some(at("a", Pending)), Progressing),
        (
            "pending, done in between",
            RolloutApplication { operation, reconciled_at: Some(151), ..app("a", &dev, Synced, Well) },
            Some(at("a", Pending)),
            Healthy,
        ),
        ("progressing, healthy and synced", app("a", &dev, Synced, Well), Some(at("a", Progressing)), Healthy),
        ("progressing, healthy but out of sync", base.clone(), Some(at("a", Progressing)), Progressing),
        ("progressing, not healthy", app("a", &dev, Synced, Moving), Some(at("a", Progressing)), Progressing),
        ("healthy stays", app("a", &dev, OutOfSync, Degraded), Some(at("a", Healthy)), Healthy),
    ] {
        let last: Vec<Progress> = last.into_iter().collect();
        let out = rollout(&[step("In", &["dev"], Some(0.into()))], &[app], &last, 200);
        assert_eq!(out.progress[0].status, becomes, "{why}");
        let moved = last.first().is_none_or(|l| l.status != becomes);
        assert_eq!(out.progress[0].since, if moved { 200 } else { 100 }, "{why}");
        assert_eq!(out.sync, Vec::<String>::new(), "{why}");
    }
}

#[test]
fn a_step_opens_when_those_before_it_are_healthy() {
    let (dev, prod, none) = (labels("dev"), labels("prod"), labels(""));
    let steps = [step("In", &["dev"], None), step("In", &["qa"], None), step("In", &["prod"], None)];
    let out_of_sync = |name, l| app(name, l, SyncCode::OutOfSync, HealthStatus::Healthy);
    let apps = [out_of_sync("p", &prod), out_of_sync("d", &dev), out_of_sync("n", &none)];
    let out = rollout(&steps, &apps, &[], 1);
    assert_eq!(out.sync, ["d"]);
    assert_eq!((out.step, out.waiting.as_str()), (Some(1), "step 1 of 3 waits for d because it is Pending"));
    assert_eq!(out.progress.iter().map(|p| p.step).collect::<Vec<_>>(), [Some(3), Some(1), None]);
    let apps = [apps[0].clone(), app("d", &dev, SyncCode::Synced, HealthStatus::Healthy), apps[2].clone()];
    let mut last = out.progress;
    last[1].status = Progressing;
    let out = rollout(&steps, &apps, &last, 2);
    // The step in the middle is empty, and so is done.
    assert_eq!((out.sync, out.step), (vec!["p".to_owned()], Some(3)));
    let apps = [app("p", &prod, SyncCode::Synced, HealthStatus::Healthy), apps[1].clone(), apps[2].clone()];
    let mut last = out.progress;
    last[0].status = Progressing;
    let out = rollout(&steps, &apps, &last, 3);
    assert_eq!((out.sync.len(), out.step, out.waiting.as_str()), (0, None, ""), "the one in no step is never synced");
}

#[test]
fn how_many_at_once() {
    let dev = labels("dev");
    let names: Vec<String> = (0..10).map(|i| format!("a{i}")).collect();
    let apps: Vec<_> = names.iter().map(|n| app(n, &dev, SyncCode::OutOfSync, HealthStatus::Healthy)).collect();
    for (max, started, problem) in [
        (None, 10, false),
        (Some(serde_json::json!(3)), 3, false),
        (Some(serde_json::json!(0)), 0, false),
        (Some(serde_json::json!("25%")), 2, false),
        (Some(serde_json::json!("1%")), 1, false),
        (Some(serde_json::json!("0%")), 0, false),
        (Some(serde_json::json!("100%")), 10, false),
        (Some(serde_json::json!("some")), 10, true),
        (Some(serde_json::json!(-1)), 0, false),
    ] {
        let out = rollout(&[step("In", &["dev"], max.clone())], &apps, &[], 1);
        assert_eq!((out.sync.len(), !out.problems.is_empty()), (started, problem), "{max:?}");
    }
    // What is under way counts.
    let last = [at("a0", Pending), at("a1", Progressing)];
    let out = rollout(&[step("In", &["dev"], Some(3.into()))], &apps, &last, 1);
    assert_eq!(out.sync, ["a2"]);
    assert!(out.waiting.ends_with(", and for 9 more"), "{}", out.waiting);
}

#[test]
fn steps_that_are_wrong() {
    let dev = labels("dev");
    let apps = [app("a", &dev, SyncCode::OutOfSync, HealthStatus::Healthy)];
    assert_eq!(rollout(&[], &apps, &[], 1).problems, ["No steps defined for rollout"]);
    let out = rollout(&[step("In", &["dev"], None), step("NotIn", &["prod"], None)], &apps, &[], 1);
    assert_eq!(out.problems, ["application a is in steps [1, 2]; it counts in the first"]);
    // A label that is missing passes NotIn, and no other operator.
    let none = labels("");
    let apps = [app("a", &none, SyncCode::OutOfSync, HealthStatus::Healthy)];
    assert_eq!(rollout(&[step("NotIn", &["prod"], None)], &apps, &[], 1).sync, ["a"]);
    assert_eq!(rollout(&[step("Exists", &[], None)], &apps, &[], 1).progress[0].step, None);
}

#[test]
fn deletion_goes_backwards() {
    let (dev, prod, none) = (labels("dev"), labels("prod"), labels(""));
    let steps = [step("In", &["dev"], None), step("In", &["prod"], None)];
    let waves = deletion_waves(&steps, &[("d", &dev), ("p", &prod), ("n", &none), ("e", &dev)]);
    assert_eq!(waves, [vec!["n"], vec!["p"], vec!["d", "e"]]);
}

#[test]
fn names_read_back() {
    for status in [Waiting, Pending, Progressing, Healthy] {
        assert_eq!(ProgressStatus::parse(&status.to_string()), Some(status));
    }
    assert_eq!(ProgressStatus::parse("Done"), None);
    assert_eq!(at("a", Waiting).step.unwrap(), 1);
}
