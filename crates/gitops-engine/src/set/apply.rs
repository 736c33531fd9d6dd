//! What changes: the applications that a set wants against those there are, written one after another, by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_app::{Application, ApplicationSet, ApplicationsSync, GoDuration};
use gitops_appset::{ApplicationProblem, Change, Changes, Expansion, WriteFailure, changes, deletion_waves};
use gitops_state::{ObjectKind, Origin};
use serde_json::{Value as Json, json};

use super::{SetSlot, owner};
use crate::engine::{Inner, origin_text};
use crate::error::blocking;
use crate::request::{declare, remove};
use crate::slot::Slot;

/// Annotation of a set made of pull requests: how long one of its applications lives at most, in Go's syntax.
const PREVIEW_TTL: &str = "gitops-engine.dev/preview-ttl";
/// Annotation of a project: how many applications made of pull requests it may have.
const PREVIEW_LIMIT: &str = "gitops-engine.dev/preview-limit";

/// What was done.
pub(crate) struct Applied {
    pub(crate) changes: Changes,
    pub(crate) failure: Option<(Change, String)>,
    /// When the next preview's time is over.
    pub(crate) expires: Option<Duration>,
}

impl Applied {
    pub(crate) fn written(&self) -> Result<(), WriteFailure<'_>> {
        match &self.failure {
            None => Ok(()),
            Some((change, message)) => Err(WriteFailure { change: *change, message }),
        }
    }
}

/// The applications of a set, by name.
pub(crate) fn members(inner: &Inner, slot: &SetSlot) -> Vec<Arc<Slot>> {
    inner.all_slots().into_iter().filter(|s| owner(&s.lock().app) == Some(slot.name())).collect()
}

/// What a set may do: all, unless it says less.
pub(crate) fn policy(set: &ApplicationSet) -> ApplicationsSync {
    let text = set.spec.sync_policy.as_ref().map(|p| p.applications_sync.as_str()).unwrap_or_default();
    ApplicationsSync::parse(text).unwrap_or_default()
}

/// What would change now. Names that something else declares are problems of their own.
pub(crate) fn plan(inner: &Inner, slot: &SetSlot, set: &ApplicationSet, expansion: &Expansion) -> Changes {
    let ours = slot.origin();
    let mut expansion = expansion.clone();
    let mut live: BTreeMap<String, Application> = BTreeMap::new();
    for member in members(inner, slot) {
        live.insert(member.name().to_owned(), (*member.lock().app).clone());
    }
    let taken = |app: &Application| -> Option<String> {
        let other = inner.slot(&app.metadata.name)?;
        let state = other.lock();
        match &state.origin {
            Origin::File(_) if state.origin != ours && owner(&state.app).is_none() => Some(format!(
                "application {} is declared in {}: give the application of the set another name, or remove it there",
                app.metadata.name,
                origin_text(&state.origin)
            )),
            _ => None,
        }
    };
    let mut problems = Vec::new();
    expansion.applications.retain(|app| match taken(app) {
        None => true,
        Some(reason) => {
            problems.push(ApplicationProblem { name: app.metadata.name.clone(), reason });
            false
        }
    });
    expansion.problems.extend(problems);
    for app in &expansion.applications {
        if let Some(other) = inner.slot(&app.metadata.name) {
            live.entry(app.metadata.name.clone()).or_insert_with(|| (*other.lock().app).clone());
        }
    }
    let live: Vec<Application> = live.into_values().collect();
    changes(set, &expansion, &live, policy(set), inner.settings.set_deletion_limit)
}

/// Writes what changes.
pub(crate) async fn apply(inner: &Arc<Inner>, slot: &Arc<SetSlot>, set: &ApplicationSet, expansion: &Expansion) -> Applied {
    let (expansion, expires) = preview_times(slot, set, expansion);
    let mut changes = plan(inner, slot, set, &expansion);
    if asks_pull_requests(set) {
        preview_limits(inner, &mut changes);
    }
    let mut failure: Option<(String, Change, String)> = None;
    let mut failed = |name: &str, change: Change, message: String| {
        tracing::error!(set = slot.name(), app = name, "{message}");
        if failure.as_ref().is_none_or(|(first, ..)| name < first.as_str()) {
            failure = Some((name.to_owned(), change, message));
        }
    };
    let writes = changes.create.iter().map(|a| (a, Change::Create)).chain(changes.update.iter().map(|a| (a, Change::Update)));
    for (app, change) in writes {
        let (work, origin, app) = (inner.clone(), slot.origin(), app.clone());
        let name = app.metadata.name.clone();
        match blocking(move || declare(&work, app, origin)).await.and_then(|done| done) {
            Ok(_) => inner.queue.add(&name),
            Err(e) => failed(&name, change, e.to_string()),
        }
    }
    for name in &changes.delete {
        if let Some(member) = inner.slot(name)
            && let Err(e) = end(inner, slot, &member).await
        {
            failed(name, Change::Delete, e);
        }
    }
    if !changes.create.is_empty() {
        inner.polls.wake();
    }
    if let Some(guard) = &changes.guard {
        tracing::warn!(set = slot.name(), "{guard}");
    }
    let failure = failure.map(|(_, change, message)| (change, message));
    Applied { changes, failure, expires }
}

/// Ends one application; what it manages goes too when it has Argo CD's finalizer.
async fn end(inner: &Arc<Inner>, set: &SetSlot, member: &Arc<Slot>) -> Result<(), String> {
    let cascade = crate::declaration::cascades(&member.lock().app);
    remove(inner, member, cascade, &format!("ApplicationSet {}", set.name())).await.map_err(|e| e.to_string())
}

/// Ends a set. Says whether something has to be tried again.
pub(crate) async fn take_down(inner: &Arc<Inner>, slot: &Arc<SetSlot>, cascade: bool) -> bool {
    let set = slot.lock().set.clone();
    let members = members(inner, slot);
    let delete = cascade && policy(&set).deletes();
    let steps = set.spec.strategy.as_ref().and_then(gitops_app::SetStrategy::steps).unwrap_or_default();
    let reverse = set.spec.strategy.as_ref().is_some_and(|s| s.deletion_order.eq_ignore_ascii_case("reverse")) && !steps.is_empty();
    let mut waves: Vec<Vec<Arc<Slot>>> = vec![members.clone()];
    if reverse {
        let apps: Vec<Arc<Application>> = members.iter().map(|m| m.lock().app.clone()).collect();
        let named: Vec<_> = apps.iter().map(|a| (a.metadata.name.as_str(), &a.metadata.labels)).collect();
        waves = deletion_waves(steps, &named).into_iter().map(|wave| wave.iter().filter_map(|name| inner.slot(name)).collect()).collect();
    }
    for wave in waves {
        let mut open = false;
        for member in wave {
            let done = if delete { end(inner, slot, &member).await } else { release(inner, &member).await };
            if let Err(e) = done {
                tracing::warn!(set = slot.name(), app = member.name(), "{e}");
                open = true;
            }
        }
        // A wave goes before the next begins.
        if open {
            return true;
        }
    }
    let (store, key) = (inner.store.clone(), slot.key.clone());
    if !matches!(blocking(move || store.delete_object(ObjectKind::Set, &key)).await, Ok(Ok(_))) {
        return true;
    }
    inner.sets.remove(slot.name());
    false
}

/// Lets an application go on without its set.
async fn release(inner: &Arc<Inner>, member: &Arc<Slot>) -> Result<(), String> {
    let mut app = (*member.lock().app).clone();
    app.metadata.other.remove("ownerReferences");
    let work = inner.clone();
    blocking(move || declare(&work, app, Origin::Api)).await.and_then(|done| done).map(|_| ()).map_err(|e| e.to_string())
}

fn asks_pull_requests(set: &ApplicationSet) -> bool {
    fn has(block: &Json) -> bool {
        let nested = |kind: &str| block[kind]["generators"].as_array().is_some_and(|g| g.iter().any(has));
        block.get("pullRequest").is_some() || nested("matrix") || nested("merge")
    }
    set.spec.generators.iter().any(has)
}

/// Leaves applications out whose time is over, and remembers when each was first seen. Says when the next one's is.
fn preview_times(slot: &SetSlot, set: &ApplicationSet, expansion: &Expansion) -> (Expansion, Option<Duration>) {
    let mut expansion = expansion.clone();
    let Some(text) = set.metadata.annotations.get(PREVIEW_TTL) else { return (expansion, None) };
    let ttl = match GoDuration::parse(text) {
        Ok(ttl) => i64::try_from(ttl.as_duration().as_millis()).unwrap_or(i64::MAX),
        Err(e) => {
            let reason = format!("annotation {PREVIEW_TTL}: {e}; nothing is ended by time until it reads");
            expansion.problems.push(ApplicationProblem { name: String::new(), reason });
            return (expansion, None);
        }
    };
    let now = gitops_state::now().as_millis();
    let mut state = slot.lock();
    let before = state.status["previews"].clone();
    let mut seen = serde_json::Map::new();
    let mut next: Option<i64> = None;
    expansion.applications.retain(|app| {
        let name = &app.metadata.name;
        let since = before[name].as_i64().unwrap_or(now);
        seen.insert(name.clone(), json!(since));
        let left = since.saturating_add(ttl) - now;
        if left > 0 {
            next = Some(next.map_or(left, |n| n.min(left)));
        }
        left > 0
    });
    if state.status.is_null() {
        state.status = json!({});
    }
    state.status["previews"] = Json::Object(seen);
    (expansion, next.map(|ms| Duration::from_millis(ms.unsigned_abs())))
}

/// Holds back what a project has no room for.
fn preview_limits(inner: &Inner, changes: &mut Changes) {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for slot in inner.all_slots() {
        let app = slot.lock().app.clone();
        let of_requests = owner(&app).and_then(|set| inner.sets.get(set)).is_some_and(|set| asks_pull_requests(&set.lock().set));
        if of_requests && !changes.delete.contains(&app.metadata.name) {
            *counted.entry(app.spec.project().to_owned()).or_default() += 1;
        }
    }
    let mut problems = Vec::new();
    changes.create.retain(|app| {
        let name = app.spec.project().to_owned();
        let limit = inner.projects.get(&name).and_then(|known| known.project.metadata.annotations.get(PREVIEW_LIMIT).cloned());
        let Some(limit) = limit else { return true };
        let count = counted.entry(name.clone()).or_default();
        let room = match limit.trim().parse::<usize>() {
            Ok(limit) => *count < limit,
            Err(_) => false,
        };
        if room {
            *count += 1;
            return true;
        }
        let reason = format!(
            "application {} is not made: project {name} has {count} preview environments, and its annotation {PREVIEW_LIMIT} says `{limit}`; \
             close a pull request, or raise the limit",
            app.metadata.name
        );
        problems.push(ApplicationProblem { name: app.metadata.name.clone(), reason });
        false
    });
    changes.problems.extend(problems);
}
