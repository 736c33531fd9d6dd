//! What every part of a target shares: the connection, what is known of kinds and objects, and the watches.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use gitops_apply::TargetError;
use serde::Deserialize;
use tokio::sync::{Mutex as AsyncMutex, OnceCell, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::answer::Refusal;
use crate::cache::{Cache, Seen};
use crate::comparing::{self, Comparing};
use crate::config::KubernetesConfig;
use crate::connection::{Call, Connection};
use crate::kind::{ACCEPT, BadName, Kind, Kinds};
use crate::tracking::Tracking;
use crate::watching;

/// How soon discovery may be asked for again because a kind is unknown.
const SOONEST_REFRESH: Duration = Duration::from_millis(500);
/// How long the first list of a kind may take before whoever needs it is told.
const FIRST_LIST: Duration = Duration::from_secs(60);
/// Kinds that are looked through at the same time at the start.
const SCANS: usize = 8;
/// Objects in one page of a list.
pub(crate) const PAGE: usize = 500;
/// Only the metadata of the objects in a list.
pub(crate) const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Told of an application whose objects changed.
pub(crate) type OnChange = Arc<dyn Fn(&str) + Send + Sync>;

/// One watch: a kind, in all namespaces or in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WatchKey {
    pub(crate) kind: Arc<Kind>,
    pub(crate) namespace: Option<String>,
}

/// How far a watch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchState {
    /// Its first list is under way.
    Starting,
    /// The cache has what it listed; a watch that is interrupted stays so.
    Synced,
    /// The first list was refused.
    Refused(Refusal),
}

struct Watching {
    state: watch::Receiver<WatchState>,
    task: JoinHandle<()>,
}

pub(crate) struct Core {
    pub(crate) config: KubernetesConfig,
    pub(crate) connection: Connection,
    pub(crate) cache: Cache,
    pub(crate) comparing: Comparing,
    pub(crate) on_change: OnChange,
    kinds: RwLock<Arc<Kinds>>,
    refreshed: AsyncMutex<Option<Instant>>,
    watches: Mutex<HashMap<WatchKey, Watching>>,
    scanned: OnceCell<()>,
}

impl Core {
    pub(crate) fn new(config: KubernetesConfig, on_change: OnChange) -> Core {
        Core {
            connection: Connection::new(config.access.clone(), config.exec_allowed.clone(), config.most_requests),
            cache: Cache::new(config.tracking.clone(), config.health.clone()),
            comparing: Comparing::new(&config),
            on_change,
            kinds: RwLock::default(),
            refreshed: AsyncMutex::default(),
            watches: Mutex::default(),
            scanned: OnceCell::new(),
            config,
        }
    }

    /// What is known of kinds now.
    pub(crate) fn kinds(&self) -> Arc<Kinds> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for discovery again, unless that was done a moment ago.
    pub(crate) async fn discover(&self) -> Result<Arc<Kinds>, Refusal> {
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.is_some_and(|at| at.elapsed() < SOONEST_REFRESH) {
            return Ok(self.kinds());
        }
        let mut kinds = Kinds::default();
        for path in ["/api", "/apis"] {
            let call = Call { accept: ACCEPT, ..Call::get(path) };
            let answer = self.connection.call(&call, None).await?;
            kinds.add(&answer).map_err(|e| Refusal::of(501, e.as_bytes(), None))?;
        }
        let kinds = Arc::new(kinds);
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = kinds.clone();
        *refreshed = Some(Instant::now());
        Ok(kinds)
    }

    /// A kind in the version that a manifest names: from what is known, else asked for.
    pub(crate) async fn kind(&self, group: &str, version: &str, kind: &str) -> Result<Option<Arc<Kind>>, Refusal> {
        match self.kinds().exact(group, version, kind) {
            Some(known) => Ok(Some(known)),
            None => Ok(self.discover().await?.exact(group, version, kind)),
        }
    }

    /// The first time, finds out which kinds have tracked objects and watches them.
    pub(crate) async fn ready(&self, this: &Arc<Core>) -> Result<(), TargetError> {
        self.scanned.get_or_try_init(|| self.scan(this)).await.map(|_| ())
    }

    async fn scan(&self, this: &Arc<Core>) -> Result<(), TargetError> {
        let kinds = self.discover().await.map_err(|e| e.error(&format!("cluster `{}`", self.config.name)))?;
        let permits = Arc::new(Semaphore::new(SCANS));
        let mut scans = tokio::task::JoinSet::new();
        for kind in kinds.watchable() {
            let (core, permits) = (this.clone(), permits.clone());
            scans.spawn(async move {
                let _permit = permits.acquire_owned().await;
                match core.has_tracked(&kind).await {
                    Ok(true) => Some(kind),
                    Ok(false) => None,
                    Err(refusal) => {
                        tracing::debug!(kind = kind.kind, code = refusal.code, "not looked through: {}", refusal.message);
                        None
                    }
                }
            });
        }
        let mut found = Vec::new();
        while let Some(kind) = scans.join_next().await {
            found.extend(kind.ok().flatten());
        }
        for kind in found {
            // What it says is said again by whoever desires the kind.
            let _ = self.watch(this, &kind).await;
        }
        // New kinds are known as soon as their definitions are.
        if let Some(definitions) = kinds.preferred("apiextensions.k8s.io", "CustomResourceDefinition") {
            let _ = self.watch(this, &definitions).await;
        }
        Ok(())
    }

    /// Whether any object of a kind is tracked by an application.
    async fn has_tracked(&self, kind: &Arc<Kind>) -> Result<bool, Refusal> {
        for namespace in self.scopes(kind) {
            let path = kind.list_path(namespace.as_deref()).map_err(bad_name)?;
            let mut next = String::new();
            loop {
                let call = Call { accept: METADATA_LIST, ..Call::get(format!("{path}?limit={PAGE}{next}")) };
                let page: MetadataPage = read(&self.connection.call(&call, None).await?)?;
                if page.items.iter().any(|item| item.tracked(self.cache.tracking())) {
                    return Ok(true);
                }
                if page.metadata.token.is_empty() {
                    break;
                }
                next = format!("&continue={}", page.metadata.token);
            }
        }
        Ok(false)
    }

    /// Where a kind is watched: everywhere, or in the namespaces that management is limited to.
    fn scopes(&self, kind: &Kind) -> Vec<Option<String>> {
        match (self.config.namespaces.as_slice(), kind.namespaced) {
            ([], _) => vec![None],
            (some, true) => some.iter().cloned().map(Some).collect(),
            (_, false) if self.config.cluster_resources => vec![None],
            (_, false) => Vec::new(),
        }
    }

    /// Watches a kind, and waits until the cache has it.
    pub(crate) async fn watch(&self, this: &Arc<Core>, kind: &Arc<Kind>) -> Result<(), Refusal> {
        if !kind.watched {
            return Ok(());
        }
        if !self.is_watched(kind) {
            comparing::learn_kind(this, kind).await;
        }
        let states: Vec<_> = self.scopes(kind).into_iter().map(|namespace| self.begin_watch(this, kind, namespace)).collect();
        for mut state in states {
            let settled = tokio::time::timeout(FIRST_LIST, state.wait_for(|s| *s != WatchState::Starting)).await;
            match settled {
                Ok(Ok(state)) => {
                    if let WatchState::Refused(refusal) = &*state {
                        return Err(refusal.clone());
                    }
                }
                Ok(Err(_)) => return Err(Refusal::unreachable("the watch was given up: its kind is gone")),
                Err(_) => return Err(Refusal::unreachable(format!("no list of {} within {} s", kind.plural, FIRST_LIST.as_secs()))),
            }
        }
        Ok(())
    }

    /// An object as the cache has it; read once when nobody has wanted it whole before. `None` when it is not there.
    pub(crate) async fn known(self: &Arc<Core>, kind: &Arc<Kind>, namespace: &str, name: &str) -> Result<Option<Seen>, Refusal> {
        if kind.watched {
            self.watch(self, kind).await?;
            match self.cache.glimpse(kind, namespace, name) {
                None => return Ok(None),
                Some(glimpse) if glimpse.whole => return Ok(self.cache.object(kind, namespace, name)),
                Some(_) => {}
            }
        }
        let path = kind.path(namespace, name).map_err(bad_name)?;
        match self.connection.call(&Call::get(path), None).await {
            Ok(body) => {
                let text = String::from_utf8_lossy(&body);
                self.cache.put(kind, &text);
                self.cache.desire(kind, &text);
                Ok(self.cache.object(kind, namespace, name))
            }
            Err(refusal) if refusal.code == 404 => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    fn begin_watch(&self, this: &Arc<Core>, kind: &Arc<Kind>, namespace: Option<String>) -> watch::Receiver<WatchState> {
        let key = WatchKey { kind: kind.clone(), namespace };
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = watches.get(&key).filter(|w| !w.task.is_finished()) {
            return known.state.clone();
        }
        let (sender, state) = watch::channel(WatchState::Starting);
        let task = tokio::spawn(watching::run(this.clone(), key.clone(), sender));
        watches.insert(key, Watching { state: state.clone(), task });
        state
    }

    /// Whether a kind is watched already, so that the cache speaks for it.
    pub(crate) fn is_watched(&self, kind: &Arc<Kind>) -> bool {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = |key: WatchKey| watches.get(&key).is_some_and(|w| !w.task.is_finished() && *w.state.borrow() == WatchState::Synced);
        self.scopes(kind).into_iter().all(|namespace| synced(WatchKey { kind: kind.clone(), namespace }))
    }

    /// Ends every watch.
    pub(crate) fn stop(&self) {
        for (_, watching) in self.watches.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            watching.task.abort();
        }
    }

    /// Tells whoever wants to know of changes.
    pub(crate) fn tell(&self, apps: &[Arc<str>]) {
        let mut told = BTreeSet::new();
        for app in apps.iter().filter(|app| told.insert((*app).clone())) {
            (self.on_change)(app);
        }
    }
}

/// A name that leads elsewhere, as an answer.
pub(crate) fn bad_name(e: BadName) -> Refusal {
    Refusal::of(400, e.to_string().as_bytes(), None)
}

/// Reads an answer.
pub(crate) fn read<T: for<'a> Deserialize<'a>>(json: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(json).map_err(|e| Refusal::of(502, format!("an answer of the API server is not readable: {e}").as_bytes(), None))
}

#[derive(Deserialize)]
struct MetadataPage {
    #[serde(default)]
    metadata: Continue,
    #[serde(default)]
    items: Vec<MetadataItem>,
}

/// The part of a list that says how it goes on.
#[derive(Default, Deserialize)]
pub(crate) struct Continue {
    #[serde(default, rename = "continue")]
    pub(crate) token: String,
    #[serde(default, rename = "resourceVersion")]
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct MetadataItem {
    metadata: ItemMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ItemMetadata {
    annotations: Option<HashMap<String, String>>,
    labels: Option<HashMap<String, String>>,
}

impl MetadataItem {
    /// Whether it may be tracked: a copy of another's id is only found out by the watch.
    fn tracked(&self, tracking: &Tracking) -> bool {
        let of = |map: &Option<HashMap<String, String>>, key: &str| map.as_ref().is_some_and(|m| m.contains_key(key));
        let (annotation, label) = (of(&self.metadata.annotations, crate::tracking::ANNOTATION), of(&self.metadata.labels, &tracking.label));
        match tracking.method {
            crate::tracking::TrackingMethod::Label => label,
            _ => annotation,
        }
    }
}
