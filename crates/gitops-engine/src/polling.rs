//! When repositories are asked for new commits, and what follows from an answer or a push event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use gitops_app::Application;
use gitops_kustomize::RepositorySpec;
use gitops_source::webhook::Event;
use gitops_source::{RepoUrl, RevisionSpec, next_poll, poll_seed};
use gitops_tree::ReadSet;
use tokio::sync::Notify;

use crate::alias::read_from;
use crate::declaration;
use crate::engine::{Engine, Inner};
use crate::error::blocking;
use crate::following;
use crate::metrics::Metrics;
use crate::rendering::repository;
use crate::set;
use crate::slot::Slot;

/// When to try again after a fetch failed.
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// What is known about polls and declarations.
#[derive(Default)]
pub(crate) struct Polls {
    wake: Notify,
    due: Mutex<BTreeMap<String, Due>>,
    /// What the declarations read last, by their place in the settings.
    pub(crate) declared: Mutex<BTreeMap<usize, ReadSet>>,
}

/// When a repository is to be asked next; `None` while a fetch is under way.
struct Due {
    at: Option<SystemTime>,
}

impl Polls {
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Every repository that is read, by the text of its URL.
fn repositories(inner: &Inner) -> BTreeMap<String, RepoUrl> {
    let mut found = BTreeMap::new();
    let mut add = |url: &str| {
        if let Ok(url) = repository(url, &inner.settings.aliases) {
            found.insert(url.to_string(), url);
        }
    };
    for declarations in &inner.settings.declarations {
        add(&declarations.repo_url);
    }
    set::repositories(inner).iter().for_each(|url| add(url));
    for slot in inner.all_slots() {
        let app = slot.lock().app.clone();
        app.effective_sources().iter().filter(|s| s.chart.is_empty()).for_each(|s| add(&s.repo_url));
        remote_bases(&slot).iter().for_each(|spec| add(&spec.clone));
    }
    found
}

/// The remote bases that an application's last render read.
pub(crate) fn remote_bases(slot: &Slot) -> Vec<RepositorySpec> {
    let rendering = slot.lock().rendering.clone();
    rendering.iter().flat_map(|r| r.remotes()).filter_map(|(address, _)| RepositorySpec::parse(address)).collect()
}

/// Polls until the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    while !inner.stopping.load(Ordering::Acquire) {
        let now = SystemTime::now();
        let mut next = now + Duration::from_secs(60);
        for (name, url) in repositories(&inner) {
            let mut due = inner.polls.due.lock().unwrap_or_else(PoisonError::into_inner);
            let known = due.entry(name).or_insert(Due { at: Some(now) });
            match known.at {
                Some(at) if at <= now => {
                    known.at = None;
                    drop(due);
                    inner.keep(tokio::spawn(poll(inner.clone(), url)));
                }
                Some(at) => next = next.min(at),
                None => {}
            }
        }
        let wait = next.duration_since(now).unwrap_or_default();
        let _ = tokio::time::timeout(wait, inner.polls.wake.notified()).await;
    }
}

/// One poll, and the time of the next.
async fn poll(inner: Arc<Inner>, url: RepoUrl) {
    let work = (inner.clone(), url.clone());
    let result = blocking(move || fetch(&work.0, &work.1)).await;
    let interval = inner.settings.poll_interval;
    let now = SystemTime::now();
    let at = match result {
        Ok(true) if interval.is_zero() => now + Duration::from_secs(86_400 * 365),
        Ok(true) => next_poll(now, interval.mul_f64(0.9), interval.mul_f64(0.2), poll_seed(&url)),
        _ => now + AFTER_FAILURE,
    };
    if let Some(due) = inner.polls.due.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&url.to_string()) {
        due.at = Some(at);
    }
    inner.polls.wake();
}

/// Fetches, and puts what reads the repository into the queue when something is new. Says whether the fetch went well.
/// Blocking.
fn fetch(inner: &Arc<Inner>, url: &RepoUrl) -> bool {
    Metrics::count(&inner.metrics.fetches);
    match inner.mirrors.fetch(url) {
        Ok(fetched) => {
            for warning in &fetched.warnings {
                tracing::warn!(repository = %url, "{warning}");
            }
            declaration::read_all(inner, url);
            if fetched.changed {
                following::follow(inner, url);
                set::follow(inner, url);
            }
            true
        }
        Err(e) => {
            Metrics::count(&inner.metrics.fetches_failed);
            tracing::warn!("{e}");
            for slot in reading(inner, url) {
                inner.queue.add(&slot);
            }
            false
        }
    }
}

/// Fetches every repository that an application reads. Blocking.
pub(crate) fn fetch_for(inner: &Arc<Inner>, app: &Application) {
    for source in app.effective_sources().iter() {
        if let Ok(url) = repository(&source.repo_url, &inner.settings.aliases) {
            fetch(inner, &url);
        }
    }
    let bases = inner.slot(&app.metadata.name).map(|slot| remote_bases(&slot)).unwrap_or_default();
    for spec in bases {
        if let Ok(url) = repository(&spec.clone, &inner.settings.aliases) {
            fetch(inner, &url);
        }
    }
}

/// Names of the applications that read a repository.
fn reading(inner: &Inner, url: &RepoUrl) -> Vec<String> {
    let reads = |app: &Application| {
        app.effective_sources().iter().any(|s| repository(&s.repo_url, &inner.settings.aliases).is_ok_and(|u| u == *url))
    };
    inner.all_slots().iter().filter(|slot| reads(&slot.lock().app.clone())).map(|slot| slot.name().to_owned()).collect()
}

impl Engine {
    /// A push event: fetches the repositories it names that somebody reads. Returns how many applications follow what was
    /// pushed. The fetch goes on behind.
    pub fn pushed(&self, event: &Event) -> usize {
        let inner = &self.0;
        Metrics::count(&inner.metrics.webhooks);
        let Event::Push(push) = event else {
            set::forge_event(inner);
            return 0;
        };
        let key = |url: &str| RepoUrl::parse(url).map(|u| u.web_hook_key()).ok();
        let pushed: BTreeSet<String> = push.repositories.iter().filter_map(|url| key(url)).collect();
        let concerns = |url: &str| {
            let read = read_from(url, &inner.settings.aliases);
            key(url).is_some_and(|k| pushed.contains(&k)) || key(&read).is_some_and(|k| pushed.contains(&k))
        };
        let mut affected = 0;
        let mut urls: BTreeSet<String> = BTreeSet::new();
        for slot in inner.all_slots() {
            let app = slot.lock().app.clone();
            let follows = |spec: &str| RevisionSpec::parse(spec).is_ok_and(|s| s.concerns(&push.reference, push.to_default_branch()));
            let mut hit = false;
            for source in app.effective_sources().iter().filter(|s| concerns(&s.repo_url)) {
                urls.insert(source.repo_url.clone());
                hit |= follows(source.revision_spec());
            }
            affected += usize::from(hit);
        }
        for declarations in inner.settings.declarations.iter().filter(|d| concerns(&d.repo_url)) {
            urls.insert(declarations.repo_url.clone());
        }
        urls.extend(set::repositories(inner).into_iter().filter(|url| concerns(url)));
        for url in urls {
            if let Ok(url) = repository(&url, &inner.settings.aliases) {
                let work = inner.clone();
                inner.keep(tokio::spawn(async move {
                    let _ = blocking(move || fetch(&work, &url)).await;
                }));
            }
        }
        affected
    }

    /// A web hook was refused.
    pub fn webhook_refused(&self, why: &str) {
        Metrics::count(&self.0.metrics.webhooks_refused);
        tracing::warn!("web hook refused: {why}");
    }
}
