//! What an action is, what it takes and what it results in.

use std::collections::BTreeMap;

use gitops_lua::ScriptError;
use gitops_manifest::{Value, patch};

/// Something that can be done to a live object.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Action {
    /// Its name, which runs it.
    pub name: String,
    /// Whether it would make no sense now.
    pub disabled: bool,
    /// What people see instead of the name; empty for the name.
    pub display_name: String,
    /// CSS classes of its icon; may be empty.
    pub icon_class: String,
    /// What it takes.
    pub params: Vec<Param>,
}

/// A parameter of an action.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What is taken when none is given; may be empty.
    pub default: String,
}

/// What a run is given.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Parameters by name.
    pub params: BTreeMap<String, String>,
    /// The time, in seconds since 1970, UTC.
    pub now: i64,
}

/// What a run results in.
#[derive(Clone, Debug, PartialEq)]
pub enum Impact {
    /// This object is to be created.
    Create(Value),
    /// The live object is to become this one.
    Patch(Value),
}

impl Impact {
    /// The JSON merge patch from the live object, `None` when nothing changes or an object is created.
    pub fn patch_of(&self, live: &Value) -> Option<Value> {
        let Impact::Patch(wanted) = self else { return None };
        let patch = patch::merge::diff(live, wanted);
        let empty = patch.as_map().is_some_and(gitops_manifest::Map::is_empty);
        (!empty).then_some(patch)
    }
}

/// Why an action did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// The kind has no such action.
    #[error("no action `{action}` for {group}/{kind}")]
    NoSuchAction {
        /// API group.
        group: String,
        /// Kind.
        kind: String,
        /// The name that was asked for.
        action: String,
    },
    /// The action cannot be done with this object or these parameters.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
    },
    /// A user's script failed.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A user's script returned what is not understood.
    #[error("{script}: {message}")]
    Result {
        /// Name of the script.
        script: String,
        /// What was expected and found.
        message: String,
    },
}

impl ActionError {
    pub(crate) fn refused(message: impl Into<String>) -> ActionError {
        ActionError::Refused { message: message.into() }
    }
}
