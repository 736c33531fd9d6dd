//! How an operation and its parts went: what `status.operationState` shows.
//!
//! Rules: phases and result codes of Argo CD's sync results; see each item.

use std::fmt;

use gitops_app::{OperationPhase, ResultCode};
use gitops_manifest::ObjectId;

use crate::order::Phase;
use gitops_manifest::Timestamp;

/// Where a task stands (`hookPhase` of a result, for plain objects too).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskPhase {
    /// Applied, and its health is not known yet; or a hook that runs. A last wave of plain objects stays so: its health
    /// is not waited for.
    Running,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
}

impl TaskPhase {
    /// The name that manifests, the API and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskPhase::Running => "Running",
            TaskPhase::Succeeded => "Succeeded",
            TaskPhase::Failed => "Failed",
        }
    }
}

/// What a result is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An object.
    Object(ObjectId),
    /// An activation group of the target: its reload.
    Activation(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Object(id) => write!(f, "{id}"),
            Subject::Activation(group) => write!(f, "activation of {group}"),
        }
    }
}

/// The result of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult {
    /// What it is about.
    pub subject: Subject,
    /// API version of the object; empty for an activation.
    pub version: String,
    /// What became of it; `None` for a hook or activation that neither ended nor failed.
    pub code: Option<ResultCode>,
    /// What the target or the engine says.
    pub message: String,
    /// Phase of the sync it belongs to.
    pub sync_phase: Phase,
    /// For hooks, the phase again (`hookType`).
    pub hook: Option<Phase>,
    /// Where it stands (`hookPhase`).
    pub phase: TaskPhase,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Succeeded, Failed or Error.
    pub phase: OperationPhase,
    /// One sentence.
    pub message: String,
    /// A result per task that was begun, in the order in which they were first recorded.
    pub results: Vec<TaskResult>,
    /// How many attempts came before the last one.
    pub retry_count: u32,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Ended because a newer revision is to be synced instead.
    pub superseded: bool,
    /// Ended because a person or the time-out stopped it.
    pub terminated: bool,
    /// With `retry.refresh`: when to resolve the revision again and to begin a further attempt, with
    /// [`crate::SyncState::with_attempt`]`(retry_count + 2)`.
    pub again_at: Option<Timestamp>,
    /// Activation groups in which something was changed, and which were not activated because the operation failed
    /// before. Hand them to the next plan as [`crate::PlanInput::activate_also`]: nothing will differ there any more.
    pub pending_activations: Vec<String>,
    /// Things worth showing that are no failures, such as a hook repeated under the same id after a restart.
    pub notes: Vec<String>,
}
