//! What the server's configuration says about a cluster.

use std::time::Duration;

use gitops_diff::{CompareOptions, IgnoreRule};
use gitops_lua::HealthScripts;

use crate::cluster::Access;
use crate::tracking::Tracking;

/// A cluster, and how it is worked with. Every setting but the first two has a default.
#[derive(Clone, Debug)]
pub struct KubernetesConfig {
    /// What `destination.name` uses.
    pub name: String,
    /// How to reach it.
    pub access: Access,
    /// What `destination.server` uses.
    pub server: String,
    /// Programs that may hand out credentials. Default none.
    pub exec_allowed: Vec<String>,
    /// Namespaces to which management is limited. Default all.
    pub namespaces: Vec<String>,
    /// Whether objects without a namespace are managed although `namespaces` is limited. Default no.
    pub cluster_resources: bool,
    /// Our name as owner of fields. Default `gitops-engine`.
    pub field_manager: String,
    /// Managers whose fields become ours when an object is taken over. Default kubectl's and Argo CD's.
    pub taken_over: Vec<String>,
    /// How ownership of objects is written and read.
    pub tracking: Tracking,
    /// Users' health scripts.
    pub health: HealthScripts,
    /// What is compared.
    pub compare: CompareOptions,
    /// Differences that do not count, for all applications.
    pub rules: Vec<IgnoreRule>,
    /// Most requests at the same time. Default 128; how many there really are follows the API server.
    pub most_requests: usize,
    /// A watch on which nothing is heard for so long is taken for dead. Default 90 s: bookmarks come every minute.
    pub silence: Duration,
    /// How long one apply is repeated while a kind or a web hook is not there yet. Default 30 s.
    pub patience: Duration,
    /// How long a hook that is removed may take to be gone. Default 2 minutes.
    pub hook_removal: Duration,
}

impl KubernetesConfig {
    /// A cluster with the defaults.
    pub fn new(name: impl Into<String>, access: Access) -> KubernetesConfig {
        KubernetesConfig {
            name: name.into(),
            access,
            server: String::new(),
            exec_allowed: Vec::new(),
            namespaces: Vec::new(),
            cluster_resources: false,
            field_manager: "gitops-engine".to_owned(),
            taken_over: ["kubectl-client-side-apply", "kubectl", "argocd-controller", "before-first-apply"].map(str::to_owned).to_vec(),
            tracking: Tracking::default(),
            health: HealthScripts::default(),
            compare: CompareOptions::default(),
            rules: Vec::new(),
            most_requests: 128,
            silence: Duration::from_secs(90),
            patience: Duration::from_secs(30),
            hook_removal: Duration::from_secs(120),
        }
    }
}
