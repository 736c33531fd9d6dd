//! What is asked of an engine: lists, one application, changes of declarations, syncs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_app::{Application, ApplicationStatus, InitiatedBy, Operation, Retry, RevisionHistory, SyncOperation};
use gitops_apply::{LiveSet, Removal, Target};
use gitops_manifest::{Location, Manifest, ObjectId, Value};
use gitops_state::{AppKey, Counts, Deployment, Hold, ListQuery, NewApplication, Origin, PutError};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::engine::{Engine, Inner, origin_text};
use crate::error::{EngineError, blocking};
use crate::gate::{self, Gate};
use crate::operation::{self, Request};
use crate::pair::{self, Pair};
use crate::planning::SyncTerms;
use crate::project::Ruling;
use crate::rendering::{Desired, desired};
use crate::slot::Slot;

/// How long the removal of one wave is waited for.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(60);

/// Which application, and how much of it.
#[derive(Clone, Debug)]
pub struct AppQuery<'a> {
    name: &'a str,
    history: bool,
}

impl<'a> AppQuery<'a> {
    /// Everything, its history among it.
    pub fn full(name: &'a str) -> AppQuery<'a> {
        AppQuery { name, history: true }
    }
}

/// An application with what Argo CD's form has no place for.
#[derive(Clone, Debug)]
pub struct AppView {
    /// The application with its status.
    pub application: Application,
    /// Id of its last operation.
    pub operation: Option<String>,
    /// Why auto-sync waits, if it does.
    pub hold: Option<Hold>,
    /// What stops and sync windows say; none when its project is not there or refuses it.
    pub gate: Option<Gate>,
}

/// One page of applications.
#[derive(Clone, Debug)]
pub struct AppPage {
    /// Applications, with statuses but without history.
    pub items: Vec<Application>,
    /// Of everything that passes the filter.
    pub counts: Counts,
    /// Where the next page begins.
    pub next: Option<AppKey>,
}

/// How thorough a refresh is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Fetch and compare.
    Normal,
    /// Also render again.
    Hard,
}

/// What a rollback goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTo {
    /// The deployment before the current one.
    Previous,
    /// A deployment by its id.
    Id(i64),
    /// The newest deployment of a revision, which may be abbreviated.
    Revision(String),
}

/// An operation that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its id.
    pub operation: String,
    /// What it deploys.
    pub revision: String,
}

/// A sync that may begin.
pub(crate) struct Prepared {
    pub(crate) slot: Arc<Slot>,
    pub(crate) request: Request,
    pub(crate) manifests: Arc<[Manifest]>,
    pub(crate) live: LiveSet,
    ruling: Ruling,
}

impl Prepared {
    /// The same, changing nothing or not.
    pub(crate) fn with_dry_run(mut self, dry_run: bool) -> Prepared {
        if let Some(sync) = &mut self.request.operation.sync {
            sync.dry_run = dry_run;
        }
        self
    }
}

/// One deployment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Id, revision, sources, times: as in `status.history`.
    #[serde(flatten)]
    pub entry: RevisionHistory,
    /// `Succeeded`.
    pub status: String,
    /// One sentence.
    pub message: String,
    /// Id of the operation.
    pub operation: String,
    /// What versions, ranges and branches of charts and remote bases were resolved to, each with its digest or commit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<String>,
}

impl Inner {
    /// What the project of an application that is to be synced says.
    pub(crate) fn permitted(&self, app: &Application) -> Result<Ruling, EngineError> {
        self.ruling(app)
            .map_err(|conditions| EngineError::Precondition(conditions.iter().map(|c| c.message.as_str()).collect::<Vec<_>>().join("; ")))
    }

    /// Whether a sync that somebody asks for may begin: its project permits the application, and nothing blocks.
    pub(crate) fn may_begin(&self, app: &Application, dry_run: bool) -> Result<(), EngineError> {
        let ruling = self.permitted(app)?;
        let gate = self.gate(app, &ruling, gate::now());
        if gate.manual || dry_run {
            return Ok(());
        }
        Err(EngineError::Denied(format!("cannot sync: {}", gate.reason)))
    }

    /// The charts and remote bases that an operation was begun with.
    fn resolved(&self, operation: &str) -> Vec<String> {
        let stored = self.store.operation(operation).ok().flatten();
        stored.and_then(|o| serde_json::from_str::<Request>(&o.request_json).ok()).map(|request| request.bases).unwrap_or_default()
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Slot>, EngineError> {
        // `namespace/name` is how Argo CD's CLI writes applications outside the engine's namespace.
        let bare = name.rsplit_once('/').map_or(name, |(_, bare)| bare);
        self.slot(bare).ok_or_else(|| EngineError::NotFound { name: name.to_owned() })
    }

    fn read_history(&self, key: &AppKey) -> Result<Vec<History>, EngineError> {
        let entries = self.store.history(key)?;
        Ok(entries
            .into_iter()
            .map(|e| {
                let automated = e.initiated_by == "automated";
                History {
                    entry: RevisionHistory {
                        id: i64::try_from(e.id).unwrap_or(i64::MAX),
                        revision: e.revision,
                        source: serde_json::from_str(&e.source_json)
                            .ok()
                            .and_then(|s: Vec<gitops_app::ApplicationSource>| s.into_iter().next()),
                        deployed_at: e.deployed_at.to_string(),
                        deploy_started_at: Some(e.started_at.to_string()),
                        initiated_by: InitiatedBy { username: if automated { String::new() } else { e.initiated_by }, automated },
                        ..RevisionHistory::default()
                    },
                    status: e.status,
                    message: e.message,
                    resolved: self.resolved(&e.operation),
                    operation: e.operation,
                }
            })
            .collect())
    }
}

/// A slot as an application with its status.
fn view(slot: &Slot) -> Application {
    let state = slot.lock();
    Application { status: Some(state.status.clone()), ..(*state.app).clone() }
}

impl Engine {
    /// A page of applications.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, query: ListQuery) -> Result<AppPage, EngineError> {
        let store = self.0.store.clone();
        let page = blocking(move || store.list_applications(&query)).await??;
        let items = page.items.iter().filter_map(|stored| self.0.slot(&stored.key.name)).map(|slot| view(&slot)).collect();
        Ok(AppPage { items, counts: page.counts, next: page.next })
    }

    /// One application.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn application(&self, query: &AppQuery<'_>) -> Result<AppView, EngineError> {
        let slot = self.0.find(query.name)?;
        let mut application = view(&slot);
        if query.history {
            let history = self.history(query.name).await?.into_iter().map(|h| h.entry).collect();
            application.status.get_or_insert_with(ApplicationStatus::default).history = history;
        }
        let gate = self.0.ruling(&application).ok().map(|ruling| self.0.gate(&application, &ruling, gate::now()));
        let state = slot.lock();
        Ok(AppView { application, operation: state.operation_id.clone(), hold: state.hold.clone(), gate })
    }

    /// Fetches what an application reads, looks at it, and returns when that is done.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn refresh(&self, name: &str, how: Refresh) -> Result<(), EngineError> {
        let slot = self.0.find(name)?;
        let app = {
            let mut state = slot.lock();
            state.hard |= how == Refresh::Hard;
            state.app.clone()
        };
        let inner = self.0.clone();
        blocking(move || crate::polling::fetch_for(&inner, &app)).await?;
        let mut passes = slot.passes.subscribe();
        // A pass that is under way may have missed what was fetched: the one after it has not.
        let needed = slot.begun.load(Ordering::Acquire) + 1;
        self.0.queue.add(slot.name());
        while *passes.borrow_and_update() < needed && !self.0.stopping.load(Ordering::Acquire) {
            if passes.changed().await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Creates an application, or with `upsert` changes it.
    ///
    /// # Errors
    /// When it is not a valid Application, exists already, or is declared in git.
    pub async fn put(&self, manifest: Value, upsert: bool, by: &str) -> Result<Application, EngineError> {
        let manifest = Manifest::from_value(manifest, Location::default()).map_err(|e| EngineError::Invalid(e.to_string()))?;
        let app = Application::from_manifest(&manifest).map_err(|e| EngineError::Invalid(e.to_string()))?;
        if let Some(slot) = self.0.slot(&app.metadata.name) {
            let origin = slot.lock().origin.clone();
            if let Origin::File(file) = &origin {
                return Err(EngineError::Precondition(format!(
                    "application '{}' is declared in {file}: change it there",
                    app.metadata.name
                )));
            }
            if !upsert {
                return Err(EngineError::Exists { name: app.metadata.name });
            }
        }
        self.0.judge(&app)?;
        let name = app.metadata.name.clone();
        let inner = self.0.clone();
        let slot = blocking(move || declare(&inner, app, Origin::Api)).await??;
        self.0.audit(by, "create", &slot.key, json!({}));
        self.0.queue.add(&name);
        Ok(view(&slot))
    }

    /// Deletes an application, with `cascade` everything it manages first.
    ///
    /// # Errors
    /// When there is none of that name, an operation runs, or the target refuses.
    pub async fn delete(&self, name: &str, cascade: bool, by: &str) -> Result<(), EngineError> {
        let slot = self.0.find(name)?;
        let origin = slot.lock().origin.clone();
        if let Origin::File(_) = &origin {
            return Err(EngineError::Precondition(format!(
                "application '{name}' is declared in {}: remove it there",
                origin_text(&origin)
            )));
        }
        remove(&self.0, &slot, cascade, by).await
    }

    /// Begins a sync.
    ///
    /// # Errors
    /// When the request contradicts itself or the sync policy, the sources do not render, or an operation runs.
    pub async fn sync(&self, name: &str, sync: SyncOperation, retry: Option<Retry>, by: &str) -> Result<Begun, EngineError> {
        self.sync_on(name, sync, retry, &SyncTerms::default(), by).await
    }

    /// Everything that a sync needs: whether it may begin, and what it would apply.
    pub(crate) async fn prepare(
        &self,
        name: &str,
        sync: SyncOperation,
        retry: Option<Retry>,
        terms: &SyncTerms,
        by: &str,
    ) -> Result<Prepared, EngineError> {
        let slot = self.0.find(name)?;
        let (app, hold) = {
            let state = slot.lock();
            (state.app.clone(), state.hold.clone())
        };
        self.0.may_begin(&app, sync.dry_run)?;
        let fixed = sync.fixed_revisions();
        let sources = app.effective_sources().into_owned();
        let foreign = fixed.iter().zip(&sources).any(|(fixed, source)| fixed != source.revision_spec());
        if app.is_automated() && foreign && !sync.dry_run {
            return Err(EngineError::Precondition(format!(
                "cannot sync to {}: auto-sync is on and would go back to {}; switch it off, or change targetRevision",
                fixed.join(", "),
                sources.first().map(|s| s.revision_spec()).unwrap_or_default()
            )));
        }
        if let Some(pin) = hold.and_then(|h| h.revision) {
            return Err(EngineError::Precondition(format!(
                "the application is pinned to {pin} by a rollback: `gitops app resume {name}` first"
            )));
        }
        let (inner, work) = (self.0.clone(), app.clone());
        let rendered = blocking(move || {
            let inputs = inner.inputs(&work);
            desired(&work, &inputs, None, &fixed, true)
        });
        let rendering = match rendered.await?.map_err(|e| EngineError::Precondition(e.to_string()))? {
            Desired::Rendered(rendering) => rendering,
            Desired::Unchanged(_) => return Err(EngineError::Internal("a render that was asked for was not made".to_owned())),
        };
        let manifests = rendering.result.clone().map_err(|e| EngineError::Precondition(e.to_string()))?;
        let revisions: Vec<String> = rendering.revisions.iter().map(ToString::to_string).collect();
        let mut retry = retry.or_else(|| app.spec.sync_policy.as_ref().and_then(|p| p.retry.clone())).unwrap_or_default();
        // A revision of the caller's own is not what the application follows: there is nothing to resolve again.
        retry.refresh &= !foreign;
        let operation = Operation {
            sync: Some(SyncOperation { revision: revisions.first().cloned().unwrap_or_default(), ..sync }),
            initiated_by: InitiatedBy { username: by.to_owned(), automated: false },
            retry,
            ..Operation::default()
        };
        let live = live(&self.0, &slot, &app, &manifests).await?;
        let bases = rendering.bases();
        let request = Request {
            operation,
            revisions,
            sources,
            bases,
            history: true,
            commit: true,
            attempt: 1,
            with_hooks: terms.with_hooks,
            rendering: rendering.id,
        };
        let ruling = self.0.permitted(&app)?;
        Ok(Prepared { slot, request, manifests, live, ruling })
    }

    pub(crate) async fn begin(&self, prepared: Prepared, by: &str) -> Result<Begun, EngineError> {
        let Prepared { slot, request, manifests, live, ruling } = prepared;
        let revision = request.revisions.first().cloned().unwrap_or_default();
        let id = operation::begin(&self.0, &slot, request, manifests, &live, &ruling).await?;
        self.0.audit(by, "sync", &slot.key, json!({ "operation": id, "revision": revision }));
        Ok(Begun { operation: id, revision })
    }

    /// Asks the running operation to stop.
    ///
    /// # Errors
    /// When none runs.
    pub async fn terminate(&self, name: &str, by: &str) -> Result<(), EngineError> {
        let slot = self.0.find(name)?;
        let id = match &slot.lock().running {
            Some(running) => {
                running.terminate();
                running.id.clone()
            }
            None => return Err(EngineError::Precondition(format!("no operation of application '{name}' is in progress"))),
        };
        self.0.audit(by, "terminate", &slot.key, json!({ "operation": id }));
        Ok(())
    }

    /// What was deployed, oldest first.
    ///
    /// # Errors
    /// When there is none of that name, or the store fails.
    pub async fn history(&self, name: &str) -> Result<Vec<History>, EngineError> {
        let (inner, key) = (self.0.clone(), self.0.find(name)?.key.clone());
        blocking(move || inner.read_history(&key)).await?
    }

    /// State, health and current deployment.
    ///
    /// # Errors
    /// When there is none of that name, or the store fails.
    pub async fn deployment(&self, name: &str) -> Result<Deployment, EngineError> {
        let (store, key) = (self.0.store.clone(), self.0.find(name)?.key.clone());
        let found = blocking(move || store.deployment(&key)).await??;
        found.ok_or_else(|| EngineError::NotFound { name: name.to_owned() })
    }

    /// The desired objects, and the revision they are of.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn manifests(&self, name: &str) -> Result<(String, Arc<[Manifest]>), EngineError> {
        let slot = self.0.find(name)?;
        let state = slot.lock();
        let revision = state.status.sync.as_ref().map(|s| s.revision.clone()).unwrap_or_default();
        Ok((revision, state.desired.clone()))
    }

    /// Every object's two sides, by identity.
    ///
    /// # Errors
    /// When there is none of that name, or the target cannot be read.
    pub async fn pairs(&self, name: &str) -> Result<Vec<Pair>, EngineError> {
        let slot = self.0.find(name)?;
        let (app, desired) = {
            let state = slot.lock();
            (state.app.clone(), state.desired.clone())
        };
        let rules = pair::rules(&app).map_err(EngineError::Invalid)?;
        let target = self.0.target(&app).map_err(EngineError::Precondition)?;
        let live = live(&self.0, &slot, &app, &desired).await?;
        let objects = |m: &&Manifest| matches!(gitops_apply::HookKind::of(m), gitops_apply::HookKind::Object);
        let mut pairs: Vec<Pair> =
            desired.iter().filter(objects).map(|m| Pair::new(m.id().clone(), Some(m), live.get(m.id()), &*target, &rules)).collect();
        let named: std::collections::BTreeSet<&ObjectId> = desired.iter().map(Manifest::id).collect();
        for (id, object) in live.iter().filter(|(id, o)| !named.contains(id) && o.owner.as_deref() == Some(slot.name())) {
            pairs.push(Pair::new(id.clone(), None, Some(object), &*target, &rules));
        }
        pairs.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(pairs)
    }
}

pub(crate) async fn live(inner: &Arc<Inner>, slot: &Slot, app: &Application, desired: &[Manifest]) -> Result<LiveSet, EngineError> {
    let target = inner.target(app).map_err(EngineError::Precondition)?;
    target.live(slot.name(), desired).await.map_err(|e| EngineError::Internal(e.to_string()))
}

/// Stores a declaration and puts it into its slot. Blocking.
pub(crate) fn declare(inner: &Inner, mut app: Application, origin: Origin) -> Result<Arc<Slot>, EngineError> {
    if app.metadata.namespace.is_empty() {
        app.metadata.namespace.clone_from(&inner.settings.namespace);
    }
    (app.status, app.operation) = (None, None);
    let key = AppKey::new(app.metadata.namespace.clone(), app.metadata.name.clone());
    if let Some(known) = inner.slot(&key.name).filter(|slot| slot.key != key) {
        return Err(EngineError::Invalid(format!("application {key}: the name is taken by {}: names are unique here", known.key)));
    }
    let new = NewApplication {
        key: key.clone(),
        project: app.spec.project().to_owned(),
        labels: app.metadata.labels.clone(),
        manifest_json: app.to_json().to_string(),
        origin: origin.clone(),
        at: gitops_state::now(),
    };
    inner.store.put_application(&new, None).map_err(|e| match e {
        PutError::Store(e) => EngineError::Store(e),
        other => EngineError::Precondition(other.to_string()),
    })?;
    if let Some(slot) = inner.slot(&key.name) {
        {
            let mut state = slot.lock();
            state.app = Arc::new(app);
            state.origin = origin;
            inner.dependencies.note(&key.name, Some(&state.app));
        }
        return Ok(slot);
    }
    let slot = Arc::new(Slot::new(key, app, origin));
    inner.insert(slot.clone());
    Ok(slot)
}

/// Ends an application. With `cascade` its objects go first, highest wave first.
pub(crate) async fn remove(inner: &Arc<Inner>, slot: &Arc<Slot>, cascade: bool, by: &str) -> Result<(), EngineError> {
    let app = {
        let mut state = slot.lock();
        if let Some(running) = &state.running {
            running.terminate();
            return Err(EngineError::Precondition(format!(
                "operation {} runs: it is being stopped, delete again when it has ended",
                running.id
            )));
        }
        state.deleted = true;
        state.app.clone()
    };
    if cascade && let Err(e) = take_down(inner, slot, &app).await {
        slot.lock().deleted = false;
        return Err(e);
    }
    let (store, key) = (inner.store.clone(), slot.key.clone());
    if let Err(e) = blocking(move || store.delete_application(&key)).await? {
        slot.lock().deleted = false;
        return Err(e.into());
    }
    inner.remove(slot.name());
    inner.noticed(slot);
    inner.audit(by, "delete", &slot.key, json!({ "cascade": cascade }));
    Ok(())
}

async fn take_down(inner: &Arc<Inner>, slot: &Arc<Slot>, app: &Application) -> Result<(), EngineError> {
    let target = inner.target(app).map_err(EngineError::Precondition)?;
    let mut owned: Vec<_> =
        live(inner, slot, app, &[]).await?.into_iter().filter(|(_, o)| o.owner.as_deref() == Some(slot.name())).collect();
    owned.sort_by_key(|(id, o)| {
        (std::cmp::Reverse(gitops_apply::Wave::of(&o.manifest)), std::cmp::Reverse(gitops_apply::kind_rank(&id.kind)))
    });
    owned.retain(|(_, object)| !keeps(&object.manifest));
    let mut owned = owned.into_iter().peekable();
    while let Some((first, object)) = owned.next() {
        let wave = gitops_apply::Wave::of(&object.manifest);
        let mut members = vec![first];
        while let Some((id, _)) = owned.next_if(|(_, o)| gitops_apply::Wave::of(&o.manifest) == wave) {
            members.push(id);
        }
        let mut going = BTreeMap::new();
        for id in members {
            let propagation = gitops_apply::Propagation::default();
            let removal = target.prune(slot.name(), &id, propagation).await;
            if let Removal::Terminating { message } = removal.map_err(|e| EngineError::Internal(format!("{id}: {e}")))? {
                going.insert(id, message);
            }
        }
        until_gone(&*target, slot.name(), going).await?;
    }
    Ok(())
}

/// Waits until objects that are being removed are gone: the next wave begins after that.
async fn until_gone(target: &dyn Target, app: &str, mut going: BTreeMap<ObjectId, String>) -> Result<(), EngineError> {
    let deadline = Instant::now() + REMOVAL_PATIENCE;
    while !going.is_empty() {
        let ids: Vec<ObjectId> = going.keys().cloned().collect();
        let there = target.health(app, &ids).await.map_err(|e| EngineError::Internal(e.to_string()))?;
        going.retain(|id, _| there.contains_key(id));
        if let Some((id, message)) = going.iter().next().filter(|_| Instant::now() > deadline) {
            return Err(EngineError::Precondition(format!("{id} is still there: {message}; delete again when it is gone")));
        }
        if !going.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

/// Objects that stay when their application goes.
fn keeps(manifest: &Manifest) -> bool {
    let options = manifest.annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    options.split(',').any(|o| o.trim() == "Delete=false")
        || manifest.annotation("helm.sh/resource-policy") == Some("keep")
        || manifest.id().kind == "CustomResourceDefinition"
}
