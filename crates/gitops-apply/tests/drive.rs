//! The driver over a target in memory: order, failures, retries, termination, crashes at every poll.
#![cfg(feature = "drive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "a test")]

mod fake;

use std::collections::BTreeMap;
use std::time::Duration;

use fake::{Fake, Jumping, Paper, live, object, run};
use gitops_apply::{
    Backoff, Control, Driven, LiveSet, OperationPhase, Outcome, Plan, PlanInput, Retry, Settings, SyncRequest, SyncState, Timestamp, drive,
    equal_bodies, plan,
};
use gitops_manifest::{Manifest, ObjectId};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const HOOK: &str = "argocd.argoproj.io/hook";
const POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

fn planned(desired: &[Manifest], live: &LiveSet, request: &SyncRequest) -> Plan {
    plan(&PlanInput {
        operation: "op",
        app: "app",
        namespace: "",
        desired,
        live,
        unchanged: &equal_bodies,
        activation: &|id| (id.kind == "ConfigMap").then(|| "reload".into()),
        activate_also: &[],
        request,
        revision: "0123456789abcdef",
        started_at: Timestamp::default(),
        deletion_approved: None,
    })
    .expect("a plan")
}

fn driven(target: &Fake, state: SyncState) -> Outcome {
    let (_controller, mut control) = Control::new();
    let (paper, clock) = (Paper::default(), Jumping::default());
    match run(drive(target, &paper, &clock, state, &mut control, 16), 10_000) {
        Some(Driven::Done(outcome, last)) => {
            assert_eq!(last.results(), outcome.results, "the last state holds every result");
            outcome
        }
        other => panic!("not done: {other:?}"),
    }
}

fn guestbook() -> Vec<Manifest> {
    vec![
        object("Job", "migrate", &[(HOOK, "PreSync")]),
        object("ConfigMap", "settings", &[]),
        object("Deployment", "web", &[(WAVE, "1")]),
        object("Job", "smoke", &[(HOOK, "PostSync"), (POLICY, "HookSucceeded")]),
        object("Job", "page", &[(HOOK, "SyncFail")]),
    ]
}

#[test]
fn waves_and_hooks_in_order() {
    let target = Fake::default();
    target.slow.lock().unwrap().insert("settings".into(), 3);
    let outcome = driven(&target, SyncState::new(planned(&guestbook(), &LiveSet::new(), &SyncRequest::default()), Settings::default()));
    assert_eq!((outcome.phase, outcome.message.as_str()), (OperationPhase::Succeeded, "successfully synced (no more tasks)"));
    let expected = [
        "hook op/migrate/1",
        "ran migrate",
        "apply settings",
        "activate reload",
        "apply web",
        "hook op/smoke/1",
        "ran smoke",
        "delete smoke",
    ];
    assert_eq!(target.log(), expected);
    assert_eq!(outcome.finished_at.as_millis(), 3000, "health was polled once a second");
}

#[test]
fn a_failed_hook_takes_the_branch_of_failure_and_is_retried() {
    let target = Fake::default();
    target.faults.lock().unwrap().insert("migrate".into(), 1);
    let request = SyncRequest { retry: Retry { limit: 2, backoff: Backoff::default(), refresh: false }, ..SyncRequest::default() };
    let outcome = driven(&target, SyncState::new(planned(&guestbook(), &LiveSet::new(), &request), Settings::default()));
    assert_eq!((outcome.phase, outcome.retry_count), (OperationPhase::Succeeded, 1));
    let log = target.log();
    assert_eq!(log[..6], ["hook op/migrate/1", "ran migrate", "hook op/page/1", "ran page", "delete migrate", "hook op/migrate/2"]);
    assert_eq!(outcome.finished_at.as_millis(), 5000);
}

#[test]
fn a_failed_apply_ends_with_the_reason_and_leaves_activations_for_the_next_sync() {
    let target = Fake::default();
    target.faults.lock().unwrap().insert("settings".into(), 1);
    let outcome = driven(&target, SyncState::new(planned(&guestbook(), &LiveSet::new(), &SyncRequest::default()), Settings::default()));
    assert_eq!(outcome.phase, OperationPhase::Failed);
    assert_eq!(outcome.message, "one or more objects failed to apply, reason: settings: disk full");
    assert_eq!(outcome.pending_activations, ["reload"]);
    assert!(target.log().contains(&"hook op/page/1".to_owned()));
}

#[test]
fn only_what_is_ours_is_pruned_and_only_when_asked() {
    let old = [object("ConfigMap", "old", &[]), object("ConfigMap", "kept", &[(OPTIONS, "Prune=false")])];
    let mut there = live(&old, Some("app"));
    there.extend(live(&[object("ConfigMap", "theirs", &[])], Some("other")));
    there.extend(live(&[object("ConfigMap", "nobodys", &[])], None));
    let target = Fake::default();
    let outcome = driven(&target, SyncState::new(planned(&[], &there, &SyncRequest::default()), Settings::default()));
    assert_eq!(target.log(), [""; 0]);
    assert!(outcome.results.iter().all(|r| r.message == "ignored (requires pruning)") && outcome.results.len() == 2);
    let request = SyncRequest { prune: true, ..SyncRequest::default() };
    let outcome = driven(&target, SyncState::new(planned(&[], &there, &request), Settings::default()));
    assert_eq!(target.log(), ["prune old", "activate reload"]);
    assert!(outcome.results.iter().any(|r| r.message == "ignored (no prune)"));
}

#[test]
fn a_dry_run_touches_nothing_and_unchanged_objects_are_not_written() {
    let target = Fake::default();
    let request = SyncRequest { dry_run: true, ..SyncRequest::default() };
    let outcome = driven(&target, SyncState::new(planned(&guestbook(), &LiveSet::new(), &request), Settings::default()));
    assert_eq!((outcome.phase, target.log().len()), (OperationPhase::Succeeded, 0));
    let one = [object("ConfigMap", "settings", &[])];
    let outcome = driven(&target, SyncState::new(planned(&one, &live(&one, Some("app")), &SyncRequest::default()), Settings::default()));
    assert_eq!((outcome.results[0].message.as_str(), target.log().len()), ("unchanged", 0));
}

#[test]
fn termination_and_time_out_end_running_hooks() {
    for timeout in [None, Some(Duration::from_secs(60))] {
        let target = Fake { endless: ["migrate".to_owned()].into(), ..Fake::default() };
        let (controller, mut control) = Control::new();
        if timeout.is_none() {
            controller.terminate();
        }
        let settings = Settings { timeout, ..Settings::default() };
        let state = SyncState::new(planned(&guestbook(), &LiveSet::new(), &SyncRequest::default()), settings);
        let (paper, clock) = (Paper::default(), Jumping::default());
        let ended = run(drive(&target, &paper, &clock, state, &mut control, 1), 1000);
        let Some(Driven::Done(outcome, _)) = ended else { panic!("not done: {ended:?}") };
        assert_eq!((outcome.phase, outcome.message.as_str()), (OperationPhase::Failed, "Operation terminated"));
        assert!(outcome.terminated && outcome.results[0].message == "Terminated");
        assert_eq!(target.log().last().map(String::as_str), Some("delete migrate"));
    }
}

#[test]
fn nothing_is_done_that_the_journal_could_not_keep() {
    let target = Fake::default();
    let (_controller, mut control) = Control::new();
    let (paper, clock) = (Paper { fails_at: Some(0), ..Paper::default() }, Jumping::default());
    let state = SyncState::new(planned(&guestbook(), &LiveSet::new(), &SyncRequest::default()), Settings::default());
    assert!(matches!(run(drive(&target, &paper, &clock, state, &mut control, 4), 1000), Some(Driven::JournalFailed(_))));
    assert_eq!(target.log().len(), 0);
}

/// A crash after every number of polls, again and again until the operation ends: each run id ends at most once in the
/// journal's eyes, and everything is live at the end.
#[test]
fn crashes_at_every_instant() {
    let desired = guestbook();
    let manifests: BTreeMap<ObjectId, Manifest> = desired.iter().map(|m| (m.id().clone(), m.clone())).collect();
    for polls in 3..40 {
        let target = Fake::default();
        let paper = Paper::default();
        let mut state = SyncState::new(planned(&desired, &LiveSet::new(), &SyncRequest::default()), Settings::default());
        let mut outcome = None;
        for _ in 0..200 {
            let (_controller, mut control) = Control::new();
            let clock = Jumping::default();
            match run(drive(&target, &paper, &clock, state, &mut control, 2), polls) {
                Some(Driven::Done(done, _)) => {
                    outcome = Some(done);
                    break;
                }
                Some(other) => panic!("{other:?}"),
                None => {
                    let text = paper.states.lock().unwrap().last().cloned().expect("written before the first effect");
                    state = SyncState::from_json(&text, &manifests).expect("readable");
                    assert_eq!(state.to_json(), text);
                }
            }
        }
        let outcome = outcome.unwrap_or_else(|| panic!("{polls} polls: never ended"));
        assert_eq!(outcome.phase, OperationPhase::Succeeded);
        let log = target.log();
        for done in ["ran migrate", "apply settings", "activate reload", "apply web", "ran smoke"] {
            assert!(log.iter().any(|l| l == done), "{polls}: {done} missing in {log:?}");
        }
    }
}

#[test]
fn a_target_that_takes_part_prepares_first_and_lets_go_of_hooks_afterwards() {
    let target = Fake { takes_part: true, ..Fake::default() };
    let options = vec!["CreateNamespace=true".to_owned()];
    let request = SyncRequest { target_takes_part: true, options, ..SyncRequest::default() };
    let outcome = driven(&target, SyncState::new(planned(&guestbook(), &LiveSet::new(), &request), Settings::default()));
    assert_eq!(outcome.phase, OperationPhase::Succeeded);
    let expected = ["prepare ", "hook op/migrate/1", "ran migrate", "release migrate", "apply settings", "activate reload"];
    assert_eq!(target.log()[..6], expected);
    assert_eq!(target.log().iter().filter(|l| l.starts_with("release")).count(), 2);
}

#[test]
fn what_would_be_refused_fails_before_anything_is_written() {
    let target = Fake { takes_part: true, refused: ["web".to_owned()].into(), ..Fake::default() };
    let request = SyncRequest { target_takes_part: true, ..SyncRequest::default() };
    let outcome = driven(&target, SyncState::new(planned(&guestbook()[..4], &LiveSet::new(), &request), Settings::default()));
    assert_eq!(outcome.message, "one or more objects failed to apply (dry run), reason: no such kind");
    assert_eq!(target.log(), ["prepare "]);
    assert_eq!(outcome.results.len(), 1);
}

#[test]
fn a_wave_waits_until_what_it_pruned_is_gone() {
    let target = Fake::default();
    target.lingering.lock().unwrap().insert("old".into(), 2);
    let there = live(&[object("ConfigMap", "old", &[])], Some("app"));
    let request = SyncRequest { prune: true, ..SyncRequest::default() };
    let desired = [object("ConfigMap", "new", &[(WAVE, "1")])];
    let outcome = driven(&target, SyncState::new(planned(&desired, &there, &request), Settings::default()));
    assert_eq!(target.log(), ["prune old", "apply new", "activate reload"]);
    assert_eq!(outcome.finished_at.as_millis(), 2000, "it was looked at until it was gone");
    assert_eq!(outcome.results[0].message, "pruned");
}
