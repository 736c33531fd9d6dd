//! Single kinds of operators, where a table of conditions would not do.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing};

/// The last condition decides: each state of the controller appends one.
pub(super) fn cluster_external_secret(live: &Live<'_>) -> Option<Health> {
    let last = live.conditions().filter(|c| c.status() == "True").last();
    Some(match last.map(|c| (c.kind(), c.message())) {
        Some(("Ready", message)) => Health::new(Healthy, message),
        Some(("PartiallyReady" | "NotReady", message)) => Health::new(Degraded, message),
        _ => Health::new(Progressing, "Waiting for ClusterExternalSecret"),
    })
}

pub(super) fn machine_pool(live: &Live<'_>) -> Option<Health> {
    let phase = live.str("status.phase");
    if phase.is_empty() {
        return Some(Health::new(Progressing, "Waiting for MachinePool"));
    }
    let open = live.conditions().filter(|c| c.status() == "False").map(|c| match c.reason() {
        "" => format!("Not {}", c.kind()),
        reason => format!("Not {} ({reason})", c.kind()),
    });
    let open = open.collect::<Vec<_>>().join(", ");
    let status = match phase {
        "Failed" => Degraded,
        "Running" | "Scaling" | "ScalingUp" | "ScalingDown" if open.is_empty() => Healthy,
        _ => Progressing,
    };
    let message = if open.is_empty() { format!("MachinePool is {phase}") } else { format!("MachinePool is {phase}: {open}") };
    Some(Health::new(status, message))
}

pub(super) fn managed_certificate(live: &Live<'_>) -> Option<Health> {
    let domains = || live.list("status.domainStatus").iter().map(|d| d.str_at(&["status"]).unwrap_or(""));
    Some(if domains().any(|s| s.starts_with("Failed")) {
        Health::new(Degraded, "At least one certificate has failed to be provisioned")
    } else if domains().next().is_some() && domains().all(|s| s == "Active") {
        Health::new(Healthy, "All certificates are active")
    } else {
        Health::new(Progressing, "At least one certificate is still being provisioned")
    })
}

/// `scale.statusReplicas` reads `ready/wanted`; a side car has no scale at all.
pub(super) fn opentelemetry_collector(live: &Live<'_>) -> Option<Health> {
    if live.str("spec.mode") == "sidecar" {
        return Some(Health::new(Healthy, "Collector is running in sidecar mode"));
    }
    let Some((ready, wanted)) = live.str("status.scale.statusReplicas").split_once('/') else {
        return Some(Health::new(Progressing, "Waiting for OpenTelemetryCollector status"));
    };
    Some(match (ready.parse::<u64>(), wanted.parse::<u64>()) {
        (Ok(0), Ok(0)) if live.str("spec.mode") == "daemonset" => Health::new(Healthy, "DaemonSet has no eligible nodes (0/0)"),
        (Ok(ready), Ok(wanted)) if ready == wanted => Health::new(Healthy, "All replicas are ready"),
        (Ok(0), Ok(_)) => Health::new(Degraded, "No replicas are ready"),
        _ => Health::new(Progressing, "Replicas are starting up"),
    })
}

pub(super) fn iam_role(live: &Live<'_>) -> Option<Health> {
    let or_none = |path: &str| Some(live.str(path)).filter(|t| !t.is_empty()).unwrap_or("<none>").to_owned();
    let [name, arn, id] = ["status.roleName", "status.roleARN", "status.roleID"].map(or_none);
    let retries = match live.int("status.retryCount") {
        0 => String::new(),
        n => format!(" (retry {n})"),
    };
    let message = format!(
        "Failed to reconcile the Iamrole{retries} for role '{name}' with ARN '{arn}' and ID '{id}'. Reconciliation error was: {}",
        live.str("status.errorDescription")
    );
    Some(Health::new(Degraded, message))
}

/// The `Valid` condition of Contour's kinds counts only for the spec it was made for.
pub(super) fn contour(live: &Live<'_>) -> Option<Health> {
    if live.str("status.currentStatus") == "NotReconciled" {
        return Some(Health::new(Progressing, live.str("status.description")));
    }
    // A proxy that includes others is invalid while one of them is, and each of them has a health of its own.
    if !live.list("spec.includes").is_empty() {
        return Some(Health::new(Healthy, "HTTPProxy inclusions cannot be health checked"));
    }
    let latest = live.maybe_int("metadata.generation");
    let valid = live.condition("Valid").filter(|c| c.observed().is_none_or(|seen| latest.is_none_or(|latest| seen == latest)));
    Some(match valid.map(|c| (c.status(), c.message())) {
        Some(("True", message)) => Health::new(Healthy, message),
        Some(("False", message)) => Health::new(Degraded, message),
        _ => Health::new(Progressing, "Waiting for status"),
    })
}

/// The AWS control plane of Cluster API: every condition that failed for good has its say.
pub(super) fn eks_control_plane(live: &Live<'_>) -> Option<Health> {
    let failure = live.str("status.failureMessage");
    if !failure.is_empty() {
        return Some(Health::new(Degraded, failure));
    }
    if live.is_stale() {
        return Some(Health::new(Progressing, "Waiting for the control plane spec to be reconciled"));
    }
    let failed = live.conditions().filter(|c| c.status() == "False" && c.field("severity").as_deref() == Some("Error"));
    let failed: String = failed.map(|c| format!("{} ", c.message())).collect();
    Some(if !failed.is_empty() {
        Health::new(Degraded, failed)
    } else if live.is("EKSControlPlaneUpdating", "True") {
        Health::new(Progressing, "EKS control plane is updating")
    } else if live.is("EKSControlPlaneCreating", "True") {
        Health::new(Progressing, "EKS control plane is creating")
    } else if !live.is_true("status.ready") {
        Health::new(Progressing, "Control plane is not ready (.status.ready is false)")
    } else if live.is("Ready", "True") {
        Health::new(Healthy, "Control plane is ready")
    } else {
        Health::new(Progressing, "Control plane is not ready")
    })
}

/// The predecessor of the External Secrets Operator kept one line: `SUCCESS`, or `ERROR, ` and why.
pub(super) fn kubernetes_external_secret(live: &Live<'_>) -> Option<Health> {
    let status = live.str("status.status");
    Some(match status.strip_prefix("ERROR") {
        Some(why) => Health::new(Degraded, why.trim_start_matches([',', ' '])),
        None => Health::new(Progressing, "Waiting for ExternalSecret."),
    })
}
