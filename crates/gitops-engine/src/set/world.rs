//! What generators ask of the world, answered by the engine: clusters of the configuration, repositories through the mirrors,
//! ConfigMaps and Secrets from the server's files, forges and plugins over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_appset::{Cluster, Decisions, Forge, PluginRequest, PullRequest, Repository, World, WorldError};
use gitops_forge::{AskError, Kind, Login, PullRequestQuery, RepositoryQuery, Server};
use gitops_git::GitTree;
use gitops_manifest::{Map, Value};
use gitops_source::{RepoUrl, RevisionSpec};
use gitops_tree::{Recorder, Tree};

use super::Read;
use crate::engine::Inner;
use crate::sources::repository;

struct Tracked {
    url: RepoUrl,
    spec: String,
    tree: Arc<Recorder<GitTree>>,
}

/// The world of one expansion. It remembers what was read.
pub(crate) struct EngineWorld<'a> {
    inner: &'a Inner,
    trees: Mutex<Vec<Tracked>>,
    repositories: Mutex<BTreeSet<String>>,
    retry_after: Mutex<Option<Duration>>,
}

/// What an expansion read.
pub(crate) struct Seen {
    pub(crate) reads: Vec<Read>,
    pub(crate) repositories: BTreeSet<String>,
    /// How long a forge asked to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl<'a> EngineWorld<'a> {
    pub(crate) fn new(inner: &'a Inner) -> EngineWorld<'a> {
        EngineWorld { inner, trees: Mutex::default(), repositories: Mutex::default(), retry_after: Mutex::default() }
    }

    pub(crate) fn into_seen(self) -> Seen {
        let trees = self.trees.into_inner().unwrap_or_else(PoisonError::into_inner);
        // A tree that is still held was not read to its end; what it read is not known.
        let reads =
            trees.into_iter().filter_map(|t| Some(Read { url: t.url, spec: t.spec, reads: Arc::into_inner(t.tree)?.into_read_set() }));
        Seen {
            reads: reads.collect(),
            repositories: self.repositories.into_inner().unwrap_or_else(PoisonError::into_inner),
            retry_after: self.retry_after.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn asked(&self, what: &str, error: AskError) -> WorldError {
        if let Some(wait) = error.retry_after() {
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(wait);
        }
        match error {
            AskError::NotFound { url } => WorldError::NotFound { what: url },
            AskError::Setting(reason) => WorldError::Refused { what: what.to_owned(), reason },
            other => WorldError::Unavailable { what: what.to_owned(), reason: other.to_string() },
        }
    }

    /// A Secret's value by a reference such as `tokenRef`; empty when there is no reference.
    fn secret(&self, reference: Option<&Value>) -> Result<Option<String>, WorldError> {
        let Some(reference) = reference.filter(|r| !r.is_null()) else { return Ok(None) };
        let (name, key) = (reference.str_at(&["secretName"]).unwrap_or_default(), reference.str_at(&["key"]).unwrap_or_default());
        match self.inner.settings.objects.secret(name, key) {
            Some(value) => Ok(Some(value.trim_end().to_owned())),
            None => Err(WorldError::Refused {
                what: format!("Secret {name}"),
                reason: format!("it has no key `{key}` here: put it into a file that `objects` of the server's configuration names"),
            }),
        }
    }

    fn login(&self, forge: Forge<'_>) -> Result<Login, WorldError> {
        let block = forge.block;
        if block.get("appSecretName").is_some_and(|v| !v.is_null()) {
            let reason = "GitHub Apps are not supported yet: use a token in `tokenRef`".to_owned();
            return Err(WorldError::Refused { what: "appSecretName".to_owned(), reason });
        }
        let text = |path: &[&str]| block.str_at(path).unwrap_or_default().to_owned();
        if let Some(token) = self.secret(block.at(&["bearerToken", "tokenRef"]))? {
            return Ok(Login::Bearer(token));
        }
        if let Some(password) = self.secret(block.at(&["basicAuth", "passwordRef"]))? {
            return Ok(Login::Basic(text(&["basicAuth", "username"]), password));
        }
        if let Some(password) = self.secret(block.get("appPasswordRef"))? {
            return Ok(Login::Basic(text(&["user"]), password));
        }
        let token = self.secret(block.get("tokenRef").or_else(|| block.get("accessTokenRef")))?;
        Ok(token.map_or(Login::None, Login::Token))
    }

    fn server(&self, forge: Forge<'_>) -> Result<Server, WorldError> {
        let kind = match forge.kind {
            "github" => Kind::GitHub,
            "gitlab" => Kind::GitLab,
            "gitea" => Kind::Gitea,
            "bitbucket" => Kind::Bitbucket,
            "bitbucketServer" => Kind::BitbucketServer,
            "azureDevOps" | "azuredevops" => Kind::Azure,
            other => {
                let reason = "it is not supported: use the git generator, or another forge".to_owned();
                return Err(WorldError::Refused { what: other.to_owned(), reason });
            }
        };
        let authorities = match forge.block.get("caRef").filter(|v| !v.is_null()) {
            Some(reference) => {
                let (name, key) =
                    (reference.str_at(&["configMapName"]).unwrap_or_default(), reference.str_at(&["key"]).unwrap_or_default());
                let map = self.config_map(name)?;
                let missing = || WorldError::NotFound { what: format!("key {key} of ConfigMap {name}") };
                Some(map.get(key).cloned().ok_or_else(missing)?)
            }
            None => None,
        };
        let insecure = flag(forge.block, "insecure", false);
        let api = forge.block.str_at(&["api"]).unwrap_or_default();
        Server::with_tls(kind, api, self.login(forge)?, insecure, authorities.as_deref()).map_err(|e| self.asked(forge.kind, e))
    }
}

fn flag(block: &Value, key: &str, default: bool) -> bool {
    block.get(key).and_then(Value::as_bool).unwrap_or(default)
}

/// What a block asks for, each forge in its own words.
fn repository_query<'q>(forge: &Forge<'q>) -> RepositoryQuery<'q> {
    let text = |keys: &[&str]| keys.iter().find_map(|key| forge.block.str_at(&[key])).unwrap_or_default();
    RepositoryQuery {
        owner: match forge.kind {
            "github" | "azureDevOps" => text(&["organization"]),
            "gitlab" => text(&["group"]),
            "bitbucketServer" => text(&["project"]),
            _ => text(&["owner"]),
        },
        project: text(&["teamProject"]),
        all_branches: flag(forge.block, "allBranches", false),
        https: forge.clone_protocol == "https",
        skip_archived: match forge.kind {
            "gitlab" => !flag(forge.block, "includeArchivedRepos", false),
            _ => flag(forge.block, "excludeArchivedRepos", false),
        },
        subgroups: flag(forge.block, "includeSubgroups", false),
        shared: flag(forge.block, "includeSharedProjects", true),
        topic: text(&["topic"]),
    }
}

impl World for EngineWorld<'_> {
    fn clusters(&self) -> Result<Vec<Cluster>, WorldError> {
        Ok(self.inner.settings.clusters.clone())
    }

    fn tree(&self, address: &str, revision: &str, project: Option<&str>) -> Result<Arc<dyn Tree>, WorldError> {
        let what = || format!("repository {address}");
        if let Some(known) = project.and_then(|name| self.inner.projects.get(name))
            && let Some(field) = known.project.demands_signatures(address)
        {
            let name = &known.project.metadata.name;
            let reason = format!("project {name} demands signed commits ({field}), and signatures cannot be verified yet");
            return Err(WorldError::Refused { what: what(), reason });
        }
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned());
        let refused = |reason: String| WorldError::Refused { what: what(), reason };
        let unavailable = |reason: String| WorldError::Unavailable { what: what(), reason };
        let url = repository(address, &self.inner.settings.aliases).map_err(|e| refused(e.to_string()))?;
        let spec_text = if revision.is_empty() { "HEAD" } else { revision };
        let spec = RevisionSpec::parse(spec_text).map_err(|e| refused(e.to_string()))?;
        if !self.inner.mirrors.has(&url) {
            self.inner.mirrors.fetch(&url).map_err(|e| unavailable(e.to_string()))?;
        }
        let revision = self.inner.mirrors.resolve(&url, &spec, None).map_err(|e| unavailable(e.to_string()))?;
        let tree = self.inner.mirrors.tree(&url, &revision).map_err(|e| unavailable(e.to_string()))?;
        let tree = Arc::new(Recorder::new(tree));
        let tracked = Tracked { url, spec: spec_text.to_owned(), tree: tree.clone() };
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).push(tracked);
        Ok(tree)
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, WorldError> {
        let found = self.inner.settings.objects.config_map(name).cloned();
        found.ok_or_else(|| WorldError::NotFound {
            what: format!("ConfigMap {name} (in the files that `objects` of the server's configuration names)"),
        })
    }

    fn decisions(&self, which: Decisions<'_>) -> Result<Vec<Value>, WorldError> {
        let reason = "the generator clusterDecisionResource needs a Kubernetes cluster as the engine's home, and this one is embedded: \
                      use the generators list, clusters or git"
            .to_owned();
        Err(WorldError::Refused { what: format!("{}.{}", which.plural, which.group), reason })
    }

    fn plugin(&self, request: PluginRequest<'_>) -> Result<Vec<Map>, WorldError> {
        let map = self.config_map(request.config_map)?;
        let what = format!("plugin {}", request.config_map);
        let field = |key: &str| map.get(key).map(String::as_str).unwrap_or_default();
        let refused = |reason: String| WorldError::Refused { what: what.clone(), reason };
        // `$key` is a key of argocd-secret, `$secret:key` of another.
        let reference =
            field("token").strip_prefix('$').ok_or_else(|| refused("its `token` is no reference such as `$plugin.token`".to_owned()))?;
        let (secret, key) = reference.split_once(':').unwrap_or(("argocd-secret", reference));
        let token = self.inner.settings.objects.secret(secret, key);
        let token = token.ok_or_else(|| refused(format!("Secret {secret} has no key `{key}` in the files that `objects` names")))?;
        let seconds = match field("requestTimeout") {
            "" => 30,
            text => text.parse().map_err(|_| refused(format!("requestTimeout `{text}` is no number of seconds")))?,
        };
        let timeout = Duration::from_secs(seconds);
        gitops_forge::ask_plugin(field("baseUrl"), token.trim_end(), request.set, request.parameters, timeout)
            .map_err(|e| self.asked(&what, e))
    }

    fn repositories(&self, forge: Forge<'_>) -> Result<Vec<Repository>, WorldError> {
        self.server(forge)?.repositories(&repository_query(&forge)).map_err(|e| self.asked(forge.kind, e))
    }

    fn has_path(&self, forge: Forge<'_>, repository: &Repository, path: &str) -> Result<bool, WorldError> {
        self.server(forge)?.has_path(&repository_query(&forge), repository, path).map_err(|e| self.asked(forge.kind, e))
    }

    fn pull_requests(&self, forge: Forge<'_>) -> Result<Vec<PullRequest>, WorldError> {
        let text = |key: &str| forge.block.str_at(&[key]).unwrap_or_default();
        let labels: Vec<String> = forge
            .block
            .get("labels")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let query = PullRequestQuery {
            owner: match forge.kind {
                "bitbucketServer" => text("project"),
                "azuredevops" => text("organization"),
                _ => text("owner"),
            },
            project: text("project"),
            repository: if forge.kind == "gitlab" { text("project") } else { text("repo") },
            labels: &labels,
            state: text("pullRequestState"),
        };
        self.server(forge)?.pull_requests(&query).map_err(|e| self.asked(forge.kind, e))
    }
}
