//! What is: [`ApplicationStatus`]. `application.md` §5. Times are RFC 3339 text, in UTC, as on the wire.

use std::collections::BTreeMap;

use gitops_health::HealthStatus;
use gitops_manifest::ObjectId;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::code::{ConditionType, HookType, OperationPhase, ResultCode, SyncCode};
use crate::operation::{InitiatedBy, Operation};
use crate::source::ApplicationSource;
use crate::spec::{Destination, IgnoreDifference, ManagedNamespaceMetadata};
use crate::wire::{is_false, is_zero, optional_code};

/// The observed state of an Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    /// Whether live and desired agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncStatus>,
    /// How the application is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<AppHealthStatus>,
    /// Its objects, sorted by group, kind, namespace, name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// Where health of objects is kept: empty for here, `appTree` for elsewhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_health_source: String,
    /// Past full syncs, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RevisionHistory>,
    /// The last operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// Errors and warnings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When desired and live were last compared in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<String>,
    /// Deprecated by Argo CD; kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<String>,
    /// Type of the one source: Helm, Kustomize, Directory or Plugin.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    /// Types of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_types: Vec<String>,
    /// What people look for first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Namespace of the engine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_namespace: String,
    /// State of the hydrator, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<Json>,
    /// Fields of other programs, as written.
    #[serde(flatten)]
    pub other: BTreeMap<String, Json>,
}

/// Whether live and desired agree, and what was compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStatus {
    /// The answer; none is the empty string on the wire.
    #[serde(with = "optional_code")]
    pub status: Option<SyncCode>,
    /// What was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_to: Option<ComparedTo>,
    /// Revision of the one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Revisions of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// The part of the spec that a comparison went by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComparedTo {
    /// The one source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Where to.
    pub destination: Destination,
    /// Differences that did not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<IgnoreDifference>,
}

/// Health of an application or of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppHealthStatus {
    /// How it is.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub status: Option<HealthStatus>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the status last became another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// One object of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceStatus {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// API version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it agrees; none for hooks and for what is not ours.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub status: Option<SyncCode>,
    /// How it is, when that is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<AppHealthStatus>,
    /// Whether it is a hook.
    #[serde(skip_serializing_if = "is_false")]
    pub hook: bool,
    /// Whether it is live but no longer desired.
    #[serde(skip_serializing_if = "is_false")]
    pub requires_pruning: bool,
    /// Wave.
    #[serde(skip_serializing_if = "is_zero")]
    pub sync_wave: i64,
    /// Whether a person must agree before it is deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub requires_deletion_confirmation: bool,
}

impl ResourceStatus {
    /// Its identity.
    pub fn id(&self) -> ObjectId {
        ObjectId::new(&self.group, &self.kind, &self.namespace, &self.name)
    }
}

/// One past sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevisionHistory {
    /// One more than the entry before.
    pub id: i64,
    /// Revision of the one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Revisions of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// The one source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// When it was done.
    pub deployed_at: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "is_nobody")]
    pub initiated_by: InitiatedBy,
}

fn is_nobody(who: &InitiatedBy) -> bool {
    *who == InitiatedBy::default()
}

/// An operation and how far it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    /// What was asked for.
    pub operation: Operation,
    /// Where it stands.
    pub phase: OperationPhase,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What became of each object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncOperationResult>,
    /// When it began.
    pub started_at: String,
    /// When it ended; while it waits for a retry, when the last try ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How often it was tried again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry_count: i64,
}

/// The result of a sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOperationResult {
    /// One for each object and phase, in order of first recording.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceResult>,
    /// Revision of the one source.
    pub revision: String,
    /// Revisions of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// The one source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Labels and annotations that the namespace got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// What became of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceResult {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Result.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub status: Option<ResultCode>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Type of hook; none for ordinary objects.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub hook_type: Option<HookType>,
    /// Phase of the task, also for ordinary objects.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub hook_phase: Option<OperationPhase>,
    /// Phase of the sync in which it ran.
    #[serde(with = "optional_code", skip_serializing_if = "Option::is_none")]
    pub sync_phase: Option<HookType>,
    /// Images of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

impl ResourceResult {
    /// Identity of the object.
    pub fn id(&self) -> ObjectId {
        ObjectId::new(&self.group, &self.kind, &self.namespace, &self.name)
    }
}

/// An error or warning about an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// What, why, and what to do.
    pub message: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// What people look for first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Images of the live objects, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Where people open it.
    #[serde(rename = "externalURLs", skip_serializing_if = "Vec::is_empty")]
    pub external_urls: Vec<String>,
    /// Whether it manages Applications.
    #[serde(rename = "isAppOfApps", skip_serializing_if = "is_false")]
    pub is_app_of_apps: bool,
}
