//! Crossplane: its own kinds, providers' managed resources, and what providers are configured with.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

/// Kinds that configure and have nothing to become.
const CONFIGURATION: &[&str] = &[
    "ClusterProviderConfig",
    "Composition",
    "CompositionRevision",
    "ControllerConfig",
    "DeploymentRuntimeConfig",
    "ProviderConfig",
    "ProviderConfigUsage",
];

/// Conditions that say so when an object is done.
const DONE: &[&str] = &["Ready", "Healthy", "Offered", "Established", "ValidPipeline", "RevisionHealthy"];

/// Whether the group is Crossplane's or one of its providers'.
pub(super) fn is_of(group: &str) -> bool {
    [".crossplane.io", ".upbound.io"].iter().any(|end| group.ends_with(end))
}

pub(super) fn health(live: &Live<'_>) -> Option<Health> {
    if live.group() == "pkg.crossplane.io" && live.kind() == "Provider" {
        return Some(provider(live));
    }
    let configures = CONFIGURATION.contains(&live.kind());
    let empty = live.at("status").and_then(|s| s.as_map()).is_none_or(|m| m.is_empty());
    if empty && configures {
        return Some(Health::new(Healthy, "Resource is up-to-date."));
    }
    if live.conditions().next().is_none() && configures && live.has("status.users") {
        return Some(Health::new(Healthy, "Resource is in use."));
    }
    for condition in live.conditions() {
        match (condition.kind(), condition.status()) {
            ("LastAsyncOperation" | "Synced", "False") => return Some(Health::new(Degraded, condition.message())),
            (kind, "True") if DONE.contains(&kind) => {
                // A later condition may still say that the latest change did not go through.
                let failed = live.conditions().find(|c| matches!(c.kind(), "LastAsyncOperation" | "Synced") && c.status() == "False");
                return Some(match failed {
                    Some(failed) => Health::new(Degraded, failed.message()),
                    None => Health::new(Healthy, "Resource is up-to-date."),
                });
            }
            _ => {}
        }
    }
    Some(Health::new(Progressing, "Provisioning ..."))
}

fn provider(live: &Live<'_>) -> Health {
    let (Some(installed), Some(healthy)) = (live.condition("Installed"), live.condition("Healthy")) else {
        return Health::new(Progressing, "Waiting for provider to be installed");
    };
    let fine = installed.status() == "True" && healthy.status() == "True";
    Health::new(if fine { Healthy } else { Degraded }, format!("{} {}", installed.reason(), healthy.reason()))
}
