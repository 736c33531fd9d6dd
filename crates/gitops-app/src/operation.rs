//! What somebody asked for: [`Operation`], a member next to `spec`. `application.md` §4.

use serde::{Deserialize, Serialize};

use crate::retry::Retry;
use crate::source::{ApplicationSource, NameValue};
use crate::wire::{is_false, is_zero};

/// A request to sync, and who made it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// The sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncOperation>,
    /// Who asked. Written also when empty, as Argo CD does.
    pub initiated_by: InitiatedBy,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<NameValue>,
    /// How a failure is tried again. Written also when empty, as Argo CD does.
    pub retry: Retry,
}

/// Who asked for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InitiatedBy {
    /// Account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Whether the engine itself did.
    #[serde(skip_serializing_if = "is_false")]
    pub automated: bool,
}

/// What is to be synced, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOperation {
    /// Revision of the one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Revisions of several sources, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Source instead of the spec's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Sources instead of the spec's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Whether objects that left the source are deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub prune: bool,
    /// Whether nothing is changed.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// Whether hooks run; none means they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<SyncStrategy>,
    /// Only these objects. Empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<SyncResource>,
    /// Local manifests instead of the source's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
    /// Options, `Name=value` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// How many self-heal attempts came one after another, this one included.
    #[serde(skip_serializing_if = "is_zero")]
    pub auto_heal_attempts_count: i64,
}

impl SyncOperation {
    /// Whether hooks run: they do unless the strategy is `apply`.
    pub fn runs_hooks(&self) -> bool {
        self.resources.is_empty() && !self.sync_strategy.as_ref().is_some_and(|s| s.apply.is_some() && s.hook.is_none())
    }

    /// Whether objects may be deleted and made again to get past a conflict.
    pub fn is_forced(&self) -> bool {
        let forced = |s: &Option<StrategyOptions>| s.as_ref().is_some_and(|o| o.force);
        self.sync_strategy.as_ref().is_some_and(|s| forced(&s.apply) || forced(&s.hook))
    }

    /// The fixed revisions, one for each source; empty when none is fixed.
    pub fn fixed_revisions(&self) -> Vec<String> {
        match (self.revisions.is_empty(), self.revision.is_empty()) {
            (false, _) => self.revisions.clone(),
            (true, false) => vec![self.revision.clone()],
            (true, true) => Vec::new(),
        }
    }
}

/// How objects are applied: with hooks or without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncStrategy {
    /// Without hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<StrategyOptions>,
    /// With hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<StrategyOptions>,
}

/// Settings of a strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrategyOptions {
    /// Delete and make again on a conflict.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
}

/// One object of a selective sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncResource {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; empty is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

impl SyncResource {
    /// Whether it selects this object.
    pub fn selects(&self, id: &gitops_manifest::ObjectId) -> bool {
        self.group == id.group
            && self.kind == id.kind
            && self.name == id.name
            && (self.namespace.is_empty() || self.namespace == id.namespace)
    }
}
