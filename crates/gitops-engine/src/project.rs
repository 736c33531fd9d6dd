//! The AppProjects there are, and what they say of an application.
//!
//! A project counts in the engine's own namespace. `default` is there from the first start, permits everything, may be
//! changed and cannot be deleted. An application is judged when it is created, at each pass, and object by object: a
//! refusal is a condition, and syncs nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use gitops_app::{AppProject, Application, Condition, ConditionType, Destination, ProjectRefusal, RefusalReason, SyncWindow};
use gitops_manifest::{Location, Manifest, ObjectId, Value};
use gitops_state::{AppKey, NewObject, ObjectKind, Origin};
use serde_json::json;

use crate::engine::{Engine, Inner, origin_text};
use crate::error::{EngineError, blocking};
use crate::pass::condition;
use crate::set;

/// The project of applications that name none.
pub(crate) const DEFAULT: &str = "default";

/// The finalizer that keeps a project while applications use it.
const IN_USE: &str = "resources-finalizer.argocd.argoproj.io";

/// Beginning of the message of an operation that a project refuses.
pub(crate) const NOT_VALID: &str = "one or more synchronization tasks are not valid: ";

/// A project and where it was declared.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) project: Arc<AppProject>,
    pub(crate) origin: Origin,
}

/// All of them, by name.
#[derive(Default)]
pub(crate) struct Projects(RwLock<BTreeMap<String, Known>>);

impl Projects {
    pub(crate) fn get(&self, name: &str) -> Option<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn insert(&self, known: Known) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(known.project.metadata.name.clone(), known);
    }

    fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// What an application's project says.
pub(crate) struct Ruling {
    pub(crate) project: Arc<AppProject>,
    /// The destination, address and name both filled in.
    to: Destination,
    own: Vec<Destination>,
}

impl Ruling {
    /// Why an object may not be written, if it may not.
    pub(crate) fn refuses(&self, object: &ObjectId) -> Option<String> {
        self.project.permits_object(object, &self.to, &self.own).err().map(|refusal| refusal.to_string())
    }

    /// Why some of these objects may not be written: every reason once, sorted.
    pub(crate) fn refuses_any<'o>(&self, objects: impl Iterator<Item = &'o ObjectId>) -> Option<String> {
        let reasons: std::collections::BTreeSet<String> = objects.filter_map(|object| self.refuses(object)).collect();
        (!reasons.is_empty()).then(|| format!("{NOT_VALID}{}", reasons.into_iter().collect::<Vec<_>>().join("; ")))
    }

    /// The windows that are about an application: of its project, and its own.
    pub(crate) fn windows<'w>(&'w self, app: &'w Application) -> Vec<&'w SyncWindow> {
        let all = self.project.spec.sync_windows.iter().chain(app.spec.sync_windows());
        all.filter(|window| window.selects(&app.metadata.name, &self.to)).collect()
    }
}

impl Inner {
    /// A destination with address and name both filled in. A target without an address is addressed by its name.
    pub(crate) fn destination(&self, app: &Application) -> Destination {
        let mut to = app.spec.destination.clone();
        let clusters = &self.settings.clusters;
        if let Some(known) =
            clusters.iter().find(|c| (!to.name.is_empty() && c.name == to.name) || (!to.server.is_empty() && c.server == to.server))
        {
            (to.name, to.server) = (known.name.clone(), known.server.clone());
        } else if let Ok(target) = self.target(app) {
            target.name().clone_into(&mut to.name);
            target.server().unwrap_or(target.name()).clone_into(&mut to.server);
        } else if to.server.is_empty() {
            to.server.clone_from(&to.name);
        } else if to.name.is_empty() {
            to.name.clone_from(&to.server);
        }
        to
    }

    /// What an application's project says of it.
    ///
    /// # Errors
    /// Every refusal, as conditions; or that the project is not there.
    pub(crate) fn ruling(&self, app: &Application) -> Result<Ruling, Vec<Condition>> {
        let name = app.spec.project();
        let Some(known) = self.projects.get(name) else {
            let message = format!(
                "Application referencing project {name} which does not exist: create it (`gitops proj create {name}`), or name another in spec.project"
            );
            return Err(vec![condition(ConditionType::InvalidSpecError, message)]);
        };
        let to = self.destination(app);
        let own: Vec<Destination> = self
            .settings
            .clusters
            .iter()
            .filter(|c| c.project == name)
            .map(|c| Destination { name: c.name.clone(), server: c.server.clone(), namespace: String::new() })
            .collect();
        let refused = known.project.permits_application(app, &to, &self.settings.namespace, &own);
        if refused.is_empty() {
            return Ok(Ruling { project: known.project, to, own });
        }
        Err(refused.iter().map(refusal).collect())
    }

    /// What applies when somebody creates an application, as one message.
    pub(crate) fn judge(&self, app: &Application) -> Result<(), EngineError> {
        self.ruling(app).map(|_| ()).map_err(|conditions| {
            let messages: Vec<&str> = conditions.iter().map(|c| c.message.as_str()).collect();
            EngineError::Invalid(format!("application spec for {} is invalid: {}", app.metadata.name, messages.join("; ")))
        })
    }

    /// Names of the applications of a project.
    pub(crate) fn applications_of(&self, project: &str) -> Vec<String> {
        let of = |app: &Application| app.spec.project() == project;
        self.all_slots().iter().filter(|slot| of(&slot.lock().app)).map(|slot| slot.name().to_owned()).collect()
    }

    /// A project has changed: its applications are looked at, and what it refused before may be tried again.
    fn project_changed(&self, project: &str) {
        set::project_changed(self);
        for name in self.applications_of(project) {
            if let Some(slot) = self.slot(&name) {
                let mut state = slot.lock();
                if state.last.as_ref().is_some_and(|last| last.message.starts_with(NOT_VALID)) {
                    state.last = None;
                }
            }
            self.queue.add(&name);
        }
    }
}

fn refusal(refusal: &ProjectRefusal) -> Condition {
    let kind = match refusal.reason {
        RefusalReason::Signature { .. } => ConditionType::ComparisonError,
        _ => ConditionType::InvalidSpecError,
    };
    condition(kind, refusal.to_string())
}

/// Fills in what the store has; `default` is made when it is not there. Blocking.
pub(crate) fn load(inner: &Inner) -> Result<(), gitops_state::StoreError> {
    for stored in inner.store.objects(ObjectKind::Project)? {
        match read(&stored.json) {
            Ok(project) => inner.projects.insert(Known { project: Arc::new(project), origin: stored.origin }),
            Err(e) => tracing::error!(project = %stored.key, "the stored project cannot be read and is left alone: {e}"),
        }
    }
    if inner.projects.get(DEFAULT).is_none() {
        let project = AppProject::permissive(DEFAULT, &inner.settings.namespace);
        store(inner, &project, &Origin::Api)?;
        inner.projects.insert(Known { project: Arc::new(project), origin: Origin::Api });
    }
    Ok(())
}

fn read(json: &str) -> Result<AppProject, String> {
    let value = gitops_manifest::json::parse(json.as_bytes(), "store").map_err(|e| e.to_string())?;
    let manifest = Manifest::from_value(value, Location::file("store")).map_err(|e| e.to_string())?;
    AppProject::from_manifest(&manifest).map_err(|e| e.to_string())
}

fn store(inner: &Inner, project: &AppProject, origin: &Origin) -> Result<bool, gitops_state::StoreError> {
    let put = inner.store.put_object(&NewObject {
        kind: ObjectKind::Project,
        key: AppKey::new(project.metadata.namespace.clone(), project.metadata.name.clone()),
        json: gitops_manifest::json::print(&project.to_value()),
        origin: origin.clone(),
        at: gitops_state::now(),
    })?;
    Ok(put.changed)
}

/// Stores a project and lets it count. Blocking.
pub(crate) fn declare(inner: &Inner, mut project: AppProject, origin: Origin) -> Result<Arc<AppProject>, EngineError> {
    let (name, home) = (project.metadata.name.clone(), inner.settings.namespace.clone());
    if project.metadata.namespace.is_empty() {
        project.metadata.namespace = home;
    } else if project.metadata.namespace != home {
        return Err(EngineError::Invalid(format!(
            "project '{name}' is in namespace {}, and projects count in {home} only: move it there",
            project.metadata.namespace
        )));
    }
    for window in &project.spec.sync_windows {
        if let Some(warning) = gitops_app::zone_warning(window, &Location::file(format!("project {name}"))) {
            tracing::warn!("{warning}");
        }
    }
    let changed = store(inner, &project, &origin)?;
    let project = Arc::new(project);
    inner.projects.insert(Known { project: project.clone(), origin });
    if changed {
        inner.project_changed(&name);
    }
    Ok(project)
}

/// Ends a project that was declared and is not any more. With Argo CD's finalizer it stays while applications use it; without,
/// they show that it is gone. `default` becomes what it was at the first start. Says whether it is gone. Blocking.
pub(crate) fn withdraw(inner: &Inner, name: &str) -> Result<bool, EngineError> {
    let Some(known) = inner.projects.get(name) else { return Ok(true) };
    if name == DEFAULT {
        declare(inner, AppProject::permissive(DEFAULT, &inner.settings.namespace), Origin::Api)?;
        return Ok(true);
    }
    let kept = known.project.metadata.finalizers.iter().any(|f| f.starts_with(IN_USE));
    let users = inner.applications_of(name);
    if kept && !users.is_empty() {
        tracing::warn!(project = name, "kept, though it is declared no more: applications use it: {}", some(&users));
        return Ok(false);
    }
    delete(inner, &known.project)?;
    Ok(true)
}

fn delete(inner: &Inner, project: &AppProject) -> Result<(), EngineError> {
    let name = &project.metadata.name;
    inner.store.delete_object(ObjectKind::Project, &AppKey::new(project.metadata.namespace.clone(), name.clone()))?;
    inner.projects.remove(name);
    inner.project_changed(name);
    Ok(())
}

/// The first few names of a list.
pub(crate) fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

impl Engine {
    /// Every project, by name.
    pub fn projects(&self) -> Vec<Arc<AppProject>> {
        self.0.projects.all().into_iter().map(|known| known.project).collect()
    }

    /// One project.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn project(&self, name: &str) -> Result<Arc<AppProject>, EngineError> {
        self.0.projects.get(name).map(|known| known.project).ok_or_else(|| missing(name))
    }

    /// Creates a project, or with `upsert` changes it.
    ///
    /// # Errors
    /// When it is no valid AppProject, exists already, or is declared elsewhere.
    pub async fn put_project(&self, manifest: Value, upsert: bool, by: &str) -> Result<Arc<AppProject>, EngineError> {
        let manifest = Manifest::from_value(manifest, Location::default()).map_err(|e| EngineError::Invalid(e.to_string()))?;
        let project = AppProject::from_manifest(&manifest).map_err(|e| EngineError::Invalid(e.to_string()))?;
        let name = project.metadata.name.clone();
        if let Some(known) = self.0.projects.get(&name) {
            declared_elsewhere("project", &name, &known.origin, "change")?;
            if !upsert {
                return Err(EngineError::ObjectExists { kind: "project", name });
            }
        }
        let inner = self.0.clone();
        let project = blocking(move || declare(&inner, project, Origin::Api)).await??;
        self.0.audit_object(by, "create", &format!("project:{name}"), json!({}));
        Ok(project)
    }

    /// Deletes a project that no application uses.
    ///
    /// # Errors
    /// When there is none of that name, it is `default`, it is declared elsewhere, or applications use it.
    pub async fn delete_project(&self, name: &str, by: &str) -> Result<(), EngineError> {
        let known = self.0.projects.get(name).ok_or_else(|| missing(name))?;
        if name == DEFAULT {
            return Err(EngineError::Precondition("project 'default' cannot be deleted: edit it instead".to_owned()));
        }
        declared_elsewhere("project", name, &known.origin, "remove")?;
        let users = self.0.applications_of(name);
        if !users.is_empty() {
            return Err(EngineError::Precondition(format!(
                "project '{name}' is used by {} application(s): {}; move or delete them first",
                users.len(),
                some(&users)
            )));
        }
        let inner = self.0.clone();
        blocking(move || delete(&inner, &known.project)).await??;
        self.0.audit_object(by, "delete", &format!("project:{name}"), json!({}));
        Ok(())
    }
}

fn missing(name: &str) -> EngineError {
    EngineError::ObjectNotFound { kind: "project", name: name.to_owned() }
}

/// Refuses what is declared elsewhere.
pub(crate) fn declared_elsewhere(kind: &str, name: &str, origin: &Origin, verb: &str) -> Result<(), EngineError> {
    match origin {
        Origin::Api => Ok(()),
        Origin::File(_) => {
            Err(EngineError::Precondition(format!("{kind} '{name}' is declared in {}: {verb} it there", origin_text(origin))))
        }
    }
}
