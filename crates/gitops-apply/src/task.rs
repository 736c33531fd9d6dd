//! One task of a plan.

use std::fmt;

use gitops_manifest::ObjectId;

use crate::hook::DeletePolicy;
use crate::order::{Phase, Wave};
use crate::outcome::Subject;

/// A task's place in its plan, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub(crate) u32);

impl TaskId {
    /// The place, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn at(index: usize) -> TaskId {
        TaskId(u32::try_from(index).expect("a plan has fewer than 2^32 tasks"))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One task: something to do, and its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What to do.
    pub action: Action,
    /// Its phase.
    pub phase: Phase,
    /// Its wave, corrections included (namespaces, definitions, mirrored and last removals).
    pub wave: Wave,
    /// The stage, from 0: a wave of a phase, or a part of one where a task waits for another of the same wave
    /// (`gitops.dev/depends-on`). A stage begins when the one before it is done.
    pub stage: u32,
    /// The group within the stage, from 0: removals first, then one group per run of equal kinds, activations last.
    /// Groups run one after another, members at the same time.
    pub group: u32,
    /// API version of the object; empty for an activation.
    pub version: String,
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make an object live as desired.
    Apply {
        /// The object.
        id: ObjectId,
        /// What that changes.
        change: Change,
    },
    /// Remove a live object that is no longer desired.
    Prune {
        /// The object.
        id: ObjectId,
        /// Whether it is really removed.
        mode: PruneMode,
    },
    /// Run a hook.
    Hook {
        /// The object, with the name it gets at the target.
        id: ObjectId,
        /// The object as the desired manifests name it: differs from `id` when only `generateName` was given.
        source: ObjectId,
        /// The name in [`crate::HookRunId`]: the object's, made unique within the plan.
        run: String,
        /// When it is removed.
        delete: Vec<DeletePolicy>,
        /// An earlier sync left it at the target.
        left_over: bool,
    },
    /// Have what reads the target take up the changes of a group.
    Activate {
        /// The target's name for the group.
        group: String,
    },
}

/// What applying an object changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is not live yet.
    Create,
    /// It is live, and differs or is not ours yet.
    Update,
    /// It is live as desired, and ours: nothing is written.
    Unchanged,
}

/// Whether an object that is no longer desired is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PruneMode {
    /// Yes.
    Delete,
    /// Once a person has approved it (`Prune=confirm`); until then its whole stage waits.
    Confirm,
    /// No: the sync was asked for without pruning.
    NotRequested,
    /// No: `Prune=false`.
    Forbidden,
}

impl Task {
    /// What its result is about.
    pub fn subject(&self) -> Subject {
        match &self.action {
            Action::Apply { id, .. } | Action::Prune { id, .. } | Action::Hook { id, .. } => Subject::Object(id.clone()),
            Action::Activate { group } => Subject::Activation(group.clone()),
        }
    }

    /// The object; `None` for an activation.
    pub fn object(&self) -> Option<&ObjectId> {
        match &self.action {
            Action::Apply { id, .. } | Action::Prune { id, .. } | Action::Hook { id, .. } => Some(id),
            Action::Activate { .. } => None,
        }
    }

    /// Whether it is a hook.
    pub fn is_hook(&self) -> bool {
        matches!(self.action, Action::Hook { .. })
    }

    /// Whether it removes something, once approved where that is needed.
    pub fn removes(&self) -> bool {
        matches!(self.action, Action::Prune { mode: PruneMode::Delete | PruneMode::Confirm, .. })
    }

    /// Whether it changes what is live, apart from hooks.
    pub fn changes(&self) -> bool {
        self.removes() || matches!(self.action, Action::Apply { change: Change::Create | Change::Update, .. })
    }
}
