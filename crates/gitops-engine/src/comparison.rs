//! Desired against live, object by object: what `status.resources`, the sync status and the health are made from. Pure.
//!
//! Rules: Argo CD's per-resource status (`diff.md` §10) and aggregation (`application.md` §5). Hooks and skipped objects
//! have no status and do not count; an object that is missing or extra is out of sync; a missing object alone does not
//! worsen the health unless all are missing.

use std::collections::BTreeSet;

use gitops_app::{AppHealthStatus, ResourceHealth, ResourceStatus, ResourceSync, SyncCode, app_health, app_sync};
use gitops_apply::{HookKind, LiveObject, LiveSet, Wave};
use gitops_health::{Health, HealthStatus};
use gitops_manifest::{Manifest, ObjectId};

/// What a comparison found.
pub(crate) struct Comparison {
    /// Sorted by group, kind, namespace, name.
    pub(crate) resources: Vec<ResourceStatus>,
    pub(crate) sync: SyncCode,
    pub(crate) health: HealthStatus,
    pub(crate) health_message: String,
}

/// Compares for the owner `app`. `differs` says whether a live object counts as modified, `permits` whether the project
/// permits an object: one that it does not has the status Unknown.
pub(crate) fn compare(
    app: &str,
    desired: &[Manifest],
    live: &LiveSet,
    differs: &dyn Fn(&Manifest, &LiveObject) -> bool,
    permits: &dyn Fn(&ObjectId) -> bool,
) -> Comparison {
    let mut resources = Vec::with_capacity(desired.len());
    let mut named: BTreeSet<&ObjectId> = BTreeSet::new();
    for manifest in desired {
        named.insert(manifest.id());
        let found = live.get(manifest.id());
        let mut resource = identity(manifest);
        match HookKind::of(manifest) {
            HookKind::Object => {
                let synced = found.is_some_and(|l| l.owner.as_deref() == Some(app) && !differs(manifest, l));
                resource.status = Some(if synced { SyncCode::Synced } else { SyncCode::OutOfSync });
                resource.health = match found {
                    None => Some(health(HealthStatus::Missing, "")),
                    Some(l) => l.health.as_ref().map(|h| health(h.status, &h.message)),
                };
            }
            _ => resource.hook = true,
        }
        resources.push(resource);
    }
    for (id, object) in live.iter().filter(|(id, o)| !named.contains(id) && o.owner.as_deref() == Some(app)) {
        let mut resource = identity(&object.manifest);
        (resource.namespace, resource.name) = (id.namespace.clone(), id.name.clone());
        if matches!(HookKind::of(&object.manifest), HookKind::Object) {
            resource.status = Some(SyncCode::OutOfSync);
            resource.health = object.health.as_ref().map(|h| health(h.status, &h.message));
        } else {
            resource.hook = true;
        }
        resource.requires_pruning = true;
        resources.push(resource);
    }
    resources.sort_by_cached_key(ResourceStatus::id);
    let (sync, health) = aggregate(&resources, live);
    for resource in resources.iter_mut().filter(|r| r.status.is_some()) {
        if !permits(&resource.id()) {
            resource.status = Some(SyncCode::Unknown);
        }
    }
    Comparison { resources, sync, health: health.status, health_message: health.message }
}

/// The application's own sync status and health.
fn aggregate(resources: &[ResourceStatus], live: &LiveSet) -> (SyncCode, Health) {
    let ids: Vec<ObjectId> = resources.iter().map(ResourceStatus::id).collect();
    let annotated = |id: &ObjectId, key: &str, value: &str| {
        let text = live.get(id).and_then(|l| l.manifest.annotation(key));
        text.is_some_and(|options| options.split(',').any(|option| option.trim() == value))
    };
    let syncs: Vec<ResourceSync> = resources
        .iter()
        .zip(&ids)
        .map(|(r, id)| ResourceSync {
            status: r.status.unwrap_or(SyncCode::Synced),
            hook: r.hook,
            self_referenced: true,
            extra: r.requires_pruning,
            ignore_extraneous: annotated(id, "argocd.argoproj.io/compare-options", "IgnoreExtraneous"),
        })
        .collect();
    let healths: Vec<ResourceHealth<'_>> = resources
        .iter()
        .zip(&ids)
        .map(|(r, id)| ResourceHealth {
            id,
            health: r.health.as_ref().and_then(|h| h.status),
            live: live.contains_key(id),
            hook: r.hook,
            ignored: annotated(id, "argocd.argoproj.io/ignore-healthcheck", "true"),
            is_self: false,
        })
        .collect();
    (app_sync(true, false, &syncs), app_health(&healths))
}

fn identity(manifest: &Manifest) -> ResourceStatus {
    let id = manifest.id();
    ResourceStatus {
        group: id.group.clone(),
        version: manifest.version().to_owned(),
        kind: id.kind.clone(),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
        sync_wave: i64::from(Wave::of(manifest).number()),
        ..ResourceStatus::default()
    }
}

fn health(status: HealthStatus, message: &str) -> AppHealthStatus {
    AppHealthStatus { status: Some(status), message: message.to_owned(), last_transition_time: None }
}

#[cfg(test)]
mod tests {
    use gitops_manifest::{Location, Map, Value};

    use super::*;

    fn object(name: &str, annotations: &[(&str, &str)]) -> Manifest {
        let annotations: Map = annotations.iter().copied().collect();
        let metadata: Map = [("name", Value::from(name)), ("annotations", annotations.into())].into_iter().collect();
        let body: Map =
            [("apiVersion", Value::from("v1")), ("kind", "ConfigMap".into()), ("metadata", metadata.into())].into_iter().collect();
        Manifest::from_value(body.into(), Location::default()).expect("valid")
    }

    fn live(objects: &[(&Manifest, Option<&str>, Option<HealthStatus>)]) -> LiveSet {
        objects
            .iter()
            .map(|(m, owner, health)| {
                let health = health.map(|h| Health::new(h, ""));
                (m.id().clone(), LiveObject { manifest: (*m).clone(), owner: owner.map(str::to_owned), health })
            })
            .collect()
    }

    fn differs(a: &Manifest, b: &LiveObject) -> bool {
        a.body() != b.manifest.body()
    }

    #[test]
    fn missing_extra_foreign_and_equal_objects() {
        let (a, b, c, d) = (object("a", &[]), object("b", &[]), object("c", &[]), object("d", &[]));
        let found = compare(
            "app",
            &[a.clone(), b.clone(), c.clone()],
            &live(&[(&a, Some("app"), None), (&b, Some("other"), None), (&d, Some("app"), None)]),
            &differs,
            &|_| true,
        );
        let status: Vec<_> = found.resources.iter().map(|r| (r.name.as_str(), r.status, r.requires_pruning)).collect();
        assert_eq!(
            status,
            [
                ("a", Some(SyncCode::Synced), false),
                ("b", Some(SyncCode::OutOfSync), false),
                ("c", Some(SyncCode::OutOfSync), false),
                ("d", Some(SyncCode::OutOfSync), true)
            ]
        );
        assert_eq!(found.sync, SyncCode::OutOfSync);
    }

    #[test]
    fn hooks_and_extraneous_objects_do_not_count() {
        let hook = object("hook", &[("argocd.argoproj.io/hook", "PreSync")]);
        let extra = object("extra", &[("argocd.argoproj.io/compare-options", "IgnoreExtraneous")]);
        let found = compare("app", &[hook], &live(&[(&extra, Some("app"), None)]), &differs, &|_| true);
        assert_eq!(found.sync, SyncCode::Synced);
        assert_eq!(found.resources.len(), 2);
        assert!(found.resources.iter().any(|r| r.hook));
    }

    #[test]
    fn health_is_the_worst_and_names_its_causes() {
        let (a, b) = (object("a", &[]), object("b", &[]));
        let found = compare(
            "app",
            &[a.clone(), b.clone()],
            &live(&[(&a, Some("app"), Some(HealthStatus::Degraded)), (&b, Some("app"), Some(HealthStatus::Healthy))]),
            &differs,
            &|_| true,
        );
        assert_eq!((found.health, found.health_message.as_str()), (HealthStatus::Degraded, "Caused by /ConfigMap:/a"));
        assert_eq!(compare("app", &[a.clone(), b], &LiveSet::new(), &differs, &|_| true).health, HealthStatus::Missing);
        assert_eq!(compare("app", &[], &LiveSet::new(), &differs, &|_| true).health, HealthStatus::Healthy);
    }
}
