//! The state of one operation: its plan, and how far it is.
//!
//! A value without behaviour towards the outside: [`crate::step()`] makes the next one from it, [`SyncState::to_json`] keeps
//! it. The plan is shared, so that a step does not copy it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_app::{OperationPhase, ResultCode};

use crate::outcome::{TaskPhase, TaskResult};
use crate::plan::Plan;
use crate::request::Settings;
use crate::target::HookRunId;
use crate::task::{Action, Task, TaskId};
use gitops_manifest::Timestamp;

/// How far an operation is.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncState {
    pub(crate) plan: Arc<Plan>,
    pub(crate) settings: Settings,
    pub(crate) mode: Mode,
    pub(crate) terminating: bool,
    pub(crate) superseded: bool,
    pub(crate) approved: Option<Timestamp>,
    pub(crate) message: String,
    /// 1 for the first.
    pub(crate) attempt: u32,
    /// The open stage and group. Everything before them is done.
    pub(crate) stage: usize,
    pub(crate) group: usize,
    /// What the target does before the first wave.
    pub(crate) preparation: Prepared,
    /// Hooks whose end is on record and that the target has not let go of yet.
    pub(crate) releasing: BTreeSet<TaskId>,
    /// What earlier syncs left of the open stage's hooks is removed, or being removed.
    pub(crate) cleared: bool,
    pub(crate) tasks: Vec<TaskState>,
    /// How many tasks are `Sent` or `Clearing`: the commands that are waited for before anything else happens.
    pub(crate) in_flight: usize,
    /// Tasks in the order in which their results were first recorded.
    pub(crate) recorded: Vec<TaskId>,
    /// Hooks that are removed by policy or by termination: whether that is done.
    pub(crate) removed: BTreeMap<TaskId, bool>,
    pub(crate) removal_failed: bool,
    pub(crate) health: HealthWait,
    /// No stage begins before this.
    pub(crate) hold_until: Option<Timestamp>,
    pub(crate) failure: String,
    pub(crate) notes: Vec<String>,
}

/// What the operation is about at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Working through the stages.
    Forward,
    /// A task failed: hooks that run are waited for, hooks are removed by policy.
    Failing,
    /// Working through the stages of phase `SyncFail`.
    SyncFail,
    /// Everything went well: hooks are removed by policy.
    Succeeding,
    /// Waiting for the next attempt.
    Retrying(Timestamp),
}

/// How far the target's preparation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prepared {
    No,
    Asked,
    Yes,
}

/// Whether health is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HealthWait {
    Idle,
    Asked,
    PollAt(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Pending,
    /// A hook whose left-over is being removed.
    Clearing,
    /// A hook whose left-over is gone.
    Cleared,
    /// Its command is under way.
    Sent,
    /// Applied, or a hook that runs.
    Running,
    Succeeded,
    Failed,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskState {
    pub(crate) progress: Progress,
    pub(crate) code: Option<ResultCode>,
    pub(crate) message: String,
}

impl TaskState {
    pub(crate) const PENDING: TaskState = TaskState { progress: Progress::Pending, code: None, message: String::new() };
}

impl SyncState {
    /// The state before anything was done.
    pub fn new(plan: Plan, settings: Settings) -> SyncState {
        SyncState {
            settings,
            mode: Mode::Forward,
            terminating: false,
            superseded: false,
            approved: plan.approved,
            message: String::new(),
            attempt: 1,
            stage: 0,
            group: 0,
            preparation: if plan.writing.target_takes_part && !plan.dry_run { Prepared::No } else { Prepared::Yes },
            releasing: BTreeSet::new(),
            cleared: false,
            tasks: vec![TaskState::PENDING; plan.tasks.len()],
            in_flight: 0,
            recorded: Vec::new(),
            removed: BTreeMap::new(),
            removal_failed: false,
            health: HealthWait::Idle,
            hold_until: None,
            failure: String::new(),
            notes: Vec::new(),
            plan: Arc::new(plan),
        }
    }

    /// Counts attempts from this number (1 is the first): for an operation that resolves its revision again per attempt
    /// ([`crate::Retry::refresh`]).
    #[must_use]
    pub fn with_attempt(self, attempt: u32) -> SyncState {
        SyncState { attempt: attempt.max(1), ..self }
    }

    /// When the attempt that failed at `ended` is to be followed by another; `None` when it was the last. With
    /// [`crate::Retry::refresh`] the operation is over then, and whoever carries it out begins the next.
    pub fn next_attempt_at(&self, ended: Timestamp) -> Option<Timestamp> {
        let (retry, retries) = (self.plan.retry, self.attempt - 1);
        let more = retry.limit < 0 || i64::from(retries) < retry.limit;
        let stopped = self.terminating || self.superseded || matches!(self.mode, Mode::Retrying(_));
        (more && !stopped).then(|| ended.after(retry.backoff.wait(retries)))
    }

    /// Activation groups whose activation did not succeed: what changed in them is not in force yet.
    pub fn pending_activations(&self) -> Vec<String> {
        let pending = |id: TaskId| match &self.task(id).action {
            Action::Activate { group } if self.progress(id) != Progress::Succeeded => Some(group.clone()),
            _ => None,
        };
        if self.plan.dry_run { Vec::new() } else { self.plan.ids().filter_map(pending).collect() }
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    #[cfg(feature = "drive")]
    pub(crate) fn shared_plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    /// Id of the operation.
    pub fn operation(&self) -> &str {
        &self.plan.operation
    }

    /// The application.
    pub fn app(&self) -> &str {
        &self.plan.app
    }

    /// When the operation began.
    pub fn started_at(&self) -> Timestamp {
        self.plan.started_at
    }

    /// `Running` or `Terminating`.
    pub fn phase(&self) -> OperationPhase {
        if self.terminating { OperationPhase::Terminating } else { OperationPhase::Running }
    }

    /// What it does or waits for.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How many attempts came before this one; while it waits for the next attempt, that one is counted already.
    pub fn retry_count(&self) -> u32 {
        self.attempt - 1 + u32::from(matches!(self.mode, Mode::Retrying(_)))
    }

    /// When the next attempt begins, if it waits for that.
    pub fn retry_at(&self) -> Option<Timestamp> {
        if let Mode::Retrying(at) = self.mode { Some(at) } else { None }
    }

    /// Things worth showing that are no failures.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A result per task that was begun in this attempt, in the order in which they were first recorded.
    pub fn results(&self) -> Vec<TaskResult> {
        self.recorded.iter().map(|id| self.result(*id)).collect()
    }

    /// Stable id of a run of a hook or of an activation, in this attempt.
    pub fn run_id(&self, task: &Task) -> Option<HookRunId> {
        let hook = match &task.action {
            Action::Hook { run, .. } => run,
            Action::Activate { group } => group,
            _ => return None,
        };
        Some(HookRunId { operation: self.plan.operation.clone(), hook: hook.clone(), attempt: self.attempt })
    }

    pub(crate) fn task(&self, id: TaskId) -> &Task {
        &self.plan.tasks[id.index()]
    }

    pub(crate) fn progress(&self, id: TaskId) -> Progress {
        self.tasks[id.index()].progress
    }

    fn result(&self, id: TaskId) -> TaskResult {
        let (task, state) = (self.task(id), &self.tasks[id.index()]);
        TaskResult {
            subject: task.subject(),
            version: task.version.clone(),
            code: state.code,
            message: state.message.clone(),
            sync_phase: task.phase,
            hook: task.is_hook().then_some(task.phase),
            phase: match state.progress {
                Progress::Succeeded => TaskPhase::Succeeded,
                Progress::Failed => TaskPhase::Failed,
                _ => TaskPhase::Running,
            },
        }
    }
}
