//! What a project permits: an application, and each of its objects. A refusal says what to do about it.

use std::fmt;

use gitops_manifest::ObjectId;

use super::{AppProject, GroupKind, OrphanedResources, destination, repository};
use crate::application::Application;
use crate::glob::{GlobSyntax, glob_match};
use crate::namespace::namespace_matches;
use crate::spec::Destination;

/// Why a project refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRefusal {
    /// The project.
    pub project: String,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a project refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Its applications may not live in that namespace.
    SourceNamespace {
        /// The application.
        application: String,
        /// Where it lives.
        namespace: String,
    },
    /// That repository is not permitted.
    Source {
        /// Its URL.
        repository: String,
    },
    /// That target is not permitted.
    Destination {
        /// Which.
        to: Destination,
    },
    /// The target is permitted, but does not belong to the project, as it must.
    ForeignCluster {
        /// Which.
        to: Destination,
    },
    /// Signed commits are demanded, and cannot be verified yet.
    Signature {
        /// Of which repository.
        repository: String,
        /// The field that demands it.
        field: &'static str,
    },
    /// That kind is not permitted.
    Kind {
        /// The object.
        object: ObjectId,
        /// The field that refuses.
        field: &'static str,
        /// Whether it is on a blacklist, rather than not on a whitelist.
        listed: bool,
    },
    /// That namespace is not permitted.
    Namespace {
        /// The object.
        object: ObjectId,
    },
}

impl fmt::Display for ProjectRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = &self.project;
        match &self.reason {
            RefusalReason::SourceNamespace { application, namespace } => write!(
                f,
                "application '{application}' in namespace '{namespace}' is not permitted to use project '{project}': add the namespace to \
                 the project's spec.sourceNamespaces"
            ),
            RefusalReason::Source { repository } => write!(
                f,
                "application repo {repository} is not permitted in project '{project}': add it to the project's spec.sourceRepos, or take \
                 the `!` entry away that refuses it"
            ),
            RefusalReason::Destination { to } => {
                let server = if to.server.is_empty() { &to.name } else { &to.server };
                write!(
                    f,
                    "application destination server '{server}' and namespace '{}' do not match any of the allowed destinations in project \
                     '{project}': add them to the project's spec.destinations",
                    to.namespace
                )
            }
            RefusalReason::ForeignCluster { to } => {
                let server = if to.server.is_empty() { &to.name } else { &to.server };
                write!(
                    f,
                    "destination '{server}' does not belong to project '{project}', which permits its own only: set `project: {project}` \
                     on the cluster, or turn spec.permitOnlyProjectScopedClusters off"
                )
            }
            RefusalReason::Signature { repository, field } => write!(
                f,
                "project '{project}' demands signed commits of {repository} ({field}), and signatures cannot be verified yet: nothing is \
                 synced until they can, or until the demand is taken out of the project"
            ),
            RefusalReason::Kind { object, field, listed } => {
                let (group, kind) = (&object.group, &object.kind);
                let cure = if *listed { "take it off" } else { "add it to" };
                write!(f, "resource {group}:{kind} is not permitted in project {project}: {cure} the project's {field}")
            }
            RefusalReason::Namespace { object } => write!(
                f,
                "namespace {} is not permitted in project '{project}' ({object}): add it to the project's spec.destinations",
                object.namespace
            ),
        }
    }
}

impl std::error::Error for ProjectRefusal {}

impl AppProject {
    /// Everything about an application that the project does not permit; empty when it may be.
    ///
    /// `to` is its destination with address and name both filled in, `engine_namespace` where the engine lives, and
    /// `own_clusters` the targets that belong to the project.
    pub fn permits_application(
        &self,
        app: &Application,
        to: &Destination,
        engine_namespace: &str,
        own_clusters: &[Destination],
    ) -> Vec<ProjectRefusal> {
        let mut refused = Vec::new();
        let namespace = &app.metadata.namespace;
        if !self.permits_source_namespace(namespace, engine_namespace) {
            let application = app.metadata.name.clone();
            refused.push(RefusalReason::SourceNamespace { application, namespace: namespace.clone() });
        }
        for url in repositories(app) {
            if !repository::permits(&self.spec.source_repos, &url) {
                refused.push(RefusalReason::Source { repository: url });
            } else if let Some(field) = self.demands_signatures(&url) {
                refused.push(RefusalReason::Signature { repository: url, field });
            }
        }
        refused.extend(self.refuses_destination(to, own_clusters));
        refused.into_iter().map(|reason| self.refusal(reason)).collect()
    }

    /// Whether an object may be written to `to` (see [`AppProject::permits_application`]).
    ///
    /// # Errors
    /// Why not: its kind, or its namespace. Objects of the cluster go by their kind alone.
    pub fn permits_object(&self, object: &ObjectId, to: &Destination, own_clusters: &[Destination]) -> Result<(), Box<ProjectRefusal>> {
        let namespaced = !object.namespace.is_empty();
        if let Some((field, listed)) = self.refuses_kind(object, namespaced) {
            return Err(Box::new(self.refusal(RefusalReason::Kind { object: object.clone(), field, listed })));
        }
        if !namespaced {
            return Ok(());
        }
        let to = Destination { namespace: object.namespace.clone(), ..to.clone() };
        let reason = match self.refuses_destination(&to, own_clusters) {
            None => return Ok(()),
            Some(RefusalReason::Destination { .. }) => RefusalReason::Namespace { object: object.clone() },
            Some(other) => other,
        };
        Err(Box::new(self.refusal(reason)))
    }

    /// Whether applications in `namespace` may use the project.
    pub fn permits_source_namespace(&self, namespace: &str, engine_namespace: &str) -> bool {
        namespace.is_empty() || namespace == engine_namespace || self.spec.source_namespaces.iter().any(|p| namespace_matches(p, namespace))
    }

    /// Which field demands that commits of a repository are signed, if any does.
    pub fn demands_signatures(&self, url: &str) -> Option<&'static str> {
        if !self.spec.signature_keys.is_empty() {
            return Some("spec.signatureKeys");
        }
        let policies = &self.spec.source_integrity.as_ref()?.git.policies;
        let concerns = |urls: &[super::IntegrityRepository]| {
            let patterns: Vec<String> = urls.iter().map(|r| r.url.clone()).collect();
            repository::permits(&patterns, url)
        };
        let demands = policies.iter().any(|p| !p.gpg.mode.eq_ignore_ascii_case("none") && concerns(&p.repos));
        demands.then_some("spec.sourceIntegrity.git.policies")
    }

    /// Whether a live object that no application owns is to be told: the project looks for such, and does not ignore it.
    /// `object` is one that could be an orphan: namespaced, without an owner.
    pub fn reports_orphan(&self, object: &ObjectId) -> bool {
        let Some(OrphanedResources { ignore, .. }) = &self.spec.orphaned_resources else { return false };
        let always = [("Service", "default", "kubernetes"), ("ServiceAccount", "", "default"), ("ConfigMap", "", "kube-root-ca.crt")];
        let known = always.iter().any(|(kind, namespace, name)| {
            object.group.is_empty()
                && object.kind == *kind
                && object.name == *name
                && (namespace.is_empty() || object.namespace == *namespace)
        });
        let ignored = ignore.iter().any(|key| {
            let glob = |pattern: &str, text: &str| glob_match(pattern, GlobSyntax::Plain, text);
            glob(&key.group, &object.group) && glob(&key.kind, &object.kind) && (key.name.is_empty() || glob(&key.name, &object.name))
        });
        !known && !ignored
    }

    /// Whether orphans make a warning on the application.
    pub fn warns_of_orphans(&self) -> bool {
        self.spec.orphaned_resources.as_ref().is_some_and(|o| o.warn.unwrap_or(false))
    }

    fn refusal(&self, reason: RefusalReason) -> ProjectRefusal {
        ProjectRefusal { project: self.metadata.name.clone(), reason }
    }

    fn refuses_destination(&self, to: &Destination, own: &[Destination]) -> Option<RefusalReason> {
        if !destination::permits(&self.spec.destinations, to) {
            return Some(RefusalReason::Destination { to: to.clone() });
        }
        let ours = own.iter().any(|c| (!c.name.is_empty() && c.name == to.name) || (!c.server.is_empty() && c.server == to.server));
        (self.spec.permit_only_project_scoped_clusters && !ours).then(|| RefusalReason::ForeignCluster { to: to.clone() })
    }

    fn refuses_kind(&self, object: &ObjectId, namespaced: bool) -> Option<(&'static str, bool)> {
        let is = |pattern: &str, text: &str| glob_match(pattern, GlobSyntax::GoPath, text);
        if namespaced {
            let on = |list: &[GroupKind]| list.iter().any(|g| is(&g.group, &object.group) && is(&g.kind, &object.kind));
            if self.spec.namespace_resource_whitelist.as_ref().is_some_and(|list| !on(list)) {
                return Some(("spec.namespaceResourceWhitelist", false));
            }
            return on(&self.spec.namespace_resource_blacklist).then_some(("spec.namespaceResourceBlacklist", true));
        }
        let on = |list: &[super::ClusterResource]| {
            let named = |r: &super::ClusterResource| r.name.is_empty() || is(&r.name, &object.name);
            list.iter().any(|r| is(&r.group, &object.group) && is(&r.kind, &object.kind) && named(r))
        };
        if !on(&self.spec.cluster_resource_whitelist) {
            return Some(("spec.clusterResourceWhitelist", false));
        }
        on(&self.spec.cluster_resource_blacklist).then_some(("spec.clusterResourceBlacklist", true))
    }
}

/// Every repository an application reads, once, in order; of a hydrator the dry one too.
fn repositories(app: &Application) -> Vec<String> {
    let mut urls: Vec<String> = app.effective_sources().iter().map(|s| s.repo_url.clone()).collect();
    if let Some(dry) = app.spec.source_hydrator.as_ref().and_then(|h| h["drySource"]["repoURL"].as_str()) {
        urls.push(dry.to_owned());
    }
    let mut seen = std::collections::BTreeSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    urls
}
