//! [`SyncState`] as text, for a store.
//!
//! The text holds ids, not manifests: whoever loads it hands them in again, from its own content-addressed store.
//! A member `version` says how to read it; another version is refused, because guessing could run a hook twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_manifest::{Manifest, ObjectId};
use serde::{Deserialize, Serialize};

use crate::hook::DeletePolicy;
use crate::order::{Phase, Wave};
use crate::plan::{Plan, Writing, handed_over};
use crate::request::{Backoff, Retry, Settings};
use crate::state::{HealthWait, Mode, Prepared, Progress, SyncState, TaskState};
use crate::target::NamespaceMetadata;
use crate::task::{Action, Change, PruneMode, Task, TaskId};
use gitops_app::ResultCode;
use gitops_manifest::Timestamp;

const VERSION: u32 = 1;

/// Why a kept state cannot be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Not what [`SyncState::to_json`] writes.
    #[error("state of an operation: not readable as JSON of version {VERSION}")]
    Syntax(#[source] serde_json::Error),
    /// Written by another version of this crate.
    #[error(
        "state of an operation: version {found}, this program reads version {VERSION}: finish the operation with the program that began it, or start a new sync"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// A member that cannot be.
    #[error("state of an operation: `{field}` holds `{found}`, which is not possible there")]
    Field {
        /// The member.
        field: &'static str,
        /// What it holds.
        found: String,
    },
    /// A manifest that the plan needs was not handed in.
    #[error("state of an operation: the manifest of {id} is missing")]
    Manifest {
        /// The object.
        id: ObjectId,
    },
}

fn wrong(field: &'static str, found: impl ToString) -> StateError {
    StateError::Field { field, found: found.to_string() }
}

#[derive(Deserialize)]
struct WireVersion {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    operation: String,
    app: String,
    started_at: i64,
    dry_run: bool,
    retry: (i64, u64, f64, u64, bool),
    #[serde(default)]
    writing: WireWriting,
    #[serde(default)]
    prepared: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    releasing: Vec<u32>,
    settings: (u64, u64, Option<u64>),
    tasks: Vec<WireTask>,
    dependencies: Vec<(u32, u32)>,
    shared: Vec<(String, String)>,
    mode: char,
    retry_at: Option<i64>,
    terminating: bool,
    superseded: bool,
    approved: Option<i64>,
    message: String,
    attempt: u32,
    stage: usize,
    group: usize,
    cleared: bool,
    /// One letter per task.
    progress: String,
    /// Task, code, message; in the order of recording.
    results: Vec<(u32, Option<String>, String)>,
    removed: Vec<(u32, bool)>,
    removal_failed: bool,
    hold_until: Option<i64>,
    failure: String,
    notes: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct WireWriting {
    namespace: String,
    options: Vec<String>,
    force: bool,
    /// Labels and annotations.
    managed_namespace: Option<(BTreeMap<String, String>, BTreeMap<String, String>)>,
    target_takes_part: bool,
}

#[derive(Serialize, Deserialize)]
struct WireTask {
    /// What to do, one letter: see [`action_letter`].
    a: char,
    /// Identity of the object, or the activation group.
    i: String,
    /// Phase.
    p: u8,
    /// Wave, stage, group.
    w: (i32, u32, u32),
    /// API version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    v: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hook: Option<WireHook>,
}

#[derive(Serialize, Deserialize)]
struct WireHook {
    source: String,
    run: String,
    delete: Vec<String>,
    left_over: bool,
}

fn action_letter(action: &Action) -> char {
    match action {
        Action::Apply { change: Change::Create, .. } => 'c',
        Action::Apply { change: Change::Update, .. } => 'u',
        Action::Apply { change: Change::Unchanged, .. } => '=',
        Action::Prune { mode: PruneMode::Delete, .. } => 'd',
        Action::Prune { mode: PruneMode::Confirm, .. } => '?',
        Action::Prune { mode: PruneMode::NotRequested, .. } => 'n',
        Action::Prune { mode: PruneMode::Forbidden, .. } => 'f',
        Action::Hook { .. } => 'h',
        Action::Activate { .. } => 'a',
    }
}

const PROGRESS: [(Progress, char); 7] = [
    (Progress::Pending, '.'),
    (Progress::Clearing, 'c'),
    (Progress::Cleared, 'C'),
    (Progress::Sent, '>'),
    (Progress::Running, 'r'),
    (Progress::Succeeded, 's'),
    (Progress::Failed, 'x'),
];

fn progress_letter(progress: Progress) -> char {
    PROGRESS.iter().find(|(p, _)| *p == progress).map_or('.', |(_, c)| *c)
}

fn mode_letter(mode: Mode) -> char {
    match mode {
        Mode::Forward => 'f',
        Mode::Failing => 'x',
        Mode::SyncFail => 'y',
        Mode::Succeeding => 's',
        Mode::Retrying(_) => 'r',
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl SyncState {
    /// The state as text; read back with [`SyncState::from_json`].
    pub fn to_json(&self) -> String {
        let plan = &*self.plan;
        let (retry, settings) = (&plan.retry, &self.settings);
        let wire = Wire {
            version: VERSION,
            operation: plan.operation.clone(),
            app: plan.app.clone(),
            started_at: plan.started_at.as_millis(),
            dry_run: plan.dry_run,
            retry: (retry.limit, millis(retry.backoff.duration), retry.backoff.factor, millis(retry.backoff.max), retry.refresh),
            writing: WireWriting {
                namespace: plan.writing.namespace.clone(),
                options: plan.writing.options.clone(),
                force: plan.writing.force,
                managed_namespace: plan.writing.managed_namespace.as_ref().map(|m| (m.labels.clone(), m.annotations.clone())),
                target_takes_part: plan.writing.target_takes_part,
            },
            prepared: self.preparation == Prepared::Yes,
            releasing: self.releasing.iter().map(|id| id.0).collect(),
            settings: (millis(settings.health_poll), millis(settings.wave_delay), settings.timeout.map(millis)),
            tasks: plan.tasks.iter().map(wire_task).collect(),
            dependencies: plan.dependencies.iter().map(|(a, b)| (a.0, b.0)).collect(),
            shared: plan.shared.iter().map(|(id, owner)| (id.to_string(), owner.clone())).collect(),
            mode: mode_letter(self.mode),
            retry_at: self.retry_at().map(Timestamp::as_millis),
            terminating: self.terminating,
            superseded: self.superseded,
            approved: self.approved.map(Timestamp::as_millis),
            message: self.message.clone(),
            attempt: self.attempt,
            stage: self.stage,
            group: self.group,
            cleared: self.cleared,
            progress: self.tasks.iter().map(|t| progress_letter(t.progress)).collect(),
            results: self.recorded.iter().map(|id| self.wire_result(*id)).collect(),
            removed: self.removed.iter().map(|(id, done)| (id.0, *done)).collect(),
            removal_failed: self.removal_failed,
            hold_until: self.hold_until.map(Timestamp::as_millis),
            failure: self.failure.clone(),
            notes: self.notes.clone(),
        };
        serde_json::to_string(&wire).expect("strings, numbers and lists always print as JSON")
    }

    fn wire_result(&self, id: TaskId) -> (u32, Option<String>, String) {
        let state = &self.tasks[id.index()];
        (id.0, state.code.map(|c| c.as_str().to_owned()), state.message.clone())
    }

    /// Reads what [`SyncState::to_json`] wrote. `manifests`: at least the desired manifests of the tasks that write or run
    /// something, as they were planned.
    ///
    /// # Errors
    /// Text of another version or none of ours, or a manifest that is missing.
    pub fn from_json(text: &str, manifests: &BTreeMap<ObjectId, Manifest>) -> Result<SyncState, StateError> {
        let version: WireVersion = serde_json::from_str(text).map_err(StateError::Syntax)?;
        if version.version != VERSION {
            return Err(StateError::Version { found: version.version });
        }
        let wire: Wire = serde_json::from_str(text).map_err(StateError::Syntax)?;
        let (tasks, manifests) = read_tasks(&wire, manifests)?;
        let count = tasks.len();
        let known = |id: u32| if (id as usize) < count { Ok(TaskId(id)) } else { Err(wrong("task", id)) };
        let states = read_states(&wire, count)?;
        let plan = Plan {
            operation: wire.operation,
            app: wire.app,
            started_at: Timestamp::from_millis(wire.started_at),
            approved: wire.approved.map(Timestamp::from_millis),
            dry_run: wire.dry_run,
            retry: read_retry(wire.retry),
            writing: read_writing(wire.writing),
            stages: Plan::stages_of(&tasks),
            tasks,
            manifests,
            dependencies: wire.dependencies.into_iter().map(|(a, b)| Ok((known(a)?, known(b)?))).collect::<Result<_, StateError>>()?,
            shared: wire.shared.into_iter().map(|(id, owner)| Ok((read_id(&id)?, owner))).collect::<Result<_, StateError>>()?,
        };
        let (health_poll, wave_delay, timeout) = wire.settings;
        Ok(SyncState {
            settings: Settings {
                health_poll: Duration::from_millis(health_poll),
                wave_delay: Duration::from_millis(wave_delay),
                timeout: timeout.map(Duration::from_millis),
            },
            mode: read_mode(wire.mode, wire.retry_at)?,
            terminating: wire.terminating,
            superseded: wire.superseded,
            approved: plan.approved,
            message: wire.message,
            attempt: wire.attempt.max(1),
            stage: wire.stage,
            group: wire.group,
            // A preparation that was under way is made again; states of before it had a name need none.
            preparation: if wire.prepared || !plan.writing.target_takes_part { Prepared::Yes } else { Prepared::No },
            releasing: wire.releasing.iter().map(|id| known(*id)).collect::<Result<_, _>>()?,
            cleared: wire.cleared,
            in_flight: states.iter().filter(|t| matches!(t.progress, Progress::Sent | Progress::Clearing)).count(),
            tasks: states,
            recorded: wire.results.iter().map(|(id, _, _)| known(*id)).collect::<Result<_, _>>()?,
            removed: wire.removed.into_iter().map(|(id, done)| Ok((known(id)?, done))).collect::<Result<_, StateError>>()?,
            removal_failed: wire.removal_failed,
            // A question that was under way is asked again.
            health: HealthWait::Idle,
            hold_until: wire.hold_until.map(Timestamp::from_millis),
            failure: wire.failure,
            notes: wire.notes,
            plan: Arc::new(plan),
        })
    }
}

fn wire_task(task: &Task) -> WireTask {
    let (i, hook) = match &task.action {
        Action::Apply { id, .. } | Action::Prune { id, .. } => (id.to_string(), None),
        Action::Activate { group } => (group.clone(), None),
        Action::Hook { id, source, run, delete, left_over } => {
            let delete = delete.iter().map(|p| p.as_str().to_owned()).collect();
            (id.to_string(), Some(WireHook { source: source.to_string(), run: run.clone(), delete, left_over: *left_over }))
        }
    };
    let w = (task.wave.number(), task.stage, task.group);
    WireTask { a: action_letter(&task.action), i, p: task.phase as u8, w, v: task.version.clone(), hook }
}

type Tasks = (Vec<Task>, Vec<Option<Manifest>>);

fn read_tasks(wire: &Wire, manifests: &BTreeMap<ObjectId, Manifest>) -> Result<Tasks, StateError> {
    let mut tasks = Vec::with_capacity(wire.tasks.len());
    let mut found = Vec::with_capacity(wire.tasks.len());
    for task in &wire.tasks {
        let action = read_action(task)?;
        let source = match &action {
            Action::Apply { id, change: Change::Create | Change::Update } => Some(id),
            Action::Hook { source, .. } => Some(source),
            _ => None,
        };
        found.push(match source.filter(|_| !wire.dry_run) {
            None => None,
            Some(id) => {
                let manifest = manifests.get(id).ok_or_else(|| StateError::Manifest { id: id.clone() })?;
                handed_over(&action, manifest)
            }
        });
        let (wave, stage, group) = task.w;
        let phase = Phase::ALL.into_iter().find(|p| *p as u8 == task.p).ok_or_else(|| wrong("phase", task.p))?;
        tasks.push(Task { action, phase, wave: Wave::from_number(wave), stage, group, version: task.v.clone() });
    }
    Ok((tasks, found))
}

fn read_id(text: &str) -> Result<ObjectId, StateError> {
    ObjectId::parse(text).ok_or_else(|| wrong("id", text))
}

fn read_action(task: &WireTask) -> Result<Action, StateError> {
    let apply = |change| Ok(Action::Apply { id: read_id(&task.i)?, change });
    let prune = |mode| Ok(Action::Prune { id: read_id(&task.i)?, mode });
    match (task.a, &task.hook) {
        ('c', _) => apply(Change::Create),
        ('u', _) => apply(Change::Update),
        ('=', _) => apply(Change::Unchanged),
        ('d', _) => prune(PruneMode::Delete),
        ('?', _) => prune(PruneMode::Confirm),
        ('n', _) => prune(PruneMode::NotRequested),
        ('f', _) => prune(PruneMode::Forbidden),
        ('a', _) => Ok(Action::Activate { group: task.i.clone() }),
        ('h', Some(hook)) => {
            let delete = hook.delete.iter().map(|p| DeletePolicy::parse(p).ok_or_else(|| wrong("delete", p))).collect::<Result<_, _>>()?;
            let (id, source) = (read_id(&task.i)?, read_id(&hook.source)?);
            Ok(Action::Hook { id, source, run: hook.run.clone(), delete, left_over: hook.left_over })
        }
        (other, _) => Err(wrong("action", other)),
    }
}

fn read_retry((limit, duration, factor, max, refresh): (i64, u64, f64, u64, bool)) -> Retry {
    Retry { limit, backoff: Backoff { duration: Duration::from_millis(duration), factor, max: Duration::from_millis(max) }, refresh }
}

fn read_writing(wire: WireWriting) -> Writing {
    Writing {
        namespace: wire.namespace,
        options: wire.options,
        force: wire.force,
        managed_namespace: wire.managed_namespace.map(|(labels, annotations)| NamespaceMetadata { labels, annotations }),
        target_takes_part: wire.target_takes_part,
    }
}

fn read_mode(letter: char, retry_at: Option<i64>) -> Result<Mode, StateError> {
    match (letter, retry_at) {
        ('f', _) => Ok(Mode::Forward),
        ('x', _) => Ok(Mode::Failing),
        ('y', _) => Ok(Mode::SyncFail),
        ('s', _) => Ok(Mode::Succeeding),
        ('r', Some(at)) => Ok(Mode::Retrying(Timestamp::from_millis(at))),
        (other, _) => Err(wrong("mode", other)),
    }
}

fn read_states(wire: &Wire, count: usize) -> Result<Vec<TaskState>, StateError> {
    let mut states = Vec::with_capacity(count);
    for letter in wire.progress.chars() {
        let (progress, _) = PROGRESS.into_iter().find(|(_, c)| *c == letter).ok_or_else(|| wrong("progress", letter))?;
        states.push(TaskState { progress, ..TaskState::PENDING });
    }
    if states.len() != count {
        return Err(wrong("progress", format!("{} letters for {count} tasks", states.len())));
    }
    for (id, code, message) in &wire.results {
        let state = states.get_mut(*id as usize).ok_or_else(|| wrong("results", id))?;
        state.code = code.as_deref().map(|c| ResultCode::parse(c).ok_or_else(|| wrong("code", c))).transpose()?;
        state.message.clone_from(message);
    }
    Ok(states)
}
