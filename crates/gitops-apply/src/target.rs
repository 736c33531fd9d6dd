//! What the engine needs of the thing it changes. Doors (`gitops-target-platform`, later Kubernetes) implement it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use gitops_health::Health;
use gitops_manifest::{Manifest, ObjectId};

/// What a target's method returns: boxed, so that targets of several kinds stand behind one `dyn Target`.
pub type TargetFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TargetError>> + Send + 'a>>;

/// Why a target could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    /// What, why and what to do; no secret in it.
    pub message: String,
    /// Whether the same call may go well later (time-out, disk full, refused connection), or the input must change.
    pub transient: bool,
}

impl TargetError {
    /// A fault that may pass by itself.
    pub fn transient(message: impl Into<String>) -> TargetError {
        TargetError { message: message.into(), transient: true }
    }

    /// A fault that stays until the input or the configuration changes.
    pub fn permanent(message: impl Into<String>) -> TargetError {
        TargetError { message: message.into(), transient: false }
    }
}

/// One object that is live at the target.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    /// The object as it is.
    pub manifest: Manifest,
    /// The application that owns it; `None` when nobody we know does. Only what `app` owns is ever pruned for `app`.
    pub owner: Option<String>,
    /// Its health; `None` when its kind has none.
    pub health: Option<Health>,
}

/// Live objects by identity.
pub type LiveSet = BTreeMap<ObjectId, LiveObject>;

/// One run of one hook. [`fmt::Display`] writes the stable id `<operation>/<hook>/<attempt>`, which is handed to what runs
/// (environment variable `GITOPS_HOOK_RUN_ID`, header `Idempotency-Key`, Job name).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookRunId {
    /// Id of the operation.
    pub operation: String,
    /// Name of the hook object.
    pub hook: String,
    /// 1 for the first; an operation's retry counts one up.
    pub attempt: u32,
}

impl fmt::Display for HookRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.operation, self.hook, self.attempt)
    }
}

/// How a hook run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    /// It did its work.
    Succeeded {
        /// What it says.
        message: String,
    },
    /// It ran and failed.
    Failed {
        /// Why.
        message: String,
    },
    /// This target cannot run it (for example a Job with no configured command on the platform target). Counts as
    /// success, and is shown.
    Skipped {
        /// Why, and how to make it run.
        message: String,
    },
}

/// What the engine changes: a cluster, or a live directory. Every method may be called again with the same arguments
/// after a crash and must then come to the same end.
pub trait Target: Send + Sync {
    /// The name that `destination.name` uses.
    fn name(&self) -> &str;

    /// The live objects that `app` owns, and the live counterparts of `desired`, whoever owns them.
    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet>;

    /// Makes one object live, owned by `app`, atomically: it is live whole, or not at all.
    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest) -> TargetFuture<'a, ()>;

    /// Removes one object that `app` owns; fine when it is gone already. Refuses what `app` does not own.
    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()>;

    /// The group under which changes of an object are activated (reloaded) once per sync; `None` when its kind needs
    /// nothing of that sort. The engine calls [`Target::activate`] after the last change of the group in this sync.
    fn activation_group(&self, id: &ObjectId) -> Option<String>;

    /// Makes what reads the target take up the changes of a group. `run_id` is stable for one attempt of one operation.
    fn activate<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId) -> TargetFuture<'a, ()>;

    /// Runs a hook to its end, or takes up a run of the same id that is under way or over, where the target can look it up.
    fn run_hook<'a>(&'a self, app: &'a str, manifest: &'a Manifest, run_id: &'a HookRunId) -> TargetFuture<'a, HookOutcome>;

    /// Removes what a hook left at the target; fine when there is nothing.
    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()>;

    /// Health of these objects now. An object whose kind has no health is `None`.
    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>>;
}
