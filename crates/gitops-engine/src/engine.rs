//! The engine itself: its parts, its start and its end, and the workers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use gitops_app::{Application, ApplicationStatus};
use gitops_apply::Target;
use gitops_render::ChartCache;
use gitops_source::Mirrors;
use gitops_state::{AppKey, ListQuery, NewAudit, Origin, Store, StoreError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::chart_shelf::Shelf;
use crate::dependency::Dependencies;
use crate::error::blocking;
use crate::gate::Stops;
use crate::home;
use crate::metrics::Metrics;
use crate::project::{self, Projects};
use crate::queue::Queue;
use crate::readers::Addresses;
use crate::report::Report;
use crate::set::{self, Sets};
use crate::settings::Settings;
use crate::slot::{Last, Slot};
use crate::sources::Inputs;
use crate::{operation, pass, polling, remote};

/// ApplicationSets looked at at the same time: they mostly wait for others.
const SET_WORKERS: usize = 2;

/// What an engine is made of.
pub struct Parts {
    /// Where everything is remembered.
    pub store: Store,
    /// Where commits come from.
    pub mirrors: Arc<Mirrors>,
    /// What is changed, by the name that `destination.name` uses.
    pub targets: Vec<Arc<dyn Target>>,
    /// Who is told of deployments.
    pub report: Option<Arc<dyn Report>>,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The setting of what remote bases may be read.
    #[error("kustomize.remotes: {0}")]
    Remotes(String),
    /// The directory of charts.
    #[error("{0}")]
    Charts(String),
    /// The runtime.
    #[error("{0}")]
    Runtime(String),
}

/// A running engine. Clones share it; it ends with [`Engine::stop`].
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) mirrors: Arc<Mirrors>,
    pub(crate) targets: BTreeMap<String, Arc<dyn Target>>,
    pub(crate) report: Option<Arc<dyn Report>>,
    pub(crate) settings: Settings,
    remotes: gitops_source::Remotes,
    pub(crate) shelf: Shelf,
    pub(crate) parsed: ChartCache,
    pub(crate) addresses: Addresses,
    pub(crate) slots: RwLock<BTreeMap<String, Arc<Slot>>>,
    pub(crate) queue: Queue,
    pub(crate) metrics: Metrics,
    pub(crate) projects: Projects,
    pub(crate) stops: Stops,
    pub(crate) dependencies: Dependencies,
    pub(crate) sets: Sets,
    pub(crate) polls: polling::Polls,
    pub(crate) stopping: AtomicBool,
    ready: AtomicBool,
    sequence: AtomicU64,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Inner {
    pub(crate) fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Where sources are read.
    pub(crate) fn inputs(&self, app: &Application) -> Inputs<'_> {
        let Settings { aliases, limits, load_restrictor, renderers, decryption, .. } = &self.settings;
        Inputs {
            mirrors: &self.mirrors,
            aliases,
            limits,
            remotes: &self.remotes,
            load_restrictor: *load_restrictor,
            shelf: &self.shelf,
            parsed: &self.parsed,
            renderers: &renderers.0,
            decryption,
            target: self.target(app).ok(),
        }
    }

    pub(crate) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn insert(&self, slot: Arc<Slot>) {
        self.dependencies.note(slot.name(), Some(&slot.lock().app));
        self.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.name().to_owned(), slot);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.dependencies.note(name, None);
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The target that an Application's destination names.
    pub(crate) fn target(&self, app: &Application) -> Result<Arc<dyn Target>, String> {
        let destination = &app.spec.destination;
        let name = if destination.name.is_empty() { &destination.server } else { &destination.name };
        self.targets.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.targets.keys().map(String::as_str).collect();
            format!(
                "destination `{name}` is no target of this server, which has: {}. Clusters are named under `clusters` in its configuration",
                known.join(", ")
            )
        })
    }

    /// An id for an operation: unique for ever, because hook runs are named after it.
    pub(crate) fn operation_id(&self, app: &str) -> String {
        format!("{app}-{}-{}", gitops_state::now().as_millis(), self.sequence.fetch_add(1, Ordering::Relaxed))
    }

    /// Keeps a task to be waited for at the end.
    pub(crate) fn keep(&self, task: JoinHandle<()>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|t| !t.is_finished());
        tasks.push(task);
    }

    pub(crate) fn audit(&self, actor: &str, action: &str, app: &AppKey, detail: serde_json::Value) {
        self.audit_object(actor, action, &format!("application:{app}"), detail);
    }

    pub(crate) fn audit_object(&self, actor: &str, action: &str, object: &str, detail: serde_json::Value) {
        let entry = NewAudit {
            at: gitops_state::now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            detail_json: detail.to_string(),
        };
        if let Err(e) = self.store.append_audit(&entry) {
            tracing::error!(object, action, "audit log: {e}");
        }
    }
}

impl Engine {
    /// Loads what the store has, continues what was cut off, and begins to work. Returns once everything is loaded.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: Parts, settings: Settings) -> Result<Engine, StartError> {
        let remotes = remote::remotes(&settings.remotes, &settings.aliases).map_err(|e| StartError::Remotes(e.to_string()))?;
        let shelf = Shelf::open(settings.charts.clone(), &settings.aliases).map_err(|e| StartError::Charts(e.to_string()))?;
        let mut targets = by_name_and_server(parts.targets);
        let inner = Arc::new_cyclic(|weak| {
            home::add(&mut targets, weak.clone());
            Inner {
                remotes,
                shelf,
                parsed: ChartCache::new(settings.parsed_charts),
                addresses: Addresses::default(),
                store: parts.store,
                mirrors: parts.mirrors,
                targets,
                report: parts.report,
                settings,
                slots: RwLock::default(),
                queue: Queue::default(),
                metrics: Metrics::default(),
                projects: Projects::default(),
                stops: Stops::default(),
                dependencies: Dependencies::default(),
                sets: Sets::default(),
                polls: polling::Polls::default(),
                stopping: AtomicBool::new(false),
                ready: AtomicBool::new(false),
                sequence: AtomicU64::new(0),
                tasks: Mutex::default(),
            }
        });
        let loading = inner.clone();
        let cut_off = blocking(move || load(&loading)).await.map_err(|e| StartError::Runtime(e.to_string()))??;
        for stored in cut_off {
            operation::resume(&inner, stored);
        }
        for _ in 0..inner.settings.workers.max(1) {
            inner.keep(tokio::spawn(work(inner.clone())));
        }
        for slot in inner.all_slots() {
            inner.queue.add(slot.name());
        }
        for _ in 0..SET_WORKERS {
            inner.keep(tokio::spawn(set::work(inner.clone())));
        }
        for slot in inner.sets.all() {
            inner.sets.queue.add(slot.name());
        }
        inner.keep(tokio::spawn(polling::run(inner.clone())));
        inner.ready.store(true, Ordering::Release);
        Ok(Engine(inner))
    }

    /// Whether everything was loaded and nothing stops.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire) && !self.0.stopping.load(Ordering::Acquire)
    }

    /// Counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How many charts were parsed: applications of one chart share its parse.
    pub fn charts_parsed(&self) -> u64 {
        self.0.parsed.parses()
    }

    /// Counters as Prometheus reads them.
    pub fn metrics_text(&self) -> String {
        let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
        for slot in self.0.all_slots() {
            let state = slot.lock();
            let sync = state.status.sync.as_ref().and_then(|s| s.status).map_or("Unknown", |s| s.as_str());
            let health = state.status.health.as_ref().and_then(|h| h.status).map_or("Unknown", |h| h.as_str());
            *counted.entry((sync.to_owned(), health.to_owned())).or_default() += 1;
        }
        let rows: Vec<_> = counted.into_iter().map(|((sync, health), n)| (sync, health, n)).collect();
        self.0.metrics.text(&rows, self.0.queue.len(), self.0.parsed.parses())
    }

    /// Something happened to an application's live state (`Some`), or it is not known to which (`None`).
    pub fn drifted(&self, app: Option<&str>) {
        let touch = |slot: &Slot| {
            if let Some(running) = &slot.lock().running {
                running.controller.look();
            }
            self.0.queue.add(slot.name());
        };
        match app {
            Some(name) => {
                if let Some(slot) = self.0.slot(name) {
                    touch(&slot);
                }
            }
            None => self.0.all_slots().iter().for_each(|slot| touch(slot)),
        }
    }

    /// Ends: nothing new begins, operations stop at a safe point and stay running in the store, to be continued at the
    /// next start. Waits at most `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.queue.close();
        self.0.sets.queue.close();
        self.0.polls.wake();
        for slot in self.0.all_slots() {
            if let Some(running) = &slot.lock().running {
                running.shutdown();
            }
        }
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + patience;
        for task in tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout_at(deadline, task).await.is_err() {
                // As safe as a crash: the store has every step.
                abort.abort();
            }
        }
    }
}

/// Targets by every name that destinations use; the name counts more than another target's address.
fn by_name_and_server(targets: Vec<Arc<dyn Target>>) -> BTreeMap<String, Arc<dyn Target>> {
    let address = |t: &Arc<dyn Target>| t.server().map(|server| (server.to_owned(), t.clone()));
    let mut all: BTreeMap<String, Arc<dyn Target>> = targets.iter().filter_map(address).collect();
    all.extend(targets.into_iter().map(|t| (t.name().to_owned(), t)));
    all
}

/// Fills the slots from the store; returns the operations that were cut off.
fn load(inner: &Inner) -> Result<Vec<gitops_state::Operation>, StoreError> {
    project::load(inner)?;
    inner.stops.load(inner.store.stops()?);
    set::load(inner)?;
    let page = inner.store.list_applications(&ListQuery::default())?;
    for stored in page.items {
        let app: Application = match read(&stored.manifest_json) {
            Ok(app) => app,
            Err(e) => {
                tracing::error!(app = %stored.key, "the stored declaration cannot be read and is left alone: {e}");
                continue;
            }
        };
        let slot = Slot::new(stored.key, app, stored.origin);
        {
            let mut state = slot.lock();
            state.hold = stored.hold;
            if let Some(row) = stored.status {
                state.status = serde_json::from_str::<ApplicationStatus>(&row.status_json).unwrap_or_default();
                state.stored = row.status_json;
            }
        }
        if let Some(newest) = inner.store.operations(&slot.key, 1)?.into_iter().next() {
            operation::recall(inner, &slot, &newest);
            let mut state = slot.lock();
            state.last = Last::of(&newest);
            state.operation_id = Some(newest.id);
        }
        inner.insert(Arc::new(slot));
    }
    inner.store.running_operations()
}

/// Reads a stored declaration.
fn read(json: &str) -> Result<Application, String> {
    let value = gitops_manifest::json::parse(json.as_bytes(), "store").map_err(|e| e.to_string())?;
    let manifest = gitops_manifest::Manifest::from_value(value, gitops_manifest::Location::file("store")).map_err(|e| e.to_string())?;
    Application::from_manifest(&manifest).map_err(|e| e.to_string())
}

/// A worker: one application after another, each pass in a task of its own, so that a panic ends that pass only.
async fn work(inner: Arc<Inner>) {
    let passes = inner.clone();
    let mut service = ServiceBuilder::new().concurrency_limit(1).timeout(inner.settings.pass_timeout).service_fn(move |slot: Arc<Slot>| {
        let inner = passes.clone();
        async move { tokio::spawn(async move { pass::run(&inner, &slot).await }).await.map_err(|e| e.to_string()) }
    });
    while let Some(name) = inner.queue.next().await {
        let Some(slot) = inner.slot(&name) else {
            inner.queue.done(&name);
            continue;
        };
        let began = Instant::now();
        slot.begun.fetch_add(1, Ordering::AcqRel);
        let outcome = match service.ready().await {
            Ok(service) => service.call(slot.clone()).await,
            Err(e) => Err(e),
        };
        inner.metrics.reconciled(began.elapsed());
        let again = match outcome {
            Ok(again) => again,
            Err(e) => {
                Metrics::count(&inner.metrics.failures);
                tracing::error!(app = %name, "the pass did not end: {e}");
                pass::record_failure(&inner, &slot, &format!("looking at the application failed: {e}"));
                Duration::from_secs(30)
            }
        };
        slot.passes.send_modify(|n| *n += 1);
        inner.queue.add_at(&name, Instant::now() + again);
        inner.queue.done(&name);
    }
}

/// Where a declaration came from, for people.
pub(crate) fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Api => "the API".to_owned(),
        Origin::File(file) => file.clone(),
    }
}
