//! Kubernetes' own kinds. Each file is one kind, its conditions evaluated from top to bottom.
//!
//! Kinds that are not listed (`ConfigMap`, `Namespace`, `Node` …) have no health: nothing in them says how they are.

mod api_service;
mod daemon_set;
mod deployment;
mod hpa;
mod ingress;
mod job;
mod persistent_volume_claim;
mod pod;
mod replica_set;
mod service;
mod stateful_set;
mod workflow;

use crate::live::Live;
use crate::status::{Health, HealthStatus};

type Check = fn(&Live<'_>) -> Health;

/// Group, kind, the versions that are understood (none: all), and the check.
const CHECKS: &[(&str, &str, &[&str], Check)] = &[
    ("apps", "Deployment", &["v1"], deployment::health),
    ("apps", "StatefulSet", &["v1"], stateful_set::health),
    ("apps", "ReplicaSet", &["v1"], replica_set::health),
    ("apps", "DaemonSet", &["v1"], daemon_set::health),
    ("extensions", "Ingress", &[], ingress::health),
    ("networking.k8s.io", "Ingress", &[], ingress::health),
    ("argoproj.io", "Workflow", &[], workflow::health),
    ("apiregistration.k8s.io", "APIService", &["v1", "v1beta1"], api_service::health),
    ("", "Service", &["v1"], service::health),
    ("", "PersistentVolumeClaim", &["v1"], persistent_volume_claim::health),
    ("", "Pod", &["v1"], pod::health),
    ("batch", "Job", &["v1"], job::health),
    ("autoscaling", "HorizontalPodAutoscaler", &["v1", "v2"], hpa::health),
];

pub(crate) fn health(live: &Live<'_>) -> Option<Health> {
    let (_, kind, versions, check) = CHECKS.iter().find(|(group, kind, ..)| *group == live.group() && *kind == live.kind())?;
    if !versions.is_empty() && !versions.contains(&live.version()) {
        let name = if *kind == "HorizontalPodAutoscaler" { "HPA" } else { kind };
        let version = if live.group().is_empty() { format!("/{}", live.version()) } else { format!("{}/{}", live.group(), live.version()) };
        return Some(Health::new(HealthStatus::Unknown, format!("unsupported {name} GVK: {version}, Kind={kind}")));
    }
    Some(check(live))
}
