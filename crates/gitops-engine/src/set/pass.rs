//! One pass over one set.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_app::{Application, ApplicationSet};
use gitops_appset::{
    Changes, ExpandError, Expansion, GoTemplates, Outcome, Rollout, SetCondition, Settings, conditions, expand, requeue_after, set_health,
};
use gitops_state::ObjectKind;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::apply::{self, Applied};
use super::world::{EngineWorld, Seen};
use super::{SetSlot, rollout};
use crate::engine::Inner;
use crate::error::blocking;
use crate::metrics::Metrics;

/// When a set is tried again after an error.
const AFTER_FAILURE: Duration = Duration::from_secs(180);
/// When something that must wait is tried again: an application that cannot go yet because an operation of it ends first.
const SOON: Duration = Duration::from_secs(2);
/// Most applications that a status lists.
const LISTED: usize = 5_000;

/// A worker: one set after another, each pass in a task of its own, so that a panic ends that pass only.
pub(crate) async fn work(inner: Arc<Inner>) {
    while let Some(name) = inner.sets.queue.next().await {
        if let Some(slot) = inner.sets.get(&name) {
            let (pass_inner, pass_slot) = (inner.clone(), slot.clone());
            let again = match tokio::spawn(async move { run(&pass_inner, &pass_slot).await }).await {
                Ok(again) => again,
                Err(e) => {
                    tracing::error!(set = &*name, "the pass did not end: {e}");
                    Some(AFTER_FAILURE)
                }
            };
            slot.passes.send_modify(|n| *n += 1);
            if let Some(again) = again {
                inner.sets.queue.add_at(&name, Instant::now() + again);
            }
        }
        inner.sets.queue.done(&name);
    }
}

/// Looks at a set once. Says when to look again although nothing happens.
async fn run(inner: &Arc<Inner>, slot: &Arc<SetSlot>) -> Option<Duration> {
    if inner.stopping.load(Ordering::Acquire) {
        return None;
    }
    let deleting = slot.lock().deleting;
    if let Some(cascade) = deleting {
        return apply::take_down(inner, slot, cascade).await.then_some(SOON);
    }
    let now = Instant::now();
    let (set, known, failed) = {
        let mut state = slot.lock();
        let due = state.due.is_some_and(|due| due <= now);
        let stale = std::mem::take(&mut state.stale) || due;
        (state.set.clone(), state.expansion.clone().filter(|_| !stale), state.failed.clone().filter(|_| !stale))
    };
    if let Some(error) = failed {
        record(inner, slot, &set, &conditions(Outcome::Failed(&error), None), None);
        return slot.lock().due.map(|due| due.saturating_duration_since(now));
    }
    let expansion = match known {
        Some(expansion) => expansion,
        None => match expanded(inner, slot, &set).await {
            Ok(expansion) => expansion,
            Err((error, wait)) => {
                tracing::warn!(set = slot.name(), "{error}");
                record(inner, slot, &set, &conditions(Outcome::Failed(&error), None), None);
                let mut state = slot.lock();
                state.due = Some(Instant::now() + wait);
                state.failed = Some(error);
                return Some(wait);
            }
        },
    };
    let applied = apply::apply(inner, slot, &set, &expansion).await;
    let rolled = rollout::advance(inner, slot, &set).await;
    let changes = &applied.changes;
    let outcome = Outcome::Applied { changes, written: applied.written() };
    record(inner, slot, &set, &conditions(outcome, rolled.as_ref()), rolled.as_ref());
    next(slot, &applied, changes)
}

/// When to look again: soon while something could not be done, else when the timer says so.
fn next(slot: &SetSlot, applied: &Applied, changes: &Changes) -> Option<Duration> {
    let timer = slot.lock().due.map(|due| due.saturating_duration_since(Instant::now()));
    let soon = applied.failure.is_some().then_some(SOON);
    let later = (!changes.problems.is_empty()).then_some(AFTER_FAILURE);
    [timer, soon, later, applied.expires].into_iter().flatten().min()
}

/// Expands a set, and keeps what it read.
async fn expanded(inner: &Arc<Inner>, slot: &Arc<SetSlot>, set: &Arc<ApplicationSet>) -> Result<Arc<Expansion>, (ExpandError, Duration)> {
    Metrics::count(&inner.metrics.expansions);
    let (work, of) = (inner.clone(), set.clone());
    let expanded = blocking(move || expand_now(&work, &of)).await;
    let (result, seen) = match expanded {
        Ok(expanded) => expanded,
        Err(e) => return Err((ExpandError::Rule { at: "spec".to_owned(), reason: e.to_string() }, AFTER_FAILURE)),
    };
    let mut state = slot.lock();
    state.expanded_at = Some(Instant::now());
    state.repositories.extend(seen.repositories);
    inner.polls.wake();
    match result {
        Ok(expansion) => {
            state.reads = Some(seen.reads);
            // Repositories are followed by their commits: the engine polls them, and a timer would add nothing.
            let timer = requeue_after(&set.generators(), Duration::ZERO).filter(|t| !t.is_zero());
            state.due = timer.map(|t| Instant::now() + t);
            let expansion = Arc::new(expansion);
            state.expansion = Some(expansion.clone());
            state.failed = None;
            Ok(expansion)
        }
        Err(error) => {
            state.reads = None;
            Err((error, seen.retry_after.unwrap_or(AFTER_FAILURE).max(Duration::from_secs(1))))
        }
    }
}

/// What a set comes to now, and what was read for it. Blocking.
pub(super) fn expand_now(inner: &Inner, set: &ApplicationSet) -> (Result<Expansion, ExpandError>, Seen) {
    let templates = GoTemplates::default();
    let check = |app: &Application| accept(inner, app);
    let settings = Settings { go_templates: Some(&templates), check: Some(&check), ..Settings::default() };
    let world = EngineWorld::new(inner);
    let result = expand(set, &world, &settings);
    (result, world.into_seen())
}

/// The parameter sets of a set now. Blocking.
pub(super) fn parameters_now(inner: &Inner, set: &ApplicationSet) -> Result<Vec<Json>, ExpandError> {
    let templates = GoTemplates::default();
    let settings = Settings { go_templates: Some(&templates), ..Settings::default() };
    super::preview::parameters_of(set, &EngineWorld::new(inner), &settings)
}

/// Whether an application's project and destination are there.
fn accept(inner: &Inner, app: &Application) -> Result<(), String> {
    if inner.projects.get(app.spec.project()).is_none() {
        return Err(format!(
            "application {}: project {} does not exist: create it, or name another",
            app.metadata.name,
            app.spec.project()
        ));
    }
    inner.target(app).map(|_| ()).map_err(|e| format!("application {}: {e}", app.metadata.name))
}

/// Writes the status.
fn record(inner: &Inner, slot: &SetSlot, set: &ApplicationSet, found: &[SetCondition], rolled: Option<&Rollout>) {
    let now = gitops_state::now().to_string();
    let health = set_health(found);
    let row = {
        let mut state = slot.lock();
        let before = state.status["conditions"].as_array().cloned().unwrap_or_default();
        let condition = |c: &SetCondition| {
            let status = if c.holds { "True" } else { "False" };
            // What stays keeps its time.
            let same = before.iter().find(|b| b["type"] == c.kind && b["status"] == status && b["message"] == c.message.as_str());
            let since = same.and_then(|b| b["lastTransitionTime"].as_str()).unwrap_or(&now);
            json!({ "type": c.kind, "status": status, "reason": c.reason, "message": c.message, "lastTransitionTime": since })
        };
        let mut status = json!({
            "conditions": found.iter().map(condition).collect::<Vec<Json>>(),
            "health": { "status": health.status.as_str(), "message": health.message },
        });
        let members = apply::members(inner, slot);
        status["resourcesCount"] = json!(members.len());
        status["resources"] = members.iter().take(LISTED).map(|member| resource(member)).collect();
        if let Some(previews) = state.status.get("previews") {
            status["previews"] = previews.clone();
        }
        if set.spec.strategy.as_ref().and_then(gitops_app::SetStrategy::steps).is_some() {
            status["applicationStatus"] = rollout::to_json(&state.progress);
        }
        if let Some(waiting) = rolled.map(|r| &r.waiting).filter(|w| !w.is_empty()) {
            status["waiting"] = json!(waiting);
        }
        let text = status.to_string();
        state.status = status;
        if state.stored == text {
            return;
        }
        state.stored.clone_from(&text);
        text
    };
    if let Err(e) = inner.store.set_object_status(ObjectKind::Set, &slot.key, &row) {
        slot.lock().stored.clear();
        tracing::error!(set = slot.name(), "status: {e}");
    }
}

fn resource(member: &crate::slot::Slot) -> Json {
    let state = member.lock();
    let status = &state.status;
    let sync = status.sync.as_ref().and_then(|s| s.status).map_or("Unknown", |s| s.as_str());
    let health = status.health.as_ref().and_then(|h| h.status).map_or("Unknown", |h| h.as_str());
    json!({
        "group": "argoproj.io", "version": "v1alpha1", "kind": gitops_app::KIND, "namespace": member.key.namespace,
        "name": member.key.name, "status": sync, "health": { "status": health },
    })
}
