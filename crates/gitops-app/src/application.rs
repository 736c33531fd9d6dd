//! The whole object: [`Application`], read from a manifest and written back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gitops_manifest::{Manifest, Value};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use crate::error::ApplicationError;
use crate::operation::Operation;
use crate::rules;
use crate::schema::{self, APPLICATION};
use crate::source::ApplicationSource;
use crate::spec::ApplicationSpec;
use crate::status::ApplicationStatus;

/// `apiVersion` of an Application.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";
/// `kind` of an Application.
pub const KIND: &str = "Application";

/// Argo CD's Application.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Application {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: ApplicationSpec,
    /// A sync that somebody asked for.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// What is.
    #[serde(default)]
    pub status: Option<ApplicationStatus>,
}

/// Kubernetes' ObjectMeta, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Start of a name that is still to be made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generate_name: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What must be done before it may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// When somebody deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<String>,
    /// Every other field, as written.
    #[serde(flatten)]
    pub other: BTreeMap<String, Json>,
}

impl Serialize for Application {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let fields = 4 + usize::from(self.operation.is_some()) + usize::from(self.status.is_some());
        let mut out = s.serialize_struct("Application", fields)?;
        out.serialize_field("apiVersion", API_VERSION)?;
        out.serialize_field("kind", KIND)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("spec", &self.spec)?;
        if let Some(operation) = &self.operation {
            out.serialize_field("operation", operation)?;
        }
        if let Some(status) = &self.status {
            out.serialize_field("status", status)?;
        }
        out.end()
    }
}

impl Application {
    /// Reads an Application and checks it against the contract and the rules of its spec.
    ///
    /// # Errors
    /// When it is another kind, or with every problem found: unknown fields, wrong types, missing fields, broken rules.
    pub fn from_manifest(manifest: &Manifest) -> Result<Application, ApplicationError> {
        schema::expect_kind(manifest, KIND)?;
        let (json, mut problems) = schema::check_manifest(manifest.body(), &APPLICATION);
        let app: Option<Application> = if problems.is_empty() {
            serde_json::from_value(json)
                .map_err(|e| problems.push(crate::Problem::Rule { path: "spec".into(), message: e.to_string() }))
                .ok()
        } else {
            // Rules are looked at even so, where the spec still reads: a person mends everything at once.
            json.get("spec")
                .and_then(|spec| serde_json::from_value(spec.clone()).ok())
                .map(|spec| Application { spec, ..Application::default() })
        };
        if let Some(app) = &app {
            rules::check(&app.spec, &mut problems);
        }
        match app {
            Some(app) if problems.is_empty() => Ok(app),
            _ => Err(ApplicationError::InvalidSpec { at: manifest.at().clone(), kind: KIND, name: manifest.id().name.clone(), problems }),
        }
    }

    /// Takes fields out of a body that the contract does not know, as an API server does, and says which.
    pub fn prune_unknown(body: &mut Value) -> Vec<String> {
        let mut dropped = Vec::new();
        schema::prune(body, &APPLICATION, "", &mut dropped);
        dropped
    }

    /// Writes it as a value, empty fields left out, `apiVersion` and `kind` included.
    pub fn to_value(&self) -> Value {
        schema::from_json(self.to_json())
    }

    /// Writes it as JSON, empty fields left out, `apiVersion` and `kind` included.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).expect("keys are strings and numbers are integers, so nothing can fail")
    }

    /// The sources to render, in order: the hydrated one, else `sources`, else `source`.
    pub fn effective_sources(&self) -> Cow<'_, [ApplicationSource]> {
        if let Some(hydrator) = &self.spec.source_hydrator {
            return Cow::Owned(vec![hydrated_source(hydrator)]);
        }
        if !self.spec.sources.is_empty() {
            return Cow::Borrowed(&self.spec.sources);
        }
        Cow::Borrowed(self.spec.source.as_slice())
    }

    /// Whether its revisions are lists, one for each source.
    pub fn has_multiple_sources(&self) -> bool {
        self.spec.source_hydrator.is_none() && !self.spec.sources.is_empty()
    }

    /// Whether automated sync is on.
    pub fn is_automated(&self) -> bool {
        self.spec.sync_policy.as_ref().and_then(|p| p.automated.as_ref()).is_some_and(crate::Automated::is_on)
    }
}

fn hydrated_source(hydrator: &Json) -> ApplicationSource {
    let text = |block: &str, field: &str| hydrator[block][field].as_str().unwrap_or("").to_owned();
    let own = text("syncSource", "repoURL");
    ApplicationSource {
        repo_url: if own.is_empty() { text("drySource", "repoURL") } else { own },
        path: text("syncSource", "path"),
        target_revision: text("syncSource", "targetBranch"),
        ..ApplicationSource::default()
    }
}
