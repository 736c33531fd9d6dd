//! Operations: begun in the store before their first effect, driven, and brought to an end — here or, after a crash, by
//! the next process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_app::{
    Application, ApplicationSource, HookType, Operation, OperationPhase, OperationState, ResourceResult, SyncOperationResult,
};
use gitops_apply::{
    Backoff, Control, Driven, LiveSet, NamespaceMetadata, Outcome, PlanInput, ResourceSelector, Retry, Strategy, Subject, SyncRequest,
    SyncState, TaskResult, drive, plan,
};
use gitops_manifest::{Manifest, ObjectId, json};
use gitops_state::{Finish, ManifestBlob, NewHistory, NewOperation, Timestamp};
use serde::{Deserialize, Serialize};

use crate::chart_shelf;
use crate::engine::Inner;
use crate::error::{EngineError, blocking};
use crate::journal::{StoreJournal, SystemClock};
use crate::metrics::Metrics;
use crate::pass;
use crate::project::Ruling;
use crate::release;
use crate::report::{DeployEvent, DeployState};
use crate::slot::{Again, Last, Running, Slot};

/// Commands that run at the same time within one operation.
const PARALLEL: usize = 16;

/// Longest sleep of an operation that is paused, between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What an operation is to do, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) revisions: Vec<String>,
    pub(crate) sources: Vec<ApplicationSource>,
    /// Remote bases that were read, each with its commit.
    #[serde(default)]
    pub(crate) bases: Vec<String>,
    /// Success is entered into the history.
    pub(crate) history: bool,
    /// The commit gets a status.
    pub(crate) commit: bool,
    /// Number of the attempt, from 1, when attempts are operations of their own (`retry.refresh`).
    #[serde(default)]
    pub(crate) attempt: u32,
    /// A selective sync runs the hooks too.
    #[serde(default)]
    pub(crate) with_hooks: bool,
    /// Id of the render, within this process.
    #[serde(skip)]
    pub(crate) rendering: u64,
}

impl Request {
    fn revision(&self) -> String {
        self.revisions.first().cloned().unwrap_or_default()
    }

    /// The apply engine's form.
    fn sync(&self, app: &Application, target_takes_part: bool) -> SyncRequest {
        let policy = app.spec.sync_policy.as_ref();
        let sync = self.operation.sync.clone().unwrap_or_default();
        let force = sync.is_forced();
        let hooks = sync.sync_strategy.as_ref().is_none_or(|s| s.apply.is_none() || s.hook.is_some());
        let selector = |r: &gitops_app::SyncResource| ResourceSelector {
            group: r.group.clone(),
            kind: r.kind.clone(),
            namespace: Some(r.namespace.clone()).filter(|n| !n.is_empty()),
            name: r.name.clone(),
        };
        let retry = &self.operation.retry;
        let longest = Duration::from_secs(u64::from(u32::MAX));
        SyncRequest {
            prune: sync.prune,
            dry_run: sync.dry_run,
            resources: (!sync.resources.is_empty()).then(|| sync.resources.iter().map(selector).collect()),
            with_hooks: self.with_hooks,
            strategy: if hooks { Strategy::Hook { force } } else { Strategy::Apply { force } },
            options: if sync.sync_options.is_empty() { app.spec.sync_options().to_vec() } else { sync.sync_options.clone() },
            self_heal: sync.auto_heal_attempts_count > 0,
            retry: Retry {
                limit: retry.limit,
                backoff: retry.backoff.as_ref().map_or_else(Backoff::default, |b| Backoff {
                    duration: retry.wait(0).min(longest),
                    factor: b.factor.map_or(2.0, |f| f as f64),
                    max: gitops_app::GoDuration::parse(&b.max_duration).map_or(Backoff::default().max, gitops_app::GoDuration::as_duration),
                }),
                refresh: retry.refresh,
            },
            target_takes_part,
            managed_namespace: policy
                .and_then(|p| p.managed_namespace_metadata.as_ref())
                .map(|m| NamespaceMetadata { labels: m.labels.clone(), annotations: m.annotations.clone() }),
        }
    }
}

impl Last {
    /// From the store, after a start.
    pub(crate) fn of(stored: &gitops_state::Operation) -> Option<Last> {
        let request: Request = serde_json::from_str(&stored.request_json).ok()?;
        let phase = OperationPhase::parse(&stored.phase).filter(|p| p.is_final())?;
        Some(Last {
            phase,
            message: stored.message.clone(),
            finished_at: stored.finished_at?.as_millis() / 1000,
            self_heal_attempts: request.operation.sync.as_ref().map_or(0, |s| s.auto_heal_attempts_count),
            revisions: request.revisions,
            rendering: 0,
            bases: request.bases,
            sources: request.sources,
        })
    }
}

/// The plan of an operation that is not begun.
pub(crate) async fn planned(
    inner: &Arc<Inner>,
    slot: &Arc<Slot>,
    request: &Request,
    desired: &[Manifest],
    live: &LiveSet,
) -> Result<gitops_apply::Plan, EngineError> {
    plan_of(inner, slot, request, desired, live, ("plan", gitops_state::now())).await
}

async fn plan_of(
    inner: &Arc<Inner>,
    slot: &Arc<Slot>,
    request: &Request,
    desired: &[Manifest],
    live: &LiveSet,
    (id, started): (&str, Timestamp),
) -> Result<gitops_apply::Plan, EngineError> {
    let (app, pending) = {
        let state = slot.lock();
        (state.app.clone(), state.pending_activations.clone())
    };
    let target = inner.target(&app).map_err(EngineError::Precondition)?;
    let sync = request.sync(&app, target.takes_part());
    let rules = crate::pair::rules(&app).map_err(EngineError::Invalid)?;
    let (work, of, declared) = (inner.clone(), slot.clone(), app.clone());
    let is_first = blocking(move || release::is_first(&work, &of, &declared)).await?;
    let planned = plan(&PlanInput {
        operation: id,
        app: slot.name(),
        namespace: &app.spec.destination.namespace,
        desired: &release::for_release(desired, is_first),
        live,
        unchanged: &|desired, live| !target.differs(desired, live, &rules),
        activation: &|object| target.activation_group(object),
        activate_also: &pending,
        request: &sync,
        revision: &request.revision(),
        started_at: started,
        deletion_approved: None,
    });
    planned.map_err(|e| EngineError::Precondition(e.to_string()))
}

/// Writes an operation down and sets it going. Returns its id.
pub(crate) async fn begin(
    inner: &Arc<Inner>,
    slot: &Arc<Slot>,
    request: Request,
    desired: Arc<[Manifest]>,
    live: &LiveSet,
    ruling: &Ruling,
) -> Result<String, EngineError> {
    if let Some(running) = &slot.lock().running {
        return Err(EngineError::Precondition(format!("another operation is already in progress ({})", running.id)));
    }
    let id = inner.operation_id(slot.name());
    let started = gitops_state::now();
    let plan = plan_of(inner, slot, &request, &desired, live, (&id, started)).await?;
    let state = SyncState::new(plan, inner.settings.apply).with_attempt(request.attempt);
    let blobs: Vec<ManifestBlob> =
        desired.iter().map(|m| ManifestBlob { object_id: m.id().to_string(), bytes: json::print(m.body()).into_bytes() }).collect();
    let new = NewOperation {
        id: id.clone(),
        app: slot.key.clone(),
        revision: request.revision(),
        requested_by: requested_by(&request.operation),
        started_at: started,
        request_json: serde_json::to_string(&request).map_err(|e| EngineError::Internal(e.to_string()))?,
    };
    let (store, text) = (inner.store.clone(), state.to_json());
    blocking(move || store.begin_operation(&new, &blobs, &text)).await?.map_err(|e| EngineError::Precondition(e.to_string()))?;
    Metrics::count(&inner.metrics.operations);
    let touched = state.plan().tasks().iter().filter_map(gitops_apply::Task::object);
    if let Some(message) = ruling.refuses_any(touched) {
        refuse(inner, slot, &id, &request, state, message).await;
        return Ok(id);
    }
    spawn(inner, slot, id.clone(), request, state, started);
    Ok(id)
}

/// Ends an operation at once, as failed: its project does not permit what it would do.
async fn refuse(inner: &Arc<Inner>, slot: &Arc<Slot>, id: &str, request: &Request, last: SyncState, message: String) {
    let app = slot.lock().app.clone();
    slot.lock().operation_id = Some(id.to_owned());
    let outcome = Outcome {
        phase: OperationPhase::Failed,
        message,
        results: Vec::new(),
        retry_count: 0,
        finished_at: gitops_state::now(),
        superseded: false,
        terminated: false,
        again_at: None,
        pending_activations: slot.lock().pending_activations.clone(),
        notes: Vec::new(),
    };
    end(inner, slot, Ended { id, app: &app, request, outcome, last }).await;
}

fn requested_by(operation: &Operation) -> String {
    if operation.initiated_by.automated { "automated".to_owned() } else { operation.initiated_by.username.clone() }
}

/// Continues an operation that the last process left.
pub(crate) fn resume(inner: &Arc<Inner>, stored: gitops_state::Operation) {
    let Some(slot) = inner.slot(&stored.app.name) else { return };
    let read = || -> Result<(Request, SyncState), String> {
        let request = serde_json::from_str(&stored.request_json).map_err(|e| e.to_string())?;
        let blobs = inner.store.operation_manifests(&stored.id).map_err(|e| e.to_string())?.unwrap_or_default();
        let known: BTreeMap<ObjectId, Manifest> = pass::manifests(&blobs)?.into_iter().map(|m| (m.id().clone(), m)).collect();
        Ok((request, SyncState::from_json(&stored.state_json, &known).map_err(|e| e.to_string())?))
    };
    match read() {
        Ok((request, state)) => {
            tracing::info!(app = slot.name(), operation = stored.id, "continues where the last process was ended");
            spawn(inner, &slot, stored.id, request, state, stored.started_at);
        }
        Err(e) => {
            tracing::error!(app = slot.name(), operation = stored.id, "cannot be continued: {e}");
            let finish = Finish {
                phase: "Error".to_owned(),
                message: format!("the operation was cut off and its record cannot be read: {e}"),
                finished_at: gitops_state::now(),
                state_json: stored.state_json,
                history: None,
                status: None,
            };
            if let Err(e) = inner.store.finish_operation(&stored.id, &finish) {
                tracing::error!(app = slot.name(), "{e}");
            }
        }
    }
}

fn spawn(inner: &Arc<Inner>, slot: &Arc<Slot>, id: String, request: Request, state: SyncState, started: Timestamp) {
    let (controller, control) = Control::new();
    {
        let mut held = slot.lock();
        held.again = None;
        held.running = Some(Running {
            id: id.clone(),
            controller,
            revisions: request.revisions.clone(),
            rendering: request.rendering,
            manual: !request.operation.initiated_by.automated,
            dry_run: request.operation.sync.as_ref().is_some_and(|s| s.dry_run),
            started: started.as_millis().div_euclid(1000),
            terminated: Arc::default(),
            wake: Arc::default(),
        });
        held.operation_id = Some(id.clone());
        held.status.operation_state = Some(OperationState {
            operation: request.operation.clone(),
            phase: OperationPhase::Running,
            message: String::new(),
            sync_result: Some(sync_result(&request, Vec::new())),
            started_at: started.to_string(),
            finished_at: None,
            retry_count: 0,
        });
    }
    show(slot, &state);
    tell(inner, slot, &request, DeployState::Pending, "deploying");
    let (inner, slot) = (inner.clone(), slot.clone());
    let kept = inner.clone();
    kept.keep(tokio::spawn(async move {
        let (watched, done) = (slot.clone(), inner.clone());
        let carried = tokio::spawn(carry_out(inner, slot, id, request, state, control)).await;
        if let Err(e) = carried {
            // The store still has it running: the next start continues it.
            watched.lock().running = None;
            pass::record_failure(&done, &watched, &format!("the operation ended unexpectedly: {e}"));
        }
    }));
}

async fn carry_out(inner: Arc<Inner>, slot: Arc<Slot>, id: String, request: Request, state: SyncState, mut control: Control) {
    let app = slot.lock().app.clone();
    let target = match inner.target(&app) {
        Ok(target) => target,
        Err(message) => {
            tracing::error!(app = slot.name(), "{message}");
            return slot.lock().running = None;
        }
    };
    let journal = StoreJournal { inner: inner.clone(), slot: slot.clone(), id: id.clone() };
    let mut state = state;
    // One that goes on after a restart may be held up by now.
    if slot.is_held_up(&inner) {
        match paused(&inner, &slot, &id).await {
            Some(resumed) => (state, control) = resumed,
            None => return,
        }
    }
    loop {
        match drive(&*target, &journal, &SystemClock, state.clone(), &mut control, PARALLEL).await {
            Driven::Done(outcome, last) => {
                let ended = Ended { id: &id, app: &app, request: &request, outcome, last: *last };
                return end(&inner, &slot, ended).await;
            }
            Driven::Stopped => match paused(&inner, &slot, &id).await {
                Some(resumed) => (state, control) = resumed,
                None => return,
            },
            Driven::JournalFailed(e) => {
                tracing::error!(app = slot.name(), operation = id, "{e}");
                note(&slot, &e.to_string());
                // Only what the store has may go on: an older state could run a hook again whose end is on record.
                state = loop {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    if inner.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    if let Some(recorded) = reload(&inner, &id) {
                        break recorded;
                    }
                };
            }
        }
    }
}

/// Waits until nothing holds the operation up any more, or its end is asked for. `None` when the process ends.
async fn paused(inner: &Arc<Inner>, slot: &Arc<Slot>, id: &str) -> Option<(SyncState, Control)> {
    let (manual, started, wake, terminated) = {
        let state = slot.lock();
        let running = state.running.as_ref()?;
        (running.manual, running.started, running.wake.clone(), running.terminated.clone())
    };
    loop {
        let woken = wake.notified();
        if inner.stopping.load(Ordering::Acquire) {
            return None;
        }
        let held_up = inner.holds_up(slot, manual, started).filter(|_| !terminated.load(Ordering::Acquire));
        let Some((reason, wait)) = held_up else { break };
        note(slot, &reason);
        pass::store_status(inner, slot);
        let _ = tokio::time::timeout(wait.unwrap_or(LONGEST_PAUSE), woken).await;
    }
    let recorded = loop {
        if let Some(recorded) = reload(inner, id) {
            break recorded;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        if inner.stopping.load(Ordering::Acquire) {
            return None;
        }
    };
    let (controller, control) = Control::new();
    slot.lock().running.as_mut()?.controller = controller.clone();
    // Whoever asked before the exchange asked the controller that is gone.
    if terminated.load(Ordering::Acquire) {
        controller.terminate();
    }
    if inner.stopping.load(Ordering::Acquire) {
        return None;
    }
    show(slot, &recorded);
    Some((recorded, control))
}

impl Slot {
    fn is_held_up(&self, inner: &Inner) -> bool {
        let running = self.lock().running.as_ref().filter(|r| !r.dry_run).map(|r| (r.manual, r.started));
        running.is_some_and(|(manual, started)| inner.holds_up(self, manual, started).is_some())
    }
}

fn reload(inner: &Inner, id: &str) -> Option<SyncState> {
    let stored = inner.store.operation(id).ok()??;
    let blobs = inner.store.operation_manifests(id).ok()??;
    let known = pass::manifests(&blobs).ok()?.into_iter().map(|m| (m.id().clone(), m)).collect();
    SyncState::from_json(&stored.state_json, &known).ok()
}

fn note(slot: &Slot, message: &str) {
    if let Some(state) = &mut slot.lock().status.operation_state {
        message.clone_into(&mut state.message);
    }
}

/// Shows how far a running operation is.
pub(crate) fn show(slot: &Slot, state: &SyncState) {
    let mut held = slot.lock();
    if let Some(shown) = &mut held.status.operation_state {
        shown.phase = state.phase();
        state.message().clone_into(&mut shown.message);
        shown.retry_count = i64::from(state.retry_count());
        if let Some(result) = &mut shown.sync_result {
            result.resources = state.results().iter().map(resource).collect();
        }
    }
}

fn resource(result: &TaskResult) -> ResourceResult {
    let mut wire = ResourceResult {
        version: result.version.clone(),
        status: result.code,
        message: result.message.clone(),
        hook_type: result.hook.and_then(|p| HookType::parse(p.as_str())),
        hook_phase: OperationPhase::parse(result.phase.as_str()),
        sync_phase: HookType::parse(result.sync_phase.as_str()),
        ..ResourceResult::default()
    };
    match &result.subject {
        Subject::Object(id) => {
            (wire.group, wire.kind) = (id.group.clone(), id.kind.clone());
            (wire.namespace, wire.name) = (id.namespace.clone(), id.name.clone());
        }
        Subject::Activation(group) => {
            "Activation".clone_into(&mut wire.kind);
            wire.name.clone_from(group);
        }
    }
    wire
}

fn sync_result(request: &Request, resources: Vec<ResourceResult>) -> SyncOperationResult {
    let several = request.revisions.len() > 1;
    SyncOperationResult {
        resources,
        revision: if several { String::new() } else { request.revision() },
        revisions: if several { request.revisions.clone() } else { Vec::new() },
        source: request.sources.first().filter(|_| !several).cloned(),
        sources: if several { request.sources.clone() } else { Vec::new() },
        managed_namespace_metadata: None,
    }
}

/// An operation that is over, and not yet on record as such.
struct Ended<'a> {
    id: &'a str,
    app: &'a Application,
    request: &'a Request,
    outcome: Outcome,
    last: SyncState,
}

impl Ended<'_> {
    fn succeeded(&self) -> bool {
        self.outcome.phase == OperationPhase::Succeeded
    }

    fn finished_at(&self) -> Timestamp {
        self.outcome.finished_at
    }

    /// What had to be repeated after a crash, and the like, is kept with the end.
    fn message(&self) -> String {
        self.outcome.notes.iter().fold(self.outcome.message.clone(), |text, note| format!("{text}; {note}"))
    }

    fn history(&self) -> Option<NewHistory> {
        let full = self.request.operation.sync.as_ref().is_none_or(|s| !s.dry_run && s.resources.is_empty());
        (self.succeeded() && full && self.request.history).then(|| NewHistory {
            revision: self.request.revision(),
            source_json: serde_json::to_string(&self.request.sources).unwrap_or_default(),
            deployed_at: self.finished_at(),
            started_at: self.last.started_at(),
            initiated_by: requested_by(&self.request.operation),
            limit: self.app.spec.history_limit(),
        })
    }

    /// `status.operationState`.
    fn shown(&self) -> OperationState {
        OperationState {
            operation: self.request.operation.clone(),
            phase: self.outcome.phase,
            message: self.message(),
            sync_result: Some(sync_result(self.request, self.outcome.results.iter().map(resource).collect())),
            started_at: self.last.started_at().to_string(),
            finished_at: Some(self.finished_at().to_string()),
            retry_count: i64::from(self.outcome.retry_count),
        }
    }
}

async fn end(inner: &Arc<Inner>, slot: &Arc<Slot>, ended: Ended<'_>) {
    let (id, request, outcome) = (ended.id, ended.request, &ended.outcome);
    for note in &outcome.notes {
        tracing::warn!(app = slot.name(), operation = id, "{note}");
    }
    let mut finish = Finish {
        phase: outcome.phase.as_str().to_owned(),
        message: ended.message(),
        finished_at: ended.finished_at(),
        state_json: ended.last.to_json(),
        history: ended.history(),
        status: None,
    };
    loop {
        finish.status =
            Some(pass::status_row(&gitops_app::ApplicationStatus { operation_state: Some(ended.shown()), ..slot.lock().status.clone() }));
        // Nothing may follow before the end is on record; a full disk is waited for.
        let Err(e) = record_end(inner, id, &finish).await else { break };
        tracing::error!(app = slot.name(), operation = id, "the end cannot be recorded: {e}");
        note(slot, &format!("the end cannot be recorded: {e}"));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    if !ended.succeeded() {
        Metrics::count(&inner.metrics.operations_failed);
    }
    tracing::info!(app = slot.name(), operation = id, revision = request.revision(), "{}: {}", outcome.phase, outcome.message);
    {
        let mut held = slot.lock();
        held.running = None;
        held.pending_activations.clone_from(&outcome.pending_activations);
        held.again = outcome.again_at.map(|at| again(request, &ended.last, at));
        held.last = Some(Last {
            phase: outcome.phase,
            message: outcome.message.clone(),
            revisions: request.revisions.clone(),
            rendering: request.rendering,
            sources: request.sources.clone(),
            bases: request.bases.clone(),
            finished_at: ended.finished_at().as_millis() / 1000,
            self_heal_attempts: request.operation.sync.as_ref().map_or(0, |s| s.auto_heal_attempts_count),
        });
        held.status.operation_state = Some(ended.shown());
        // What a pass wrote meanwhile is written once more by the next.
        held.stored = finish.status.take().map(|row| row.status_json).unwrap_or_default();
    }
    let (state, text) = match ended.succeeded() {
        true => (DeployState::Success, "deployed successfully".to_owned()),
        false => (DeployState::Failure, outcome.message.clone()),
    };
    tell(inner, slot, request, state, &text);
    inner.queue.add(slot.name());
}

fn again(request: &Request, last: &SyncState, at: gitops_manifest::Timestamp) -> Again {
    Again { operation: request.operation.clone(), attempt: last.retry_count() + 2, at: at.as_millis(), rendering: request.rendering }
}

/// Puts back what follows from a failed operation, after a start: reloads that are still due, and a further attempt.
/// Blocking.
pub(crate) fn recall(inner: &Inner, slot: &Slot, stored: &gitops_state::Operation) {
    let Some(finished) = stored.finished_at.filter(|_| stored.phase != OperationPhase::Succeeded.as_str()) else { return };
    let Some(last) = reload(inner, &stored.id) else { return };
    let mut held = slot.lock();
    held.pending_activations = last.pending_activations();
    let failed = stored.phase == OperationPhase::Failed.as_str();
    if let Ok(request) = serde_json::from_str::<Request>(&stored.request_json)
        && failed
        && request.operation.retry.refresh
    {
        held.again = last.next_attempt_at(finished).map(|at| again(&request, &last, at));
    }
}

async fn record_end(inner: &Arc<Inner>, id: &str, finish: &Finish) -> Result<(), String> {
    let (store, id, finish) = (inner.store.clone(), id.to_owned(), finish.clone());
    match blocking(move || store.finish_operation(&id, &finish)).await {
        // Somebody deleted the application meanwhile: there is nothing to record.
        Ok(Ok(_) | Err(gitops_state::SaveError::NotRunning { .. })) => Ok(()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(e) => Err(e.to_string()),
    }
}

/// Tells whoever wants to know, once for each source that is a commit.
fn tell(inner: &Inner, slot: &Slot, request: &Request, state: DeployState, description: &str) {
    let Some(report) = inner.report.as_ref().filter(|_| request.commit) else { return };
    let link = format!("{}/api/v1/applications/{}", inner.settings.external_url, slot.name());
    for (source, revision) in
        request.sources.iter().zip(&request.revisions).filter(|(source, _)| chart_shelf::request(source, None).is_none())
    {
        report.deployed(DeployEvent {
            app: slot.name().to_owned(),
            repo_url: source.repo_url.clone(),
            revision: revision.clone(),
            state,
            description: description.to_owned(),
            link: link.clone(),
        });
    }
}
