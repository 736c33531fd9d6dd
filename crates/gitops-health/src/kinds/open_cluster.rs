//! Open Cluster Management's policies, OLM's subscriptions, Karmada's bindings: many clusters or parts, one answer.

use gitops_manifest::Value;

use crate::live::{Live, conditions};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

pub(super) fn policy(live: &Live<'_>) -> Option<Health> {
    let reported = live.at("status").and_then(Value::as_map).is_some_and(|m| !m.is_empty());
    if !reported {
        return Some(Health::new(Progressing, "Waiting for the status to be reported"));
    }
    if live.is_true("spec.disabled") {
        return Some(Health::new(Healthy, "Policy is disabled"));
    }
    // The policy of the hub lists clusters; its copy on a cluster lists templates.
    let root = live.has("status.placement") || live.has("status.status");
    let of = |list: &str, name: &[&str]| -> String {
        let bad = live.list(list).iter().filter(|v| v.str_at(&["compliant"]) == Some("NonCompliant"));
        bad.map(|v| v.str_at(name).unwrap_or("")).collect::<Vec<_>>().join(", ")
    };
    Some(match live.str("status.compliant") {
        "NonCompliant" if root => Health::new(Degraded, format!("NonCompliant clusters: {}", of("status.status", &["clustername"]))),
        "NonCompliant" => Health::new(Degraded, format!("NonCompliant templates: {}", of("status.details", &["templateMeta", "name"]))),
        "Compliant" if root => Health::new(Healthy, "All clusters are compliant"),
        "Compliant" => Health::new(Healthy, "All templates are compliant"),
        "" if root && live.list("status.status").is_empty() => Health::new(Healthy, "No clusters match this policy"),
        _ => Health::new(Progressing, "Waiting for the status to be reported"),
    })
}

pub(super) fn configuration_policy(live: &Live<'_>) -> Option<Health> {
    let reported = live.at("status").and_then(Value::as_map).is_some_and(|m| !m.is_empty());
    if !reported {
        return Some(Health::new(Progressing, "Waiting for the status to be reported"));
    }
    if live.maybe_int("status.lastEvaluatedGeneration").is_some_and(|seen| seen != live.int("metadata.generation")) {
        return Some(Health::new(Progressing, "Waiting for the status to be updated"));
    }
    let said = live.list("status.compliancyDetails").iter().flat_map(conditions).map(|c| format!("{} - {}", c.kind(), c.message()));
    let message = said.collect::<Vec<_>>().join("; ");
    Some(match live.str("status.compliant") {
        "Compliant" => Health::new(Healthy, message),
        "NonCompliant" => Health::new(Degraded, message),
        _ => Health::new(Progressing, "Waiting for the status to be updated"),
    })
}

/// Karmada's bindings: every cluster that was chosen has reported, and none is unhealthy.
pub(super) fn resource_binding(live: &Live<'_>) -> Option<Health> {
    let reported = live.list("status.aggregatedStatus");
    let wanted = match live.list("spec.clusters").len() {
        // A binding that exists because others depend on it names no clusters; then the controller says when it is done.
        0 if live.is("FullyApplied", "True") => reported.len(),
        own => own,
    };
    if wanted == 0 || wanted != reported.len() {
        return Some(Health::new(Progressing, "Current resource status is insufficient"));
    }
    let unhealthy = reported.iter().any(|cluster| match cluster.str_at(&["health"]) {
        Some("Unhealthy") => true,
        Some("Unknown") => cluster.get("applied").and_then(Value::as_bool) != Some(true),
        _ => false,
    });
    Some(if unhealthy { Health::new(Degraded, "Current resource status is unhealthy") } else { Health::healthy() })
}

/// OLM's `Subscription`: what is pending and what has failed.
pub(super) fn subscription(live: &Live<'_>) -> Option<Health> {
    if !live.has("status") {
        return Some(Health::new(Progressing, "An install plan for a subscription is pending installation"));
    }
    let state = live.str("status.state");
    let failed = live.conditions().filter(|c| c.status() == "True").find(|c| match c.kind() {
        "CatalogSourcesUnhealthy" | "InstallPlanFailed" | "ResolutionFailed" => true,
        "InstallPlanMissing" => c.reason() != "ReferencedInstallPlanNotFound",
        _ => false,
    });
    if failed.is_some() || state == "UpgradeFailed" {
        let messages: Vec<&str> =
            live.conditions().filter(|c| c.status() == "True").map(|c| c.message()).filter(|m| !m.is_empty()).collect();
        return Some(Health::new(Degraded, messages.join("; ")));
    }
    let by_hand = live.str("spec.installPlanApproval") == "Manual" && !live.str("status.installedCSV").is_empty();
    let pending = live.is("InstallPlanPending", "True") || matches!(state, "" | "UpgradeAvailable" | "UpgradePending");
    Some(if pending && !by_hand {
        Health::new(Progressing, "An install plan for a subscription is pending installation")
    } else {
        Health::new(Healthy, state)
    })
}

pub(super) fn route(live: &Live<'_>) -> Option<Health> {
    let statuses: Vec<&str> =
        live.list("status.ingress").iter().flat_map(conditions).filter(|c| c.kind() == "Admitted").map(|c| c.status()).collect();
    Some(if statuses.is_empty() || statuses.iter().any(|s| !matches!(*s, "True" | "False")) {
        Health::new(Progressing, "Route is still getting admitted")
    } else if statuses.contains(&"False") {
        Health::new(Degraded, "Route is degraded")
    } else {
        Health::new(Healthy, "Route is healthy")
    })
}
