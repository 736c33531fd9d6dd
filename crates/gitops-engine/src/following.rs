//! After a fetch: which applications the new commits concern.
//!
//! One look over everything that reads the repository. An application whose render read nothing that has changed only
//! moves on to the new revision; the others are queued. So a commit to a mono-repository costs a comparison of ids for
//! most of its applications, and a pass for those that it touches. Each revision is resolved once and each tree opened
//! once, however many follow it, and the statuses are written together.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gitops_app::{Application, ApplicationSource, SyncCode};
use gitops_source::{RepoUrl, RevisionSpec};
use gitops_state::{AppKey, StatusRow};
use gitops_tree::{Revision, Tree};

use crate::chart_shelf;
use crate::engine::Inner;
use crate::metrics::Metrics;
use crate::pass;
use crate::rendering::Rendering;
use crate::slot::Slot;
use crate::sources::At;

/// Statuses written in one transaction: enough to save time, few enough that other writers do not wait for long.
const WRITTEN_AT_ONCE: usize = 250;

/// Moves on, or queues, every application that reads `url`. Blocking.
pub(crate) fn follow(inner: &Inner, url: &RepoUrl) {
    let mut look = Look { inner, revisions: HashMap::new(), trees: HashMap::new() };
    let mut rows: Vec<(Arc<Slot>, StatusRow)> = Vec::new();
    for slot in inner.readers(|app, slot| inner.repositories_of(app, Some(slot)).contains(url)) {
        let app = slot.lock().app.clone();
        let sources = app.effective_sources();
        match look.unconcerned(&slot, &app, &sources) {
            Some(Unconcerned::SameRevision) => Metrics::count(&inner.metrics.unconcerned),
            Some(Unconcerned::At(rendering)) => {
                if let Some(row) = move_on(&slot, &rendering) {
                    Metrics::count(&inner.metrics.unconcerned);
                    rows.push((slot, row));
                } else {
                    inner.queue.add(slot.name());
                }
            }
            None => inner.queue.add(slot.name()),
        }
    }
    for rows in rows.chunks(WRITTEN_AT_ONCE) {
        let keyed = rows.iter().map(|(slot, row)| -> (&AppKey, &StatusRow) { (&slot.key, row) });
        if let Err(e) = inner.store.set_statuses(keyed) {
            tracing::error!("statuses: {e}");
            // What is not in the store is written by the next pass.
            rows.iter().for_each(|(slot, _)| slot.lock().stored.clear());
        }
    }
}

/// Why no pass is needed.
enum Unconcerned {
    /// What it follows has not moved.
    SameRevision,
    /// Nothing that it read has changed: the same render, at new revisions.
    At(Box<Rendering>),
}

/// What is found out once for all applications.
struct Look<'a> {
    inner: &'a Inner,
    revisions: HashMap<(RepoUrl, String, String), Option<Revision>>,
    trees: HashMap<(RepoUrl, Revision), Option<Arc<dyn Tree>>>,
}

impl Look<'_> {
    /// A source at what it is read now, and its files. `None` for whatever is out of the ordinary.
    fn source(&mut self, source: &ApplicationSource) -> Option<(At, Arc<dyn Tree>)> {
        if let Some(request) = chart_shelf::request(source, None) {
            let resolved = self.inner.shelf.known(&request)?;
            let tree = self.inner.shelf.tree(&request, &resolved).ok()?;
            return Some((At { revision: resolved.revision, version: Some(resolved.version) }, tree));
        }
        let url = self.inner.repository(&source.repo_url)?;
        let revision = self.revision(&url, source)?;
        let tree = self.tree(&url, &revision)?;
        Some((At::commit(revision), tree))
    }

    fn revision(&mut self, url: &RepoUrl, source: &ApplicationSource) -> Option<Revision> {
        let key = (url.clone(), source.revision_spec().to_owned(), source.tag_prefix.clone());
        let mirrors = &self.inner.mirrors;
        let resolve = |(url, spec, prefix): &(RepoUrl, String, String)| {
            let spec = RevisionSpec::parse(spec).ok()?;
            mirrors.resolve(url, &spec, Some(prefix.as_str()).filter(|p| !p.is_empty())).ok()
        };
        self.revisions.entry(key).or_insert_with_key(resolve).clone()
    }

    fn tree(&mut self, url: &RepoUrl, revision: &Revision) -> Option<Arc<dyn Tree>> {
        let mirrors = &self.inner.mirrors;
        let open = |(url, revision): &(RepoUrl, Revision)| Some(Arc::new(mirrors.tree(url, revision).ok()?) as Arc<dyn Tree>);
        self.trees.entry((url.clone(), revision.clone())).or_insert_with_key(open).clone()
    }

    /// Whether the application needs no pass. Whatever is out of the ordinary gets one: an error shows there.
    fn unconcerned(&mut self, slot: &Slot, app: &Application, sources: &[ApplicationSource]) -> Option<Unconcerned> {
        let rendering = {
            let state = slot.lock();
            let synced = state.status.sync.as_ref().is_some_and(|s| s.status == Some(SyncCode::Synced));
            let settled = synced && state.status.conditions.is_empty() && state.hold.is_none() && !state.hard && !state.deleted;
            let works = state.running.is_some() || state.again.is_some() || !slot.is_idle();
            state.rendering.clone().filter(|_| settled && !works)?
        };
        let mut revisions = Vec::with_capacity(sources.len());
        let mut trees = Vec::with_capacity(sources.len());
        for source in sources {
            let (at, tree) = self.source(source)?;
            trees.push(tree);
            revisions.push(at);
        }
        let bases = || rendering.remotes_hold(&self.inner.inputs(app));
        if rendering.result.is_err() || !rendering.is_for(app) || !bases() {
            return None;
        }
        if rendering.revisions == revisions {
            return Some(Unconcerned::SameRevision);
        }
        let holds = rendering.holds(&trees).ok()?;
        holds.then(|| Unconcerned::At(Box::new(rendering.at(revisions))))
    }
}

/// Shows the new revisions, and returns the status to be stored. `None` when something began meanwhile.
fn move_on(slot: &Slot, rendering: &Rendering) -> Option<StatusRow> {
    let mut state = slot.lock();
    let same = state.rendering.as_ref().is_some_and(|known| known.id == rendering.id);
    if !same || state.running.is_some() || state.deleted || !slot.is_idle() {
        return None;
    }
    state.rendering = Some(Arc::new(rendering.clone()));
    let revisions: Vec<String> = rendering.revisions.iter().map(ToString::to_string).collect();
    let sync = state.status.sync.as_mut()?;
    if sync.revisions.is_empty() {
        sync.revision = revisions.into_iter().next().unwrap_or_default();
    } else {
        sync.revisions = revisions;
    }
    let row = pass::status_row(&state.status);
    state.stored.clone_from(&row.status_json);
    Some(row)
}

impl Slot {
    /// Whether no pass is under way. One that begins later sees what was fetched before the question.
    fn is_idle(&self) -> bool {
        self.begun.load(Ordering::Acquire) == *self.passes.borrow()
    }
}
