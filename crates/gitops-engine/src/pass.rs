//! One pass over one application: what is desired, what is live, what differs, and what follows from it.
//!
//! A pass looks at everything and remembers nothing but its result, so it does not matter why it runs. It returns when to
//! look again although nothing happens.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_app::{
    AppHealthStatus, Application, ApplicationStatus, AutoSync, AutoSyncInput, AutoSyncResource, ComparedTo, Condition, ConditionType,
    LastOperation, Operation, SourceType, SyncCode, SyncStatus, auto_sync,
};
use gitops_apply::{LiveSet, Target, TargetError};
use gitops_health::HealthStatus;
use gitops_manifest::{Location, Manifest, ObjectId, json};
use gitops_state::{Hold, StatusRow};

use crate::comparison::{Comparison, compare};
use crate::dependency::{self, Waits};
use crate::engine::Inner;
use crate::error::blocking;
use crate::gate::{self, Gate};
use crate::metrics::Metrics;
use crate::operation;
use crate::pair;
use crate::project::Ruling;
use crate::rendering::{Desired, DesiredError, Rendering, desired};
use crate::slot::Slot;

/// When to look again after a repository or a target failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// When to look again while something is not there yet.
const WHILE_PROGRESSING: Duration = Duration::from_secs(5);

/// What is to be live, and where it came from.
struct Wanted {
    manifests: Arc<[Manifest]>,
    revisions: Vec<String>,
    /// Remote bases, each with its commit.
    bases: Vec<String>,
    conditions: Vec<Condition>,
    source_type: &'static str,
    /// [`Rendering::id`]; 0 for a pinned deployment.
    rendering: u64,
}

/// Looks at an application once.
pub(crate) async fn run(inner: &Arc<Inner>, slot: &Arc<Slot>) -> Duration {
    let (app, hold) = {
        let state = slot.lock();
        if state.deleted {
            return inner.settings.resync_interval;
        }
        (state.app.clone(), state.hold.clone())
    };
    let ruling = match inner.ruling(&app) {
        Ok(ruling) => ruling,
        Err(conditions) => {
            fail(inner, slot, conditions);
            return inner.settings.resync_interval;
        }
    };
    let wanted = match wanted(inner, slot, &app, hold.as_ref()).await {
        Ok(wanted) => wanted,
        Err(condition) => {
            fail(inner, slot, vec![condition]);
            return AFTER_FAILURE;
        }
    };
    let target = match inner.target(&app) {
        Ok(target) => target,
        Err(message) => {
            fail(inner, slot, vec![condition(ConditionType::InvalidSpecError, message)]);
            return inner.settings.resync_interval;
        }
    };
    let live = match look(&*target, slot.name(), &wanted.manifests).await {
        Ok(live) => live,
        Err(e) => {
            fail(inner, slot, vec![condition(ConditionType::ComparisonError, e.to_string())]);
            return AFTER_FAILURE;
        }
    };
    let rules = match pair::rules(&app) {
        Ok(rules) => rules,
        Err(message) => {
            fail(inner, slot, vec![condition(ConditionType::InvalidSpecError, message)]);
            return inner.settings.resync_interval;
        }
    };
    let differs = |desired: &Manifest, live: &gitops_apply::LiveObject| target.differs(desired, live, &rules);
    let comparison = compare(slot.name(), &wanted.manifests, &live, &differs, &|id| ruling.refuses(id).is_none());
    let moving = comparison.health == HealthStatus::Progressing;
    let now = gate::now();
    let gate = inner.gate(&app, &ruling, now);
    let look = Look { app: &app, hold: hold.as_ref(), ruling: &ruling, gate: &gate, wanted: &wanted, live: &live };
    let again = follow_up(inner, slot, look, comparison).await;
    let again = again.unwrap_or_else(|| if moving { WHILE_PROGRESSING } else { resync(inner, slot) });
    // A window that opens or closes is news.
    gate.wait(now).map_or(again, |edge| again.min(edge))
}

/// What a pass goes by.
#[derive(Clone, Copy)]
struct Look<'a> {
    app: &'a Arc<Application>,
    hold: Option<&'a Hold>,
    ruling: &'a Ruling,
    gate: &'a Gate,
    wanted: &'a Wanted,
    live: &'a LiveSet,
}

/// What is live, with its health as it is now.
async fn look(target: &dyn Target, app: &str, desired: &[Manifest]) -> Result<LiveSet, TargetError> {
    let mut live = target.live(app, desired).await?;
    // A target may answer `live` from what it knows; only `health` asks.
    let asked: Vec<ObjectId> = live.iter().filter(|(_, o)| o.health.is_some()).map(|(id, _)| id.clone()).collect();
    if !asked.is_empty() {
        for (id, health) in target.health(app, &asked).await? {
            if let Some(object) = live.get_mut(&id) {
                object.health = health;
            }
        }
    }
    Ok(live)
}

/// The interval, spread by the name so that a thousand applications are not looked at at once.
fn resync(inner: &Inner, slot: &Slot) -> Duration {
    let spread = slot.name().bytes().fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b))) % 200;
    inner.settings.resync_interval.mul_f64(1.0 + f64::from(spread) / 1000.0)
}

pub(crate) fn condition(kind: ConditionType, message: impl Into<String>) -> Condition {
    Condition { kind, message: message.into(), last_transition_time: Some(gitops_state::now().to_string()) }
}

/// Records that the pass itself failed.
pub(crate) fn record_failure(inner: &Arc<Inner>, slot: &Slot, message: &str) {
    fail(inner, slot, vec![condition(ConditionType::UnknownError, message)]);
}

/// Sync status becomes Unknown, with the reasons as conditions; what was known of the objects stays.
fn fail(inner: &Arc<Inner>, slot: &Slot, reasons: Vec<Condition>) {
    Metrics::count(&inner.metrics.failures);
    {
        let mut state = slot.lock();
        let spec = reasons.iter().any(|r| r.kind == ConditionType::InvalidSpecError);
        let sync = state.status.sync.get_or_insert_default();
        sync.status = Some(SyncCode::Unknown);
        if spec {
            set_health(&mut state.status.health, HealthStatus::Unknown, "");
        }
        let same = |(a, b): (&Condition, &Condition)| a.kind == b.kind && a.message == b.message;
        if state.status.conditions.len() != reasons.len() || !state.status.conditions.iter().zip(&reasons).all(same) {
            for reason in &reasons {
                tracing::warn!(app = slot.name(), "{}: {}", reason.kind.as_str(), reason.message);
            }
            state.status.conditions = reasons;
        }
    }
    store_status(inner, slot);
}

/// The desired objects: of a rollback's pin, or of the sources.
async fn wanted(inner: &Arc<Inner>, slot: &Arc<Slot>, app: &Arc<Application>, hold: Option<&Hold>) -> Result<Wanted, Condition> {
    let failed = |kind: ConditionType| move |e: String| condition(kind, e);
    if let Some(revision) = hold.and_then(|h| h.revision.clone()) {
        return pinned(inner, slot, revision).await.map_err(failed(ConditionType::ComparisonError));
    }
    let (before, hard) = {
        let mut state = slot.lock();
        (state.rendering.clone(), std::mem::take(&mut state.hard))
    };
    let (work, app, shown, last) = (inner.clone(), app.clone(), app.clone(), before.clone());
    let result = blocking(move || {
        let inputs = work.inputs(&app);
        desired(&app, &inputs, last.as_deref(), &[], hard)
    });
    let result = result.await.map_err(|e| condition(ConditionType::UnknownError, e.to_string()))?;
    let rendering = match (result, before) {
        (Err(DesiredError::Spec(e)), _) => return Err(condition(ConditionType::InvalidSpecError, e)),
        (Err(DesiredError::Repository(e)), _) => return Err(condition(ConditionType::ComparisonError, e)),
        (Ok(Desired::Rendered(rendering)), _) => {
            Metrics::count(&inner.metrics.renders);
            Arc::new(rendering)
        }
        (Ok(Desired::Unchanged(revisions)), Some(before)) => {
            Metrics::count(&inner.metrics.renders_saved);
            if before.revisions == revisions { before } else { Arc::new(before.at(revisions)) }
        }
        (Ok(Desired::Unchanged(_)), None) => {
            return Err(condition(ConditionType::UnknownError, "no render to go by: refresh the application"));
        }
    };
    slot.lock().rendering = Some(rendering.clone());
    let mut wanted = from_rendering(&rendering)?;
    let problems = Inner::charts_of(&shown, Some(slot)).iter().filter_map(|chart| inner.shelf.problem(chart)).collect::<Vec<_>>();
    if !problems.is_empty() {
        wanted.conditions.push(condition(ConditionType::ComparisonError, problems.join("\n")));
    }
    Ok(wanted)
}

fn from_rendering(rendering: &Rendering) -> Result<Wanted, Condition> {
    let manifests = match &rendering.result {
        Ok(manifests) => manifests.clone(),
        Err(problems) => return Err(condition(ConditionType::ComparisonError, problems.to_string())),
    };
    let conditions = if rendering.warnings.is_empty() {
        Vec::new()
    } else {
        vec![condition(ConditionType::RepeatedResourceWarning, rendering.warnings.join("\n"))]
    };
    let source_type = match rendering.engine {
        "environment" | "plugin" => SourceType::Plugin,
        "kustomize" => SourceType::Kustomize,
        "helm" => SourceType::Helm,
        _ => SourceType::Directory,
    };
    let revisions = rendering.revisions.iter().map(ToString::to_string).collect();
    let bases = rendering.bases();
    Ok(Wanted { manifests, revisions, bases, conditions, source_type: source_type.as_str(), rendering: rendering.id })
}

/// The manifests of the deployment that a rollback went back to.
async fn pinned(inner: &Arc<Inner>, slot: &Arc<Slot>, revision: String) -> Result<Wanted, String> {
    let (store, key) = (inner.store.clone(), slot.key.clone());
    let looked_for = revision.clone();
    let found = blocking(move || -> Result<Option<Vec<gitops_state::ManifestBlob>>, gitops_state::StoreError> {
        // A pin names the history entry, then its revision: `<id>@<revision>`.
        let Some((id, commit)) = looked_for.split_once('@') else { return Ok(None) };
        if let Some(found) = store.history_manifests(&key, id.parse().unwrap_or(0))? {
            return Ok(Some(found));
        }
        // Retention may have dropped that entry; the rollback itself made a younger one of the same revision.
        let Some(same) = store.history(&key)?.into_iter().rev().find(|h| h.revision == commit) else { return Ok(None) };
        store.history_manifests(&key, same.id)
    });
    let blobs = found.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let blobs =
        blobs.ok_or_else(|| "the deployment that this application is pinned to is no longer in its history: resume it".to_owned())?;
    let commit = revision.split_once('@').map_or(revision.as_str(), |(_, commit)| commit).to_owned();
    let (manifests, revisions) = (manifests(&blobs)?.into(), vec![commit]);
    Ok(Wanted { manifests, revisions, bases: Vec::new(), conditions: Vec::new(), source_type: "", rendering: 0 })
}

/// Manifests as the store keeps them.
pub(crate) fn manifests(blobs: &[gitops_state::ManifestBlob]) -> Result<Vec<Manifest>, String> {
    blobs
        .iter()
        .map(|blob| {
            let value = json::parse(&blob.bytes, &blob.object_id).map_err(|e| e.to_string())?;
            Manifest::from_value(value, Location::file(format!("stored {}", blob.object_id))).map_err(|e| e.to_string())
        })
        .collect()
}

fn set_health(health: &mut Option<AppHealthStatus>, status: HealthStatus, message: &str) {
    let health = health.get_or_insert_default();
    if health.status != Some(status) {
        health.status = Some(status);
        health.last_transition_time = Some(gitops_state::now().to_string());
    }
    message.clone_into(&mut health.message);
}

/// Records the comparison, and begins a sync when the policy asks for one. `Some` is when to look again for its sake.
async fn follow_up(inner: &Arc<Inner>, slot: &Arc<Slot>, look: Look<'_>, comparison: Comparison) -> Option<Duration> {
    let Look { app, hold, wanted, live, .. } = look;
    let mut decision = decide(inner, slot, look, &comparison);
    let mut conditions = wanted.conditions.clone();
    conditions.extend(hold_back(inner, app, &mut decision));
    if let AutoSync::Guarded { condition: kind, message } = &decision {
        conditions.push(condition(kind.clone(), message.clone()));
    }
    record(slot, app, wanted, comparison, conditions);
    store_status(inner, slot);
    inner.hold_up_or_let_go(slot);
    if let Some(running) = &slot.lock().running {
        if hold.is_none() && running.revisions != wanted.revisions && running.rendering != wanted.rendering {
            running.controller.supersede();
        }
        return None;
    }
    let next = match next_attempt(slot, look) {
        Some(Ok(next)) => next,
        Some(Err(wait)) => return Some(wait),
        None => match decision {
            AutoSync::Start { operation } => Next { operation: *operation, commit: true, attempt: 1 },
            AutoSync::SelfHeal { operation, not_before, .. } => {
                let now = gitops_state::now().as_millis() / 1000;
                if let Some(wait) = not_before.map(|at| at - now).filter(|wait| *wait > 0) {
                    return Some(Duration::from_secs(wait.unsigned_abs()));
                }
                Next { operation: *operation, commit: false, attempt: 1 }
            }
            AutoSync::Nothing { .. } | AutoSync::Guarded { .. } => return None,
        },
    };
    let request = operation::Request {
        operation: next.operation,
        revisions: wanted.revisions.clone(),
        sources: app.effective_sources().into_owned(),
        bases: wanted.bases.clone(),
        history: next.commit,
        commit: next.commit,
        attempt: next.attempt,
        with_hooks: false,
        rendering: wanted.rendering,
    };
    if let Err(e) = operation::begin(inner, slot, request, wanted.manifests.clone(), live, look.ruling).await {
        fail(inner, slot, vec![condition(ConditionType::SyncError, e.to_string())]);
        return Some(AFTER_FAILURE);
    }
    None
}

/// The operation that follows from a pass.
struct Next {
    operation: Operation,
    /// Something was committed: it gets a history entry and a commit status.
    commit: bool,
    attempt: u32,
}

/// The further attempt of an operation that resolves its revision again each time (`retry.refresh`), or how long it
/// waits. Another render does not wait, and begins to count anew.
fn next_attempt(slot: &Slot, look: Look<'_>) -> Option<Result<Next, Duration>> {
    let again = slot.lock().again.clone().filter(|_| look.hold.is_none())?;
    let allowed = if again.operation.initiated_by.automated { look.gate.automated } else { look.gate.manual };
    if !allowed {
        return None;
    }
    let wanted = look.wanted;
    let other = again.rendering != 0 && again.rendering != wanted.rendering;
    let wait = again.at - gitops_state::now().as_millis();
    if wait > 0 && !other {
        return Some(Err(Duration::from_millis(wait.unsigned_abs())));
    }
    let mut operation = again.operation;
    if let (Some(sync), Some(revision)) = (&mut operation.sync, wanted.revisions.first()) {
        sync.revision.clone_from(revision);
    }
    Some(Ok(Next { operation, commit: true, attempt: if other { 1 } else { again.attempt } }))
}

/// A sync that would begin waits while what the application depends on is not as it must be.
fn hold_back(inner: &Inner, app: &Application, decision: &mut AutoSync) -> Option<Condition> {
    let (kind, message) = match inner.waits(app) {
        Waits::No => return None,
        Waits::For(reason) => (ConditionType::Other(dependency::WAITING.to_owned()), reason),
        Waits::Wrong(reason) => (ConditionType::InvalidSpecError, reason),
    };
    let begins = matches!(decision, AutoSync::Start { .. } | AutoSync::SelfHeal { .. });
    if begins {
        *decision = AutoSync::Nothing { reason: "what it depends on is not ready" };
    }
    // Who has nothing to do waits for nobody.
    (begins || kind == ConditionType::InvalidSpecError).then(|| condition(kind, message))
}

/// What the sync policy says about this comparison.
fn decide(inner: &Inner, slot: &Slot, look: Look<'_>, comparison: &Comparison) -> AutoSync {
    let Look { app, wanted, gate, .. } = look;
    if look.hold.is_some() {
        return AutoSync::Nothing { reason: "auto-sync is held" };
    }
    if inner.stopping.load(Ordering::Acquire) {
        return AutoSync::Nothing { reason: "the server stops" };
    }
    let resources: Vec<AutoSyncResource> = comparison
        .resources
        .iter()
        .filter(|r| !r.hook)
        .map(|r| AutoSyncResource { id: r.id(), status: r.status.unwrap_or(SyncCode::Synced), requires_pruning: r.requires_pruning })
        .collect();
    let state = slot.lock();
    // A remote base that has moved is news at the same revision: what was attempted before was something else.
    let last = state.last.clone().filter(|last| last.bases == wanted.bases);
    let sources = app.effective_sources();
    auto_sync(&AutoSyncInput {
        spec: &app.spec,
        operation_present: state.running.is_some(),
        deleting: state.deleted,
        window_blocks: !gate.automated,
        sync: comparison.sync,
        resources: &resources,
        revisions: &wanted.revisions,
        sources: &sources,
        multiple_sources: app.has_multiple_sources(),
        // A newer commit that changes nothing here is no news, compared with what was attempted last.
        revisions_equivalent: last.as_ref().is_some_and(|l| l.rendering != 0 && l.rendering == wanted.rendering),
        last: last.as_ref().map(|l| LastOperation {
            phase: l.phase,
            message: &l.message,
            synced: Some((&l.revisions, &l.sources)),
            finished_at: Some(l.finished_at),
            self_heal_attempts: l.self_heal_attempts,
        }),
        self_heal: inner.settings.self_heal,
    })
}

/// Puts the comparison into the status.
fn record(slot: &Slot, app: &Application, wanted: &Wanted, comparison: Comparison, conditions: Vec<Condition>) {
    let mut state = slot.lock();
    state.desired = wanted.manifests.clone();
    let several = app.has_multiple_sources();
    let sources = app.effective_sources().into_owned();
    let status = &mut state.status;
    status.sync = Some(SyncStatus {
        status: Some(comparison.sync),
        compared_to: Some(ComparedTo {
            source: sources.first().filter(|_| !several).cloned(),
            sources: if several { sources } else { Vec::new() },
            destination: app.spec.destination.clone(),
            ignore_differences: app.spec.ignore_differences.clone(),
        }),
        revision: wanted.revisions.first().filter(|_| !several).cloned().unwrap_or_default(),
        revisions: if several { wanted.revisions.clone() } else { Vec::new() },
    });
    set_health(&mut status.health, comparison.health, &comparison.health_message);
    status.resources = comparison.resources;
    if !wanted.source_type.is_empty() {
        wanted.source_type.clone_into(&mut status.source_type);
    }
    // A condition that stays keeps its time.
    status.conditions = conditions
        .into_iter()
        .map(|new| status.conditions.iter().find(|old| old.kind == new.kind && old.message == new.message).cloned().unwrap_or(new))
        .collect();
}

/// A status as the store keeps it.
pub(crate) fn status_row(status: &ApplicationStatus) -> StatusRow {
    let sync = status.sync.as_ref();
    StatusRow {
        sync: sync.and_then(|s| s.status).map_or("Unknown", |s| s.as_str()).to_owned(),
        health: status.health.as_ref().and_then(|h| h.status).map_or("Unknown", |h| h.as_str()).to_owned(),
        revision: sync.map(|s| s.revision.clone()).filter(|r| !r.is_empty()),
        status_json: serde_json::to_string(status).unwrap_or_default(),
        updated_at: gitops_state::now(),
    }
}

/// Writes the status to the store when it is another than the one there.
pub(crate) fn store_status(inner: &Arc<Inner>, slot: &Slot) {
    let row = {
        let mut state = slot.lock();
        if state.deleted {
            return;
        }
        let row = status_row(&state.status);
        if row.status_json == state.stored {
            return;
        }
        state.stored.clone_from(&row.status_json);
        row
    };
    inner.noticed(slot);
    if let Err(e) = inner.store.set_status(&slot.key, &row) {
        slot.lock().stored.clear();
        tracing::error!(app = slot.name(), "status: {e}");
    }
}
