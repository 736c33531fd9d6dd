//! When repositories are asked for new commits, and what follows from an answer or a push event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use gitops_app::Application;
use gitops_render::ChartRequest;
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
use crate::set;

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

/// What is asked for news.
#[derive(Clone)]
enum Polled {
    Repository(RepoUrl),
    Chart(ChartRequest),
}

/// Everything that is read, by the text of its address.
fn polled(inner: &Inner) -> BTreeMap<String, Polled> {
    let mut found = BTreeMap::new();
    for url in inner.settings.declarations.iter().filter_map(|d| inner.repository(&d.repo_url)) {
        found.insert(url.to_string(), Polled::Repository(url));
    }
    for url in set::repositories(inner).iter().filter_map(|url| inner.repository(url)) {
        found.insert(url.to_string(), Polled::Repository(url));
    }
    for slot in inner.all_slots() {
        let app = slot.lock().app.clone();
        for url in inner.repositories_of(&app, Some(&slot)) {
            found.insert(url.to_string(), Polled::Repository(url));
        }
        for chart in Inner::charts_of(&app, Some(&slot)) {
            found.insert(chart.address(), Polled::Chart(chart));
        }
    }
    found
}

/// Polls until the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    while !inner.stopping.load(Ordering::Acquire) {
        let now = SystemTime::now();
        let mut next = now + Duration::from_secs(60);
        for (name, what) in polled(&inner) {
            let mut due = inner.polls.due.lock().unwrap_or_else(PoisonError::into_inner);
            let known = due.entry(name.clone()).or_insert(Due { at: Some(now) });
            match known.at {
                Some(at) if at <= now => {
                    known.at = None;
                    drop(due);
                    inner.keep(tokio::spawn(poll(inner.clone(), name, what)));
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
async fn poll(inner: Arc<Inner>, name: String, what: Polled) {
    let work = inner.clone();
    let result = blocking(move || match &what {
        Polled::Repository(url) => fetch(&work, url),
        Polled::Chart(chart) => look(&work, chart),
    });
    let result = result.await;
    let interval = inner.settings.poll_interval;
    let now = SystemTime::now();
    let at = match result {
        Ok(true) if interval.is_zero() => now + Duration::from_secs(86_400 * 365),
        Ok(true) => next_poll(now, interval.mul_f64(0.9), interval.mul_f64(0.2), poll_seed(&name)),
        _ => now + AFTER_FAILURE,
    };
    if let Some(due) = inner.polls.due.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&name) {
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
            for slot in inner.readers(|app, slot| inner.repositories_of(app, Some(slot)).contains(url)) {
                inner.queue.add(slot.name());
            }
            false
        }
    }
}

/// Asks what a chart's version or range means now, and puts what reads it into the queue when that is news, or when it
/// could not be asked. Says whether it could. Blocking.
fn look(inner: &Inner, chart: &ChartRequest) -> bool {
    Metrics::count(&inner.metrics.fetches);
    let before = inner.shelf.problem(chart);
    let outcome = inner.shelf.look(chart);
    if let Err(e) = &outcome {
        Metrics::count(&inner.metrics.fetches_failed);
        tracing::warn!("{e}");
    }
    // A problem that stays is shown already.
    if outcome.as_ref().is_ok_and(|is_news| *is_news) || (outcome.is_err() && inner.shelf.problem(chart) != before) {
        for slot in inner.readers(|app, slot| Inner::charts_of(app, Some(slot)).contains(chart)) {
            inner.queue.add(slot.name());
        }
    }
    outcome.is_ok()
}

/// Asks for news of everything that an application reads. Blocking.
pub(crate) fn fetch_for(inner: &Arc<Inner>, app: &Application) {
    let slot = inner.slot(&app.metadata.name);
    for url in inner.repositories_of(app, slot.as_deref()) {
        fetch(inner, &url);
    }
    for chart in Inner::charts_of(app, slot.as_deref()) {
        look(inner, &chart);
    }
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
            if let Some(url) = inner.repository(&url) {
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
