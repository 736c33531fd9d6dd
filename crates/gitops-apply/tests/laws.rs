//! Laws of plans and of the state machine, over random ones.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test")]
#![cfg(feature = "drive")]

mod fake;

use std::collections::{BTreeMap, BTreeSet};

use fake::{live, object};
use gitops_apply::{
    Action, Command, Event, HookOutcome, LiveSet, Observed, Plan, PlanError, PlanInput, PlanProblem, Retry, Settings, Step, SyncRequest,
    SyncState, TargetError, TaskId, Timestamp, equal_bodies, kind_rank, plan, step,
};
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Manifest, ObjectId};
use proptest::prelude::*;

const KINDS: [&str; 5] = ["ConfigMap", "Deployment", "Widget", "Secret", "Gadget"];
const HOOKS: [Option<&str>; 6] = [None, None, None, Some("PreSync"), Some("Sync,PostSync"), Some("SyncFail")];
const POLICIES: [&str; 3] = ["BeforeHookCreation", "HookSucceeded,BeforeHookCreation", "HookFailed"];

#[derive(Clone, Debug)]
struct Spec {
    kind: usize,
    wave: i32,
    hook: usize,
    policy: usize,
    /// Depends on the object this many places back.
    back: Option<usize>,
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let one = (0..KINDS.len(), -1..2_i32, 0..HOOKS.len(), 0..POLICIES.len(), proptest::option::weighted(0.2, 1..4_usize));
    proptest::collection::vec(one.prop_map(|(kind, wave, hook, policy, back)| Spec { kind, wave, hook, policy, back }), 0..14)
}

fn objects(specs: &[Spec]) -> Vec<Manifest> {
    let id = |i: usize| format!("/{}//o{i}", KINDS[specs[i].kind]);
    let make = |(i, s): (usize, &Spec)| {
        let (wave, needs) = (s.wave.to_string(), s.back.and_then(|b| i.checked_sub(b)).map(id));
        let mut annotations = vec![("argocd.argoproj.io/sync-wave", wave.as_str())];
        annotations.extend(HOOKS[s.hook].map(|h| ("argocd.argoproj.io/hook", h)));
        annotations.push(("argocd.argoproj.io/hook-delete-policy", POLICIES[s.policy]));
        annotations.extend(needs.as_deref().map(|n| ("gitops.dev/depends-on", n)));
        object(KINDS[s.kind], &format!("o{i}"), &annotations)
    };
    specs.iter().enumerate().map(make).collect()
}

fn planned(desired: &[Manifest], live: &LiveSet, request: &SyncRequest) -> Result<Plan, PlanError> {
    plan(&PlanInput {
        operation: "op",
        app: "app",
        namespace: "",
        desired,
        live,
        unchanged: &equal_bodies,
        activation: &|id| (id.kind != "Gadget").then(|| id.kind.clone()),
        activate_also: &[],
        request,
        revision: "",
        started_at: Timestamp::default(),
        deletion_approved: None,
    })
}

fn superfluous() -> LiveSet {
    let mut all =
        live(&[object("ConfigMap", "old", &[]), object("Secret", "older", &[("argocd.argoproj.io/sync-wave", "1")])], Some("app"));
    all.extend(live(&[object("ConfigMap", "theirs", &[])], Some("other")));
    all
}

fn request() -> SyncRequest {
    SyncRequest { prune: true, retry: Retry { limit: 2, ..Retry::default() }, target_takes_part: true, ..SyncRequest::default() }
}

/// What the world knows, apart from the state: to check the machine against.
#[derive(Default)]
struct World {
    under_way: Vec<Command>,
    recorded_ends: BTreeSet<String>,
    activated: BTreeSet<(u32, String)>,
    /// Tasks whose end came in, of this attempt.
    over: BTreeSet<TaskId>,
}

impl World {
    fn begin(&mut self, plan: &Plan, attempt: u32, commands: Vec<Command>) {
        for command in commands {
            let (Command::Apply(id) | Command::Prune(id) | Command::RunHook(id, _) | Command::Activate(id, _)) = &command else {
                if !matches!(command, Command::WakeAt(_)) {
                    self.under_way.push(command);
                }
                continue;
            };
            let task = plan.task(*id).expect("known");
            if let Action::Prune { id, .. } = &task.action {
                assert_ne!(id.name, "theirs", "not ours");
            }
            if let Command::RunHook(_, run) = &command {
                assert_eq!(run.attempt, attempt);
                assert!(!self.recorded_ends.contains(&run.to_string()), "{run} ended and runs again");
            }
            if let (Command::Activate(..), Action::Activate { group }) = (&command, &task.action) {
                assert!(!self.activated.contains(&(attempt, group.clone())), "{group} activated twice");
            }
            if task.phase != gitops_apply::Phase::SyncFail {
                for before in plan.ids().take_while(|i| plan.task(*i).is_some_and(|t| t.stage < task.stage)) {
                    let other = plan.task(before).expect("known");
                    let silent = matches!(other.action, Action::Apply { change: gitops_apply::Change::Unchanged, .. });
                    assert!(silent || self.over.contains(&before), "task {id} begins before {before} of an earlier stage is over");
                }
            }
            self.under_way.push(command);
        }
    }

    /// The end of one command, good or bad by `dice`.
    fn end(&mut self, plan: &Plan, command: Command, attempt: u32, dice: u8) -> Event {
        let result = if dice < 20 { Err(TargetError::transient("no")) } else { Ok(()) };
        match command {
            Command::Apply(id) | Command::Prune(id) => {
                self.over.insert(id);
                Event::Finished(id, result)
            }
            Command::Activate(id, run) => {
                self.over.insert(id);
                self.activated.insert((attempt, run.hook));
                Event::Finished(id, result)
            }
            Command::RunHook(id, run) => {
                self.over.insert(id);
                self.recorded_ends.insert(run.to_string());
                let message = String::new();
                let outcome = if dice < 30 { HookOutcome::Failed { message } } else { HookOutcome::Succeeded { message } };
                Event::HookEnded(id, attempt, result.map(|()| outcome))
            }
            Command::Prepare => Event::Prepared(Ok(Vec::new())),
            Command::ReleaseHook(id) => Event::HookReleased(id, result),
            Command::DeleteHook(id) => Event::HookDeleted(id, result),
            Command::CheckHealth(ids) if dice < 250 => {
                let of = |id: &ObjectId| {
                    assert!(plan.ids().any(|t| plan.task(t).and_then(|t| t.object()) == Some(id)));
                    (id.clone(), Some(Health::new(if dice < 100 { HealthStatus::Progressing } else { HealthStatus::Healthy }, "")))
                };
                Event::Health(ids.iter().map(of).collect())
            }
            Command::CheckHealth(_) | Command::WakeAt(_) => Event::HealthUnknown(TargetError::transient("no")),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order(specs in specs()) {
        let desired = objects(&specs);
        let plan = match planned(&desired, &superfluous(), &request()) {
            Ok(plan) => plan,
            Err(error) => {
                let cyclic = error.problems.iter().all(|p| matches!(p, PlanProblem::Cycle { members } if !members.0.is_empty()));
                prop_assert!(cyclic, "{error}");
                return Ok(());
            }
        };
        for pair in plan.tasks().windows(2) {
            let key = |t: &gitops_apply::Task| (t.phase, t.wave, t.stage, t.group);
            prop_assert!(key(&pair[0]) <= key(&pair[1]));
            if (pair[0].stage, pair[0].group) == (pair[1].stage, pair[1].group)
                && let (Action::Apply { id: a, .. }, Action::Apply { id: b, .. }) = (&pair[0].action, &pair[1].action) {
                prop_assert!((kind_rank(&a.kind), &a.name) <= (kind_rank(&b.kind), &b.name));
            }
        }
        for (before, after) in plan.dependencies() {
            prop_assert!(plan.tasks()[before.index()].stage < plan.tasks()[after.index()].stage);
        }
        for (i, spec) in specs.iter().enumerate() {
            let name = format!("o{i}");
            let times = plan.tasks().iter().filter(|t| t.object().is_some_and(|id| id.name == name)).count();
            prop_assert_eq!(times, HOOKS[spec.hook].map_or(1, |h| h.split(',').count()));
        }
        let runs: Vec<_> = plan.tasks().iter().filter_map(|t| if let Action::Hook { run, .. } = &t.action { Some(run) } else { None }).collect();
        prop_assert_eq!(runs.iter().collect::<BTreeSet<_>>().len(), runs.len());
    }

    #[test]
    fn every_history_ends(specs in specs(), dice in proptest::collection::vec(any::<(u8, u8, u8)>(), 1..300)) {
        let desired = objects(&specs);
        let Ok(plan) = planned(&desired, &superfluous(), &request()) else { return Ok(()) };
        let manifests: BTreeMap<ObjectId, Manifest> = desired.iter().map(|m| (m.id().clone(), m.clone())).collect();
        let mut state = SyncState::new(plan.clone(), Settings::default());
        let mut world = World::default();
        let mut events = vec![Event::Restarted];
        let mut attempt = 1;
        let mut ended = false;
        let mut last = String::new();
        for turn in 0..3000_i64 {
            // After the given dice everything goes well, so that every history can end.
            let (what, which, how) = dice.get(usize::try_from(turn).expect("positive")).copied().unwrap_or((0, 0, 255));
            let next = match step(state, &Observed { events: std::mem::take(&mut events) }, Timestamp::from_millis(turn * 2000)) {
                Step::Done { outcome, .. } => {
                    prop_assert!(outcome.superseded || outcome.terminated || outcome.message.contains("success") || !outcome.results.is_empty());
                    ended = true;
                    break;
                }
                Step::Continue { next, commands } => {
                    let now = next.retry_count() + 1 - u32::from(next.retry_at().is_some());
                    if now != attempt {
                        attempt = now;
                        world.over.clear();
                    }
                    world.begin(&plan, attempt, commands);
                    next
                }
            };
            state = next;
            state.message().clone_into(&mut last);
            match what {
                250.. => events.push(Event::Superseded),
                248..250 => events.push(Event::TerminateRequested),
                200..248 => {
                    // A crash: what was under way is lost, and the kept state is read again.
                    state = SyncState::from_json(&state.to_json(), &manifests).expect("readable");
                    world.under_way.clear();
                    events.push(Event::Restarted);
                }
                _ if world.under_way.is_empty() => events.push(Event::Tick),
                _ => {
                    let command = world.under_way.remove(usize::from(which) % world.under_way.len());
                    events.push(world.end(&plan, command, attempt, if turn > 299 { 255 - how / 255 * 6 } else { how }));
                }
            }
        }
        prop_assert!(ended, "still: {last}");
    }
}
