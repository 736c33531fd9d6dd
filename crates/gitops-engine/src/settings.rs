//! What the server's configuration decides about the engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gitops_app::SelfHealBackoff;
use gitops_appset::{Cluster, DeletionLimit};
use gitops_kustomize::LoadRestrictor;
use gitops_render::{Decryption, Limits, Renderer};
use gitops_source::ChartsConfig;

use crate::alias::Alias;
use crate::objects::Objects;

/// A directory of a repository that holds Application manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declarations {
    /// The repository.
    pub repo_url: String,
    /// Branch, tag, commit or `HEAD`.
    pub target_revision: String,
    /// The directory; its sub-directories are read too.
    pub path: String,
}

/// Engines of the embedding program.
#[derive(Clone, Default)]
pub struct Renderers(pub Vec<Arc<dyn Renderer>>);

impl fmt::Debug for Renderers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|renderer| renderer.name())).finish()
    }
}

/// Settings of an engine. Every one has a default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Applications looked at at the same time. Default 4.
    pub workers: usize,
    /// Longest pass over one application. Default 2 minutes. Operations are not bound by it.
    pub pass_timeout: Duration,
    /// How often each repository is asked for new commits. Default 60 s, ±10 %. Zero switches polling off.
    pub poll_interval: Duration,
    /// How often live state is compared although nothing happened. Default 5 minutes, +20 % at most.
    pub resync_interval: Duration,
    /// Repositories read from elsewhere.
    pub aliases: Vec<Alias>,
    /// Where Applications are declared.
    pub declarations: Vec<Declarations>,
    /// Namespace of Applications that name none. Default `argocd`.
    pub namespace: String,
    /// The clusters there are, for destinations, projects and ApplicationSets.
    pub clusters: Vec<Cluster>,
    /// ConfigMaps and Secrets that objects refer to by name.
    pub objects: Arc<Objects>,
    /// How many applications an ApplicationSet may delete at once, unless its annotation says otherwise. Default: any number.
    pub set_deletion_limit: Option<DeletionLimit>,
    /// Bounds of a render.
    pub limits: Limits,
    /// Beginnings of the addresses that kustomizations may read remote bases from. Default `https://`.
    pub remotes: Vec<String>,
    /// What kustomizations may read. An Application's annotation `gitops-engine.dev/kustomize-load-restrictor` counts more.
    pub load_restrictor: LoadRestrictor,
    /// How charts of repositories and registries are fetched and kept; without, such a chart is refused.
    pub charts: Option<ChartsConfig>,
    /// Bytes of the files of parsed charts that are kept for other applications. Default 256 MiB.
    pub parsed_charts: u64,
    /// Further engines, which `spec.source.plugin.name` names.
    pub renderers: Renderers,
    /// With what encrypted files are decrypted. Default: with nothing, so that each is an error. Targets that are to open what
    /// is sealed need the same [`Decryption::sealer`].
    pub decryption: Decryption,
    /// How self-heal attempts are spaced.
    pub self_heal: SelfHealBackoff,
    /// How operations run.
    pub apply: gitops_apply::Settings,
    /// Address of the server, for links in commit statuses.
    pub external_url: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            workers: 4,
            pass_timeout: Duration::from_secs(120),
            poll_interval: Duration::from_secs(60),
            resync_interval: Duration::from_secs(300),
            aliases: Vec::new(),
            declarations: Vec::new(),
            namespace: "argocd".to_owned(),
            clusters: Vec::new(),
            objects: Arc::default(),
            set_deletion_limit: None,
            limits: Limits::default(),
            remotes: vec!["https://".to_owned()],
            load_restrictor: LoadRestrictor::default(),
            charts: None,
            parsed_charts: 256 << 20,
            renderers: Renderers::default(),
            decryption: Decryption::default(),
            self_heal: SelfHealBackoff::default(),
            apply: gitops_apply::Settings::default(),
            external_url: String::new(),
        }
    }
}
