//! What is wanted: [`ApplicationSpec`]. `application.md` §1 and §3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::retry::Retry;
use crate::source::{ApplicationSource, NameValue};
use crate::window::SyncWindow;
use crate::wire::is_false;

/// The desired state of an Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSpec {
    /// Name of the AppProject; empty means `default`.
    pub project: String,
    /// One source; not looked at when `sources` is not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources; their manifests are joined in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Dry and hydrated source, as written; wins over `source` and `sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<Json>,
    /// Where to.
    pub destination: Destination,
    /// How syncs run; none means by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// Differences that do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<IgnoreDifference>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<NameValue>,
    /// How many history entries are kept. None means 10, 0 keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i64>,
    /// Health checks of this application alone. Ours, not Argo CD's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthCheck>,
}

impl ApplicationSpec {
    /// The project, with the default filled in.
    pub fn project(&self) -> &str {
        if self.project.is_empty() { "default" } else { &self.project }
    }

    /// How many history entries are kept. A negative number keeps nothing.
    pub fn history_limit(&self) -> usize {
        self.revision_history_limit.map_or(10, |n| usize::try_from(n).unwrap_or(0))
    }

    /// Windows of the application itself.
    pub fn sync_windows(&self) -> &[SyncWindow] {
        self.sync_policy.as_ref().map_or(&[], |p| &p.sync_windows)
    }

    /// The options of the application, `Name=value` each.
    pub fn sync_options(&self) -> &[String] {
        self.sync_policy.as_ref().map_or(&[], |p| &p.sync_options)
    }
}

/// A health check in Lua for one kind. Ours, not Argo CD's, which has them in its configuration only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// API group; empty is the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// The script: it sees `obj`, and returns a table with `status` and `message`.
    pub check: String,
}

/// Where an application goes: exactly one of `server` and `name`, and a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// Address of the target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Name of the target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace of objects that name none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// How syncs run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicy {
    /// Automated sync. Present, even empty, means on; see [`Automated::is_on`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<Automated>,
    /// Options, `Name=value` each; see [`crate::SyncOptions`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// How a failed sync is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Labels and annotations of the namespace; needs `CreateNamespace=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    /// Windows of this application alone, besides those of its project. Ours, not Argo CD's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_windows: Vec<SyncWindow>,
}

/// Automated sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Automated {
    /// Whether objects that left the source are deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub prune: bool,
    /// Whether live drift is corrected too.
    #[serde(skip_serializing_if = "is_false")]
    pub self_heal: bool,
    /// Whether a sync may delete everything.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_empty: bool,
    /// An explicit switch; none means on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl Automated {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// Labels and annotations of the namespace that `CreateNamespace` makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedNamespaceMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Fields of some objects whose differences do not count. Matching is in `diff.md` §7.1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoreDifference {
    /// Glob of the API group; empty is the core group only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Glob of the kind.
    pub kind: String,
    /// Name; empty is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace; empty is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// RFC 6901 pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// jq paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose changes do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_fields_managers: Vec<String>,
}
