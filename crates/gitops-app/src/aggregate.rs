//! Sync status and health of an application from those of its objects. `application.md` §5.1 and §5.2.

use gitops_health::{Health, HealthStatus};
use gitops_manifest::ObjectId;

use crate::application::{API_VERSION, KIND};
use crate::code::SyncCode;

/// How one object counts for the sync status of its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceSync {
    /// Its own status.
    pub status: SyncCode,
    /// Whether it is a hook: those never count.
    pub hook: bool,
    /// Whether its tracking id names itself: copies never count.
    pub self_referenced: bool,
    /// Whether it is live but no longer desired.
    pub extra: bool,
    /// Whether it is annotated so that being extra does not count.
    pub ignore_extraneous: bool,
}

/// The status of one object: out of sync when it was modified, or stands on one side only.
pub fn resource_sync(modified: bool, desired: bool, live: bool) -> SyncCode {
    if modified || !desired || !live { SyncCode::OutOfSync } else { SyncCode::Synced }
}

/// The status of an application.
///
/// `compared` is false when manifests could not be loaded, the target could not be reached or the spec is wrong.
/// `namespace_metadata_changed`: `managedNamespaceMetadata` is another than at the last sync.
pub fn app_sync(compared: bool, namespace_metadata_changed: bool, resources: &[ResourceSync]) -> SyncCode {
    if !compared {
        return SyncCode::Unknown;
    }
    let counts = |r: &&ResourceSync| !r.hook && r.self_referenced && !(r.extra && r.ignore_extraneous);
    let out = namespace_metadata_changed || resources.iter().filter(counts).any(|r| r.status == SyncCode::OutOfSync);
    if out { SyncCode::OutOfSync } else { SyncCode::Synced }
}

/// How one managed object counts for the health of its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceHealth<'a> {
    /// Which.
    pub id: &'a ObjectId,
    /// Its health; none when its kind has none. Not looked at when it is not live.
    pub health: Option<HealthStatus>,
    /// Whether it is live.
    pub live: bool,
    /// Whether it is a hook: those do not count.
    pub hook: bool,
    /// Whether it is annotated `ignore-healthcheck`.
    pub ignored: bool,
    /// Whether it is the application itself.
    pub is_self: bool,
}

/// How many causes a message names.
const NAMED: usize = 3;

/// The health of an application: the worst of its objects, with the first three causes named.
///
/// A missing object does not count, unless all are missing. A child Application that is missing or unknown does not count.
pub fn app_health(resources: &[ResourceHealth<'_>]) -> Health {
    let mut considered = resources.iter().filter(|r| !r.hook && !r.ignored && !r.is_self).peekable();
    if considered.peek().is_some() && considered.clone().all(|r| !r.live) {
        return Health::new(HealthStatus::Missing, causes(considered.map(|r| r.id)));
    }
    let counted: Vec<(HealthStatus, &ObjectId)> = considered
        .filter_map(|r| Some((if r.live { r.health? } else { HealthStatus::Missing }, r.id)))
        .filter(|(status, id)| *status != HealthStatus::Missing && !(is_application(id) && *status == HealthStatus::Unknown))
        .collect();
    let worst = HealthStatus::worst(counted.iter().map(|(status, _)| *status));
    if worst == HealthStatus::Healthy {
        return Health::healthy();
    }
    Health::new(worst, causes(counted.iter().filter(|(status, _)| *status == worst).map(|(_, id)| *id)))
}

fn is_application(id: &ObjectId) -> bool {
    id.kind == KIND && API_VERSION.split_once('/').is_some_and(|(group, _)| group == id.group)
}

fn causes<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> String {
    let mut ids: Vec<&ObjectId> = ids.collect();
    ids.sort();
    let named = ids.iter().take(NAMED).map(|id| format!("{}/{}:{}/{}", id.group, id.kind, id.namespace, id.name));
    let named = named.collect::<Vec<_>>().join(", ");
    match ids.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("Caused by {named} and {more} more"),
        _ => format!("Caused by {named}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_copies_and_ignored_extras_do_not_make_an_app_out_of_sync() {
        let synced = ResourceSync { status: SyncCode::Synced, hook: false, self_referenced: true, extra: false, ignore_extraneous: false };
        let out = ResourceSync { status: resource_sync(false, true, false), ..synced };
        assert_eq!(app_sync(true, false, &[]), SyncCode::Synced);
        assert_eq!(app_sync(false, false, &[synced]), SyncCode::Unknown);
        assert_eq!(app_sync(true, true, &[synced]), SyncCode::OutOfSync);
        assert_eq!(app_sync(true, false, &[synced, out]), SyncCode::OutOfSync);
        let none = [
            ResourceSync { hook: true, ..out },
            ResourceSync { self_referenced: false, ..out },
            ResourceSync { extra: true, ignore_extraneous: true, ..out },
        ];
        assert_eq!(app_sync(true, false, &none), SyncCode::Synced);
    }

    #[test]
    fn the_worst_counted_object_decides_and_is_named() {
        let ids: Vec<ObjectId> = (0..5).map(|i| ObjectId::new("apps", "Deployment", "d", &format!("n{i}"))).collect();
        let of = |i: usize, health| ResourceHealth { id: &ids[i], health, live: true, hook: false, ignored: false, is_self: false };
        let gone = |i: usize| ResourceHealth { live: false, ..of(i, None) };
        assert_eq!(app_health(&[]), Health::healthy());
        assert_eq!(app_health(&[of(0, None), gone(1)]), Health::healthy());
        assert_eq!(app_health(&[gone(0), gone(1)]).status, HealthStatus::Missing);
        let health = app_health(&[of(0, Some(HealthStatus::Healthy)), of(1, Some(HealthStatus::Degraded)), gone(2)]);
        assert_eq!(health, Health::new(HealthStatus::Degraded, "Caused by apps/Deployment:d/n1"));
        let all: Vec<_> = (0..5).map(|i| of(i, Some(HealthStatus::Progressing))).collect();
        let named = "Caused by apps/Deployment:d/n0, apps/Deployment:d/n1, apps/Deployment:d/n2 and 2 more";
        assert_eq!(app_health(&all).message, named);
        let ignored = ResourceHealth { ignored: true, ..of(0, Some(HealthStatus::Degraded)) };
        let hook = ResourceHealth { hook: true, ..of(1, Some(HealthStatus::Degraded)) };
        assert_eq!(app_health(&[ignored, hook]), Health::healthy());
        let child = ObjectId::new("argoproj.io", "Application", "argocd", "child");
        let child = ResourceHealth { id: &child, ..of(0, Some(HealthStatus::Unknown)) };
        assert_eq!(app_health(&[child]), Health::healthy());
    }
}
