//! The engine's own home as a target, `in-cluster` (`https://kubernetes.default.svc`): Applications, AppProjects and
//! ApplicationSets that an application renders go into the store, where they count as if they had been declared; everything
//! else goes to the target of that name, where there is one. So an app of apps works with no cluster.
//!
//! A child belongs to the application that declares it. One that leaves its parent's source is removed with what it manages
//! when it has Argo CD's finalizer, and alone otherwise. What happens to a child is news for its parent.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use gitops_app::{AppProject, Application, ApplicationSet, KIND, PROJECT_KIND, SET_KIND};
use gitops_apply::{
    HookOutcome, HookRunId, LiveObject, LiveSet, Preparation, Propagation, Removal, Seen, Target, TargetError, TargetFuture, WriteOptions,
};
use gitops_diff::IgnoreRule;
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Location, Manifest, ObjectId, Value};
use gitops_state::Origin;

use crate::declaration::cascades;
use crate::engine::{Engine, Inner, origin_text};
use crate::error::{EngineError, blocking};
use crate::slot::Slot;
use crate::{project, request, set};

/// Its name.
pub(crate) const NAME: &str = "in-cluster";
/// Its address.
pub(crate) const SERVER: &str = "https://kubernetes.default.svc";

const GROUP: &str = "argoproj.io";

/// The home.
pub(crate) struct Home {
    inner: Weak<Inner>,
    beside: Option<Arc<dyn Target>>,
}

/// Puts the home among the targets: in front of the one that has its name, if there is one.
pub(crate) fn add(targets: &mut BTreeMap<String, Arc<dyn Target>>, inner: Weak<Inner>) {
    let beside = targets.get(NAME).or_else(|| targets.get(SERVER)).cloned();
    let home: Arc<dyn Target> = Arc::new(Home { inner, beside });
    targets.insert(NAME.to_owned(), home.clone());
    targets.insert(SERVER.to_owned(), home);
}

/// How what an application declares says where it comes from.
fn origin(app: &str) -> Origin {
    Origin::File(format!("{KIND} {app}"))
}

/// The application that declares something, if one does.
fn parent(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::File(text) => text.strip_prefix(KIND)?.strip_prefix(' '),
        Origin::Api => None,
    }
}

/// Whether an object is kept in the store.
fn is_ours(id: &ObjectId) -> bool {
    id.group == GROUP && [KIND, PROJECT_KIND, SET_KIND].contains(&id.kind.as_str())
}

fn refused(e: &EngineError) -> TargetError {
    match e {
        EngineError::Precondition(m) | EngineError::Internal(m) => TargetError::transient(m.clone()),
        EngineError::Store(e) => TargetError::transient(e.to_string()),
        other => TargetError::permanent(other.to_string()),
    }
}

impl Inner {
    /// An application has changed: whoever declares it is looked at, and the sets and applications that wait for it.
    pub(crate) fn noticed(self: &Arc<Self>, slot: &Slot) {
        let (app, origin) = {
            let state = slot.lock();
            (state.app.clone(), state.origin.clone())
        };
        self.wake_dependents(slot.name());
        self.sets.noticed(&app);
        if let Some(parent) = parent(&origin).filter(|p| *p != slot.name()) {
            Engine(self.clone()).drifted(Some(parent));
        }
    }
}

impl Home {
    fn inner(&self) -> Result<Arc<Inner>, TargetError> {
        self.inner.upgrade().ok_or_else(|| TargetError::transient("the engine ends"))
    }

    fn beside(&self, what: &ObjectId) -> Result<&Arc<dyn Target>, TargetError> {
        self.beside.as_ref().ok_or_else(|| {
            TargetError::permanent(format!(
                "destination `{NAME}` is the engine's own store here, which keeps Applications, AppProjects and ApplicationSets only: \
                 {what} needs another destination"
            ))
        })
    }

    /// What is stored under an identity: body, origin, health.
    fn find(inner: &Inner, id: &ObjectId) -> Option<(Value, Origin, Option<Health>)> {
        match id.kind.as_str() {
            KIND => inner.slot(&id.name).map(|slot| {
                let state = slot.lock();
                (state.app.to_value(), state.origin.clone(), Some(health_of(&state.status)))
            }),
            PROJECT_KIND => inner.projects.get(&id.name).map(|known| (known.project.to_value(), known.origin, None)),
            _ => inner.sets.get(&id.name).map(|slot| {
                let state = slot.lock();
                let health = state.status["health"]["status"].as_str().and_then(HealthStatus::parse);
                let message = state.status["health"]["message"].as_str().unwrap_or_default().to_owned();
                (state.set.to_value(), state.origin.clone(), Some(Health::new(health.unwrap_or(HealthStatus::Progressing), message)))
            }),
        }
    }

    /// Identities of everything that an application declared.
    fn declared(inner: &Inner, app: &str) -> Vec<ObjectId> {
        let by = origin(app);
        let id = |kind: &str, name: &str| ObjectId {
            group: GROUP.to_owned(),
            kind: kind.to_owned(),
            namespace: inner.settings.namespace.clone(),
            name: name.to_owned(),
        };
        let mut all = Vec::new();
        // Nobody owns itself: deleting it would never end.
        all.extend(inner.all_slots().iter().filter(|s| s.name() != app && s.lock().origin == by).map(|s| id(KIND, s.name())));
        all.extend(inner.projects.all().iter().filter(|k| k.origin == by).map(|k| id(PROJECT_KIND, &k.project.metadata.name)));
        all.extend(inner.sets.all().iter().filter(|s| s.lock().origin == by).map(|s| id(SET_KIND, s.name())));
        all
    }

    fn live_object(inner: &Inner, id: &ObjectId, desired: Option<&Manifest>) -> Option<LiveObject> {
        let (body, origin, health) = Home::find(inner, id)?;
        // What is stored has defaults and empty fields left out; what says the same is live as it is written.
        let same = desired.filter(|m| normal(inner, m).is_some_and(|normal| normal == body));
        let manifest = match same {
            Some(desired) => desired.clone(),
            None => Manifest::from_value(body, Location::file("store")).ok()?,
        };
        let owner = match &origin {
            Origin::Api => None,
            Origin::File(text) => Some(parent(&origin).map_or_else(|| text.clone(), str::to_owned)),
        };
        Some(LiveObject { manifest, owner, health })
    }

    fn store(inner: &Arc<Inner>, app: &str, manifest: &Manifest) -> Result<(), EngineError> {
        let id = manifest.id();
        if let Some((_, known, _)) = Home::find(inner, id)
            && !matches!(known, Origin::Api)
            && known != origin(app)
            && parent(&known).is_none_or(|p| p != app)
        {
            let message = format!("{} '{}' is declared in {}: declare it in one place", id.kind, id.name, origin_text(&known));
            return Err(EngineError::Invalid(message));
        }
        let wrong = |e: gitops_app::ApplicationError| EngineError::Invalid(e.to_string());
        match id.kind.as_str() {
            KIND => {
                let child = Application::from_manifest(manifest).map_err(wrong)?;
                let name = child.metadata.name.clone();
                request::declare(inner, child, origin(app))?;
                inner.queue.add(&name);
                inner.polls.wake();
            }
            PROJECT_KIND => drop(project::declare(inner, AppProject::from_manifest(manifest).map_err(wrong)?, origin(app))?),
            _ => drop(set::declare(inner, ApplicationSet::from_manifest(manifest).map_err(wrong)?, origin(app))?),
        }
        Ok(())
    }
}

/// An object in the form in which it would be stored.
fn normal(inner: &Inner, manifest: &Manifest) -> Option<Value> {
    let home = || inner.settings.namespace.clone();
    Some(match manifest.id().kind.as_str() {
        KIND => {
            let mut app = Application::from_manifest(manifest).ok()?;
            (app.status, app.operation) = (None, None);
            if app.metadata.namespace.is_empty() {
                app.metadata.namespace = home();
            }
            app.to_value()
        }
        PROJECT_KIND => {
            let mut project = AppProject::from_manifest(manifest).ok()?;
            if project.metadata.namespace.is_empty() {
                project.metadata.namespace = home();
            }
            project.to_value()
        }
        _ => {
            let mut set = ApplicationSet::from_manifest(manifest).ok()?;
            set.status = None;
            if set.metadata.namespace.is_empty() {
                set.metadata.namespace = home();
            }
            set.to_value()
        }
    })
}

/// How a child is: what it says itself, and on its way while an operation runs or nobody has looked yet.
fn health_of(status: &gitops_app::ApplicationStatus) -> Health {
    if status.operation_state.as_ref().is_some_and(|o| !o.phase.is_final()) {
        return Health::new(HealthStatus::Progressing, "an operation of the application runs");
    }
    match status.health.as_ref().and_then(|h| Some((h.status?, h.message.clone()))) {
        Some((status, message)) => Health::new(status, message),
        None => Health::new(HealthStatus::Progressing, "the application was not looked at yet"),
    }
}

impl Target for Home {
    fn name(&self) -> &str {
        NAME
    }

    fn server(&self) -> Option<&str> {
        Some(SERVER)
    }

    fn live<'a>(&'a self, app: &'a str, desired: &'a [Manifest]) -> TargetFuture<'a, LiveSet> {
        Box::pin(async move {
            let inner = self.inner()?;
            let theirs: Vec<Manifest> = desired.iter().filter(|m| !is_ours(m.id())).cloned().collect();
            let mut live = match &self.beside {
                Some(beside) => beside.live(app, &theirs).await?,
                None => LiveSet::new(),
            };
            for id in Home::declared(&inner, app) {
                if let Some(object) = Home::live_object(&inner, &id, None) {
                    live.insert(id, object);
                }
            }
            for manifest in desired.iter().filter(|m| is_ours(m.id())) {
                if let Some(object) = Home::live_object(&inner, manifest.id(), Some(manifest)) {
                    live.insert(manifest.id().clone(), object);
                }
            }
            Ok(live)
        })
    }

    fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        if group == GROUP && [KIND, PROJECT_KIND, SET_KIND].contains(&kind) {
            return Some(true);
        }
        self.beside.as_ref().and_then(|beside| beside.namespaced(group, kind))
    }

    fn takes_part(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.takes_part())
    }

    fn prepare<'a>(&'a self, app: &'a str, mut preparation: Preparation<'a>) -> TargetFuture<'a, Vec<(ObjectId, String)>> {
        preparation.objects.retain(|(manifest, _)| !is_ours(manifest.id()));
        match &self.beside {
            Some(beside) => beside.prepare(app, preparation),
            None => Box::pin(std::future::ready(Ok(Vec::new()))),
        }
    }

    fn differs(&self, desired: &Manifest, live: &LiveObject, rules: &[IgnoreRule]) -> bool {
        match &self.beside {
            // The cluster knows its types and who owns which field.
            Some(beside) if !is_ours(desired.id()) => beside.differs(desired, live, rules),
            _ => desired.body() != live.manifest.body() && !gitops_diff::compare(desired.body(), live.manifest.body(), rules).is_empty(),
        }
    }

    fn seen(&self, desired: Option<&Manifest>, live: &LiveObject, rules: &[IgnoreRule]) -> Option<Seen> {
        let beside = self.beside.as_ref().filter(|_| !is_ours(live.manifest.id()))?;
        beside.seen(desired, live, rules)
    }

    fn apply<'a>(&'a self, app: &'a str, manifest: &'a Manifest, options: WriteOptions) -> TargetFuture<'a, ()> {
        Box::pin(async move {
            if !is_ours(manifest.id()) {
                return self.beside(manifest.id())?.apply(app, manifest, options).await;
            }
            let (inner, by, manifest) = (self.inner()?, app.to_owned(), manifest.clone());
            let stored = blocking(move || Home::store(&inner, &by, &manifest)).await;
            stored.and_then(|done| done).map_err(|e| refused(&e))
        })
    }

    fn prune<'a>(&'a self, app: &'a str, id: &'a ObjectId, propagation: Propagation) -> TargetFuture<'a, Removal> {
        Box::pin(async move {
            if !is_ours(id) {
                return self.beside(id)?.prune(app, id, propagation).await;
            }
            let inner = self.inner()?;
            let Some((_, by, _)) = Home::find(&inner, id) else { return Ok(Removal::Gone) };
            if by != origin(app) || (id.kind == KIND && id.name == app) {
                return Err(TargetError::permanent(format!("{id} is not declared by application {app}")));
            }
            let waits = |message: String| Ok(Removal::Terminating { message });
            match id.kind.as_str() {
                KIND => {
                    let Some(slot) = inner.slot(&id.name) else { return Ok(Removal::Gone) };
                    let cascade = cascades(&slot.lock().app);
                    // A child may be a parent: its removal is as deep as the tree.
                    let removed = Box::pin(request::remove(&inner, &slot, cascade, &format!("application {app}"))).await;
                    removed.map(|()| Removal::Gone).map_err(|e| refused(&e))
                }
                PROJECT_KIND => match project::withdraw(&inner, &id.name).map_err(|e| refused(&e))? {
                    true => Ok(Removal::Gone),
                    false => waits("applications use the project".to_owned()),
                },
                _ => {
                    if let Some(slot) = inner.sets.get(&id.name) {
                        set::withdraw(&inner, &slot, true);
                    }
                    waits("its applications go first".to_owned())
                }
            }
        })
    }

    fn activation_group(&self, id: &ObjectId) -> Option<String> {
        if is_ours(id) { None } else { self.beside.as_ref().and_then(|beside| beside.activation_group(id)) }
    }

    fn activate<'a>(&'a self, app: &'a str, group: &'a str, run_id: &'a HookRunId) -> TargetFuture<'a, ()> {
        match &self.beside {
            Some(beside) => beside.activate(app, group, run_id),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn run_hook<'a>(
        &'a self,
        app: &'a str,
        manifest: &'a Manifest,
        run_id: &'a HookRunId,
        options: WriteOptions,
    ) -> TargetFuture<'a, HookOutcome> {
        Box::pin(async move { self.beside(manifest.id())?.run_hook(app, manifest, run_id, options).await })
    }

    fn release_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        match &self.beside {
            Some(beside) => beside.release_hook(app, id),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn delete_hook<'a>(&'a self, app: &'a str, id: &'a ObjectId) -> TargetFuture<'a, ()> {
        match &self.beside {
            Some(beside) => beside.delete_hook(app, id),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn health<'a>(&'a self, app: &'a str, ids: &'a [ObjectId]) -> TargetFuture<'a, BTreeMap<ObjectId, Option<Health>>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let (ours, theirs): (Vec<ObjectId>, Vec<ObjectId>) = ids.iter().cloned().partition(is_ours);
            let mut found = match &self.beside {
                Some(beside) if !theirs.is_empty() => beside.health(app, &theirs).await?,
                _ => BTreeMap::new(),
            };
            for id in ours {
                if let Some((_, _, health)) = Home::find(&inner, &id) {
                    found.insert(id, health);
                }
            }
            Ok(found)
        })
    }
}
