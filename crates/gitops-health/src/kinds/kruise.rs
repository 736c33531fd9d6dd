//! OpenKruise's workloads and games.

use crate::live::{Live, conditions};
use crate::status::Health;
use crate::status::HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};

/// `CloneSet`, `StatefulSet` and `DaemonSet`: paused, held at a partition, or all updated.
pub(super) fn workload(live: &Live<'_>) -> Option<Health> {
    let generation = live.int("metadata.generation");
    if !live.has("status") || generation != live.int("status.observedGeneration") {
        return Some(Health::new(Progressing, "Waiting for initialization"));
    }
    let kind = match live.kind() {
        "CloneSet" => "Cloneset",
        "StatefulSet" => "Statefulset",
        "DaemonSet" => "Daemonset",
        other => other,
    };
    let strategy = |field: &str| {
        ["spec.updateStrategy", "spec.updateStrategy.rollingUpdate"].into_iter().map(move |s| format!("{s}.{field}")).find(|p| live.has(p))
    };
    if strategy("paused").is_some_and(|path| live.is_true(&path)) {
        return Some(Health::new(Suspended, format!("{kind} is paused")));
    }
    let partition = strategy("partition").map_or(0, |path| live.int(&path));
    let held = match live.maybe_int("status.expectedUpdatedReplicas") {
        Some(expected) => live.int("status.updatedReplicas") >= expected,
        None => live.int("status.updatedReplicas") >= live.int("spec.replicas").saturating_sub(partition),
    };
    if partition != 0 && generation > 1 && held {
        return Some(Health::new(Suspended, format!("{kind} needs manual intervention")));
    }
    let (ready, all) = if live.kind() == "DaemonSet" {
        (live.int("status.updatedNumberScheduled").min(live.int("status.numberAvailable")), live.int("status.desiredNumberScheduled"))
    } else {
        (live.int("status.updatedAvailableReplicas"), live.int("status.replicas"))
    };
    Some(if ready == all {
        Health::new(Healthy, format!("All {kind} workloads are ready and updated"))
    } else {
        Health::new(Degraded, "Some replicas are not ready or available")
    })
}

pub(super) fn game_server(live: &Live<'_>) -> Option<Health> {
    let (current, desired) = (live.str("status.currentState"), live.str("status.desiredState"));
    if current.is_empty() {
        return Some(Health::new(Unknown, "Waiting for GameServer to be ready"));
    }
    if current != desired && !desired.is_empty() {
        return Some(Health::new(Progressing, format!("State change: {current} → {desired}")));
    }
    let failing = live.at("status.podStatus").and_then(|pod| conditions(pod).find(|c| c.status() != "True"));
    Some(match failing {
        Some(condition) => Health::new(Degraded, format!("Pod is not ready: {}", condition.kind())),
        None if current == "Ready" => Health::new(Healthy, "GameServer is Ready"),
        None if matches!(current, "Crash" | "Unknown") => Health::new(Degraded, format!("GameServer is {current}")),
        None => Health::new(Progressing, format!("GameServer is {current}")),
    })
}
