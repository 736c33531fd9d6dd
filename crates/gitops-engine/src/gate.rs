//! Whether operations of an application may begin, and go on: emergency stops, then sync windows.
//!
//! What blocks is no failure. A sync that would begin does not; an operation that runs stops at its next safe point, stays
//! `Running` with the reason as its message, and goes on when it may.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use gitops_app::{Application, SyncWindow, decide_windows, may_continue};
use gitops_state::{Hold, StoreError};
use serde::Serialize;
use serde_json::json;

use crate::engine::{Engine, Inner};
use crate::error::{EngineError, blocking};
use crate::project::Ruling;
use crate::slot::Slot;

/// Message of an operation that a window holds up.
const BY_WINDOW: &str = "Sync operation blocked by sync window";

/// What an emergency stop is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every application.
    Everything,
    /// The applications of a project.
    Project(String),
    /// One application.
    Application(String),
}

impl Scope {
    fn key(&self) -> String {
        match self {
            Scope::Everything => "everything".to_owned(),
            Scope::Project(name) => format!("project:{name}"),
            Scope::Application(name) => format!("application:{name}"),
        }
    }

    fn parse(key: &str) -> Option<Scope> {
        match key.split_once(':') {
            None => (key == "everything").then_some(Scope::Everything),
            Some(("project", name)) => Some(Scope::Project(name.to_owned())),
            Some(("application", name)) => Some(Scope::Application(name.to_owned())),
            Some(_) => None,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Everything => f.write_str("everything"),
            Scope::Project(name) => write!(f, "project {name}"),
            Scope::Application(name) => write!(f, "application {name}"),
        }
    }
}

/// The emergency stops there are.
#[derive(Default)]
pub(crate) struct Stops(RwLock<BTreeMap<Scope, Hold>>);

impl Stops {
    /// Fills in what the store has.
    pub(crate) fn load(&self, stored: BTreeMap<String, Hold>) {
        let read = stored.into_iter().filter_map(|(key, hold)| Some((Scope::parse(&key)?, hold)));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = read.collect();
    }

    /// The stop that an application is under: the widest.
    fn of(&self, app: &Application) -> Option<(Scope, Hold)> {
        let stops = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if stops.is_empty() {
            return None;
        }
        let scopes = [Scope::Everything, Scope::Project(app.spec.project().to_owned()), Scope::Application(app.metadata.name.clone())];
        scopes.into_iter().find_map(|scope| stops.get(&scope).cloned().map(|stop| (scope, stop)))
    }
}

/// What stops and windows say of an application now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Whether a sync that nobody asked for may begin.
    pub automated: bool,
    /// Whether a sync that somebody asked for may begin.
    pub manual: bool,
    /// What blocks, for a person; empty when all is allowed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When that may be another, in seconds since 1970; none without windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_change: Option<i64>,
    /// How many windows are about the application.
    pub windows: usize,
}

impl Gate {
    /// How long until it may be another.
    pub(crate) fn wait(&self, now: i64) -> Option<Duration> {
        self.next_change.map(|at| Duration::from_secs(at.saturating_sub(now).max(1).unsigned_abs()))
    }
}

pub(crate) fn now() -> i64 {
    gitops_state::now().as_millis().div_euclid(1000)
}

impl Inner {
    /// What stops and windows say of an application at a time.
    pub(crate) fn gate(&self, app: &Application, ruling: &Ruling, now: i64) -> Gate {
        let windows = ruling.windows(app);
        let decided = decide_windows(&windows, now);
        let mut gate = match decided {
            Ok(decided) => Gate {
                automated: decided.automated,
                manual: decided.manual,
                reason: decided.reason,
                next_change: decided.next_change,
                windows: windows.len(),
            },
            // Windows are checked when they are declared; one that does not read now allows nothing.
            Err((i, e)) => Gate {
                reason: format!("sync window {i} of the application cannot be used: {e}"),
                windows: windows.len(),
                ..Gate::default()
            },
        };
        if let Some((scope, stop)) = self.stops.of(app) {
            (gate.automated, gate.manual) = (false, false);
            gate.reason = stopped(&scope, &stop);
        }
        gate
    }

    /// Why an operation that runs may not go on, if it may not, and when to ask again.
    pub(crate) fn holds_up(&self, slot: &Slot, manual: bool, started: i64) -> Option<(String, Option<Duration>)> {
        let app = slot.lock().app.clone();
        if let Some((scope, stop)) = self.stops.of(&app) {
            return Some((stopped(&scope, &stop), None));
        }
        // A project that is gone or refuses is the pass's affair; what runs was permitted when it began.
        let ruling = self.ruling(&app).ok()?;
        let windows = ruling.windows(&app);
        let now = now();
        if windows.is_empty() || may_continue(&windows, manual, started, now).unwrap_or(false) {
            return None;
        }
        Some((BY_WINDOW.to_owned(), self.gate(&app, &ruling, now).wait(now)))
    }
}

fn stopped(scope: &Scope, stop: &Hold) -> String {
    let why = if stop.reason.is_empty() { "no reason given" } else { &stop.reason };
    let how = match scope {
        Scope::Everything => "gitops resume --all".to_owned(),
        Scope::Project(name) => format!("gitops resume --project {name}"),
        Scope::Application(name) => format!("gitops resume {name}"),
    };
    format!("emergency stop of {scope} by {} since {}: {why} (`{how}` ends it)", stop.by, stop.at)
}

impl Engine {
    /// Stops a scope: nothing begins, and what runs pauses at its next safe point.
    ///
    /// # Errors
    /// When it names what is not there, or the store fails.
    pub async fn stop_syncs(&self, scope: Scope, reason: &str, by: &str) -> Result<(), EngineError> {
        match &scope {
            Scope::Application(name) => drop(self.0.find(name)?),
            Scope::Project(name) => drop(self.project(name)?),
            Scope::Everything => {}
        }
        let stop = Hold { reason: reason.to_owned(), by: by.to_owned(), at: gitops_state::now(), revision: None };
        self.set_stop(scope.clone(), Some(stop)).await?;
        self.0.audit_object(by, "stop", &scope.key(), json!({ "reason": reason }));
        Ok(())
    }

    /// Lifts a stop.
    ///
    /// # Errors
    /// When there is none of that scope, or the store fails.
    pub async fn resume_syncs(&self, scope: Scope, by: &str) -> Result<(), EngineError> {
        if !self.0.stops.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&scope) {
            return Err(EngineError::Precondition(format!("{scope} is not stopped")));
        }
        self.set_stop(scope.clone(), None).await?;
        self.0.audit_object(by, "resume", &scope.key(), json!({}));
        Ok(())
    }

    /// Every stop, the widest first.
    pub fn stops(&self) -> Vec<(Scope, Hold)> {
        let stops = self.0.stops.0.read().unwrap_or_else(PoisonError::into_inner);
        stops.iter().map(|(scope, stop)| (scope.clone(), stop.clone())).collect()
    }

    /// The windows that are about an application, and of those the ones that are open.
    ///
    /// # Errors
    /// When there is none of that name, or its project is not there or refuses it.
    pub fn sync_windows(&self, name: &str) -> Result<(Vec<SyncWindow>, Vec<SyncWindow>), EngineError> {
        let app = self.0.find(name)?.lock().app.clone();
        let ruling = self.0.permitted(&app)?;
        let windows: Vec<SyncWindow> = ruling.windows(&app).into_iter().cloned().collect();
        let now = now();
        let open = windows.iter().filter(|w| w.clock().is_ok_and(|clock| clock.is_active(now))).cloned().collect();
        Ok((windows, open))
    }

    async fn set_stop(&self, scope: Scope, stop: Option<Hold>) -> Result<(), EngineError> {
        let (store, key, stored) = (self.0.store.clone(), scope.key(), stop.clone());
        blocking(move || -> Result<(), StoreError> { store.set_stop(&key, stored.as_ref()) }).await??;
        {
            let mut stops = self.0.stops.0.write().unwrap_or_else(PoisonError::into_inner);
            match stop {
                Some(stop) => drop(stops.insert(scope.clone(), stop)),
                None => drop(stops.remove(&scope)),
            }
        }
        for slot in self.0.all_slots() {
            let concerned = match &scope {
                Scope::Everything => true,
                Scope::Project(name) => slot.lock().app.spec.project() == name,
                Scope::Application(name) => slot.name() == name,
            };
            if concerned {
                self.0.hold_up_or_let_go(&slot);
                self.0.queue.add(slot.name());
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Pauses the operation that runs when it may not go on, and wakes one that is paused and may.
    pub(crate) fn hold_up_or_let_go(&self, slot: &Slot) {
        let running = slot.lock().running.as_ref().filter(|r| !r.dry_run).map(|r| (r.manual, r.started));
        let Some((manual, started)) = running else { return };
        let held_up = self.holds_up(slot, manual, started).is_some();
        if let Some(running) = &slot.lock().running {
            if held_up {
                running.controller.shutdown();
            }
            running.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_by_their_keys() {
        for scope in [Scope::Everything, Scope::Project("shop".into()), Scope::Application("web".into())] {
            assert_eq!(Scope::parse(&scope.key()), Some(scope));
        }
        assert_eq!(Scope::parse("other"), None);
        assert_eq!(Scope::parse("cluster:x"), None);
    }

    #[test]
    fn the_widest_stop_counts() {
        let stops = Stops::default();
        let hold =
            |reason: &str| Hold { reason: reason.into(), by: "ann".into(), at: gitops_state::Timestamp::from_millis(0), revision: None };
        let app = Application { metadata: gitops_app::Metadata { name: "web".into(), ..Default::default() }, ..Application::default() };
        assert_eq!(stops.of(&app), None);
        stops.load([("application:web".to_owned(), hold("a")), ("project:default".to_owned(), hold("p"))].into());
        assert_eq!(stops.of(&app).map(|(scope, _)| scope), Some(Scope::Project("default".into())));
        let (scope, stop) = stops.of(&app).expect("stopped");
        assert!(stopped(&scope, &stop).contains("emergency stop of project default by ann since 1970-01-01T00:00:00Z: p"));
    }
}
