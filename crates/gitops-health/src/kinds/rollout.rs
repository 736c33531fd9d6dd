//! Argo's `Rollout`. Since 1.0 the controller says its phase itself; before that it follows from replicas and selectors.

use crate::live::Live;
use crate::status::Health;
use crate::status::HealthStatus::{self, Degraded, Healthy, Progressing, Suspended};

pub(super) fn health(live: &Live<'_>) -> Option<Health> {
    if !live.has("status") || is_outdated(live) {
        return Some(Health::new(Progressing, "Waiting for rollout spec update to be observed"));
    }
    if live.has("status.phase") {
        let status = match live.str("status.phase") {
            "Paused" => Suspended,
            phase => HealthStatus::parse(phase).unwrap_or(HealthStatus::Unknown),
        };
        return Some(Health::new(status, live.str("status.message")));
    }
    for condition in live.conditions() {
        let failed = condition.kind() == "InvalidSpec"
            || (condition.kind() == "Progressing" && matches!(condition.reason(), "RolloutAborted" | "ProgressDeadlineExceeded"));
        if failed {
            return Some(Health::new(Degraded, condition.message()));
        }
    }
    if !live.list("status.pauseConditions").is_empty() || live.is_true("spec.paused") {
        return Some(Health::new(Suspended, "Rollout is paused"));
    }
    Some(match replicas(live) {
        Some(waiting) => Health::new(Progressing, waiting),
        None => Health::new(Healthy, ""),
    })
}

fn is_outdated(live: &Live<'_>) -> bool {
    let latest = live.int("metadata.generation");
    // Before 1.0 the field held a hash of the spec, which may look like a number: one that is too large.
    let observed = live.maybe_int("status.observedGeneration").filter(|seen| *seen <= latest);
    if observed.is_some_and(|seen| seen != latest) {
        return true;
    }
    let workload = live.annotation("rollout.argoproj.io/workload-generation").filter(|_| live.has("spec.workloadRef"));
    let seen = live.at("status.workloadObservedGeneration").map(crate::live::text);
    matches!((workload, seen), (Some(latest), Some(seen)) if latest != seen)
}

fn replicas(live: &Live<'_>) -> Option<&'static str> {
    let pods = live.str("status.currentPodHash");
    let [wanted, all, updated, available] = [
        live.maybe_int("spec.replicas").unwrap_or(1),
        live.int("status.replicas"),
        live.int("status.updatedReplicas"),
        live.int("status.availableReplicas"),
    ];
    if pods.is_empty() || updated < wanted {
        return Some("Waiting for roll out to finish: More replicas need to be updated");
    }
    if available < updated {
        return Some("Waiting for roll out to finish: updated replicas are still becoming available");
    }
    let stable =
        ["status.stableRS", "status.canary.stableRS", "status.blueGreen.stableRS"].map(|f| live.str(f)).into_iter().find(|s| !s.is_empty());
    if live.has("spec.strategy.blueGreen") {
        let active = [live.str("status.blueGreen.activeSelector"), live.str("status.activeSelector")].into_iter().find(|s| !s.is_empty());
        return match (active, stable) {
            (Some(active), _) if active != pods => Some("active service cutover pending"),
            (_, Some(stable)) if stable != pods => Some("waiting for analysis to complete"),
            _ => None,
        };
    }
    if all > updated {
        return Some("Waiting for roll out to finish: old replicas are pending termination");
    }
    stable.filter(|stable| *stable != pods).map(|_| "Waiting for rollout to finish steps")
}
