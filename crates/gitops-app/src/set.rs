//! Argo CD's ApplicationSet as a wire contract: [`ApplicationSet`]. `applicationset.md` §1.
//!
//! Generators and the template are checked against the contract but kept as JSON: they are text to be rendered, and what they
//! come to is found out by the crate that expands sets. The status is kept as written.

use gitops_manifest::{Manifest, Value};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use crate::application::Metadata;
use crate::error::ApplicationError;
use crate::schema::{self, APPLICATION_SET};
use crate::wire::is_false;

/// `kind` of an ApplicationSet.
pub const SET_KIND: &str = "ApplicationSet";

/// Many applications from one template.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ApplicationSet {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: ApplicationSetSpec,
    /// What is, as written.
    #[serde(default)]
    pub status: Option<Json>,
}

/// What is wanted of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSetSpec {
    /// Whether templates are Go's, rather than plain `{{name}}`.
    #[serde(skip_serializing_if = "is_false")]
    pub go_template: bool,
    /// Options of Go's templates, e.g. `missingkey=error`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub go_template_options: Vec<String>,
    /// Where parameters come from; the results are joined in order.
    pub generators: Vec<Json>,
    /// An application: `metadata` and `spec`.
    pub template: Json,
    /// A patch of the rendered application, itself a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_patch: Option<String>,
    /// What is done with applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SetSyncPolicy>,
    /// In which order they are synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<SetStrategy>,
    /// What of live applications is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserved_fields: Option<PreservedFields>,
    /// Live differences that are not overwritten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_application_differences: Vec<IgnoreApplicationDifference>,
    /// Deprecated by Argo CD, where it is always on.
    #[serde(skip_serializing_if = "is_false")]
    pub apply_nested_selectors: bool,
}

/// What is done with applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetSyncPolicy {
    /// Whether applications leave their objects behind when they go.
    #[serde(skip_serializing_if = "is_false")]
    pub preserve_resources_on_deletion: bool,
    /// See [`ApplicationsSync`]; empty is the engine's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub applications_sync: String,
}

/// Which changes a set may make to applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ApplicationsSync {
    /// Create.
    CreateOnly,
    /// Create and update.
    CreateUpdate,
    /// Create and delete.
    CreateDelete,
    /// All.
    #[default]
    Sync,
}

impl ApplicationsSync {
    /// Their names on the wire.
    pub const NAMES: &'static [&'static str] = &["create-only", "create-update", "create-delete", "sync"];

    /// Reads the name on the wire.
    pub fn parse(text: &str) -> Option<ApplicationsSync> {
        let all = [ApplicationsSync::CreateOnly, ApplicationsSync::CreateUpdate, ApplicationsSync::CreateDelete, ApplicationsSync::Sync];
        ApplicationsSync::NAMES.iter().zip(all).find(|(name, _)| **name == text).map(|(_, policy)| policy)
    }

    /// Whether applications that exist may be changed.
    pub fn updates(self) -> bool {
        matches!(self, ApplicationsSync::CreateUpdate | ApplicationsSync::Sync)
    }

    /// Whether applications may be deleted.
    pub fn deletes(self) -> bool {
        matches!(self, ApplicationsSync::CreateDelete | ApplicationsSync::Sync)
    }
}

/// In which order applications are synced and deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetStrategy {
    /// `AllAtOnce` (also when empty) or `RollingSync`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Steps, when it is `RollingSync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_sync: Option<RollingSync>,
    /// `AllAtOnce` (also when empty) or `Reverse`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deletion_order: String,
}

impl SetStrategy {
    /// The steps, when syncs go in steps.
    pub fn steps(&self) -> Option<&[RolloutStep]> {
        let rolling = self.kind == "RollingSync";
        rolling.then(|| self.rolling_sync.as_ref().map_or(&[][..], |r| &r.steps))
    }
}

/// Steps of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RollingSync {
    /// The steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RolloutStep>,
}

/// One step of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStep {
    /// Which applications, by their labels; all expressions must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<MatchExpression>,
    /// How many at once: a number, or a percentage as text. None is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_update: Option<Json>,
}

/// One condition on labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchExpression {
    /// Label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `In`, `NotIn`, and, in selectors, `Exists` and `DoesNotExist`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// Values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Keys of live applications that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PreservedFields {
    /// Annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// Live differences that are not overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoreApplicationDifference {
    /// Of which application; empty is all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// RFC 6901 pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// jq paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
}

impl Serialize for ApplicationSet {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("ApplicationSet", 4 + usize::from(self.status.is_some()))?;
        out.serialize_field("apiVersion", crate::API_VERSION)?;
        out.serialize_field("kind", SET_KIND)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("spec", &self.spec)?;
        if let Some(status) = &self.status {
            out.serialize_field("status", status)?;
        }
        out.end()
    }
}

impl ApplicationSet {
    /// Reads a set and checks it against the contract.
    ///
    /// # Errors
    /// When it is another kind, or with every problem found: also within nested matrix and merge generators.
    pub fn from_manifest(manifest: &Manifest) -> Result<ApplicationSet, ApplicationError> {
        let mut set: ApplicationSet = schema::read(manifest, SET_KIND, &APPLICATION_SET)?;
        set.status = manifest.body().get("status").filter(|s| !s.is_null()).map(schema::to_json);
        Ok(set)
    }

    /// Writes it as a value, empty fields left out, `apiVersion` and `kind` included.
    pub fn to_value(&self) -> Value {
        schema::from_json(serde_json::to_value(self).expect("keys are strings, so nothing can fail"))
    }

    /// The generators, as values.
    pub fn generators(&self) -> Vec<Value> {
        self.spec.generators.iter().cloned().map(schema::from_json).collect()
    }

    /// The template, as a value.
    pub fn template(&self) -> Value {
        schema::from_json(self.spec.template.clone())
    }
}
