//! What the engine needs of the thing it changes. Doors (`gitops-target-platform`, later Kubernetes) implement it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use gitops_diff::{IgnoreRule, compare};
use gitops_health::Health;
use gitops_manifest::{Manifest, ObjectId, Value};

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

/// How one object is written: the sync options that count for it, and where the application lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The application's destination namespace; empty for none. Tracking ids of objects without a namespace carry it.
    pub namespace: String,
    /// `Replace=true`: written whole instead of merged.
    pub replace: bool,
    /// `Force=true` or the strategy's: deleted and created again where it cannot be changed in place.
    pub force: bool,
    /// `Validate=false`: fields that the server does not know are no failure.
    pub lenient: bool,
    /// `SkipDryRunOnMissingResource=true`: a kind that is not there yet is no failure before the first wave.
    pub kind_may_be_missing: bool,
}

/// How what an object owns goes when the object goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// First what it owns, then itself.
    #[default]
    Foreground,
    /// First itself, then what it owns.
    Background,
    /// What it owns stays.
    Orphan,
}

impl Propagation {
    /// `PrunePropagationPolicy`'s value; anything else is the default.
    pub fn parse(text: &str) -> Propagation {
        match text {
            "background" => Propagation::Background,
            "orphan" => Propagation::Orphan,
            _ => Propagation::Foreground,
        }
    }
}

/// What became of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The object is gone.
    Gone,
    /// The object is being removed; [`Target::health`] says when it is gone, by leaving it out.
    Terminating {
        /// What it waits for.
        message: String,
    },
}

/// Labels and annotations of a namespace that a sync makes (`syncPolicy.managedNamespaceMetadata`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What a target does before the first wave of an operation.
#[derive(Debug)]
pub struct Preparation<'a> {
    /// The namespace to make if it is missing (`CreateNamespace=true`).
    pub namespace: Option<&'a str>,
    /// What that namespace is to carry, whether it is missing or not.
    pub metadata: Option<&'a NamespaceMetadata>,
    /// Everything that will be written or run, in order.
    pub objects: Vec<(&'a Manifest, WriteOptions)>,
    /// Whether the operation has several steps, so that an object that is refused in a later one would leave it half done.
    pub several_steps: bool,
}

/// A live object as people are to see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// As it is.
    pub live: Value,
    /// As an apply makes it.
    pub predicted: Value,
}

/// What the engine changes: a cluster, or a live directory. Every method may be called again with the same arguments
/// after a crash and must then come to the same end.
pub trait Target: Send + Sync {
    /// The name that `destination.name` uses.
    fn name(&self) -> &str;

    /// The address that `destination.server` uses; `None` when it has none.
    fn server(&self) -> Option<&str> {
        None
    }

    /// The live objects that `app` owns, and the live counterparts of `desired`, whoever owns them.
    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet>;

    /// Whether objects of a kind live in a namespace; `None` when that is not known here.
    fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        let _ = (group, kind);
        None
    }

    /// Whether operations here begin with [`Target::prepare`] and end their hooks with [`Target::release_hook`].
    fn takes_part(&self) -> bool {
        false
    }

    /// Before the first wave: makes the namespace, and finds out what would be refused. Answers the objects that would, each
    /// with the reason; an error when the preparation itself failed.
    fn prepare<'a>(&'a self, app: &'a str, preparation: Preparation<'a>) -> TargetFuture<'a, Vec<(ObjectId, String)>> {
        let _ = (app, preparation);
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Whether an apply of the desired object would change the live one, which is ours. Cheap: it asks nobody. Unless a target
    /// knows better, whatever is not equal differs.
    fn differs(&self, desired: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> bool {
        // Equality is the common case, and far cheaper than a comparison.
        desired.body() != live.manifest.body() && !compare(desired.body(), live.manifest.body(), rules).is_empty()
    }

    /// A live object without what says nothing to people, and as an apply of `desired` makes it; `None` where both sides are shown
    /// as they are.
    fn seen(&self, desired: Option<&Manifest>, live: &LiveObject, rules: &[IgnoreRule]) -> Option<Seen> {
        let _ = (desired, live, rules);
        None
    }

    /// Makes one object live, owned by `app`, atomically: it is live whole, or not at all.
    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, options: WriteOptions) -> TargetFuture<'a, ()>;

    /// Removes one object that `app` owns; fine when it is gone already. Refuses what `app` does not own.
    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId, propagation: Propagation) -> TargetFuture<'a, Removal>;

    /// The group under which changes of an object are activated (reloaded) once per sync; `None` when its kind needs
    /// nothing of that sort. The engine calls [`Target::activate`] after the last change of the group in this sync.
    fn activation_group(&self, id: &ObjectId) -> Option<String>;

    /// Makes what reads the target take up the changes of a group. `run_id` is stable for one attempt of one operation.
    fn activate<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId) -> TargetFuture<'a, ()>;

    /// Runs a hook to its end, or takes up a run of the same id that is under way or over, where the target can look it up.
    fn run_hook<'a>(
        &'a self,
        app: &'a str,
        manifest: &'a Manifest,
        run_id: &'a HookRunId,
        options: WriteOptions,
    ) -> TargetFuture<'a, HookOutcome>;

    /// The end of this hook's run is on record: what was kept for it may go.
    fn release_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        let _ = (app, id);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Removes what a hook left at the target; fine when there is nothing.
    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()>;

    /// Health of these objects now. An object whose kind has no health is `None`.
    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>>;
}
