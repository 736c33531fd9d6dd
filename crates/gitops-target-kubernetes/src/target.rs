//! [`KubernetesTarget`]: the target that the engine drives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_apply::{
    HookOutcome, HookRunId, LiveObject, LiveSet, Preparation, Propagation, Removal, Seen, Target, TargetError, TargetFuture, WriteOptions,
};
use gitops_diff::IgnoreRule;
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Manifest, ObjectId};

use crate::answer::Refusal;
use crate::comparing;
use crate::config::KubernetesConfig;
use crate::connection::Impersonated;
use crate::core::{Core, OnChange};
use crate::kind::{Kind, id_of};
use crate::writing::{NO_KIND, Writer};

/// A Kubernetes cluster as a target. Clones share one cache and its watches, which end with the last of them.
#[derive(Clone)]
pub struct KubernetesTarget {
    core: Arc<Core>,
    acting_as: Option<Impersonated>,
    /// Ends the watches: they hold the core themselves.
    _end: Arc<End>,
}

struct End(Arc<Core>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// How much a target holds and how much it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent since the start, watches included.
    pub requests: u64,
    /// Objects in the cache.
    pub objects: usize,
    /// Those of them that are kept whole.
    pub whole: usize,
}

impl KubernetesTarget {
    /// A target; nothing is asked of the cluster yet. `on_change` is told of an application whenever the watches see one of
    /// its objects change: hand it on and return.
    pub fn new(config: KubernetesConfig, on_change: impl Fn(&str) + Send + Sync + 'static) -> KubernetesTarget {
        let on_change: OnChange = Arc::new(on_change);
        let core = Arc::new(Core::new(config, on_change));
        KubernetesTarget { _end: Arc::new(End(core.clone())), core, acting_as: None }
    }

    /// The same target, whose writes are made as this user. What is live is still read as ourselves.
    #[must_use]
    pub fn acting_as(&self, user: impl Into<String>) -> KubernetesTarget {
        KubernetesTarget { acting_as: Some(Impersonated(user.into())), ..self.clone() }
    }

    /// How much it holds and how much it asked.
    pub fn usage(&self) -> Usage {
        let (objects, whole) = self.core.cache.count();
        Usage { requests: self.core.connection.sent(), objects, whole }
    }

    /// Finds out which kinds there are and which of them hold tracked objects, so that what follows is quick.
    ///
    /// # Errors
    /// When the cluster does not answer or does not accept our credentials.
    pub async fn connect(&self) -> Result<(), TargetError> {
        self.core.ready(&self.core).await
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn writer<'a>(&'a self, app: &'a str) -> Writer<'a> {
        Writer { core: &self.core, acting_as: self.acting_as.as_ref(), app }
    }

    async fn live_now(&self, app: &str, desired: &[Manifest]) -> Result<LiveSet, TargetError> {
        self.core.ready(&self.core).await?;
        let mut kinds: BTreeMap<(&str, &str, &str), Option<Arc<Kind>>> = BTreeMap::new();
        for manifest in desired {
            let id = manifest.id();
            let key = (id.group.as_str(), manifest.version(), id.kind.as_str());
            if kinds.contains_key(&key) {
                continue;
            }
            let refused = |refusal: Refusal| refusal.error(&format!("{}/{} {}", id.group, manifest.version(), id.kind));
            let known = self.core.kind(key.0, key.1, key.2).await.map_err(refused)?;
            if let Some(kind) = &known {
                self.core.watch(&self.core, kind).await.map_err(refused)?;
            }
            kinds.insert(key, known);
        }
        let mut live = LiveSet::new();
        let mut taken: BTreeSet<ObjectId> = BTreeSet::new();
        for manifest in desired {
            let id = manifest.id();
            let Some(kind) = kinds.get(&(id.group.as_str(), manifest.version(), id.kind.as_str())).and_then(Option::as_ref) else {
                continue;
            };
            // A desired object may name a namespace although its kind has none: the server ignores it, and so does this.
            let namespace = if kind.namespaced { id.namespace.as_str() } else { "" };
            let refused = |refusal: Refusal| refusal.error(&format!("read {id}"));
            if let Some(seen) = self.core.known(kind, namespace, &id.name).await.map_err(refused)? {
                taken.insert(id_of(kind, namespace, &id.name));
                live.insert(id.clone(), LiveObject { manifest: seen.manifest, owner: seen.app, health: seen.health });
            }
        }
        for (kind, namespace, name) in self.core.cache.of_app(app) {
            let id = id_of(&kind, &namespace, &name);
            if taken.contains(&id) {
                continue;
            }
            if let Some(seen) = self.core.cache.object(&kind, &namespace, &name) {
                taken.insert(id.clone());
                live.insert(id, LiveObject { manifest: seen.manifest, owner: seen.app, health: seen.health });
            }
        }
        Ok(live)
    }

    async fn health_now(&self, app: &str, ids: &[ObjectId]) -> Result<BTreeMap<ObjectId, Option<Health>>, TargetError> {
        let mut found = BTreeMap::new();
        for id in ids {
            let known = self.writer(app).known_kind(id).await.map_err(|e| e.error(&format!("health of {id}")))?;
            let Some(kind) = known else { continue };
            let namespace = if kind.namespaced { id.namespace.as_str() } else { "" };
            if !self.core.is_watched(&kind) && kind.watched {
                self.core.watch(&self.core, &kind).await.map_err(|e| e.error(&format!("health of {id}")))?;
            }
            let Some(glimpse) = self.core.cache.glimpse(&kind, namespace, &id.name) else { continue };
            let health = match glimpse.waits_for {
                Some(message) => Some(Health::new(HealthStatus::Progressing, message)),
                None => glimpse.health,
            };
            found.insert(id.clone(), health);
        }
        Ok(found)
    }

    async fn prepare_now(&self, app: &str, preparation: &Preparation<'_>) -> Result<Vec<(ObjectId, String)>, TargetError> {
        let writer = self.writer(app);
        writer.namespace(preparation).await?;
        let mut refused = Vec::new();
        let definitions: BTreeSet<(&str, &str)> = preparation.objects.iter().filter_map(|(m, _)| defined(m)).collect();
        for (manifest, options) in &preparation.objects {
            let id = manifest.id();
            match writer.kind(manifest).await {
                Ok(kind) if preparation.several_steps => {
                    if let Some(reason) = writer.try_out(&kind, manifest, options).await? {
                        refused.push((id.clone(), reason));
                    }
                }
                Ok(_) => {}
                Err(refusal) if refusal.code == NO_KIND => {
                    let comes = options.kind_may_be_missing || definitions.contains(&(id.group.as_str(), id.kind.as_str()));
                    if !comes {
                        refused.push((id.clone(), format!("{}: is its CustomResourceDefinition missing?", refusal.message)));
                    }
                }
                Err(refusal) => return Err(refusal.error(&format!("kind of {id}"))),
            }
        }
        Ok(refused)
    }
}

/// The group and kind that a definition defines.
fn defined(manifest: &Manifest) -> Option<(&str, &str)> {
    let body = (manifest.id().kind == "CustomResourceDefinition").then(|| manifest.body())?;
    Some((body.str_at(&["spec", "group"])?, body.str_at(&["spec", "names", "kind"])?))
}

impl Target for KubernetesTarget {
    fn name(&self) -> &str {
        &self.core.config.name
    }

    fn server(&self) -> Option<&str> {
        Some(self.core.config.server.as_str()).filter(|s| !s.is_empty())
    }

    fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        self.core.kinds().preferred(group, kind).map(|k| k.namespaced)
    }

    fn takes_part(&self) -> bool {
        true
    }

    fn prepare<'a>(&'a self, app: &'a str, preparation: Preparation<'a>) -> TargetFuture<'a, Vec<(ObjectId, String)>> {
        Box::pin(async move { self.prepare_now(app, &preparation).await })
    }

    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(self.live_now(app, desired))
    }

    fn differs(&self, desired: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> bool {
        comparing::differs(&self.core, self.acting_as.as_ref(), desired, live, rules)
    }

    fn seen(&self, desired: Option<&Manifest>, live: &LiveObject, rules: &[IgnoreRule]) -> Option<Seen> {
        Some(comparing::seen(&self.core, desired, live, rules))
    }

    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, options: WriteOptions) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.writer(app).apply(manifest, &options).await })
    }

    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId, propagation: Propagation) -> TargetFuture<'a, Removal> {
        Box::pin(async move { self.writer(app).prune(id, propagation).await })
    }

    fn activation_group(&self, _: &ObjectId) -> Option<String> {
        None
    }

    fn activate<'a>(&'a self, _: &'a str, _: &'a str, _: &'a HookRunId) -> TargetFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn run_hook<'a>(
        &'a self,
        app: &'a str,
        manifest: &'a Manifest,
        run_id: &'a HookRunId,
        options: WriteOptions,
    ) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async move { self.writer(app).run_hook(manifest, run_id, &options).await })
    }

    fn release_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.writer(app).release(id).await.map_err(|e| e.error(&format!("let go of hook {id}"))) })
    }

    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        Box::pin(async move { self.writer(app).delete_hook(id).await })
    }

    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(self.health_now(app, ids))
    }
}
