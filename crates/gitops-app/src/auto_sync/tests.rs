//! One test for each row of the rule.

use super::*;
use crate::spec::SyncPolicy;

fn spec(automated: Option<Automated>) -> ApplicationSpec {
    ApplicationSpec { sync_policy: Some(SyncPolicy { automated, ..SyncPolicy::default() }), ..ApplicationSpec::default() }
}

fn resource(name: &str, status: SyncCode, requires_pruning: bool) -> AutoSyncResource {
    AutoSyncResource { id: ObjectId::new("", "Service", "d", name), status, requires_pruning }
}

struct Given {
    spec: ApplicationSpec,
    resources: Vec<AutoSyncResource>,
    revisions: Vec<String>,
    sources: Vec<ApplicationSource>,
}

impl Given {
    fn new(automated: Automated) -> Given {
        Given {
            spec: spec(Some(automated)),
            resources: vec![resource("a", SyncCode::OutOfSync, false), resource("b", SyncCode::Synced, false)],
            revisions: vec!["r1".into()],
            sources: vec![ApplicationSource { repo_url: "u".into(), path: "p".into(), ..ApplicationSource::default() }],
        }
    }

    fn input(&self) -> AutoSyncInput<'_> {
        AutoSyncInput {
            spec: &self.spec,
            operation_present: false,
            deleting: false,
            window_blocks: false,
            sync: SyncCode::OutOfSync,
            resources: &self.resources,
            revisions: &self.revisions,
            sources: &self.sources,
            multiple_sources: false,
            revisions_equivalent: false,
            last: None,
            self_heal: SelfHealBackoff::default(),
        }
    }

    fn last<'a>(&'a self, phase: OperationPhase, revisions: &'a [String]) -> Option<LastOperation<'a>> {
        Some(LastOperation {
            phase,
            message: "boom",
            synced: Some((revisions, &self.sources)),
            finished_at: Some(1000),
            self_heal_attempts: 0,
        })
    }
}

fn nothing(input: &AutoSyncInput<'_>) -> bool {
    matches!(auto_sync(input), AutoSync::Nothing { .. })
}

fn message(input: &AutoSyncInput<'_>) -> Option<String> {
    match auto_sync(input) {
        AutoSync::Guarded { condition: ConditionType::SyncError, message } => Some(message),
        _ => None,
    }
}

fn on() -> Automated {
    Automated::default()
}

#[test]
fn starts_when_nothing_is_in_the_way() {
    let given = Given::new(Automated { prune: true, ..on() });
    let AutoSync::Start { operation } = auto_sync(&given.input()) else { panic!("starts") };
    let sync = operation.sync.expect("a sync");
    assert_eq!((sync.revision.as_str(), sync.prune, sync.resources.len()), ("r1", true, 0));
    assert!(operation.initiated_by.automated);
    assert_eq!(operation.retry.limit, 5);
    let several = AutoSyncInput { multiple_sources: true, ..given.input() };
    let AutoSync::Start { operation } = auto_sync(&several) else { panic!("starts") };
    assert_eq!(operation.sync.expect("a sync").revisions, ["r1"]);
}

#[test]
fn each_condition_holds_it_back() {
    let given = Given::new(on());
    let off = spec(None);
    let switched_off = spec(Some(Automated { enabled: Some(false), ..on() }));
    assert!(nothing(&AutoSyncInput { spec: &off, ..given.input() }));
    assert!(nothing(&AutoSyncInput { spec: &switched_off, ..given.input() }));
    assert!(nothing(&AutoSyncInput { operation_present: true, ..given.input() }));
    assert!(nothing(&AutoSyncInput { deleting: true, ..given.input() }));
    assert!(nothing(&AutoSyncInput { sync: SyncCode::Unknown, ..given.input() }));
    assert!(nothing(&AutoSyncInput { sync: SyncCode::Synced, ..given.input() }));
    assert!(nothing(&AutoSyncInput { window_blocks: true, ..given.input() }));
    let only_prunes = [resource("a", SyncCode::OutOfSync, true), resource("b", SyncCode::Synced, false)];
    assert!(nothing(&AutoSyncInput { resources: &only_prunes, ..given.input() }));
}

#[test]
fn a_failed_attempt_is_not_repeated_until_something_changes() {
    let given = Given::new(Automated { self_heal: true, ..on() });
    let (same, other) = (vec!["r1".to_owned()], vec!["r0".to_owned()]);
    for phase in [OperationPhase::Failed, OperationPhase::Error] {
        let input = AutoSyncInput { last: given.last(phase, &same), ..given.input() };
        assert_eq!(message(&input).as_deref(), Some("Failed last sync attempt to [r1]: boom"));
    }
    let failed = given.last(OperationPhase::Failed, &other);
    assert!(matches!(auto_sync(&AutoSyncInput { last: failed.clone(), ..given.input() }), AutoSync::Start { .. }));
    assert!(message(&AutoSyncInput { last: failed.clone(), revisions_equivalent: true, ..given.input() }).is_some());
    let sources = [ApplicationSource::default()];
    let moved = AutoSyncInput { last: given.last(OperationPhase::Failed, &same), sources: &sources, ..given.input() };
    assert!(matches!(auto_sync(&moved), AutoSync::Start { .. }));
    let without_result = failed.map(|l| LastOperation { synced: None, ..l });
    assert!(message(&AutoSyncInput { last: without_result, ..given.input() }).is_some());
}

#[test]
fn drift_is_healed_only_when_asked_and_ever_more_slowly() {
    let same = vec!["r1".to_owned()];
    let given = Given::new(on());
    assert!(nothing(&AutoSyncInput { last: given.last(OperationPhase::Succeeded, &same), ..given.input() }));
    let given = Given::new(Automated { self_heal: true, ..on() });
    for (attempts, due) in [(0, None), (1, Some(1002)), (2, Some(1006)), (3, Some(1018)), (99, Some(1300)), (i64::MAX, Some(1300))] {
        let last = given.last(OperationPhase::Succeeded, &same).map(|l| LastOperation { self_heal_attempts: attempts, ..l });
        let decision = auto_sync(&AutoSyncInput { last, ..given.input() });
        let AutoSync::SelfHeal { operation, resources, not_before } = decision else { panic!("heals") };
        assert_eq!(not_before, due, "after {attempts}");
        assert_eq!(resources, [ObjectId::new("", "Service", "d", "a")]);
        let sync = operation.sync.expect("a sync");
        assert_eq!(sync.auto_heal_attempts_count, attempts.saturating_add(1));
        assert_eq!(sync.resources.len(), 1);
        assert!(!sync.runs_hooks());
    }
    let fixed = SelfHealBackoff { first: Duration::ZERO, ..SelfHealBackoff::default() };
    let input = AutoSyncInput { last: given.last(OperationPhase::Succeeded, &same), self_heal: fixed, ..given.input() };
    assert!(matches!(auto_sync(&input), AutoSync::SelfHeal { not_before: Some(1005), .. }));
}

#[test]
fn everything_is_never_wiped_out_unless_allowed() {
    let all = [resource("a", SyncCode::OutOfSync, true)];
    let given = Given::new(Automated { prune: true, ..on() });
    let input = AutoSyncInput { resources: &all, ..given.input() };
    assert_eq!(message(&input).as_deref(), Some("Skipping sync attempt to [r1]: auto-sync will wipe out all resources"));
    let given = Given::new(Automated { prune: true, allow_empty: true, ..on() });
    assert!(matches!(auto_sync(&AutoSyncInput { resources: &all, ..given.input() }), AutoSync::Start { .. }));
}
