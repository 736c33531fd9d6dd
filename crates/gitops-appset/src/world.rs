//! What lies outside, as questions whose answers are plain values: [`World`].

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_manifest::{Map, Value};
use gitops_tree::Tree;

/// Why an answer is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// It does not exist.
    #[error("{what} is not there")]
    NotFound {
        /// What was asked for, e.g. a repository.
        what: String,
    },
    /// It does not answer, or answers with an error. Asking again may help.
    #[error("{what} does not answer: {reason}")]
    Unavailable {
        /// Who.
        what: String,
        /// Why.
        reason: String,
    },
    /// It may not be asked.
    #[error("{what} may not be used: {reason}")]
    Refused {
        /// What.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
}

/// One cluster that is known, in the order of their Secrets' names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Name.
    pub name: String,
    /// Address.
    pub server: String,
    /// Project it belongs to; empty is none.
    pub project: String,
    /// Labels of its Secret.
    pub labels: BTreeMap<String, String>,
    /// Annotations of its Secret.
    pub annotations: BTreeMap<String, String>,
}

/// Which objects say what clusters to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decisions<'a> {
    /// API group.
    pub group: &'a str,
    /// API version.
    pub version: &'a str,
    /// Plural of the kind.
    pub plural: &'a str,
    /// One name; empty is all, to be selected by label afterwards.
    pub name: &'a str,
}

/// A forge, and what the set says about it: credentials are references that the world resolves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forge<'a> {
    /// The name of the block: `github`, `gitlab`, ….
    pub kind: &'a str,
    /// The block.
    pub block: &'a Value,
    /// Namespace of the set, where its Secrets are.
    pub namespace: &'a str,
    /// `ssh`, `https`, …; empty is the default.
    pub clone_protocol: &'a str,
}

/// One branch of one repository of a forge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Organization, group or owner.
    pub organization: String,
    /// Name.
    pub repository: String,
    /// Id, as text.
    pub id: String,
    /// URL to clone from.
    pub url: String,
    /// Branch.
    pub branch: String,
    /// Its commit.
    pub sha: String,
    /// Labels or topics.
    pub labels: Vec<String>,
}

/// One pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    /// Number.
    pub number: i64,
    /// Title.
    pub title: String,
    /// Its branch.
    pub branch: String,
    /// The branch it is to be merged into.
    pub target_branch: String,
    /// The last commit of its branch.
    pub head_sha: String,
    /// Who opened it.
    pub author: String,
    /// Labels.
    pub labels: Vec<String>,
}

/// A question to a plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PluginRequest<'a> {
    /// ConfigMap with its address and token.
    pub config_map: &'a str,
    /// Name of the set.
    pub set: &'a str,
    /// `input.parameters`.
    pub parameters: &'a Map,
}

/// What lies outside. Every answer is a plain value, so that a test is a struct with answers in it.
pub trait World {
    /// Every cluster that has a Secret.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn clusters(&self) -> Result<Vec<Cluster>, WorldError>;

    /// The files of a repository at a revision. With a project its credentials may be used, and its rules about signatures
    /// hold; none means that only credentials for everybody may.
    ///
    /// # Errors
    /// When it cannot be fetched, or may not be read.
    fn tree(&self, repository: &str, revision: &str, project: Option<&str>) -> Result<Arc<dyn Tree>, WorldError>;

    /// The data of a ConfigMap in the engine's namespace.
    ///
    /// # Errors
    /// When it is not there.
    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, WorldError>;

    /// Objects of the engine's namespace that say which clusters to use.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn decisions(&self, which: Decisions<'_>) -> Result<Vec<Value>, WorldError>;

    /// What a plugin answers: `output.parameters`.
    ///
    /// # Errors
    /// When it does not answer.
    fn plugin(&self, request: PluginRequest<'_>) -> Result<Vec<Map>, WorldError>;

    /// The repositories of a forge, one for each branch that is looked at.
    ///
    /// # Errors
    /// When it does not answer.
    fn repositories(&self, forge: Forge<'_>) -> Result<Vec<Repository>, WorldError>;

    /// Whether a path exists at a repository's branch.
    ///
    /// # Errors
    /// When the forge does not answer.
    fn has_path(&self, forge: Forge<'_>, repository: &Repository, path: &str) -> Result<bool, WorldError>;

    /// The pull requests of a repository, those only that carry all labels the block asks for.
    ///
    /// # Errors
    /// When the forge does not answer; [`WorldError::NotFound`] when the repository is not there.
    fn pull_requests(&self, forge: Forge<'_>) -> Result<Vec<PullRequest>, WorldError>;
}

/// A world in which there is nothing: no cluster, and every other question is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

fn nothing<T>(what: &str) -> Result<T, WorldError> {
    Err(WorldError::Unavailable { what: what.to_owned(), reason: "nothing outside is connected".into() })
}

impl World for Nowhere {
    fn clusters(&self) -> Result<Vec<Cluster>, WorldError> {
        Ok(Vec::new())
    }
    fn tree(&self, repository: &str, _: &str, _: Option<&str>) -> Result<Arc<dyn Tree>, WorldError> {
        nothing(repository)
    }
    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, WorldError> {
        nothing(&format!("ConfigMap {name}"))
    }
    fn decisions(&self, which: Decisions<'_>) -> Result<Vec<Value>, WorldError> {
        nothing(which.plural)
    }
    fn plugin(&self, request: PluginRequest<'_>) -> Result<Vec<Map>, WorldError> {
        nothing(&format!("plugin {}", request.config_map))
    }
    fn repositories(&self, forge: Forge<'_>) -> Result<Vec<Repository>, WorldError> {
        nothing(forge.kind)
    }
    fn has_path(&self, forge: Forge<'_>, _: &Repository, _: &str) -> Result<bool, WorldError> {
        nothing(forge.kind)
    }
    fn pull_requests(&self, forge: Forge<'_>) -> Result<Vec<PullRequest>, WorldError> {
        nothing(forge.kind)
    }
}
