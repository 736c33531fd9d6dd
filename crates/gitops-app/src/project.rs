//! Argo CD's AppProject as a wire contract: [`AppProject`]. Its rules are in the modules below. `application.md` §8.
//!
//! In: a manifest. Out: an [`AppProject`], or every problem with its path and what to do. What the project decides is pure:
//! [`AppProject::permits_application`], [`AppProject::permits_object`], and [`decide_windows`](crate::decide_windows) over
//! its windows.

mod check;
mod destination;
mod permit;
mod repository;
mod role;

use std::collections::BTreeMap;

use gitops_manifest::{Manifest, Value};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use crate::application::Metadata;
use crate::error::ApplicationError;
use crate::schema::{self, APP_PROJECT};
use crate::spec::Destination;
use crate::window::SyncWindow;
use crate::wire::is_false;

pub use permit::{ProjectRefusal, RefusalReason};
pub use repository::normalize_repository;

/// `kind` of an AppProject.
pub const PROJECT_KIND: &str = "AppProject";

/// What a group of applications may read, write and do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct AppProject {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is permitted.
    pub spec: AppProjectSpec,
    /// Tokens, mirrored.
    #[serde(default)]
    pub status: Option<AppProjectStatus>,
}

/// What is permitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppProjectSpec {
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Globs of repositories; `!` negates. Empty permits none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_repos: Vec<String>,
    /// Namespaces, besides the engine's own, whose applications may use the project: globs, or `/regexp/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_namespaces: Vec<String>,
    /// Globs of targets; `!` negates a field. Empty permits none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
    /// Whether only targets that belong to the project may be used.
    #[serde(skip_serializing_if = "is_false")]
    pub permit_only_project_scoped_clusters: bool,
    /// Kinds of cluster-scoped objects that are permitted. Empty permits none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_whitelist: Vec<ClusterResource>,
    /// Kinds of cluster-scoped objects that are not; wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_blacklist: Vec<ClusterResource>,
    /// Kinds of namespaced objects that are permitted. None permits all, an empty list permits none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_resource_whitelist: Option<Vec<GroupKind>>,
    /// Kinds of namespaced objects that are not; wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespace_resource_blacklist: Vec<GroupKind>,
    /// Who may do what in the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ProjectRole>,
    /// When syncs may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_windows: Vec<SyncWindow>,
    /// What is done about objects that nobody owns; none looks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphaned_resources: Option<OrphanedResources>,
    /// Keys that commits must be signed with. Deprecated by Argo CD; see `source_integrity`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_keys: Vec<SignatureKey>,
    /// Which commits must be signed, and with which keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_integrity: Option<SourceIntegrity>,
    /// Which account applies where; the first that matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_service_accounts: Vec<DestinationServiceAccount>,
}

/// Globs of a kind. `group` is empty for the core group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupKind {
    /// Of the API group.
    pub group: String,
    /// Of the kind.
    pub kind: String,
}

/// Globs of cluster-scoped objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterResource {
    /// Of the API group.
    pub group: String,
    /// Of the kind.
    pub kind: String,
    /// Of the name; empty is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectRole {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Lines `p, proj:<project>:<role>, <resource>, <action>, <object>, allow|deny`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Groups that have the role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Tokens that have the role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt_tokens: Vec<ProjectToken>,
}

/// A token of a role, without its secret part. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectToken {
    /// When it was issued.
    pub iat: i64,
    /// When it ends; zero is never.
    #[serde(skip_serializing_if = "crate::wire::is_zero")]
    pub exp: i64,
    /// Its id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// What is done about objects in an application's namespace that no application owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrphanedResources {
    /// Whether they make a warning; none is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn: Option<bool>,
    /// Globs of what does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<OrphanedResourceKey>,
}

/// Globs of objects. An empty name is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrphanedResourceKey {
    /// Of the API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Of the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Of the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A key that commits may be signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignatureKey {
    /// Its id.
    #[serde(rename = "keyID")]
    pub key_id: String,
}

/// Which sources must prove where they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceIntegrity {
    /// For git.
    pub git: GitIntegrity,
}

/// Which git repositories need signed commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitIntegrity {
    /// One for each set of repositories.
    pub policies: Vec<GitIntegrityPolicy>,
}

/// What some repositories need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitIntegrityPolicy {
    /// Which repositories.
    pub repos: Vec<IntegrityRepository>,
    /// What they need.
    pub gpg: GpgIntegrity,
}

/// A glob of repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntegrityRepository {
    /// Of the URL.
    pub url: String,
}

/// Which signatures are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpgIntegrity {
    /// `none`, `head` or `strict`.
    pub mode: String,
    /// Ids of keys.
    pub keys: Vec<String>,
}

/// Which account applies where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationServiceAccount {
    /// Glob of the target's address.
    pub server: String,
    /// Glob of the application's namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// `name`, in the application's namespace, or `namespace:name`.
    pub default_service_account: String,
}

/// Tokens, mirrored from the roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppProjectStatus {
    /// By role.
    #[serde(rename = "jwtTokensByRole", skip_serializing_if = "BTreeMap::is_empty")]
    pub jwt_tokens_by_role: BTreeMap<String, RoleTokens>,
    /// Every other field, as written.
    #[serde(flatten)]
    pub other: BTreeMap<String, Json>,
}

/// Tokens of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleTokens {
    /// The tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ProjectToken>,
}

impl Serialize for AppProject {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("AppProject", 4 + usize::from(self.status.is_some()))?;
        out.serialize_field("apiVersion", crate::API_VERSION)?;
        out.serialize_field("kind", PROJECT_KIND)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("spec", &self.spec)?;
        if let Some(status) = &self.status {
            out.serialize_field("status", status)?;
        }
        out.end()
    }
}

impl AppProject {
    /// Reads a project and checks it against the contract and its rules.
    ///
    /// # Errors
    /// When it is another kind, or with every problem found.
    pub fn from_manifest(manifest: &Manifest) -> Result<AppProject, ApplicationError> {
        let project: AppProject = schema::read(manifest, PROJECT_KIND, &APP_PROJECT)?;
        let mut problems = Vec::new();
        check::check(&project, &mut problems);
        if problems.is_empty() {
            return Ok(project);
        }
        Err(ApplicationError::InvalidSpec { at: manifest.at().clone(), kind: PROJECT_KIND, name: project.metadata.name, problems })
    }

    /// The project every engine starts with: everything is permitted.
    pub fn permissive(name: &str, namespace: &str) -> AppProject {
        let any = || "*".to_owned();
        AppProject {
            metadata: Metadata { name: name.to_owned(), namespace: namespace.to_owned(), ..Metadata::default() },
            spec: AppProjectSpec {
                source_repos: vec![any()],
                destinations: vec![Destination { server: any(), namespace: any(), ..Destination::default() }],
                cluster_resource_whitelist: vec![ClusterResource { group: any(), kind: any(), name: String::new() }],
                ..AppProjectSpec::default()
            },
            status: None,
        }
    }

    /// This project with what global projects add: their lists are appended.
    #[must_use]
    pub fn with_global<'a>(mut self, globals: impl IntoIterator<Item = &'a AppProject>) -> AppProject {
        for global in globals {
            let (ours, theirs) = (&mut self.spec, &global.spec);
            ours.source_repos.extend(theirs.source_repos.iter().cloned());
            ours.destinations.extend(theirs.destinations.iter().cloned());
            ours.cluster_resource_whitelist.extend(theirs.cluster_resource_whitelist.iter().cloned());
            ours.cluster_resource_blacklist.extend(theirs.cluster_resource_blacklist.iter().cloned());
            if let Some(list) = &theirs.namespace_resource_whitelist {
                ours.namespace_resource_whitelist.get_or_insert_default().extend(list.iter().cloned());
            }
            ours.namespace_resource_blacklist.extend(theirs.namespace_resource_blacklist.iter().cloned());
            ours.sync_windows.extend(theirs.sync_windows.iter().cloned());
            ours.destination_service_accounts.extend(theirs.destination_service_accounts.iter().cloned());
        }
        self
    }

    /// Writes it as a value, empty fields left out, `apiVersion` and `kind` included.
    pub fn to_value(&self) -> Value {
        schema::from_json(serde_json::to_value(self).expect("keys are strings and numbers are integers, so nothing can fail"))
    }
}
