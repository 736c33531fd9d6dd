//! ApplicationSets: declared and stored as applications are, expanded when something that they read may have changed, and
//! what follows from that.
//!
//! Each set has a slot and a queue of its own. A pass over a set expands it again only when it is stale: declared anew, its
//! timer ran out, or a commit touched what it read; otherwise the last expansion serves, and only the order of rollouts and the
//! status are looked at. What a generator cannot say leaves everything as it is.

mod apply;
mod pass;
mod preview;
mod request;
mod rollout;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use gitops_app::{Application, ApplicationSet, SET_KIND};
use gitops_appset::{ExpandError, Expansion, Progress};
use gitops_manifest::{Location, Manifest};
use gitops_source::RepoUrl;
use gitops_state::{AppKey, NewObject, ObjectKind, Origin};
use gitops_tree::{ReadSet, Tree};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::engine::Inner;
use crate::error::EngineError;
use crate::queue::Queue;
use crate::sources::repository;

pub use preview::{PreviewApplication, PreviewChange, SetPreview};
pub use request::SetView;

pub(crate) use pass::work;

/// What one repository at one revision gave.
pub(crate) struct Read {
    url: RepoUrl,
    spec: String,
    reads: ReadSet,
}

/// What changes about a set.
pub(crate) struct SetState {
    pub(crate) set: Arc<ApplicationSet>,
    pub(crate) origin: Origin,
    pub(crate) status: Json,
    /// The status as the store has it.
    stored: String,
    expansion: Option<Arc<Expansion>>,
    /// Why the last attempt to expand it failed; what there is stays until it goes well again.
    failed: Option<ExpandError>,
    /// What the expansion read; none after a failure, so that any commit to its repositories counts.
    reads: Option<Vec<Read>>,
    /// Repositories that it asked for, as it names them.
    repositories: BTreeSet<String>,
    progress: Vec<Progress>,
    /// Expand again.
    stale: bool,
    expanded_at: Option<Instant>,
    due: Option<Instant>,
    /// It is being deleted; with its applications, or without.
    deleting: Option<bool>,
}

/// A set.
pub(crate) struct SetSlot {
    pub(crate) key: AppKey,
    state: Mutex<SetState>,
    passes: tokio::sync::watch::Sender<u64>,
}

impl SetSlot {
    /// The state. Never held across a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.key.name
    }

    /// How applications of the set say where they come from.
    fn origin(&self) -> Origin {
        Origin::File(format!("{SET_KIND} {}", self.key))
    }
}

/// All sets, by name.
#[derive(Default)]
pub(crate) struct Sets {
    slots: RwLock<BTreeMap<String, Arc<SetSlot>>>,
    pub(crate) queue: Queue,
}

impl Sets {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<SetSlot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<SetSlot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn insert(&self, slot: Arc<SetSlot>) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.name().to_owned(), slot);
    }

    fn remove(&self, name: &str) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// An application of a set has changed: the set is looked at, without being expanded.
    pub(crate) fn noticed(&self, app: &Application) {
        if let Some(name) = owner(app)
            && self.get(name).is_some()
        {
            self.queue.add(name);
        }
    }
}

/// The set that owns an application.
pub(crate) fn owner(app: &Application) -> Option<&str> {
    let owners = app.metadata.other.get("ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|o| o["controller"].as_bool() == Some(true))?;
    if owner["kind"].as_str() == Some(SET_KIND) { owner["name"].as_str() } else { None }
}

/// Fills in what the store has. Blocking.
pub(crate) fn load(inner: &Inner) -> Result<(), gitops_state::StoreError> {
    for stored in inner.store.objects(ObjectKind::Set)? {
        match read(&stored.json) {
            Ok(set) => {
                let slot = new_slot(stored.key, set, stored.origin);
                {
                    let mut state = slot.lock();
                    state.stored = stored.status.unwrap_or_default();
                    state.status = serde_json::from_str(&state.stored).unwrap_or_default();
                    state.progress = rollout::progress(&state.status);
                }
                inner.sets.insert(Arc::new(slot));
            }
            Err(e) => tracing::error!(set = %stored.key, "the stored ApplicationSet cannot be read and is left alone: {e}"),
        }
    }
    Ok(())
}

fn read(json: &str) -> Result<ApplicationSet, String> {
    let value = gitops_manifest::json::parse(json.as_bytes(), "store").map_err(|e| e.to_string())?;
    let manifest = Manifest::from_value(value, Location::file("store")).map_err(|e| e.to_string())?;
    ApplicationSet::from_manifest(&manifest).map_err(|e| e.to_string())
}

fn new_slot(key: AppKey, set: ApplicationSet, origin: Origin) -> SetSlot {
    let state = SetState {
        set: Arc::new(set),
        origin,
        status: Json::Null,
        stored: String::new(),
        expansion: None,
        failed: None,
        reads: None,
        repositories: BTreeSet::new(),
        progress: Vec::new(),
        stale: true,
        expanded_at: None,
        due: None,
        deleting: None,
    };
    SetSlot { key, state: Mutex::new(state), passes: tokio::sync::watch::Sender::new(0) }
}

/// Stores a set and puts it into its slot. Blocking.
pub(crate) fn declare(inner: &Inner, mut set: ApplicationSet, origin: Origin) -> Result<Arc<SetSlot>, EngineError> {
    let home = &inner.settings.namespace;
    if set.metadata.namespace.is_empty() {
        set.metadata.namespace.clone_from(home);
    } else if set.metadata.namespace != *home {
        return Err(EngineError::Invalid(format!(
            "ApplicationSet '{}' is in namespace {}, and sets count in {home} only: move it there",
            set.metadata.name, set.metadata.namespace
        )));
    }
    set.status = None;
    let key = AppKey::new(set.metadata.namespace.clone(), set.metadata.name.clone());
    let put = inner.store.put_object(&NewObject {
        kind: ObjectKind::Set,
        key: key.clone(),
        json: gitops_manifest::json::print(&set.to_value()),
        origin: origin.clone(),
        at: gitops_state::now(),
    })?;
    let slot = match inner.sets.get(&key.name) {
        Some(slot) => {
            let mut state = slot.lock();
            state.set = Arc::new(set);
            state.origin = origin;
            state.stale |= put.changed;
            // Declared again while it was going: it stays.
            state.deleting = None;
            drop(state);
            slot
        }
        None => {
            let slot = Arc::new(new_slot(key, set, origin));
            inner.sets.insert(slot.clone());
            slot
        }
    };
    inner.sets.queue.add(slot.name());
    inner.polls.wake();
    Ok(slot)
}

/// Ends a set, with its applications or without. The work is the next passes'.
pub(crate) fn withdraw(inner: &Inner, slot: &SetSlot, cascade: bool) {
    slot.lock().deleting = Some(cascade);
    inner.sets.queue.add(slot.name());
}

/// Addresses of every repository that sets read.
pub(crate) fn repositories(inner: &Inner) -> BTreeSet<String> {
    inner.sets.all().iter().flat_map(|slot| slot.lock().repositories.clone()).collect()
}

/// A repository has new commits: sets that read what they touch are expanded again. Blocking.
pub(crate) fn follow(inner: &Inner, url: &RepoUrl) {
    for slot in inner.sets.all() {
        let mut state = slot.lock();
        let asks = |address: &String| repository(address, &inner.settings.aliases).is_ok_and(|u| u == *url);
        if state.stale || !state.repositories.iter().any(asks) {
            continue;
        }
        let holds = |read: &Read| read.url != *url || still_holds(inner, read).unwrap_or(false);
        if !state.reads.as_ref().is_some_and(|reads| reads.iter().all(holds)) {
            state.stale = true;
            inner.sets.queue.add(slot.name());
        }
    }
}

fn still_holds(inner: &Inner, read: &Read) -> Option<bool> {
    let spec = gitops_source::RevisionSpec::parse(&read.spec).ok()?;
    let revision = inner.mirrors.resolve(&read.url, &spec, None).ok()?;
    let tree = inner.mirrors.tree(&read.url, &revision).ok()?;
    read.reads.holds_in(&tree as &dyn Tree).ok()
}

/// A project has changed: sets with applications that were wrong, or that could not be expanded, are expanded again.
pub(crate) fn project_changed(inner: &Inner) {
    for slot in inner.sets.all() {
        let mut state = slot.lock();
        // One that is being expanded now may have looked before the change.
        if state.failed.is_some() || state.expansion.as_ref().is_none_or(|e| !e.problems.is_empty()) {
            state.stale = true;
            inner.sets.queue.add(slot.name());
        }
    }
}

/// Something happened at a forge that moved no reference: sets made of pull requests or by plugins are expanded again, at most
/// every ten seconds.
pub(crate) fn forge_event(inner: &Inner) {
    const SPACING: Duration = Duration::from_secs(10);
    for slot in inner.sets.all() {
        let mut state = slot.lock();
        if state.set.spec.generators.iter().any(asks_others) {
            state.stale = true;
            let earliest = state.expanded_at.map_or_else(Instant::now, |at| at + SPACING);
            inner.sets.queue.add_at(slot.name(), earliest);
        }
    }
}

fn asks_others(block: &Json) -> bool {
    let nested = |kind: &str| block[kind]["generators"].as_array().is_some_and(|g| g.iter().any(asks_others));
    block.get("pullRequest").is_some() || block.get("plugin").is_some() || nested("matrix") || nested("merge")
}
