//! `gitops-engine.dev/depends-on` of an Application: other applications that must be in an acceptable state before this one
//! syncs by itself.
//!
//! `database` asks for `Synced|Healthy`; `cache=Healthy|Progressing` names what is acceptable: of the sync statuses and of
//! the healths that are named, one each must hold. Several are separated by commas. A sync that a person asks for does not
//! wait. Whatever changes about a dependency looks at what waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use gitops_app::{Application, ApplicationStatus, SyncCode};
use gitops_health::HealthStatus;

use crate::engine::Inner;

/// The annotation.
pub(crate) const DEPENDS_ON: &str = "gitops-engine.dev/depends-on";

/// Type of the condition that shows what is waited for.
pub(crate) const WAITING: &str = "DependencyWaiting";

/// One application that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Dependency {
    name: String,
    syncs: Vec<SyncCode>,
    healths: Vec<HealthStatus>,
}

impl Dependency {
    fn parse(text: &str) -> Result<Dependency, String> {
        let (name, states) = text.split_once('=').map_or((text, "Synced|Healthy"), |(name, states)| (name.trim(), states));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{text}` names no application: write `NAME` or `NAME=STATE|STATE`"));
        }
        let mut dependency = Dependency { name: name.to_owned(), syncs: Vec::new(), healths: Vec::new() };
        for state in states.split('|').map(str::trim) {
            match (SyncCode::parse(state), HealthStatus::parse(state)) {
                (Some(sync), _) if state != "Unknown" => dependency.syncs.push(sync),
                (_, Some(health)) => dependency.healths.push(health),
                _ => {
                    return Err(format!(
                        "`{text}`: `{state}` is no state: write Synced, OutOfSync, Healthy, Progressing, Suspended, Degraded, Missing or Unknown"
                    ));
                }
            }
        }
        Ok(dependency)
    }

    /// Why it is not acceptable yet.
    fn unmet(&self, status: Option<&ApplicationStatus>) -> Option<String> {
        let Some(status) = status else { return Some("it does not exist".to_owned()) };
        let sync = status.sync.as_ref().and_then(|s| s.status).unwrap_or(SyncCode::Unknown);
        let health = status.health.as_ref().and_then(|h| h.status).unwrap_or(HealthStatus::Unknown);
        if !self.syncs.is_empty() && !self.syncs.contains(&sync) {
            return Some(format!("it is {}", sync.as_str()));
        }
        if !self.healths.is_empty() && !self.healths.contains(&health) {
            return Some(format!("it is {}", health.as_str()));
        }
        status.operation_state.as_ref().is_some_and(|o| !o.phase.is_final()).then(|| "its operation runs".to_owned())
    }
}

fn parse(app: &Application) -> Result<Vec<Dependency>, String> {
    let Some(text) = app.metadata.annotations.get(DEPENDS_ON) else { return Ok(Vec::new()) };
    text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(Dependency::parse).collect()
}

/// Who waits for whom: kept up to date with the declarations, so that a change of one application finds those that wait for
/// it without looking at all.
#[derive(Default)]
pub(crate) struct Dependencies(RwLock<Graph>);

#[derive(Default)]
struct Graph {
    needs: BTreeMap<String, Vec<String>>,
    waiting: BTreeMap<String, BTreeSet<String>>,
}

impl Dependencies {
    /// An application was declared, or is gone (`None`).
    pub(crate) fn note(&self, name: &str, app: Option<&Application>) {
        let needs: Vec<String> = app.and_then(|app| parse(app).ok()).unwrap_or_default().into_iter().map(|d| d.name).collect();
        let mut graph = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for old in graph.needs.remove(name).unwrap_or_default() {
            if let Some(waiting) = graph.waiting.get_mut(&old) {
                waiting.remove(name);
            }
        }
        for needed in &needs {
            graph.waiting.entry(needed.clone()).or_default().insert(name.to_owned());
        }
        if !needs.is_empty() {
            graph.needs.insert(name.to_owned(), needs);
        }
    }

    /// Who waits for an application.
    pub(crate) fn waiting_for(&self, name: &str) -> Vec<String> {
        let graph = self.0.read().unwrap_or_else(PoisonError::into_inner);
        graph.waiting.get(name).into_iter().flatten().cloned().collect()
    }

    /// A way from an application back to itself, if there is one.
    fn cycle(&self, name: &str) -> Option<Vec<String>> {
        let graph = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut ways: Vec<Vec<&str>> = vec![vec![name]];
        while let Some(way) = ways.pop() {
            let last = way.last().copied()?;
            let Some((last, needs)) = graph.needs.get_key_value(last) else { continue };
            if !seen.insert(last) {
                continue;
            }
            for next in needs {
                let further: Vec<&str> = way.iter().copied().chain([next.as_str()]).collect();
                if next == name {
                    return Some(further.into_iter().map(str::to_owned).collect());
                }
                ways.push(further);
            }
        }
        None
    }
}

/// What an application waits for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For nothing.
    No,
    /// For others, with the reason.
    For(String),
    /// The annotation cannot be followed.
    Wrong(String),
}

impl Inner {
    /// What an application waits for now.
    pub(crate) fn waits(&self, app: &Application) -> Waits {
        let dependencies = match parse(app) {
            Ok(dependencies) if dependencies.is_empty() => return Waits::No,
            Ok(dependencies) => dependencies,
            Err(e) => return Waits::Wrong(format!("annotation {DEPENDS_ON}: {e}")),
        };
        if let Some(cycle) = self.dependencies.cycle(&app.metadata.name) {
            return Waits::Wrong(format!(
                "annotation {DEPENDS_ON}: applications wait for each other: {}: remove one of the annotations",
                cycle.join(" -> ")
            ));
        }
        let unmet: Vec<String> = dependencies
            .iter()
            .filter_map(|dependency| {
                let slot = self.slot(&dependency.name);
                let why = match &slot {
                    Some(slot) => dependency.unmet(Some(&slot.lock().status)),
                    None => dependency.unmet(None),
                };
                why.map(|why| format!("waiting for {} because {why}", dependency.name))
            })
            .collect();
        if unmet.is_empty() { Waits::No } else { Waits::For(unmet.join("; ")) }
    }

    /// Something about an application has changed: those that wait for it are looked at.
    pub(crate) fn wake_dependents(&self, name: &str) {
        for waiting in self.dependencies.waiting_for(name) {
            self.queue.add(&waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, depends_on: &str) -> Application {
        let mut app = Application::default();
        name.clone_into(&mut app.metadata.name);
        app.metadata.annotations.insert(DEPENDS_ON.to_owned(), depends_on.to_owned());
        app
    }

    #[test]
    fn states_are_read_and_wrong_ones_named() {
        let read = parse(&app("a", "db, cache=Healthy|Progressing|OutOfSync")).expect("reads");
        assert_eq!(read[0].healths, [HealthStatus::Healthy]);
        assert_eq!((read[1].name.as_str(), read[1].syncs.as_slice()), ("cache", [SyncCode::OutOfSync].as_slice()));
        assert_eq!(read[1].healths, [HealthStatus::Healthy, HealthStatus::Progressing]);
        assert!(parse(&app("a", "db=Fine")).expect_err("no state").contains("`Fine` is no state"));
        assert!(parse(&app("a", "=Healthy")).expect_err("no name").contains("names no application"));
    }

    #[test]
    fn cycles_of_any_length_are_found() {
        let graph = Dependencies::default();
        for (name, needs) in [("a", "b"), ("b", "c"), ("c", "d,a"), ("d", "e"), ("self", "self")] {
            graph.note(name, Some(&app(name, needs)));
        }
        assert_eq!(graph.cycle("a").expect("a cycle").join(" "), "a b c a");
        assert_eq!(graph.cycle("self").expect("a cycle").len(), 2);
        assert_eq!(graph.cycle("d"), None);
        assert_eq!(graph.waiting_for("b"), ["a"]);
        graph.note("a", None);
        assert_eq!((graph.cycle("b"), graph.waiting_for("b")), (None, vec![]));
    }
}
